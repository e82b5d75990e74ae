// The tangent of the long short-term memory over a sequence, and its curvature. The definition:
// kernels/reference/lstm.h. As in lstm.cpp, the places of results not yet computed hold what is needed on the way.
#include "kernels/cpu/loops.h"
#include "kernels/cpu/lstm_layout.h"
#include "kernels/cpu/table.h"
#include "kernels/cpu/vecmath.h"

namespace innerloop::kernels::cpu {
namespace {

// One row of one step of the tangent. On entry the six results hold the tangents of the four pre-activations, of c
// before the step, and tanh c.
template <class T>
struct RowTangent {
  const T *i, *f, *g, *o, *c_before;  // c_before: null where it was cleared
  T *i_dot, *f_dot, *g_dot, *o_dot, *c_dot, *h_dot;

  void run(int cells) const {
    const RowTangent s = *this;
    each(count(cells), [=](std::size_t k) {
      const T tanh_c = s.h_dot[k], before = s.c_before ? s.c_before[k] : T(0);
      s.i_dot[k] *= s.i[k] * (1 - s.i[k]);
      s.f_dot[k] *= s.f[k] * (1 - s.f[k]);
      s.g_dot[k] *= 1 - s.g[k] * s.g[k];
      s.o_dot[k] *= s.o[k] * (1 - s.o[k]);
      s.c_dot[k] = s.f_dot[k] * before + s.f[k] * s.c_dot[k] + s.i_dot[k] * s.g[k] + s.i[k] * s.g_dot[k];
      s.h_dot[k] = s.o_dot[k] * tanh_c + s.o[k] * (1 - tanh_c * tanh_c) * s.c_dot[k];
    });
  }
};

template <class T>
void lstm_sequence_jvp(const Call& call) {
  const Matrix &packed = call.in[0], &u = call.in[1], &c0 = call.in[2], &reset = call.in[3], &d = call.in[4];
  const Matrix &h0_dot = call.in[5], &c0_dot = call.in[6];
  const Layout layout{call.attr.i, c0.rows, c0.cols};
  const int batch = layout.batch, cells = layout.cells;
  const std::size_t size = layout.step_size();
  StepWeights<T> weights = forward_weights<T>(layout, u, call.out);
  for (int t = 0; t < layout.steps; ++t) {
    const T* reset_t = reset.as<T>() + count(t) * count(batch);
    T *c_dot = layout.at<T>(call.out, block_c, t), *h_dot = layout.at<T>(call.out, block_h, t);
    copy_unless_reset(t == 0 ? h0_dot.as<T>() : h_dot - size, reset_t, batch, cells, h_dot);  // (N, H)
    copy_unless_reset(t == 0 ? c0_dot.as<T>() : c_dot - size, reset_t, batch, cells, c_dot);  // (N, H)

    // The tangents of the pre-activations: D_t + ḣ·U, gate by gate.
    T* const gates[] = {layout.at<T>(call.out, block_i, t), layout.at<T>(call.out, block_f, t),
                        layout.at<T>(call.out, block_g, t), layout.at<T>(call.out, block_o, t)};  // (N, H) each
    split_gates<T>(row<T>(d, t * batch), batch, cells, gates);
    for (int gate = 0; gate < 4; ++gate) weights.multiply(gate, batch, h_dot, cells, gates[gate], true);
    weights.next_step();

    // Through the gates and the cell.
    vecmath::tanh(layout.at<T>(packed, block_c, t), h_dot, size);
    for (int n = 0; n < batch; ++n) {
      const auto in_row = [&](const Matrix& matrix, Block block) {
        return layout.at<T>(matrix, block, t) + count(n) * count(cells);
      };
      const T* c_before = t == 0 ? row<T>(c0, n) : in_row(packed, block_c) - size;
      RowTangent<T>{in_row(packed, block_i),
                    in_row(packed, block_f),
                    in_row(packed, block_g),
                    in_row(packed, block_o),
                    reset_t[n] != 0 ? nullptr : c_before,
                    in_row(call.out, block_i),
                    in_row(call.out, block_f),
                    in_row(call.out, block_g),
                    in_row(call.out, block_o),
                    in_row(call.out, block_c),
                    in_row(call.out, block_h)}
          .run(cells);
    }
  }
}

// One row of one step of the curvature. On entry of_h holds tanh c, of_c what the later step sends to c's derivative,
// and `carried` what it sends to c's cotangent; on return of_c_before and carried hold what goes to the step before.
template <class T>
struct RowCurvature {
  const T *i, *f, *g, *o, *i_bar, *f_bar, *g_bar, *o_bar, *c_bar, *h_bar;
  const T *a_dot, *c_dot, *c_before, *c_dot_before;  // the last two: null where cleared
  T *of_i, *of_f, *of_g, *of_o, *of_c, *of_h, *of_c_before, *carried;
};

template <class T>
void run(const RowCurvature<T> s, int cells) {
  const std::size_t width = count(cells);
  each(width, [=](std::size_t k) {
    const T tanh_c = s.of_h[k], slope = 1 - tanh_c * tanh_c, h = s.h_bar[k];
    const T i = s.i[k], f = s.f[k], g = s.g[k], o = s.o[k];
    const T ai = s.a_dot[k], af = s.a_dot[width + k], ag = s.a_dot[2 * width + k], ao = s.a_dot[3 * width + k];
    const T c = s.c_bar[k] + s.carried[k] + h * o * slope;
    const T c_before = s.c_before ? s.c_before[k] : T(0), c_dot_before = s.c_before ? s.c_dot_before[k] : T(0);
    s.of_i[k] = ai * (s.i_bar[k] + c * g) * (1 - 2 * i) + ag * c * (1 - g * g);
    s.of_f[k] = af * (s.f_bar[k] + c * c_before) * (1 - 2 * f) + c_dot_before * c;
    s.of_g[k] = ai * c * i * (1 - i) - 2 * ag * (s.g_bar[k] + c * i) * g;
    s.of_o[k] = ao * (s.o_bar[k] + h * tanh_c) * (1 - 2 * o) + s.c_dot[k] * h * slope;
    s.of_c[k] += (ao * h * o * (1 - o) - 2 * s.c_dot[k] * h * o * tanh_c) * slope;
    s.of_h[k] = 0;
    s.carried[k] = s.c_before ? c * f : T(0);
    s.of_c_before[k] = s.c_before ? af * c * f * (1 - f) : T(0);
  });
}

template <class T>
void lstm_sequence_curvature(const Call& call) {
  const Matrix &packed = call.in[0], &c0 = call.in[1], &reset = call.in[2], &bar = call.in[3], &h_bar = call.in[4];
  const Matrix &a_dot = call.in[5], &c_dot = call.in[6], &c0_dot = call.in[7];
  const Layout layout{call.attr.i, c0.rows, c0.cols};
  const int batch = layout.batch, cells = layout.cells;
  const std::size_t size = layout.step_size();
  // What the later step sends waits where the derivative with respect to c0 will stand; after the last step nothing.
  T* carried = row<T>(call.out, 6 * layout.rows());  // (N, H)
  fill(carried, size, T(0));
  fill(layout.at<T>(call.out, block_c, layout.steps - 1), size, T(0));

  for (int t = layout.steps - 1; t >= 0; --t) {
    const T* reset_t = reset.as<T>() + count(t) * count(batch);
    vecmath::tanh(layout.at<T>(packed, block_c, t), layout.at<T>(call.out, block_h, t), size);
    for (int n = 0; n < batch; ++n) {
      const std::size_t skip = count(n) * count(cells);
      const auto in_row = [&](const Matrix& matrix, Block block) { return layout.at<T>(matrix, block, t) + skip; };
      const int r = t * batch + n;
      const bool cleared = reset_t[n] != 0;
      const T* c_before = t == 0 ? row<T>(c0, n) : in_row(packed, block_c) - size;
      const T* c_dot_before = t == 0 ? row<T>(c0_dot, n) : row<T>(c_dot, r - batch);
      const RowCurvature<T> step{in_row(packed, block_i),
                      in_row(packed, block_f),
                      in_row(packed, block_g),
                      in_row(packed, block_o),
                      in_row(bar, block_i),
                      in_row(bar, block_f),
                      in_row(bar, block_g),
                      in_row(bar, block_o),
                      in_row(bar, block_c),
                      row<T>(h_bar, r),
                      row<T>(a_dot, r),
                      row<T>(c_dot, r),
                      cleared ? nullptr : c_before,
                      cleared ? nullptr : c_dot_before,
                      in_row(call.out, block_i),
                      in_row(call.out, block_f),
                      in_row(call.out, block_g),
                      in_row(call.out, block_o),
                      in_row(call.out, block_c),
                      in_row(call.out, block_h),
                      t == 0 ? carried + skip : in_row(call.out, block_c) - size,
                      carried + skip};
      run(step, cells);
    }
  }
}

}  // namespace

std::span<const KernelRow> lstm_second_order_rows() {
  static constexpr KernelRow rows[] = {
      {Op::lstm_sequence_jvp, lstm_sequence_jvp<float>, lstm_sequence_jvp<double>},
      {Op::lstm_sequence_curvature, lstm_sequence_curvature<float>, lstm_sequence_curvature<double>},
  };
  return rows;
}

}  // namespace innerloop::kernels::cpu

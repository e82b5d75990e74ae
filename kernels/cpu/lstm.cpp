// A whole sequence of the long short-term memory, forwards and backwards. The definition: kernels/reference/lstm.h.
// The places of results not yet computed hold what is needed on the way.
#include "kernels/cpu/loops.h"
#include "kernels/cpu/lstm_layout.h"
#include "kernels/cpu/table.h"
#include "kernels/cpu/vecmath.h"

namespace innerloop::kernels::cpu {
namespace {

template <class T>
void lstm_sequence(const Call& call) {
  const Matrix &z = call.in[0], &u = call.in[1], &h0 = call.in[2], &c0 = call.in[3], &reset = call.in[4];
  const Layout layout{call.attr.i, h0.rows, h0.cols};
  const int batch = layout.batch, cells = layout.cells;
  const std::size_t size = layout.step_size();
  StepWeights<T> weights = forward_weights<T>(layout, u, call.out);
  for (int t = 0; t < layout.steps; ++t) {
    const T* reset_t = reset.as<T>() + count(t) * count(batch);
    T *c = layout.at<T>(call.out, block_c, t), *h = layout.at<T>(call.out, block_h, t);

    // What the step starts from waits where its results will go.
    copy_unless_reset(t == 0 ? h0.as<T>() : h - size, reset_t, batch, cells, h);  // (N, H)
    copy_unless_reset(t == 0 ? c0.as<T>() : c - size, reset_t, batch, cells, c);  // (N, H)

    // Each gate: its columns of Z_t + h·U, then its squashing function.
    T *i = layout.at<T>(call.out, block_i, t), *f = layout.at<T>(call.out, block_f, t);  // (N, H) each
    T *g = layout.at<T>(call.out, block_g, t), *o = layout.at<T>(call.out, block_o, t);
    T* const gates[] = {i, f, g, o};
    split_gates<T>(row<T>(z, t * batch), batch, cells, gates);
    for (int gate = 0; gate < 4; ++gate) {
      weights.multiply(gate, batch, h, cells, gates[gate], true);
      if (gate == block_g)
        vecmath::tanh(g, g, size);
      else
        vecmath::sigmoid(gates[gate], gates[gate], size);
    }

    // c = f·c + i·g,  h = o·tanh c
    each(size, [=](std::size_t k) { c[k] = f[k] * c[k] + i[k] * g[k]; });
    vecmath::tanh(c, h, size);
    each(size, [=](std::size_t k) { h[k] = o[k] * h[k]; });
    weights.next_step();
  }
}

// One row of one step of the backward pass. dz holds tanh c in its first H places on entry, the four cotangents of the
// pre-activations on return; dc carries the cotangent of c from the later step to the earlier one.
template <class T>
struct RowBackward {
  const T *i, *f, *g, *o, *c_before;  // c_before: null where it was cleared
  const T *i_bar, *f_bar, *g_bar, *o_bar, *c_bar, *h_bar;
  const T* dh;
  T *dz, *dc;

  void run(int cells) const {
    const RowBackward s = *this;
    const std::size_t width = count(cells);
    each(width, [=](std::size_t k) {
      const T tanh_c = s.dz[k], h = s.h_bar[k] + s.dh[k];
      const T c = s.c_bar[k] + s.dc[k] + h * s.o[k] * (1 - tanh_c * tanh_c);
      const T before = s.c_before ? s.c_before[k] : T(0);
      s.dz[k] = (s.i_bar[k] + c * s.g[k]) * s.i[k] * (1 - s.i[k]);
      s.dz[width + k] = (s.f_bar[k] + c * before) * s.f[k] * (1 - s.f[k]);
      s.dz[2 * width + k] = (s.g_bar[k] + c * s.i[k]) * (1 - s.g[k] * s.g[k]);
      s.dz[3 * width + k] = (s.o_bar[k] + h * tanh_c) * s.o[k] * (1 - s.o[k]);
      s.dc[k] = s.c_before ? c * s.f[k] : T(0);
    });
  }
};

// From the last step to the first. The output's blocks dh0 and dc0 carry the running cotangents of h and c.
template <class T>
void lstm_sequence_bwd(const Call& call) {
  const Matrix &packed = call.in[0], &u = call.in[1], &c0 = call.in[3], &reset = call.in[4], &bar = call.in[5];
  const Layout layout{call.attr.i, c0.rows, c0.cols};
  const int batch = layout.batch, cells = layout.cells;
  T *dh = row<T>(call.out, 4 * layout.rows()), *dc = dh + layout.step_size();  // (N, H) each
  fill(dh, 2 * layout.step_size(), T(0));
  StepWeights<T> weights(u, true, layout.steps, batch, {{4, call.out.as<T>()}});

  for (int t = layout.steps - 1; t >= 0; --t) {
    const T* reset_t = reset.as<T>() + count(t) * count(batch);
    T* dz_t = call.out.as<T>() + 4 * count(t) * layout.step_size();  // (N, 4H)
    for (int n = 0; n < batch; ++n) {
      const auto in_row = [&](const Matrix& matrix, Block block) {
        return layout.at<T>(matrix, block, t) + count(n) * count(cells);
      };
      const T* c = in_row(packed, block_c);
      const T* c_before = t == 0 ? row<T>(c0, n) : c - layout.step_size();
      T* dz = dz_t + 4 * count(n) * count(cells);
      vecmath::tanh(c, dz, count(cells));
      RowBackward<T>{in_row(packed, block_i),
                     in_row(packed, block_f),
                     in_row(packed, block_g),
                     in_row(packed, block_o),
                     reset_t[n] != 0 ? nullptr : c_before,
                     in_row(bar, block_i),
                     in_row(bar, block_f),
                     in_row(bar, block_g),
                     in_row(bar, block_o),
                     in_row(bar, block_c),
                     in_row(bar, block_h),
                     dh + count(n) * count(cells),
                     dz,
                     dc + count(n) * count(cells)}
          .run(cells);
    }

    // dh of the step before: dZ_t·Uᵀ, cut where the state was cleared.
    weights.multiply(0, batch, dz_t, 4 * cells, dh, false);
    weights.next_step();
    copy_unless_reset(dh, reset_t, batch, cells, dh);
  }
}

}  // namespace

std::span<const KernelRow> lstm_rows() {
  static constexpr KernelRow rows[] = {
      {Op::lstm_sequence, lstm_sequence<float>, lstm_sequence<double>},
      {Op::lstm_sequence_bwd, lstm_sequence_bwd<float>, lstm_sequence_bwd<double>},
  };
  return rows;
}

}  // namespace innerloop::kernels::cpu

// A whole sequence of the gated recurrent unit, forwards and backwards. The definition: kernels/reference/gru.h.
// The places of results not yet computed hold what is needed on the way.
#include "kernels/cpu/loops.h"
#include "kernels/cpu/recurrent.h"
#include "kernels/cpu/table.h"
#include "kernels/cpu/vecmath.h"

namespace innerloop::kernels::cpu {
namespace {

enum Block { block_r, block_z, block_n, block_q, block_h };

// The rows that are reset become zero.
template <class T>
void clear_reset(T* x, const T* reset, int batch, int cells) {
  for (int n = 0; n < batch; ++n)
    if (reset[n] != 0) fill(x + count(n) * count(cells), count(cells), T(0));
}

template <class T>
void gru_sequence(const Call& call) {
  const Matrix &z_in = call.in[0], &u = call.in[1], &h0 = call.in[2], &reset = call.in[3];
  const Layout layout{call.attr.i, h0.rows, h0.cols};
  const int batch = layout.batch, cells = layout.cells;
  const std::size_t size = layout.step_size();
  const auto gate_in = [&](Block block) {
    return typename StepWeights<T>::Block{1, layout.end_of<T>(call.out, block)};
  };
  StepWeights<T> weights(u, false, layout.steps, batch, {gate_in(block_r), gate_in(block_z), gate_in(block_q)});
  for (int t = 0; t < layout.steps; ++t) {
    T *r = layout.at<T>(call.out, block_r, t), *z = layout.at<T>(call.out, block_z, t);
    T *n = layout.at<T>(call.out, block_n, t), *q = layout.at<T>(call.out, block_q, t);
    T* h = layout.at<T>(call.out, block_h, t);

    // What the step starts from waits where its result will go.
    copy(t == 0 ? h0.as<T>() : h - size, h, size);  // (N, H)
    clear_reset(h, reset.as<T>() + count(t) * count(batch), batch, cells);

    // The columns of Z_t, then the products: r and z take theirs on top, q is the third alone.
    T* const gates[] = {r, z, n};
    split_gates<T>(row<T>(z_in, t * batch), batch, cells, gates);
    for (int gate = 0; gate < 2; ++gate) {
      weights.multiply(gate, batch, h, cells, gates[gate], true);
      vecmath::sigmoid(gates[gate], gates[gate], size);
    }
    weights.multiply(2, batch, h, cells, q, false);
    weights.next_step();

    // n = tanh(Z_n + r·q),  h = (1 − z)·n + z·h
    each(size, [=](std::size_t k) { n[k] += r[k] * q[k]; });
    vecmath::tanh(n, n, size);
    each(size, [=](std::size_t k) { h[k] = (1 - z[k]) * n[k] + z[k] * h[k]; });
  }
}

// One row of one step of the backward pass; dh is the cotangent of h from later steps on entry, what goes straight
// through z to the step before on return.
template <class T>
struct RowBackward {
  const T *r, *z, *n, *q, *h_before;  // h_before: null where it was cleared
  const T *r_bar, *z_bar, *n_bar, *q_bar, *h_bar;
  T *dz, *dq, *dh;

  void run(int cells) const {
    const RowBackward s = *this;
    const std::size_t width = count(cells);
    each(width, [=](std::size_t k) {
      const T h = s.h_bar[k] + s.dh[k], before = s.h_before ? s.h_before[k] : T(0);
      const T n_pre = (s.n_bar[k] + h * (1 - s.z[k])) * (1 - s.n[k] * s.n[k]);
      s.dz[k] = (s.r_bar[k] + n_pre * s.q[k]) * s.r[k] * (1 - s.r[k]);
      s.dz[width + k] = (s.z_bar[k] + h * (before - s.n[k])) * s.z[k] * (1 - s.z[k]);
      s.dz[2 * width + k] = n_pre;
      s.dq[k] = s.q_bar[k] + n_pre * s.r[k];
      s.dh[k] = h * s.z[k];
    });
  }
};

// From the last step to the first. The output's block dh0 carries the running cotangent of h.
template <class T>
void gru_sequence_bwd(const Call& call) {
  const Matrix &packed = call.in[0], &u = call.in[1], &h0 = call.in[2], &reset = call.in[3], &bar = call.in[4];
  const Layout layout{call.attr.i, h0.rows, h0.cols};
  const int batch = layout.batch, cells = layout.cells;
  T *dq = row<T>(call.out, 3 * layout.rows()), *dh = row<T>(call.out, 4 * layout.rows());
  fill(dh, layout.step_size(), T(0));
  StepWeights<T> weights(u, true, layout.steps, batch, {{2, call.out.as<T>()}, {1, dq}});

  for (int t = layout.steps - 1; t >= 0; --t) {
    const T* reset_t = reset.as<T>() + count(t) * count(batch);
    T* dz_t = call.out.as<T>() + 3 * count(t) * layout.step_size();  // (N, 3H)
    T* dq_t = dq + count(t) * layout.step_size();                    // (N, H)
    for (int m = 0; m < batch; ++m) {
      const std::size_t first = count(m) * count(cells);
      const auto in_row = [&](const Matrix& matrix, Block block) { return layout.at<T>(matrix, block, t) + first; };
      const T* h_before = t == 0 ? row<T>(h0, m) : in_row(packed, block_h) - layout.step_size();
      RowBackward<T>{in_row(packed, block_r), in_row(packed, block_z), in_row(packed, block_n),
                     in_row(packed, block_q), reset_t[m] != 0 ? nullptr : h_before,
                     in_row(bar, block_r),    in_row(bar, block_z),    in_row(bar, block_n),
                     in_row(bar, block_q),    in_row(bar, block_h),    dz_t + 3 * first,
                     dq_t + first,            dh + first}
          .run(cells);
    }

    // dh of the step before, through r and z, then through q; cut where the state was cleared.
    weights.multiply(0, batch, dz_t, 3 * cells, dh, true);
    weights.multiply(1, batch, dq_t, cells, dh, true);
    weights.next_step();
    clear_reset(dh, reset_t, batch, cells);
  }
}

}  // namespace

std::span<const KernelRow> gru_rows() {
  static constexpr KernelRow rows[] = {
      {Op::gru_sequence, gru_sequence<float>, gru_sequence<double>},
      {Op::gru_sequence_bwd, gru_sequence_bwd<float>, gru_sequence_bwd<double>},
  };
  return rows;
}

}  // namespace innerloop::kernels::cpu

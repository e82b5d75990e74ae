// What every operation computes: the plainest possible loop for each. This is the specification; kernels/cpu and
// kernels/cuda are judged by it, and the verifier interprets programs with it in long double and in complex numbers.
//
// T is float, double, long double or std::complex<double>; every matrix of the Call holds numbers of that type.
#pragma once

#include "kernels/reference/elementwise.h"
#include "kernels/reference/general.h"
#include "kernels/reference/gru.h"
#include "kernels/reference/linear.h"
#include "kernels/reference/lstm.h"
#include "kernels/reference/mlp.h"

namespace innerloop::kernels::reference {

struct Row {
  Op op;
  Kernel kernel;
};

// One row per operation, in the order of Op, the leaves left out.
template <class T>
inline constexpr Row rows[] = {
    {Op::neg, neg<T>},
    {Op::scale, scale<T>},
    {Op::add_scalar, add_scalar<T>},
    {Op::exp, exp<T>},
    {Op::log, log<T>},
    {Op::log1p, log1p<T>},
    {Op::expm1, expm1<T>},
    {Op::tanh, tanh<T>},
    {Op::sigmoid, sigmoid<T>},
    {Op::softplus, softplus<T>},
    {Op::square, square<T>},
    {Op::sqrt, sqrt<T>},
    {Op::reciprocal, reciprocal<T>},
    {Op::sin, sin<T>},
    {Op::cos, cos<T>},
    {Op::relu, relu<T>},
    {Op::abs, abs<T>},
    {Op::clip, clip<T>},
    {Op::step, step<T>},
    {Op::sign, sign<T>},
    {Op::inside, inside<T>},
    {Op::less, less<T>},
    {Op::add, add<T>},
    {Op::sub, sub<T>},
    {Op::mul, mul<T>},
    {Op::div, div<T>},
    {Op::minimum, minimum<T>},
    {Op::maximum, maximum<T>},
    {Op::tanh_slope, tanh_slope<T>},
    {Op::sigmoid_slope, sigmoid_slope<T>},
    {Op::relu_slope, relu_slope<T>},
    {Op::mul3, mul3<T>},
    {Op::select, select<T>},
    {Op::matmul, matmul<T>},
    {Op::transpose, transpose<T>},
    {Op::add_row, add_row<T>},
    {Op::sum_rows, sum_rows<T>},
    {Op::broadcast_rows, broadcast_rows<T>},
    {Op::sum_cols, sum_cols<T>},
    {Op::broadcast_cols, broadcast_cols<T>},
    {Op::sum_all, sum_all<T>},
    {Op::broadcast_all, broadcast_all<T>},
    {Op::sum_tasks, sum_tasks<T>},
    {Op::broadcast_tasks, copy<T>},
    {Op::reshape, copy<T>},
    {Op::slice_rows, slice_rows<T>},
    {Op::pad_rows, pad_rows<T>},
    {Op::slice_cols, slice_cols<T>},
    {Op::pad_cols, pad_cols<T>},
    {Op::concat_rows, concat_rows<T>},
    {Op::concat_cols, concat_cols<T>},
    {Op::shift_rows, shift_rows<T>},
    {Op::windows, windows<T>},
    {Op::overlap_add, overlap_add<T>},
    {Op::gather_rows, gather_rows<T>},
    {Op::scatter_rows, scatter_rows<T>},
    {Op::pick_cols, pick_cols<T>},
    {Op::place_cols, place_cols<T>},
    {Op::linear_recurrence, linear_recurrence<T>},
    {Op::logsumexp, logsumexp<T>},
    {Op::softmax, softmax<T>},
    {Op::stop_gradient, copy<T>},
    {Op::dense, dense<T>},
    {Op::gaussian_log_prob, gaussian_log_prob<T>},
    {Op::lstm_sequence, lstm_sequence<T>},
    {Op::lstm_sequence_bwd, lstm_sequence_bwd<T>},
    {Op::lstm_sequence_jvp, lstm_sequence_jvp<T>},
    {Op::lstm_sequence_curvature, lstm_sequence_curvature<T>},
    {Op::gru_sequence, gru_sequence<T>},
    {Op::gru_sequence_bwd, gru_sequence_bwd<T>},
    {Op::mlp, mlp<T>},
    {Op::mlp_bwd, mlp_bwd<T>},
    {Op::mlp_jvp, mlp_jvp<T>},
    {Op::mlp_hvp, mlp_hvp<T>},
};

// Computes call.out from call.in by the definition of `op`. Leaves (input, constant, fill) have no kernel: an error.
template <class T>
void run(Op op, const Call& call) {
  for (const Row& row : rows<T>)
    if (row.op == op) return row.kernel(call);
  require(false, "this operation has no kernel: leaves are filled by whoever runs the program");
}

}  // namespace innerloop::kernels::reference

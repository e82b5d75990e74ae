// What rounding errors of a fused network are measured against, for tests and nothing else.
//
// A sum of products Σ aᵢ·bᵢ is judged by Σ|aᵢ·bᵢ|. A network is many such sums, one inside the other, so its terms are
// followed through all of it: a number carries the sum of the absolute values of its terms, and the reference, which is
// a template of its numbers, does the rest. Each element of a result then has a measure of its own.
//
//   a ± b    the terms of both
//   a·b      each term of a times b, and each term of b times a; a·b itself stands in both, once too often. So Σ aᵢ·bᵢ
//            of inputs has Σ|aᵢ·bᵢ|.
//   f(x)     the terms of x times f′(x), which is at most 1, and the value, which is rounded itself
//
// To first order this is how far an error in the last digit of every intermediate number can move the result. Bounding
// f′ by 1 and b by its terms instead would let the measure of a recurrence grow much faster with its length.
#pragma once

#include <cmath>

#include "kernels/reference.h"

namespace innerloop::kernels {

struct Terms {
  long double value = 0, size = 0;  // size ≥ |value|

  Terms() = default;
  explicit Terms(long double number) : value(number), size(std::fabs(number)) {}
  Terms(long double number, long double sum_of_terms) : value(number), size(sum_of_terms) {}

  friend Terms operator+(Terms a, Terms b) { return {a.value + b.value, a.size + b.size}; }
  friend Terms operator-(Terms a, Terms b) { return {a.value - b.value, a.size + b.size}; }
  friend Terms operator*(Terms a, Terms b) {
    const long double product = a.value * b.value;
    return {product, std::fabs(a.value) * b.size + a.size * std::fabs(b.value) - std::fabs(product)};
  }
  Terms& operator+=(Terms b) { return *this = *this + b; }
  // A function of x with this value and this slope.
  static Terms of(Terms x, long double y, long double slope) { return {y, std::fabs(slope) * x.size + std::fabs(y)}; }

  friend long double real_part(Terms x) { return x.value; }
};

namespace reference::scalar {

template <>
inline Terms tanh(Terms x) {
  const long double y = std::tanh(x.value);
  return Terms::of(x, y, 1 - y * y);
}
template <>
inline Terms sigmoid(Terms x) {
  const long double y = sigmoid(x.value);
  return Terms::of(x, y, y * (1 - y));
}

}  // namespace reference::scalar

// Whether an operation is a whole network, or a part of its derivatives.
inline bool is_network(Op op) {
  return op == Op::lstm_sequence || op == Op::lstm_sequence_bwd || op == Op::lstm_sequence_jvp ||
         op == Op::lstm_sequence_curvature || op == Op::gru_sequence || op == Op::gru_sequence_bwd || op == Op::mlp ||
         op == Op::mlp_bwd || op == Op::mlp_jvp || op == Op::mlp_hvp;
}

inline void run_with_terms(Op op, const Call& call) {
  switch (op) {
    case Op::lstm_sequence: return reference::lstm_sequence<Terms>(call);
    case Op::lstm_sequence_bwd: return reference::lstm_sequence_bwd<Terms>(call);
    case Op::lstm_sequence_jvp: return reference::lstm_sequence_jvp<Terms>(call);
    case Op::lstm_sequence_curvature: return reference::lstm_sequence_curvature<Terms>(call);
    case Op::gru_sequence: return reference::gru_sequence<Terms>(call);
    case Op::gru_sequence_bwd: return reference::gru_sequence_bwd<Terms>(call);
    case Op::mlp: return reference::mlp<Terms>(call);
    case Op::mlp_bwd: return reference::mlp_bwd<Terms>(call);
    case Op::mlp_jvp: return reference::mlp_jvp<Terms>(call);
    case Op::mlp_hvp: return reference::mlp_hvp<Terms>(call);
    default: require(false, "terms are followed through networks alone");
  }
}

}  // namespace innerloop::kernels

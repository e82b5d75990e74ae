// Random programs, for tests of planners and executors.
#pragma once

#include <algorithm>
#include <vector>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "kernels/philox.h"

namespace innerloop::tests {

inline constexpr int kTasks = 3;

// Draws programs over 4×4 blocks, rows, columns and scalars, shared and per task. All functions are bounded, so that
// nothing overflows however deep they are nested.
class Generator {
 public:
  Generator(std::uint64_t seed) : random_(seed, {.purpose = Purpose::check}) {}

  std::vector<Tensor> inputs() {
    std::vector<Tensor> list;
    for (Shape shape :
         {Shape{1, 4, 4}, Shape{kTasks, 4, 4}, Shape{1, 1, 1}, Shape{kTasks, 1, 1}, Shape{kTasks, 1, 4}}) {
      Tensor t(shape);
      for (double& x : t.mutable_values<double>()) x = random_.uniform(-1, 1);
      list.push_back(t);
    }
    return list;
  }

  // One more node (or two) from what there is already.
  Var grow(const std::vector<Var>& have) {
    Var a = pick(have), b = pick(have);
    switch (random_.below(18)) {
      case 0: return tanh(a);
      case 1: return sigmoid(a);
      case 2: return sin(a);
      case 3: return a - 0.5;
      case 4: return relu(a);
      case 5: return fits(a, b) ? tanh(a + b) : tanh(a);
      case 6: return fits(a, b) ? sin(a * b) : cos(a);
      case 7: return fits(a, b) ? maximum(a, b) : abs(tanh(a));
      case 8: return full(a) && full(b) ? tanh(matmul(a, b, random_.below(2) == 1, random_.below(2) == 1)) : neg(a);
      case 9: return full(a) && full(b) ? sin(matmul(a, b)) + sin(a) : square(tanh(a));
      case 10: return full(a) ? slice_rows(a, 1, 1) : softplus(a);
      case 11: return a.shape().tasks == kTasks ? 0.3 * sum_tasks(a) : broadcast_tasks(a, kTasks);
      case 12: return full(a) ? 0.25 * sum_rows(a) : tanh(a);
      case 13: return full(a) ? reshape(transpose(a), 4, 4) : 2.0 * tanh(a);
      case 14: return full(a) ? mean_all(a) : stop_gradient(a);
      case 15: return a.shape().cols == 4 && a.shape().rows == 1 ? broadcast_rows(a, 4) : clip(a, -0.5, 0.5);
      case 16: return full(a) ? add_row(a, slice_rows(a, 2, 1)) * 0.5 : a * a * 0.1;
      default: return full(a) && full(b) ? accumulate(a, b) : a;
    }
  }

 private:
  static bool full(Var v) { return v.shape().rows == 4 && v.shape().cols == 4; }
  static Var neg(Var v) { return -v; }
  static bool fits(Var a, Var b) {
    return a.shape().is_scalar() || b.shape().is_scalar() ||
           (a.shape().rows == b.shape().rows && a.shape().cols == b.shape().cols);
  }
  // A sum of products: what the planner forms in place.
  Var accumulate(Var a, Var b) { return tanh(0.2 * (matmul(a, b) + matmul(b, a) + a)); }
  // Recent nodes more often than old ones, so that programs are deep.
  Var pick(const std::vector<Var>& have) {
    const auto recent = static_cast<std::uint32_t>(std::min<std::size_t>(have.size(), 6));
    if (random_.below(3) == 0) return have[random_.below(static_cast<std::uint32_t>(have.size()))];
    return have[have.size() - 1 - random_.below(recent)];
  }
  Philox random_;
};

// The program of a seed: nodes, first and second derivatives of a reading of them, and a jvp.
inline std::vector<Var> write_program(Graph& graph, std::uint64_t seed, std::vector<Tensor>& values) {
  Generator generator(seed);
  values = generator.inputs();
  std::vector<Var> have, inputs;
  for (const Tensor& t : values) have.push_back(graph.input(t, "x"));
  inputs = have;
  const int length = 6 + static_cast<int>(seed % 17);
  for (int i = 0; i < length; ++i) have.push_back(generator.grow(have));
  Var loss = sum_tasks(sum_all(tanh(have.back()))) + sum_tasks(sum_all(sin(have[have.size() - 2])));
  std::vector<Var> outputs{have.back(), have[have.size() / 2], loss};
  std::vector<Var> g = grad(loss, inputs), h = hvp(loss, inputs, inputs);
  outputs.insert(outputs.end(), g.begin(), g.end());
  outputs.insert(outputs.end(), h.begin(), h.end());
  outputs.push_back(jvp(std::span(&loss, 1), inputs, inputs)[0]);  // ⟨∇loss, x⟩ by forward mode
  outputs.push_back(inner_product(g, inputs));                     // and by reverse mode
  return outputs;
}

}  // namespace innerloop::tests

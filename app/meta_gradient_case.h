// The benchmark problem of the meta-gradient: 20 tasks × 2000 rows, inner and outer, observations 2, actions 2, a
// Gaussian policy with two tanh layers, K = 1 unless more is asked for, the log-likelihood inner step. Numbers are
// drawn once, the same in every run.
#pragma once

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <initializer_list>
#include <string>
#include <vector>

#include "kernels/philox.h"
#include "kernels/require.h"
#include "meta/maml.h"

namespace innerloop::bench {

struct Case {
  int tasks = 20, rows = 2000, width = 64;
  Dtype dtype = Dtype::f32;
  meta::MamlSpec spec;
  ParamValues theta, tangent;  // tangent: v of the curvature product
  BatchValues supports, query;
  Tensor alpha;
};

// scale × normal numbers. `stream` tells the tensors apart.
inline Tensor normal_tensor(Shape shape, double scale, std::uint32_t stream, Dtype dtype) {
  std::vector<double> numbers(shape.size());
  for (std::size_t n = 0; n < numbers.size(); n += 1000) {
    Philox random(2024, {.iteration = stream, .trajectory = static_cast<std::uint32_t>(n / 1000)});
    for (std::size_t i = n; i < std::min(n + 1000, numbers.size()); ++i) numbers[i] = scale * random.normal();
  }
  return Tensor::from(shape, numbers, dtype);
}

inline BatchValues normal_batch(const Case& c, std::uint32_t stream) {
  BatchValues batch;
  batch.add("observations", normal_tensor({c.tasks, c.rows, 2}, 1, stream, c.dtype));
  batch.add("actions", normal_tensor({c.tasks, c.rows, 2}, 1, stream + 1, c.dtype));
  batch.add("advantages", normal_tensor({c.tasks, c.rows, 1}, 1, stream + 2, c.dtype));
  batch.add("weights", Tensor::full({c.tasks, c.rows, 1}, 1.0 / c.rows, c.dtype));
  return batch;
}

// Data number k of the streams; the query's come after all of them, at 10 where K = 1.
inline std::uint32_t stream_of_step(int k) { return k == 0 ? 0 : 10 + 10 * static_cast<std::uint32_t>(k); }

inline Case make_case(int width, Dtype dtype, int inner_steps = 1, int tasks = 20, int rows = 2000) {
  Case c;
  c.tasks = tasks, c.rows = rows, c.width = width;
  c.dtype = dtype;
  c.spec.inner_steps = inner_steps;
  c.spec.policy.net = {.inputs = 2, .hidden = {width, width}, .outputs = 2, .activation = Activation::tanh};
  c.theta = nn::init_policy(c.spec.policy, 1, dtype);
  for (std::size_t i = 0; i < c.theta.count(); ++i)
    c.tangent.add(c.theta.name(i), normal_tensor(c.theta[i].shape(), 1, 100 + static_cast<std::uint32_t>(i), dtype));
  c.query = normal_batch(c, 10);
  c.alpha = Tensor::full({1, inner_steps, 1}, 0.1, dtype);

  // Every step adapts to data of its own; the query was collected by the adapted policies.
  const meta::MamlFunctions maml;
  ParamValues theta_prime = c.theta;
  for (int k = 0; k < inner_steps; ++k) {
    const BatchValues support = normal_batch(c, stream_of_step(k));
    for (std::size_t i = 0; i < support.count(); ++i)
      c.supports.add(std::to_string(k) + "/" + support.name(i), support[i]);
    theta_prime = maml.adapt_step(c.spec, {theta_prime, support, Tensor::scalar(0.1, dtype)})[0];
  }
  const BatchValues old = maml.old_policy(c.spec, {theta_prime, c.query})[0];
  for (std::size_t i = 0; i < old.count(); ++i) c.query.add(old.name(i), old[i]);
  return c;
}

// For programs in other languages. All numbers are 64-bit floats: tasks, rows, width, bits of the dtype, α; θ (W1, b1,
// W2, b2, W3, b3, log σ); the support of each inner step (observations, actions, advantages, weights); query (the same,
// and old_log_prob); ∇θ in the order of θ. The number of inner steps follows from the size of the file.
inline void write_case(const Case& c, const ParamValues& gradient, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  const auto write = [&](const std::vector<double>& numbers) {
    file.write(reinterpret_cast<const char*>(numbers.data()), static_cast<std::streamsize>(8 * numbers.size()));
  };
  write({double(c.tasks), double(c.rows), double(c.width), c.dtype == Dtype::f32 ? 32.0 : 64.0, c.alpha.at(0, 0, 0)});
  write(c.theta.flat());
  write(c.supports.flat());
  for (const char* name : {"observations", "actions", "advantages", "weights", "old_log_prob"})
    write(c.query[name].to_vector());
  write(gradient.flat());
  require(file.good(), "cannot write " + path);
}

}  // namespace innerloop::bench

#include "nn/init.h"

#include <cmath>
#include <string>
#include <vector>

#include "kernels/linalg.h"
#include "kernels/philox.h"
#include "kernels/require.h"

namespace innerloop::nn {
namespace {

// FNV-1a: a number from a name, the same everywhere.
std::uint32_t hash_of(std::string_view name) {
  std::uint32_t hash = 2166136261u;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

// The random numbers of one row of a parameter.
Philox random_of(std::string_view name, int row, std::uint64_t seed) {
  return Philox(seed,
                {.purpose = Purpose::init, .iteration = hash_of(name), .time_step = static_cast<std::uint32_t>(row)});
}

}  // namespace

// [Xavier eq. 16]  W ~ U[−b, b],  b = √(6/(inputs + outputs))
Tensor xavier_uniform(std::string_view name, int inputs, int outputs, std::uint64_t seed, Dtype dtype) {
  require(inputs >= 1 && outputs >= 1, [&] {
    return "the weights " + std::string(name) + " need at least one input and one output";
  });
  const double bound = std::sqrt(6.0 / (inputs + outputs));
  std::vector<double> numbers;
  for (int row = 0; row < inputs; ++row) {
    Philox random = random_of(name, row, seed);
    for (int col = 0; col < outputs; ++col) numbers.push_back(random.uniform(-bound, bound));
  }
  return Tensor::from({1, inputs, outputs}, numbers, dtype);
}

Tensor orthogonal(std::string_view name, int inputs, int outputs, double gain, std::uint64_t seed, Dtype dtype) {
  require(inputs >= 1 && outputs >= 1, [&] {
    return "the weights " + std::string(name) + " need at least one input and one output";
  });
  std::vector<double> numbers;
  for (int row = 0; row < inputs; ++row) {
    Philox random = random_of(name, row, seed);
    for (int col = 0; col < outputs; ++col) numbers.push_back(random.normal());
  }
  kernels::qr_orthogonal(inputs, outputs, numbers, numbers);
  for (double& x : numbers) x *= gain;
  return Tensor::from({1, inputs, outputs}, numbers, dtype);
}

}  // namespace innerloop::nn

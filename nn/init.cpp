#include "nn/init.h"

#include <algorithm>
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

// The random numbers of one row of a parameter: `draw` takes one from a generator. A place of the generator holds
// 2¹⁴ words, two for each number; wider rows go on at the next place.
template <class Draw>
void draw_row(std::string_view name, int row, int cols, std::uint64_t seed, Draw draw) {
  constexpr int at_one_place = 8192;
  for (int first = 0; first < cols; first += at_one_place) {
    Philox random(seed, {.purpose = Purpose::init,
                         .iteration = hash_of(name),
                         .task = static_cast<std::uint32_t>(first / at_one_place),
                         .time_step = static_cast<std::uint32_t>(row)});
    for (int col = first; col < std::min(cols, first + at_one_place); ++col) draw(random);
  }
}

}  // namespace

// [Xavier eq. 16]  W ~ U[−b, b],  b = √(6/(inputs + outputs))
Tensor xavier_uniform(std::string_view name, int inputs, int outputs, std::uint64_t seed, Dtype dtype) {
  require(inputs >= 1 && outputs >= 1, [&] {
    return "the weights " + std::string(name) + " need at least one input and one output";
  });
  const double bound = std::sqrt(6.0 / (inputs + outputs));
  std::vector<double> numbers;
  for (int row = 0; row < inputs; ++row)
    draw_row(name, row, outputs, seed, [&](Philox& random) { numbers.push_back(random.uniform(-bound, bound)); });
  return Tensor::from({1, inputs, outputs}, numbers, dtype);
}

Tensor orthogonal(std::string_view name, int inputs, int outputs, double gain, std::uint64_t seed, Dtype dtype) {
  require(inputs >= 1 && outputs >= 1, [&] {
    return "the weights " + std::string(name) + " need at least one input and one output";
  });
  std::vector<double> numbers;
  for (int row = 0; row < inputs; ++row)
    draw_row(name, row, outputs, seed, [&](Philox& random) { numbers.push_back(random.normal()); });
  kernels::qr_orthogonal(inputs, outputs, numbers, numbers);
  for (double& x : numbers) x *= gain;
  return Tensor::from({1, inputs, outputs}, numbers, dtype);
}

}  // namespace innerloop::nn

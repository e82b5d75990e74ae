// Short ways to write down the data and options of tests.
#pragma once

#include <vector>

#include "autodiff/tensor.h"
#include "rl/training/options.h"

namespace innerloop::rl {

inline Tensor column(std::vector<double> numbers, Dtype dtype = Dtype::f64) {
  return Tensor::from({1, static_cast<int>(numbers.size()), 1}, numbers, dtype);
}

// An option whose value is a whole number.
inline OptionValue whole(std::int64_t n) { return n; }

}  // namespace innerloop::rl

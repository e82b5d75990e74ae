// How parameters begin. Every number is a pure function of (seed, name, row), so adding a layer moves no other layer's.
#pragma once

#include <cstdint>
#include <string_view>

#include "autodiff/tensor.h"

namespace innerloop::nn {

// Weights uniform in ±√(6 / (inputs + outputs)): Glorot and Bengio 2010, "Understanding the difficulty of training deep
// feedforward neural networks", eq. 16. Shape (1, inputs, outputs).
Tensor xavier_uniform(std::string_view name, int inputs, int outputs, std::uint64_t seed, Dtype dtype);

// gain times a random orthogonal matrix (Saxe et al. 2014, arXiv 1312.6120): orthonormal columns if inputs ≥ outputs,
// else orthonormal rows. Shape (1, inputs, outputs).
Tensor orthogonal(std::string_view name, int inputs, int outputs, double gain, std::uint64_t seed, Dtype dtype);

}  // namespace innerloop::nn

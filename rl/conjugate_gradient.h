// Conjugate gradients: solves A·x = b for a symmetric positive definite A that is known by its products only.
// Hestenes and Stiefel 1952, "Methods of conjugate gradients for solving linear systems".
#pragma once

#include <functional>

#include "autodiff/tensor.h"

namespace innerloop::rl {

struct ConjugateGradientResult {
  Tensors x;
  int iterations = 0;    // products taken
  double residual = 0;   // ‖b − A·x‖ by the recurrence
  bool stopped = false;  // pᵀA·p was not positive and finite: A is not positive definite; x is the last good one
};

// Starts from x = 0; at most `iterations` products, fewer once rᵀr < residual_tolerance (on the square, as in rllab).
// Every iteration makes new tensors: b, and what `product` is given, are never written to (an implementation that lets
// r and p share storage does not converge).
ConjugateGradientResult conjugate_gradient(const std::function<Tensors(const Tensors&)>& product, const Tensors& b,
                                           int iterations = 10, double residual_tolerance = 1e-10);

}  // namespace innerloop::rl

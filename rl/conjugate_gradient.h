// Conjugate gradients: solves A·x = b for a symmetric positive definite A that is known by its products only.
// Hestenes and Stiefel 1952, "Methods of conjugate gradients for solving linear systems".
//
// An iteration is mathematics on a graph, so that an algorithm traces it together with its product into one Function:
// vectors, step sizes and the decision to stop never leave the device. What goes from call to call is the state, a list
// of tensors: "x/…", "r/…", "p/…", named and shaped like b, and numbers (1, 1, 1):
//
//   symbol   name           meaning
//   x        x/…            the solution so far, from 0
//   r        r/…            residual b − A·x
//   p        p/…            direction of the next step
//   rᵀr      rr
//            target         stop once rᵀr ≤ target = tolerance²·bᵀb
//   pᵀA·p    curvature      along the direction last gone
//            iterations     products taken
//            refused        1: the curvature was not positive and finite, so A is not positive definite
//            going          1: another iteration would do something; at 0 it leaves all as it is
#pragma once

#include <functional>

#include "autodiff/graph.h"
#include "autodiff/tensor.h"

namespace innerloop::rl {

// --- On a graph ------------------------------------------------------------------------------------------------------

// p, under the names of b: what A is to be multiplied with.
Vars cg_direction(const Vars& state);
// The state after one iteration; Ap = A·cg_direction(state), in its order.
Vars cg_iteration(const Vars& state, const Vars& Ap);

// --- On values -------------------------------------------------------------------------------------------------------

// Runs an algorithm's Function of one iteration: state → state.
using CgIterate = std::function<Tensors(const Tensors& state)>;

struct ConjugateGradientResult {
  Tensors x;
  int iterations = 0;    // products taken
  double residual = 0;   // ‖b − A·x‖ by the recurrence
  bool stopped = false;  // the curvature was refused; x is the last good one
};

// The state before the first iteration: x = 0, r = p = b.
Tensors cg_start(const Tensors& b, double tolerance);
// The tolerance of every algorithm here.
inline constexpr double cg_tolerance = 1e-5;
// At most `iterations` products, fewer once ‖r‖ ≤ tolerance·‖b‖: relative, so that it does not depend on the units of
// b. (rllab and its descendants ask rᵀr < 1e-10: with a small gradient that stops before anything is solved.) Every
// iteration makes new tensors: b is never written to.
ConjugateGradientResult conjugate_gradient(const CgIterate& iterate, const Tensors& b, int iterations = 10,
                                           double tolerance = cg_tolerance);
// xᵀA·x, by the product of one iteration whose direction is x.
double curvature_along(const CgIterate& iterate, const Tensors& x);

}  // namespace innerloop::rl

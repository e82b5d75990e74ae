// Derivatives. Each function appends nodes to the same graph and returns ordinary Vars: differentiate them again.
#pragma once

#include <span>
#include <vector>

#include "autodiff/graph.h"

namespace innerloop {

// Reverse mode: Σ_j cotangents[j]ᵀ ∂outputs[j]/∂inputs[k], one Var per input, of the input's shape.
// An input that no output depends on gets zeros.
std::vector<Var> vjp(std::span<const Var> outputs, std::span<const Var> inputs, std::span<const Var> cotangents);

// Forward mode: Σ_k ∂outputs[j]/∂inputs[k] · tangents[k], one Var per output. A second, independent route.
std::vector<Var> jvp(std::span<const Var> outputs, std::span<const Var> inputs, std::span<const Var> tangents);

// ∇ of a loss. loss is (tasks, 1, 1): with tasks > 1 the tasks' losses are added, so the gradient with respect to a
// per-task parameter is that task's own gradient, and with respect to a shared one it is the sum over tasks.
std::vector<Var> grad(Var loss, std::span<const Var> wrt);
Params grad(Var loss, const Params& wrt);

// Hessian-vector product by reverse over reverse: ∇(∇loss · v). The other routes are one line each.
std::vector<Var> hvp(Var loss, std::span<const Var> wrt, std::span<const Var> v);

// ⟨a, b⟩ summed over all elements of all pairs: (1,1,1).
Var inner_product(std::span<const Var> a, std::span<const Var> b);

}  // namespace innerloop

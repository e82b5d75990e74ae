// Derivatives. Each function appends nodes to the same graph and returns ordinary Vars: differentiate them again.
#pragma once

#include <initializer_list>
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
//   grad(loss, x)  a Var        grad(loss, {x, y})  a list        grad(loss, theta)  Params, with theta's names
Var grad(At loss, Var wrt);
std::vector<Var> grad(At loss, std::initializer_list<Var> wrt);
std::vector<Var> grad(At loss, std::span<const Var> wrt);
Params grad(At loss, const Params& wrt);

// Hessian-vector product by reverse over reverse: ∇⟨∇loss, v⟩ with v constant, whatever it was made of. The other
// routes are one line each.
Var hvp(At loss, Var wrt, Var v);
std::vector<Var> hvp(At loss, std::span<const Var> wrt, std::span<const Var> v);
Params hvp(At loss, const Params& wrt, const Params& v);  // Error unless wrt and v have the same names

// ⟨a, b⟩ summed over all elements of all pairs: (1,1,1).
Var inner_product(std::span<const Var> a, std::span<const Var> b);

}  // namespace innerloop

#include "rl/conjugate_gradient.h"

#include <cmath>
#include <string>

#include "autodiff/ops.h"

namespace innerloop::rl {
namespace {

// aᵀb, (1, 1, 1).
Var dot(const Vars& a, const Vars& b) {
  Var sum = sum_tasks(sum_all(a[0] * b[0]));
  for (std::size_t i = 1; i < a.count(); ++i) sum = sum + sum_tasks(sum_all(a[i] * b[i]));
  return sum;
}

// a where the condition is 1, else b: chosen, so that a NaN in the other one does no harm.
Vars choose(Var condition, const Vars& a, const Vars& b) {
  std::vector<Var> chosen;
  for (std::size_t i = 0; i < a.count(); ++i) chosen.push_back(select(condition, a[i], b[i]));
  return a.with(chosen);
}

}  // namespace

Vars cg_direction(const Vars& state) { return state.below("p/"); }

// region: iteration
Vars cg_iteration(const Vars& state, const Vars& Ap) {
  const Vars x = state.below("x/"), r = state.below("r/"), p = state.below("p/");
  const Var rr = state["rr"], zero = zeros_like(rr);

  // The step that minimises ½xᵀAx − bᵀx along p, if the curvature there is positive and finite (NaN is neither).
  const Var curvature = dot(p, Ap);
  const Var positive = step(curvature) * step(reciprocal(curvature));
  const Var moves = state["going"] * positive;
  const Var length = select(moves, rr / curvature, zero);
  const Vars next_x = x + length * p, next_r = choose(moves, r - length * Ap, r);

  // The next direction: the residual, made A-conjugate to all directions before.
  const Var next_rr = dot(next_r, next_r);
  const Vars next_p = choose(moves, next_r + (next_rr / rr) * p, p);

  // Whether to go on.
  const Var refused = state["refused"] + state["going"] * (1.0 - positive);
  Vars next;
  for (std::size_t i = 0; i < x.count(); ++i) next.add("x/" + x.name(i), next_x[i]);
  for (std::size_t i = 0; i < r.count(); ++i) next.add("r/" + r.name(i), next_r[i]);
  for (std::size_t i = 0; i < p.count(); ++i) next.add("p/" + p.name(i), next_p[i]);
  next.add("rr", next_rr);
  next.add("target", state["target"]);
  next.add("curvature", curvature);
  next.add("iterations", state["iterations"] + state["going"]);
  next.add("refused", refused);
  next.add("going", step(next_rr - state["target"]) * (1.0 - refused));
  return next;
}
// endregion

Tensors cg_start(const Tensors& b, double tolerance) {
  const Dtype dtype = b[0].dtype();
  const double rr = dot(b, b), target = tolerance * tolerance * rr;
  const Tensors zero = 0.0 * b;
  Tensors state;
  for (std::size_t i = 0; i < b.count(); ++i) state.add("x/" + b.name(i), zero[i]);
  for (const char* prefix : {"r/", "p/"})
    for (std::size_t i = 0; i < b.count(); ++i) state.add(prefix + b.name(i), b[i]);
  for (auto [name, value] : {std::pair{"rr", rr}, {"target", target}, {"curvature", 0.0}, {"iterations", 0.0},
                             {"refused", 0.0}, {"going", rr > target ? 1.0 : 0.0}})
    state.add(name, Tensor::scalar(value, dtype));
  return state;
}

ConjugateGradientResult conjugate_gradient(const CgIterate& iterate, const Tensors& b, int iterations,
                                           double tolerance) {
  // An iteration that has nothing left to do changes nothing, so this loop need not look: on a CPU, where looking costs
  // nothing, it saves the products; on a device it would wait for each of them.
  Tensors state = cg_start(b, tolerance);
  const auto done = [&state] {
    const Tensor& going = state["going"];
    return going.device() == Device::cpu && going.item() == 0;
  };
  for (int i = 0; i < iterations && !done(); ++i) state = iterate(state);

  ConjugateGradientResult result{.x = {},
                                 .iterations = static_cast<int>(state["iterations"].item()),
                                 .residual = std::sqrt(state["rr"].item()),
                                 .stopped = state["refused"].item() != 0};
  for (std::size_t i = 0; i < b.count(); ++i) result.x.add(b.name(i), state[i]);
  return result;
}

double curvature_along(const CgIterate& iterate, const Tensors& x) {
  return iterate(cg_start(x, 0))["curvature"].item();
}

}  // namespace innerloop::rl

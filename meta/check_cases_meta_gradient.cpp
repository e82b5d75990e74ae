// What `innerloop check meta_gradient` checks: small learners with tanh networks, or a table of values.
#include <string>

#include "meta/check_cases.h"
#include "meta/meta_gradient_problem.h"

namespace innerloop::meta {
namespace {

// One way of learning η.
struct Mode {
  const char* name;
  bool control = false, outer_critic = false, full_derivative = false, gaussian = false, tables = false;
  int embedding = 0;
  bool gamma = true, lambda = true;  // what is learned
};

constexpr Mode modes[] = {
    {.name = "TD(λ), γ and λ"},
    {.name = "TD(λ), γ(s) and λ(s)", .tables = true},
    {.name = "TD(λ), γ, full derivative", .full_derivative = true, .lambda = false},
    {.name = "A2C, γ and λ", .control = true},
    {.name = "A2C, λ, gaussian", .control = true, .gaussian = true, .gamma = false},
    {.name = "A2C, γ(s)", .control = true, .tables = true, .lambda = false},
    {.name = "A2C, γ and λ, full derivative", .control = true, .full_derivative = true},
    {.name = "A2C, γ and λ, outer critic", .control = true, .outer_critic = true},
    {.name = "A2C, γ and λ, embedding", .control = true, .embedding = 3},
};

MetaGradientProblem problem_of(const Mode& mode, int updates) {
  return make_meta_gradient_problem({.control = mode.control, .gaussian = mode.gaussian, .tables = mode.tables,
                                     .gamma = mode.gamma, .lambda = mode.lambda, .outer_critic = mode.outer_critic,
                                     .full_derivative = mode.full_derivative, .embedding = mode.embedding,
                                     .updates = updates});
}

void add_inputs(CheckCase& c, const std::string& prefix, const Tensors& list, bool differentiated) {
  for (std::size_t k = 0; k < list.count(); ++k) c.inputs.push_back({prefix + list.name(k), list[k], differentiated});
}

// J̄ after K updates.
CheckCase objective_case(const Mode& mode, int K) {
  const MetaGradientProblem p = problem_of(mode, K);
  CheckCase c{.name = std::string(mode.name) + ", K = " + std::to_string(K), .subject = "meta_gradient",
              .inputs = {}, .build = {}};
  add_inputs(c, "theta/", p.theta, true);
  add_inputs(c, "eta/", p.eta, true);
  add_inputs(c, "taus/", p.taus, false);
  add_inputs(c, "scales/", p.scales, false);
  add_inputs(c, "tau_next/", p.tau_next, false);
  // J̄ sees the outer critic through a target that is data.
  c.every_input_matters = !mode.outer_critic;
  const bool cut = !mode.full_derivative || mode.embedding > 0;
  c.cut = cut ? CheckCase::Cut::something : CheckCase::Cut::nothing;
  c.build = [spec = p.spec](const Vars& in) {
    const Params eta = in.below("eta/");
    const Params theta_K = updates(in.below("theta/"), eta, in.below("taus/"), in.below("scales/"), spec);
    return std::vector<Var>{meta_objective(theta_K, eta, in.below("tau_next/"), spec)};
  };
  return c;
}

// The trace after one more update, as a function of θ, η and the trace before.
CheckCase trace_case(const Mode& mode) {
  const MetaGradientProblem p = problem_of(mode, 1);
  CheckCase c{.name = std::string(mode.name) + ", trace", .subject = "meta_gradient", .inputs = {}, .build = {}};
  add_inputs(c, "theta/", p.theta, true);
  add_inputs(c, "eta/", p.eta, true);
  add_inputs(c, "z/", p.z, true);
  c.inputs.push_back({"mu", Tensor::scalar(0.7), true});
  add_inputs(c, "taus/", p.taus, false);
  add_inputs(c, "scales/", p.scales, false);
  c.build = [spec = p.spec](const Vars& in) {
    const Params z = trace(in.below("z/"), in["mu"], in.below("theta/"), in.below("eta/"),
                           in.below("taus/0/"), in.below("scales/0/"), spec);
    return std::vector<Var>(z.all().begin(), z.all().end());
  };
  return c;
}

}  // namespace

std::vector<CheckCase> meta_gradient_check_cases() {
  std::vector<CheckCase> cases;
  for (const Mode& mode : modes)
    for (int updates : {1, 3}) cases.push_back(objective_case(mode, updates));
  for (const Mode& mode : modes)
    if (!mode.full_derivative && !mode.outer_critic) cases.push_back(trace_case(mode));
  return cases;
}

}  // namespace innerloop::meta

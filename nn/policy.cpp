#include "nn/policy.h"

#include "autodiff/ops.h"
#include "nn/distributions.h"

namespace innerloop::nn {
namespace {

bool is_gaussian(const PolicySpec& spec) { return spec.head == PolicySpec::Head::gaussian; }
Gaussian gaussian(const DistributionVars& p) { return {p["mean"], p["log_sigma"]}; }
Categorical categorical(const DistributionVars& p) { return {p["logits"]}; }

DistributionVars named(const Gaussian& p) {
  DistributionVars vars;
  vars.add("mean", p.mean);
  vars.add("log_sigma", p.log_sigma);
  return vars;
}
DistributionVars named(const Categorical& p) {
  DistributionVars vars;
  vars.add("logits", p.logits);
  return vars;
}

}  // namespace

ParamValues init_policy(const PolicySpec& spec, std::uint64_t seed, Dtype dtype) {
  ParamValues theta = init_mlp(spec.net, seed, "policy", dtype);
  if (is_gaussian(spec))
    theta.add("policy/log_sigma", Tensor::full({1, 1, spec.net.outputs}, spec.log_sigma_init, dtype));
  return theta;
}

DistributionVars distribution(const Params& theta, const PolicySpec& spec, Var observations) {
  const Var output = mlp(theta, spec.net, "policy", observations);  // (tasks, rows, A)
  if (!is_gaussian(spec)) return named(Categorical{output});

  const Var log_sigma = theta["policy/log_sigma"];
  const Var floor = output.graph->fill({1, 1, 1}, spec.log_sigma_floor);
  return named(Gaussian{output, maximum(log_sigma, floor)});
}

Var log_prob(const PolicySpec& spec, const DistributionVars& p, Var actions) {
  return is_gaussian(spec) ? log_prob(gaussian(p), actions) : log_prob(categorical(p), actions);
}

Var entropy(const PolicySpec& spec, const DistributionVars& p) {
  return is_gaussian(spec) ? entropy(gaussian(p)) : entropy(categorical(p));
}

Var kl(const PolicySpec& spec, const DistributionVars& p, const DistributionVars& q) {
  return is_gaussian(spec) ? kl(gaussian(p), gaussian(q)) : kl(categorical(p), categorical(q));
}

DistributionVars fisher_product(const PolicySpec& spec, const DistributionVars& p, const DistributionVars& tangent,
                                Var weights) {
  if (is_gaussian(spec)) return named(fisher_product(gaussian(p), gaussian(tangent), weights));
  return named(fisher_product(categorical(p), categorical(tangent), weights));
}

Var log_prob(const Params& theta, const PolicySpec& spec, Var observations, Var actions) {
  return log_prob(spec, distribution(theta, spec, observations), actions);
}

}  // namespace innerloop::nn

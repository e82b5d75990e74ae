#include "rl/trpo.h"

#include <cmath>
#include <string>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "rl/check_cases.h"
#include "rl/experience/on_policy.h"
#include "rl/experience/padding.h"
#include "rl/policy_gradient.h"

namespace innerloop::rl {

// region: equations
// [TRPO eq. surrogate]  L(θ) = Σ_t w_t ρ_t·Â_t,  ρ_t = π_θ(a_t|s_t)/π_old(a_t|s_t)
Var trpo_surrogate(const Params& theta, const nn::PolicySpec& policy, const Batch& batch, Var old_log_prob) {
  const Batch data = without_padding(batch, batch["weights"]);
  const Var log_pi = nn::log_prob(theta, policy, data["observations"], data["actions"]);  // (B, rows, 1)
  const Var ratio = exp(on_real_rows(log_pi - old_log_prob, batch["weights"]));
  return sum_tasks(sum_all(mul3(batch["weights"], ratio, data["advantages"])));
}

// [TRPO eq. kl]  KL(θ) = Σ_t w_t KL(π_old(·|s_t) ‖ π_θ(·|s_t)) ≤ δ
Var trpo_kl(const Params& theta, const nn::PolicySpec& policy, const Batch& batch, const nn::DistributionVars& old) {
  const Var weights = batch["weights"];
  const nn::DistributionVars now = nn::distribution(theta, policy, on_real_rows(batch["observations"], weights));
  const Var kl = on_real_rows(nn::kl(policy, without_padding(old, weights), now), weights);
  return sum_tasks(sum_all(weights * kl));
}

// [TRPO eq. fisher]  F·v = Σ_t w_t J_tᵀ F_π(s_t) J_t·v  with J = ∂(distribution parameters)/∂θ
// This is ∇²KL·v at θ = θ_old.
Params fisher_vector_product(const Params& theta, const nn::PolicySpec& policy, const Batch& batch, const Params& v) {
  const Var observations = on_real_rows(batch["observations"], batch["weights"]);
  const nn::DistributionVars p = nn::distribution(theta, policy, observations);
  const nn::DistributionVars p_dot = p.with(jvp(p.all(), theta.all(), v.all()));              // J·v
  const nn::DistributionVars p_bar = nn::fisher_product(policy, p, p_dot, batch["weights"]);  // F_π·J·v
  return theta.with(vjp(p.all(), theta.all(), p_bar.all()));                                  // Jᵀ·F_π·J·v
}
// endregion

TrpoFunctions::TrpoFunctions()
    : old_policy("trpo/old_policy",
                 [](Inputs& in, const nn::PolicySpec& policy) -> std::vector<Vars> {
                   const Params theta = in.next("theta");
                   Batch batch = in.next("batch");
                   batch = without_padding(batch, batch["weights"]);
                   const nn::DistributionVars p = nn::distribution(theta, policy, batch["observations"]);
                   return {p, Vars("log_prob", nn::log_prob(policy, p, batch["actions"]))};
                 }),
      gradient("trpo/gradient",
               [](Inputs& in, const nn::PolicySpec& policy) -> std::vector<Vars> {
                 const Params theta = in.next("theta");
                 const Batch batch = in.next("batch");
                 const Var objective = trpo_surrogate(theta, policy, batch, in.next_var("old_log_prob"));
                 return {grad(objective, theta), Vars("objective", objective)};
               }),
      evaluate("trpo/evaluate",
               [](Inputs& in, const nn::PolicySpec& policy) -> std::vector<Vars> {
                 const Params theta = in.next("theta");
                 const Batch batch = in.next("batch");
                 const nn::DistributionVars old = in.next("old");
                 Vars point("objective", trpo_surrogate(theta, policy, batch, in.next_var("old_log_prob")));
                 point.add("kl", trpo_kl(theta, policy, batch, old));
                 return {point};
               }),
      fisher("trpo/fisher", [](Inputs& in, const nn::PolicySpec& policy) -> std::vector<Vars> {
        const Params theta = in.next("theta");
        const Batch batch = in.next("batch");
        return {fisher_vector_product(theta, policy, batch, in.next("v"))};
      }),
      cg_iteration("trpo/cg_iteration", [](Inputs& in, const nn::PolicySpec& policy) -> std::vector<Vars> {
        const Params theta = in.next("theta");
        const Batch batch = in.next("batch");
        const Var damping = in.next_var("damping");
        const Vars state = in.next("state");
        const Params p = cg_direction(state);
        const Params Fp = fisher_vector_product(theta, policy, batch, p) + damping * p;
        return {rl::cg_iteration(state, Fp)};
      }) {}

// region: update
TrpoStep trpo_update(const ParamValues& theta, const nn::PolicySpec& policy, const BatchValues& batch,
                     const TrpoFunctions& functions, const TrpoConfig& config) {
  // The policy that collected the data, as data; and the gradient of the surrogate, where every ratio is 1.
  const std::vector<Tensors> old = functions.old_policy(policy, {theta, batch});
  const Tensor& old_log_prob = old[1]["log_prob"];
  const std::vector<Tensors> first_order = functions.gradient(policy, {theta, batch, old_log_prob});
  const Tensors& g = first_order[0];
  if (!std::isfinite(norm(g)))
    throw NonFiniteError("trpo: the gradient of the surrogate is not finite; look at the advantages");

  // x ≈ (F + damping·1)⁻¹ g. An iteration is one Function; θ and the batch stay the same in all of them, so the
  // network's forward pass is done once.
  const Tensor damping = Tensor::scalar(config.cg_damping, g[0].dtype());
  const auto iterate = [&](const Tensors& state) {
    return functions.cg_iteration(policy, {fixed(theta), fixed(batch), fixed(damping), state})[0];
  };
  // [TRPO eq. step]  s = √(2δ/(xᵀFx))·x: then ½sᵀFs = δ; and the largest fraction of it that truly improves within δ
  const auto evaluate = [&](const ParamValues& candidate) {
    const Tensors point = functions.evaluate(policy, {candidate, batch, old[0], old_log_prob})[0];
    return TrialPoint{.objective = point["objective"].item(), .kl = point["kl"].item()};
  };
  return trust_region_update(theta, g, first_order[1]["objective"].item(), iterate, evaluate, config, "trpo");
}
// endregion

namespace {

struct TrpoTrainerConfig {
  OnPolicyConfig data;
  TrpoConfig step;
};

class TrpoTrainer : public Trainer {
 public:
  TrpoTrainer(const TrpoTrainerConfig& config, std::uint64_t seed)
      : config_(config),
        source_(config.data, seed),
        theta_(nn::init_policy(source_.policy(), seed, config.data.dtype)) {}

  // region: train
  // One iteration of the algorithm.
  Metrics iterate() override {
    // Collect trajectories of the current policy; estimate returns, baseline and advantages.
    const Experience experience = source_.collect(theta_, iteration_);

    // Maximise the surrogate within the trust region.
    const TrpoStep step = trpo_update(theta_, source_.policy(), experience.batch, functions_, config_.step);
    theta_ = step.search.theta;

    ++iteration_;
    Metrics metrics = experience_metrics(experience);
    metrics.push_back({"gain", step.search.point.objective - step.objective_before});
    metrics.push_back({"kl", step.search.point.kl});
    metrics.push_back({"step_fraction", step.search.fraction});
    metrics.push_back({"gradient_norm", step.gradient_norm});
    metrics.push_back({"cg_residual", step.cg.residual});
    return metrics;
  }
  // endregion

  int iterations() const override { return config_.data.iterations; }
  void visit(Checkpoint& c) override {
    c("", theta_);
    c("", source_);
  }
  AdaptReport adapt(const AdaptRequest& request) const override {
    return adapt_by_policy_gradient(source_, theta_, request);
  }

 private:
  TrpoTrainerConfig config_;
  OnPolicySource source_;
  ParamValues theta_;
  TrpoFunctions functions_;
};

const Options<TrpoConfig> step_options =
    Options<TrpoConfig>()
        .add("delta", &TrpoConfig::delta, {1e-12, 100}, "bound δ on the mean KL of a step", "0.01")
        .add("cg_iterations", &TrpoConfig::cg_iterations, {1, 1000}, "conjugate gradient iterations", "10")
        .add("cg_damping", &TrpoConfig::cg_damping, {0, 10}, "added to the Fisher matrix's diagonal")
        .add("backtrack", &TrpoConfig::backtrack, {0.01, 0.99}, "each line search step is this times the one before")
        .add("backtracks", &TrpoConfig::backtracks, {1, 100}, "steps the line search tries");
const Options<TrpoTrainerConfig> options = Options<TrpoTrainerConfig>()
                                               .include(&TrpoTrainerConfig::data, on_policy_options())
                                               .include(&TrpoTrainerConfig::step, step_options);

constexpr Preset presets[] = {
    {"cartpole", "CartPole to 475 and above, with a value network",
     "env = cartpole-v1\ntasks = 1\ntrajectories = 16\niterations = 100\nhidden = [64, 64]\nactivation = tanh\n"
     "baseline = network\nlambda = 0.97"},
};

constexpr SmokeRun smoke[] = {
    {"linear", "tasks = 3\ntrajectories = 2\nhidden = [8]\ncg_damping = 0.1"},
    {"network",
     "env = pendulum-v1\ntasks = 1\ntrajectories = 2\nhidden = [8]\nbaseline = network\ncg_damping = 10"},
};

std::unique_ptr<Trainer> make(const OptionValues& values, std::uint64_t seed) {
  return std::make_unique<TrpoTrainer>(options.read(values), seed);
}

}  // namespace

const AlgorithmRow trpo = {
    .name = "trpo",
    .title = "Trust region policy optimisation",
    .paper = "Schulman et al. 2015, arXiv 1502.05477v5",
    .summary = "the step of a given KL divergence that raises the return most, checked by a line search",
    .source = "rl/trpo.cpp",
    .options = options,
    .presets = presets,
    .make = make,
    .checks = trpo_check_cases,
    .smoke = smoke,
};

}  // namespace innerloop::rl

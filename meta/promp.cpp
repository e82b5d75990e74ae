#include "meta/promp.h"

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "meta/check_cases.h"
#include "meta/inner_loop.h"
#include "nn/optimizer.h"
#include "rl/experience/padding.h"

namespace innerloop::meta {

// region: clip
// [ProMP eq. clip]  J^clip = Σ min(ρ Â, clip(ρ, 1 ± ε) Â)/M,  ρ = π_θ'(a|s)/π_θ'o(a|s): ratios of adapted policies
Var clipped_objectives(const Params& theta_prime, const Batch& query, const PrompSpec& spec) {
  const Batch data = rl::without_padding(query, query["weights"]);
  const Var log_pi = nn::log_prob(theta_prime, spec.inner.policy, data["observations"], data["actions"]);
  const Var ratio = exp(rl::on_real_rows(log_pi - data["old_log_prob"], query["weights"]));  // (B, rows, 1)
  const Var clipped = clip(ratio, 1 - spec.clip, 1 + spec.clip);
  return sum_all(minimum(ratio * data["advantages"], clipped * data["advantages"]) * query["weights"]);
}
// endregion

// [ProMP eq. kl]  KL_k = mean_i mean_s KL(π_θo^(k)(·|s) ‖ π_θ^(k)(·|s)) on the states of inner step k
Var step_kl(const Params& theta_i, const Batch& support, const PrompSpec& spec) {
  return outer_kl(theta_i, support, spec.inner);
}

// region: objective
// [ProMP eq. objective]  J(θ) = mean_i J^clip_i(θ'_i) − mean_k η_k KL_k,  θ'_i = θ + α∇J^LR_i(θ)
PrompObjective promp_objective(const Params& theta, const Batch& supports, Var alpha, const Batch& query, Var eta,
                               const PrompSpec& spec) {
  const int tasks = query["weights"].shape().tasks, K = spec.inner.inner_steps;
  Params theta_i = broadcast_tasks(theta, tasks);
  std::vector<Var> kl;
  for (int k = 0; k < K; ++k) {
    const Batch support = batch_of_step(supports, k);
    kl.push_back(step_kl(theta_i, support, spec));
    theta_i = adapt(theta_i, support, slice_rows(alpha, k, 1), spec.inner);
  }
  PrompObjective objective;
  objective.kl_outer = outer_kl(theta_i, query, spec.inner);
  objective.value = sum_tasks(clipped_objectives(theta_i, query, spec)) * (1.0 / tasks);
  if (K > 0) {
    objective.kl_steps = concat_rows(kl);  // (1, K, 1)
    objective.value = objective.value - sum_all(eta * objective.kl_steps) * (1.0 / K);
  }
  return objective;
}
// endregion

double adapted_penalty(double eta, double kl, double target) {
  if (kl < target / 1.5) return eta / 2;
  return kl > target * 1.5 ? eta * 2 : eta;
}

PrompFunctions::PrompFunctions()
    : gradient("promp/gradient",
               [](Inputs& in, const PrompSpec& spec) -> std::vector<Vars> {
                 const Params theta = in.next("theta");
                 const Batch supports = in.next("supports");
                 const Var alpha = in.next_var("alpha");
                 const Batch query = in.next("query");
                 const PrompObjective objective =
                     promp_objective(theta, supports, alpha, query, in.next_var("eta"), spec);
                 return {grad(objective.value, theta), Vars("objective", objective.value)};
               }),
      evaluate("promp/evaluate", [](Inputs& in, const PrompSpec& spec) -> std::vector<Vars> {
        const Params theta = in.next("theta");
        const Batch supports = in.next("supports");
        const Var alpha = in.next_var("alpha");
        const Batch query = in.next("query");
        const PrompObjective objective = promp_objective(theta, supports, alpha, query, in.next_var("eta"), spec);
        Vars values("objective", objective.value);
        values.add("kl", objective.kl_outer);
        if (spec.inner.inner_steps > 0) values.add("kl_steps", objective.kl_steps);
        return {values};
      }) {}

namespace {

struct PrompConfig {
  InnerLoopConfig inner = {.env = "promp-corner-v1",
                           .tasks = 40,
                           .inner_steps = 1,
                           .alpha = 0.1,
                           .test_alpha_factor = 1,
                           .estimator = InnerEstimator::importance_ratio,
                           .hidden = {64, 64},
                           .activation = Activation::tanh};
  int epochs = 5;
  double clip = 0.3;
  double eta = 5e-4;
  bool adaptive_eta = false;
  double kl_target = 0.01;
  double learning_rate = 1e-3;
};

class PrompTrainer final : public rl::Trainer {
 public:
  PrompTrainer(const PrompConfig& config, std::uint64_t seed)
      : config_(config),
        loop_(config.inner, seed),
        spec_{.inner = loop_.spec(), .clip = config.clip},
        theta_(loop_.initial_parameters()),
        moments_(nn::adam_start(theta_)),
        eta_(static_cast<std::size_t>(std::max(config.inner.inner_steps, 1)), config.eta) {}

  // region: train
  // One iteration of the algorithm.
  rl::Metrics iterate() override {
    // Explore every task of a batch, adapt to it, act with the adapted policy; keep the numbers of all these policies.
    const MetaData data =
        loop_.collect(theta_, loop_.sample_tasks(iteration_), iteration_, SupportPolicies::kept);
    const Tensor eta = Tensor::from({1, static_cast<int>(eta_.size()), 1}, eta_, config_.inner.dtype);

    // Several steps of Adam on the same data. From the second on the inner gradient is importance-weighted too.
    double gradient_norm = 0;
    for (int epoch = 0; epoch < config_.epochs; ++epoch) {
      const Tensors gradient =
          functions_.gradient(spec_, {theta_, data.supports, data.alpha, data.query, eta})[0];
      if (!gradient.all_finite())
        throw NonFiniteError("promp, iteration " + std::to_string(iteration_) +
                             ": the meta-gradient is not finite. Try a smaller alpha.");
      if (epoch == 0) gradient_norm = norm(gradient);
      nn::adam_step(theta_, gradient, moments_, {.learning_rate = config_.learning_rate}, -1);
    }

    // How far the policies moved decides the next penalty.
    const Tensors values = functions_.evaluate(spec_, {theta_, data.supports, data.alpha, data.query, eta})[0];
    if (config_.adaptive_eta)
      for (int k = 0; k < spec_.inner.inner_steps; ++k) {
        double& eta_k = eta_[static_cast<std::size_t>(k)];
        eta_k = adapted_penalty(eta_k, values["kl_steps"].at(0, k, 0), config_.kl_target);
      }
    ++iteration_;
    rl::Metrics metrics = data_metrics(data);
    metrics.insert(metrics.end(), {{"gradient_norm", gradient_norm},
                                   {"objective", values["objective"].item()},
                                   {"kl", values["kl"].item()},
                                   {"kl_before", spec_.inner.inner_steps > 0 ? values["kl_steps"].item() : 0},
                                   {"eta", eta_[0]}});
    return metrics;
  }
  // endregion

  int iterations() const override { return config_.inner.iterations; }
  void visit(rl::Checkpoint& c) override {
    c("", theta_);
    c("adam", moments_);
    c("eta", eta_);
  }
  rl::AdaptReport adapt(const rl::AdaptRequest& request) const override { return loop_.adapt(theta_, request); }

 private:
  PrompConfig config_;
  InnerLoop loop_;
  PrompSpec spec_;
  ParamValues theta_;
  nn::AdamState moments_;
  std::vector<double> eta_;  // one per inner step
  PrompFunctions functions_;
};

const rl::Options<PrompConfig>& promp_options() {
  using Config = PrompConfig;
  static const auto options =
      rl::Options<Config>()
          .include(&Config::inner, inner_loop_options())
          .edit("estimator", {.words = "importance-ratio",
                              .help = "inner objective: likelihood ratios to the policy that collected the data",
                              .paper = "likelihood-ratio (equation 9)"})
          .edit("tasks", {.paper = "40 in the authors' scripts"})
          .edit("trajectories", {.paper = "20 in the authors' scripts"})
          .edit("inner_steps", {.paper = "1 in the authors' scripts; 3 on the corners"})
          .edit("alpha", {.paper = "0.1 in the authors' scripts"})
          .edit("hidden", {.paper = "64, 64 in the authors' scripts"})
          .edit("activation", {.paper = "tanh in the authors' scripts"})
          .add("epochs", &Config::epochs, {1, 1000}, "steps of Adam on the same data", "5 in the authors' scripts")
          .add("clip", &Config::clip, {0, 10}, "ε: ratios of adapted policies outside 1 ± ε earn nothing more",
               "0.3 in the authors' scripts")
          .add("eta", &Config::eta, {0, 1e6}, "η, weight of the KL between policies before adaptation",
               "5e-4 in the authors' scripts")
          .add("adaptive_eta", &Config::adaptive_eta,
               "η is doubled where the KL is above 1.5 times its target, halved below target/1.5",
               "false in the authors' scripts")
          .add("kl_target", &Config::kl_target, {1e-12, 1000}, "of adaptive_eta", "0.01")
          .add("learning_rate", &Config::learning_rate, {0, 1000}, "of Adam, on the meta-parameters",
               "0.001 in the authors' scripts");
  return options;
}

constexpr rl::Preset presets[] = {
    {"official", "as in the authors' scripts (jonasrothfuss/ProMP): the defaults", ""},
    {"corner", "the four corners, three inner steps of learned sizes",
     "inner_steps = 3\nsigma = 3\nalpha = 0.1\nstep_sizes = learned\ntasks = 20\ntrajectories = 10\n"
     "hidden = [32, 32]\nlearning_rate = 0.005\niterations = 60"},
};

constexpr rl::SmokeRun smoke[] = {
    {"eta adapts", "tasks = 3\ntrajectories = 2\nhidden = [8]\nadaptive_eta = true"},
    {"eta stays", "tasks = 3\ntrajectories = 2\nhidden = [8]\nadaptive_eta = false\ninner_steps = 2\nepochs = 2"},
};

std::unique_ptr<rl::Trainer> make_promp(const rl::OptionValues& values, std::uint64_t seed) {
  return std::make_unique<PrompTrainer>(promp_options().read(values), seed);
}

}  // namespace

const rl::AlgorithmRow promp = {
    .name = "promp",
    .title = "Proximal meta-policy search",
    .paper = "Rothfuss et al. 2019, arXiv 1810.06784v4",
    .summary = "likelihood-ratio inner steps, and several clipped meta-steps on the same data",
    .source = "meta/promp.cpp",
    .options = promp_options(),
    .presets = presets,
    .make = make_promp,
    .checks = promp_check_cases,
    .smoke = smoke,
};

}  // namespace innerloop::meta

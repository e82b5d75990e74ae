#include "rl/dqn.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "kernels/philox.h"
#include "kernels/require.h"
#include "nn/optimizer.h"
#include "rl/check_cases.h"
#include "rl/experience/off_policy.h"

namespace innerloop::rl {
namespace {

template <class T>
void targets_of(const Tensor& rewards, const Tensor& terminated, const Tensor& q_target, const Tensor& chooser,
                double gamma, Tensor& y) {
  const auto A = static_cast<std::size_t>(q_target.shape().cols);
  const auto r = rewards.values<T>(), d = terminated.values<T>();
  const auto q = q_target.values<T>(), choice = chooser.values<T>();
  const auto out = y.mutable_values<T>();
  for (std::size_t row = 0; row < out.size(); ++row) {
    const auto mine = choice.subspan(row * A, A);
    const auto best = static_cast<std::size_t>(std::ranges::max_element(mine) - mine.begin());
    out[row] = r[row] + static_cast<T>(gamma) * (1 - d[row]) * q[row * A + best];
  }
}

int best_column(const Tensor& q, int row) {
  int best = 0;
  for (int a = 1; a < q.shape().cols; ++a)
    if (q.at(0, row, a) > q.at(0, row, best)) best = a;
  return best;
}

}  // namespace

// region: equations
// [DQN eq. target]  y = r + γ(1 − d)·max_a' Q_θ⁻(s', a')
// [DQN eq. double]  y = r + γ(1 − d)·Q_θ⁻(s', argmax_a' Q_θ(s', a'))
Tensor dqn_targets(const Tensor& rewards, const Tensor& terminated, const Tensor& q_target, const Tensor* q_online,
                   double gamma) {
  Tensor y(rewards.shape(), rewards.dtype());
  const Tensor& chooser = q_online != nullptr ? *q_online : q_target;
  const auto compute = rewards.dtype() == Dtype::f32 ? targets_of<float> : targets_of<double>;
  compute(rewards, terminated, q_target, chooser, gamma, y);
  return y;
}

// [DQN eq. loss]  L(θ) = mean h(Q_θ(s, a) − y),  h(e) = ½e² for |e| ≤ 1, |e| − ½ beyond
Var dqn_loss(const Params& theta, const DqnSpec& spec, const Batch& batch) {
  const Var q = pick_cols(nn::mlp(theta, spec.net, "q", batch["observations"]), batch["actions"]);  // (1, rows, 1)
  const Var error = q - batch["targets"];
  // c = error limited to ±1: c·(error − ½c) is both branches in one.
  const Var c = spec.huber ? clip(error, -1, 1) : error;
  return mean_all(c * (error - 0.5 * c));
}
// endregion

DqnFunctions::DqnFunctions()
    : values("dqn/values",
             [](Inputs& in, const DqnSpec& spec) -> std::vector<Vars> {
               const Params theta = in.next("theta");
               Vars out;
               out.add("q", nn::mlp(theta, spec.net, "q", in.next_var("observations")));
               return {out};
             }),
      gradient("dqn/gradient", [](Inputs& in, const DqnSpec& spec) -> std::vector<Vars> {
        const Params theta = in.next("theta");
        const Batch batch = in.next("batch");
        const Var loss = dqn_loss(theta, spec, batch);
        Vars info;
        info.add("loss", loss);
        info.add("target", mean_all(batch["targets"]));
        const Vars slope = grad(loss, theta);
        info.add("gradient", nn::sum_of_all(slope));
        return {slope, info};
      }) {}

namespace {

struct DqnConfig {
  OffPolicyConfig data = {.env = "cartpole-v1",
                          .iterations = 20,
                          .steps = 10000,
                          .hidden = {120, 84},
                          .batch = 128,
                          .capacity = 10000,
                          .learning_starts = 10000,
                          .update_every = 10,
                          .tau = 1};
  double learning_rate = 2.5e-4;
  bool double_q = true;
  bool huber = false;
  int target_every = 50;  // updates from one renewal of θ⁻ to the next, which moves it by τ
  double epsilon = 0.05;
  int epsilon_steps = 50000;  // from 1 to epsilon
};

// The network that fits the environment.
DqnSpec fitted(const DqnConfig& config) {
  const EnvSizes env = env_sizes(config.data.env);
  if (!env.discrete) throw UsageError("dqn: " + config.data.env + " has continuous actions; dqn needs discrete ones");
  return {.net = {.inputs = env.observations, .hidden = config.data.hidden, .outputs = env.actions,
                  .activation = config.data.activation},
          .huber = config.huber};
}

class DqnTrainer : public Trainer {
 public:
  DqnTrainer(const DqnConfig& config, std::uint64_t seed)
      : config_(config),
        spec_(fitted(config)),
        source_(config.data, seed),
        theta_(nn::init_mlp(spec_.net, seed, "q", config.data.dtype)),
        target_(theta_),
        moments_(nn::adam_start(theta_)) {
    source_.batch.add("targets", Tensor(source_.batch["rewards"].shape(), config.data.dtype));
  }

  // region: train
  // One iteration: `steps` steps of the environment.
  Metrics iterate() override {
    for (int step = 0; step < source_.config.steps; ++step) {
      // Act: at random with probability ε, else as Q says; and remember what happened.
      source_.buffer.add(source_.stream.step(std::array{static_cast<double>(choose())}));

      // Learn from what is remembered.
      for (int k = 0; source_.learns() && k < source_.config.updates; ++k) update();
    }
    ++iteration_;
    return metrics();
  }

  void update() {
    // A batch, and what Q should say of it.
    source_.sample();
    BatchValues& batch = source_.batch;
    const Tensor q_target = values(target_, batch["next_observations"]);
    const Tensor q_online = config_.double_q ? values(theta_, batch["next_observations"]) : Tensor();
    batch["targets"] = dqn_targets(batch["rewards"], batch["terminated"], q_target,
                                   config_.double_q ? &q_online : nullptr, source_.config.gamma);

    // A step of Adam; now and then the Polyak update of θ⁻.
    const std::vector<Tensors> gradient = functions_.gradient(spec_, {theta_, batch});
    const Tensors& reported = gradient[1];
    if (!reported.all_finite())
      throw NonFiniteError("dqn, update " + std::to_string(source_.draws) +
                           ": the loss or its gradient is not finite. Try a smaller learning_rate.");
    loss_ = reported["loss"].item();
    target_mean_ = reported["target"].item();
    nn::adam_step(theta_, gradient[0], moments_, {.learning_rate = config_.learning_rate});
    if (source_.draws % static_cast<std::uint32_t>(config_.target_every) == 0)
      nn::polyak_update(target_, theta_, source_.config.tau);
  }
  // endregion

  int iterations() const override { return config_.data.iterations; }
  void visit(Checkpoint& c) override {
    c("theta", theta_);
    c("target", target_);
    c("adam", moments_);
    c.numbers("last", loss_, target_mean_);
    c("", source_);
  }
  AdaptReport adapt(const AdaptRequest& request) const override {
    return adapt_policy(source_.config.env, request, theta_,
                        [this](const Tensors& knowledge, const Tensor& observations, std::span<const Philox> random) {
                          return act(knowledge, observations, random);
                        });
  }

 private:
  Tensor values(const ParamValues& theta, const Tensor& observations) const {
    return functions_.values(spec_, {theta, observations})[0][0].to(Device::cpu);
  }
  int choose() const {
    const auto steps = static_cast<double>(source_.stream.steps());
    Philox random(source_.seed, {.purpose = Purpose::action, .iteration = source_.stream.counter()});
    const double progress = std::min(1.0, steps / config_.epsilon_steps);
    if (source_.explores() || random.uniform() < 1 + progress * (config_.epsilon - 1))
      return static_cast<int>(random.below(static_cast<std::uint32_t>(spec_.net.outputs)));
    const Tensor seen =
        Tensor::from({1, 1, source_.sizes.observations}, source_.stream.observation(), source_.config.dtype);
    return best_column(values(theta_, seen), 0);
  }
  // The best action of every row; with random numbers, a random one with the last ε.
  Tensor act(const ParamValues& theta, const Tensor& observations, std::span<const Philox> random) const {
    const Tensor q = values(theta, observations.to(source_.config.dtype));
    Tensor actions({1, q.shape().rows, 1});
    for (int row = 0; row < q.shape().rows; ++row) {
      int action = best_column(q, row);
      if (!random.empty())
        if (Philox numbers = random[static_cast<std::size_t>(row)]; numbers.uniform() < config_.epsilon)
          action = static_cast<int>(numbers.below(static_cast<std::uint32_t>(q.shape().cols)));
      actions.set(0, row, 0, action);
    }
    return actions;
  }
  Metrics metrics() {
    Metrics metrics = stream_metrics(source_);
    metrics.push_back({"evaluation", mean_evaluation(source_, [this](const Tensor& observations) {
                         return act(theta_, observations, {});
                       })});
    metrics.push_back({"loss", loss_});
    metrics.push_back({"target", target_mean_});
    return metrics;
  }

  DqnConfig config_;
  DqnSpec spec_;
  OffPolicySource source_;
  DqnFunctions functions_;
  ParamValues theta_, target_;
  nn::AdamState moments_;
  double loss_ = 0, target_mean_ = 0;  // of the last update
};

const Options<DqnConfig> options =
    Options<DqnConfig>()
        .include(&DqnConfig::data, off_policy_options())
        .add("learning_rate", &DqnConfig::learning_rate, {0, 1}, "Adam's step", "RMSProp 2.5e-4")
        .add("double_q", &DqnConfig::double_q, "a' chosen by θ and valued by θ⁻", "false (2015), true (2016)")
        .add("huber", &DqnConfig::huber, "linear beyond an error of 1", "true: clipped errors")
        .add("target_every", &DqnConfig::target_every, {1, 1e7}, "updates between two moves of θ⁻ by tau",
             "10000, with tau = 1")
        .add("epsilon", &DqnConfig::epsilon, {0, 1}, "share of random actions, at last", "0.1")
        .add("epsilon_steps", &DqnConfig::epsilon_steps, {1, 1e9}, "steps from 1 to that share", "1e6");

constexpr SmokeRun smoke[] = {
    {"double", "steps = 12\nhidden = [8]\nbatch = 8\nlearning_starts = 8\nupdate_every = 1\nevaluation_episodes = 1"},
    {"full ring, Huber, single",
     "steps = 12\nhidden = [8]\nbatch = 8\nlearning_starts = 8\ncapacity = 10\nhuber = true\ndouble_q = false\n"
     "evaluation_episodes = 1"},
};

std::unique_ptr<Trainer> make(const OptionValues& values, std::uint64_t seed) {
  return std::make_unique<DqnTrainer>(options.read(values), seed);
}

}  // namespace

const AlgorithmRow dqn = {
    .name = "dqn",
    .title = "Deep Q-networks",
    .paper = "Mnih et al. 2015; van Hasselt et al. 2016, arXiv 1509.06461v3",
    .summary = "Q-learning with a network, a replay buffer and targets that stand still",
    .source = "rl/dqn.cpp",
    .options = options,
    .presets = {},
    .make = make,
    .checks = dqn_check_cases,
    .smoke = smoke,
};

}  // namespace innerloop::rl

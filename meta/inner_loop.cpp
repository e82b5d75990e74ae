#include "meta/inner_loop.h"

#include <cmath>

#include "envs/table.h"
#include "rl/experience/agent.h"

namespace innerloop::meta {
namespace {

// Adds a batch to a list of batches under "k/…".
void add_batch(BatchValues& batches, int k, const BatchValues& batch) {
  for (std::size_t i = 0; i < batch.count(); ++i) batches.add(std::to_string(k) + "/" + batch.name(i), batch[i]);
}
void add_all(BatchValues& batch, const Tensors& more) {
  for (std::size_t i = 0; i < more.count(); ++i) batch.add(more.name(i), more[i]);
}

// What is traced: the policy that fits the environment, the estimator, K.
MamlSpec fitted(const InnerLoopConfig& config) {
  return {.policy = rl::policy_for(envs::find_env(config.env), config.hidden, config.activation,
                                   std::log(config.sigma)),
          .estimator = config.estimator,
          .inner_steps = config.inner_steps,
          .loaded_lambda = config.loaded_lambda,
          .step_sizes = config.step_sizes};
}

}  // namespace

InnerLoop::InnerLoop(const InnerLoopConfig& config, std::uint64_t seed)
    : config_(config),
      spec_(fitted(config)),
      seed_(seed),
      env_(&envs::find_env(config_.env)),
      rollout_(*env_, spec_.policy),
      test_rollout_(config.test_env.empty() ? *env_ : same_interface(*env_, envs::find_env(config.test_env)),
                    spec_.policy) {}

ParamValues InnerLoop::initial_parameters() const {
  ParamValues theta = nn::init_policy(spec_.policy, seed_, config_.dtype);
  return config_.step_sizes == StepSizes::learned ? with_step_sizes(theta, config_.alpha) : theta;
}

std::vector<envs::Task> InnerLoop::sample_tasks(int iteration) const {
  std::vector<envs::Task> tasks;
  for (int i = 0; i < config_.tasks; ++i)
    tasks.push_back(envs::sample_task(*env_, seed_, Purpose::task, static_cast<std::uint32_t>(iteration),
                                      static_cast<std::uint32_t>(i)));
  return tasks;
}

// region: collect
MetaData InnerLoop::collect(const ParamValues& theta, const std::vector<envs::Task>& tasks, int iteration,
                            SupportPolicies policies, int first_task) const {
  MetaData data;
  const double alpha = spec_.step_sizes == StepSizes::learned ? 1 : config_.alpha;
  data.alpha = Tensor::full({1, std::max(spec_.inner_steps, 1), 1}, alpha, config_.dtype);
  ParamValues theta_i = theta;
  for (int k = 0;; ++k) {
    // Sample trajectories of every task with its own policy.
    const rl::Trajectories trajectories = rollout_.collect(theta_i, tasks, config_.trajectories,
                                                           {.seed = seed_,
                                                            .iteration = static_cast<std::uint32_t>(iteration),
                                                            .inner_step = static_cast<std::uint32_t>(k),
                                                            .first_task = static_cast<std::uint32_t>(first_task)});
    BatchValues batch = rl::make_batch(trajectories, config_.advantage);
    data.mean_returns.push_back(trajectories.mean_return());
    if (k == 0) data.first_returns = trajectories.returns;
    const bool last = k == spec_.inner_steps;
    if (last || policies == SupportPolicies::kept) add_all(batch, maml_.old_policy(spec_, {theta_i, batch})[0]);

    // The last batch evaluates the adapted policies; the others adapt them.
    if (last) {
      data.query = std::move(batch);
      data.theta_prime = std::move(theta_i);
      data.last_returns = trajectories.returns;
      data.steps = trajectories.steps();
      data.length = static_cast<double>(data.steps) / (trajectories.tasks * trajectories.per_task);
      for (int task = 0; task < trajectories.tasks; ++task)
        data.task_returns.push_back(trajectories.mean_return(task));
      return data;
    }
    theta_i =
        maml_.adapt_step(spec_, {theta_i, batch, Tensor::scalar(data.alpha.at(0, k, 0), config_.dtype)})[0];
    add_batch(data.supports, k, batch);
  }
}
// endregion

rl::AdaptiveLearner InnerLoop::learner(const ParamValues& theta) const {
  rl::AdaptiveLearner learner;
  learner.start = [theta](int) { return theta; };  // shared until the first step
  learner.act = [this](const ParamValues& theta_i, const std::vector<envs::Task>& tasks, int episodes,
                       const rl::RolloutPlace& place, bool deterministic) {
    return test_rollout_.collect(theta_i, tasks, episodes, place, deterministic);
  };
  learner.update = [this](const ParamValues& theta_i, const rl::Trajectories& explored, int k) -> Tensors {
    BatchValues batch = rl::make_batch(explored, config_.advantage);
    if (spec_.estimator == InnerEstimator::importance_ratio)
      add_all(batch, maml_.old_policy(spec_, {theta_i, batch})[0]);
    const double alpha = spec_.step_sizes == StepSizes::learned ? 1 : config_.alpha;
    const double factor = k == 0 ? 1 : config_.test_alpha_factor;
    return maml_.adapt_step(spec_, {theta_i, batch, Tensor::scalar(alpha * factor, config_.dtype)})[0];
  };
  return learner;
}

rl::AdaptReport InnerLoop::adapt(const ParamValues& theta, const rl::AdaptRequest& request) const {
  return rl::AdaptationProtocol{request}.run(learner(theta));
}

const envs::EnvRow& same_interface(const envs::EnvRow& train, const envs::EnvRow& test) {
  const envs::Spec &a = train.spec, &b = test.spec;
  require(a.task_size == b.task_size && a.obs_size == b.obs_size && a.action_kind == b.action_kind &&
              a.action_size == b.action_size && a.action_count == b.action_count, [&] {
    return "test_env " + std::string(b.name) + " does not have the tasks, observations and actions of env " +
           std::string(a.name);
  });
  return test;
}

rl::Metrics data_metrics(const MetaData& data) {
  return {{"return_before", data.mean_returns.front()},
          {"return_after", data.mean_returns.back()},
          {"length_after", data.length}};
}

const rl::Options<InnerLoopConfig>& inner_loop_options() {
  using Config = InnerLoopConfig;
  static const auto options =
      rl::Options<Config>()
          .add("env", &Config::env, "environment: innerloop list envs")
          .add("test_env", &Config::test_env, "environment of adapt, with the same tasks; empty: env")
          .add("iterations", &Config::iterations, {0, 1e9}, "meta-updates")
          .add("tasks", &Config::tasks, {1, 65535}, "tasks per meta-update (meta-batch)")
          .add("trajectories", &Config::trajectories, {1, 65535}, "trajectories per task and gradient")
          .add("inner_steps", &Config::inner_steps, {0, 100},
               "K, gradient steps in training; 0 trains one policy on all tasks")
          .add("alpha", &Config::alpha, {0, 1000}, "step size of the inner gradient step")
          .add("test_alpha_factor", &Config::test_alpha_factor, {0, 1000},
               "at test, the steps after the first use alpha times this")
          .add("step_sizes", &Config::step_sizes,
               "alpha for all, or one step size per parameter, learned from alpha on (Meta-SGD)")
          .add("estimator", &Config::estimator, "inner objective, whose second derivative the meta-gradient uses")
          .add("loaded_lambda", &Config::loaded_lambda, {0, 1},
               "loaded-dice: how far back influence counts; 0 is likelihood-ratio, 1 is dice")
          .add("hidden", &Config::hidden, {1, 100000}, "widths of the policy's hidden layers")
          .add("activation", &Config::activation, "of the hidden layers")
          .add("sigma", &Config::sigma, {1e-6, 1000}, "initial standard deviation of the policy")
          .include(&Config::advantage, rl::advantage_options())
          .edit("baseline", {.words = "none mean linear", .help = "guess of the return that is subtracted"})
          .edit("baseline_fit", {.words = "same-batch", .help = "the batch that the baseline is fitted on"})
          .add("dtype", &Config::dtype, "of parameters and data");
  return options;
}

}  // namespace innerloop::meta

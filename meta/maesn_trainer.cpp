#include "meta/maesn_trainer.h"

#include <cmath>

#include "envs/table.h"
#include "kernels/philox.h"
#include "meta/check_cases.h"
#include "meta/inner_loop.h"
#include "rl/descent.h"
#include "rl/experience/agent.h"
#include "rl/experience/returns.h"

namespace innerloop::meta {
namespace {

MaesnSpec program_for(const MaesnConfig& config) {
  MaesnSpec spec{.policy = rl::policy_for(envs::find_env(config.env), config.hidden, config.activation,
                                                std::log(config.sigma)),
                       .latent_size = config.latent_size,
                       .latents = config.latents,
                       .inner_steps = config.inner_steps,
                       .adapt_policy = config.adapt_policy,
                       .kl_weight = config.kl_weight};
  spec.policy.net.inputs += config.latent_size;
  return spec;
}

// The counter of what is drawn once for each episode: no step has this number.
constexpr std::uint32_t before_first_step = (1u << 20) - 1;

// One draw ε ~ N(0, 1) for each episode, (B, N, D).
Tensor draw_noise(int tasks, int episodes, int size, const rl::RolloutPlace& place, Dtype dtype) {
  std::vector<double> numbers;
  for (int task = 0; task < tasks; ++task)
    for (int n = 0; n < episodes; ++n) {
      Philox random(place.seed, {.purpose = place.test ? Purpose::test_action : Purpose::action,
                                 .inner_step = place.inner_step,
                                 .iteration = place.iteration,
                                 .task = place.first_task + static_cast<std::uint32_t>(task),
                                 .trajectory = place.first_trajectory + static_cast<std::uint32_t>(n),
                                 .time_step = before_first_step});
      for (int d = 0; d < size; ++d) numbers.push_back(random.normal());
    }
  return Tensor::from({tasks, episodes, size}, numbers, dtype);
}

// z = μ + σε of each episode, (B, N, D).
Tensor latents_of_episodes(const ParamValues& state, const Tensor& noise, Latents latents) {
  const Tensor mean = state["latent/mean"].to(Device::cpu);
  const Tensor log_sigma = latents == Latents::gaussian ? state["latent/log_sigma"].to(Device::cpu) : Tensor();
  Tensor z(noise.shape(), noise.dtype());
  for (int task = 0; task < noise.shape().tasks; ++task)
    for (int n = 0; n < noise.shape().rows; ++n)
      for (int d = 0; d < noise.shape().cols; ++d) {
        const double spread = latents == Latents::gaussian ? std::exp(log_sigma.at(task, 0, d)) : 0;
        z.set(task, n, d, mean.at(task, 0, d) + spread * noise.at(task, n, d));
      }
  return z;
}

// A number of each episode, on all of its rows or on its first one.
enum class Rows { all, first };
Tensor on_rows(const rl::Trajectories& trajectories, const Tensor& of_episodes, Rows rows) {
  const int cols = of_episodes.shape().cols;
  Tensor spread({trajectories.tasks, trajectories.rows(), cols}, of_episodes.dtype());
  for (int task = 0; task < trajectories.tasks; ++task) {
    int row = 0;
    for (int n = 0; n < trajectories.per_task; ++n) {
      const int length = trajectories.lengths[static_cast<std::size_t>(trajectories.lane(task, n))];
      for (int t = 0; t < length; ++t, ++row)
        for (int d = 0; d < cols; ++d)
          if (t == 0 || rows == Rows::all) spread.set(task, row, d, of_episodes.at(task, n, d));
    }
  }
  return spread;
}

// A_n/N: the discounted return of each episode, centred over the task's episodes, and divided by their deviation if
// advantages are standardised. (B, N, 1).
Tensor latent_advantages(const rl::Trajectories& trajectories, const rl::AdvantageConfig& config) {
  const int B = trajectories.tasks, N = trajectories.per_task;
  const Tensor returns = rl::discounted_returns(trajectories, config.gamma);
  Tensor advantages({B, N, 1}, trajectories.mask.dtype());
  for (int task = 0; task < B; ++task) {
    std::vector<double> earned;
    double mean = 0, variance = 0;
    for (int n = 0; n < N; ++n) earned.push_back(returns.at(task, trajectories.first_row(task, n), 0));
    for (double r : earned) mean += r / N;
    for (double r : earned) variance += (r - mean) * (r - mean) / N;
    const double scale = config.standardise ? std::sqrt(variance) + 1e-8 : 1;
    for (int n = 0; n < N; ++n)
      advantages.set(task, n, 0, (earned[static_cast<std::size_t>(n)] - mean) / scale / N);
  }
  return advantages;
}

// mean |μ|: how far the latents are from the prior, over all tasks.
double mean_size(const Tensor& means) {
  double sum = 0;
  for (double mean : means.to_vector()) sum += std::abs(mean);
  return sum / static_cast<double>(means.size());
}

// Meta-training tasks are a fixed list; their number is where task i's latents stand.
std::vector<envs::Task> training_tasks(const MaesnConfig& config, std::uint64_t seed) {
  std::vector<envs::Task> tasks;
  for (int i = 0; i < config.task_list; ++i)
    tasks.push_back(envs::sample_task(envs::find_env(config.env), seed, Purpose::task, 0,
                                      static_cast<std::uint32_t>(i)));
  return tasks;
}

const envs::EnvRow& test_env(const MaesnConfig& config) {
  const envs::EnvRow& train = envs::find_env(config.env);
  return config.test_env.empty() ? train : same_interface(train, envs::find_env(config.test_env));
}

}  // namespace

MaesnTrainer::MaesnTrainer(const MaesnConfig& config, std::uint64_t seed)
    : config_(config),
      spec_(program_for(config)),
      seed_(seed),
      tasks_(training_tasks(config, seed)),
      rollout_(envs::find_env(config.env), spec_.policy, 0, config.latent_size),
      test_rollout_(test_env(config), spec_.policy, 0, config.latent_size),
      theta_(init_maesn(spec_, config.task_list, config.alpha, seed, config.dtype)),
      outer_(config.outer, theta_) {
  require(config.tasks <= config.task_list, [&] {
    return "maesn: tasks is " + std::to_string(config.tasks) + " but task_list holds " +
           std::to_string(config.task_list);
  });
}

rl::Trajectories MaesnTrainer::explore(const rl::Rollout& rollout, const ParamValues& state,
                                       const std::vector<envs::Task>& tasks, int episodes,
                                       const rl::RolloutPlace& place, bool deterministic, Tensor* noise) const {
  const Tensor drawn = draw_noise(static_cast<int>(tasks.size()), episodes, config_.latent_size, place, config_.dtype);
  const Tensor z = latents_of_episodes(state, drawn, config_.latents);
  if (noise) *noise = drawn;
  return rollout.collect(state, tasks, episodes, place, deterministic, z);
}

// region: train
// One iteration of the algorithm (Gupta 2018, algorithm 1).
rl::Metrics MaesnTrainer::iterate() {
  // Choose tasks from the list. task: (B, 1, T), 1 at the task's number.
  const std::vector<int> order =
      rl::permutation(config_.task_list, seed_,
                      {.purpose = Purpose::minibatch, .iteration = static_cast<std::uint32_t>(iteration_)});
  std::vector<envs::Task> tasks;
  Tensor task({config_.tasks, 1, config_.task_list}, config_.dtype);
  for (int i = 0; i < config_.tasks; ++i) {
    const int chosen = order[static_cast<std::size_t>(i)];
    tasks.push_back(tasks_[static_cast<std::size_t>(chosen)]);
    task.set(i, 0, chosen, 1);
  }
  const Tensor factor = Tensor::scalar(1, config_.dtype);

  // K times: draw z for each episode, explore with it, move the latents to the z that earned more. Then once more.
  ParamValues state = functions_.state(spec_, {theta_, task})[0];
  BatchValues supports, query;
  rl::Metrics metrics;
  for (int k = 0; k <= config_.inner_steps; ++k) {
    Tensor noise;
    const rl::Trajectories trajectories = explore(rollout_, state, tasks, config_.trajectories,
                                                  {.seed = seed_,
                                                   .iteration = static_cast<std::uint32_t>(iteration_),
                                                   .inner_step = static_cast<std::uint32_t>(k)},
                                                  false, &noise);
    BatchValues batch = rl::make_batch(trajectories, config_.advantage);
    batch.add("noise", on_rows(trajectories, noise, Rows::all));
    batch.add("latent_advantages",
              on_rows(trajectories, latent_advantages(trajectories, config_.advantage), Rows::first));
    if (k == 0) metrics.push_back({"return_before", trajectories.mean_return()});
    if (k == config_.inner_steps) {
      metrics.push_back({"return_after", trajectories.mean_return()});
      query = std::move(batch);
      const Tensors old = functions_.old_policy(spec_, {state, query})[0];
      for (std::size_t i = 0; i < old.count(); ++i) query.add(old.name(i), old[i]);
    } else {
      state = functions_.adapt_step(spec_, {state, batch, factor})[0];
      for (std::size_t i = 0; i < batch.count(); ++i) supports.add(std::to_string(k) + "/" + batch.name(i), batch[i]);
    }
  }

  // Move policy, all latents and step sizes together, within a trust region on the adapted policies.
  const std::vector<Tensors> results = functions_.meta_gradient(spec_, {theta_, supports, task, factor, query});
  const Tensor damping = Tensor::scalar(config_.outer.cg_damping, config_.dtype);
  OuterProblem problem{.gradient = results[0], .objective = results[1]["objective"].item(),
                       .cg_iterate = {}, .evaluate = {}};
  problem.cg_iterate = [&](const Tensors& cg) {
    return functions_.cg_iteration(spec_, {fixed(theta_), fixed(supports), fixed(task), fixed(factor), fixed(query),
                                              fixed(damping), cg})[0];
  };
  problem.evaluate = [&](const ParamValues& theta) -> rl::TrialPoint {
    const Tensors values = functions_.outer(spec_, {theta, supports, task, factor, query})[0];
    return {.objective = values["objective"].item(), .kl = values["kl"].item()};
  };
  theta_ = outer_(theta_, problem, "maesn, iteration " + std::to_string(iteration_), metrics);

  metrics.push_back({"latent_size", mean_size(theta_["latent/mean"].to(Device::cpu))});
  ++iteration_;
  return metrics;
}
// endregion

void MaesnTrainer::visit(rl::Checkpoint& c) {
  c("", theta_);
  c("", outer_);
}

// A new task begins from the prior; its latents alone move, by the learned step sizes.
rl::AdaptiveLearner MaesnTrainer::learner() const {
  rl::AdaptiveLearner learner;
  learner.start = [this](int tasks) {
    ParamValues state;
    for (std::size_t i = 0; i < theta_.count(); ++i)
      state.add(theta_.name(i), theta_.name(i).starts_with("latent/")
                                    ? Tensor({tasks, 1, config_.latent_size}, config_.dtype)
                                    : theta_[i]);
    return state;
  };
  learner.act = [this](const ParamValues& state, const std::vector<envs::Task>& tasks, int episodes,
                       const rl::RolloutPlace& place, bool deterministic) {
    return explore(test_rollout_, state, tasks, episodes, place, deterministic, nullptr);
  };
  learner.update = [this](const ParamValues& state, const rl::Trajectories& explored, int k) -> Tensors {
    BatchValues batch = rl::make_batch(explored, config_.advantage);
    batch.add("latent_advantages", on_rows(explored, latent_advantages(explored, config_.advantage), Rows::first));
    const double factor = k == 0 ? 1 : config_.test_alpha_factor;
    return functions_.adapt_step(spec_, {state, batch, Tensor::scalar(factor, config_.dtype)})[0];
  };
  return learner;
}

rl::AdaptReport MaesnTrainer::adapt(const rl::AdaptRequest& request) const {
  return rl::AdaptationProtocol{request}.run(learner());
}

const rl::Options<MaesnConfig>& maesn_options() {
  using Config = MaesnConfig;
  static const auto options =
      rl::Options<Config>()
          .add("env", &Config::env, "environment of training: innerloop list envs", "with a dense reward")
          .add("test_env", &Config::test_env, "environment of adapt, with the same tasks; empty: env",
               "the same with a sparse reward")
          .add("iterations", &Config::iterations, {0, 1e9}, "meta-updates", "500; 400 for the pusher")
          .add("task_list", &Config::task_list, {1, 65535}, "training tasks, each with latents of its own", "100")
          .add("tasks", &Config::tasks, {1, 65535}, "of them per meta-update", "20")
          .add("trajectories", &Config::trajectories, {1, 65535}, "episodes per task and gradient",
               "50; 20 for the pusher")
          .add("inner_steps", &Config::inner_steps, {0, 100}, "K; 0 trains latents without meta-learning", "1")
          .add("latent_size", &Config::latent_size, {1, 1000}, "numbers in z", "2")
          .add("latents", &Config::latents, "z drawn for each episode, or the same for all", "gaussian")
          .add("adapt_policy", &Config::adapt_policy, "θ takes inner steps too", "false in the authors' code")
          .add("alpha", &Config::alpha, {0, 1000}, "step size of the latents at the start; it is learned", "0.5 or 1")
          .add("test_alpha_factor", &Config::test_alpha_factor, {0, 1000},
               "at test, the steps after the first use the learned ones times this", "0.5")
          .add("kl_weight", &Config::kl_weight, {0, 1e6}, "c, of the KL of latents to N(0, 1)", "0.1, 0.5")
          .add("hidden", &Config::hidden, {1, 100000}, "widths of the policy's hidden layers", "100, 100")
          .add("activation", &Config::activation, "of the hidden layers", "relu")
          .add("sigma", &Config::sigma, {1e-6, 1000}, "initial standard deviation of the policy")
          .include(&Config::advantage, rl::advantage_options())
          .edit("baseline", {.words = "none mean linear", .help = "guess of the return that is subtracted"})
          .edit("baseline_fit", {.words = "same-batch", .help = "the batch that the baseline is fitted on"})
          .include(&Config::outer, outer_options())
          .edit("outer", {.paper = "trpo"})
          .edit("delta", {.paper = "0.01"})
          .add("dtype", &Config::dtype, "of parameters and data");
  return options;
}

namespace {

constexpr rl::Preset presets[] = {
    {"wheeled", "the wheeled robot, of a size for two cores",
     "task_list = 20\ntasks = 10\ntrajectories = 10\nhidden = [32, 32]\nactivation = tanh\niterations = 240"},
    {"pusher", "the pusher, of a size for two cores",
     "env = pusher-dense-v1\ntest_env = pusher-sparse-v1\ntask_list = 20\ntasks = 10\ntrajectories = 10\n"
     "hidden = [32, 32]\nactivation = tanh\niterations = 80"},
};

constexpr rl::SmokeRun smoke[] = {
    {"trpo", "task_list = 4\ntasks = 3\ntrajectories = 2\nhidden = [8]\ncg_damping = 0.1"},
    {"adam, the policy adapts too",
     "task_list = 4\ntasks = 2\ntrajectories = 2\nhidden = [8]\nouter = adam\nadapt_policy = true"},
};

std::unique_ptr<rl::Trainer> make_maesn(const rl::OptionValues& values, std::uint64_t seed) {
  return std::make_unique<MaesnTrainer>(maesn_options().read(values), seed);
}

}  // namespace

const rl::AlgorithmRow maesn = {
    .name = "maesn",
    .title = "MAESN",
    .paper = "Gupta et al. 2018, arXiv 1802.07245v1",
    .summary = "explores a new task by a number drawn once for each episode, whose distribution adapts",
    .source = "meta/maesn.cpp",
    .options = maesn_options(),
    .presets = presets,
    .make = make_maesn,
    .checks = maesn_check_cases,
    .smoke = smoke,
};

}  // namespace innerloop::meta

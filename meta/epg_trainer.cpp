#include "meta/epg_trainer.h"

#include <algorithm>
#include <array>

#include "autodiff/device.h"
#include "envs/table.h"
#include "kernels/ranks.h"
#include "kernels/threads.h"
#include "meta/check_cases.h"
#include "rl/descent.h"

namespace innerloop::meta {

double ppo_weight(const EpgConfig& config, int iteration) {
  const double epochs = config.alpha_epochs * config.iterations;
  const double left = epochs > 0 ? std::max(0.0, 1 - iteration / epochs) : 0;
  return config.alpha_floor + (1 - config.alpha_floor) * left;
}

EpgTrainer::EpgTrainer(const EpgConfig& config, std::uint64_t seed)
    : config_(config),
      seed_(seed),
      loop_(config.inner, seed),
      shape_(init_loss(loop_.spec().loss, seed)),
      evolution_(config.evolution, evolves_loss() ? shape_.flat() : std::vector<double>(4), config.iterations, seed),
      workers_(static_cast<std::size_t>(thread_count())) {}

ParamValues EpgTrainer::loss_of(std::span<const double> numbers) const {
  return (evolves_loss() ? shape_.with_flat(numbers) : shape_).to(config_.inner.dtype);
}
LearnerSettings EpgTrainer::settings_of(std::span<const double> numbers) const {
  return evolves_loss() ? loop_.settings() : loop_.settings().moved(numbers);
}

// region: train
// One iteration of the algorithm.
rl::Metrics EpgTrainer::iterate() {
  // The tasks of this iteration, the same for everyone.
  const auto iteration = static_cast<std::uint32_t>(iteration_);
  std::vector<envs::Task> tasks;
  for (int j = 0; j < config_.tasks; ++j)
    tasks.push_back(envs::sample_task(loop_.env(), seed_, Purpose::task, iteration, static_cast<std::uint32_t>(j)));

  // Every individual lives a lifetime in each of them, beginning with the same policies and meeting the same noise.
  const double alpha = evolves_loss() ? ppo_weight(config_, iteration_) : 1;
  const int V = config_.evolution.population;
  std::vector<double> earned(static_cast<std::size_t>(V) * 3);  // at first, at last, and on average over the lifetime
  const Share share = share_of(V);
  if (static_cast<int>(workers_.size()) < thread_count()) workers_.resize(static_cast<std::size_t>(thread_count()));
  const auto live = [&](int index, int worker) {
    std::unique_ptr<EpgInnerLoop>& own = workers_[static_cast<std::size_t>(worker)];
    if (!own) own = std::make_unique<EpgInnerLoop>(config_.inner, seed_);
    const int i = share.first + index;
    const std::vector<double> x = evolution_.individual(iteration_, i);
    const EpgInnerLoop::Lifetime life =
        own->live(loss_of(x), tasks, alpha, config_.evaluation_episodes, iteration, settings_of(x));
    std::ranges::copy(std::array{life.returns.front(), life.last, life.mean()},
                      earned.begin() + std::ptrdiff_t{3} * i);
  };
  // Over ranks, and over the threads of each; on a device all calls come from one thread.
  const int count = share.last - share.first;
  if (compute_device() == Device::cpu) parallel_for(count, live);
  else for (int i = 0; i < count; ++i) live(i, 0);
  gather(earned, V);

  // Towards the losses whose policies earned more.
  std::vector<double> fitness;
  rl::Metrics metrics{{"return_before", 0}, {"return_after", 0}, {"lifetime", 0}};
  for (std::size_t i = 0; i < static_cast<std::size_t>(V); ++i) {
    fitness.push_back(earned[3 * i + (config_.fitness == LifetimeFitness::last ? 1 : 2)]);
    for (std::size_t k = 0; k < 3; ++k) metrics[k].value += earned[3 * i + k] / V;
  }
  const auto [worst, best] = std::ranges::minmax_element(fitness);
  metrics.insert(metrics.end(), {{"fitness_worst", *worst}, {"fitness_best", *best}, {"alpha", alpha}});
  metrics.push_back({"gradient_norm", evolution_.update(iteration_, fitness)});
  ++iteration_;
  return metrics;
}
// endregion

rl::AdaptReport EpgTrainer::adapt(const rl::AdaptRequest& request) const {
  ParamValues phi = loss();
  if (config_.loss_at_test == LossAtTest::shuffled)
    for (std::size_t k = 0; k < phi.count(); ++k) {
      const std::vector<double> numbers = phi[k].to_vector();
      const std::vector<int> order = rl::permutation(static_cast<int>(numbers.size()), seed_,
                                                     {.purpose = Purpose::init,
                                                      .inner_step = 3,
                                                      .task = static_cast<std::uint32_t>(k)});
      std::vector<double> shuffled;
      for (const int from : order) shuffled.push_back(numbers[static_cast<std::size_t>(from)]);
      phi[k].assign(shuffled);
    }
  return rl::AdaptationProtocol{request}.run(
      loop_.learner(phi, evolves_loss() ? config_.test_alpha : 1, settings_of(evolution_.mean())));
}

rl::AdaptDefaults EpgTrainer::adapt_defaults() const {
  return {.steps = config_.inner.updates, .trajectories = config_.inner.episodes,
          .exploration = "by drawing actions"};
}

const rl::Options<EpgConfig>& epg_options() {
  using Config = EpgConfig;
  static const auto options =
      rl::Options<Config>()
          .add("evolve", &Config::evolve, "the loss; or as a baseline four settings of PPO")
          .add("iterations", &Config::iterations, {0, 1e9}, "E, steps of evolution", "2000 (official code)")
          .add("tasks", &Config::tasks, {1, 65535}, "W/V, lifetimes of each individual, in as many tasks")
          .include(&Config::inner, epg_inner_options())
          .include(&Config::evolution, rl::evolution_options())
          .edit("population", {.help = "V, losses tried per iteration; in pairs an even number",
                               .paper = "8 (official code), 64 (paper)"})
          .edit("sigma_es", {.paper = "0.01 (official code)"})
          .edit("weight_decay", {.paper = "0.001 (official code)"})
          .edit("antithetic", {.paper = "false (official code)"})
          .edit("divide_by_sigma", {.paper = "false (official code)"})
          .edit("beta1", {.paper = "0 (official code)"})
          .edit("learning_rate", {.help = "of Adam, of φ, at the first step", .paper = "0.01 (official code)"})
          .edit("final_learning_rate", {.paper = "0.001 (official code)"})
          .edit("decay", {.paper = "0.5 (official code)"})
          .add("fitness", &Config::fitness, "what a lifetime is worth: fresh episodes after it, or its mean return",
               "last (official code)")
          .add("evaluation_episodes", &Config::evaluation_episodes, {1, 65535}, "fresh ones after a lifetime",
               "3 (official code)")
          .add("alpha_epochs", &Config::alpha_epochs, {0, 1},
               "fraction of the iterations in which PPO's weight α falls from 1; 0: it never helps",
               "0.125 (official code)")
          .add("alpha_floor", &Config::alpha_floor, {0, 1}, "what α falls to", "0, or 0.5 over E/16 (official code)")
          .add("test_alpha", &Config::test_alpha, {0, 1}, "α of adapt; 1 is PPO, without the learned loss")
          .add("loss_at_test", &Config::loss_at_test, "of adapt; shuffled: a control");
  return options;
}

namespace {

constexpr rl::Preset presets[] = {
    {"mass", "a point mass with goals on the right half of a circle; a small loss",
     "env = mass-right-v1\nupdates = 16\nbuffer = 64\nminibatch = 64\ninner_learning_rate = 0.1\nsigma = 0.3\n"
     "loss_channels = [4, 4]\nloss_context = 4\nloss_hidden = 8\nalpha_epochs = 0\nfitness = mean\niterations = 600"},
    {"official", "the sizes and constants of the official code, in our environments",
     "updates = 128\nbuffer = 512\ninner_learning_rate = 1e-3\nhidden = [64, 64]\nbonus = true\nsigma = 1\n"
     "population = 8\nantithetic = false\nsigma_es = 0.01\ndivide_by_sigma = false\nweight_decay = 0.001\n"
     "learning_rate = 0.01\nfinal_learning_rate = 0.001\ndecay = 0.5\nbeta1 = 0\niterations = 2000\ntasks = 1"},
};

constexpr rl::SmokeRun smoke[] = {
    {"tiny", "tasks = 2\npopulation = 4\nupdates = 2\nepisodes = 1\nbuffer = 64\nhidden = [4]\nloss_context = 4"},
};

std::unique_ptr<rl::Trainer> make_epg(const rl::OptionValues& values, std::uint64_t seed) {
  return std::make_unique<EpgTrainer>(epg_options().read(values), seed);
}

}  // namespace

const rl::AlgorithmRow epg = {
    .name = "epg",
    .title = "Evolved policy gradients (EPG)",
    .paper = "Houthooft et al. 2018, arXiv 1802.04821v2",
    .summary = "evolves a loss function on which fresh policies learn new tasks by gradient descent",
    .source = "meta/epg.cpp",
    .options = epg_options(),
    .presets = presets,
    .make = make_epg,
    .checks = epg_check_cases,
    .smoke = smoke,
};

}  // namespace innerloop::meta

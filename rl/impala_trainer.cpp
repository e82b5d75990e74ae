// IMPALA's actors and learner (the equations: impala.cpp).
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "kernels/philox.h"
#include "rl/check_cases.h"
#include "rl/impala.h"

namespace innerloop::rl {
namespace {

ActorCriticConfig shared_settings(const ImpalaConfig& config) {
  ActorCriticConfig shared;
  shared.env = config.env;
  shared.hidden = config.hidden;
  shared.trajectories = config.trajectories;
  shared.steps = config.steps;
  shared.reward_scale = config.reward_scale;
  shared.dtype = config.dtype;
  return shared;
}

SegmentConfig segments_of(const ImpalaConfig& config) {
  SegmentConfig segments = segment_config(shared_settings(config));
  segments.transitions = true;
  return segments;
}

AgentLossSpec loss_of(const ImpalaConfig& config) {
  return {.agent = segments_of(config).agent,
          .time_steps = config.steps,
          .value_weight = config.descent.value_weight,
          .entropy_weight = config.descent.entropy_weight};
}

}  // namespace

std::uint64_t actor_seed(std::uint64_t seed, int number) {
  if (number == 0) return seed;
  Philox random(seed, {.purpose = Purpose::task, .inner_step = static_cast<std::uint32_t>(number)});
  const std::uint64_t high = random.bits();
  return high << 32 | random.bits();
}

ImpalaActor::ImpalaActor(const ImpalaConfig& config, std::uint64_t seed, int number, const ParamValues& theta)
    : source_(segments_of(config), actor_seed(seed, number)), behaviour_(theta), spec_(loss_of(config)) {}

// T steps of every environment, and what the policy that acted thinks of its actions.
Unroll ImpalaActor::act() {
  Unroll unroll{.segments = source_.collect(behaviour_), .batch = {}, .taken_after = taken_after_};
  const Segments& s = unroll.segments;
  const Shape column = s.rewards.shape();
  BatchValues& batch = unroll.batch;
  batch.add("observations", s.observations);
  batch.add("next_observations", s.next_observations);
  batch.add("actions", s.actions);
  batch.add("rewards", s.rewards);
  batch.add("not_terminated", s.not_terminated);
  batch.add("continues", s.continues);
  batch.add("weights", Tensor::full(column, 1.0 / static_cast<double>(column.size()), s.rewards.dtype()));
  batch.add("reset", s.reset);
  batch.add("log_mu", functions_.behaviour(spec_, {behaviour_, batch})[0][0].to(Device::cpu));
  return unroll;
}

void ImpalaActor::visit(Checkpoint& c) {
  c("", source_);
  c("behaviour", behaviour_);
  c.numbers("taken_after", taken_after_);
}

ImpalaTrainer::ImpalaTrainer(const ImpalaConfig& config, std::uint64_t seed)
    : config_(config),
      spec_{.loss = loss_of(config),
            .gamma = config.gamma,
            .lambda = config.lambda,
            .trace = config.trace,
            .correction = config.correction} {
  require(config.trace.rho_bar >= config.trace.c_bar, [&] {
    return "impala: rho_bar must not be smaller than c_bar (they are " + std::to_string(config.trace.rho_bar) +
           " and " + std::to_string(config.trace.c_bar) + ")";
  });
  state_.theta = nn::init_actor_critic(spec_.loss.agent, seed, config.dtype);
  state_.adam = nn::adam_start(state_.theta);
  for (int k = 0; k < config.actors; ++k) actors_.emplace_back(config, seed, k, state_.theta);
}

struct ImpalaTrainer::Sums {
  Metrics parts;
  double gradient_norm = 0, lag = 0;
};

// region: learn
// One step down the gradient of the loss on one unroll.
void ImpalaTrainer::learn(const Unroll& unroll, Sums& sums) {
  const std::vector<Tensors> out = functions_.gradient(spec_, {state_.theta, unroll.batch});
  sums.gradient_norm += descend(state_, out[0], config_.descent, iteration_, config_.iterations, "impala");
  sums.lag += static_cast<double>(updates_ - unroll.taken_after);
  if (sums.parts.empty())
    for (std::size_t k = 0; k < out[1].count(); ++k) sums.parts.push_back({out[1].name(k), 0});
  for (std::size_t k = 0; k < out[1].count(); ++k) sums.parts[k].value += out[1][k].item();
  episodes_.update(unroll.segments);
  ++updates_;
}

// Actors in turn. Each learns what the learner knew when it last handed in: with A actors its experience is A − 1
// updates old, as if all acted at the same speed, and every run is the same.
void ImpalaTrainer::take_turns(Sums& sums) {
  for (int m = 0; m < config_.updates; ++m) {
    ImpalaActor& actor = actors_[static_cast<std::size_t>(updates_ % config_.actors)];
    learn(actor.act(), sums);
    actor.take(state_.theta, updates_);
  }
}
// endregion

namespace {

// The same numbers in memory of their own: copies of a tensor share it until one is written.
ParamValues own_copy(const ParamValues& theta) {
  const ParamValues here = theta.to(Device::cpu);
  return here.with_flat(here.flat());
}

// Between actors and learner: the newest parameters one way, experience the other.
class Exchange {
 public:
  Exchange(const ParamValues& theta, long updates, int unrolls)
      : theta_(own_copy(theta)), updates_(updates), left_(unrolls) {}

  // For an actor. False: no more is wanted.
  bool take(ImpalaActor& actor) {
    const std::lock_guard lock(mutex_);
    if (left_ == 0) return false;
    --left_;
    actor.take(theta_, updates_);
    return true;
  }
  void hand_in(Unroll unroll) {
    {
      const std::lock_guard lock(mutex_);
      unrolls_.push_back(std::move(unroll));
    }
    ready_.notify_one();
  }
  void fail(std::exception_ptr problem) {
    {
      const std::lock_guard lock(mutex_);
      problem_ = std::move(problem);
      left_ = 0;
    }
    ready_.notify_one();
  }

  // For the learner: the oldest unroll, once there is one. Throws what an actor threw.
  Unroll next() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [&] { return !unrolls_.empty() || problem_; });
    if (problem_) std::rethrow_exception(problem_);
    Unroll unroll = std::move(unrolls_.front());
    unrolls_.pop_front();
    return unroll;
  }
  void publish(const ParamValues& theta, long updates) {
    ParamValues copy = own_copy(theta);
    const std::lock_guard lock(mutex_);
    theta_ = std::move(copy);
    updates_ = updates;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    left_ = 0;
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  ParamValues theta_;
  long updates_;
  int left_;  // unrolls that are still wanted
  std::deque<Unroll> unrolls_;
  std::exception_ptr problem_;
};

}  // namespace

// region: threads
// Actors on threads, each with the newest parameters there are when it begins to act. As many unrolls as the iteration
// has updates are acted, and all are learned from: between iterations nobody acts, and a checkpoint is whole.
void ImpalaTrainer::act_on_threads(Sums& sums) {
  Exchange exchange(state_.theta, updates_, config_.updates);
  const int count = std::min(config_.actor_threads, config_.actors);
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < count; ++thread)
    threads.emplace_back([&, thread] {
      try {
        for (int k = thread;; k = k + count < config_.actors ? k + count : thread) {
          ImpalaActor& actor = actors_[static_cast<std::size_t>(k)];
          if (!exchange.take(actor)) return;
          exchange.hand_in(actor.act());
        }
      } catch (...) {
        exchange.fail(std::current_exception());
      }
    });
  try {
    for (int m = 0; m < config_.updates; ++m) {
      learn(exchange.next(), sums);
      exchange.publish(state_.theta, updates_);
    }
  } catch (...) {
    exchange.close();  // the threads end before the exchange does: they are joined first
    throw;
  }
}
// endregion

// region: train
Metrics ImpalaTrainer::iterate() {
  Sums sums;
  if (config_.actor_threads == 0)
    take_turns(sums);
  else
    act_on_threads(sums);
  ++iteration_;

  Metrics metrics = episodes_.metrics();
  for (const Metric& part : sums.parts) metrics.push_back({part.name, part.value / config_.updates});
  metrics.push_back({"gradient_norm", sums.gradient_norm / config_.updates});
  metrics.push_back({"lag", sums.lag / config_.updates});
  const double steps = static_cast<double>(updates_) * config_.trajectories * config_.steps;
  metrics.push_back({"steps", steps});
  return metrics;
}
// endregion

void ImpalaTrainer::visit(Checkpoint& c) {
  c("", state_);
  c.numbers("updates", updates_);
  for (std::size_t k = 0; k < actors_.size(); ++k) c("actor-" + std::to_string(k), actors_[k]);
  c("", episodes_);
}

namespace {

const Options<VTraceConfig>& v_trace_options() {
  using Config = VTraceConfig;
  static const auto options =
      Options<Config>()
          .add("rho_bar", &Config::rho_bar, {1e-6, 1e6}, "ρ̄: no ratio π/μ counts for more", "1")
          .add("c_bar", &Config::c_bar, {1e-6, 1e6}, "c̄: with no larger one is what comes later carried back", "1")
          .add("leak", &Config::leak, {0, 1}, "the part of a ratio that is not clipped", "0; leaky: Zahavy 2020");
  return options;
}

}  // namespace

// Departures from the paper: environments are light, so an actor steps several side by side; Adam in place of RMSProp;
// no memory in the agent; a time limit is bootstrapped.
const Options<ImpalaConfig>& impala_options() {
  using Config = ImpalaConfig;
  static const auto options =
      Options<Config>()
          .add("env", &Config::env, "environment; `innerloop list envs` shows all")
          .add("iterations", &Config::iterations, {1, 1e7}, "rows of metrics.csv, each of `updates` updates")
          .add("updates", &Config::updates, {1, 1e6}, "of the learner in an iteration, each with one unroll")
          .add("actors", &Config::actors, {1, 1024}, "each with environments of its own")
          .add("actor_threads", &Config::actor_threads, {0, 1024},
               "0: actors take turns, each run is the same; else threads that act while the learner learns")
          .add("trajectories", &Config::trajectories, {1, 60000}, "environments of an actor, side by side", "1")
          .add("steps", &Config::steps, {1, 1e6}, "n, of each environment in an unroll", "20 (Atari), 100 (DMLab)")
          .add("hidden", &Config::hidden, {1, 4096}, "widths of the hidden layers, of policy and value each")
          .add("gamma", &Config::gamma, {0, 1}, "discount γ", "0.99")
          .add("lambda", &Config::lambda, {0, 1}, "λ of the targets, a factor of c", "1")
          .include(&Config::trace, v_trace_options())
          .add("correction", &Config::correction, "of experience that is some updates old", "v-trace")
          .add("reward_scale", &Config::reward_scale, {1e-6, 1e6},
               "rewards are multiplied by it before anything is learned from them")
          .include(&Config::descent, descent_options())
          .edit("entropy_weight", {.paper = "0.01 (Atari)"})
          .edit("value_weight", {.paper = "0.5"})
          .add("dtype", &Config::dtype, "numbers in single or double precision");
  return options;
}

namespace {

constexpr Preset presets[] = {
    {"cartpole", "CartPole, four actors in turn",
     "env = cartpole-v1\nlearning_rate = 2e-3\nanneal = true\nreward_scale = 0.1\niterations = 150"},
};

constexpr SmokeRun smoke[] = {
    {"rows", "actors = 2\nupdates = 3\ntrajectories = 2\nsteps = 20\nhidden = [8]"},
};

std::unique_ptr<Trainer> make(const OptionValues& values, std::uint64_t seed) {
  return std::make_unique<ImpalaTrainer>(impala_options().read(values), seed);
}

}  // namespace

const AlgorithmRow impala = {
    .name = "impala",
    .title = "Importance-weighted actor-learners (IMPALA)",
    .paper = "Espeholt et al. 2018, arXiv 1802.01561v3",
    .summary = "actors collect while a learner learns, and V-trace weighs experience that is some updates old",
    .source = "rl/impala.cpp",
    .options = impala_options(),
    .presets = presets,
    .make = make,
    .checks = impala_check_cases,
    .smoke = smoke,
};

}  // namespace innerloop::rl

#include "meta/pearl_trainer.h"

#include <algorithm>
#include <numeric>

#include "envs/oyster_goals.h"
#include "envs/table.h"
#include "kernels/philox.h"

namespace innerloop::meta {
namespace {

// Where the random numbers of an iteration and of an update come from, all of Purpose::minibatch: the learner's noise
// has the inner steps 1 to 3.
enum MinibatchStep : std::uint32_t { tasks_of_batch = 4, rows_of_batch, rows_of_context, tasks_to_visit, first_phase };

// Episodes of an iteration are collected in phases; each has its own inner step.
enum Phase : std::uint32_t { initial_phase, prior_phase, posterior_phase };

std::vector<envs::Task> training_tasks(const PearlConfig& config, std::uint64_t seed) {
  const envs::EnvRow& env = envs::find_env(config.env);
  if (config.official_tasks) {
    std::vector<envs::Task> tasks = envs::official_training_tasks(env);
    if (tasks.empty())
      throw rl::UsageError("pearl: " + config.env + " has no official tasks; leave official_tasks off");
    return tasks;
  }
  std::vector<envs::Task> tasks;
  for (int k = 0; k < config.train_tasks; ++k)
    tasks.push_back(envs::sample_task(env, seed, Purpose::task, 0, static_cast<std::uint32_t>(k)));
  return tasks;
}

// The numbers of each task at the place of the one before it; those of the first at the last one's.
Tensors of_next_task(const Tensors& list) {
  Tensors moved;
  for (std::size_t k = 0; k < list.count(); ++k) {
    std::vector<double> numbers = list[k].to_vector();
    const auto second = numbers.begin() + static_cast<std::ptrdiff_t>(list[k].shape().per_task());
    std::rotate(numbers.begin(), second, numbers.end());
    moved.add(list.name(k), Tensor::from(list[k].shape(), numbers, list[k].dtype()));
  }
  return moved;
}

const envs::EnvRow& continuous(const std::string& name) {
  const envs::EnvRow& env = envs::find_env(name);
  if (env.spec.action_kind == envs::ActionKind::discrete)
    throw rl::UsageError("pearl: " + name + " has discrete actions; pearl needs continuous ones");
  return env;
}

}  // namespace

PearlLearnerConfig learner_config(const PearlConfig& c, const envs::Spec& env) {
  PearlSpec spec;
  spec.told = c.told != Told::belief;
  spec.latent_size = spec.told ? env.task_size : c.latent_size;
  spec.next_observation = c.next_observation;
  spec.prior_factor = c.prior_factor;
  spec.sample_latent = c.sample_latent;
  spec.factor_variance = c.factor_variance;
  spec.kl_reduction = c.kl_reduction;
  spec.kl_weight = c.kl_weight;
  spec.policy_regulariser = c.policy_regulariser;
  spec.sac.value_network = c.sac == SacVersion::v1;
  spec.sac.temperature_loss = c.sac == SacVersion::v1 ? rl::TemperatureLoss::fixed : rl::TemperatureLoss::log_alpha;
  spec.sac.critic_factor = c.critic_factor;
  spec.sac.gamma = c.gamma;
  spec.sac.reward_scale = c.reward_scale;
  spec.sac.target_entropy = env.action_size * c.entropy_per_action;
  return {.spec = fitted(spec, env.obs_size, env.action_size, c.hidden, c.encoder_hidden, c.activation),
          .learning_rate = c.learning_rate,
          .annealed_over = c.anneal ? c.iterations * c.updates : 0,
          .kl_rises_over = c.kl_rise * c.updates,
          .temperature = c.temperature,
          .tau = c.tau,
          .tasks = c.meta_batch,
          .batch = c.batch,
          .dtype = c.dtype};
}

PearlTrainer::PearlTrainer(const PearlConfig& config, std::uint64_t seed)
    : config_(config),
      seed_(seed),
      env_(&continuous(config.env)),
      reward_env_(config.reward_env.empty() ? env_ : &continuous(config.reward_env)),
      tasks_(training_tasks(config, seed)),
      pearl_(learner_config(config, env_->spec), seed),
      replay_(static_cast<int>(tasks_.size()), env_->spec.obs_size, env_->spec.action_size, config.capacity,
              config.dtype),
      recent_(replay_) {}

// ---- Acting ---------------------------------------------------------------------------------------------------------

double PearlTrainer::in_env_units(double a) const {
  const envs::Spec& spec = env_->spec;
  return spec.action_low + 0.5 * (a + 1) * (spec.action_high - spec.action_low);
}
double PearlTrainer::in_learner_units(double a) const {
  const envs::Spec& spec = env_->spec;
  return 2 * (a - spec.action_low) / (spec.action_high - spec.action_low) - 1;
}

std::vector<envs::Task> PearlTrainer::tasks_of(const std::vector<int>& which) const {
  std::vector<envs::Task> tasks;
  for (const int task : which) tasks.push_back(tasks_[static_cast<std::size_t>(task)]);
  return tasks;
}

// Each task's numbers, or zeros.
Tensor PearlTrainer::told(const std::vector<envs::Task>& tasks, int episodes) const {
  Tensor z({static_cast<int>(tasks.size()), episodes, pearl_.spec().latent_size}, config_.dtype);
  if (config_.told != Told::task) return z;
  for (int task = 0; task < z.shape().tasks; ++task)
    for (int n = 0; n < episodes; ++n)
      for (int k = 0; k < z.shape().cols; ++k)
        z.set(task, n, k, tasks[static_cast<std::size_t>(task)][static_cast<std::size_t>(k)]);
  return z;
}

// The noise of a z lies behind the last action's.
Tensor PearlTrainer::latents(const std::vector<envs::Task>& tasks, const Tensors& evidence, int episodes,
                             const rl::RolloutPlace& place) const {
  if (pearl_.spec().told) return told(tasks, episodes);
  Tensor noise({evidence[0].shape().tasks, episodes, config_.latent_size});
  for (int task = 0; task < noise.shape().tasks; ++task)
    for (int n = 0; n < episodes; ++n) {
      Philox random(place.seed, {.purpose = place.test ? Purpose::test_action : Purpose::action,
                                 .inner_step = place.inner_step,
                                 .iteration = place.iteration,
                                 .task = place.first_task + static_cast<std::uint32_t>(task),
                                 .trajectory = place.first_trajectory + static_cast<std::uint32_t>(n),
                                 .time_step = static_cast<std::uint32_t>(env_->spec.horizon)});
      for (int k = 0; k < config_.latent_size; ++k) noise.set(task, n, k, random.normal());
    }
  return pearl_.draw(evidence, noise.to(config_.dtype));
}

// What acts in all episodes at once, each with its own z from beginning to end.
rl::EpisodeActor PearlTrainer::actor(const Tensor& z, bool deterministic) const {
  return [this, deterministic, z = z.to_vector()](std::span<const double> seen, std::span<const Philox> random) {
    const int lanes = static_cast<int>(random.size()), L = pearl_.spec().latent_size, A = env_->spec.action_size;
    const std::size_t O = seen.size() / random.size();
    std::vector<double> beside;  // (lanes, O + L)
    Tensor noise({1, lanes, A}, config_.dtype);
    for (int lane = 0; lane < lanes; ++lane) {
      const auto at = static_cast<std::ptrdiff_t>(static_cast<std::size_t>(lane) * O);
      beside.insert(beside.end(), seen.begin() + at, seen.begin() + at + static_cast<std::ptrdiff_t>(O));
      beside.insert(beside.end(), z.begin() + lane * L, z.begin() + (lane + 1) * L);
      Philox numbers = random[static_cast<std::size_t>(lane)];
      for (int k = 0; !deterministic && k < A; ++k) noise.set(0, lane, k, numbers.normal());
    }
    const Tensor states = Tensor::from({1, lanes, static_cast<int>(O) + L}, beside, config_.dtype);
    std::vector<double> actions = pearl_.act(states, noise).to_vector();
    for (double& a : actions) a = in_env_units(a);
    return actions;
  };
}

// ---- Collecting -----------------------------------------------------------------------------------------------------

void PearlTrainer::store(const std::vector<int>& which, const rl::Trajectories& played, const Tensor& rewards,
                         bool as_context) {
  // Two numbers may tell of one step: what the context shows, and what the critics learn from.
  rl::Trajectories for_critics = played;
  for_critics.rewards = rewards;
  std::vector<double> action;
  const auto keep = [&](rl::TaskReplay& buffer) {
    return [&](int task, const rl::Transition& step) {
      action.clear();
      for (const double a : step.action) action.push_back(in_learner_units(a));
      rl::Transition own = step;
      own.action = action;
      buffer.add(which[static_cast<std::size_t>(task)], own);
    };
  };
  rl::for_each_transition(for_critics, keep(replay_));
  if (as_context || config_.context_from == ContextFrom::replay) rl::for_each_transition(played, keep(recent_));
  steps_ += static_cast<double>(played.steps());
}

double PearlTrainer::collect(const std::vector<int>& which, int episodes, const Tensors& evidence,
                             std::uint32_t phase, bool as_context) {
  const std::vector<envs::Task> tasks = tasks_of(which);
  const rl::RolloutPlace place{
      .seed = seed_, .iteration = static_cast<std::uint32_t>(iteration_), .inner_step = phase};
  const Tensor z = latents(tasks, evidence, episodes, place);
  const rl::Trajectories played =
      rl::play_episodes(*env_, tasks, episodes, place, Dtype::f64, actor(z, false));
  store(which, played, reward_env_ == env_ ? played.rewards : rl::rewards_in(*reward_env_, tasks, played, place),
        as_context);
  return played.mean_return();
}

std::vector<int> PearlTrainer::shown(const std::vector<int>& which) const {
  std::vector<int> whose = which;
  if (config_.context_of == ContextOf::shuffled) std::rotate(whose.begin(), whose.begin() + 1, whose.end());
  return whose;
}

rl::TaskReplay::Draw PearlTrainer::rows_shown() const {
  return {config_.replacement, config_.random_context_size && iteration_ >= config_.forget_after};
}

Tensors PearlTrainer::evidence_of(const std::vector<int>& which, std::uint32_t phase) const {
  if (pearl_.spec().told) return {};
  BatchValues context = recent_.make_batch(static_cast<int>(which.size()), config_.context);
  recent_.sample(seed_, {.purpose = Purpose::minibatch, .inner_step = first_phase + phase,
                         .iteration = static_cast<std::uint32_t>(iteration_)},
                 shown(which), rows_shown(), context);
  return pearl_.evidence(context);
}

void PearlTrainer::collect_all() {
  std::vector<int> all(tasks_.size());
  std::iota(all.begin(), all.end(), 0);
  if (iteration_ == 0)
    collect(all, config_.initial_episodes, pearl_.no_evidence(static_cast<int>(all.size())), initial_phase, true);

  // The tasks to visit, each at most once.
  Philox random(seed_, {.purpose = Purpose::minibatch, .inner_step = tasks_to_visit,
                        .iteration = static_cast<std::uint32_t>(iteration_)});
  const std::size_t count = std::min(all.size(), static_cast<std::size_t>(config_.visited_tasks));
  for (std::size_t k = 0; k < count; ++k)
    std::swap(all[k], all[k + random.below(static_cast<std::uint32_t>(all.size() - k))]);
  const std::vector<int> which(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));

  // What was their context is forgotten; what is collected with z's from the prior is the first of the new one.
  if (config_.context_from == ContextFrom::recent && iteration_ >= config_.forget_after)
    for (const int task : which) recent_.clear(task);
  if (const Tensors nothing = pearl_.no_evidence(static_cast<int>(count)); config_.prior_episodes > 0)
    prior_return_ = collect(which, config_.prior_episodes, nothing, prior_phase, true);

  // Then z's from the belief, which is formed anew before each episode. The extra ones are for the critics alone.
  for (int k = 0; k < config_.posterior_episodes + config_.extra_episodes; ++k) {
    const std::uint32_t phase = posterior_phase + static_cast<std::uint32_t>(k);
    posterior_return_ = collect(which, 1, evidence_of(which, phase), phase, k < config_.posterior_episodes);
  }
}

// region: train
rl::Metrics PearlTrainer::iterate() {
  // Collect from a few tasks with z's from the prior, and with z's from the belief.
  collect_all();

  // Learn from all tasks.
  for (int k = 0; k < config_.updates; ++k) learn();

  ++iteration_;
  return {{"steps", steps_},
          {"prior_return", prior_return_},
          {"posterior_return", posterior_return_},
          {"critic_loss", pearl_.critic_loss()},
          {"target", pearl_.target_mean()},
          {"kl", pearl_.kl()},
          {"entropy", pearl_.entropy()},
          {"alpha", pearl_.alpha()}};
}

void PearlTrainer::learn() {
  // Draw tasks, independently.
  const auto place = [&](std::uint32_t step) {
    return Place{.purpose = Purpose::minibatch, .inner_step = step, .iteration = updates_};
  };
  Philox random(seed_, place(tasks_of_batch));
  std::vector<int> which(static_cast<std::size_t>(config_.meta_batch));
  for (int& task : which) task = static_cast<int>(random.below(static_cast<std::uint32_t>(tasks_.size())));

  // Draw transitions for the critics from all that each has seen, and a context from what it has seen lately.
  BatchValues batch = replay_.make_batch(config_.meta_batch, config_.batch),
              context = recent_.make_batch(config_.meta_batch, config_.context);
  replay_.sample(seed_, place(rows_of_batch), which, {}, batch);
  recent_.sample(seed_, place(rows_of_context), shown(which), rows_shown(), context);
  if (pearl_.spec().told) {
    context = {};
    context.add("z", told(tasks_of(which), 1));
  }

  // One update.
  pearl_.update(batch, context, updates_++);
}
// endregion

void PearlTrainer::visit(rl::Checkpoint& c) {
  c("", pearl_);
  c("replay", replay_);
  c("context", recent_);
  c.numbers("numbers", updates_, steps_, prior_return_, posterior_return_);
}

// ---- Adapting -------------------------------------------------------------------------------------------------------

rl::TaskReplay PearlTrainer::context_of(const rl::Trajectories& explored) const {
  const envs::Spec& spec = env_->spec;
  rl::TaskReplay seen(explored.tasks, spec.obs_size, spec.action_size, explored.per_task * spec.horizon, config_.dtype);
  std::vector<double> action;
  rl::for_each_transition(explored, [&](int task, const rl::Transition& step) {
    action.clear();
    for (const double a : step.action) action.push_back(in_learner_units(a));
    rl::Transition own = step;
    own.action = action;
    seen.add(task, own);
  });
  return seen;
}

// region: adapt
rl::AdaptiveLearner PearlTrainer::learner() const {
  rl::AdaptiveLearner learner;
  learner.update_time = rl::UpdateTime::after_episode;
  learner.explores_with_mean = true;
  learner.start = [this](int tasks) {
    Tensors known = pearl_.no_evidence(tasks);
    known.add("episodes", Tensor::scalar(0));
    return known;
  };
  learner.act = [this](const Tensors& known, const std::vector<envs::Task>& tasks, int episodes,
                       const rl::RolloutPlace& place, bool deterministic) {
    const bool prior = known["episodes"].item() < config_.test_prior_episodes;
    const Tensors evidence = prior ? pearl_.no_evidence(static_cast<int>(tasks.size())) : known;
    const Tensor z = latents(tasks, evidence, episodes, place);
    return rl::play_episodes(*env_, tasks, episodes, place, Dtype::f64, actor(z, deterministic));
  };
  learner.update = [this](const Tensors& known, const rl::Trajectories& explored, int) {
    if (pearl_.spec().told) return known;
    Tensors now = pearl_.evidence(context_of(explored).contents());
    if (config_.context_of == ContextOf::swapped_at_test) now = of_next_task(now);
    now.add("episodes", Tensor::scalar(1));
    return known + now;
  };
  return learner;
}
// endregion

rl::AdaptReport PearlTrainer::adapt(const rl::AdaptRequest& request) const {
  return rl::AdaptationProtocol{request}.run(learner());
}

}  // namespace innerloop::meta

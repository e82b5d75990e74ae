#include "rl/experience/stream.h"

#include <algorithm>
#include <cmath>

#include "envs/table.h"
#include "envs/vector_env.h"
#include "kernels/require.h"
#include "rl/experience/episodes.h"

namespace innerloop::rl {
namespace {

std::uint32_t place_number(std::int64_t n) {
  require(n <= 0xffffffffLL, "stream: more than 2³² steps in a run");
  return static_cast<std::uint32_t>(n);
}

}  // namespace

Stream::Stream(const std::string& env, std::uint64_t seed, int horizon)
    : env_(&envs::find_env(env)), seed_(seed), horizon_(horizon == 0 ? env_->spec.horizon : horizon) {
  task_ = envs::sample_task(*env_, seed, Purpose::task, 0, 0);
  state_.resize(static_cast<std::size_t>(env_->state_words));
  observation_.resize(static_cast<std::size_t>(env_->spec.obs_size));
  before_ = after_ = observation_;
  action_.resize(static_cast<std::size_t>(env_->spec.action_size));
  begin_episode();
}

std::uint32_t Stream::counter() const { return place_number(steps_); }

envs::Lanes Stream::lane() {
  return {.task = task_.data(),
          .count = 1,
          .states = state_.data(),
          .actions = action_.data(),
          .finished = &finished_,
          .rewards = &reward_,
          .terminated = &terminated_,
          .observations = observation_.data(),
          .seed = seed_,
          .place = {}};
}

void Stream::begin_episode() {
  envs::Lanes lane = this->lane();
  lane.place = {.purpose = Purpose::reset, .iteration = place_number(episode_)};
  env_->reset(lane);
  time_step_ = 0;
  return_ = 0;
}

Transition Stream::step(std::span<const double> action) {
  require(action.size() == action_.size(), "stream: the action has another size than the environment's");
  std::ranges::copy(action, action_.begin());
  std::ranges::copy(observation_, before_.begin());
  for (const double a : action)
    if (!std::isfinite(a)) [[unlikely]]
      throw NonFiniteError(std::string(spec().name) + ", step " + std::to_string(steps_) +
                           ": the action is not finite; look at the policy's output and its parameters");

  // The environment moves; the horizon cuts what has not ended by itself.
  envs::Lanes lane = this->lane();
  lane.place = {.purpose = Purpose::env, .iteration = place_number(steps_)};
  env_->step(lane);
  ++time_step_;
  ++steps_;
  return_ += reward_;
  if (!std::isfinite(reward_)) [[unlikely]]
    throw NonFiniteError(std::string(spec().name) + ", step " + std::to_string(steps_) + ": the reward is not finite");
  const End end = terminated_ != 0         ? End::terminated
                  : time_step_ == horizon_ ? End::truncated
                                           : End::running;
  std::ranges::copy(observation_, after_.begin());

  // The next episode begins; what it shows first is not what followed this action.
  if (end != End::running) {
    ended_ += 1;
    ended_returns_ += return_;
    ended_lengths_ += time_step_;
    ++episode_;
    begin_episode();
  }
  return {.observation = before_, .action = action_, .reward = reward_, .next_observation = after_, .end = end};
}

Stream::Episodes Stream::take_episodes() {
  if (ended_ > 0) last_ = {.mean_return = ended_returns_ / ended_, .mean_length = ended_lengths_ / ended_};
  ended_ = ended_returns_ = ended_lengths_ = 0;
  return last_;
}

void Stream::visit(Checkpoint& c) {
  c("stream/state", state_);
  c("stream/observation", observation_);
  c.numbers("stream/numbers", steps_, episode_, time_step_, return_, ended_, ended_returns_, ended_lengths_,
            last_.mean_return, last_.mean_length);
}

Tensor evaluate(const std::string& env, const std::vector<envs::Task>& tasks, int episodes, std::uint64_t seed,
                const ActFunction& act) {
  envs::VectorEnv lanes(envs::find_env(env), tasks, episodes, seed);
  lanes.reset({.purpose = Purpose::test_reset});
  const int B = static_cast<int>(tasks.size()), O = lanes.env().spec.obs_size;

  // All episodes side by side; one that has ended earns nothing more.
  Tensor returns({1, B, episodes});
  const auto totals = returns.mutable_values<double>();
  while (!lanes.all_finished()) {
    const Tensor actions = act(Tensor::from({1, B * episodes, O}, lanes.observations()));
    lanes.step(actions.values<double>());
    for (std::size_t n = 0; n < totals.size(); ++n) totals[n] += lanes.rewards()[n];
  }
  return returns;
}

AdaptReport adapt_policy(const std::string& env, const AdaptRequest& request, const Tensors& knowledge,
                         const PolicyFunction& act) {
  const envs::EnvRow& row = envs::find_env(env);
  return adapt_unchanged(request, knowledge,
                         [&](const Tensors& theta, const std::vector<envs::Task>& tasks, int episodes,
                             const RolloutPlace& place, bool deterministic) {
                           const auto act_in_all = [&](std::span<const double> seen, std::span<const Philox> random) {
                             const Shape shape{1, static_cast<int>(random.size()), row.spec.obs_size};
                             return act(theta, Tensor::from(shape, seen),
                                        deterministic ? std::span<const Philox>() : random)
                                 .to_vector();
                           };
                           return play_episodes(row, tasks, episodes, place, Dtype::f64, act_in_all);
                         });
}

EnvSizes env_sizes(const std::string& env) {
  const envs::Spec& spec = envs::find_env(env).spec;
  const bool discrete = spec.action_kind == envs::ActionKind::discrete;
  return {.observations = spec.obs_size,
          .discrete = discrete,
          .actions = discrete ? spec.action_count : spec.action_size,
          .low = spec.action_low,
          .high = spec.action_high};
}

}  // namespace innerloop::rl

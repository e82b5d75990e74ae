#include "rl/experience/segments.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "envs/table.h"
#include "kernels/philox.h"
#include "rl/experience/draw_action.h"
#include "rl/experience/episodes.h"
#include "rl/experience/returns.h"
#include "rl/training/options.h"

namespace innerloop::rl {
namespace {

std::size_t as_size(int n) { return static_cast<std::size_t>(n); }

}  // namespace

Tensor segment_advantages(const Segments& segments, double gamma, double lambda) {
  const std::vector<double> r = segments.rewards.to_vector(), v = segments.values.to_vector(),
                            next = segments.next_values.to_vector(), not_done = segments.continues.to_vector();
  std::vector<double> A(r.size());
  // [PPO eq. 11] from the last step to the first of every lane.
  for (std::size_t row = r.size(); row-- > 0;) {
    A[row] = r[row] + gamma * next[row] - v[row];
    if (not_done[row] != 0) A[row] += gamma * lambda * A[row + as_size(segments.lanes)];
  }
  return Tensor::from(segments.rewards.shape(), A, segments.rewards.dtype());
}

namespace {

// Before anything is made of it: all rows of an iteration are one tensor, whose sizes are ints.
const SegmentConfig& checked_size(const SegmentConfig& config) {
  const double rows = static_cast<double>(config.slices) * config.lanes * config.steps;
  const double numbers = rows * std::max(config.env->spec.obs_size, config.env->spec.action_size);
  if (numbers > std::numeric_limits<int>::max())
    throw UsageError(std::to_string(config.slices * static_cast<std::int64_t>(config.lanes)) + " environments of " +
                     std::to_string(config.steps) + " steps are too many numbers for one iteration; take fewer "
                     "trajectories or steps");
  return config;
}

}  // namespace

SegmentSource::SegmentSource(const SegmentConfig& config, std::uint64_t seed)
    : config_(checked_size(config)),
      seed_(seed),
      env_(*config.env, config.slices * config.lanes, seed),
      normaliser_(config.env->spec.obs_size),
      state_(nn::start_state(config.agent, config.slices, config.lanes, config.dtype)),
      episode_return_(as_size(config.slices * config.lanes)),
      actor_(config.agent) {}

std::vector<double> SegmentSource::normalised(std::span<const double> observations) const {
  std::vector<double> x(observations.begin(), observations.end());
  if (config_.normalise_observations) normaliser_.apply(x);
  return x;
}

AgentStep SegmentSource::forward(const ParamValues& theta, std::span<const double> observations, const Tensor& reset,
                                 const Tensors& state) const {
  const Shape shape{reset.shape().tasks, reset.shape().rows, config_.env->spec.obs_size};
  return actor_.step(theta, Tensor::from(shape, observations, config_.dtype), reset, state);
}

// Draws an action for every lane, at the place of its own episode and step.
std::vector<double> SegmentSource::draw(const AgentStep& acts) {
  const int A = config_.agent.policy.net.outputs, actions = config_.env->spec.action_size;
  std::vector<double> all(as_size(all_lanes() * actions));
  for (int lane = 0; lane < all_lanes(); ++lane) {
    const Philox random(seed_, {.purpose = Purpose::action,
                                .iteration = env_.episode(lane),
                                .trajectory = static_cast<std::uint32_t>(lane),
                                .time_step = env_.time_step(lane)});
    const auto where = [&] { return std::string(config_.env->spec.name) + ", lane " + std::to_string(lane); };
    draw_action(config_.agent.policy, acts.centre.data() + lane * A, acts.sigma.data(), random, false, config_.dtype,
                where, all.data() + lane * actions);
  }
  return all;
}

// What was seen, done, said and earned at time t.
void SegmentSource::write_row(Segments& segments, int t, const std::vector<double>& seen,
                              const std::vector<double>& actions, const AgentStep& acts,
                              const std::vector<double>& reset) {
  const int O = config_.env->spec.obs_size, A = config_.env->spec.action_size;
  for (int lane = 0; lane < all_lanes(); ++lane) {
    const int slice = lane / config_.lanes, row = t * config_.lanes + lane % config_.lanes;
    segments.observations.set_row(slice, row, std::span(seen).subspan(as_size(lane * O), as_size(O)));
    segments.actions.set_row(slice, row, std::span(actions).subspan(as_size(lane * A), as_size(A)));
    segments.values.set(slice, row, 0, acts.value[as_size(lane)]);
    segments.reset.set(slice, row, 0, reset[as_size(lane)]);

    const double r = env_.rewards()[as_size(lane)];
    const bool ended = env_.ends()[as_size(lane)] != envs::End::running;
    segments.rewards.set(slice, row, 0, config_.reward_scale * r);
    segments.continues.set(slice, row, 0, !ended && t + 1 < config_.steps);
    episode_return_[as_size(lane)] += r;
  }
}

// What the step at time t led to.
void SegmentSource::write_next(Segments& segments, int t) const {
  const int O = config_.env->spec.obs_size;
  const std::vector<double> next = normalised(env_.final_observations());
  for (int lane = 0; lane < all_lanes(); ++lane) {
    const int slice = lane / config_.lanes, row = t * config_.lanes + lane % config_.lanes;
    segments.next_observations.set_row(slice, row, std::span(next).subspan(as_size(lane * O), as_size(O)));
    segments.not_terminated.set(slice, row, 0, env_.ends()[as_size(lane)] != envs::End::terminated);
  }
}

// region: collect
Segments SegmentSource::collect(const ParamValues& learned) {
  const ParamValues theta = learned.to(Device::cpu);  // once, not once per step
  Segments s;
  s.slices = config_.slices, s.lanes = config_.lanes, s.steps = config_.steps;
  const auto rows = [&](int cols) { return Tensor({s.slices, s.rows(), cols}, config_.dtype); };
  s.observations = rows(config_.env->spec.obs_size);
  s.actions = rows(config_.env->spec.action_size);
  for (Tensor* column : {&s.rewards, &s.values, &s.next_values, &s.continues, &s.reset}) *column = rows(1);
  if (config_.transitions) s.next_observations = rows(config_.env->spec.obs_size), s.not_terminated = rows(1);
  s.start = state_;

  std::vector<double> raw;  // all observations, for the normaliser
  const Tensor no_reset({s.slices, s.lanes, 1}, config_.dtype);
  std::vector<int> length(as_size(all_lanes()));
  for (int t = 0; t < s.steps; ++t) {
    // See, think, act. A lane whose episode begins forgets what it remembers.
    std::vector<double> reset(as_size(all_lanes()));
    for (int lane = 0; lane < all_lanes(); ++lane) reset[as_size(lane)] = env_.time_step(lane) == 0;
    for (int lane = 0; lane < all_lanes(); ++lane) length[as_size(lane)] = static_cast<int>(env_.time_step(lane)) + 1;
    raw.insert(raw.end(), env_.observations().begin(), env_.observations().end());
    const std::vector<double> seen = normalised(env_.observations());
    const AgentStep acts = forward(theta, seen, Tensor::from(no_reset.shape(), reset, config_.dtype), state_);
    const std::vector<double> actions = draw(acts);
    env_.step(actions);
    state_ = acts.state;
    write_row(s, t, seen, actions, acts, reset);
    if (config_.transitions) write_next(s, t);

    // What a lane saw last, before any new episode: its value is bootstrapped from where a cut is not an end.
    const bool last = t + 1 == s.steps;
    bool any_cut = last;
    for (const envs::End end : env_.ends()) any_cut |= end == envs::End::truncated;
    std::vector<double> final_values(as_size(all_lanes()));
    if (any_cut) final_values = forward(theta, normalised(env_.final_observations()), no_reset, state_).value;
    for (int lane = 0; lane < all_lanes(); ++lane) {
      const envs::End end = env_.ends()[as_size(lane)];
      const int slice = lane / s.lanes, row = t * s.lanes + lane % s.lanes;
      if (end == envs::End::truncated || (last && end == envs::End::running))
        s.next_values.set(slice, row, 0, final_values[as_size(lane)]);
      // Where the lane goes on, it is the value of the next row: the one before this one learns it now.
      if (t > 0 && s.continues.at(slice, row - s.lanes, 0) != 0)
        s.next_values.set(slice, row - s.lanes, 0, acts.value[as_size(lane)]);
      if (end != envs::End::running) {
        s.returns.push_back(episode_return_[as_size(lane)]);
        s.lengths.push_back(length[as_size(lane)]);
        episode_return_[as_size(lane)] = 0;
      }
    }
  }
  if (config_.normalise_observations) normaliser_.update(raw);
  return s;
}
// endregion

Trajectories SegmentSource::play(const ParamValues& theta, const std::vector<envs::Task>& tasks, int episodes,
                                 const RolloutPlace& place, bool deterministic) const {
  const int B = static_cast<int>(tasks.size());
  Tensors state = nn::start_state(config_.agent, B, episodes, config_.dtype);
  const Tensor no_reset({B, episodes, 1}, config_.dtype);
  const auto act = [&](std::span<const double> observations, std::span<const Philox> random) {
    const AgentStep acts = forward(theta, normalised(observations), no_reset, state);
    state = acts.state;
    return actor_.draw(acts, random, deterministic, config_.dtype, std::string(config_.env->spec.name));
  };
  return play_episodes(*config_.env, tasks, episodes, place, config_.dtype, act);
}

AdaptReport SegmentSource::adapt(const ParamValues& theta, const AdaptRequest& request) const {
  return adapt_unchanged(request, theta.to(Device::cpu),
                         [this](const Tensors& knowledge, const std::vector<envs::Task>& tasks, int episodes,
                                const RolloutPlace& place, bool deterministic) {
                           return play(knowledge, tasks, episodes, place, deterministic);
                         });
}

void SegmentSource::visit(Checkpoint& c) {
  std::vector<double> environments = env_.save();
  c("env/state", environments);
  if (c.assigning()) env_.restore(environments);
  c("env/episode_return", episode_return_);
  c("state", state_);
  if (config_.normalise_observations) c("", normaliser_);
}

SegmentConfig segment_config(const std::string& env, nn::ActorCriticSpec::Core core, int core_size,
                             const std::vector<int>& hidden, Activation activation, double log_sigma_init) {
  const envs::EnvRow& row = envs::find_env(env);
  return {.env = &row, .agent = agent_for(row, core, core_size, hidden, activation, log_sigma_init)};
}

BatchValues segment_batch(const Segments& segments, double gamma, double lambda, bool standardise) {
  const Shape column = segments.rewards.shape();
  Tensor advantages = segment_advantages(segments, gamma, lambda);
  Tensors parts, values;
  parts.add("returns", advantages);
  values.add("returns", segments.values);
  const Tensor returns = (parts + values)[0];
  if (standardise) advantages = standardised(advantages, Tensor::full(column, 1), true);

  BatchValues batch;
  batch.add("observations", segments.observations);
  batch.add("actions", segments.actions);
  batch.add("advantages", std::move(advantages));
  batch.add("returns", returns);
  batch.add("weights", Tensor::full(column, 1.0 / static_cast<double>(column.size()), segments.rewards.dtype()));
  batch.add("reset", segments.reset);
  for (std::size_t k = 0; k < segments.start.count(); ++k)
    batch.add("state/" + segments.start.name(k), segments.start[k]);
  return batch;
}

void EpisodeMetrics::update(const Segments& segments) {
  episodes_ = static_cast<double>(segments.returns.size());
  if (episodes_ == 0) return;
  return_ = std::accumulate(segments.returns.begin(), segments.returns.end(), 0.0) / episodes_;
  length_ = std::accumulate(segments.lengths.begin(), segments.lengths.end(), 0.0) / episodes_;
}

Metrics EpisodeMetrics::metrics() const {
  return {{"return", return_}, {"length", length_}, {"episodes", episodes_}};
}

void EpisodeMetrics::visit(Checkpoint& c) { c.numbers("metrics", return_, length_, episodes_); }

}  // namespace innerloop::rl

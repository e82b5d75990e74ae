#include "rl/rollout_segments.h"

#include <cmath>
#include <string>

#include "autodiff/ops.h"
#include "envs/vector_env.h"
#include "kernels/philox.h"
#include "rl/rollout_action.h"

namespace innerloop::rl {
namespace {

using nn::ActorCriticSpec;
using nn::PolicySpec;

std::size_t size(int n) { return static_cast<std::size_t>(n); }

// What is needed of the network in each step: {"mean", "sigma"} or {"probabilities"}; V; the recurrent state.
std::vector<Vars> trace_act(Inputs& in, const ActorCriticSpec& spec) {
  const Params theta = in.next("theta");
  const Batch seen = in.next("seen");
  const nn::ActorCriticOutput out =
      nn::actor_critic(theta, spec, seen["observations"], in.next("state"), seen["reset"], 1);
  Vars policy, value;
  if (spec.policy.head == PolicySpec::Head::gaussian) {
    policy.add("mean", out.policy["mean"]);             // (B, N, A)
    policy.add("sigma", exp(out.policy["log_sigma"]));  // (1, 1, A)
  } else {
    policy.add("probabilities", softmax(out.policy["logits"]));  // (B, N, A)
  }
  value.add("value", out.value);
  return {policy, value, out.state};
}

// A random action of one lane.
void draw_action(const PolicySpec& policy, const double* centre, const double* sigma, Philox random, bool deterministic,
                 Dtype dtype, const std::string& where, double* action) {
  const int A = policy.net.outputs;
  if (policy.head == PolicySpec::Head::gaussian) {
    for (int k = 0; k < A; ++k) {
      const double a = deterministic ? centre[k] : centre[k] + sigma[k] * random.normal();
      action[k] = dtype == Dtype::f32 ? static_cast<double>(static_cast<float>(a)) : a;
    }
    return;
  }
  for (int a = 0; a < A; ++a)
    if (!std::isfinite(centre[a]))
      throw NonFiniteError(where + ": the probability of action " + std::to_string(a) +
                           " is not finite; look at the policy's output and its parameters");
  action[0] = choose_action(centre, A, random.uniform(), deterministic);
}

}  // namespace

// What the network says of one time step, in double.
struct SegmentSource::Acts {
  std::vector<double> centre, sigma, value;  // (lanes, A), (A), (lanes)
  Tensors state;
};

Tensor segment_advantages(const Segments& segments, double gamma, double lambda) {
  const std::vector<double> r = segments.rewards.to_vector(), v = segments.values.to_vector(),
                            next = segments.next_values.to_vector(), goes_on = segments.continues.to_vector();
  std::vector<double> A(r.size());
  // [PPO eq. 11] from the last step to the first of every lane.
  for (std::size_t row = r.size(); row-- > 0;) {
    A[row] = r[row] + gamma * next[row] - v[row];
    if (goes_on[row] != 0) A[row] += gamma * lambda * A[row + size(segments.lanes)];
  }
  return Tensor::from(segments.rewards.shape(), A, segments.rewards.dtype());
}

SegmentSource::SegmentSource(const SegmentConfig& config, std::uint64_t seed)
    : config_(config),
      seed_(seed),
      env_(*config.env, config.slices * config.lanes, seed),
      normaliser_(config.env->spec.obs_size),
      state_(nn::start_state(config.agent, config.slices, config.lanes, config.dtype)),
      episode_return_(size(config.slices * config.lanes)),
      act_("actor_critic/act", &trace_act) {
  act_.set_device(Device::cpu);  // where the environments are
}

std::vector<double> SegmentSource::normalised(std::span<const double> observations) const {
  std::vector<double> x(observations.begin(), observations.end());
  if (config_.normalise_observations) normaliser_.apply(x);
  return x;
}

SegmentSource::Acts SegmentSource::forward(const ParamValues& theta, std::span<const double> observations,
                                           const Tensor& reset, const Tensors& state) const {
  const Shape shape{reset.shape().tasks, reset.shape().rows, config_.env->spec.obs_size};
  BatchValues seen;
  seen.add("observations", Tensor::from(shape, observations, config_.dtype));
  seen.add("reset", reset);
  std::vector<Tensors> out = act_(config_.agent, {theta, seen, state});
  Acts acts{.centre = out[0][0].to_vector(), .sigma = {}, .value = out[1][0].to_vector(), .state = {}};
  if (out[0].count() > 1) acts.sigma = out[0][1].to_vector();
  for (std::size_t k = 0; k < state.count(); ++k) acts.state.add(state.name(k), out[2][k]);
  return acts;
}

// Draws an action for every lane, at the place of its own episode and step.
std::vector<double> SegmentSource::draw(const Acts& acts) {
  const int A = config_.agent.policy.net.outputs, actions = config_.env->spec.action_size;
  std::vector<double> all(size(all_lanes() * actions));
  for (int lane = 0; lane < all_lanes(); ++lane) {
    const Philox random(seed_, {.purpose = Purpose::action,
                                .iteration = env_.episode(lane),
                                .trajectory = static_cast<std::uint32_t>(lane),
                                .time_step = env_.time_step(lane)});
    draw_action(config_.agent.policy, acts.centre.data() + lane * A, acts.sigma.data(), random, false, config_.dtype,
                std::string(config_.env->spec.name) + ", lane " + std::to_string(lane), all.data() + lane * actions);
  }
  return all;
}

// What was seen, done, said and earned at time t.
void SegmentSource::write_row(Segments& segments, int t, const std::vector<double>& seen,
                              const std::vector<double>& actions, const Acts& acts, const std::vector<double>& reset) {
  const int O = config_.env->spec.obs_size, A = config_.env->spec.action_size;
  for (int lane = 0; lane < all_lanes(); ++lane) {
    const int slice = lane / config_.lanes, row = t * config_.lanes + lane % config_.lanes;
    for (int k = 0; k < O; ++k) segments.observations.set(slice, row, k, seen[size(lane * O + k)]);
    for (int k = 0; k < A; ++k) segments.actions.set(slice, row, k, actions[size(lane * A + k)]);
    segments.values.set(slice, row, 0, acts.value[size(lane)]);
    segments.reset.set(slice, row, 0, reset[size(lane)]);

    const double r = env_.rewards()[size(lane)];
    const bool ended = env_.terminated()[size(lane)] || env_.truncated()[size(lane)];
    segments.rewards.set(slice, row, 0, config_.reward_scale * r);
    segments.continues.set(slice, row, 0, !ended && t + 1 < config_.steps);
    episode_return_[size(lane)] += r;
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
  s.start = state_;

  std::vector<double> raw;  // all observations, for the normaliser
  const Tensor no_reset({s.slices, s.lanes, 1}, config_.dtype);
  std::vector<int> length(size(all_lanes()));
  for (int t = 0; t < s.steps; ++t) {
    // See, think, act. A lane whose episode begins forgets what it remembers.
    std::vector<double> reset(size(all_lanes()));
    for (int lane = 0; lane < all_lanes(); ++lane) reset[size(lane)] = env_.time_step(lane) == 0;
    for (int lane = 0; lane < all_lanes(); ++lane) length[size(lane)] = static_cast<int>(env_.time_step(lane)) + 1;
    raw.insert(raw.end(), env_.observations().begin(), env_.observations().end());
    const std::vector<double> seen = normalised(env_.observations());
    const Acts acts = forward(theta, seen, Tensor::from(no_reset.shape(), reset, config_.dtype), state_);
    const std::vector<double> actions = draw(acts);
    env_.step(actions);
    state_ = acts.state;
    write_row(s, t, seen, actions, acts, reset);

    // What a lane saw last, before any new episode: its value is bootstrapped from where a cut is not an end.
    const bool last = t + 1 == s.steps;
    bool any_cut = last;
    for (std::uint8_t truncated : env_.truncated()) any_cut |= truncated != 0;
    std::vector<double> final_values(size(all_lanes()));
    if (any_cut) final_values = forward(theta, normalised(env_.final_observations()), no_reset, state_).value;
    for (int lane = 0; lane < all_lanes(); ++lane) {
      const bool terminated = env_.terminated()[size(lane)] != 0, truncated = env_.truncated()[size(lane)] != 0;
      const int slice = lane / s.lanes, row = t * s.lanes + lane % s.lanes;
      if (!terminated && (truncated || last)) s.next_values.set(slice, row, 0, final_values[size(lane)]);
      // Where the lane goes on, it is the value of the next row: the one before this one learns it now.
      if (t > 0 && s.continues.at(slice, row - s.lanes, 0) != 0)
        s.next_values.set(slice, row - s.lanes, 0, acts.value[size(lane)]);
      if (terminated || truncated) {
        s.returns.push_back(episode_return_[size(lane)]);
        s.lengths.push_back(length[size(lane)]);
        episode_return_[size(lane)] = 0;
      }
    }
  }
  if (config_.normalise_observations) normaliser_.update(raw);
  return s;
}
// endregion

namespace {

// What every lane saw, did and earned, by time step; lanes that have finished repeat themselves.
struct Record {
  std::vector<std::vector<double>> observations, actions, rewards;
  std::vector<int> lengths;
  std::vector<std::uint8_t> truncated;
};

// The rows of a task: its trajectories one after another, then padding.
Trajectories pack(const Record& record, const envs::VectorEnv& env, Dtype dtype) {
  const int B = static_cast<int>(env.tasks().size()), N = env.trajectories(), O = env.env().spec.obs_size,
            A = env.env().spec.action_size;
  Trajectories all;
  all.tasks = B, all.per_task = N;
  all.lengths = record.lengths, all.truncated = record.truncated;
  all.returns.assign(size(B * N), 0);
  all.last_observations = Tensor::from({B, N, O}, env.observations());
  int longest = 0;
  for (int task = 0; task < B; ++task) longest = std::max(longest, all.first_row(task, N));
  const int rows = padded_rows(longest);
  all.observations = Tensor({B, rows, O}, dtype);
  all.actions = Tensor({B, rows, A}, dtype);
  for (Tensor* column : {&all.rewards, &all.mask, &all.time, &all.start, &all.continues})
    *column = Tensor({B, rows, 1}, dtype);
  for (int lane = 0; lane < B * N; ++lane) {
    const int task = lane / N, length = all.lengths[size(lane)];
    for (int t = 0, row = all.first_row(task, lane % N); t < length; ++t, ++row) {
      for (int k = 0; k < O; ++k) all.observations.set(task, row, k, record.observations[size(t)][size(lane * O + k)]);
      for (int k = 0; k < A; ++k) all.actions.set(task, row, k, record.actions[size(t)][size(lane * A + k)]);
      all.rewards.set(task, row, 0, record.rewards[size(t)][size(lane)]);
      all.mask.set(task, row, 0, 1);
      all.time.set(task, row, 0, t);
      all.start.set(task, row, 0, t == 0);
      all.continues.set(task, row, 0, t + 1 < length);
      all.returns[size(lane)] += record.rewards[size(t)][size(lane)];
    }
  }
  return all;
}

}  // namespace

Trajectories SegmentSource::play(const ParamValues& theta, const std::vector<envs::Task>& tasks, int episodes,
                                 const RolloutPlace& place, bool deterministic) const {
  const envs::Spec& spec = config_.env->spec;
  const int B = static_cast<int>(tasks.size()), N = episodes, A = config_.agent.policy.net.outputs;
  envs::VectorEnv env(*config_.env, tasks, N, place.seed);
  env.reset({.purpose = place.test ? Purpose::test_reset : Purpose::reset,
             .inner_step = place.inner_step,
             .iteration = place.iteration,
             .task = place.first_task,
             .trajectory = place.first_trajectory});
  Place at{.purpose = place.test ? Purpose::test_action : Purpose::action,
           .inner_step = place.inner_step,
           .iteration = place.iteration};
  Record record;
  record.lengths.resize(size(B * N));
  record.truncated.resize(size(B * N));
  Tensors state = nn::start_state(config_.agent, B, N, config_.dtype);
  std::vector<double> actions(size(B * N * spec.action_size));
  while (!env.all_finished()) {
    // Every lane sees, thinks and acts; those that have finished are not listened to.
    const Acts acts = forward(theta, normalised(env.observations()), Tensor({B, N, 1}, config_.dtype), state);
    state = acts.state;
    at.time_step = static_cast<std::uint32_t>(env.time_step());
    for (int lane = 0; lane < B * N; ++lane) {
      at.task = place.first_task + static_cast<std::uint32_t>(lane / N);
      at.trajectory = place.first_trajectory + static_cast<std::uint32_t>(lane % N);
      draw_action(config_.agent.policy, acts.centre.data() + lane * A, acts.sigma.data(), Philox(place.seed, at),
                  deterministic, config_.dtype, std::string(spec.name), actions.data() + lane * spec.action_size);
      record.lengths[size(lane)] += !env.finished()[size(lane)];
    }
    record.observations.emplace_back(env.observations().begin(), env.observations().end());
    record.actions.push_back(actions);
    env.step(actions);
    record.rewards.emplace_back(env.rewards().begin(), env.rewards().end());
    for (int lane = 0; lane < B * N; ++lane) record.truncated[size(lane)] |= env.truncated()[size(lane)];
  }
  return pack(record, env, config_.dtype);
}

AdaptReport SegmentSource::adapt(const ParamValues& theta, const AdaptRequest& request) const {
  AdaptiveLearner learner;
  learner.start = [&](int) { return theta.to(Device::cpu); };
  learner.act = [this](const Tensors& latent, const std::vector<envs::Task>& tasks, int episodes,
                       const RolloutPlace& place, bool deterministic) {
    return play(latent, tasks, episodes, place, deterministic);
  };
  learner.update = [](const Tensors& latent, const Trajectories&, int) { return latent; };
  return AdaptationProtocol{request}.run(learner);
}

void SegmentSource::save(Tensors& checkpoint) const {
  const std::vector<double> numbers = env_.save();
  checkpoint.add("env/state", Tensor::from({1, 1, static_cast<int>(numbers.size())}, numbers));
  checkpoint.add("env/episode_return", Tensor::from({1, 1, all_lanes()}, episode_return_));
  for (std::size_t k = 0; k < state_.count(); ++k) checkpoint.add("state/" + state_.name(k), state_[k]);
  if (config_.normalise_observations) checkpoint.add("normaliser", normaliser_.save());
}

void SegmentSource::restore(const Tensors& checkpoint) {
  env_.restore(checkpoint["env/state"].to_vector());
  const Tensor& so_far = checkpoint["env/episode_return"];
  require(so_far.shape() == Shape{1, 1, all_lanes()}, "checkpoint: it has another number of lanes");
  episode_return_ = so_far.to_vector();
  for (std::size_t k = 0; k < state_.count(); ++k) {
    const Tensor& saved = checkpoint["state/" + state_.name(k)];
    require(saved.shape() == state_[k].shape() && saved.dtype() == state_[k].dtype(),
            "checkpoint: the recurrent state is " + to_string(saved.shape()) + ", this run needs " +
                to_string(state_[k].shape()) + "; use the options of the run that wrote it");
    state_[k] = saved;
  }
  if (config_.normalise_observations) normaliser_.restore(checkpoint["normaliser"]);
}

}  // namespace innerloop::rl

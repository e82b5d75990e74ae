#include "rl/experience/trial.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>

#include "rl/experience/returns.h"

namespace innerloop::rl {
namespace {

std::size_t index_of(int n) { return static_cast<std::size_t>(n); }

bool discrete(const envs::Spec& spec) { return spec.action_kind == envs::ActionKind::discrete; }
int action_inputs(const envs::Spec& spec) { return discrete(spec) ? spec.action_count : spec.action_size; }

// The place of a reward among the levels.
std::size_t level_of(const TrialConfig& config, double reward) {
  const std::vector<double>& levels = config.reward_levels;
  const auto at = std::ranges::find_if(levels, [&](double level) { return std::abs(level - reward) < 1e-9; });
  require(at != levels.end(), [&] {
    return std::string(config.env->spec.name) + " paid " + std::to_string(reward) +
           ", which is none of reward_levels; name every reward there is, or show it as scalar";
  });
  return static_cast<std::size_t>(at - levels.begin());
}

// One trial under way.
struct Lane {
  StepBefore before;
  int episode = 0, time = 0;  // time: steps taken in the episode
  bool over = false;
};

// The environments of all trials, each at a place of its own.
class TrialEnv {
 public:
  TrialEnv(const TrialConfig& config, const std::vector<envs::Task>& tasks, const RolloutPlace& place)
      : config_(config), tasks_(tasks), place_(place), lanes_(tasks.size()) {
    const envs::Spec& spec = config.env->spec;
    states_.resize(tasks.size() * index_of(config.env->state_words));
    observations_.resize(tasks.size() * index_of(spec.obs_size));
    for (std::size_t n = 0; n < tasks.size(); ++n) {
      require(tasks[n].size() == index_of(spec.task_size), [&] {
        return std::string(spec.name) + ": a task has " + std::to_string(spec.task_size) + " numbers, this one " +
               std::to_string(tasks[n].size());
      });
      start_episode(n);
    }
  }

  struct Outcome { double reward; bool ended; std::vector<double> led_to; };

  // Acts in trial n, and starts its next episode where one ended.
  Outcome step(std::size_t n, std::span<const double> action) {
    check(n, action);
    double reward = 0;
    std::uint8_t terminated = 0;
    envs::Lanes view = view_of(n, place_.test ? Purpose::test_env : Purpose::env);
    view.actions = action.data(), view.rewards = &reward, view.terminated = &terminated;
    config_.env->step(view);
    const std::span<const double> seen = observation(n);
    if (!std::isfinite(reward)) throw NonFiniteError(where(n) + ": the reward is not finite");
    for (const double x : seen)
      if (!std::isfinite(x)) throw NonFiniteError(where(n) + ": the observation is not finite");

    Lane& lane = lanes_[n];
    ++lane.time;
    Outcome out{reward, terminated != 0 || lane.time == config_.env->spec.horizon, {seen.begin(), seen.end()}};
    lane.before.action.assign(action.begin(), action.end());
    lane.before.reward = reward;
    lane.before.end = out.ended;
    ++lane.before.time;
    if (out.ended) {
      lane.time = 0;
      lane.over = ++lane.episode == config_.episodes;
      if (!lane.over) start_episode(n);
    }
    return out;
  }

  // Time passes for a trial that is over while others go on: what is drawn for it, unused, is drawn at other counters.
  void wait(std::size_t n) { ++lanes_[n].time; }

  std::span<const double> observation(std::size_t n) const {
    const std::size_t O = index_of(config_.env->spec.obs_size);
    return std::span(observations_).subspan(n * O, O);
  }
  const Lane& lane(std::size_t n) const { return lanes_[n]; }
  bool all_over() const { return std::ranges::all_of(lanes_, &Lane::over); }
  Philox random(std::size_t n) const {
    return {place_.seed, place_of(n, place_.test ? Purpose::test_action : Purpose::action)};
  }

 private:
  Place place_of(std::size_t n, Purpose purpose) const {
    return {.purpose = purpose,
            .inner_step = place_.inner_step + static_cast<std::uint32_t>(lanes_[n].episode),
            .iteration = place_.iteration,
            .task = place_.first_task + static_cast<std::uint32_t>(n),
            .trajectory = place_.first_trajectory,
            .time_step = static_cast<std::uint32_t>(lanes_[n].time)};
  }
  envs::Lanes view_of(std::size_t n, Purpose purpose) {
    static constexpr std::uint8_t running = 0;
    envs::Lanes view;
    view.task = tasks_[n].data();
    view.count = 1;
    view.states = states_.data() + n * index_of(config_.env->state_words);
    view.finished = &running;
    view.observations = observations_.data() + n * index_of(config_.env->spec.obs_size);
    view.seed = place_.seed;
    view.place = place_of(n, purpose);
    return view;
  }
  void start_episode(std::size_t n) {
    config_.env->reset(view_of(n, place_.test ? Purpose::test_reset : Purpose::reset));
  }
  std::string where(std::size_t n) const {
    return std::string(config_.env->spec.name) + ", trial " + std::to_string(n) + ", episode " +
           std::to_string(lanes_[n].episode) + ", step " + std::to_string(lanes_[n].time);
  }
  void check(std::size_t n, std::span<const double> action) const {
    const envs::Spec& spec = config_.env->spec;
    for (const double a : action) {
      if (!std::isfinite(a))
        throw NonFiniteError(where(n) + ": the action is not finite; look at the policy's output and its parameters");
      if (discrete(spec) && !(a >= 0 && a < spec.action_count && a == std::floor(a)))
        throw Error(where(n) + ": action " + std::to_string(a) + " is not one of 0 … " +
                    std::to_string(spec.action_count - 1));
    }
  }

  const TrialConfig& config_;
  const std::vector<envs::Task>& tasks_;
  RolloutPlace place_;
  std::vector<Lane> lanes_;
  std::vector<std::uint64_t> states_;
  std::vector<double> observations_;
};

// One time step of all trials: a row of each column.
struct Row {
  std::vector<double> inputs, observations, led_to, actions, rewards, values, ends, reset, mask;
};

// From time by lane to slice by time by lane of the slice.
Tensor packed(const std::vector<Row>& rows, std::vector<double> Row::* column, int slices, int lanes, int cols,
              Dtype dtype) {
  const int steps = static_cast<int>(rows.size());
  std::vector<double> numbers;
  numbers.reserve(index_of(slices * lanes) * rows.size() * index_of(cols));
  for (int slice = 0; slice < slices; ++slice)
    for (const Row& row : rows) {
      const auto first = (row.*column).begin() + slice * lanes * cols;
      numbers.insert(numbers.end(), first, first + lanes * cols);
    }
  return Tensor::from({slices, steps * lanes, cols}, numbers, dtype);
}

void pack(const std::vector<Row>& rows, Trials& trials, int X, int O, int A, Dtype dtype) {
  trials.steps = static_cast<int>(rows.size());
  const auto column = [&](std::vector<double> Row::* of, int cols) {
    return packed(rows, of, trials.slices, trials.lanes, cols, dtype);
  };
  trials.inputs = column(&Row::inputs, X), trials.actions = column(&Row::actions, A);
  trials.observations = column(&Row::observations, O), trials.next_observations = column(&Row::led_to, O);
  trials.rewards = column(&Row::rewards, 1), trials.values = column(&Row::values, 1);
  trials.ends = column(&Row::ends, 1), trials.reset = column(&Row::reset, 1), trials.mask = column(&Row::mask, 1);
}

}  // namespace

void require_countable(const TrialConfig& config, int count) {
  const std::int64_t per_trial = std::int64_t{config.episodes} * config.env->spec.horizon;
  require(per_trial <= std::numeric_limits<int>::max() / std::max(count, 1), [&] {
    return std::to_string(count) + " trials of " + std::to_string(config.episodes) + " episodes of " +
           std::to_string(config.env->spec.horizon) +
           " steps are more than 2^31 - 1 steps; take fewer tasks or episodes";
  });
}

int trial_input_size(const TrialConfig& config) {
  const envs::Spec& spec = config.env->spec;
  int size = spec.obs_size;
  if (config.action_input) size += action_inputs(spec);
  if (config.reward_input == RewardInput::scalar) size += 1;
  if (config.reward_input == RewardInput::one_hot) size += static_cast<int>(config.reward_levels.size());
  return size + config.flag_input + config.time_input;
}

// [RL² eq. input]  x_t = (s_t, a_{t−1}, r_{t−1}, d_{t−1})
void write_trial_input(const TrialConfig& config, std::span<const double> observation, const StepBefore& before,
                       double* x) {
  const envs::Spec& spec = config.env->spec;
  const bool first = before.action.empty();
  x = std::ranges::copy(observation, x).out;
  if (config.action_input) {
    std::fill(x, x + action_inputs(spec), 0.0);
    if (!first && discrete(spec)) x[static_cast<int>(before.action[0])] = 1;
    if (!first && !discrete(spec)) std::ranges::copy(before.action, x);
    x += action_inputs(spec);
  }
  if (config.reward_input == RewardInput::scalar) *x++ = before.reward;
  if (config.reward_input == RewardInput::one_hot) {
    std::fill(x, x + config.reward_levels.size(), 0.0);
    if (!first) x[level_of(config, before.reward)] = 1;
    x += config.reward_levels.size();
  }
  if (config.flag_input) *x++ = before.end ? 1 : 0;
  if (config.time_input) *x++ = static_cast<double>(before.time) / config.steps();
}

// region: trials
Trials play_trials(const TrialConfig& config, const std::vector<envs::Task>& tasks, int slices,
                   const RolloutPlace& place, Dtype dtype, const TrialActor& act) {
  const int count = static_cast<int>(tasks.size());
  require(config.episodes >= 1, "a trial has at least one episode");
  require(count >= 1 && slices >= 1 && count % slices == 0, [&] {
    return std::to_string(count) + " trials cannot be cut into " + std::to_string(slices) + " slices of equal size";
  });
  require_countable(config, count);
  const int O = config.env->spec.obs_size, A = config.env->spec.action_size, X = trial_input_size(config);
  Trials trials;
  trials.slices = slices, trials.lanes = count / slices, trials.episodes = config.episodes;
  trials.episode_returns.resize(index_of(config.episodes * count));
  trials.episode_lengths.resize(index_of(config.episodes * count));

  TrialEnv env(config, tasks, place);
  std::vector<Row> rows;
  while (!env.all_over()) {
    // What every trial sees: its observation, and the step before.
    Row row;
    row.inputs.resize(index_of(count * X));
    row.observations.resize(index_of(count * O));
    row.led_to = row.observations;
    for (auto* column : {&row.rewards, &row.ends, &row.reset, &row.mask}) column->resize(index_of(count));
    std::vector<Philox> random;
    for (std::size_t n = 0; n < tasks.size(); ++n) {
      const Lane& lane = env.lane(n);
      random.push_back(env.random(n));
      if (lane.over) {
        env.wait(n);
        continue;
      }
      row.mask[n] = 1;
      row.reset[n] = lane.time == 0 && (lane.episode == 0 || config.forget);
      std::ranges::copy(env.observation(n), row.observations.begin() + static_cast<std::ptrdiff_t>(n) * O);
      write_trial_input(config, env.observation(n), lane.before, row.inputs.data() + n * index_of(X));
    }

    // It acts; the environment answers; where an episode ends, the next one starts in the same task.
    TrialActions chosen = act({row.inputs, row.observations, row.reset, random});
    row.actions = std::move(chosen.actions), row.values = std::move(chosen.values);
    for (std::size_t n = 0; n < tasks.size(); ++n) {
      const std::span<double> action = std::span(row.actions).subspan(n * index_of(A), index_of(A));
      if (row.mask[n] == 0) {
        std::ranges::fill(action, 0.0);
        row.values[n] = 0;
        continue;
      }
      const std::size_t episode = index_of(env.lane(n).episode * count) + n;
      const auto out = env.step(n, action);
      row.rewards[n] = out.reward;
      row.ends[n] = out.ended;
      std::ranges::copy(out.led_to, row.led_to.begin() + static_cast<std::ptrdiff_t>(n) * O);
      trials.episode_returns[episode] += out.reward;
      trials.episode_lengths[episode] += 1;
    }
    rows.push_back(std::move(row));
  }

  pack(rows, trials, X, O, A, dtype);
  return trials;
}
// endregion

// [RL² eq. advantage]  Â_t = δ_t + γλÂ_{t+1},  δ_t = r_t + γV_{t+1} − V_t: from the last step of a trial to its first
Tensor trial_advantages(const Trials& trials, double gamma, double lambda) {
  const std::vector<double> r = trials.rewards.to_vector(), v = trials.values.to_vector(),
                            mask = trials.mask.to_vector();
  const std::size_t rows = index_of(trials.rows()), N = index_of(trials.lanes);
  std::vector<double> A(r.size());
  for (std::size_t at = r.size(); at-- > 0;) {
    if (mask[at] == 0) continue;
    const bool after = at % rows + N < rows && mask[at + N] != 0;  // is there a next step of this trial?
    A[at] = r[at] - v[at];
    if (after) A[at] += gamma * (v[at + N] + lambda * A[at + N]);
  }
  return Tensor::from(trials.rewards.shape(), A, trials.rewards.dtype());
}

BatchValues trial_batch(const Trials& trials, double gamma, double lambda, bool standardise) {
  Tensor advantages = trial_advantages(trials, gamma, lambda);
  Tensors parts, values;
  parts.add("returns", advantages);
  values.add("returns", trials.values);
  const Tensor returns = (parts + values)[0];
  if (standardise) advantages = standardised(advantages, trials.mask, true);
  std::vector<double> weights = trials.mask.to_vector();
  const double share = 1.0 / static_cast<double>(trials.total_steps());
  for (double& w : weights) w *= share;

  BatchValues batch;
  batch.add("observations", trials.inputs);
  batch.add("actions", trials.actions);
  batch.add("advantages", std::move(advantages));
  batch.add("returns", returns);
  batch.add("weights", Tensor::from(trials.mask.shape(), weights, trials.mask.dtype()));
  batch.add("reset", trials.reset);
  return batch;
}

double Trials::mean_return() const {
  return std::accumulate(episode_returns.begin(), episode_returns.end(), 0.0) / count();
}
double Trials::mean_return(int episode) const {
  const auto first = episode_returns.begin() + episode * count();
  return std::accumulate(first, first + count(), 0.0) / count();
}
double Trials::mean_length(int episode) const {
  const auto first = episode_lengths.begin() + episode * count();
  return std::accumulate(first, first + count(), 0.0) / count();
}
long Trials::total_steps() const { return std::accumulate(episode_lengths.begin(), episode_lengths.end(), 0L); }

}  // namespace innerloop::rl

// The recurrent agent of RL² in trials: all at once for training, episode by episode for the adaptation protocol.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "envs/table.h"
#include "meta/rl2.h"
#include "rl/experience/draw_action.h"
#include "rl/experience/episodes.h"

namespace innerloop::meta {
namespace {

using rl::StepBefore;

// The step before as numbers of a memory: is there one; action; reward; flag; time.
void store(const StepBefore& before, Tensor& memory, int task) {
  const int A = memory.shape().cols - 4;
  memory.set(task, 0, 0, before.action.empty() ? 0 : 1);
  for (int k = 0; k < A; ++k)
    memory.set(task, 0, 1 + k, before.action.empty() ? 0 : before.action[static_cast<std::size_t>(k)]);
  memory.set(task, 0, A + 1, before.reward);
  memory.set(task, 0, A + 2, before.end);
  memory.set(task, 0, A + 3, before.time);
}

StepBefore stored(const Tensor& memory, int task) {
  const int A = memory.shape().cols - 4;
  StepBefore before;
  if (memory.at(task, 0, 0) != 0)
    for (int k = 0; k < A; ++k) before.action.push_back(memory.at(task, 0, 1 + k));
  before.reward = memory.at(task, 0, A + 1);
  before.end = memory.at(task, 0, A + 2) != 0;
  before.time = static_cast<int>(memory.at(task, 0, A + 3));
  return before;
}

// Lanes of one time step, in order: `copies` of each row of the hidden states of all tasks.
Tensors as_lanes(const Tensors& memory, int copies) {
  Tensors state;
  for (std::size_t k = 0; k < memory.count(); ++k) {
    if (memory.name(k) == "before") continue;
    const std::vector<double> rows = memory[k].to_vector();
    const int tasks = memory[k].shape().tasks, H = memory[k].shape().cols;
    std::vector<double> lanes;
    for (int task = 0; task < tasks; ++task)
      for (int copy = 0; copy < copies; ++copy)
        lanes.insert(lanes.end(), rows.begin() + task * H, rows.begin() + (task + 1) * H);
    state.add(memory.name(k), Tensor::from({1, tasks * copies, H}, lanes, memory[k].dtype()));
  }
  return state;
}

// A recurrent network's own.
AgentMemory network_memory(const nn::ActorCriticSpec& agent, Dtype dtype) {
  const auto actor = std::make_shared<const rl::AgentActor>(agent);
  return {.start = [=](int tasks, int sequences) { return nn::start_state(agent, tasks, sequences, dtype); },
          .step = [actor](const ParamValues& theta, const Tensor& inputs, const Tensor& reset, const Tensors& state) {
            return actor->step(theta, inputs, reset, state);
          }};
}

}  // namespace

RecurrentAgent::RecurrentAgent(const rl::TrialConfig& trial, const nn::ActorCriticSpec& agent, Dtype dtype)
    : RecurrentAgent(trial, agent, dtype, network_memory(agent, dtype)) {
  require(agent.core != nn::ActorCriticSpec::Core::none, "rl2: without a recurrent core there is nothing to learn by");
}

RecurrentAgent::RecurrentAgent(const rl::TrialConfig& trial, const nn::ActorCriticSpec& agent, Dtype dtype,
                               AgentMemory memory)
    : trial_(trial), agent_(agent), dtype_(dtype), memory_(std::move(memory)) {}

// An action of every lane, each with its own random numbers.
std::vector<double> RecurrentAgent::draw(const rl::AgentStep& said, std::span<const Philox> random,
                                         bool deterministic) const {
  const std::size_t A = static_cast<std::size_t>(agent_.policy.net.outputs),
                    size = static_cast<std::size_t>(trial_.env->spec.action_size);
  std::vector<double> actions(random.size() * size);
  for (std::size_t lane = 0; lane < random.size(); ++lane)
    rl::draw_action(agent_.policy, said.centre.data() + lane * A, said.sigma.data(), random[lane], deterministic,
                    dtype_, [&] { return std::string(trial_.env->spec.name); }, actions.data() + lane * size);
  return actions;
}

rl::Trials RecurrentAgent::play(const ParamValues& learned, const std::vector<envs::Task>& tasks, int slices,
                                const rl::RolloutPlace& place, bool deterministic) const {
  const ParamValues theta = learned.to(Device::cpu);  // once, not once per step
  const int N = static_cast<int>(tasks.size()) / slices, X = rl::trial_input_size(trial_);
  Tensors state = memory_.start(slices, N);
  const rl::TrialActor act = [&](const rl::TrialStep& step) {
    const rl::AgentStep said = memory_.step(theta, Tensor::from({slices, N, X}, step.inputs, dtype_),
                                            Tensor::from({slices, N, 1}, step.reset, dtype_), state);
    state = said.state;
    return rl::TrialActions{draw(said, step.random, deterministic), said.value};
  };
  return rl::play_trials(trial_, tasks, slices, place, dtype_, act);
}

// region: protocol
Tensors RecurrentAgent::start(int tasks) const {
  Tensors memory = memory_.start(tasks, 1);
  memory.add("before", Tensor({tasks, 1, trial_.env->spec.action_size + 4}));
  return memory;
}

// Episodes side by side, each from the memory of its task, which runs on within the episode. It is not kept.
rl::Trajectories RecurrentAgent::act(const ParamValues& theta, const Tensors& memory,
                                     const std::vector<envs::Task>& tasks, int episodes,
                                     const rl::RolloutPlace& place, bool deterministic) const {
  const int lanes = static_cast<int>(tasks.size()) * episodes, X = rl::trial_input_size(trial_);
  const std::size_t O = static_cast<std::size_t>(trial_.env->spec.obs_size),
                    A = static_cast<std::size_t>(trial_.env->spec.action_size);
  Tensors state = as_lanes(memory, episodes);
  std::vector<StepBefore> before;
  for (int lane = 0; lane < lanes; ++lane) before.push_back(stored(memory["before"], lane / episodes));
  Tensor reset = Tensor::full({1, lanes, 1}, trial_.forget ? 1 : 0, dtype_);

  const auto act = [&](std::span<const double> observations, std::span<const Philox> random) {
    std::vector<double> inputs(static_cast<std::size_t>(lanes * X));
    for (std::size_t lane = 0; lane < before.size(); ++lane)
      rl::write_trial_input(trial_, observations.subspan(lane * O, O), before[lane],
                            inputs.data() + lane * static_cast<std::size_t>(X));
    const rl::AgentStep said = memory_.step(theta, Tensor::from({1, lanes, X}, inputs, dtype_), reset, state);
    state = said.state;
    reset = Tensor({1, lanes, 1}, dtype_);
    const std::vector<double> actions = draw(said, random, deterministic);
    for (std::size_t lane = 0; lane < before.size(); ++lane) {
      const std::span<const double> action = std::span(actions).subspan(lane * A, A);
      before[lane].action.assign(action.begin(), action.end());
      before[lane].end = false;
      ++before[lane].time;
    }
    return actions;
  };
  const auto earned = [&](std::span<const double> rewards) {
    for (std::size_t lane = 0; lane < before.size(); ++lane) before[lane].reward = rewards[lane];
  };
  return rl::play_episodes(*trial_.env, tasks, episodes, place, dtype_, act, earned);
}

// The memory after an episode of each task: it sees again what was seen.
Tensors RecurrentAgent::update(const ParamValues& theta, const Tensors& memory,
                               const rl::Trajectories& explored) const {
  require(explored.per_task == 1, "rl2: memory takes in one episode of each task at a time");
  const int tasks = explored.tasks, X = rl::trial_input_size(trial_), O = trial_.env->spec.obs_size,
            A = trial_.env->spec.action_size;
  Tensors state = as_lanes(memory, 1), after = memory;
  std::vector<StepBefore> before;
  for (int task = 0; task < tasks; ++task) before.push_back(stored(memory["before"], task));
  const int longest = *std::ranges::max_element(explored.lengths);
  for (int t = 0; t < longest; ++t) {
    std::vector<double> inputs(static_cast<std::size_t>(tasks * X));
    for (int task = 0; task < tasks; ++task) {
      if (t >= explored.lengths[static_cast<std::size_t>(task)]) continue;
      std::vector<double> seen;
      for (int k = 0; k < O; ++k) seen.push_back(explored.observations.at(task, t, k));
      rl::write_trial_input(trial_, seen, before[static_cast<std::size_t>(task)],
                            inputs.data() + static_cast<std::size_t>(task * X));
    }
    const Tensor reset = Tensor::full({1, tasks, 1}, t == 0 && trial_.forget ? 1 : 0, dtype_);
    state = memory_.step(theta, Tensor::from({1, tasks, X}, inputs, dtype_), reset, state).state;

    // What was done at t is the step before of t + 1; at the end of its episode a task's memory is kept.
    for (int task = 0; task < tasks; ++task) {
      const int length = explored.lengths[static_cast<std::size_t>(task)];
      if (t >= length) continue;
      StepBefore& step = before[static_cast<std::size_t>(task)];
      step.action.clear();
      for (int k = 0; k < A; ++k) step.action.push_back(explored.actions.at(task, t, k));
      step.reward = explored.rewards.at(task, t, 0);
      step.end = t + 1 == length;
      ++step.time;
      if (!step.end) continue;
      store(step, after["before"], task);
      for (std::size_t part = 0; part < state.count(); ++part)
        for (int k = 0; k < state[part].shape().cols; ++k)
          after[state.name(part)].set(task, 0, k, state[part].at(0, task, k));
    }
  }
  return after;
}

rl::AdaptiveLearner RecurrentAgent::learner(const ParamValues& learned) const {
  const ParamValues theta = learned.to(Device::cpu);
  rl::AdaptiveLearner learner;
  learner.update_time = rl::UpdateTime::after_episode;
  learner.start = [this](int tasks) { return start(tasks); };
  learner.act = [this, theta](const Tensors& memory, const std::vector<envs::Task>& tasks, int episodes,
                              const rl::RolloutPlace& place, bool deterministic) {
    return act(theta, memory, tasks, episodes, place, deterministic);
  };
  learner.update = [this, theta](const Tensors& memory, const rl::Trajectories& explored, int) {
    return update(theta, memory, explored);
  };
  return learner;
}
// endregion

}  // namespace innerloop::meta

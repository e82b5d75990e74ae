#include "meta/belief_agent.h"

#include <algorithm>
#include <memory>
#include <string>

#include "envs/grid_navi.h"
#include "rl/experience/agent.h"

namespace innerloop::meta {
namespace {

// Each row over its largest number.
Tensor relative(const Tensor& probabilities) {
  std::vector<double> p = probabilities.to_vector();
  const std::ptrdiff_t cols = probabilities.shape().cols;
  for (auto row = p.begin(); row != p.end(); row += cols) {
    const double most = *std::max_element(row, row + cols);
    std::for_each(row, row + cols, [most](double& x) { x /= most; });
  }
  return Tensor::from(probabilities.shape(), p, probabilities.dtype());
}

}  // namespace

int Cells::of(std::span<const double> observation) const {
  return static_cast<int>(observation[0]) + side * static_cast<int>(observation[1]);
}

Cells cells_of(const std::string& env) {
  using Grid = envs::GridNavi<double>;
  if (env != Grid::spec.name) return {};
  Cells cells{.count = Grid::side * Grid::side, .side = Grid::side};
  for (int k = 0; k < Grid::task_count; ++k) {
    const Grid::State goal = Grid::goal_of(Grid::task(k));
    cells.of_task.push_back(goal.x + Grid::side * goal.y);
  }
  return cells;
}

Beliefs::Beliefs(const BeliefConfig& config, const rl::TrialConfig& trial, Dtype dtype)
    : config_(config), trial_(trial), dtype_(dtype), cells_(cells_of(std::string(trial.env->spec.name))) {
  if (config.kind != BeliefKind::variational) exact_.emplace(std::string(trial.env->spec.name));
  else if (cells_.count == 0)
    throw rl::UsageError("varibad: belief = variational decodes rewards by cell, and the states of " +
                         std::string(trial.env->spec.name) + " are no cells; take grid-navi-v1");
}

VaribadSpec Beliefs::varibad_spec(int time_steps) const {
  return {.memory = {.inputs = rl::trial_input_size(trial_), .hidden = config_.memory},
          .latent_size = config_.latent_size,
          .decoder = {.inputs = config_.latent_size, .hidden = config_.decoder_hidden, .outputs = cells_.count,
                      .activation = Activation::relu},
          .kl_weight = config_.kl_weight,
          .time_steps = time_steps};
}
TaskLabelSpec Beliefs::label_spec(int time_steps) const {
  return {.memory = {.inputs = rl::trial_input_size(trial_), .hidden = config_.memory},
          .labels = exact_->size(),
          .time_steps = time_steps};
}

int Beliefs::size() const {
  if (exact_) return exact_->size();
  return config_.shown == BeliefShown::latent ? 2 * config_.latent_size : cells_.count;
}

ParamValues Beliefs::init(std::uint64_t seed) const {
  if (config_.kind == BeliefKind::variational) return init_varibad(varibad_spec(1), seed, dtype_);
  if (config_.kind == BeliefKind::labels) return init_task_labels(label_spec(1), seed, dtype_);
  return {};
}

// Of the exact belief: p, the state before, and whether there was one.
Tensors Beliefs::start(int tasks, int sequences) const {
  Tensors state;
  if (config_.kind != BeliefKind::exact) {
    state.add("h", Tensor({tasks, sequences, config_.memory}, dtype_));
    return state;
  }
  Tensor h({tasks, sequences, exact_->size() + trial_.env->spec.obs_size + 1});
  const std::vector<double> prior = exact_->prior();
  for (int task = 0; task < tasks; ++task)
    for (int n = 0; n < sequences; ++n)
      for (int k = 0; k < exact_->size(); ++k) h.set(task, n, k, prior[static_cast<std::size_t>(k)]);
  state.add("h", h);
  return state;
}

Beliefs::Step Beliefs::step(const ParamValues& theta, const Tensor& inputs, const Tensor& reset,
                            const Tensors& state) const {
  if (config_.kind == BeliefKind::exact) return exact_step(inputs, reset, state);
  BatchValues seen;
  seen.add("inputs", inputs);
  seen.add("reset", reset);
  const bool variational = config_.kind == BeliefKind::variational;
  std::vector<Tensors> out = variational ? functions_.step(varibad_spec(1), {theta, seen, state["h"]})
                                         : functions_.label_step(label_spec(1), {theta, seen, state["h"]});
  Step now;
  if (!variational) now.belief = relative(out[0]["probabilities"]);
  else if (config_.shown == BeliefShown::rewards) now.belief = relative(out[0]["paid"]);
  else now.belief = beside_belief(out[0]["mean"], out[0]["log_sigma"]);
  now.state.add("h", out[1]["memory"]);
  return now;
}

// What is seen at t tells what the action before it was paid: Bayes' rule for that step.
Beliefs::Step Beliefs::exact_step(const Tensor& inputs, const Tensor& reset, const Tensors& state) const {
  const int K = exact_->size(), O = trial_.env->spec.obs_size, A = rl::trial_input_size(trial_) - O - 2;
  const bool discrete = trial_.env->spec.action_kind == envs::ActionKind::discrete;
  const std::vector<double> x = inputs.to_vector(), cleared = reset.to_vector(), prior = exact_->prior();
  std::vector<double> h = state["h"].to_vector(), belief;
  const std::size_t rows = cleared.size();
  for (std::size_t row = 0; row < rows; ++row) {
    const auto p = std::span(h).subspan(row * static_cast<std::size_t>(K + O + 1), static_cast<std::size_t>(K));
    double* before = p.data() + K;  // the state before, and whether there was one
    const double* now = x.data() + row * static_cast<std::size_t>(O + A + 2);
    if (cleared[row] != 0) {
      std::ranges::copy(prior, p.begin());
      before[O] = 0;
    }
    if (before[O] != 0) {
      std::vector<double> action(now + O, now + O + A);
      if (discrete) action = {static_cast<double>(std::ranges::max_element(action) - action.begin())};
      exact_->update(p, std::span(before, static_cast<std::size_t>(O)), action, now[O + A]);
    }
    std::copy(now, now + O, before);
    before[O] = 1;
    belief.insert(belief.end(), p.begin(), p.end());
  }
  const Shape shape = inputs.shape();
  Step after{relative(Tensor::from({shape.tasks, shape.rows, K}, belief, dtype_)), {}};
  after.state.add("h", Tensor::from(state["h"].shape(), h));
  return after;
}

Tensor Beliefs::of_trials(const ParamValues& theta, const rl::Trials& trials) const {
  const int B = trials.slices, N = trials.lanes, X = trials.inputs.shape().cols, K = size();
  const std::vector<double> inputs = trials.inputs.to_vector(), reset = trials.reset.to_vector();
  std::vector<double> all(static_cast<std::size_t>(B * trials.rows() * K));
  Tensors state = start(B, N);
  for (int t = 0; t < trials.steps; ++t) {
    std::vector<double> x, cleared;
    for (int slice = 0; slice < B; ++slice) {
      const auto first = static_cast<std::ptrdiff_t>(slice * trials.rows() + t * N);
      x.insert(x.end(), inputs.begin() + first * X, inputs.begin() + (first + N) * X);
      cleared.insert(cleared.end(), reset.begin() + first, reset.begin() + first + N);
    }
    const Step now = step(theta, Tensor::from({B, N, X}, x, dtype_), Tensor::from({B, N, 1}, cleared, dtype_), state);
    state = now.state;
    const std::vector<double> belief = now.belief.to_vector();
    for (int slice = 0; slice < B; ++slice)
      std::copy(belief.begin() + slice * N * K, belief.begin() + (slice + 1) * N * K,
                all.begin() + (slice * trials.rows() + t * N) * K);
  }
  return Tensor::from({B, trials.rows(), K}, all, dtype_);
}

Tensor beside_belief(const Tensor& states, const Tensor& belief) {
  const Shape s = states.shape(), b = belief.shape();
  const std::vector<double> first = states.to_vector(), second = belief.to_vector();
  std::vector<double> both;
  both.reserve(first.size() + second.size());
  for (int row = 0; row < s.tasks * s.rows; ++row) {
    both.insert(both.end(), first.begin() + row * s.cols, first.begin() + (row + 1) * s.cols);
    both.insert(both.end(), second.begin() + row * b.cols, second.begin() + (row + 1) * b.cols);
  }
  return Tensor::from({s.tasks, s.rows, s.cols + b.cols}, both, states.dtype());
}

AgentMemory belief_memory(const Beliefs& beliefs, const nn::ActorCriticSpec& policy, int observations) {
  const auto actor = std::make_shared<const rl::AgentActor>(policy);
  return {.start = [&beliefs](int tasks, int sequences) { return beliefs.start(tasks, sequences); },
          .step = [&beliefs, actor, observations](const ParamValues& theta, const Tensor& inputs, const Tensor& reset,
                                                  const Tensors& state) {
            const Beliefs::Step now = beliefs.step(theta, inputs, reset, state);
            // Of x_t the policy sees the state; the rest of it is in the belief.
            const Shape shape = inputs.shape();
            const std::vector<double> x = inputs.to_vector();
            std::vector<double> states;
            for (int row = 0; row < shape.tasks * shape.rows; ++row)
              states.insert(states.end(), x.begin() + row * shape.cols, x.begin() + row * shape.cols + observations);
            const Tensor seen = beside_belief(
                Tensor::from({shape.tasks, shape.rows, observations}, states, inputs.dtype()), now.belief);
            rl::AgentStep said = actor->step(theta, seen, reset, {});
            said.state = now.state;
            return said;
          }};
}

}  // namespace innerloop::meta

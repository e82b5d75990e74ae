// What a learner remembers within a lifetime, and how the loss sees it.
#include <algorithm>

#include "meta/epg_inner_loop.h"

namespace innerloop::meta {
namespace {

Tensors prefixed(const std::string& prefix, const Tensors& list) {
  Tensors all;
  for (std::size_t k = 0; k < list.count(); ++k) all.add(prefix + list.name(k), list[k]);
  return all;
}
void append_all(Tensors& all, const Tensors& more) {
  for (std::size_t k = 0; k < more.count(); ++k) all.add(more.name(k), more[k]);
}

// Writes a column of trajectories beside the newest steps of the buffer.
void write_newest(Tensor& column, const Tensor& rows, const rl::Trajectories& explored) {
  const std::vector<double> from = rows.to_vector();
  std::span<double> to = column.mutable_values<double>();
  const auto N = static_cast<std::size_t>(column.shape().rows), R = static_cast<std::size_t>(rows.shape().rows);
  for (int task = 0; task < explored.tasks; ++task) {
    const auto t = static_cast<std::size_t>(task), steps = static_cast<std::size_t>(steps_of_task(explored, task));
    const std::size_t fit = std::min(steps, N);
    const std::span<double> own = to.subspan(t * N, N);
    std::ranges::fill(own, 0);
    std::copy_n(from.data() + t * R + steps - fit, fit, own.data() + N - fit);
  }
}

// s, a and r of one row of a task's buffer, as they are normalised.
void write_input(const EpgState& state, const InputColumns& columns, RewardInput shown, std::size_t row, double* out) {
  const auto O = static_cast<std::size_t>(columns.observations);
  const double* s = state.buffer["observations"].values<double>().data() + row * O;
  out = std::copy(s, s + O, out);
  if (!columns.discrete) {
    const auto A = static_cast<std::size_t>(columns.actions);
    const double* a = state.buffer["actions"].values<double>().data() + row * A;
    out = std::copy(a, a + A, out);
  }
  const double r = state.buffer["rewards"].values<double>()[row];
  *out = shown == RewardInput::plain ? r : shown == RewardInput::negated ? -r : 0;
}

}  // namespace

// Several lists of (1, ·, ·) as one with as many tasks.
ParamValues side_by_side(const std::vector<ParamValues>& lists) {
  ParamValues all;
  for (std::size_t k = 0; k < lists[0].count(); ++k) {
    Shape shape = lists[0][k].shape();
    std::vector<double> numbers;
    for (const ParamValues& list : lists) {
      const std::vector<double> one = list[k].to_vector();
      numbers.insert(numbers.end(), one.begin(), one.end());
    }
    shape.tasks = static_cast<int>(lists.size());
    all.add(lists[0].name(k), Tensor::from(shape, numbers, lists[0][k].dtype()));
  }
  return all;
}

Tensors tensors_below(const Tensors& all, std::string_view prefix) {
  Tensors list;
  for (std::size_t k = 0; k < all.count(); ++k)
    if (all.name(k).starts_with(prefix)) list.add(all.name(k).substr(prefix.size()), all[k]);
  return list;
}

Tensors EpgState::packed() const {
  Tensors all = prefixed("theta/", theta);
  append_all(all, prefixed("m/", adam.m));
  append_all(all, prefixed("v/", adam.v));
  const int B = theta[0].shape().tasks;
  all.add("steps", Tensor::full({B, 1, 1}, adam.steps));
  std::vector<double> numbers;
  for (int task = 0; task < B; ++task)
    numbers.insert(numbers.end(), {settings.learning_rate, settings.sigma, settings.gamma, settings.lambda});
  all.add("settings", Tensor::from({B, 1, 4}, numbers));
  append_all(all, prefixed("buffer/", buffer));
  std::vector<ParamValues> moments;
  for (const rl::Normaliser& normaliser : normalisers) moments.push_back(rl::save(normaliser));
  append_all(all, prefixed("moments/", side_by_side(moments)));
  return all;
}

EpgState EpgState::unpacked(const Tensors& latent) {
  const Tensor& numbers_of_learner = latent["settings"];
  const auto number = [&](int k) { return numbers_of_learner.at(0, 0, k); };
  EpgState state{.settings = {number(0), number(1), number(2), number(3)},
                 .theta = tensors_below(latent, "theta/"),
                 .adam = {},
                 .buffer = tensors_below(latent, "buffer/"),
                 .normalisers = {}};
  state.adam = {tensors_below(latent, "m/"), tensors_below(latent, "v/"), static_cast<int>(latent["steps"].item())};
  const Tensor& moments = latent["moments/normaliser"];
  const int size = moments.shape().cols;
  const std::vector<double> numbers = moments.to_vector();
  for (int task = 0; task < moments.shape().tasks; ++task) {
    Tensors own;
    own.add("normaliser", Tensor::from({1, 3, size}, std::span(numbers).subspan(static_cast<std::size_t>(task) * 3 *
                                                                                    static_cast<std::size_t>(size),
                                                                                3 * static_cast<std::size_t>(size))));
    rl::load(state.normalisers.emplace_back(size), own);
  }
  return state;
}

// The newest steps enter at the bottom of the buffer, and the oldest leave it.
void EpgInnerLoop::pull_in(EpgState& state, const rl::Trajectories& explored) const {
  BatchValues rows;
  rows.add("observations", explored.observations);
  rows.add("actions", explored.actions);
  rows.add("rewards", explored.rewards);
  rows.add("mask", explored.mask);
  std::vector<double> ends = explored.continues.to_vector();  // 1 where the next step is of the same episode
  for (double& e : ends) e = 1 - e;
  rows.add("ends", Tensor::from(explored.continues.shape(), ends));
  for (std::size_t k = 0; k < rows.count(); ++k) {
    Tensor& column = state.buffer[rows.name(k)];
    const std::vector<double> from = rows[k].to_vector();
    std::span<double> to = column.mutable_values<double>();
    const auto cols = static_cast<std::size_t>(column.shape().cols), N = static_cast<std::size_t>(config_.buffer);
    for (int task = 0; task < explored.tasks; ++task) {
      const auto t = static_cast<std::size_t>(task), steps = static_cast<std::size_t>(steps_of_task(explored, task));
      const std::size_t fit = std::min(steps, N);
      double* const own = to.data() + t * N * cols;
      std::copy(own + fit * cols, own + N * cols, own);
      const double* const newest =
          from.data() + (t * static_cast<std::size_t>(explored.rows()) + steps - fit) * cols;
      std::copy(newest, newest + fit * cols, own + (N - fit) * cols);
    }
  }
}

// The buffer takes in what was explored; every step of it is counted once by the normalisers; PPO's data beside it.
void EpgInnerLoop::remember(EpgState& state, const rl::Trajectories& explored, bool ppo) const {
  pull_in(state, explored);
  const InputColumns columns = input_columns(env_->spec, config_.bonus);
  const auto N = static_cast<std::size_t>(config_.buffer), size = static_cast<std::size_t>(columns.normalised());
  for (int task = 0; task < explored.tasks; ++task) {
    const auto t = static_cast<std::size_t>(task);
    const std::size_t fit = std::min(N, static_cast<std::size_t>(steps_of_task(explored, task)));
    std::vector<double> rows(fit * size);
    for (std::size_t r = 0; r < fit; ++r)
      write_input(state, columns, config_.reward_input, (t + 1) * N - fit + r, rows.data() + r * size);
    state.normalisers[t].update(rows);
  }
  if (!ppo) return;
  const Tensor values = functions_.log_prob(spec_, {state.theta, explored.observations, explored.actions})[0][0];
  rl::AdvantageConfig advantage = config_.advantage;
  advantage.gamma = state.settings.gamma, advantage.lambda = state.settings.lambda;
  write_newest(state.buffer["old_log_prob"], values.to(Device::cpu), explored);
  write_newest(state.buffer["advantages"], rl::make_batch(explored, advantage)["advantages"], explored);
}

// The buffer as the loss sees it: s, a and r by the moments of today, the flag of an episode's end as it is.
BatchValues EpgInnerLoop::loss_batch(const EpgState& state, const EpgProgram& spec) const {
  const InputColumns columns = input_columns(env_->spec, config_.bonus);
  const int B = state.theta[0].shape().tasks;
  const auto N = static_cast<std::size_t>(config_.buffer), size = static_cast<std::size_t>(columns.normalised()),
             all = static_cast<std::size_t>(columns.all());
  const auto column = [&](const char* name) { return state.buffer[name].values<double>(); };
  const std::span<const double> ends = column("ends"), mask = column("mask"), actions = column("actions");
  std::vector<double> inputs(static_cast<std::size_t>(B) * N * all), rows(N * size);
  for (std::size_t task = 0; task < static_cast<std::size_t>(B); ++task) {
    for (std::size_t r = 0; r < N; ++r)
      write_input(state, columns, config_.reward_input, task * N + r, rows.data() + r * size);
    state.normalisers[task].apply(rows);
    for (std::size_t r = 0; r < N; ++r) {
      const std::size_t row = task * N + r;
      if (mask[row] == 0) continue;
      double* out = std::copy_n(rows.data() + r * size, size, inputs.data() + row * all);
      if (columns.discrete) {  // one of the actions
        out[static_cast<std::size_t>(actions[row])] = 1;
        out += columns.actions;
      }
      *out++ = ends[row];
      if (columns.bonus) *out = 1;
    }
  }
  BatchValues batch;
  batch.add("inputs", Tensor::from({B, config_.buffer, columns.all()}, inputs, config_.dtype));
  for (const char* name : {"mask", "observations", "actions"}) batch.add(name, state.buffer[name].to(config_.dtype));
  if (spec.ppo)
    for (const char* name : {"advantages", "old_log_prob"}) batch.add(name, state.buffer[name].to(config_.dtype));
  return batch;
}

}  // namespace innerloop::meta

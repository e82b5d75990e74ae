// Two Markov reward processes: there is nothing to decide, only to predict. What they are for: which discount, and how
// much bootstrapping, makes a good learner of values is another question in every state.
//
// Xu, van Hasselt, Silver 2018, arXiv 1805.09801, the illustrative examples (figure 1).
#pragma once

#include <algorithm>

#include "envs/spec.h"

namespace innerloop::envs {

// A line of states, left one after the other; the episode ends with the last. One action, which does nothing.
template <class Real, int length>
struct RewardLine {
  struct Action { int only; };
  static constexpr int states = length;

  static constexpr Spec line_spec(std::string_view name, std::string_view summary) {
    return {.name = name,
            .summary = summary,
            .source = "Meta-gradient RL (arXiv 1805.09801), figure 1",
            .task_size = 1,
            .obs_size = length,
            .action_kind = ActionKind::discrete,
            .action_count = 1,
            .horizon = length,
            .terminates = true,
            .random_step = true,
            .best_policy = "the only one"};
  }

  // One-hot over the states; after the end, the last one.
  static constexpr void observe_line(int s, Real* obs) {
    for (int k = 0; k < length; ++k) obs[k] = k == std::min(s, length - 1) ? Real(1) : Real(0);
  }
};

// signal-noise-v1: ten transitions that pay noise, N(0, 1), and a signal, 0.1, in turn. In sum 0.5; a discount of 0
// between a signal and the noise after it would spare the learner the variance, at the price of the signals beyond.
template <class Real>
struct SignalNoise : RewardLine<Real, 10> {
  using Line = RewardLine<Real, 10>;
  using typename Line::Action;
  struct Task { Real signal; };
  struct State { int s; };

  static constexpr Spec spec = Line::line_spec("signal-noise-v1", "ten rewards, noise and signal in turn: predict");
  static constexpr int task_count = 1;
  static constexpr Task task(int) { return {Real(0.1)}; }

  template <class Random>
  static constexpr Task sample_task(Random&) {
    return task(0);
  }

  template <class Random>
  static constexpr State reset(const Task&, Random&) {
    return {0};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action&, Random& random) {
    const Real r = state.s % 2 == 0 ? static_cast<Real>(random.normal()) : task.signal;
    ++state.s;
    return {r, state.s == Line::states};
  }

  static constexpr void observe(const Task&, const State& state, Real* obs) { Line::observe_line(state.s, obs); }
  static constexpr Action best_action(const Task&, const State&) { return {0}; }
};

// noise-undone-v1: nine transitions; the first, third, … pays ε ~ N(0, 1), each other one takes that back; the last ε
// stays. From where ε is taken back the return depends on what the state does not show, so its value misleads (do not
// bootstrap from it); the value of the others, 0, does not.
template <class Real>
struct NoiseUndone : RewardLine<Real, 9> {
  using Line = RewardLine<Real, 9>;
  using typename Line::Action;
  struct Task { Real scale; };
  struct State { Real last_reward; int s, unused; };

  static constexpr Spec spec = Line::line_spec("noise-undone-v1", "nine rewards, noise and its opposite: predict");
  static constexpr int task_count = 1;
  static constexpr Task task(int) { return {1}; }

  template <class Random>
  static constexpr Task sample_task(Random&) {
    return task(0);
  }

  template <class Random>
  static constexpr State reset(const Task&, Random&) {
    return {0, 0, 0};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action&, Random& random) {
    const Real r = state.s % 2 == 0 ? task.scale * static_cast<Real>(random.normal()) : -state.last_reward;
    state = {r, state.s + 1, 0};
    return {r, state.s == Line::states};
  }

  static constexpr void observe(const Task&, const State& state, Real* obs) { Line::observe_line(state.s, obs); }
  static constexpr Action best_action(const Task&, const State&) { return {0}; }
};

}  // namespace innerloop::envs

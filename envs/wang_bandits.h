// Bandits as "Learning to reinforcement learn" plays them: one episode is a hundred pulls (five with eleven arms), and
// the observation is the step index.
//
// Wang et al. 2016, arXiv 1611.05763, section 3.1. The observation is t/T: pulls done, as a fraction of the episode.
// What was chosen and paid last is not part of it; a trial shows that beside the observation.
#pragma once

#include "envs/math.h"
#include "envs/spec.h"

namespace innerloop::envs {

constexpr Spec wang_spec(std::string_view name, std::string_view summary) {
  return {
      .name = name,
      .summary = summary,
      .source = "Wang 2016 (arXiv 1611.05763), section 3.1",
      .task_size = 2,
      .obs_size = 1,
      .action_kind = ActionKind::discrete,
      .action_count = 2,
      .horizon = 100,
      .random_step = true,
      .best_policy = "oracle (knows the better arm)",
  };
}

// Two arms that pay 1 with probability p₁ and p₂. The variants below differ in how these are drawn.
template <class Real>
struct TwoArms {
  struct Task { Real p[2]; };
  struct State { int t; };
  struct Action { int arm; };

  template <class Random>
  static constexpr State reset(const Task&, Random&) {
    return {0};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& action, Random& random) {
    ++state.t;
    return {random.uniform() < task.p[action.arm] ? Real(1) : Real(0), false};
  }

  static constexpr void observe(const Task&, const State& state, Real* obs) { obs[0] = Real(state.t) / 100; }

  static constexpr Action best_action(const Task& task, const State&) { return {task.p[0] >= task.p[1] ? 0 : 1}; }
};

// wang-independent-v1: p₁ and p₂ uniform and independent.
template <class Real>
struct WangIndependent : TwoArms<Real> {
  using typename TwoArms<Real>::Task;
  static constexpr Spec spec = wang_spec("wang-independent-v1", "two independent arms, 100 pulls an episode");

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    const double p1 = random.uniform();
    const double p2 = random.uniform();
    return {{static_cast<Real>(p1), static_cast<Real>(p2)}};
  }
};

// wang-uniform-v1: p₁ uniform, p₂ = 1 − p₁, so either arm tells of both.
template <class Real>
struct WangUniform : TwoArms<Real> {
  using typename TwoArms<Real>::Task;
  static constexpr Spec spec = wang_spec("wang-uniform-v1", "two arms with p₂ = 1 − p₁, p₁ uniform");

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    const Real p1 = static_cast<Real>(random.uniform());
    return {{p1, 1 - p1}};
  }
};

// p₁ is one of two numbers, `low` and 1 − low, and p₂ = 1 − p₁. Variant gives spec and low.
template <class Real, class Variant>
struct TwoLevels : TwoArms<Real> {
  using typename TwoArms<Real>::Task;
  static constexpr int task_count = 2;
  static constexpr Task task(int index) {
    return index == 0 ? Task{{Variant::low, 1 - Variant::low}} : Task{{1 - Variant::low, Variant::low}};
  }

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    return task(static_cast<int>(random.below(task_count)));
  }
};

// wang-easy-v1, wang-medium-v1, wang-hard-v1: {0.1, 0.9}, {0.25, 0.75}, {0.4, 0.6}.
template <class Real>
struct WangEasy : TwoLevels<Real, WangEasy<Real>> {
  static constexpr Spec spec = wang_spec("wang-easy-v1", "two arms, one pays with 0.9 and the other with 0.1");
  static constexpr Real low = Real(0.1);
};
template <class Real>
struct WangMedium : TwoLevels<Real, WangMedium<Real>> {
  static constexpr Spec spec = wang_spec("wang-medium-v1", "two arms, one pays with 0.75 and the other with 0.25");
  static constexpr Real low = Real(0.25);
};
template <class Real>
struct WangHard : TwoLevels<Real, WangHard<Real>> {
  static constexpr Spec spec = wang_spec("wang-hard-v1", "two arms, one pays with 0.6 and the other with 0.4");
  static constexpr Real low = Real(0.4);
};

// wang-informative-v1: eleven arms, five pulls, no chance. One of the first ten pays 5, the other nine pay 1; the
// eleventh pays a tenth of the number of the one that pays 5: it costs 0.9 or less and tells all.
template <class Real>
struct WangInformative {
  struct Task { Real target; };  // 0 … 9
  struct State { int t; };
  struct Action { int arm; };

  static constexpr Spec spec = {
      .name = "wang-informative-v1",
      .summary = "eleven arms, five pulls; the last arm pays little and says which of the others pays 5",
      .source = "Wang 2016 (arXiv 1611.05763), section 3.1",
      .task_size = 1,
      .obs_size = 1,
      .action_kind = ActionKind::discrete,
      .action_count = 11,
      .horizon = 5,
      .best_policy = "oracle (knows the target)",
  };

  static constexpr int task_count = 10;
  static constexpr Task task(int index) { return {static_cast<Real>(index)}; }

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    return task(static_cast<int>(random.below(task_count)));
  }

  template <class Random>
  static constexpr State reset(const Task&, Random&) {
    return {0};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& action, Random&) {
    ++state.t;
    if (action.arm == 10) return {(task.target + 1) / 10, false};
    return {Real(action.arm) == task.target ? Real(5) : Real(1), false};
  }

  static constexpr void observe(const Task&, const State& state, Real* obs) { obs[0] = Real(state.t) / 5; }

  static constexpr Action best_action(const Task& task, const State&) { return {static_cast<int>(task.target)}; }
};

// wang-restless-v1: p₁ moves while one plays, and p₂ = 1 − p₁: after each pull p₁ takes a normal step, reflected at 0
// and 1. Whether it drifts (deviation 0.02) or jumps about (0.1) is fixed for an episode and has to be found out, as
// in Wang's experiment; the paper shows its own volatilities only in a figure, so these numbers are this project's.
template <class Real>
struct WangRestless {
  struct Task { Real start, volatility; };
  struct State {
    Real p;
    int t;
    int unused;  // no byte without a value: states are stored and compared as bytes
  };
  struct Action { int arm; };

  static constexpr Spec spec =
      wang_spec("wang-restless-v1", "two arms whose odds drift, p₂ = 1 − p₁, slowly or fast");

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    const double start = random.uniform();
    return {static_cast<Real>(start), random.below(2) == 0 ? Real(0.02) : Real(0.1)};
  }

  template <class Random>
  static constexpr State reset(const Task& task, Random&) {
    return {task.start, 0, 0};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& action, Random& random) {
    const bool first_pays = random.uniform() < state.p;
    const Real moved = magnitude(state.p + task.volatility * static_cast<Real>(random.normal()));
    state.p = clip<Real>(moved > 1 ? 2 - moved : moved, 0, 1);
    ++state.t;
    return {(action.arm == 0) == first_pays ? Real(1) : Real(0), false};
  }

  static constexpr void observe(const Task&, const State& state, Real* obs) { obs[0] = Real(state.t) / 100; }

  static constexpr Action best_action(const Task&, const State& state) { return {state.p >= Real(0.5) ? 0 : 1}; }
};

}  // namespace innerloop::envs

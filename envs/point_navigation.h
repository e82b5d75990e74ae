// 2-D point navigation, the task family of MAML's first reinforcement learning experiment.
//
// Finn, Abbeel, Levine 2017, "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks", arXiv 1703.03400v3,
// section 5.3 and appendix A.2; official code: cbfinn/maml_rl, maml_examples/point_env_randgoal.py.
// A point starts at the origin and is to find a goal that it does not see: only the rewards tell where it is.
#pragma once

#include <cmath>

#include "envs/math.h"
#include "envs/spec.h"

namespace innerloop::envs {

// point-nav-v1: what the official code does. The paper's text has the squared distance instead: PointNavigationSquared.
// region: point_navigation
template <class Real>
struct PointNavigation {
  struct Task { Real goal_x, goal_y; };
  struct State { Real x, y; };
  struct Action { Real x, y; };

  static constexpr Spec spec = {
      .name = "point-nav-v1",
      .summary = "find a hidden goal on the plane; reward −distance",
      .source = "MAML (arXiv 1703.03400), official code",
      .task_size = 2,
      .obs_size = 2,
      .action_size = 2,
      .action_low = -1,
      .action_high = 1,
      .horizon = 100,
      .terminates = true,
      .best_policy = "time-optimal",
  };
  static constexpr Real max_step = Real(0.1), goal_half_width = Real(0.01);

  // The goal is uniform in the square [−½, ½]².
  template <class Random>
  static constexpr Task sample_task(Random& random) {
    const double x = random.uniform(-0.5, 0.5);
    const double y = random.uniform(-0.5, 0.5);
    return {static_cast<Real>(x), static_cast<Real>(y)};
  }

  template <class Random>
  static constexpr State reset(const Task&, Random&) {
    return {0, 0};
  }

  // The action is a fraction of the largest step: 0.1 in each direction.
  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& p, const Action& u, Random&) {
    return move(task, p, max_step * clip<Real>(u.x, -1, 1), max_step * clip<Real>(u.y, -1, 1));
  }

  // [point-nav eq. move]  p' = p + 0.1·clip(u, ±1)
  // [point-nav eq. reward]  r = −‖p' − g‖₂; reward and end are judged at the new place, the end in a small square.
  static constexpr Step<Real> move(const Task& task, State& p, Real step_x, Real step_y) {
    p.x += step_x;
    p.y += step_y;
    const Real dx = p.x - task.goal_x, dy = p.y - task.goal_y;
    const bool at_goal = magnitude(dx) < goal_half_width && magnitude(dy) < goal_half_width;
    return {-std::sqrt(dx * dx + dy * dy), at_goal};
  }

  // The goal is not observed.
  static constexpr void observe(const Task&, const State& p, Real* obs) {
    obs[0] = p.x;
    obs[1] = p.y;
  }

  static constexpr Action still_action(const Task&, const State&) { return {0, 0}; }

  // Each coordinate goes to the goal at full speed. No policy is nearer to the goal at any time, so none earns more.
  static constexpr Action best_action(const Task& task, const State& p) {
    return {clip<Real>((task.goal_x - p.x) / max_step, -1, 1), clip<Real>((task.goal_y - p.y) / max_step, -1, 1)};
  }
};
// endregion

// point-nav-squared-v1: the reward of the paper's text, r = −‖p − g‖². All else is point-nav-v1.
// region: point_navigation_squared
template <class Real>
struct PointNavigationSquared : PointNavigation<Real> {
  using Base = PointNavigation<Real>;
  using typename Base::Action, typename Base::State, typename Base::Task;

  static constexpr Spec spec = [] {
    Spec s = Base::spec;
    s.name = "point-nav-squared-v1";
    s.summary = "find a hidden goal on the plane; reward −distance²";
    s.source = "MAML (arXiv 1703.03400), section 5.3";
    return s;
  }();

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& p, const Action& u, Random& random) {
    const Step<Real> out = Base::step(task, p, u, random);
    const Real dx = p.x - task.goal_x, dy = p.y - task.goal_y;
    return {-(dx * dx + dy * dy), out.terminated};
  }
};
// endregion

// point-nav-oracle-v1: the goal is observed, (x, y, goal x, goal y). What a policy learns here bounds what any learner
// that must find the goal can reach: the "oracle" of MAML's figures. All else is point-nav-v1.
template <class Real>
struct PointNavigationOracle : PointNavigation<Real> {
  using Base = PointNavigation<Real>;
  using typename Base::Action, typename Base::State, typename Base::Task;

  static constexpr Spec spec = [] {
    Spec s = Base::spec;
    s.name = "point-nav-oracle-v1";
    s.summary = "point-nav-v1 with the goal in the observation";
    s.source = "MAML (arXiv 1703.03400), oracle of section 5.3";
    s.obs_size = 4;
    return s;
  }();

  static constexpr void observe(const Task& task, const State& p, Real* obs) {
    obs[0] = p.x;
    obs[1] = p.y;
    obs[2] = task.goal_x;
    obs[3] = task.goal_y;
  }
};

// point-nav-raw-v1: the action is the displacement itself, clipped to ±0.1. With σ = 1 almost every step is at the
// bound. So do pytorch-maml-rl, CAVIA and learn2learn. All else is point-nav-v1.
template <class Real>
struct PointNavigationRaw : PointNavigation<Real> {
  using Base = PointNavigation<Real>;
  using typename Base::Action, typename Base::State, typename Base::Task;

  static constexpr Spec spec = [] {
    Spec s = Base::spec;
    s.name = "point-nav-raw-v1";
    s.summary = "point-nav-v1 with the action as displacement, clipped to ±0.1";
    s.source = "pytorch-maml-rl, CAVIA, learn2learn";
    s.action_low = -0.1;
    s.action_high = 0.1;
    return s;
  }();

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& p, const Action& a, Random&) {
    constexpr Real m = Base::max_step;
    return Base::move(task, p, clip<Real>(a.x, -m, m), clip<Real>(a.y, -m, m));
  }

  static constexpr Action best_action(const Task& task, const State& p) {
    constexpr Real m = Base::max_step;
    return {clip<Real>(task.goal_x - p.x, -m, m), clip<Real>(task.goal_y - p.y, -m, m)};
  }
};

// point-nav-scale10-v1: the policy's output is divided by 10 first, so that σ = 1 is a tenth of the range.
// So do ProMP and garage ("normalization scale 10"). All else is point-nav-v1.
template <class Real>
struct PointNavigationScale10 : PointNavigation<Real> {
  using Base = PointNavigation<Real>;
  using typename Base::Action, typename Base::State, typename Base::Task;

  static constexpr Spec spec = [] {
    Spec s = Base::spec;
    s.name = "point-nav-scale10-v1";
    s.summary = "point-nav-v1 with the action divided by 10";
    s.source = "ProMP and garage, normalisation scale 10";
    s.action_low = -10;
    s.action_high = 10;
    return s;
  }();

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& p, const Action& a, Random& random) {
    return Base::step(task, p, Action{a.x / 10, a.y / 10}, random);
  }

  static constexpr Action best_action(const Task& task, const State& p) {
    const Action u = Base::best_action(task, p);
    return {10 * u.x, 10 * u.y};
  }
};

}  // namespace innerloop::envs

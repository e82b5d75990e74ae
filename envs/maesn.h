// The two families of MAESN that need no physics engine to be told: a wheeled robot, and a gripper that pushes blocks.
//
// Gupta, Mendonca, Liu, Abbeel, Levine 2018, "Meta-Reinforcement Learning of Structured Exploration Strategies",
// arXiv 1802.07245v1; official code: russellmendonca/maesn_suite. Goals, rewards and regions of reward are the
// published ones; the MuJoCo bodies are not: here the robot is a kinematic unicycle and the blocks slide without
// inertia. So returns compare with what stands in this project's tables, not with published curves.
// Training sees the dense reward, testing the sparse one.
#pragma once

#include <cmath>

#include "envs/math.h"
#include "envs/spec.h"

namespace innerloop::envs {

// wheeled-dense-v1: two driven wheels; an action is their speeds. The robot rolls forward by the mean of the two and
// turns by their difference. Goals on the upper half of the circle of radius 2, start at its centre, facing up.
// Reward −‖p' − g‖ − 0.05‖a‖².
template <class Real>
struct WheeledDense {
  struct Task { Real goal_x, goal_y; };
  struct State { Real x, y, heading; };
  struct Action { Real left, right; };

  static constexpr Spec spec = {
      .name = "wheeled-dense-v1",
      .summary = "drive a two-wheeled robot to a hidden goal on a half circle; reward −distance",
      .source = "MAESN (arXiv 1802.07245); kinematic stand-in",
      .task_size = 2,
      .obs_size = 4,
      .action_size = 2,
      .action_low = -1,
      .action_high = 1,
      .horizon = 100,
      .best_policy = "by hand (turn to the goal, drive, stop)",
  };
  static constexpr Real radius = Real(2), region = Real(0.8);
  static constexpr Real roll = Real(0.1);   // distance of a step with both wheels at full speed
  static constexpr Real turn = Real(0.25);  // angle of a step with the wheels at full speed against each other
  static constexpr Real cost = Real(0.05);

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    const SinCos<double> angle = sin_cos(random.uniform(0, pi<double>));
    return {static_cast<Real>(2 * angle.cos), static_cast<Real>(2 * angle.sin)};
  }

  template <class Random>
  static constexpr State reset(const Task&, Random&) {
    return {0, 0, pi<Real> / 2};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& a, Random&) {
    const Real control = drive(state, a);
    return {-distance(task, state) - control, false};
  }

  // Rolls along the mean heading of the step. Returns 0.05‖a‖².
  static constexpr Real drive(State& state, const Action& a) {
    const Real left = clip<Real>(a.left, -1, 1), right = clip<Real>(a.right, -1, 1);
    const Real forward = roll * (left + right) / 2, turned = turn * (right - left) / 2;
    const SinCos<Real> heading = sin_cos(state.heading + turned / 2);
    state.x += forward * heading.cos;
    state.y += forward * heading.sin;
    state.heading = wrap_angle(state.heading + turned);
    return cost * (left * left + right * right);
  }

  static constexpr Real distance(const Task& task, const State& state) {
    const Real dx = state.x - task.goal_x, dy = state.y - task.goal_y;
    return std::sqrt(dx * dx + dy * dy);
  }

  static constexpr void observe(const Task&, const State& state, Real* obs) {
    const SinCos<Real> heading = sin_cos(state.heading);
    obs[0] = state.x;
    obs[1] = state.y;
    obs[2] = heading.cos;
    obs[3] = heading.sin;
  }

  static constexpr Action still_action(const Task&, const State&) { return {0, 0}; }

  // With the goal at (ahead, aside) in the robot's frame: turn by what its direction is off, roll by what is ahead.
  static constexpr Action best_action(const Task& task, const State& state) {
    const SinCos<Real> heading = sin_cos(state.heading);
    const Real dx = task.goal_x - state.x, dy = task.goal_y - state.y;
    const Real ahead = heading.cos * dx + heading.sin * dy, aside = heading.cos * dy - heading.sin * dx;
    const Real far = std::sqrt(dx * dx + dy * dy);
    if (far < Real(0.02)) return {0, 0};
    const Real bend = ahead > 0 ? clip<Real>(aside / far / turn, -1, 1) : (aside < 0 ? Real(-1) : Real(1));
    const Real speed = ahead > 0 ? clip<Real>(ahead / roll, 0, 1) : Real(0);
    return {clip<Real>(speed - bend, -1, 1), clip<Real>(speed + bend, -1, 1)};
  }
};

// wheeled-sparse-v1: farther than 0.8 from the goal the distance is replaced by the goal's own, 2: no place there is
// better than another. All else is wheeled-dense-v1.
template <class Real>
struct WheeledSparse : WheeledDense<Real> {
  using Base = WheeledDense<Real>;
  using typename Base::Action, typename Base::State, typename Base::Task;

  static constexpr Spec spec = [] {
    Spec s = Base::spec;
    s.name = "wheeled-sparse-v1";
    s.summary = "drive a two-wheeled robot to a hidden goal; reward −distance within 0.8 of it, else −2";
    return s;
  }();

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& a, Random&) {
    const Real control = Base::drive(state, a), d = Base::distance(task, state);
    return {-(d > Base::region ? Base::radius : d) - control, false};
  }
};

// pusher-dense-v1: five blocks, each in a lane of its own, and a gripper that pushes what it touches; a task says which
// block is to be pushed where. All blocks are seen, the task is not. Reward −5‖block' − goal‖.
// Blocks and gripper are discs. A touched block gives way along the line of the two centres, as far as it must, and
// stops with the gripper. Blocks pass through each other.
template <class Real>
struct PusherDense {
  static constexpr int blocks = 5;
  struct Task {
    Real block, goal_x, goal_y;  // which block, 0 to 4
    Real x[blocks], y[blocks];   // where they lie at the start
  };
  struct State { Real x, y, block_x[blocks], block_y[blocks]; };
  struct Action { Real x, y; };

  static constexpr Spec spec = {
      .name = "pusher-dense-v1",
      .summary = "find out which of five blocks to push to which goal; reward −distance of that block",
      .source = "MAESN (arXiv 1802.07245); quasi-static stand-in",
      .task_size = 13,
      .obs_size = 12,
      .action_size = 2,
      .action_low = -1,
      .action_high = 1,
      .horizon = 100,
      .best_policy = "by hand (behind the block, then push)",
  };
  static constexpr Real max_step = Real(0.05);  // of the gripper, in each direction
  static constexpr Real contact = Real(0.08);   // distance of the centres of gripper and block when they touch
  static constexpr Real region = Real(0.2);

  // Lane i is y in [−0.5 + 0.2i, −0.3 + 0.2i]. The lanes are dealt to the blocks in random order; the goal lies in the
  // lane of its block.
  template <class Random>
  static constexpr Task sample_task(Random& random) {
    Task task{};
    int lane_of[blocks] = {0, 1, 2, 3, 4};
    for (int i = blocks - 1; i > 0; --i) {
      const int j = static_cast<int>(random.below(static_cast<std::uint32_t>(i + 1)));
      const int swapped = lane_of[i];
      lane_of[i] = lane_of[j];
      lane_of[j] = swapped;
    }
    for (int block = 0; block < blocks; ++block) {
      const double x = random.uniform(0.35, 0.65);
      const double y = random.uniform(-0.5, -0.3) + 0.2 * lane_of[block];
      task.x[block] = static_cast<Real>(x);
      task.y[block] = static_cast<Real>(y);
    }
    const int chosen = static_cast<int>(random.below(blocks));
    const double goal_x = random.uniform(0.75, 0.95);
    const double goal_y = random.uniform(-0.5, -0.3) + 0.2 * lane_of[chosen];
    task.block = static_cast<Real>(chosen);
    task.goal_x = static_cast<Real>(goal_x);
    task.goal_y = static_cast<Real>(goal_y);
    return task;
  }

  template <class Random>
  static constexpr State reset(const Task& task, Random&) {
    State state{};
    for (int i = 0; i < blocks; ++i) {
      state.block_x[i] = task.x[i];
      state.block_y[i] = task.y[i];
    }
    return state;
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& a, Random&) {
    push(state, a);
    return {-5 * distance(task, state), false};
  }

  static constexpr void push(State& state, const Action& a) {
    state.x += max_step * clip<Real>(a.x, -1, 1);
    state.y += max_step * clip<Real>(a.y, -1, 1);
    for (int i = 0; i < blocks; ++i) {
      const Real dx = state.block_x[i] - state.x, dy = state.block_y[i] - state.y;
      const Real d = std::sqrt(dx * dx + dy * dy);
      if (d >= contact || d == 0) continue;
      state.block_x[i] = state.x + dx * (contact / d);
      state.block_y[i] = state.y + dy * (contact / d);
    }
  }

  static constexpr Real distance(const Task& task, const State& state) {
    const int i = static_cast<int>(task.block);
    const Real dx = state.block_x[i] - task.goal_x, dy = state.block_y[i] - task.goal_y;
    return std::sqrt(dx * dx + dy * dy);
  }

  static constexpr void observe(const Task&, const State& state, Real* obs) {
    obs[0] = state.x;
    obs[1] = state.y;
    for (int i = 0; i < blocks; ++i) {
      obs[2 + 2 * i] = state.block_x[i];
      obs[3 + 2 * i] = state.block_y[i];
    }
  }

  static constexpr Action still_action(const Task&, const State&) { return {0, 0}; }

  // Behind the block, seen from the goal; from there towards the goal, until the block is there.
  static constexpr Action best_action(const Task& task, const State& state) {
    const int i = static_cast<int>(task.block);
    const Real dx = task.goal_x - state.block_x[i], dy = task.goal_y - state.block_y[i];
    const Real d = std::sqrt(dx * dx + dy * dy);
    if (d < Real(0.005)) return {0, 0};
    const Real behind_x = state.block_x[i] - contact * dx / d, behind_y = state.block_y[i] - contact * dy / d;
    const Real off_x = behind_x - state.x, off_y = behind_y - state.y;
    const Real off = std::sqrt(off_x * off_x + off_y * off_y);
    if (off > Real(0.02)) {
      // Not yet behind: first to a place a little farther back, so that the block is not touched from the side.
      const Real back = off > Real(0.06) ? Real(0.04) : Real(0);
      return towards(off_x - back * dx / d, off_y - back * dy / d);
    }
    return towards(off_x + (d < max_step ? d : max_step) * dx / d, off_y + (d < max_step ? d : max_step) * dy / d);
  }
  static constexpr Action towards(Real x, Real y) {
    return {clip<Real>(x / max_step, -1, 1), clip<Real>(y / max_step, -1, 1)};
  }
};

// pusher-sparse-v1: farther than 0.2 from its goal the block's distance is replaced by the goal's from the origin. All
// else is pusher-dense-v1.
template <class Real>
struct PusherSparse : PusherDense<Real> {
  using Base = PusherDense<Real>;
  using typename Base::Action, typename Base::State, typename Base::Task;

  static constexpr Spec spec = [] {
    Spec s = Base::spec;
    s.name = "pusher-sparse-v1";
    s.summary = "find out which of five blocks to push to which goal; reward changes only within 0.2 of it";
    return s;
  }();

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& a, Random&) {
    Base::push(state, a);
    const Real d = Base::distance(task, state);
    const Real far = std::sqrt(task.goal_x * task.goal_x + task.goal_y * task.goal_y);
    return {-5 * (d > Base::region ? far : d), false};
  }
};

}  // namespace innerloop::envs

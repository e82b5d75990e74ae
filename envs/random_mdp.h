// The random decision processes on which RL² is compared with PSRL, UCRL2 and others.
#pragma once

#include "envs/spec.h"

namespace innerloop::envs {

// rl2-mdp-v1: 10 states, 5 actions, 10 steps an episode, always from state 0; 10 episodes a trial (10 to 100 in RL²'s
// table 2). A task is all of it: for every state and action a mean reward ~ N(1, 1) and a row of transition
// probabilities, uniform over all such rows (Dirichlet with parameter 1). A reward is its mean plus N(0, 1).
// RL²: Duan et al. 2016, arXiv 1611.02779, section 3.2.
template <class Real>
struct RandomMdp {
  static constexpr int states = 10, actions = 5;
  struct Task {
    Real reward[states][actions];              // means
    Real transition[states][actions][states];  // P(s' | s, a)
  };
  struct State { int s, t; };
  struct Action { int a; };

  static constexpr Spec spec = {
      .name = "rl2-mdp-v1",
      .summary = "a random decision process of 10 states and 5 actions",
      .source = "RL² (arXiv 1611.02779), section 3.2",
      .task_size = states * actions * (states + 1),
      .obs_size = states,
      .action_kind = ActionKind::discrete,
      .action_count = actions,
      .horizon = 10,
      .trial_episodes = 10,
      .random_step = true,
      .best_policy = "optimal (knows the process)",
  };

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    Task task{};
    for (auto& row : task.reward)
      for (Real& mean : row) mean = static_cast<Real>(1 + random.normal());
    for (auto& rows : task.transition)
      for (auto& row : rows) sample_row(row, random);
    return task;
  }

  // The gaps between nine sorted uniform numbers, 0 and 1: a point drawn uniformly from the simplex.
  template <class Random>
  static constexpr void sample_row(Real (&row)[states], Random& random) {
    double cut[states + 1]{};
    cut[states] = 1;
    for (int i = 1; i < states; ++i) {
      const double u = random.uniform();
      int place = i;
      for (; place > 1 && cut[place - 1] > u; --place) cut[place] = cut[place - 1];
      cut[place] = u;
    }
    for (int next = 0; next < states; ++next) row[next] = static_cast<Real>(cut[next + 1] - cut[next]);
  }

  template <class Random>
  static constexpr State reset(const Task&, Random&) {
    return {0, 0};
  }

  // The reward of the state that is left, then the transition.
  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& action, Random& random) {
    const Real reward = task.reward[state.s][action.a] + static_cast<Real>(random.normal());
    Real u = static_cast<Real>(random.uniform());
    const Real(&row)[states] = task.transition[state.s][action.a];
    int next = 0;
    while (next < states - 1 && u >= row[next]) u -= row[next++];
    state = {next, state.t + 1};
    return {reward, false};
  }

  // One-hot over the states.
  static constexpr void observe(const Task&, const State& state, Real* obs) {
    for (int s = 0; s < states; ++s) obs[s] = s == state.s ? Real(1) : Real(0);
  }

  // The action of the optimal policy with the steps that are left: backward induction from the last step to this one.
  static constexpr Action best_action(const Task& task, const State& state) {
    Real value[states]{};  // of the step after
    int best = 0;
    for (int t = spec.horizon - 1; t >= state.t; --t) {
      Real now[states]{};
      for (int s = 0; s < states; ++s)
        for (int a = 0; a < actions; ++a) {
          Real q = task.reward[s][a];
          for (int next = 0; next < states; ++next) q += task.transition[s][a][next] * value[next];
          if (a > 0 && q <= now[s]) continue;
          now[s] = q;
          if (s == state.s) best = a;
        }
      for (int s = 0; s < states; ++s) value[s] = now[s];
    }
    return {best};
  }
};

}  // namespace innerloop::envs

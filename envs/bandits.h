// Bandits as RL² plays them: a pull is an episode, and a trial is n pulls of the same arms.
//
// RL²: Duan et al. 2016, arXiv 1611.02779. The observation is constant: all that is known of the arms is what was
// chosen and paid before, which a trial shows beside the observation.
#pragma once

#include "envs/spec.h"

namespace innerloop::envs {

// What these bandits share: k arms with a hidden mean each, one pull an episode. Bandit gives spec, sample_task and
// payment(mean, random).
template <class Real, int k, class Bandit>
struct OnePull {
  struct Task { Real mean[k]; };
  struct State { int pulls; };
  struct Action { int arm; };

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    Task task{};
    for (int arm = 0; arm < k; ++arm) task.mean[arm] = static_cast<Real>(random.uniform());
    return task;
  }

  template <class Random>
  static constexpr State reset(const Task&, Random&) {
    return {0};
  }

  // The arm pays, and the episode is over.
  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& action, Random& random) {
    ++state.pulls;
    return {Bandit::payment(task.mean[action.arm], random), true};
  }

  static constexpr void observe(const Task&, const State&, Real* obs) { obs[0] = 0; }

  // The best arm; the first of equals.
  static constexpr Action best_action(const Task& task, const State&) {
    int best = 0;
    for (int arm = 1; arm < k; ++arm)
      if (task.mean[arm] > task.mean[best]) best = arm;
    return {best};
  }
};

constexpr Spec bandit_spec(std::string_view name, std::string_view summary, std::string_view source, int k, int n) {
  return {
      .name = name,
      .summary = summary,
      .source = source,
      .task_size = k,
      .obs_size = 1,
      .action_kind = ActionKind::discrete,
      .action_count = k,
      .horizon = 1,
      .trial_episodes = n,
      .terminates = true,
      .random_step = true,
      .best_policy = "oracle (knows the best arm)",
  };
}

// rl2-bandit-k{5,10,50}-n{10,100,500}-v1: k arms pay 1 with probability pᵢ, pᵢ ~ U[0, 1] drawn anew for every trial of
// n pulls. The nine cells of RL²'s table 1.
constexpr std::string_view rl2_bandit_name(int k, int n) {
  constexpr std::string_view names[3][3] = {
      {"rl2-bandit-k5-n10-v1", "rl2-bandit-k5-n100-v1", "rl2-bandit-k5-n500-v1"},
      {"rl2-bandit-k10-n10-v1", "rl2-bandit-k10-n100-v1", "rl2-bandit-k10-n500-v1"},
      {"rl2-bandit-k50-n10-v1", "rl2-bandit-k50-n100-v1", "rl2-bandit-k50-n500-v1"}};
  return names[k == 5 ? 0 : (k == 10 ? 1 : 2)][n == 10 ? 0 : (n == 100 ? 1 : 2)];
}

template <class Real, int k, int n>
struct BernoulliBandit : OnePull<Real, k, BernoulliBandit<Real, k, n>> {
  static constexpr Spec spec = bandit_spec(rl2_bandit_name(k, n), "k arms with hidden odds; a pull is an episode",
                                           "RL² (arXiv 1611.02779), section 3.1", k, n);

  template <class Random>
  static constexpr Real payment(Real p, Random& random) {
    return random.uniform() < p ? Real(1) : Real(0);
  }
};

// gaussian-bandit-k5-n100-v1: the same with payments N(mean, 1), as in pytorch-maml-rl.
template <class Real>
struct GaussianBandit : OnePull<Real, 5, GaussianBandit<Real>> {
  static constexpr Spec spec = bandit_spec("gaussian-bandit-k5-n100-v1",
                                           "5 arms with hidden means and noise of deviation 1; a pull is an episode",
                                           "pytorch-maml-rl (tristandeleu)", 5, 100);

  template <class Random>
  static constexpr Real payment(Real mean, Random& random) {
    return mean + static_cast<Real>(random.normal());
  }
};

}  // namespace innerloop::envs

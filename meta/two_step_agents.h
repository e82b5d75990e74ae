// How a planner and a creature of habit play the two-step task, and how to tell them apart.
//
// Daw et al. 2011: whoever plans stays with a first choice if a common transition was paid or a rare one was not;
// whoever only repeats what was paid stays after every reward. So staying depends on reward × transition (planning) or
// on reward alone (habit).
#pragma once

#include <cstdint>

namespace innerloop::meta {

// How often a first choice was repeated, by what came of it.
struct StayCounts {
  long stayed[2][2] = {}, trials[2][2] = {};  // [rewarded][common]
  void add(bool rewarded, bool common, bool stayed_with_it);
  double probability(bool rewarded, bool common) const;
  double reward_effect() const;  // P(stay | rewarded) − P(stay | not), mean over transitions: habit
  double interaction() const;    // what reward does after a common transition, less what it does after a rare one
};

struct TwoStepPlay {
  StayCounts stays;
  double reward_per_trial = 0;
};

// Episodes of 100 trials in two-step-v1 (flips: two-step-flip-v1), stepped in the environment; tasks are test tasks.
// The exact belief filter, and the likelier state by its common transition; ties go to action 0.
TwoStepPlay play_two_step_filter(bool flips, int episodes, std::uint64_t seed);
// A model-free Q-learner with an eligibility trace over both stages (SARSA(1), as in Daw et al.):
//   Q(a) ← Q(a) + α·(r − Q(a)),  P(a) ∝ exp(Q(a)/temperature).
TwoStepPlay play_two_step_habit(bool flips, int episodes, std::uint64_t seed, double alpha = 0.5,
                                double temperature = 0.2);

}  // namespace innerloop::meta

#include "meta/two_step_agents.h"

#include <cmath>

#include "envs/two_step.h"
#include "kernels/philox.h"
#include "kernels/require.h"
#include "meta/bayes_optimal.h"

namespace innerloop::meta {

void StayCounts::add(bool rewarded, bool common, bool stayed_with_it) {
  ++trials[rewarded][common];
  stayed[rewarded][common] += stayed_with_it;
}

double StayCounts::probability(bool rewarded, bool common) const {
  require(trials[rewarded][common] > 0, "StayCounts: no trial of this kind was seen");
  return static_cast<double>(stayed[rewarded][common]) / static_cast<double>(trials[rewarded][common]);
}

double StayCounts::reward_effect() const {
  const double rewarded = probability(true, true) + probability(true, false);
  return (rewarded - probability(false, true) - probability(false, false)) / 2;
}

double StayCounts::interaction() const {
  return probability(true, true) - probability(false, true) - probability(true, false) + probability(false, false);
}

namespace {

constexpr int trials_per_episode = 100;

// Plays with an agent that is made anew for every episode: choose(random) and learn(choice, in_s2, paid).
template <class Env, class Agent>
TwoStepPlay play(const Agent& fresh, int episodes, std::uint64_t seed) {
  require(episodes >= 1 && episodes <= 65536, "two-step task: from 1 to 65536 episodes");
  TwoStepPlay played;
  for (std::uint32_t e = 0; e < static_cast<std::uint32_t>(episodes); ++e) {
    Philox draw(seed, {.purpose = Purpose::test_task, .task = e});
    const typename Env::Task task = Env::sample_task(draw);
    typename Env::State state = Env::reset(task, draw);
    Agent agent = fresh;
    int before = -1;
    bool paid = false, common = false;
    for (std::uint32_t trial = 0; trial < trials_per_episode; ++trial) {
      Philox choice(seed, {.purpose = Purpose::test_action, .task = e, .time_step = trial});
      Philox world(seed, {.purpose = Purpose::test_env, .task = e, .time_step = trial});
      const int a = agent.choose(choice);
      if (before >= 0) played.stays.add(paid, common, a == before);

      Env::step(task, state, {a}, world);
      const bool in_s2 = state.stage == 1;
      paid = Env::step(task, state, {0}, world).reward > 0;
      common = (a == 0) == in_s2;
      agent.learn(a, in_s2, paid);
      before = a;
      played.reward_per_trial += paid;
    }
  }
  played.reward_per_trial /= static_cast<double>(episodes) * trials_per_episode;
  return played;
}

// Knows the task's rules, not its state.
struct Filter {
  double flip, b = 0.5;  // the probability that S₂ is good
  int choose(Philox&) const { return b >= 0.5 ? 0 : 1; }
  void learn(int, bool in_s2, bool paid) { b = two_step_belief(b, in_s2, paid, flip); }
};

// Knows nothing: what was paid is done again.
struct Habit {
  double alpha, temperature, q[2] = {0.5, 0.5};
  int choose(Philox& random) const {
    const double first = 1 / (1 + std::exp((q[1] - q[0]) / temperature));
    return random.uniform() < first ? 0 : 1;
  }
  void learn(int a, bool, bool paid) { q[a] += alpha * ((paid ? 1 : 0) - q[a]); }
};

}  // namespace

TwoStepPlay play_two_step_filter(bool flips, int episodes, std::uint64_t seed) {
  using Flip = envs::TwoStepFlip<double>;
  return flips ? play<Flip>(Filter{Flip::flip}, episodes, seed)
               : play<envs::TwoStep<double>>(Filter{0}, episodes, seed);
}

TwoStepPlay play_two_step_habit(bool flips, int episodes, std::uint64_t seed, double alpha, double temperature) {
  require(alpha > 0 && alpha <= 1 && temperature > 0, "two-step habit: alpha in (0, 1], temperature above 0");
  const Habit habit{alpha, temperature};
  return flips ? play<envs::TwoStepFlip<double>>(habit, episodes, seed)
               : play<envs::TwoStep<double>>(habit, episodes, seed);
}

}  // namespace innerloop::meta

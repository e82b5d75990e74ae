// The trial: n episodes of one task, through which a learner's memory runs on.
//
// A recurrent policy can learn a task by remembering what happened in it (Duan et al. 2016, "RL²: fast reinforcement
// learning via slow reinforcement learning", arXiv 1611.02779v2; Wang et al. 2016, "Learning to reinforcement learn",
// arXiv 1611.05763v3). Whether it can depends on what is shown to it at the borders of episodes, and most code gets one
// of these wrong. The contract:
//
//   trial          ├───────── episode 1 ─────────┼──── episode 2 ────┤ …      one task; n episodes
//   step t         0      1              …       T                  …
//   observation    s_0    s_1            …       s_T: the first of episode 2
//   step before    none   a_0, r_0, 0    …       a_{T−1}, r_{T−1}, 1          an episode's last reward is seen
//   memory         clear  runs on        …       runs on                      cleared at t = 0 only
//   next value     V_1    V_2            …       V_{T+1}            … 0       credit crosses the ends of episodes;
//                                                                             nothing follows the trial
//
// The flag of the step before is 1 after the end of an episode, of either kind: a time limit is an end here, since the
// learner must know that it was put back. Before the first step action, reward and flag are 0 (the paper's placeholder;
// the authors' code has flag 1 there).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "kernels/philox.h"
#include "kernels/words.h"
#include "rl/experience/rollout.h"

namespace innerloop::rl {

// How the reward of the step before is shown.
enum class RewardInput : std::uint8_t {
  none,     // not at all: what is left to learn from?
  scalar,   // as it is
  one_hot,  // by its place in a list of the rewards that there are
};
constexpr auto words_of(RewardInput) {
  return std::to_array<Word<RewardInput>>(
      {{"none", RewardInput::none}, {"scalar", RewardInput::scalar}, {"one-hot", RewardInput::one_hot}});
}

struct TrialConfig {
  const envs::EnvRow* env = nullptr;
  int episodes = 1;                    // n
  bool action_input = true;            // a_{t−1}: one-hot if discrete
  RewardInput reward_input = RewardInput::scalar;
  std::vector<double> reward_levels{};  // of one_hot
  bool flag_input = true;              // d_{t−1}
  bool time_input = false;             // t / H
  bool forget = false;                 // memory is cleared at every episode: what is left is a recurrent policy

  int steps() const { return episodes * env->spec.horizon; }  // H: of a trial, at most
};

// Error if `count` trials side by side have more steps than can be counted, 2³¹ − 1.
void require_countable(const TrialConfig& config, int count);

// What a lane knows of the step before.
struct StepBefore {
  std::vector<double> action;  // as the policy gave it; empty before the first step
  double reward = 0;
  bool end = false;  // it ended an episode
  int time = 0;      // t: steps taken in the trial
};

// X: how many numbers x_t has, and x_t = (s_t, a_{t−1}, r_{t−1}, d_{t−1}, t/H), those that are shown. Acting, training
// and testing all read x_t from here. Error for a reward that is none of the levels.
int trial_input_size(const TrialConfig& config);
void write_trial_input(const TrialConfig& config, std::span<const double> observation, const StepBefore& before,
                       double* x);

// Whole trials, side by side. Rows are time-major, t·N + m is trial m at time t; where episodes end early trials are
// shorter than the longest one, and the rest of their rows is 0, mask among it.
struct Trials {
  int slices = 0;    // B: trials are cut into slices, which lie on the task axis, for threads to share
  int lanes = 0;     // N: of one slice
  int steps = 0;     // H: of the longest trial
  int episodes = 0;  // n
  Tensor inputs;             // (B, H·N, X): x_t
  Tensor observations;       // (B, H·N, O): s_t
  Tensor next_observations;  // (B, H·N, O): what a_t led to; where it ended an episode, that episode's last observation
  Tensor actions;            // (B, H·N, A): a_t as the policy gave it
  Tensor rewards;            // (B, H·N, 1): r_t
  Tensor values;             // (B, H·N, 1): V_t when a_t was drawn
  Tensor ends;               // (B, H·N, 1): d_t, 1 where a_t ended an episode
  Tensor reset;              // (B, H·N, 1): 1 where memory is cleared before the step
  Tensor mask;               // (B, H·N, 1): 1 where there is a step
  std::vector<double> episode_returns;  // (n, B·N): undiscounted
  std::vector<int> episode_lengths;     // (n, B·N)

  int rows() const { return steps * lanes; }
  int count() const { return slices * lanes; }
  double mean_return() const;             // of whole trials, undiscounted
  double mean_return(int episode) const;  // of one episode of each
  double mean_length(int episode) const;
  long total_steps() const;
};

// One time step of all trials, as an actor sees it; those that are over are asked too, and not listened to.
struct TrialStep {
  std::span<const double> inputs;        // (B·N, X)
  std::span<const double> observations;  // (B·N, O)
  std::span<const double> reset;         // (B·N): 1 clears the memory before this step
  std::span<const Philox> random;        // (B·N): each trial's own numbers
};
struct TrialActions { std::vector<double> actions, values; };  // (B·N, A), (B·N)
using TrialActor = std::function<TrialActions(const TrialStep&)>;

// A trial of each of the tasks, in `slices` equal parts. Episode e of task i draws its start, its noise and its actions
// at inner step e of `place`, task first_task + i, trajectory first_trajectory: as the adaptation protocol does when it
// explores episode by episode. NonFiniteError naming environment, trial, episode and step.
Trials play_trials(const TrialConfig& config, const std::vector<envs::Task>& tasks, int slices,
                   const RolloutPlace& place, Dtype dtype, const TrialActor& act);

// Â_t = δ_t + γλÂ_{t+1}, δ_t = r_t + γV_{t+1} − V_t over the whole trial: V and Â are 0 after its last step, and ends
// of episodes inside it are no ends. 0 on padding.
Tensor trial_advantages(const Trials& trials, double gamma, double lambda);

// What actor-critic losses read: {"observations" (the inputs x_t), "actions", "advantages", "returns", "weights",
// "reset"}, (B, H·N, ·). returns = advantages + values, before the advantages are standardised; the weights are
// mask / Σ mask.
BatchValues trial_batch(const Trials& trials, double gamma, double lambda, bool standardise);

}  // namespace innerloop::rl

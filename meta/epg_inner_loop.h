// EPG's inner loop: a lifetime. Policies that begin at random act, fill a buffer, and descend the learned loss.
#pragma once

#include <string>
#include <vector>

#include "envs/driver.h"
#include "meta/epg.h"
#include "nn/optimizer.h"
#include "rl/experience/batch.h"
#include "rl/experience/normaliser.h"
#include "rl/experience/protocol.h"
#include "rl/experience/rollout.h"

namespace innerloop::meta {

// What the loss is shown in place of the reward. Two controls: trained on one sign and shown the other, it must teach
// the opposite; shown nothing, it cannot know the task.
enum class RewardInput { plain, negated, zero };
constexpr auto words_of(RewardInput) {
  return std::to_array<Word<RewardInput>>(
      {{"plain", RewardInput::plain}, {"negated", RewardInput::negated}, {"zero", RewardInput::zero}});
}

struct EpgInnerConfig {
  std::string env = "mass-right-v1";
  std::string test_env = "";                // of adapt; empty: env
  int updates = 32;                         // U
  int episodes = 2;                         // between two updates: M = episodes × horizon steps
  int buffer = 128;                         // N
  int minibatch = 32, passes = 1;
  double inner_learning_rate = 0.01;        // of Adam
  std::vector<int> hidden = {16};
  Activation activation = Activation::tanh;
  double sigma = 0.5;                       // of the policy at the start
  double output_scale = 0.01;               // of its last layer at the start
  int memory = 0;
  bool bonus = false;                       // a column of ones: what the official code's count bonus comes to
  std::vector<int> loss_channels = {16, 32};
  int loss_context = 32, loss_hidden = 16;
  RewardInput reward_input = RewardInput::plain;
  double clip = 0.2;
  rl::AdvantageConfig advantage = {.lambda = 0.95};
  Dtype dtype = Dtype::f32;
};
const rl::Options<EpgInnerConfig>& epg_inner_options();

// The numbers of a learner that evolution can move in place of a loss.
struct LearnerSettings {
  double learning_rate, sigma, gamma, lambda;
  // Learning rate and σ times e^φ, the odds of γ and λ times e^φ, for four numbers φ.
  LearnerSettings moved(std::span<const double> phi) const;
};

// All that a learner knows within a lifetime, for B tasks side by side.
struct EpgState {
  LearnerSettings settings{};
  ParamValues theta;  // (B, in, out): "policy/…" and "memory"
  nn::AdamState adam;
  BatchValues buffer;  // (B, N, ·) f64, the newest step last: "observations", "actions", "rewards", "ends", "mask",
                       // "advantages", "old_log_prob"
  std::vector<rl::Normaliser> normalisers;  // of each task: of s, a and r; each step was counted once

  // As one list with the tasks on the first axis, and back.
  Tensors packed() const;
  static EpgState unpacked(const Tensors& latent);
};

class EpgInnerLoop {
 public:
  EpgInnerLoop(const EpgInnerConfig& config, std::uint64_t seed);

  // Fresh policies, and nothing experienced: numbers of (seed, iteration, task) alone.
  EpgState start(std::uint32_t iteration, int tasks, const LearnerSettings& settings) const;
  EpgState start(std::uint32_t iteration, int tasks) const { return start(iteration, tasks, settings()); }
  LearnerSettings settings() const;  // those of the config
  // Takes in what was explored since the last update, then one step down the loss for each minibatch of it. phi: one
  // loss for all tasks. alpha: the weight of PPO's loss. Draws the minibatches at {iteration, update}.
  void learn(EpgState& state, const ParamValues& phi, const rl::Trajectories& explored, double alpha,
             std::uint32_t iteration, int update) const;

  struct Lifetime {
    std::vector<double> returns;  // mean over tasks and episodes, before update 0, 1, …, U − 1
    double last = 0;              // of fresh episodes of the trained policies
    double mean() const;          // over the updates: the area under the curve, divided by its length
  };
  // region: lifetime
  // The lifetimes of an outer iteration: start, then U times act and learn, then fresh episodes. Whatever phi is,
  // tasks, policies and noise at {iteration, task} are the same ones.
  Lifetime live(const ParamValues& phi, const std::vector<envs::Task>& tasks, double alpha, int evaluation_episodes,
                std::uint32_t iteration, const LearnerSettings& settings) const;
  // endregion

  // The buffer as the loss sees it: "inputs", "mask", "observations", "actions", and what PPO's loss needs beside.
  BatchValues loss_batch(const EpgState& state, const EpgProgram& spec) const;

  // The protocol's learner: each update takes in the episodes explored since the last one. Must not outlive this.
  rl::AdaptiveLearner learner(const ParamValues& phi, double alpha, const LearnerSettings& settings) const;

  const EpgProgram& spec() const { return spec_; }
  const envs::EnvRow& env() const { return *env_; }

 private:
  void remember(EpgState& state, const rl::Trajectories& explored, bool ppo) const;
  void pull_in(EpgState& state, const rl::Trajectories& explored) const;

  EpgInnerConfig config_;
  std::uint64_t seed_;
  const envs::EnvRow* env_;
  EpgProgram spec_;
  rl::Rollout rollout_, test_rollout_;
  EpgFunctions functions_;
};

// Lists of (1, ·, ·) as one with as many tasks; the entries whose names begin with a prefix, without it.
ParamValues side_by_side(const std::vector<ParamValues>& lists);
Tensors tensors_below(const Tensors& all, std::string_view prefix);
inline int steps_of_task(const rl::Trajectories& all, int task) { return all.first_row(task, all.per_task); }

// Part number `part` of `parts` of each task's new steps, which are the last rows of the buffer, in this order: rows
// and weights, (B, n, 1) each. A task that has fewer than others fills up with its newest row, at weight 0; padding is
// never among them, since a task has stepped before it learns.
struct Minibatch { Tensor index, weights; };
Minibatch minibatch_of(const std::vector<std::vector<int>>& order, int part, int parts, int buffer, Dtype dtype);

// How one row of the loss's inputs is laid out: s (O), a (A, or one of `count` actions), r, then d and the bonus.
struct InputColumns {
  int observations, actions;
  bool discrete, bonus;
  int normalised() const { return observations + (discrete ? 0 : actions) + 1; }  // s, a if it is a number, r
  int all() const { return observations + actions + 2 + (bonus ? 1 : 0); }
};
InputColumns input_columns(const envs::Spec& spec, bool bonus);

}  // namespace innerloop::meta

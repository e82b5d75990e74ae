// Training with PEARL: the tasks, the data of each, the loop (the equations: pearl.h).
#pragma once

#include <string>
#include <vector>

#include "envs/driver.h"
#include "meta/pearl_learner.h"
#include "rl/experience/episodes.h"
#include "rl/experience/protocol.h"
#include "rl/experience/replay_tasks.h"
#include "rl/training/trainer.h"

namespace innerloop::meta {

enum class SacVersion { v1, v2 };  // a value network and α fixed, or neither value network nor fixed α
constexpr auto words_of(SacVersion) {
  return std::to_array<Word<SacVersion>>({{"v1", SacVersion::v1}, {"v2", SacVersion::v2}});
}
constexpr auto words_of(KlReduction) {
  return std::to_array<Word<KlReduction>>({{"sum", KlReduction::sum}, {"mean", KlReduction::mean}});
}
constexpr auto words_of(FactorVariance) {
  return std::to_array<Word<FactorVariance>>({{"softplus", FactorVariance::softplus}, {"exp", FactorVariance::exp}});
}
// What a task's context is drawn from: what was collected when the task was last visited, or all that ever was.
enum class ContextFrom { recent, replay };
constexpr auto words_of(ContextFrom) {
  return std::to_array<Word<ContextFrom>>({{"recent", ContextFrom::recent}, {"replay", ContextFrom::replay}});
}
// Whose context a task is shown. The last two are controls: in training that of another task, so that a context says
// nothing; or its own in training and another task's in a test, so that it says the wrong thing.
enum class ContextOf { own, shuffled, swapped_at_test };
constexpr auto words_of(ContextOf) {
  return std::to_array<Word<ContextOf>>(
      {{"own", ContextOf::own}, {"shuffled", ContextOf::shuffled}, {"swapped_at_test", ContextOf::swapped_at_test}});
}

// What the policy and the critics see beside the state. The last two are references, without an encoder: soft
// actor-critic on many tasks at once, which is told each task's own numbers, or nothing.
enum class Told { belief, task, nothing };
constexpr auto words_of(Told) {
  return std::to_array<Word<Told>>({{"belief", Told::belief}, {"task", Told::task}, {"nothing", Told::nothing}});
}

struct PearlConfig {
  std::string env = "point-robot-v1";
  std::string reward_env;  // the critics learn from its rewards, the context shows env's; empty: env
  int iterations = 20;
  int train_tasks = 80;
  bool official_tasks = false;
  // Collected, in episodes of a task.
  int visited_tasks = 5;
  int initial_episodes = 10, prior_episodes = 10, posterior_episodes = 0, extra_episodes = 10;
  int capacity = 10000;
  // Learned from.
  int updates = 500;
  int meta_batch = 8, batch = 64, context = 64;
  bool replacement = true, random_context_size = true;
  ContextFrom context_from = ContextFrom::recent;
  int forget_after = 0;  // iterations with contexts of full size, from all visits
  ContextOf context_of = ContextOf::own;
  // The belief.
  Told told = Told::belief;
  int latent_size = 5;
  bool next_observation = false, prior_factor = false, sample_latent = true;
  FactorVariance factor_variance = FactorVariance::softplus;
  KlReduction kl_reduction = KlReduction::sum;
  double kl_weight = 0.1;
  int kl_rise = 0;  // iterations
  int test_prior_episodes = 1;
  // Soft actor-critic.
  SacVersion sac = SacVersion::v2;
  std::vector<int> hidden = {64, 64}, encoder_hidden = {64, 64};
  Activation activation = Activation::relu;
  double learning_rate = 1e-3, gamma = 0.9, tau = 0.005, reward_scale = 10, critic_factor = 1, temperature = 1,
         entropy_per_action = -1, policy_regulariser = 1e-3;
  bool anneal = false;  // the learning rate, to 0 at the last update
  Dtype dtype = Dtype::f32;
};
// What the learner is given, for an environment of these sizes.
PearlLearnerConfig learner_config(const PearlConfig& config, const envs::Spec& env);

class PearlTrainer : public rl::Trainer {
 public:
  PearlTrainer(const PearlConfig& config, std::uint64_t seed);

  rl::Metrics iterate() override;
  int iterations() const override { return config_.iterations; }
  void visit(rl::Checkpoint& c) override;
  rl::AdaptReport adapt(const rl::AdaptRequest& request) const override;

  // What the adaptation protocol asks of it: z from the prior for the first episodes, then from the belief; all that
  // was seen of a task is its context.
  rl::AdaptiveLearner learner() const;
  const std::vector<envs::Task>& tasks() const { return tasks_; }
  int context_size(int task) const { return recent_.size(task); }  // transitions in its context buffer
  const Pearl& pearl() const { return pearl_; }

 private:
  // Episodes of the tasks `which` with z's drawn from what is believed; stores them, and returns their mean return.
  double collect(const std::vector<int>& which, int episodes, const Tensors& evidence, std::uint32_t phase,
                 bool as_context);
  void store(const std::vector<int>& which, const rl::Trajectories& played, const Tensor& rewards, bool as_context);
  void collect_all();
  void learn();
  rl::TaskReplay::Draw rows_shown() const;  // how a context is drawn in this iteration
  // What a context drawn from each of these tasks says.
  Tensors evidence_of(const std::vector<int>& which, std::uint32_t phase) const;
  // Each task shows the context of the next one, in the controls.
  std::vector<int> shown(const std::vector<int>& which) const;

  // A z for each episode of each task, (tasks, episodes, L): drawn from what is believed, or what is told.
  Tensor latents(const std::vector<envs::Task>& tasks, const Tensors& evidence, int episodes,
                 const rl::RolloutPlace& place) const;
  Tensor told(const std::vector<envs::Task>& tasks, int episodes) const;
  std::vector<envs::Task> tasks_of(const std::vector<int>& which) const;
  rl::EpisodeActor actor(const Tensor& z, bool deterministic) const;
  rl::TaskReplay context_of(const rl::Trajectories& explored) const;
  double in_env_units(double a) const;
  double in_learner_units(double a) const;

  PearlConfig config_;
  std::uint64_t seed_;
  const envs::EnvRow *env_, *reward_env_;
  std::vector<envs::Task> tasks_;
  Pearl pearl_;
  rl::TaskReplay replay_, recent_;  // for the critics; for the encoder
  std::uint32_t updates_ = 0;       // done so far
  double steps_ = 0, prior_return_ = 0, posterior_return_ = 0;
};

extern const rl::AlgorithmRow pearl;

}  // namespace innerloop::meta

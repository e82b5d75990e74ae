// Training with meta-gradients: settings, experience, checkpoints (the equations: meta_gradient.h).
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "kernels/words.h"
#include "meta/meta_gradient_experience.h"
#include "meta/meta_gradient_learner.h"
#include "rl/actor_critic_config.h"
#include "rl/training/trainer.h"

namespace innerloop::meta {

enum class MetaAgent { td, a2c };
constexpr auto words_of(MetaAgent) {
  return std::to_array<Word<MetaAgent>>({{"td", MetaAgent::td}, {"a2c", MetaAgent::a2c}});
}
enum class Learned { both, gamma, lambda, none };
constexpr auto words_of(Learned) {
  return std::to_array<Word<Learned>>(
      {{"both", Learned::both}, {"gamma", Learned::gamma}, {"lambda", Learned::lambda}, {"none", Learned::none}});
}
enum class MetaGradientMode { trace, exact };
constexpr auto words_of(MetaGradientMode) {
  using enum MetaGradientMode;
  return std::to_array<Word<MetaGradientMode>>({{"trace", trace}, {"exact", exact}});
}
constexpr auto words_of(MetaOptimiser) {
  return std::to_array<Word<MetaOptimiser>>({{"sgd", MetaOptimiser::sgd}, {"adam", MetaOptimiser::adam}});
}
enum class InnerOptimiser { sgd, rmsprop };
constexpr auto words_of(InnerOptimiser) {
  return std::to_array<Word<InnerOptimiser>>({{"sgd", InnerOptimiser::sgd}, {"rmsprop", InnerOptimiser::rmsprop}});
}

struct MetaGradientConfig {
  std::string env = "discounting-chain-30-v2";
  MetaAgent agent = MetaAgent::a2c;
  int iterations = 1000;
  int meta_steps = 1;     // of η in an iteration
  int trajectories = 16;  // a2c: environments side by side; td: learners side by side, which share η
  int steps = 100;        // a2c: of every environment between two updates
  std::vector<int> hidden = {32};
  // η and how it is learned.
  Learned learn = Learned::both;
  bool by_state = false;
  double gamma = 0.9, lambda = 0.9;
  double gamma_bar = 1, lambda_bar = 1;
  MetaGradientMode mode = MetaGradientMode::trace;
  double mu = 0;
  int updates = 1;
  double beta = 1e-3;
  int eta_after = 0;  // iterations
  bool anneal_beta = false;
  MetaOptimiser meta_optimiser = MetaOptimiser::adam;
  double max_meta_gradient_norm = 0.1;
  bool outer_critic = false;
  int embedding = 0;
  bool full_derivative = false;
  bool bilevel = false;
  bool anneal_gamma = false;
  double gamma_end = 1;
  // The learner.
  InnerOptimiser optimiser = InnerOptimiser::rmsprop;
  double learning_rate = 3e-3;
  double value_weight = 0.5, entropy_weight = 0.01, max_gradient_norm = 0;
  double reward_scale = 1;
  Dtype dtype = Dtype::f32;
};
const rl::Options<MetaGradientConfig>& meta_gradient_options();

// What the settings mean for the learner, in this environment.
MetaGradientLearnerConfig learner_config(const MetaGradientConfig& config);

class MetaGradientTrainer final : public rl::Trainer {
 public:
  MetaGradientTrainer(const MetaGradientConfig& config, std::uint64_t seed);
  rl::Metrics iterate() override;
  int iterations() const override { return config_.iterations; }
  void visit(rl::Checkpoint& c) override;
  rl::AdaptReport adapt(const rl::AdaptRequest& request) const override;

  const MetaGradientLearner& learner() const { return learner_; }

 private:
  bool predicts() const { return config_.agent == MetaAgent::td; }
  std::vector<std::pair<std::string, Shape>> experience_shapes() const;

  MetaGradientConfig config_;
  std::uint64_t seed_;
  MetaGradientLearner learner_;
  rl::SegmentSource source_;  // of control; of a process, only its environment and how it is played
  rl::EpisodeMetrics episodes_;
};

extern const rl::AlgorithmRow meta_gradient;

}  // namespace innerloop::meta

// Meta-training and meta-testing with MAML (the equations: maml.h).
#pragma once

#include <string>
#include <vector>

#include "meta/maml.h"
#include "nn/optimizer.h"
#include "rl/batch.h"
#include "rl/protocol.h"
#include "rl/rollout.h"
#include "rl/trainer.h"

namespace innerloop::meta {

enum class OuterOptimiser { trpo, adam };
constexpr auto words_of(OuterOptimiser) {
  return std::to_array<Word<OuterOptimiser>>({{"trpo", OuterOptimiser::trpo}, {"adam", OuterOptimiser::adam}});
}

struct MamlConfig {
  std::string env = "point-nav-v1";
  int iterations = 200;
  int tasks = 20;                  // meta-batch B
  int trajectories = 20;           // N per task and gradient
  int inner_steps = 1;             // K; 0 is joint training on all tasks ("pretrained")
  double alpha = 0.5;              // inner step size in training and in the first step at test
  double test_alpha_factor = 0.5;  // the later steps at test use alpha times this
  InnerEstimator estimator = InnerEstimator::log_likelihood;
  std::vector<int> hidden = {100, 100};
  Activation activation = Activation::relu;
  double sigma = 1;                // of the policy at the start
  rl::AdvantageConfig advantage;
  OuterOptimiser outer = OuterOptimiser::trpo;
  double delta = 0.01;             // bound on the mean KL between old and new adapted policies
  int cg_iterations = 10;
  double cg_damping = 1e-5;
  double learning_rate = 1e-3;     // of Adam
  Dtype dtype = Dtype::f32;
};
const rl::Options<MamlConfig>& maml_options();

class MamlTrainer final : public rl::Trainer {
 public:
  MamlTrainer(const MamlConfig& config, std::uint64_t seed);
  rl::Metrics iterate() override;
  int iterations() const override { return config_.iterations; }
  void visit(rl::Checkpoint& c) override;
  rl::AdaptReport adapt(const rl::AdaptRequest& request) const override;

  // How θ adapts to a task: K gradient steps, the first with α, the others with α·test_alpha_factor. Must not outlive
  // this trainer.
  rl::AdaptiveLearner learner() const;

  const MamlConfig& config() const { return config_; }
  const MamlProgram& program() const { return program_; }
  const ParamValues& theta() const { return theta_; }

 private:
  struct Data;  // what one iteration collects
  Data collect(const std::vector<envs::Task>& tasks);
  void outer_trpo(const Data& data, double objective, const Tensors& gradient, rl::Metrics& metrics);
  void outer_adam(const Tensors& gradient);
  Tensor step_sizes() const;

  MamlConfig config_;
  MamlProgram program_;
  std::uint64_t seed_;
  const envs::EnvRow* env_;
  rl::Rollout rollout_;
  MamlFunctions maml_;
  ParamValues theta_;
  nn::AdamState adam_;
};

extern const rl::AlgorithmRow maml;

}  // namespace innerloop::meta

// Meta-training and meta-testing with MAESN (the equations: maesn.h).
#pragma once

#include <string>
#include <vector>

#include "meta/maesn.h"
#include "meta/outer_step.h"
#include "rl/experience/batch.h"
#include "rl/experience/protocol.h"
#include "rl/experience/rollout.h"

namespace innerloop::meta {

struct MaesnConfig {
  std::string env = "wheeled-dense-v1";
  std::string test_env = "wheeled-sparse-v1";
  int iterations = 500;
  int task_list = 100;             // T
  int tasks = 20;                  // B
  int trajectories = 50;           // N
  int inner_steps = 1;             // K
  int latent_size = 2;             // D
  Latents latents = Latents::gaussian;
  bool adapt_policy = false;
  double alpha = 0.5;              // of the latents, at the start
  double test_alpha_factor = 0.5;
  double kl_weight = 0.1;          // c
  std::vector<int> hidden = {100, 100};
  Activation activation = Activation::relu;
  double sigma = 1;
  rl::AdvantageConfig advantage = {};
  OuterConfig outer = {};
  Dtype dtype = Dtype::f32;
};
const rl::Options<MaesnConfig>& maesn_options();

class MaesnTrainer final : public rl::Trainer {
 public:
  MaesnTrainer(const MaesnConfig& config, std::uint64_t seed);
  rl::Metrics iterate() override;
  int iterations() const override { return config_.iterations; }
  void visit(rl::Checkpoint& c) override;
  rl::AdaptReport adapt(const rl::AdaptRequest& request) const override;

  // How a new task is learned: from z ~ N(0, 1), by steps of the latents alone. Must not outlive this trainer.
  rl::AdaptiveLearner learner() const;
  const ParamValues& theta() const { return theta_; }
  const MaesnSpec& spec() const { return spec_; }

 private:
  rl::Trajectories explore(const rl::Rollout& rollout, const ParamValues& state, const std::vector<envs::Task>& tasks,
                           int episodes, const rl::RolloutPlace& place, bool deterministic, Tensor* noise) const;

  MaesnConfig config_;
  MaesnSpec spec_;
  std::uint64_t seed_;
  std::vector<envs::Task> tasks_;  // T of them
  rl::Rollout rollout_, test_rollout_;
  MaesnFunctions functions_;
  ParamValues theta_;  // policy, latents of all tasks, step sizes
  OuterStep outer_;
};

extern const rl::AlgorithmRow maesn;

}  // namespace innerloop::meta

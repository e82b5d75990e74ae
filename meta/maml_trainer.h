// Meta-training and meta-testing with MAML (the equations: maml.h).
#pragma once

#include "meta/inner_loop.h"
#include "meta/outer_step.h"

namespace innerloop::meta {

struct MamlConfig {
  InnerLoopConfig inner;
  OuterConfig outer;
};
const rl::Options<MamlConfig>& maml_options();

class MamlTrainer final : public rl::Trainer {
 public:
  MamlTrainer(const MamlConfig& config, std::uint64_t seed);
  rl::Metrics iterate() override;
  int iterations() const override { return config_.inner.iterations; }
  void visit(rl::Checkpoint& c) override;
  rl::AdaptReport adapt(const rl::AdaptRequest& request) const override { return loop_.adapt(theta_, request); }

  // How θ adapts to a task (InnerLoop::learner). Must not outlive this trainer.
  rl::AdaptiveLearner learner() const { return loop_.learner(theta_); }

  const MamlConfig& config() const { return config_; }
  const MamlSpec& spec() const { return loop_.spec(); }
  const ParamValues& theta() const { return theta_; }

 private:
  MamlConfig config_;
  InnerLoop loop_;
  ParamValues theta_;
  OuterStep outer_;
};

extern const rl::AlgorithmRow maml;

}  // namespace innerloop::meta

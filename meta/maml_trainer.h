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

// The meta-gradient of some tasks of a meta-batch, whose mean is taken over all of it.
struct PartSpec {
  MamlSpec spec;
  int of_tasks = 1;
  friend bool operator==(const PartSpec&, const PartSpec&) = default;
};

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
  rl::Metrics iterate_on_ranks();

  MamlConfig config_;
  InnerLoop loop_;
  ParamValues theta_;
  OuterStep outer_;
  Function<PartSpec> part_gradient_;
};

extern const rl::AlgorithmRow maml;

}  // namespace innerloop::meta

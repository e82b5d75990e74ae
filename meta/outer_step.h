// How meta-parameters move along a meta-gradient: a trust region on the adapted policies, or Adam.
#pragma once

#include "nn/optimizer.h"
#include "rl/training/trainer.h"
#include "rl/trust_region.h"

namespace innerloop::meta {

enum class OuterOptimiser { trpo, adam };
constexpr auto words_of(OuterOptimiser) {
  return std::to_array<Word<OuterOptimiser>>({{"trpo", OuterOptimiser::trpo}, {"adam", OuterOptimiser::adam}});
}

struct OuterConfig {
  OuterOptimiser outer = OuterOptimiser::trpo;
  double delta = 0.01;         // bound on the mean KL between old and new adapted policies
  int cg_iterations = 10;
  double cg_damping = 1e-5;
  double learning_rate = 1e-3;  // of Adam
};
const rl::Options<OuterConfig>& outer_options();

// What the trust region asks of an algorithm, at the current meta-parameters.
struct OuterProblem {
  Tensors gradient;
  double objective = 0;
  rl::CgIterate cg_iterate;  // with damping outer.cg_damping
  std::function<rl::TrialPoint(const ParamValues&)> evaluate;
};

class OuterStep {
 public:
  OuterStep(const OuterConfig& config, const ParamValues& theta) : config_(config), moments_(nn::adam_start(theta)) {}
  // theta after the step, and what there is to report: "gradient_norm", and of the trust region "kl", "improvement",
  // "step_fraction", "cg_iterations", "cg_residual". NonFiniteError, beginning with `who`, for a gradient that is not
  // finite.
  ParamValues operator()(const ParamValues& theta, const OuterProblem& problem, std::string_view who,
                         rl::Metrics& metrics);
  void visit(rl::Checkpoint& c) {
    if (config_.outer == OuterOptimiser::adam) c("adam", moments_);
  }

 private:
  OuterConfig config_;
  nn::AdamState moments_;
};

}  // namespace innerloop::meta

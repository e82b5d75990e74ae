// What every algorithm with inner steps shares: drawing tasks, exploring them, adapting to them, exploring again; and
// the same at test. What an algorithm makes of these data is its own.
#pragma once

#include <string>
#include <vector>

#include "meta/maml.h"
#include "rl/experience/batch.h"
#include "rl/experience/protocol.h"
#include "rl/experience/rollout.h"

namespace innerloop::meta {

struct InnerLoopConfig {
  std::string env = "point-nav-v1";
  std::string test_env = "";       // of adapt; empty: env
  int iterations = 200;
  int tasks = 20;                  // meta-batch B
  int trajectories = 20;           // N per task and gradient
  int inner_steps = 1;             // K; 0 is joint training on all tasks ("pretrained")
  double alpha = 0.5;              // inner step size in training and in the first step at test
  double test_alpha_factor = 0.5;  // the later steps at test use alpha times this
  StepSizes step_sizes = StepSizes::fixed;
  InnerEstimator estimator = InnerEstimator::log_likelihood;
  double loaded_lambda = 0.5;      // λ of the estimator loaded-dice
  std::vector<int> hidden = {100, 100};
  Activation activation = Activation::relu;
  double sigma = 1;                // of the policy at the start
  rl::AdvantageConfig advantage = {};
  Dtype dtype = Dtype::f32;
};
const rl::Options<InnerLoopConfig>& inner_loop_options();

// What one iteration collects.
struct MetaData {
  BatchValues supports;              // "k/…": collected before inner step k
  Tensor alpha;                      // (1, max(K, 1), 1)
  BatchValues query;                 // collected with the adapted policies, whose numbers it holds ("old_log_prob", …)
  ParamValues theta_prime;           // (B, in, out): the adapted parameters
  std::vector<double> mean_returns;  // before step 0, 1, …, K
  std::vector<double> task_returns;  // of each task's adapted policy
  double length = 0;                 // mean steps of a query trajectory
  std::vector<double> first_returns, last_returns;  // (B·N): of each trajectory before step 0 and after step K
  long steps = 0;                    // of all query trajectories
};

// Whether the supports hold the numbers of the policies that collected them ("k/old_log_prob", "k/old/…") as well.
enum class SupportPolicies { forgotten, kept };

class InnerLoop {
 public:
  InnerLoop(const InnerLoopConfig& config, std::uint64_t seed);

  // The parameters that training begins with: a policy's, and its step sizes "alpha/…" where these are learned.
  ParamValues initial_parameters() const;
  std::vector<envs::Task> sample_tasks(int iteration) const;
  // Finn 2017, algorithm 3, lines 4 to 9: K times explore and adapt, then explore once more. first_task: number of the
  // first of these tasks, of those of the iteration.
  MetaData collect(const ParamValues& theta, const std::vector<envs::Task>& tasks, int iteration,
                   SupportPolicies policies = SupportPolicies::forgotten, int first_task = 0) const;
  // How theta adapts to a new task: gradient steps, the first with α, the others with α·test_alpha_factor. Must not
  // outlive this object.
  rl::AdaptiveLearner learner(const ParamValues& theta) const;
  // The adaptation protocol with that learner.
  rl::AdaptReport adapt(const ParamValues& theta, const rl::AdaptRequest& request) const;

  const MamlSpec& spec() const { return spec_; }
  const MamlFunctions& functions() const { return maml_; }

 private:
  InnerLoopConfig config_;
  MamlSpec spec_;
  std::uint64_t seed_;
  const envs::EnvRow* env_;
  rl::Rollout rollout_, test_rollout_;
  MamlFunctions maml_;
};

// The environment of adapt: Error unless its tasks, observations and actions are those of training.
const envs::EnvRow& same_interface(const envs::EnvRow& train, const envs::EnvRow& test);

// "return_before", "return_after", "length_after".
rl::Metrics data_metrics(const MetaData& data);

}  // namespace innerloop::meta

// A stream of transitions: one environment, stepped on and on, and begun anew where an episode ends.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "envs/driver.h"
#include "kernels/philox.h"
#include "rl/experience/replay.h"
#include "rl/training/trainer.h"

namespace innerloop::rl {

// One environment with one task. Random numbers are pure functions of (seed, episode) for a start and of (seed, step)
// for a step, so what visit() lists is all there is to know.
class Stream {
 public:
  // The task is drawn from Purpose::task, number 0: a run keeps it.
  Stream(const std::string& env, std::uint64_t seed, int horizon = 0);

  // What the environment shows now: at the start of an episode its first observation.
  std::span<const double> observation() const { return observation_; }
  // Acts, in the environment's units. The transition's views hold until the next step; its next_observation is the last
  // of the episode if this step ended it, while observation() then is already the first of the next.
  // NonFiniteError naming environment, episode and step.
  Transition step(std::span<const double> action);

  const envs::Spec& spec() const { return env_->spec; }
  const envs::Task& task() const { return task_; }
  std::int64_t steps() const { return steps_; }
  std::uint32_t counter() const;  // the same as a place of random numbers. Error beyond 2³² steps
  // Mean undiscounted return and length of the episodes that ended since the last call; those of the last call again if
  // none did.
  struct Episodes { double mean_return = 0, mean_length = 0; };
  Episodes take_episodes();

  void visit(Checkpoint& c);  // "stream/…"

 private:
  void begin_episode();
  envs::Lanes lane();

  const envs::EnvRow* env_;
  std::uint64_t seed_;
  int horizon_;
  envs::Task task_;
  std::vector<std::uint64_t> state_;
  std::vector<double> observation_, before_, after_, action_;
  std::int64_t steps_ = 0, episode_ = 0;
  int time_step_ = 0;
  double return_ = 0;  // of the episode so far
  std::uint8_t finished_ = 0, terminated_ = 0;
  double reward_ = 0;
  double ended_ = 0, ended_returns_ = 0, ended_lengths_ = 0;
  Episodes last_;
};

// Actions, in the environment's units, for a batch of states: (1, rows, O) → (1, rows, A), both f64.
using ActFunction = std::function<Tensor(const Tensor& observations)>;

// Undiscounted returns (1, tasks, episodes) f64 of an actor from test starts; all episodes side by side, so a random
// actor must not depend on how many there are.
Tensor evaluate(const std::string& env, const std::vector<envs::Task>& tasks, int episodes, std::uint64_t seed,
                const ActFunction& act);

// The same of a policy with parameters `knowledge`: without its noise where `random` is empty, else with each row's own
// random numbers.
using PolicyFunction =
    std::function<Tensor(const Tensors& knowledge, const Tensor& observations, std::span<const Philox> random)>;

// `adapt` of an algorithm that does not adapt: the adaptation protocol with parameters that stay as they are.
AdaptReport adapt_policy(const std::string& env, const AdaptRequest& request, const Tensors& knowledge,
                         const PolicyFunction& act);

// Facts of an environment that algorithms ask for without seeing envs/.
struct EnvSizes {
  int observations = 0;
  bool discrete = false;
  int actions = 0;  // numbers of an action; if discrete: how many there are
  double low = 0, high = 0;
};
EnvSizes env_sizes(const std::string& env);

}  // namespace innerloop::rl

// RL²: fast reinforcement learning by a recurrent policy, which slow reinforcement learning has trained.
//
// Duan, Schulman, Chen, Bartlett, Sutskever, Abbeel 2016, "RL²: Fast Reinforcement Learning via Slow Reinforcement
// Learning", arXiv 1611.02779v2; Wang, Kurth-Nelson, Tirumala, Soyer, Leibo, Munos, Blundell, Kumaran, Botvinick 2016,
// "Learning to reinforcement learn", arXiv 1611.05763v3. The policy sees what it did and what that earned, and keeps it
// in its hidden state; weights stay as they are while it meets a new task. What it does from one step of a trial to
// the next is the learning algorithm, and training finds it.
//
//   symbol   name                   shape
//   x_t      batch["observations"]  (B, H·N, X): (s_t, a_{t−1}, r_{t−1}, d_{t−1}), made by write_trial_input
//   h_t      agent state            (B, N, core_size): carried over ends of episodes, cleared between trials
//   θ        theta                  core, policy and value
//   Â_t      batch["advantages"]    (B, H·N, 1): over the whole trial (trial_advantages)
//   n, H     episodes, steps        of a trial
//
// The outer loop is A2C's (as in "Learning to reinforcement learn") or PPO's on whole trials.
#pragma once

#include <functional>

#include "autodiff/check.h"
#include "rl/experience/agent.h"
#include "rl/experience/protocol.h"
#include "rl/experience/trial.h"
#include "rl/ppo.h"

namespace innerloop::meta {

// A memory, and what an agent that has it says at one time step: here the recurrent network itself, in VariBAD a belief
// and the policy that reads it.
struct AgentMemory {
  std::function<Tensors(int tasks, int sequences)> start;  // (tasks, sequences, ·) each
  // As rl::AgentActor::step, which reads x_t where that reads observations.
  std::function<rl::AgentStep(const ParamValues& theta, const Tensor& inputs, const Tensor& reset,
                              const Tensors& state)> step;
};

// An agent with a memory in trials. What it knows of a task is that memory, {"h"[, "c"]} (tasks, 1, core_size) of a
// recurrent network, and "before" (tasks, 1, action numbers + 4), the step before.
class RecurrentAgent {
 public:
  RecurrentAgent(const rl::TrialConfig& trial, const nn::ActorCriticSpec& agent, Dtype dtype);
  // Of `agent` only the policy's distribution matters; all else is the memory's business.
  RecurrentAgent(const rl::TrialConfig& trial, const nn::ActorCriticSpec& agent, Dtype dtype, AgentMemory memory);

  // A trial of each task; deterministic: the mean or the likeliest action in place of a draw.
  rl::Trials play(const ParamValues& theta, const std::vector<envs::Task>& tasks, int slices,
                  const rl::RolloutPlace& place, bool deterministic = false) const;

  // The same, episode by episode, for the adaptation protocol. Must not outlive this agent.
  rl::AdaptiveLearner learner(const ParamValues& theta) const;

  const rl::TrialConfig& trial() const { return trial_; }
  const nn::ActorCriticSpec& spec() const { return agent_; }

 private:
  Tensors start(int tasks) const;
  rl::Trajectories act(const ParamValues& theta, const Tensors& memory, const std::vector<envs::Task>& tasks,
                       int episodes, const rl::RolloutPlace& place, bool deterministic) const;
  Tensors update(const ParamValues& theta, const Tensors& memory, const rl::Trajectories& explored) const;
  std::vector<double> draw(const rl::AgentStep& said, std::span<const Philox> random, bool deterministic) const;

  rl::TrialConfig trial_;
  nn::ActorCriticSpec agent_;
  Dtype dtype_;
  AgentMemory memory_;
};

// What `innerloop check rl2` checks: the outer losses through a trial of several episodes.
std::vector<CheckCase> rl2_check_cases();

extern const rl::AlgorithmRow rl2;

}  // namespace innerloop::meta

// What `innerloop check rl2` checks: the losses of recurrent agents through trials of three episodes, as the agents
// played them.
#include <string>

#include "envs/table.h"
#include "meta/rl2.h"
#include "rl/experience/agent.h"

namespace innerloop::meta {
namespace {

using Core = nn::ActorCriticSpec::Core;

struct TrialProblem {
  rl::AgentLossSpec loss;
  std::vector<CheckInput> inputs;
};

// Two trials of three episodes of three steps, with other rewards; theta is not zero anywhere, and PPO's old policy is
// another.
TrialProblem trial_problem(Core core, int window) {
  const envs::EnvRow& env = envs::find_env("two-state-v1");
  const rl::TrialConfig trial{.env = &env, .episodes = 3};
  TrialProblem p;
  nn::ActorCriticSpec& agent = p.loss.agent;
  agent = {.core = core, .observations = rl::trial_input_size(trial), .core_size = 3, .policy = {}, .value_hidden = {}};
  agent.policy = rl::policy_for(env, {}, Activation::tanh);
  agent.policy.net.inputs = agent.features();
  ParamValues theta = nn::init_actor_critic(agent, 1);
  Philox random(29, {.purpose = Purpose::check});
  for (std::size_t k = 0; k < theta.count(); ++k)
    for (double& x : theta[k].mutable_values<double>()) x = 0.6 * random.normal();

  const RecurrentAgent player(trial, agent, Dtype::f64);
  const rl::Trials trials = player.play(theta, {envs::Task{0}, envs::Task{0.7}}, 1, {.seed = 3});
  BatchValues batch = rl::trial_batch(trials, 0.9, 0.8, true);
  Tensor old(trials.mask.shape());
  for (double& x : old.mutable_values<double>()) x = -1.4 + 0.5 * random.normal();
  batch.add("old_log_prob", old);
  const Tensors start = nn::start_state(agent, 1, trials.lanes, Dtype::f64);
  for (std::size_t k = 0; k < start.count(); ++k) batch.add("state/" + start.name(k), start[k]);

  p.loss.time_steps = trials.steps;
  p.loss.value_weight = 0.7, p.loss.entropy_weight = 0.3, p.loss.clip = 0.2, p.loss.window = window;
  for (std::size_t k = 0; k < theta.count(); ++k) p.inputs.push_back({"theta/" + theta.name(k), theta[k], true});
  for (std::size_t k = 0; k < batch.count(); ++k) p.inputs.push_back({"batch/" + batch.name(k), batch[k], false});
  return p;
}

}  // namespace

std::vector<CheckCase> rl2_check_cases() {
  std::vector<CheckCase> cases;
  for (const auto& [name, loss] : {std::pair{"A2C", &rl::a2c_loss}, {"PPO", &rl::ppo_loss}})
    for (const auto& [core_name, core] : {std::pair{"lstm", Core::lstm}, {"gru", Core::gru}})
      for (const int window : {0, 2}) {
        const TrialProblem p = trial_problem(core, window);
        CheckCase c{.name = std::string("rl2, ") + name + ", " + core_name + ", 3 episodes, " +
                            (window == 0 ? "in full" : "windows of " + std::to_string(window)),
                    .subject = "rl2",
                    .inputs = p.inputs,
                    .build = {}};
        c.cut = window == 0 ? CheckCase::Cut::nothing : CheckCase::Cut::something;
        c.every_input_matters = true;
        c.build = [loss = loss, config = p.loss](const Vars& in) {
          return std::vector<Var>{loss(in.below("theta/"), config, in.below("batch/")).total};
        };
        cases.push_back(std::move(c));
      }
  return cases;
}

}  // namespace innerloop::meta

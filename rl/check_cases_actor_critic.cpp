// What `innerloop check a2c` and `innerloop check ppo` check: the losses of tiny agents, with and without memory.
#include <algorithm>
#include <string>

#include "kernels/philox.h"
#include "rl/check_cases.h"
#include "rl/impala.h"
#include "rl/ppo.h"

namespace innerloop::rl {
namespace {

using Core = nn::ActorCriticSpec::Core;

// An agent, and a batch of T steps of N sequences for it.
struct AgentProblem {
  AgentLossSpec config;
  std::vector<CheckInput> inputs;
};

AgentProblem agent_problem(nn::PolicySpec::Head head, Core core, int T, int N) {
  const bool gaussian = head == nn::PolicySpec::Head::gaussian;
  const int tasks = core == Core::none ? 2 : 1, rows = T * N, A = gaussian ? 2 : 3, H = 2;
  AgentProblem p;
  p.config = {.agent = {}, .time_steps = T, .value_weight = 0.7, .entropy_weight = 0.3, .clip = 0.2};
  p.config.agent = {.core = core, .observations = 2, .core_size = H, .policy = {}, .value_hidden = {3}};
  p.config.agent.policy = {.net = {.inputs = p.config.agent.features(), .hidden = {3}, .outputs = A}, .head = head};

  // Parameters, none of them zero.
  const ParamValues theta = nn::init_actor_critic(p.config.agent, 1);
  for (std::size_t k = 0; k < theta.count(); ++k)
    p.inputs.push_back({theta.name(k), check_normals(theta[k].shape(), static_cast<std::uint32_t>(k), 0.6)});

  // Data. Ratios to the old policy lie on both sides of the clip's bounds.
  Tensor actions = check_normals({tasks, rows, gaussian ? A : 1}, 50, 1), reset({tasks, rows, 1});
  if (!gaussian)
    for (int row = 0; row < tasks * rows; ++row) actions.set(row / rows, row % rows, 0, (5 * row + 1) % A);
  for (int row = 0; row < tasks * rows; ++row) reset.set(row / rows, row % rows, 0, row % 11 == 4);
  Tensor old = check_normals({tasks, rows, 1}, 51, 0.6);
  for (double& x : old.mutable_values<double>()) x -= gaussian ? 3.5 : 1.1;
  const auto data = [&](std::string name, Tensor value) {
    p.inputs.push_back({std::move(name), std::move(value), false});
  };
  data("observations", check_normals({tasks, rows, 2}, 52, 1));
  data("actions", actions);
  data("advantages", check_normals({tasks, rows, 1}, 53, 1));
  data("returns", check_normals({tasks, rows, 1}, 54, 1));
  data("weights", Tensor::full({tasks, rows, 1}, 1.0 / (tasks * rows)));
  data("reset", reset);
  data("old_log_prob", old);
  if (core != Core::none) data("state/h", check_normals({tasks, N, H}, 55, 0.5));
  if (core == Core::lstm) data("state/c", check_normals({tasks, N, H}, 56, 0.5));
  return p;
}

Params agent_of(const Vars& in) {
  Params theta;
  for (std::size_t k = 0; k < in.count(); ++k)
    for (const char* prefix : {"core/", "policy/", "value/"})
      if (in.name(k).starts_with(prefix)) theta.add(in.name(k), in[k]);
  return theta;
}

std::vector<CheckCase> agent_cases(const std::string& subject,
                                   AgentLoss (*loss)(const Params&, const AgentLossSpec&, const Batch&)) {
  const struct {
    const char* what;
    nn::PolicySpec::Head head;
    Core core;
    int T, N;
  } agents[] = {{"gaussian", nn::PolicySpec::Head::gaussian, Core::none, 1, 8},
                {"categorical", nn::PolicySpec::Head::categorical, Core::none, 1, 8},
                {"gaussian, lstm, 6 steps", nn::PolicySpec::Head::gaussian, Core::lstm, 6, 2},
                {"categorical, gru, 6 steps", nn::PolicySpec::Head::categorical, Core::gru, 6, 2}};
  std::vector<CheckCase> cases;
  for (const auto& agent : agents) {
    const AgentProblem p = agent_problem(agent.head, agent.core, agent.T, agent.N);
    const AgentLossSpec config = p.config;
    cases.push_back({.name = subject + ", " + agent.what,
                     .subject = subject,
                     .inputs = p.inputs,
                     .build = [=](const Vars& in) {
                       return std::vector<Var>{loss(agent_of(in), config, in).total};
                     }});
  }
  return cases;
}

}  // namespace

std::vector<CheckCase> a2c_check_cases() { return agent_cases("a2c", &a2c_loss); }
std::vector<CheckCase> ppo_check_cases() { return agent_cases("ppo", &ppo_loss); }

// Without memory: four steps of two sequences, one of which ends an episode.
std::vector<CheckCase> impala_check_cases() {
  std::vector<CheckCase> cases;
  for (const bool categorical : {false, true})
    for (const double leak : {0.0, 0.25}) {
      const auto head = categorical ? nn::PolicySpec::Head::categorical : nn::PolicySpec::Head::gaussian;
      AgentProblem p = agent_problem(head, Core::none, 4, 2);
      const int tasks = 2, rows = 8;
      Tensor continues = Tensor::full({tasks, rows, 1}, 1), alive = continues;
      for (int task = 0; task < tasks; ++task)
        for (const int row : {3, 6, 7}) continues.set(task, row, 0, 0), alive.set(task, row, 0, row != 3);
      const auto data = [&](std::string name, Tensor value) {
        p.inputs.push_back({std::move(name), std::move(value), false});
      };
      data("next_observations", check_normals({tasks, rows, 2}, 57, 1));
      data("rewards", check_normals({tasks, rows, 1}, 58, 1));
      data("not_terminated", alive);
      data("continues", continues);
      const auto old = std::ranges::find(p.inputs, "old_log_prob", &CheckInput::name);
      old->name = "log_mu";
      const ImpalaSpec spec{.loss = p.config, .gamma = 0.9, .lambda = 0.8, .trace = {.leak = leak}};
      cases.push_back({.name = std::string("impala, ") + (categorical ? "categorical" : "gaussian") +
                               (leak > 0 ? ", leaky" : ""),
                       .subject = "impala",
                       .inputs = p.inputs,
                       .build = [=](const Vars& in) {
                         return std::vector<Var>{impala_loss(agent_of(in), spec, in).total};
                       }});
    }
  return cases;
}

}  // namespace innerloop::rl

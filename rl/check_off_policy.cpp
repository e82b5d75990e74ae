// What `innerloop check q_learning | dqn | sac` verifies: every loss, with every convention that changes its
// derivative.
#include <string>

#include "kernels/philox.h"
#include "rl/check_cases.h"
#include "rl/dqn.h"
#include "rl/q_learning.h"
#include "rl/sac.h"

namespace innerloop::rl {
namespace {

constexpr int kRows = 6;

Tensor numbers(std::initializer_list<double> values) {
  const std::vector<double> list(values);
  return Tensor::from({1, static_cast<int>(list.size()), 1}, list);
}

// Parameters of a list, drawn anew, under "prefix/…".
void add_params(std::vector<CheckInput>& inputs, const ParamValues& like, const std::string& prefix, std::uint32_t id,
                bool differentiated) {
  for (std::size_t k = 0; k < like.count(); ++k)
    inputs.push_back({prefix + like.name(k), check_normals(like[k].shape(), id + static_cast<std::uint32_t>(k), 0.6),
                      differentiated});
}

CheckCase q_case() {
  return {.name = "q_learning, half the squared error",
          .subject = "q_learning",
          .inputs = {{"table", check_normals({1, 4, 3}, 1)},
                     {"state", numbers({0, 3, 2, 2, 1, 0}), false},
                     {"action", numbers({2, 0, 1, 1, 1, 0}), false},
                     {"target", check_normals({1, kRows, 1}, 2), false}},
          .build = [](const Vars& in) {
            return std::vector<Var>{q_loss(in["table"], in["state"], in["action"], in["target"])};
          }};
}

CheckCase dqn_case(bool huber, Activation activation) {
  const DqnSpec spec{.net = {.inputs = 2, .hidden = {4}, .outputs = 3, .activation = activation}, .huber = huber};
  CheckCase c{.name = std::string("dqn, ") + (huber ? "Huber" : "squared") + " loss" +
                      (activation == Activation::relu ? ", relu" : ""),
              .subject = "dqn",
              .inputs = {},
              .build = [spec](const Vars& in) { return std::vector<Var>{dqn_loss(in, spec, in)}; },
              };
  add_params(c.inputs, nn::init_mlp(spec.net, 1, "q"), "", 10, true);
  c.inputs.push_back({"observations", check_normals({1, kRows, 2}, 20), false});
  c.inputs.push_back({"actions", numbers({0, 2, 1, 0, 2, 1}), false});
  c.inputs.push_back({"targets", check_normals({1, kRows, 1}, 21, 2), false});
  return c;
}

// Two numbers observed, three actions, a hidden layer of four tanh units (smooth, so that second order is too).
SacSpec tiny_sac() {
  SacSpec spec;
  spec.actor = {.inputs = 2, .hidden = {4}, .outputs = 6};
  spec.critic = {.inputs = 5, .hidden = {4}, .outputs = 1};
  spec.action_size = 3;
  spec.target_entropy = -3;
  spec.gamma = 0.9;
  return spec;
}

// Which list of parameters is differentiated in a case; the others are data there.
enum class Of { actor, critics, temperature };

CheckCase sac_case(const std::string& name, const SacSpec& spec, Of of,
                     std::function<Var(const Vars& in, const Params& actor, const Params& critics)> loss) {
  CheckCase c{.name = "sac, " + name,
              .subject = "sac",
              .inputs = {},
              .build =
                  [loss = std::move(loss)](const Vars& in) {
                    return std::vector<Var>{loss(in, in.below("actor:"), in.below("critics:"))};
                  },
              .cut = CheckCase::Cut::nothing};
  add_params(c.inputs, init_actor(spec, 1, Dtype::f64), "actor:", 30, of == Of::actor);
  add_params(c.inputs, init_critics(spec, 1, Dtype::f64), "critics:", 40, of == Of::critics);
  add_params(c.inputs, targeted(init_critics(spec, 1, Dtype::f64), spec), "targets:", 60, false);
  c.inputs.push_back({"log_alpha", Tensor::scalar(-0.7), of == Of::temperature});
  c.inputs.push_back({"observations", check_normals({1, kRows, 2}, 80), false});
  c.inputs.push_back({"actions", check_normals({1, kRows, 3}, 81, 0.5), false});
  c.inputs.push_back({"rewards", check_normals({1, kRows, 1}, 82), false});
  c.inputs.push_back({"next_observations", check_normals({1, kRows, 2}, 83), false});
  c.inputs.push_back({"terminated", numbers({0, 1, 0, 0, 1, 0}), false});
  c.inputs.push_back({"noise", check_normals({1, kRows, 3}, 84), false});
  return c;
}

// The critics' loss with its target, in both versions, and the value network's.
void add_critic_cases(std::vector<CheckCase>& cases) {
  const SacSpec spec = tiny_sac();
  SacSpec v1 = spec;
  v1.value_network = true;
  for (const SacSpec& s : {spec, v1})
    cases.push_back(sac_case(s.value_network ? "critic loss, v1" : "critic loss", s, Of::critics,
                             [s](const Vars& in, const Params& actor, const Params& critics) {
                               const Var y =
                                   sac_target(actor, in.below("targets:"), in["log_alpha"], s, in, in["noise"]);
                               return sac_critic_loss(critics, s, in, y);
                             }));
  cases.push_back(sac_case("value loss, v1", v1, Of::critics,
                           [v1](const Vars& in, const Params& actor, const Params& critics) {
                             return sac_value_loss(critics, actor, in["log_alpha"], v1, in, in["noise"]);
                           }));
  // It looks at the critics as they are, and they are differentiated here: that is what its stop_gradient is for.
  cases.back().cut = CheckCase::Cut::something;
}

// The actor's, with every convention.
void add_actor_cases(std::vector<CheckCase>& cases) {
  const SacSpec spec = tiny_sac();
  const auto actor_case = [&](const std::string& name, const SacSpec& s) {
    cases.push_back(sac_case("actor loss, " + name, s, Of::actor,
                             [s](const Vars& in, const Params& actor, const Params& critics) {
                               const SacAction now = sac_action(actor, s, in["observations"], in["noise"]);
                               return sac_actor_loss(now, critics, in["log_alpha"], s, in);
                             }));
    cases.back().every_input_matters = true;
  };
  actor_case("smaller critic", spec);
  SacSpec other = spec;
  other.actor_value = ActorValue::mean;
  other.log_sigma = LogSigma::softplus;
  actor_case("mean of critics, softplus", other);
  other.actor_value = ActorValue::first;
  other.log_sigma = LogSigma::tanh;
  actor_case("first critic, tanh", other);
  other = spec;
  other.log_prob = SquashLogProb::epsilon;
  actor_case("epsilon in log π", other);
  // Far out that form has no digits left (1 − a² is rounding there), so it is checked where u is small.
  for (CheckInput& input : cases.back().inputs)
    if (input.name.starts_with("actor:") || input.name == "noise")
      for (double& x : input.value.mutable_values<double>()) x *= 0.3;
  other = spec;
  other.squash = false;
  actor_case("not squashed", other);
  other = spec;
  other.actor.activation = other.critic.activation = Activation::relu;
  actor_case("relu", other);
}

// The temperature's.
void add_temperature_cases(std::vector<CheckCase>& cases) {
  const SacSpec spec = tiny_sac();
  for (const TemperatureLoss loss : {TemperatureLoss::log_alpha, TemperatureLoss::alpha}) {
    SacSpec s = spec;
    s.temperature_loss = loss;
    cases.push_back(sac_case(loss == TemperatureLoss::alpha ? "temperature loss, alpha" : "temperature loss, log alpha",
                             s, Of::temperature, [s](const Vars& in, const Params& actor, const Params&) {
                               const SacAction now = sac_action(actor, s, in["observations"], in["noise"]);
                               return sac_temperature_loss(in["log_alpha"], now.log_prob, s);
                             }));
    cases.back().every_input_matters = true;
  }
}

}  // namespace

std::vector<CheckCase> q_learning_check_cases() { return {q_case()}; }

std::vector<CheckCase> dqn_check_cases() {
  return {dqn_case(true, Activation::tanh), dqn_case(false, Activation::tanh), dqn_case(true, Activation::relu)};
}

std::vector<CheckCase> sac_check_cases() {
  std::vector<CheckCase> cases;
  add_critic_cases(cases);
  add_actor_cases(cases);
  add_temperature_cases(cases);
  return cases;
}

}  // namespace innerloop::rl

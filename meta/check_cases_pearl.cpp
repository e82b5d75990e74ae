// What `innerloop check pearl` verifies: the KL, and every loss of both versions; that of the critics through the
// product of Gaussians into the encoder.
#include <algorithm>

#include "autodiff/ops.h"
#include "meta/check_cases.h"
#include "meta/pearl.h"
#include "rl/check_cases.h"

namespace innerloop::meta {
namespace {

constexpr int kPearlTasks = 2, kPearlRows = 3, kPearlContext = 4;

PearlSpec tiny_pearl(bool official) {
  PearlSpec spec;
  spec.latent_size = 2;
  spec.next_observation = !official;
  if (!official) spec.factor_variance = FactorVariance::exp;
  spec.sac.value_network = official;
  spec.sac.critic_factor = official ? 1 : 0.5;
  spec.sac.gamma = 0.9;
  spec.sac.target_entropy = -2;
  spec.policy_regulariser = official ? 1e-3 : 0;
  spec.kl_weight = 0.3;
  return fitted(spec, 2, 2, {4}, {4}, Activation::tanh);
}

// Whose parameters a case differentiates; those of the others are data there.
enum class PearlGroup { encoder, critics, value, actor };
using PearlLoss = Var (*)(const Vars& in, const PearlSpec& spec, const Belief& q, Var z);

// All inputs of all losses. Parameters are drawn anew, larger than at the start of training.
CheckCase pearl_case(const std::string& name, bool official, std::initializer_list<PearlGroup> differentiated,
                     PearlLoss loss) {
  const PearlSpec spec = tiny_pearl(official);
  CheckCase c{.name = "pearl, " + name + (official ? ", official" : ", v2"), .subject = "pearl", .inputs = {},
              .build = [spec, loss](const Vars& in) {
                const Belief q = belief_of(encode(in, spec, in["context"], in["mask"]), spec.prior_factor);
                return std::vector<Var>{loss(in, spec, q, draw_latent(q, spec, in["latent_noise"]))};
              }};
  std::uint32_t id = 300;
  const auto is = [&](PearlGroup group) { return std::ranges::find(differentiated, group) != differentiated.end(); };
  const auto add = [&](const ParamValues& list, const std::string& prefix, auto group_of) {
    for (std::size_t k = 0; k < list.count(); ++k)
      c.inputs.push_back(
          {prefix + list.name(k), rl::check_normals(list[k].shape(), id++, 0.6), group_of(list.name(k))});
  };
  const ParamValues critics = rl::init_critics(spec.sac, 1, Dtype::f64);
  add(init_encoder(spec, 1, Dtype::f64), "", [&](const std::string&) { return is(PearlGroup::encoder); });
  add(rl::init_actor(spec.sac, 1, Dtype::f64), "", [&](const std::string&) { return is(PearlGroup::actor); });
  add(critics, "", [&](const std::string& parameter) {
    return is(parameter.starts_with("v/") ? PearlGroup::value : PearlGroup::critics);
  });
  add(rl::targeted(critics, spec.sac), "targets:", [](const std::string&) { return false; });
  const auto data = [&](const char* label, int rows, int cols) {
    c.inputs.push_back({label, rl::check_normals({kPearlTasks, rows, cols}, id++), false});
  };
  data("context", kPearlContext, spec.context_size());
  data("latent_noise", 1, spec.latent_size);
  for (const char* label : {"observations", "actions", "next_observations", "noise", "noise_next"})
    data(label, kPearlRows, 2);
  data("rewards", kPearlRows, 1);
  Tensor mask = Tensor::full({kPearlTasks, kPearlContext, 1}, 1), ends({kPearlTasks, kPearlRows, 1});
  mask.set(1, 3, 0, 0);
  ends.set(0, 1, 0, 1);
  c.inputs.push_back({"mask", mask, false});
  c.inputs.push_back({"terminated", ends, false});
  c.inputs.push_back({"log_alpha", Tensor::scalar(-0.7), false});
  return c;
}

Var kl_of(const Vars&, const PearlSpec& spec, const Belief& q, Var) { return pearl_kl_loss(q, spec); }

Var critic_of(const Vars& in, const PearlSpec& spec, const Belief& q, Var z) {
  const Var y = pearl_target(in, in.below("targets:"), in["log_alpha"], spec, in, z, in["noise_next"]);
  return pearl_critic_loss(in, spec, in, z, y) + pearl_kl_loss(q, spec);
}

Var value_of(const Vars& in, const PearlSpec& spec, const Belief&, Var z) {
  return pearl_value_loss(in, in, in["log_alpha"], spec, in, z, in["noise"]);
}

Var actor_of(const Vars& in, const PearlSpec& spec, const Belief&, Var z) {
  return pearl_actor_loss(pearl_action(in, spec, in, z, in["noise"]), in, in["log_alpha"], spec, in, z);
}

}  // namespace

std::vector<CheckCase> pearl_check_cases() {
  std::vector<CheckCase> cases;
  for (const bool official : {true, false}) {
    cases.push_back(pearl_case("KL", official, {PearlGroup::encoder}, kl_of));
    cases.back().cut = CheckCase::Cut::nothing;
    // The target moves with z, and z with the encoder: that is what is cut.
    cases.push_back(pearl_case("critic loss and KL", official, {PearlGroup::encoder, PearlGroup::critics}, critic_of));
    cases.back().cut = CheckCase::Cut::something;
    cases.back().every_input_matters = true;
    cases.push_back(pearl_case("actor loss", official, {PearlGroup::actor}, actor_of));
    cases.back().cut = CheckCase::Cut::nothing;
    cases.back().every_input_matters = true;
  }
  cases.push_back(pearl_case("value loss", true, {PearlGroup::value}, value_of));
  cases.back().cut = CheckCase::Cut::nothing;
  cases.back().every_input_matters = true;
  return cases;
}

}  // namespace innerloop::meta

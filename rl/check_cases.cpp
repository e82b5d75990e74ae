#include "rl/check_cases.h"

#include <string>

#include "kernels/philox.h"
#include "rl/experience/value_network.h"
#include "rl/policy_gradient.h"
#include "rl/trpo.h"

namespace innerloop::rl {

Tensor check_normals(Shape shape, std::uint32_t id, double scale) {
  Philox random(29, {.purpose = Purpose::check, .iteration = id});
  Tensor t(shape);
  for (double& x : t.mutable_values<double>()) x = scale * random.normal();
  return t;
}

namespace {

// Two tasks of seven rows, the last one padding; a small tanh policy of either kind.
struct Problem {
  nn::PolicySpec policy;
  std::vector<CheckInput> theta, batch, old, v;
};

Problem problem(nn::PolicySpec::Head head) {
  const bool gaussian = head == nn::PolicySpec::Head::gaussian;
  const int B = 2, rows = 7, A = gaussian ? 2 : 3;
  Problem p{.policy = {.net = {.inputs = 3, .hidden = {4}, .outputs = A}, .head = head},
            .theta = {},
            .batch = {},
            .old = {},
            .v = {}};

  // Parameters, and a direction for the Fisher product.
  const ParamValues theta = nn::init_policy(p.policy, 1);
  for (std::size_t k = 0; k < theta.count(); ++k) {
    const auto id = static_cast<std::uint32_t>(k);
    p.theta.push_back({theta.name(k), check_normals(theta[k].shape(), id, 0.5)});
    p.v.push_back({"v/" + theta.name(k), check_normals(theta[k].shape(), 100 + id, 0.5)});
  }

  // Data.
  Tensor actions = check_normals({B, rows, gaussian ? A : 1}, 50, 1), weights = Tensor::full({B, rows, 1}, 1.0 / 12);
  if (!gaussian)
    for (int row = 0; row < B * rows; ++row) actions.set(row / rows, row % rows, 0, (5 * row + 1) % A);
  for (int task = 0; task < B; ++task) weights.set(task, rows - 1, 0, 0);
  p.batch = {{"observations", check_normals({B, rows, 3}, 51, 1), false},
             {"actions", actions, false},
             {"advantages", check_normals({B, rows, 1}, 52, 1), false},
             {"weights", weights, false}};
  p.old = {{"log_prob", check_normals({B, rows, 1}, 53, 0.3), false}};
  if (gaussian) {
    p.old.push_back({"mean", check_normals({B, rows, A}, 54, 0.5), false});
    p.old.push_back({"log_sigma", check_normals({1, 1, A}, 55, 0.3), false});
  } else {
    p.old.push_back({"logits", check_normals({B, rows, A}, 56, 0.5), false});
  }
  return p;
}

std::string kind_of(nn::PolicySpec::Head head) {
  return head == nn::PolicySpec::Head::gaussian ? "gaussian" : "categorical";
}

Params policy_of(const Vars& in) {
  Params theta;
  for (std::size_t k = 0; k < in.count(); ++k)
    if (in.name(k).starts_with("policy/")) theta.add(in.name(k), in[k]);
  return theta;
}

CheckCase make_case(const std::string& subject, const std::string& name,
                    std::initializer_list<const std::vector<CheckInput>*> inputs,
                    std::function<std::vector<Var>(const Vars&)> build) {
  CheckCase c{.name = name, .subject = subject, .inputs = {}, .build = std::move(build)};
  for (const std::vector<CheckInput>* list : inputs) c.inputs.insert(c.inputs.end(), list->begin(), list->end());
  return c;
}

// What the value network of TRPO and policy gradient is fitted by.
CheckCase value_network_case() {
  const nn::MlpSpec net{.inputs = 3, .hidden = {4}, .outputs = 1};
  std::vector<CheckInput> theta;
  const ParamValues like = nn::init_mlp(net, 1, value_prefix);
  for (std::size_t k = 0; k < like.count(); ++k)
    theta.push_back({like.name(k), check_normals(like[k].shape(), 200 + static_cast<std::uint32_t>(k), 0.5)});
  Tensor weights = Tensor::full({2, 7, 1}, 1.0 / 12);
  for (int task : {0, 1}) weights.set(task, 6, 0, 0);
  const std::vector<CheckInput> batch{{"observations", check_normals({2, 7, 3}, 210, 1), false},
                                      {"targets", check_normals({2, 7, 1}, 211, 1), false},
                                      {"weights", weights, false}};
  CheckCase c = make_case("trpo", "trpo, value network's fit", {&theta, &batch}, [=](const Vars& in) {
    return std::vector<Var>{value_fit_loss(in, net, in)};
  });
  c.every_input_matters = true;
  return c;
}

}  // namespace

std::vector<CheckCase> policy_gradient_check_cases() {
  std::vector<CheckCase> cases;
  for (const auto head : {nn::PolicySpec::Head::gaussian, nn::PolicySpec::Head::categorical}) {
    const Problem p = problem(head);
    const nn::PolicySpec policy = p.policy;
    cases.push_back(make_case("policy_gradient", "policy_gradient, " + kind_of(head), {&p.theta, &p.batch},
                              [=](const Vars& in) {
                                return std::vector<Var>{policy_gradient_surrogate(policy_of(in), policy, in)};
                              }));
  }
  return cases;
}

std::vector<CheckCase> trpo_check_cases() {
  std::vector<CheckCase> cases;
  for (const auto head : {nn::PolicySpec::Head::gaussian, nn::PolicySpec::Head::categorical}) {
    const Problem p = problem(head);
    const nn::PolicySpec policy = p.policy;
    const std::string kind = kind_of(head);
    cases.push_back(make_case(
        "trpo", "trpo, surrogate, " + kind, {&p.theta, &p.batch, &p.old},
        [=](const Vars& in) { return std::vector<Var>{trpo_surrogate(policy_of(in), policy, in, in["log_prob"])}; }));
    cases.push_back(make_case("trpo", "trpo, KL, " + kind, {&p.theta, &p.batch, &p.old}, [=](const Vars& in) {
      return std::vector<Var>{trpo_kl(policy_of(in), policy, in, in)};
    }));
    cases.push_back(
        make_case("trpo", "trpo, Fisher product, " + kind, {&p.theta, &p.batch, &p.v}, [=](const Vars& in) {
          const Params product = fisher_vector_product(policy_of(in), policy, in, in.below("v/"));
          return std::vector<Var>(product.all().begin(), product.all().end());
        }));
  }
  cases.push_back(value_network_case());
  return cases;
}

}  // namespace innerloop::rl

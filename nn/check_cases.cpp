#include "nn/check_cases.h"

#include <string>

#include "autodiff/ops.h"
#include "nn/distributions.h"
#include "nn/gru.h"
#include "nn/lstm.h"
#include "nn/mlp.h"
#include "nn/policy.h"

namespace innerloop::nn {
namespace {

using Build = std::function<std::vector<Var>(const Vars&)>;

// Inputs drawn from N(0, 1), scaled.
CheckInput normals(std::string name, Shape shape, double scale = 1) {
  std::uint64_t seed = 19;
  for (char letter : name) seed = 31 * seed + static_cast<unsigned char>(letter);  // another name, other numbers
  Tensor t = random_normals(shape, seed);
  for (double& x : t.mutable_values<double>()) x *= scale;
  return {std::move(name), t};
}

// Data: whole numbers that repeat 0, 1, …, below − 1.
CheckInput whole_numbers(std::string name, Shape shape, int below) {
  Tensor t(shape);
  int n = 0;
  for (double& x : t.mutable_values<double>()) x = (5 * n++ + 1) % below;
  return {std::move(name), t, false};
}

// Parameters as an initialiser shapes them, but with no zeros among them.
void add_parameters(CheckCase& c, const ParamValues& theta) {
  for (std::size_t i = 0; i < theta.count(); ++i) c.inputs.push_back(normals(theta.name(i), theta[i].shape(), 0.7));
}

CheckCase mlp_case(const std::string& name, const MlpSpec& spec, int tasks) {
  CheckCase c{.name = name, .subject = "mlp", .inputs = {}, .build = {}};
  add_parameters(c, init_mlp(spec, 1, "net"));
  c.inputs.push_back(normals("x", {tasks, 6, spec.inputs}));
  c.build = [spec](const Vars& in) { return std::vector<Var>{mlp(in, spec, "net", in["x"])}; };
  return c;
}

CheckCase lstm_case(int steps, int sequences, int tasks) {
  const LstmSpec spec{.inputs = 3, .hidden = 4};
  CheckCase c{.name = "lstm, " + std::to_string(steps) + " steps of " + std::to_string(sequences) + " sequences",
              .subject = "lstm",
              .inputs = {},
              .build = {}};
  add_parameters(c, init_lstm(spec, 1, "cell"));
  c.inputs.push_back(normals("x", {tasks, steps * sequences, 3}));
  c.inputs.push_back(normals("h0", {tasks, sequences, 4}));
  c.inputs.push_back(normals("c0", {tasks, sequences, 4}));
  c.inputs.push_back(whole_numbers("reset", {1, steps * sequences, 1}, 2));
  c.build = [spec, steps](const Vars& in) {
    LstmOutput out = lstm(in, spec, "cell", in["x"], {in["h0"], in["c0"]}, in["reset"], steps);
    return std::vector<Var>{out.h, out.last.c};
  };
  return c;
}

CheckCase gru_case(int steps, int sequences, int tasks) {
  const GruSpec spec{.inputs = 3, .hidden = 4};
  CheckCase c{.name = "gru, " + std::to_string(steps) + " steps of " + std::to_string(sequences) + " sequences",
              .subject = "gru",
              .inputs = {},
              .build = {}};
  add_parameters(c, init_gru(spec, 1, "cell"));
  c.inputs.push_back(normals("x", {tasks, steps * sequences, 3}));
  c.inputs.push_back(normals("h0", {tasks, sequences, 4}));
  c.inputs.push_back(whole_numbers("reset", {1, steps * sequences, 1}, 2));
  c.build = [spec, steps](const Vars& in) {
    const GruOutput out = gru(in, spec, "cell", in["x"], in["h0"], in["reset"], steps);
    return std::vector<Var>{out.h, out.last};
  };
  return c;
}

CheckCase distribution_case(std::string name, std::string subject, std::vector<CheckInput> inputs, Build build) {
  return {
      .name = std::move(name), .subject = std::move(subject), .inputs = std::move(inputs), .build = std::move(build)};
}

std::vector<CheckCase> gaussian_cases() {
  const Shape rows{2, 5, 3}, shared{1, 1, 3};
  const CheckInput mean = normals("mean", rows), log_sigma = normals("log_sigma", shared, 0.5),
                   action = normals("action", rows);
  const CheckInput other_mean = normals("other_mean", rows), other_log_sigma = normals("other_log_sigma", rows, 0.5);
  const auto p = [](const Vars& in) { return Gaussian{in["mean"], in["log_sigma"]}; };
  return {
      distribution_case("gaussian log_prob", "gaussian", {mean, log_sigma, action},
                        [p](const Vars& in) { return std::vector{log_prob(p(in), in["action"])}; }),
      distribution_case("gaussian entropy", "gaussian", {mean, log_sigma},
                        [p](const Vars& in) { return std::vector{entropy(p(in))}; }),
      distribution_case("gaussian kl, σ per state on one side", "gaussian",
                        {mean, log_sigma, other_mean, other_log_sigma},
                        [p](const Vars& in) {
                          return std::vector{kl(p(in), {in["other_mean"], in["other_log_sigma"]})};
                        }),
      distribution_case("gaussian sample", "gaussian", {mean, log_sigma, action},
                        [p](const Vars& in) { return std::vector{sample(p(in), in["action"])}; }),
      distribution_case("gaussian Fisher product", "gaussian",
                        {mean, log_sigma, other_mean, normals("dlog", shared), normals("weight", {2, 5, 1})},
                        [p](const Vars& in) {
                          Gaussian f = fisher_product(p(in), {in["other_mean"], in["dlog"]}, in["weight"]);
                          return std::vector{f.mean, f.log_sigma};
                        }),
      distribution_case("squashed gaussian log_prob", "squashed_gaussian", {mean, log_sigma, action},
                        [](const Vars& in) {
                          return std::vector{log_prob(SquashedGaussian{in["mean"], in["log_sigma"]}, in["action"])};
                        }),
      distribution_case("squashed gaussian kl, σ per state on one side", "squashed_gaussian",
                        {mean, log_sigma, other_mean, other_log_sigma},
                        [](const Vars& in) {
                          return std::vector{kl(SquashedGaussian{in["mean"], in["log_sigma"]},
                                                SquashedGaussian{in["other_mean"], in["other_log_sigma"]})};
                        }),
      distribution_case("squashed gaussian entropy estimate", "squashed_gaussian", {mean, log_sigma, action},
                        [](const Vars& in) {
                          return std::vector{
                              entropy_estimate(SquashedGaussian{in["mean"], in["log_sigma"]}, in["action"])};
                        }),
  };
}

std::vector<CheckCase> categorical_cases() {
  const Shape rows{2, 5, 4};
  const CheckInput logits = normals("logits", rows), other = normals("other", rows),
                   index = whole_numbers("action", {2, 5, 1}, 4);
  return {
      distribution_case("categorical log_prob", "categorical", {logits, index},
                        [](const Vars& in) { return std::vector{log_prob(Categorical{in["logits"]}, in["action"])}; }),
      distribution_case("categorical entropy", "categorical", {logits},
                        [](const Vars& in) { return std::vector{entropy(Categorical{in["logits"]})}; }),
      distribution_case(
          "categorical kl", "categorical", {logits, other},
          [](const Vars& in) { return std::vector{kl(Categorical{in["logits"]}, Categorical{in["other"]})}; }),
      distribution_case("categorical Fisher product", "categorical", {logits, other, normals("weight", {2, 5, 1})},
                        [](const Vars& in) {
                          return std::vector{
                              fisher_product(Categorical{in["logits"]}, Categorical{in["other"]}, in["weight"]).logits};
                        }),
  };
}

CheckCase policy_case(PolicySpec::Head head) {
  const bool gaussian = head == PolicySpec::Head::gaussian;
  const PolicySpec spec{.net = {.inputs = 3, .hidden = {5, 4}, .outputs = gaussian ? 2 : 3}, .head = head};
  CheckCase c{.name = gaussian ? "gaussian policy log_prob" : "categorical policy log_prob",
              .subject = "policy",
              .inputs = {},
              .build = {}};
  add_parameters(c, init_policy(spec, 1));
  CheckInput observations = normals("observations", {2, 6, 3});
  CheckInput actions = gaussian ? normals("actions", {2, 6, 2}) : whole_numbers("actions", {2, 6, 1}, 3);
  observations.differentiated = actions.differentiated = false;
  c.inputs.push_back(observations);
  c.inputs.push_back(actions);
  c.build = [spec](const Vars& in) { return std::vector{log_prob(in, spec, in["observations"], in["actions"])}; };
  return c;
}

}  // namespace

std::vector<CheckCase> check_cases() {
  std::vector<CheckCase> cases{
      mlp_case("mlp 3-5-4-2 tanh", {.inputs = 3, .hidden = {5, 4}, .outputs = 2}, 2),
      mlp_case("mlp 3-5-4-2 relu", {.inputs = 3, .hidden = {5, 4}, .outputs = 2, .activation = Activation::relu}, 2),
      mlp_case("mlp 3-7-1 sigmoid", {.inputs = 3, .hidden = {7}, .outputs = 1, .activation = Activation::sigmoid}, 1),
      mlp_case("mlp 4-3, a table of weights", {.inputs = 4, .hidden = {}, .outputs = 3, .biases = false}, 1),
      lstm_case(1, 2, 1),
      lstm_case(5, 2, 2),
      gru_case(1, 2, 1),
      gru_case(5, 2, 2),
  };
  for (const std::vector<CheckCase>& list : {gaussian_cases(), categorical_cases()})
    cases.insert(cases.end(), list.begin(), list.end());
  for (PolicySpec::Head head : {PolicySpec::Head::gaussian, PolicySpec::Head::categorical})
    cases.push_back(policy_case(head));
  return cases;
}

}  // namespace innerloop::nn

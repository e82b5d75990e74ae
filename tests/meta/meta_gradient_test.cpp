// The equations of meta-gradient learning, one by one, against plain loops, differences and each other.
#include "meta/meta_gradient.h"

#include <algorithm>
#include <cmath>

#include "autodiff/check.h"
#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "meta/check_cases.h"
#include "meta/meta_gradient_problem.h"
#include "rl/actor_critic.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

// An eager graph with the numbers of a problem in it.
struct Eager {
  Graph graph{Dtype::f64, Graph::Mode::eager};
  Vars add(const Tensors& list) {
    Vars vars;
    for (std::size_t k = 0; k < list.count(); ++k) vars.add(list.name(k), graph.input(list[k], list.name(k)));
    return vars;
  }
};

Tensors values_of(const Vars& vars) {
  Tensors values;
  for (std::size_t k = 0; k < vars.count(); ++k) values.add(vars.name(k), vars[k].value());
  return values;
}

Tensors numbered(const Tensors& lists, int k) {
  Tensors list;
  const std::string prefix = std::to_string(k) + "/";
  for (std::size_t i = 0; i < lists.count(); ++i)
    if (lists.name(i).starts_with(prefix)) list.add(lists.name(i).substr(prefix.size()), lists[i]);
  return list;
}

double largest(const Tensors& list) {
  double most = 0;
  for (double x : list.flat()) most = std::max(most, std::abs(x));
  return most;
}

double sigma(double x) { return 1 / (1 + std::exp(-x)); }

// TD(λ) with a table, in plain loops: four steps of two sequences, states one-hot.
struct PlainTd {
  explicit PlainTd(const MetaGradientProblem& problem) : p(problem) {}
  const MetaGradientProblem& p;

  static int state(const Tensor& one_hot, int row) {
    int s = 0;
    while (one_hot.at(0, row, s) == 0) ++s;
    return s;
  }
  // λ-returns with discounts and λ by state, from the last step to the first.
  static std::vector<double> returns(const Tensors& tau, const std::vector<double>& v, const std::vector<double>& gamma,
                                     const std::vector<double>& lambda) {
    std::vector<double> G(8);
    for (int row = 7; row >= 0; --row) {
      const int next = state(tau["next_observations"], row);
      const double v_next = tau["not_terminated"].at(0, row, 0) * v[static_cast<std::size_t>(next)];
      const double g = gamma[static_cast<std::size_t>(next)], l = lambda[static_cast<std::size_t>(next)];
      const bool on = tau["continues"].at(0, row, 0) != 0;
      G[static_cast<std::size_t>(row)] =
          tau["rewards"].at(0, row, 0) +
          g * (on ? (1 - l) * v_next + l * G[static_cast<std::size_t>(row) + 2] : v_next);
    }
    return G;
  }
  // The values after K updates with this η.
  std::vector<double> learned(const Tensors& eta) const {
    std::vector<double> v = p.theta["value/W1"].to_vector();
    std::vector<double> gamma, lambda;
    for (double x : eta["gamma"].to_vector()) gamma.push_back(sigma(x));
    for (double x : eta["lambda"].to_vector()) lambda.push_back(sigma(x));
    for (int k = 0; k < p.spec.updates; ++k) {
      const Tensors tau = numbered(p.taus, k);
      const std::vector<double> G = returns(tau, v, gamma, lambda), before = v;
      for (int row = 0; row < 8; ++row) {
        const auto s = static_cast<std::size_t>(state(tau["observations"], row));
        v[s] += p.scales[std::to_string(k) + "/value/W1"].at(0, static_cast<int>(s), 0) *
                (G[static_cast<std::size_t>(row)] - before[s]) / 8;
      }
    }
    return v;
  }
  // ½ Σ w (ḡ − v)², with ḡ from `target_values`.
  double judged(const std::vector<double>& v, const std::vector<double>& target_values) const {
    const std::vector<double> G = returns(p.tau_next, target_values, std::vector<double>(3, p.spec.gamma_bar),
                                          std::vector<double>(3, p.spec.lambda_bar));
    double sum = 0;
    for (int row = 0; row < 8; ++row) {
      const auto s = static_cast<std::size_t>(state(p.tau_next["observations"], row));
      sum += 0.5 * std::pow(G[static_cast<std::size_t>(row)] - v[s], 2) / 8;
    }
    return sum;
  }
};

}  // namespace

TEST_CASE("[meta-gradient eq. prediction] one update is TD(λ) in plain loops, with γ and λ by state") {
  const MetaGradientProblem p = make_meta_gradient_problem({.control = false, .tables = true});
  Eager e;
  const Params theta = update(e.add(p.theta), e.add(p.eta), e.add(numbered(p.taus, 0)), e.add(numbered(p.scales, 0)),
                              p.spec);
  const std::vector<double> expected = PlainTd{p}.learned(p.eta), found = theta[0].value().to_vector();
  for (std::size_t s = 0; s < 3; ++s) CHECK(found[s] == Approx(expected[s]).epsilon(1e-12));
}

TEST_CASE("[meta-gradient eq. exact] K updates run anew in plain loops: central differences in η, for K = 1 and 3") {
  MetaGradientFunctions functions;
  for (const int K : {1, 3}) {
    const MetaGradientProblem p = make_meta_gradient_problem({.control = false, .tables = true, .updates = K});
    const std::vector<Tensors> out = functions.exact(p.spec, {p.theta, p.eta, p.taus, p.scales, p.tau_next});
    const PlainTd plain{p};
    const std::vector<double> base = plain.learned(p.eta);  // f moves with θ between updates, J̄'s own target does not
    CHECK(out[1]["objective"].item() == Approx(plain.judged(base, base)).epsilon(1e-12));
    for (const char* name : {"gamma", "lambda"})
      for (int s = 0; s < 3; ++s) {
        const double h = 1e-5;
        const auto moved = [&](double by) {
          Tensors eta = p.eta;
          eta[name].set(0, s, 0, eta[name].at(0, s, 0) + by);
          return plain.judged(plain.learned(eta), base);
        };
        const double difference = (moved(h) - moved(-h)) / (2 * h);
        INFO("K = " << K << ", " << name << " of state " << s);
        CHECK(std::abs(out[0][name].at(0, s, 0) - difference) < 1e-6 * largest(out[0]));
      }
  }
}

TEST_CASE("[meta-gradient eq. update] in control too: η moved, K updates done anew, J̄ with all of its derivative") {
  MetaGradientFunctions functions;
  for (const int K : {1, 3}) {
    const MetaGradientProblem p = make_meta_gradient_problem({.full_derivative = true, .updates = K});
    const std::vector<Tensors> out = functions.exact(p.spec, {p.theta, p.eta, p.taus, p.scales, p.tau_next});
    const auto judged = [&](const char* name, double by) {
      Tensors eta = p.eta, theta = p.theta;
      eta[name].set(0, 0, 0, eta[name].at(0, 0, 0) + by);
      for (int k = 0; k < K; ++k) {
        const Tensors gradient = functions.gradient(p.spec, {theta, eta, numbered(p.taus, k)})[0];
        theta = functions.descend({}, {theta, gradient, numbered(p.scales, k)})[0];
      }
      Eager e;
      return meta_objective(e.add(theta), e.add(eta), e.add(p.tau_next), p.spec).value().item();
    };
    for (const char* name : {"gamma", "lambda"}) {
      const double h = 1e-5, difference = (judged(name, h) - judged(name, -h)) / (2 * h);
      INFO("K = " << K << ", " << name);
      CHECK(std::abs(out[0][name].item() - difference) < 1e-6 * largest(out[0]));
    }
  }
}

TEST_CASE("[meta-gradient eq. trace] with μ = 1 lacks what ∂f/∂θ carries on, computed here on its own, and no more") {
  const MetaGradientProblem p = make_meta_gradient_problem({.updates = 3});
  Eager e;
  const Params eta = e.add(p.eta), z0 = e.add(0.0 * p.z);
  Params theta = e.add(p.theta), z = z0, whole = z0;  // z and dθ/dη, a column for each number of η
  const Var one = e.graph.input(Tensor::scalar(1), "one");
  Params dropped = z0;  // what the trace has lost so far, carried on by I + ∂f/∂θ
  for (int k = 0; k < 3; ++k) {
    const Batch tau = e.add(numbered(p.taus, k));
    const Params scale = e.add(numbered(p.scales, k));
    // J·column: forward through one update, a copy of θ for each column.
    const auto through = [&](const Params& columns) {
      const Params theta_n = broadcast_tasks(theta, 2);
      const Params moved = update(theta_n, eta, tau, scale, p.spec);
      return moved.with(jvp(moved.all(), theta_n.all(), columns.all()));
    };
    dropped = through(dropped) + (through(z) - z);
    whole = through(whole) + trace(z0, one, theta, eta, tau, scale, p.spec);
    z = trace(z, one, theta, eta, tau, scale, p.spec);
    theta = update(theta, eta, tau, scale, p.spec);
  }
  const Tensors difference = values_of(whole - z - dropped);
  CHECK(largest(difference) < 1e-13);
  CHECK(largest(values_of(dropped)) > 0.01 * largest(values_of(whole)));  // there is something to lose

  // And all of it, along ∂J̄/∂θ', is the exact meta-gradient of three updates.
  MetaGradientFunctions functions;
  const Tensors exact = functions.exact(p.spec, {p.theta, p.eta, p.taus, p.scales, p.tau_next})[0];
  const Tensor along = along_trace(whole, theta, eta, e.add(p.tau_next), p.spec).value();
  CHECK(along.at(0, 0, 0) == Approx(exact["gamma"].item()).epsilon(1e-10));
  CHECK(along.at(1, 0, 0) == Approx(exact["lambda"].item()).epsilon(1e-10));
}

TEST_CASE("[meta-gradient eq. along the trace] with μ = 0 it is the exact meta-gradient of one update, in all modes") {
  MetaGradientFunctions functions;
  for (const MetaGradientProblemConfig& config :
       {MetaGradientProblemConfig{}, {.control = false, .tables = true}, {.gaussian = true, .lambda = false},
        {.outer_critic = true}, {.embedding = 2}, {.full_derivative = true}}) {
    const MetaGradientProblem p = make_meta_gradient_problem(config);
    const Tensors tau = numbered(p.taus, 0), scale = numbered(p.scales, 0);
    const Tensors exact = functions.exact(p.spec, {p.theta, p.eta, p.taus, p.scales, p.tau_next})[0];
    const Tensors z = functions.grow(p.spec, {p.z, Tensor::scalar(0), p.theta, p.eta, tau, scale})[0];
    const Tensors gradient = functions.gradient(p.spec, {p.theta, p.eta, tau})[0];
    const Tensors theta_prime = functions.descend({}, {p.theta, gradient, scale})[0];
    const std::vector<double> along = functions.along(p.spec, {z, theta_prime, p.eta, p.tau_next})[0][0].to_vector();
    const std::vector<double> expected = exact.flat();
    REQUIRE(along.size() == expected.size());
    for (std::size_t k = 0; k < along.size(); ++k) CHECK(along[k] == Approx(expected[k]).epsilon(1e-10));
    CHECK(largest(exact) > 1e-5);
  }
}

TEST_CASE("[meta-gradient eq. return] is the λ-return with values of θ and γ, λ of η") {
  const MetaGradientProblem p = make_meta_gradient_problem({});
  Eager e;
  const Batch tau = e.add(numbered(p.taus, 0));
  const Params theta = e.add(p.theta);
  const Tensor G = eta_returns(theta, e.add(p.eta), tau, p.spec).value();
  const Var next = tau["not_terminated"] * nn::mlp(theta, p.spec.value, "value", tau["next_observations"]);
  const auto number = [&](double x) { return e.graph.input(Tensor::scalar(x), "x"); };
  const Tensor expected = rl::lambda_returns({tau["rewards"], next, tau["continues"], 4},
                                             number(sigma(p.eta["gamma"].item())),
                                             number(sigma(p.eta["lambda"].item()))).value();
  CHECK(relative_error(G, expected) < 1e-14);
}

TEST_CASE("[meta-gradient eq. control] descends A2C's loss, with returns and advantages as data") {
  const MetaGradientProblem p = make_meta_gradient_problem({});
  MetaGradientFunctions functions;
  const Tensors tau = numbered(p.taus, 0);
  const Tensors found = functions.gradient(p.spec, {p.theta, p.eta, tau})[0];

  Eager e;
  const Params theta = e.add(p.theta);
  Batch batch = e.add(tau);
  const Var G = e.graph.input(eta_returns(theta, e.add(p.eta), batch, p.spec).value(), "G");
  const Var v = e.graph.input(nn::mlp(theta, p.spec.value, "value", batch["observations"]).value(), "v");
  batch.add("returns", G);
  batch.add("advantages", G - v);
  batch.add("reset", e.graph.fill(G.shape(), 0));
  const rl::AgentLossSpec config{
      .agent = {.observations = 3, .policy = p.spec.policy, .value_hidden = p.spec.value.hidden},
      .value_weight = p.spec.value_weight, .entropy_weight = p.spec.entropy_weight};
  const Params expected = grad(rl::a2c_loss(theta, config, batch).total, theta);
  for (std::size_t k = 0; k < expected.count(); ++k)
    CHECK(relative_error(found[k], expected[k].value()) < 1e-12);
}

TEST_CASE("[meta-gradient eq. objective] in control is the policy gradient, judged by the outer critic if asked") {
  for (const bool outer : {false, true}) {
    const MetaGradientProblem p = make_meta_gradient_problem({.outer_critic = outer});
    Eager e;
    const Params theta = e.add(p.theta), eta = e.add(p.eta);
    const Batch tau = e.add(p.tau_next);
    const Params gradient = grad(meta_objective(theta, eta, tau, p.spec), theta);
    for (std::size_t k = 0; k < theta.count(); ++k)
      CHECK((largest(values_of(Vars("g", gradient[k]))) > 0) == theta.name(k).starts_with("policy/"));

    // Which critic J̄ asks: the other one may be anything.
    Tensors other = p.theta;
    for (std::size_t k = 0; k < other.count(); ++k)
      if (outer && other.name(k).starts_with("value/")) other[k] = Tensor::full(other[k].shape(), 7);
    CHECK(meta_objective(e.add(other), eta, tau, p.spec).value().item() ==
          meta_objective(theta, eta, tau, p.spec).value().item());
  }
}

TEST_CASE("[meta-gradient eq. embedding] is that of a network with e among its inputs, and η in it is data") {
  const MetaGradientProblem p = make_meta_gradient_problem({.embedding = 3});
  Eager e;
  const Params theta = e.add(p.theta), eta = e.add(p.eta);
  const Batch tau = e.add(numbered(p.taus, 0));
  const Params seen = with_embedding(theta, eta, p.spec);
  const Tensor shifted = nn::mlp(seen, p.spec.value, "value", tau["observations"]).value();

  // By hand: e = (η_γ, η_λ)·W beside each observation, its weights below the observation's.
  const std::vector<Var> numbers{eta["gamma"], eta["lambda"]};
  const Var embedding = matmul(concat_cols(numbers), theta["embedding/W"]);
  const std::vector<Var> both{tau["observations"], broadcast_rows(embedding, 8)};
  const std::vector<Var> weights{theta["value/W1"], theta["embedding/value"]};
  const Var h = dense(concat_cols(both), concat_rows(weights), theta["value/b1"], Activation::tanh);
  const Tensor expected = dense(h, theta["value/W2"], theta["value/b2"], Activation::identity).value();
  CHECK(relative_error(shifted, expected) < 1e-14);

  // J̄ at a given θ' depends on η through the embedding alone: no derivative.
  const std::vector<Var> none = grad(meta_objective(theta, eta, e.add(p.tau_next), p.spec), eta.all());
  for (Var g : none) CHECK(g.value().item() == 0);
}

TEST_CASE("[meta-gradient eq. eta] keeps γ and λ in [0, 1] for any number, and no derivative is NaN") {
  const MetaGradientProblem p = make_meta_gradient_problem({.control = false});
  MetaGradientFunctions functions;
  for (const double x : {-1e300, -800.0, -40.0, 0.0, 40.0, 800.0, 1e300}) {
    Tensors eta = p.eta;
    for (std::size_t k = 0; k < eta.count(); ++k) eta[k].set(0, 0, 0, x);
    Eager e;
    const double gamma = return_parameter(e.add(eta), "gamma", 0.5, e.add(p.tau_next)).value().item();
    CHECK(gamma >= 0);
    CHECK(gamma <= 1);
    CHECK(functions.exact(p.spec, {p.theta, eta, p.taus, p.scales, p.tau_next})[0].all_finite());
  }
}

TEST_CASE("learners side by side: the meta-gradient of B of them is the mean of B meta-gradients") {
  const MetaGradientProblem a = make_meta_gradient_problem({.control = false}, 5),
                            b = make_meta_gradient_problem({.control = false}, 6);
  MetaGradientFunctions functions;
  const auto together = [](const Tensors& x, const Tensors& y) {
    Tensors both;
    for (std::size_t k = 0; k < x.count(); ++k) {
      Shape shape = x[k].shape();
      shape.tasks = 2;
      std::vector<double> numbers = x[k].to_vector(), more = y[k].to_vector();
      numbers.insert(numbers.end(), more.begin(), more.end());
      both.add(x.name(k), Tensor::from(shape, numbers));
    }
    return both;
  };
  const auto exact = [&](const Tensors& taus, const Tensors& next) {
    return functions.exact(a.spec, {a.theta, a.eta, taus, a.scales, next})[0].flat();
  };
  const std::vector<double> both = exact(together(a.taus, b.taus), together(a.tau_next, b.tau_next)),
                            first = exact(a.taus, a.tau_next), second = exact(b.taus, b.tau_next);
  for (std::size_t k = 0; k < both.size(); ++k) CHECK(both[k] == Approx((first[k] + second[k]) / 2).epsilon(1e-12));
}

TEST_CASE("the meta-gradient of η passes every level of the verifier, in all modes, for K = 1 and 3") {
  for (const CheckCase& c : meta_gradient_check_cases()) {
    CheckReport report = run_check(c);
    INFO(to_text(report));
    CHECK(report.ok);
  }
}

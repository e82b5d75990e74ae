// Networks, initialisers, optimisers and policies against plain loops and hand-computed numbers.
#include <cmath>

#include "autodiff/function.h"
#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "nn/init.h"
#include "nn/actor_critic.h"
#include "nn/gru.h"
#include "nn/lstm.h"
#include "nn/mlp.h"
#include "nn/optimizer.h"
#include "nn/policy.h"
#include "tests/catch.h"
#include "tests/kernels/allocations.h"
#include "tests/kernels/allocations.h"

using namespace innerloop;
using namespace innerloop::nn;

namespace {

Params bind(Graph& graph, const ParamValues& values) {
  Params theta;
  for (std::size_t k = 0; k < values.count(); ++k) theta.add(values.name(k), graph.input(values[k], values.name(k)));
  return theta;
}

double sigma(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

TEST_CASE("mlp: names, shapes, and the textbook formula [MLP eq. layer]") {
  const MlpSpec spec{.inputs = 2, .hidden = {3}, .outputs = 1, .activation = Activation::tanh};
  const ParamValues theta = init_mlp(spec, 1, "policy");
  REQUIRE(theta.count() == 4);
  CHECK(theta.name(0) == "policy/W1");
  CHECK(theta["policy/W1"].shape() == Shape{1, 2, 3});
  CHECK(theta["policy/b2"].shape() == Shape{1, 1, 1});

  Graph graph(Dtype::f64, Graph::Mode::eager);
  const Var x = graph.input(Tensor::from({1, 1, 2}, std::vector<double>{0.5, -2}), "x");
  double y = 0;
  for (int k = 0; k < 3; ++k)
    y += std::tanh(0.5 * theta["policy/W1"].at(0, 0, k) - 2 * theta["policy/W1"].at(0, 1, k)) *
         theta["policy/W2"].at(0, k, 0);
  CHECK(mlp(bind(graph, theta), spec, "policy", x).value().item() == Approx(y).epsilon(1e-14));
}

TEST_CASE("mlp: an input of the wrong width is refused with both numbers") {
  const MlpSpec spec{.inputs = 2, .hidden = {}, .outputs = 1};
  Graph graph(Dtype::f64, Graph::Mode::eager);
  const Params theta = bind(graph, init_mlp(spec, 1, "policy"));
  const Var x = graph.input(Tensor({1, 4, 3}), "x");
  CHECK_THROWS_WITH(mlp(theta, spec, "policy", x), Catch::Matchers::ContainsSubstring("takes 2 inputs") &&
                                                       Catch::Matchers::ContainsSubstring("(1, 4, 3)"));
}

TEST_CASE("mlp: one operation on a device where its weights fit into shared memory, layers one by one elsewhere",
          "[nn][simt]") {
  const auto holds = [](Device device, std::vector<int> hidden, Op op) {
    const MlpSpec spec{.inputs = 20, .hidden = std::move(hidden), .outputs = 6};
    Graph graph(Dtype::f32);
    graph.set_device(device);
    mlp(bind(graph, init_mlp(spec, 1, "policy")), spec, "policy", graph.input({1, 5, 20}, "x"));
    for (NodeId id = 0; id < graph.size(); ++id)
      if (graph.node(id).op == op) return true;
    return false;
  };
  CHECK(holds(Device::simt, {64, 64}, Op::mlp));
  CHECK(holds(Device::simt, {100, 100}, Op::mlp));
  CHECK(holds(Device::simt, {300, 300, 300}, Op::dense));
  CHECK(holds(Device::simt, {8, 8, 8, 8}, Op::dense));
  CHECK(holds(Device::cpu, {64, 64}, Op::dense));
}

TEST_CASE(
    "Xavier: bounded by √(6/(in + out)), of variance 2/(in + out), the same for the same seed and name only "
    "[Xavier eq. 16]") {
  const MlpSpec spec{.inputs = 100, .hidden = {100}, .outputs = 100};
  const ParamValues a = init_mlp(spec, 1, "policy"), b = init_mlp(spec, 1, "policy"), c = init_mlp(spec, 2, "policy");
  const ParamValues d = init_mlp(spec, 1, "value");
  CHECK(bitwise_equal(a, b));
  CHECK_FALSE(bitwise_equal(a["policy/W1"], c["policy/W1"]));
  CHECK_FALSE(bitwise_equal(a["policy/W1"], a["policy/W2"]));
  CHECK_FALSE(bitwise_equal(a["policy/W1"], d["value/W1"]));
  double square = 0, largest = 0;
  for (double w : a["policy/W1"].to_vector()) square += w * w, largest = std::max(largest, std::abs(w));
  CHECK(largest <= std::sqrt(6.0 / 200));
  CHECK(square / 1e4 == Approx(0.01).epsilon(0.05));
  CHECK(a["policy/b1"].to_vector() == std::vector<double>(100, 0.0));
}

TEST_CASE("orthogonal: columns, or rows, of length gain at right angles") {
  for (const auto& [in, out] : {std::pair{7, 3}, std::pair{3, 7}, std::pair{5, 5}}) {
    const Tensor w = orthogonal("w", in, out, 2, 1, Dtype::f64);
    const bool tall = in >= out;
    const int n = tall ? out : in, length = tall ? in : out;
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < n; ++j) {
        double product = 0;
        for (int k = 0; k < length; ++k)
          product += tall ? w.at(0, k, i) * w.at(0, k, j) : w.at(0, i, k) * w.at(0, j, k);
        CHECK(product == Approx(i == j ? 4 : 0).margin(1e-13));
      }
  }
}

TEST_CASE("lstm: one cell over three steps, with a reset, as the textbook writes it") {
  const LstmSpec spec{.inputs = 1, .hidden = 1};
  const ParamValues theta = init_lstm(spec, 3, "memory");
  CHECK(theta["memory/b"].to_vector() == std::vector<double>{0, 1, 0, 0});
  const std::vector<double> w = theta["memory/W"].to_vector(), u = theta["memory/U"].to_vector();
  const double x[] = {0.4, -1.1, 0.3};
  const double reset[] = {0, 0, 1};

  Graph graph(Dtype::f64, Graph::Mode::eager);
  const Var start = graph.input(Tensor::scalar(0.2), "start");
  const LstmOutput out = lstm(bind(graph, theta), spec, "memory", graph.input(Tensor::from({1, 3, 1}, x), "x"),
                              {start, start}, graph.input(Tensor::from({1, 3, 1}, reset), "reset"), 3);
  double h = 0.2, c = 0.2;
  for (int t = 0; t < 3; ++t) {
    if (reset[t] != 0) h = c = 0;
    const double i = sigma(w[0] * x[t] + u[0] * h), f = sigma(w[1] * x[t] + u[1] * h + 1);
    const double g = std::tanh(w[2] * x[t] + u[2] * h), o = sigma(w[3] * x[t] + u[3] * h);
    c = f * c + i * g;
    h = o * std::tanh(c);
    CHECK(out.h.value().at(0, t, 0) == Approx(h).epsilon(1e-13));
  }
  CHECK(out.last.h.value().item() == Approx(h).epsilon(1e-13));
  CHECK(out.last.c.value().item() == Approx(c).epsilon(1e-13));
}

TEST_CASE("gru: one cell over three steps, with a reset, as the textbook writes it") {
  const GruSpec spec{.inputs = 1, .hidden = 1};
  const ParamValues theta = init_gru(spec, 3, "memory");
  const std::vector<double> w = theta["memory/W"].to_vector(), u = theta["memory/U"].to_vector();
  const double x[] = {0.4, -1.1, 0.3};
  const double reset[] = {0, 0, 1};

  Graph graph(Dtype::f64, Graph::Mode::eager);
  const GruOutput out =
      gru(bind(graph, theta), spec, "memory", graph.input(Tensor::from({1, 3, 1}, x), "x"),
          graph.input(Tensor::scalar(0.2), "start"), graph.input(Tensor::from({1, 3, 1}, reset), "reset"), 3);
  double h = 0.2;
  for (int t = 0; t < 3; ++t) {
    if (reset[t] != 0) h = 0;
    const double r = sigma(w[0] * x[t] + u[0] * h), z = sigma(w[1] * x[t] + u[1] * h);
    h = (1 - z) * std::tanh(w[2] * x[t] + r * (u[2] * h)) + z * h;
    CHECK(out.h.value().at(0, t, 0) == Approx(h).epsilon(1e-13));
  }
  CHECK(out.last.value().item() == Approx(h).epsilon(1e-13));
}

TEST_CASE("actor_critic: a long sequence equals its two halves with the state handed over, for every core") {
  for (const auto core : {ActorCriticSpec::Core::none, ActorCriticSpec::Core::gru, ActorCriticSpec::Core::lstm}) {
    ActorCriticSpec spec{.core = core, .observations = 3, .core_size = 4, .policy = {}, .value_hidden = {5}};
    spec.policy.net = {.inputs = spec.features(), .hidden = {6}, .outputs = 2};
    const ParamValues theta = init_actor_critic(spec, 1);
    const Tensors start = start_state(spec, 1, 2, Dtype::f64);
    CHECK(start.count() == (core == ActorCriticSpec::Core::none ? 0u : core == ActorCriticSpec::Core::gru ? 1u : 2u));
    std::vector<double> x, reset(12);
    for (int k = 0; k < 36; ++k) x.push_back(std::sin(1.7 * k));
    reset[5] = 1;

    Graph graph(Dtype::f64, Graph::Mode::eager);
    const auto run = [&](int first, int steps, const Vars& state) {
      const auto begin = x.begin() + 6 * first;
      const std::vector<double> part(begin, begin + 6 * steps);
      const std::vector<double> cut(reset.begin() + 2 * first, reset.begin() + 2 * (first + steps));
      return actor_critic(bind(graph, theta), spec, graph.input(Tensor::from({1, 2 * steps, 3}, part), "x"), state,
                          graph.input(Tensor::from({1, 2 * steps, 1}, cut), "reset"), steps);
    };
    const ActorCriticOutput whole = run(0, 6, bind(graph, start)), left = run(0, 2, bind(graph, start));
    const ActorCriticOutput right = run(2, 4, left.state);
    for (int row = 0; row < 8; ++row) {
      CHECK(right.value.value().at(0, row, 0) == Approx(whole.value.value().at(0, row + 4, 0)).epsilon(1e-13));
      CHECK(right.policy["mean"].value().at(0, row, 1) ==
            Approx(whole.policy["mean"].value().at(0, row + 4, 1)).epsilon(1e-13));
    }
  }
}

TEST_CASE("sgd and Adam: the first two steps by hand, inputs untouched [Adam eq. step]") {
  ParamValues theta, gradient;
  theta.add("x", Tensor::scalar(1));
  gradient.add("x", Tensor::scalar(4));
  CHECK(sgd(theta, gradient, 0.1)["x"].item() == Approx(0.6));

  const AdamConfig config{.learning_rate = 0.1, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 0};
  const AdamResult first = adam(theta, gradient, adam_start(theta), config);
  CHECK(first.theta["x"].item() == Approx(0.9).epsilon(1e-14));  // the first step is the learning rate times the sign
  gradient["x"] = Tensor::scalar(-2);
  const AdamResult second = adam(first.theta, gradient, first.state, config);
  const double m = 0.9 * 0.4 + 0.1 * -2, v = 0.99 * 0.16 + 0.01 * 4;
  CHECK(second.theta["x"].item() == Approx(0.9 - 0.1 * (m / 0.19) / std::sqrt(v / (1 - 0.99 * 0.99))).epsilon(1e-13));
  CHECK(theta["x"].item() == 1);
  CHECK(first.state.steps == 1);
}

TEST_CASE("sgd and Adam: names are compared, at every call, and a step in place allocates nothing") {
  const std::string w = "policy/a name that no small buffer of a string holds/W1";
  ParamValues theta{{w, Tensor({2, 3})}, {"b", Tensor({1, 3})}};
  const ParamValues gradient{{w, Tensor::full({2, 3}, 1)}, {"b", Tensor::full({1, 3}, 1)}};
  const ParamValues swapped{{"b", gradient["b"]}, {w, gradient[w]}};
  const ParamValues other{{w, gradient[w]}, {"c", gradient["b"]}};
  AdamState state = adam_start(theta);
  for (const ParamValues& wrong : {swapped, other}) {
    using Catch::Matchers::ContainsSubstring;
    CHECK_THROWS_WITH(sgd(theta, wrong, 0.1), ContainsSubstring("same names"));
    CHECK_THROWS_WITH(adam_step(theta, wrong, state, {}), ContainsSubstring("adam: parameters and gradient"));
    AdamState start_of_others = adam_start(wrong);
    CHECK_THROWS_WITH(adam_step(theta, gradient, start_of_others, {}), ContainsSubstring("running means"));
  }
  CHECK(state.steps == 0);
  CHECK(adam(theta, swapped, state, {.learning_rate = 1}).theta["b"].at(0, 0, 2) == Approx(-1));  // looked up by name

  const long before = allocations();
  for (int step = 0; step < 3; ++step) adam_step(theta, gradient, state, {});
  CHECK(allocations() == before);
  CHECK(state.steps == 3);
}

TEST_CASE("initial weights: a row may be wider than what one place of the generator gives") {
  const int wide = 9000, place = 8192;
  const Tensor w = xavier_uniform("w", 2, wide, 1, Dtype::f64), narrow = xavier_uniform("w", 2, place, 1, Dtype::f64);
  const double scale = std::sqrt(6.0 / (2 + wide)) / std::sqrt(6.0 / (2 + place));
  for (int col : {0, 1, place - 1}) CHECK(w.at(0, 1, col) == Approx(scale * narrow.at(0, 1, col)));
  for (int col = place; col < wide; ++col) {
    CHECK(std::abs(w.at(0, 1, col)) <= std::sqrt(6.0 / (2 + wide)));
    CHECK(w.at(0, 1, col) != w.at(0, 1, col - place));
  }
  CHECK(orthogonal("w", 1, wide, 1, 1, Dtype::f64).all_finite());
}

TEST_CASE("Adam: the bias correction is exact far out, where it vanishes, and depends on the number of steps alone") {
  // With a gradient of 1 in every step both means are exactly what the correction divides by: θ moves by the rate.
  ParamValues theta, one;
  theta.add("x", Tensor::scalar(0)), one.add("x", Tensor::scalar(1));
  AdamState state = adam_start(theta);
  for (int steps : {1, 2, 3, 10, 1000, 100000, 2000000000}) {
    state.steps = steps - 1;
    state.m["x"] = Tensor::scalar(static_cast<double>(1 - std::pow(0.9L, steps - 1)));
    state.v["x"] = Tensor::scalar(static_cast<double>(1 - std::pow(0.999L, steps - 1)));
    const AdamResult next = adam(theta, one, state, {.learning_rate = 1, .epsilon = 0});
    CAPTURE(steps);
    CHECK(next.theta["x"].item() == Approx(-1).epsilon(1e-13));
    CHECK(next.state.steps == steps);
  }
}

TEST_CASE("Adam: a step in place allocates and copies nothing, and is the step that adam() takes") {
  ParamValues theta, gradient;
  theta.add("W", Tensor::full({1, 8, 8}, 1, Dtype::f32)), theta.add("b", Tensor::full({1, 1, 8}, 0, Dtype::f32));
  gradient.add("W", Tensor::full({1, 8, 8}, 2, Dtype::f32)), gradient.add("b", Tensor::full({1, 1, 8}, -3, Dtype::f32));
  AdamState state = adam_start(theta);
  const AdamResult expected = adam(theta, gradient, state, {.learning_rate = 0.1});
  const void* const numbers = theta["W"].data();
  const long before = allocations();
  adam_step(theta, gradient, state, {.learning_rate = 0.1});
  CHECK(allocations() == before);
  CHECK(theta["W"].data() == numbers);
  CHECK(bitwise_equal(theta, expected.theta));

  // Down a multiple of the gradient is down the gradient so multiplied, bit by bit, and allocates no more.
  const AdamResult scaled = adam(theta, -0.3 * gradient, state, {.learning_rate = 0.1});
  const long between = allocations();
  adam_step(theta, gradient, state, {.learning_rate = 0.1}, -0.3);
  CHECK(allocations() == between);
  CHECK(bitwise_equal(theta, scaled.theta));
  CHECK(bitwise_equal(state.m, scaled.state.m));
  CHECK(bitwise_equal(state.v, scaled.state.v));
}

TEST_CASE("policy: log sigma is floored, and the floor's derivative is 0 below, ½ at and 1 above it") {
  PolicySpec spec{.net = {.inputs = 1, .hidden = {}, .outputs = 3}};
  spec.log_sigma_floor = -1;
  ParamValues values = init_policy(spec, 1);
  values["policy/log_sigma"] = Tensor::from({1, 1, 3}, std::vector<double>{-2, -1, 0});
  Graph graph(Dtype::f64, Graph::Mode::eager);
  const Params theta = bind(graph, values);
  const DistributionVars p = distribution(theta, spec, graph.input(Tensor({1, 1, 1}), "observations"));
  CHECK(p["log_sigma"].value().to_vector() == std::vector<double>{-1, -1, 0});
  const Var log_sigma = theta["policy/log_sigma"];
  CHECK(grad(sum_all(entropy(spec, p)), std::span(&log_sigma, 1))[0].value().to_vector() ==
        std::vector<double>{0, 0.5, 1});
}

TEST_CASE("policy: distribution parameters go out of one Function and into the next") {
  const PolicySpec gaussian{.net = {.inputs = 2, .hidden = {4}, .outputs = 2}};
  const PolicySpec categorical{.net = {.inputs = 2, .hidden = {4}, .outputs = 3},
                               .head = PolicySpec::Head::categorical};
  const Function<PolicySpec> forward("test/forward", [](Inputs& in, const PolicySpec& spec) -> std::vector<Vars> {
    const Params theta = in.next("theta");
    return {distribution(theta, spec, in.next_var("observations"))};
  });
  const Function<PolicySpec> divergence("test/kl", [](Inputs& in, const PolicySpec& spec) -> std::vector<Vars> {
    const Params theta = in.next("theta");
    const Var observations = in.next_var("observations");
    const DistributionVars old = in.next("old");
    Vars out;
    out.add("kl", kl(spec, old, distribution(theta, spec, observations)));
    return {out};
  });
  const Tensor observations = Tensor::from({2, 2, 2}, std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8});
  for (const PolicySpec& spec : {gaussian, categorical}) {
    const ParamValues theta = init_policy(spec, 1), other = init_policy(spec, 2);
    const Tensors old = forward(spec, {theta, observations})[0];
    const Tensor same = divergence(spec, {theta, observations, old})[0][0];
    CHECK(same.to_vector() == std::vector<double>(4, 0.0));
    for (double d : divergence(spec, {other, observations, old})[0][0].to_vector()) CHECK(d > 0);
  }
}

TEST_CASE("polyak_update: (1 − τ) of the old and τ of the new; τ = 0 keeps, τ = 1 copies") {
  const auto one = [](double x, Dtype dtype) {
    ParamValues theta;
    theta.add("w", Tensor::from({1, 1, 2}, std::vector{x, 2 * x}, dtype));
    return theta;
  };
  for (const Dtype dtype : {Dtype::f32, Dtype::f64}) {
    ParamValues target = one(1, dtype);
    const ParamValues theta = one(3, dtype);
    polyak_update(target, theta, 0.25);
    CHECK(target[0].at(0, 0, 0) == 1.5);
    CHECK(target[0].at(0, 0, 1) == 3.0);
    polyak_update(target, theta, 0);
    CHECK(target[0].at(0, 0, 0) == 1.5);
    polyak_update(target, theta, 1);
    CHECK(bitwise_equal(target, theta));
  }
  // After n steps the distance has shrunk by (1 − τ)ⁿ.
  ParamValues target = one(0, Dtype::f64);
  for (int n = 0; n < 200; ++n) polyak_update(target, one(1, Dtype::f64), 0.005);
  CHECK(1 - target[0].at(0, 0, 0) == Approx(std::pow(0.995, 200)).epsilon(1e-12));
  const ParamValues other{{"v", target[0]}};
  CHECK_THROWS_WITH(polyak_update(target, other, 0.5),
                    Catch::Matchers::ContainsSubstring("'w' in one and 'v' in the other"));
}

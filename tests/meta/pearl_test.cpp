// PEARL: the belief against closed forms, and which loss reaches which parameters.
#include "meta/pearl.h"

#include <array>
#include <cmath>

#include "autodiff/check.h"
#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "meta/check_cases.h"
#include "tests/catch.h"
#include "tests/meta/pearl_problem.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

Tensor factors(std::vector<double> numbers) {
  return Tensor::from({1, static_cast<int>(numbers.size()), 1}, numbers);
}

// The belief from factors of one task, in an eager graph.
struct EagerBelief {
  Graph graph{Dtype::f64, Graph::Mode::eager};
  Var mean, variance;
  Belief q;
  EagerBelief(const Tensor& means, const Tensor& variances, const Tensor& mask, bool prior_factor = false)
      : mean(graph.input(means, "mean")),
        variance(graph.input(variances, "variance")),
        q(belief_of(add_up(mean, variance, graph.input(mask, "mask")), prior_factor)) {}
  double m() const { return q.mean.value().item(); }
  double v() const { return q.variance.value().item(); }
};
Tensor all_of(const Tensor& like) { return Tensor::full({like.shape().tasks, like.shape().rows, 1}, 1); }

// The encoder's evidence of a problem.
Tensors belief_values(const PearlProblem& p, const Tensor& context, const Tensor& mask) {
  Graph graph(Dtype::f64, Graph::Mode::eager);
  Params encoder;
  for (std::size_t k = 0; k < p.encoder.count(); ++k)
    encoder.add(p.encoder.name(k), graph.input(p.encoder[k], p.encoder.name(k)));
  const Evidence sum = encode(encoder, p.spec, graph.input(context, "context"), graph.input(mask, "mask"));
  Tensors evidence;
  evidence.add("precision", sum.precision.value());
  evidence.add("weighted_mean", sum.weighted_mean.value());
  return evidence;
}

}  // namespace

TEST_CASE("[PEARL eq. product] the fixture: three factors, and all derivatives to 1e-9") {
  const Tensor means = factors({1, 0, -2}), variances = factors({0.5, 1, 2});
  EagerBelief b(means, variances, all_of(means));
  CHECK(b.m() == Approx(2.0 / 7).margin(1e-9));
  CHECK(b.v() == Approx(2.0 / 7).margin(1e-9));

  const auto slopes = [&](Var of, Var by) { return grad(of, std::array{by})[0].value().to_vector(); };
  const auto are = [](const std::vector<double>& got, std::array<double, 3> expected) {
    for (std::size_t k = 0; k < 3; ++k) CHECK(got[k] == Approx(expected[k]).margin(1e-9));
  };
  are(slopes(b.q.mean, b.mean), {4.0 / 7, 2.0 / 7, 1.0 / 7});
  are(slopes(b.q.mean, b.variance), {-0.816326531, 0.081632653, 0.163265306});
  are(slopes(b.q.variance, b.variance), {0.326530612, 0.081632653, 0.020408163});
  are(slopes(b.q.variance, b.mean), {0, 0, 0});

  // With the prior as a fourth factor.
  const EagerBelief with_prior(means, variances, all_of(means), true);
  CHECK(with_prior.m() == Approx(2.0 / 9).margin(1e-9));
  CHECK(with_prior.v() == Approx(2.0 / 9).margin(1e-9));
}

TEST_CASE("[PEARL eq. KL] the fixture, and zero at the prior") {
  const Tensor means = factors({1, 0, -2}), variances = factors({0.5, 1, 2});
  EagerBelief b(means, variances, all_of(means));
  CHECK(kl_to_prior(b.q).value().item() == Approx(0.310054954).margin(1e-9));
  EagerBelief prior(factors({3}), factors({2}), factors({0}));
  CHECK(kl_to_prior(prior.q).value().item() == 0);
}

TEST_CASE("PEARL: no context gives the prior to the bit, and a derivative of zero, with and without the prior factor") {
  for (const bool prior_factor : {false, true}) {
    EagerBelief b(factors({3, -1}), factors({2, 0.5}), factors({0, 0}), prior_factor);
    CHECK(bitwise_equal(b.q.mean.value(), Tensor::scalar(0)));
    CHECK(bitwise_equal(b.q.variance.value(), Tensor::scalar(1)));
    for (const Var of : {b.q.mean, b.q.variance})
      for (const Var slope : grad(of, std::array{b.mean, b.variance}))
        CHECK(slope.value().to_vector() == std::vector<double>{0, 0});
  }
}

TEST_CASE("PEARL: with the prior factor and linear-Gaussian observations the belief is the exact posterior") {
  // w ~ N(0, 1) is seen as x_n = w + N(0, s²): the posterior by Bayes' rule on a fine grid.
  const std::vector<double> seen = {0.7, -0.2, 1.9, 0.4};
  const double s2 = 0.6;
  double mass = 0, first = 0, second = 0;
  for (int i = -80000; i <= 80000; ++i) {
    const double w = i * 1e-4;
    double log_p = -0.5 * w * w;
    for (const double x : seen) log_p -= 0.5 * (x - w) * (x - w) / s2;
    const double p = std::exp(log_p);
    mass += p, first += p * w, second += p * w * w;
  }
  const Tensor means = factors(seen);
  const EagerBelief b(means, Tensor::full(means.shape(), s2), all_of(means), true);
  CHECK(b.m() == Approx(first / mass).margin(1e-9));
  CHECK(b.v() == Approx(second / mass - std::pow(first / mass, 2)).margin(1e-9));
  // Without it, it is not: the prior's pull towards 0 is missing.
  CHECK(std::abs(EagerBelief(means, Tensor::full(means.shape(), s2), all_of(means)).m() - first / mass) > 0.05);
}

TEST_CASE("[PEARL eq. factor] the belief forgets the order of its context, and grows by what is added (1e-12)") {
  const PearlProblem p(false);
  const Tensor full = Tensor::full(p.mask.shape(), 1);
  const Tensors once = belief_values(p, p.context, full);

  // Rows of the context in another order.
  Tensor shuffled = p.context;
  const std::array order{3, 0, 4, 1, 2};
  for (int t = 0; t < p.tasks; ++t)
    for (int n = 0; n < p.context_rows; ++n)
      for (int c = 0; c < p.context.shape().cols; ++c)
        shuffled.set(t, n, c, p.context.at(t, order[static_cast<std::size_t>(n)], c));
  const Tensors other = belief_values(p, shuffled, full);
  for (std::size_t k = 0; k < 2; ++k) CHECK(relative_error(once[k], other[k]) < 1e-12);

  // One transition after another, added up.
  std::array<std::vector<double>, 2> sums;
  for (int n = 0; n < p.context_rows; ++n) {
    Tensor one(p.mask.shape());
    for (int t = 0; t < p.tasks; ++t) one.set(t, n, 0, 1);
    const Tensors part = belief_values(p, p.context, one);
    for (std::size_t k = 0; k < 2; ++k) {
      const std::vector<double> numbers = part[k].to_vector();
      sums[k].resize(numbers.size());
      for (std::size_t i = 0; i < numbers.size(); ++i) sums[k][i] += numbers[i];
    }
  }
  for (std::size_t k = 0; k < 2; ++k)
    CHECK(relative_error(once[k], Tensor::from(once[k].shape(), sums[k])) < 1e-12);

  // With the exponential, the same ρ = log(e^σ² − 1) makes the variance e^ρ = e^σ² − 1.
  PearlProblem e = p;
  e.spec.factor_variance = FactorVariance::exp;
  Tensor first_row(p.mask.shape());
  for (int t = 0; t < p.tasks; ++t) first_row.set(t, 0, 0, 1);
  const std::vector<double> soft = belief_values(p, p.context, first_row)["precision"].to_vector(),
                            steep = belief_values(e, p.context, first_row)["precision"].to_vector();
  for (std::size_t k = 0; k < soft.size(); ++k) CHECK(1 / steep[k] == Approx(std::expm1(1 / soft[k])).epsilon(1e-12));

  // A row that the mask hides says nothing, whatever stands there.
  Tensor hidden = p.context;
  for (int c = 0; c < hidden.shape().cols; ++c) hidden.set(1, p.context_rows - 1, c, 1e6);
  CHECK(bitwise_equal(belief_values(p, p.context, p.mask), belief_values(p, hidden, p.mask)));
}

TEST_CASE("[PEARL eq. latent] z is the mean, or a draw whose moments are the belief's") {
  Graph graph(Dtype::f64, Graph::Mode::eager);
  const Belief q{graph.input(Tensor::from({1, 1, 2}, std::array{0.5, -1.0}), "m"),
                 graph.input(Tensor::from({1, 1, 2}, std::array{0.25, 4.0}), "v")};
  PearlSpec spec;
  const Var xi = graph.input(Tensor::from({1, 1, 2}, std::array{2.0, -0.5}), "xi");
  CHECK(draw_latent(q, spec, xi).value().to_vector() == std::vector<double>{1.5, -2.0});
  spec.sample_latent = false;
  CHECK(draw_latent(q, spec, xi).value().to_vector() == std::vector<double>{0.5, -1.0});
}

// ---- The losses -----------------------------------------------------------------------------------------------------
namespace {

// All losses of a problem in one eager graph: so that every gradient is one line.
struct EagerLosses {
  Graph graph{Dtype::f64, Graph::Mode::eager};
  Params encoder, actor, critics, value, targets;
  Var log_alpha, critic, kl, values, actor_loss, temperature;

  explicit EagerLosses(const PearlProblem& p)
      : encoder(inputs(p.encoder)), actor(inputs(p.actor)), critics(inputs(p.critics)), value(inputs(p.value)),
        targets(inputs(p.targets)), log_alpha(graph.input(p.log_alpha, "log_alpha")) {
    const auto data = [&](const Tensor& t) { return graph.input(t, "data"); };
    const Batch batch = inputs(p.batch);
    const Belief q = belief_of(encode(encoder, p.spec, data(p.context), data(p.mask)), p.spec.prior_factor);
    const Var z = draw_latent(q, p.spec, data(p.latent_noise));
    const Var y = pearl_target(actor, targets, log_alpha, p.spec, batch, z, data(p.noise_next));
    critic = pearl_critic_loss(critics, p.spec, batch, z, y);
    kl = pearl_kl_loss(q, p.spec);
    if (p.spec.sac.value_network) {
      Params all = critics;
      for (std::size_t k = 0; k < value.count(); ++k) all.add(value.name(k), value[k]);
      values = pearl_value_loss(all, actor, log_alpha, p.spec, batch, z, data(p.noise));
    }
    const rl::SacAction now = pearl_action(actor, p.spec, batch, z, data(p.noise));
    actor_loss = pearl_actor_loss(now, critics, log_alpha, p.spec, batch, z);
    temperature = sum_tasks(rl::sac_temperature_loss(log_alpha, now.log_prob, p.spec.sac));
  }
  Params inputs(const Tensors& list) {
    Params vars;
    for (std::size_t k = 0; k < list.count(); ++k) vars.add(list.name(k), graph.input(list[k], list.name(k)));
    return vars;
  }
};

// The largest number of ∇loss in a group: exactly 0 if the loss does not reach it.
double reach(Var loss, const Params& group) {
  double most = 0;
  const Params gradient = grad(loss, group);
  for (const Var g : gradient.all())
    for (const double x : g.value().to_vector()) most = std::max(most, std::abs(x));
  return most;
}

}  // namespace

TEST_CASE("[PEARL eq. critic] [PEARL eq. bottleneck] [PEARL eq. target] [PEARL eq. value] [PEARL eq. actor] "
          "which loss reaches which parameters: exactly, for official and v2") {
  for (const bool official : {true, false}) {
    EagerLosses l((PearlProblem(official)));
    const Params temperature("log_alpha", l.log_alpha);
    struct Row { Var loss; bool encoder, critics, value, actor, temperature; };
    std::vector<Row> matrix = {{l.critic, true, true, false, false, false},
                               {l.kl, true, false, false, false, false},
                               {l.actor_loss, false, false, false, true, false},
                               {l.temperature, false, false, false, false, !official}};
    if (official) matrix.push_back({l.values, false, false, true, false, false});
    for (const Row& row : matrix) {
      CHECK((reach(row.loss, l.encoder) > 0) == row.encoder);
      CHECK((reach(row.loss, l.critics) > 0) == row.critics);
      if (official) CHECK((reach(row.loss, l.value) > 0) == row.value);
      CHECK((reach(row.loss, l.actor) > 0) == row.actor);
      CHECK((reach(row.loss, temperature) > 0) == row.temperature);
      CHECK(reach(row.loss, l.targets) == 0);
    }
  }
}

TEST_CASE("PEARL: tasks given twice double the summed KL, and leave L_Q and the averaged KL as they are") {
  const auto twice = [](const Tensor& t) {
    std::vector<double> numbers = t.to_vector();
    const std::vector<double> again = numbers;
    numbers.insert(numbers.end(), again.begin(), again.end());
    return Tensor::from({2 * t.shape().tasks, t.shape().rows, t.shape().cols}, numbers);
  };
  for (const KlReduction reduction : {KlReduction::sum, KlReduction::mean}) {
    PearlProblem p(true);
    p.spec.kl_reduction = reduction;
    EagerLosses once(p);
    for (Tensor* t : {&p.context, &p.mask, &p.latent_noise, &p.noise, &p.noise_next}) *t = twice(*t);
    for (std::size_t k = 0; k < p.batch.count(); ++k) p.batch[k] = twice(p.batch[k]);
    EagerLosses doubled(p);
    const double factor = reduction == KlReduction::sum ? 2 : 1;
    CHECK(doubled.kl.value().item() == Approx(factor * once.kl.value().item()).epsilon(1e-12));
    CHECK(once.kl.value().item() > 0.1);
    CHECK(doubled.critic.value().item() == Approx(once.critic.value().item()).epsilon(1e-12));
    CHECK(doubled.actor_loss.value().item() == Approx(once.actor_loss.value().item()).epsilon(1e-12));
  }
}

TEST_CASE("PEARL: the losses are SAC's on the states (s, z), averaged over tasks; μ and log σ are kept small") {
  PearlProblem p(true);
  EagerLosses all(p);
  double critic = 0, actor = 0;
  for (int task = 0; task < p.tasks; ++task) {
    // The same problem with this task alone.
    PearlProblem one = p;
    const auto only = [task](const Tensor& t) {
      const std::vector<double> numbers = t.to_vector();
      const auto size = static_cast<std::ptrdiff_t>(t.shape().per_task());
      return Tensor::from({1, t.shape().rows, t.shape().cols},
                          std::vector<double>(numbers.begin() + task * size, numbers.begin() + (task + 1) * size));
    };
    for (Tensor* t : {&one.context, &one.mask, &one.latent_noise, &one.noise, &one.noise_next}) *t = only(*t);
    for (std::size_t k = 0; k < one.batch.count(); ++k) one.batch[k] = only(one.batch[k]);
    EagerLosses alone(one);
    critic += alone.critic.value().item() / p.tasks;
    actor += alone.actor_loss.value().item() / p.tasks;
  }
  CHECK(all.critic.value().item() == Approx(critic).epsilon(1e-12));
  CHECK(all.actor_loss.value().item() == Approx(actor).epsilon(1e-12));

  // Without its regulariser the actor's loss is smaller by 10⁻³ of the policy's squared outputs.
  PearlProblem bare(true);
  bare.spec.policy_regulariser = 0;
  EagerLosses without(bare);
  CHECK(all.actor_loss.value().item() > without.actor_loss.value().item());
}

TEST_CASE("PEARL: every loss passes every level of the verifier") {
  for (const CheckCase& c : pearl_check_cases()) {
    const CheckReport report = run_check(c);
    INFO(to_text(report));
    CHECK(report.ok);
  }
}

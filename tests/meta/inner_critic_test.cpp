// The bias of the inner critic (Bonnet et al. 2022): where the judge bootstraps, it must not ask values that were
// learned with the γ that it is to judge. Two actions, all by hand.
//
//   s ──short──▶ paid 1                       V_γ(s) = ½ + ½·1.1 γ²
//   └───long───▶ L₁ ──▶ L₂ ──▶ paid 1.1       V_γ(L₁) = 1.1 γ,  V_γ(L₂) = 1.1
#include <cmath>
#include <string>
#include <vector>

#include "meta/meta_gradient.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

constexpr double gamma_now = 0.5, alpha = 1e-7;
enum State { s, L1, L2, over };

// A column of six rows: three steps of two sequences, the short one's first.
Tensor column(const std::vector<double>& numbers) { return Tensor::from({1, 6, 1}, numbers); }
Tensor one_hot(const std::vector<State>& states) {
  Tensor t({1, 6, 4});
  for (int row = 0; row < 6; ++row) t.set(0, row, states[static_cast<std::size_t>(row)], 1);
  return t;
}

// Both ways, each as likely as the other; only the decision at s counts, so only that is weighed.
BatchValues both_ways() {
  BatchValues tau;
  tau.add("observations", one_hot({s, s, over, L1, over, L2}));
  tau.add("next_observations", one_hot({over, L1, over, L2, over, over}));
  tau.add("rewards", column({1, 0, 0, 0, 0, 1.1}));
  tau.add("not_terminated", column({0, 1, 0, 1, 0, 0}));
  tau.add("continues", column({0, 1, 0, 1, 0, 0}));
  tau.add("weights", column({0.5, 0.5, 0, 0, 0, 0}));
  tau.add("actions", column({0, 1, 0, 0, 0, 0}));
  return tau;
}

// The values of the undecided policy, exact for this discount.
Tensor values(double gamma) {
  return Tensor::from({1, 4, 1}, std::vector{0.5 + 0.5 * 1.1 * gamma * gamma, 1.1 * gamma, 1.1, 0.0});
}

// ∂J̄/∂γ with the outer critic or without, at θ where both critics are right.
double slope(bool outer_critic, double lambda_bar) {
  MetaGradientSpec spec;
  spec.control = true;
  spec.policy = {.net = {.inputs = 4, .hidden = {}, .outputs = 2}, .head = nn::PolicySpec::Head::categorical};
  spec.value = {.inputs = 4, .hidden = {}, .outputs = 1, .biases = false};
  spec.time_steps = 3;
  spec.lambda_bar = lambda_bar;
  spec.outer_critic = outer_critic;
  ParamValues theta = init_meta_gradient(spec, 1, 1, Dtype::f64);
  for (std::size_t k = 0; k < theta.count(); ++k) {
    theta[k] = Tensor(theta[k].shape());
    if (theta.name(k) == "value/W1") theta[k] = values(gamma_now);
    if (theta.name(k) == "outer_value/W1") theta[k] = values(1);
  }
  Tensors eta, taus, scales;
  eta.add("gamma", Tensor::scalar(std::log(gamma_now / (1 - gamma_now))));
  const BatchValues tau = both_ways();
  for (std::size_t k = 0; k < tau.count(); ++k) taus.add("0/" + tau.name(k), tau[k]);
  for (std::size_t k = 0; k < theta.count(); ++k)
    scales.add("0/" + theta.name(k), Tensor::full(theta[k].shape(), alpha));
  const Tensors gradient = MetaGradientFunctions().exact(spec, {theta, eta, taus, scales, tau})[0];
  return gradient["gamma"].item() / (gamma_now * (1 - gamma_now));  // dγ/dη = γ(1 − γ)
}

}  // namespace

TEST_CASE("the inner critic's bias: a judge that bootstraps from it pulls γ down where a larger γ is better") {
  // A larger γ raises the long way's return by ∂(1.1γ²)/∂γ = 2.2γ = 1.1, and with it its logit by α·½·1.1·½, the other
  // one's falls as much: ∂J̄/∂γ = −α·¼·½·1.1·(ḡ(long) − ḡ(short)), and the same again, because a logit has a weight and
  // a bias, both of which move.
  const auto expected = [](double judged_long) { return -2 * alpha * 0.1375 * (judged_long - 1); };
  // With λ̄ = 1 the judge hears what was paid, 1.1, whatever the critic says: up with γ.
  CHECK(slope(false, 1) == Approx(expected(1.1)).epsilon(1e-5));
  // With λ̄ = 0 it asks the critic at L₁, and that was learned with γ = ½: 0.55 against 1, so down with γ.
  CHECK(slope(false, 0) == Approx(expected(0.55)).epsilon(1e-5));
  CHECK(slope(false, 0) > 0);
  // A critic of returns with η̄ says 1.1: the bias is gone.
  CHECK(slope(true, 0) == Approx(expected(1.1)).epsilon(1e-5));
  CHECK(slope(true, 0) < 0);
}

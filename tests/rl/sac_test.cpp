// Soft actor-critic: each equation against hand-made numbers, and which loss reaches which parameters.
#include "rl/sac.h"

#include <array>
#include <cmath>
#include <functional>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "envs/soft_problems.h"
#include "tests/catch.h"
#include "tests/rl/columns.h"

using namespace innerloop;
using namespace innerloop::rl;

namespace {

constexpr double log_two_pi = 1.8378770664093454836;

// A spec of tiny networks: O observations, A actions.
SacSpec tiny(int O, int A, std::vector<int> hidden = {5}) {
  SacSpec spec;
  spec.actor = {.inputs = O, .hidden = hidden, .outputs = 2 * A};
  spec.critic = {.inputs = O + A, .hidden = hidden, .outputs = 1};
  spec.action_size = A;
  spec.target_entropy = -A;
  return spec;
}

Tensor row(std::vector<double> numbers, Dtype dtype = Dtype::f64) {
  return Tensor::from({1, 1, static_cast<int>(numbers.size())}, numbers, dtype);
}
// An actor without hidden layers whose output is its bias: μ and log σ as given, whatever is observed.
ParamValues constant_actor(const std::vector<double>& mean, const std::vector<double>& log_sigma, Dtype dtype) {
  std::vector<double> bias = mean;
  bias.insert(bias.end(), log_sigma.begin(), log_sigma.end());
  ParamValues actor;
  actor.add("actor/W1", Tensor({1, 1, static_cast<int>(bias.size())}, dtype));
  actor.add("actor/b1", row(bias, dtype));
  return actor;
}

// u, a, log π and the derivatives of log π and of a₁ in (μ, log σ), for one state.
struct Evaluated {
  std::vector<double> u, a, log_prob_slope, action_slope;
  double log_prob = 0;
};
Evaluated evaluate(SacSpec spec, const std::vector<double>& mean, const std::vector<double>& log_sigma,
                   const std::vector<double>& noise, Dtype dtype = Dtype::f64) {
  spec.actor.inputs = 1;
  spec.actor.hidden = {};
  const Function<SacSpec> f("test/action", [](Inputs& in, const SacSpec& s) -> std::vector<Vars> {
    const Params actor = in.next("actor");
    const Var s_now = in.next_var("observations"), epsilon = in.next_var("noise");
    const SacAction now = sac_action(actor, s, s_now, epsilon);
    Vars out;
    out.add("u", now.u);
    out.add("a", now.action);
    out.add("log_prob", now.log_prob);
    out.add("d_log_prob", grad(now.log_prob, actor)["actor/b1"]);
    out.add("d_action", grad(slice_cols(now.action, 0, 1), actor)["actor/b1"]);
    return {out};
  });
  const Tensors got = f(spec, {constant_actor(mean, log_sigma, dtype), row({1}, dtype), row(noise, dtype)})[0];
  return {got["u"].to_vector(), got["a"].to_vector(), got["d_log_prob"].to_vector(), got["d_action"].to_vector(),
          got["log_prob"].item()};
}

}  // namespace

TEST_CASE("[SAC eq. log-prob] the fixture: log π and its closed-form derivatives to 1e-9") {
  const Evaluated at =
      evaluate(tiny(1, 2), {0.3, -1.2}, {std::log(0.5), std::log(0.8)}, {0.7, -0.4});
  CHECK(at.u[0] == Approx(0.65).margin(1e-12));
  CHECK(at.u[1] == Approx(-1.52).margin(1e-12));
  CHECK(at.a[0] == Approx(0.571669966).margin(1e-9));
  CHECK(at.a[1] == Approx(-0.908697658).margin(1e-9));
  CHECK(at.log_prob == Approx(0.896293901).margin(1e-9));
  const double expected[] = {1.143339932, -1.817395317, -0.599831024, -0.418433499};
  for (std::size_t k = 0; k < 4; ++k) CHECK(at.log_prob_slope[k] == Approx(expected[k]).margin(1e-9));
}

TEST_CASE("[SAC eq. action] derivatives of a and log π in μ and log σ have their closed forms for |u| ≤ 12") {
  for (const double mean : {-11.0, -3.0, 0.0, 0.4, 6.0, 11.5})
    for (const double epsilon : {-1.0, 0.3, 0.9}) {
      const double sigma = 0.5, u = mean + sigma * epsilon, t = std::tanh(u), slope = 1 / std::pow(std::cosh(u), 2);
      const Evaluated at = evaluate(tiny(1, 1), {mean}, {std::log(sigma)}, {epsilon});
      CHECK(at.log_prob == Approx(-0.5 * epsilon * epsilon - std::log(sigma) - 0.5 * log_two_pi +
                                  2 * std::log(std::cosh(u)))
                               .epsilon(1e-9));
      CHECK(at.log_prob_slope[0] == Approx(2 * t).epsilon(1e-9).margin(1e-12));
      CHECK(at.log_prob_slope[1] == Approx(-1 + 2 * sigma * epsilon * t).epsilon(1e-9).margin(1e-12));
      // 1 − tanh² u is computed from tanh u, so its error is that of 1.
      CHECK(at.action_slope[0] == Approx(slope).margin(1e-15));
      CHECK(at.action_slope[1] == Approx(sigma * epsilon * slope).margin(1e-15));
    }
}

TEST_CASE("SAC: log π is finite in f32 for |u| ≤ 40, with slope ±2 in the tails") {
  for (const double mean : {-40.0, -20.0, -9.0, 9.0, 20.0, 40.0}) {
    const Evaluated at = evaluate(tiny(1, 1), {mean}, {-2}, {0.0}, Dtype::f32);
    CHECK(std::isfinite(at.log_prob));
    CHECK(at.log_prob == Approx(2 - 0.5 * log_two_pi + 2 * (std::abs(mean) - std::log(2.0))).epsilon(1e-5));
    CHECK(at.log_prob_slope[0] == Approx(std::copysign(2.0, mean)).epsilon(1e-5));
    CHECK(std::isfinite(at.log_prob_slope[1]));
  }
}

TEST_CASE("SAC: the 1e-6 variant stops pushing back in the tails, as tabulated") {
  SacSpec spec = tiny(1, 1);
  // |u|, log(1 − tanh²u + 10⁻⁶), and the share of the slope that is left.
  const double table[][3] = {{5, -8.6083, 0.9945}, {6, -10.5738, 0.961}, {7, -12.3508, 0.769},
                             {8, -13.4439, 0.310}, {9, -13.756, 0.057},  {10, -13.807, 0.008}};
  for (const auto& [u, log_slope, share] : table) {
    spec.log_prob = SquashLogProb::epsilon;
    const Evaluated at = evaluate(spec, {u}, {0}, {0.0});
    spec.log_prob = SquashLogProb::exact;
    const Evaluated exact = evaluate(spec, {u}, {0}, {0.0});
    CHECK(-(at.log_prob + 0.5 * log_two_pi) == Approx(log_slope).margin(6e-4));
    CHECK(at.log_prob_slope[0] / exact.log_prob_slope[0] == Approx(share).margin(6e-4));
  }
}

TEST_CASE("SAC: the three forms of log σ, and entropy in units of the environment") {
  SacSpec spec = tiny(1, 1);
  const auto log_sigma = [&](double h) { return std::log(std::abs(evaluate(spec, {0}, {h}, {1.0}).u[0])); };
  CHECK(log_sigma(-3) == Approx(-3));
  CHECK(log_sigma(5) == Approx(2));
  CHECK(log_sigma(-25) == Approx(-20));
  CHECK(evaluate(spec, {0}, {5}, {1.0}).log_prob_slope[1] == 0);  // beyond the clamp nothing moves it
  spec.log_sigma = LogSigma::tanh;
  CHECK(log_sigma(0.3) == Approx(-5 + 3.5 * (1 + std::tanh(0.3))));
  spec.log_sigma = LogSigma::softplus;
  CHECK(log_sigma(0.3) == Approx(std::log(std::log1p(std::exp(0.3)) + 1e-5)));

  spec = tiny(1, 1);
  const double plain = evaluate(spec, {0.2}, {0.1}, {0.5}).log_prob;
  spec.log_action_scale = std::log(2.0);
  CHECK(evaluate(spec, {0.2}, {0.1}, {0.5}).log_prob == Approx(plain - std::log(2.0)));

  // Without squashing it is the Gaussian's.
  spec = tiny(1, 1);
  spec.squash = false;
  const Evaluated at = evaluate(spec, {0.2}, {0.1}, {0.5});
  CHECK(at.a[0] == at.u[0]);
  CHECK(at.log_prob == Approx(-0.125 - 0.1 - 0.5 * log_two_pi));
  CHECK(at.log_prob_slope[0] == 0);
}

namespace {

// Linear critics and actor whose weights are chosen so that every number can be followed by hand: O = 1, A = 3, and a
// batch of one ordinary, one terminated and one truncated transition. A truncated one is stored as not terminated.
struct HandMade {
  SacSpec spec;
  ParamValues actor, critics;
  BatchValues batch;
  Tensor noise = Tensor::from({1, 3, 3}, std::vector{0.5, -1.0, 0.0, 0.1, 0.2, 0.3, -0.7, 0.0, 1.0});

  explicit HandMade(bool value_network) : spec(tiny(1, 3, {})) {
    spec.value_network = value_network;
    spec.gamma = 0.9;
    actor.add("actor/W1", row({0.1, -0.2, 0.3, 0, 0, 0}));
    actor.add("actor/b1", row({0.05, 0.1, -0.1, -1, -0.5, 0.2}));
    critics.add("q1/W1", Tensor::from({1, 4, 1}, std::vector{0.5, 1.0, -1.0, 0.25}));
    critics.add("q1/b1", row({0.1}));
    critics.add("q2/W1", Tensor::from({1, 4, 1}, std::vector{0.4, -0.5, 0.5, 1.0}));
    critics.add("q2/b1", row({-0.2}));
    if (value_network) {
      critics.add("v/W1", row({0.7}));
      critics.add("v/b1", row({0.3}));
    }
    batch.add("observations", column({1.0, -1.0, 0.5}));
    batch.add("actions", Tensor::from({1, 3, 3}, std::vector{0.1, 0.2, 0.3, -0.5, 0.5, 0.0, 0.9, -0.9, 0.4}));
    batch.add("rewards", column({1.0, -2.0, 0.5}));
    batch.add("next_observations", column({2.0, 3.0, -1.5}));
    batch.add("terminated", column({0, 1, 0}));
  }

  // The same numbers from the formulas, one state at a time.
  struct At { double q1, q2, log_prob; };
  At at(double s, int noise_row) const {
    double q1 = 0.5 * s + 0.1, q2 = 0.4 * s - 0.2, log_prob = 0;
    const double w[] = {0.1, -0.2, 0.3}, b[] = {0.05, 0.1, -0.1}, log_sigma[] = {-1, -0.5, 0.2};
    const double w1[] = {1.0, -1.0, 0.25}, w2[] = {-0.5, 0.5, 1.0};
    for (int i = 0; i < 3; ++i) {
      const double e = noise.at(0, noise_row, i), u = w[i] * s + b[i] + std::exp(log_sigma[i]) * e, a = std::tanh(u);
      q1 += w1[i] * a;
      q2 += w2[i] * a;
      log_prob += -0.5 * e * e - log_sigma[i] - 0.5 * log_two_pi - std::log(1 - a * a);
    }
    return {q1, q2, log_prob};
  }
  double q(int which, int t) const {
    const double s = batch["observations"].at(0, t, 0);
    const std::array weights =
        which == 1 ? std::array{0.5, 1.0, -1.0, 0.25, 0.1} : std::array{0.4, -0.5, 0.5, 1.0, -0.2};
    double sum = weights[0] * s + weights[4];
    for (int i = 0; i < 3; ++i) sum += weights[static_cast<std::size_t>(1 + i)] * batch["actions"].at(0, t, i);
    return sum;
  }
};

// All losses of one batch, each with its gradient in every group of parameters.
const Function<SacSpec> all_losses("test/losses", [](Inputs& in, const SacSpec& spec) -> std::vector<Vars> {
  const Params actor = in.next("actor"), critics = in.next("critics"), targets = in.next("targets");
  const Var log_alpha = in.next_var("log_alpha");
  const Batch batch = in.next("batch");
  const Var noise_next = in.next_var("noise_next"), noise = in.next_var("noise");

  const Var y = sac_target(actor, targets, log_alpha, spec, batch, noise_next);
  const SacAction now = sac_action(actor, spec, batch["observations"], noise);
  Vars losses;
  losses.add("critic", sac_critic_loss(critics, spec, batch, y));
  losses.add("actor", sac_actor_loss(now, critics, log_alpha, spec, batch));
  losses.add("temperature", sac_temperature_loss(log_alpha, now.log_prob, spec));
  if (spec.value_network) losses.add("value", sac_value_loss(critics, actor, log_alpha, spec, batch, noise));
  Vars targets_out;
  targets_out.add("y", y);

  std::vector<Vars> out{losses, targets_out};
  for (const Var loss : losses.all()) {
    out.push_back(grad(loss, actor));
    out.push_back(grad(loss, critics));
    out.push_back(grad(loss, targets));
    Vars temperature;
    temperature.add("log_alpha", grad(loss, std::array{log_alpha})[0]);
    out.push_back(temperature);
  }
  return out;
});
enum Group { to_actor, to_critics, to_targets, to_temperature };

std::vector<Tensors> losses_of(const HandMade& p, double log_alpha = std::log(0.3)) {
  const ParamValues targets = targeted(p.critics, p.spec);
  return all_losses(p.spec, {p.actor, p.critics, targets, Tensor::scalar(log_alpha), p.batch, p.noise, p.noise});
}
// The gradient of loss number `loss` in a group of parameters.
const Tensors& gradient(const std::vector<Tensors>& all, int loss, Group group) {
  return all[static_cast<std::size_t>(2 + 4 * loss + group)];
}
double largest(const Tensors& g, const std::string& prefix = "") {
  double most = 0;
  for (std::size_t k = 0; k < g.count(); ++k)
    if (g.name(k).starts_with(prefix))
      for (const double x : g[k].to_vector()) most = std::max(most, std::abs(x));
  return most;
}

}  // namespace

TEST_CASE("[SAC eq. target] by hand, three actions: terminated is cut, truncated is not, log π is taken at s'") {
  const HandMade p(false);
  const Tensor y = losses_of(p)[1]["y"];
  const auto value = [&](int t) {
    const HandMade::At next = p.at(p.batch["next_observations"].at(0, t, 0), t);
    return std::min(next.q1, next.q2) - 0.3 * next.log_prob;
  };
  CHECK(y.at(0, 0, 0) == Approx(1.0 + 0.9 * value(0)).epsilon(1e-12));
  CHECK(y.at(0, 1, 0) == Approx(-2.0).epsilon(1e-12));
  CHECK(y.at(0, 2, 0) == Approx(0.5 + 0.9 * value(2)).epsilon(1e-12));
}

TEST_CASE("SAC v1: the target is κr + γ(1 − d)·V̄(s')") {
  HandMade p(true);
  p.spec.reward_scale = 5;
  const Tensor y = losses_of(p, 0)[1]["y"];
  CHECK(y.at(0, 0, 0) == Approx(5.0 + 0.9 * (0.7 * 2.0 + 0.3)).epsilon(1e-12));
  CHECK(y.at(0, 1, 0) == Approx(-10.0).epsilon(1e-12));
  CHECK(y.at(0, 2, 0) == Approx(2.5 + 0.9 * (0.7 * -1.5 + 0.3)).epsilon(1e-12));
}

TEST_CASE("[SAC eq. critic] by hand: both critics' squared errors, averaged over rows only") {
  HandMade p(false);
  const std::vector<Tensors> all = losses_of(p);
  double expected = 0;
  for (int t = 0; t < 3; ++t)
    for (const int j : {1, 2}) expected += 0.5 / 3 * std::pow(p.q(j, t) - all[1]["y"].at(0, t, 0), 2);
  CHECK(all[0]["critic"].item() == Approx(expected).epsilon(1e-12));
  p.spec.critic_factor = 1;
  CHECK(losses_of(p)[0]["critic"].item() == Approx(2 * expected).epsilon(1e-12));
}

TEST_CASE("[SAC eq. value] by hand: V(s) goes to min Q − α log π") {
  const HandMade p(true);
  double expected = 0;
  for (int t = 0; t < 3; ++t) {
    const double s = p.batch["observations"].at(0, t, 0);
    const HandMade::At now = p.at(s, t);
    expected += 0.5 / 3 * std::pow(0.7 * s + 0.3 - (std::min(now.q1, now.q2) - 0.3 * now.log_prob), 2);
  }
  CHECK(losses_of(p)[0]["value"].item() == Approx(expected).epsilon(1e-12));
}

TEST_CASE("[SAC eq. actor] by hand, with the smaller, the mean and the first of the critics") {
  HandMade p(false);
  for (const ActorValue which : {ActorValue::minimum, ActorValue::mean, ActorValue::first}) {
    p.spec.actor_value = which;
    double expected = 0;
    for (int t = 0; t < 3; ++t) {
      const HandMade::At now = p.at(p.batch["observations"].at(0, t, 0), t);
      const double q = which == ActorValue::minimum ? std::min(now.q1, now.q2)
                       : which == ActorValue::mean  ? 0.5 * (now.q1 + now.q2)
                                                    : now.q1;
      expected += (0.3 * now.log_prob - q) / 3;
    }
    CHECK(losses_of(p)[0]["actor"].item() == Approx(expected).epsilon(1e-12));
  }
}

TEST_CASE("[SAC eq. temperature] by hand: α and log α differ by the factor α, and both vanish at the target") {
  HandMade p(false);
  double mean_log_prob = 0;
  for (int t = 0; t < 3; ++t) mean_log_prob += p.at(p.batch["observations"].at(0, t, 0), t).log_prob / 3;
  const int temperature = 2;
  for (const double target : {-3.0, -mean_log_prob, 2.0}) {
    p.spec.target_entropy = target;
    p.spec.temperature_loss = TemperatureLoss::log_alpha;
    const double by_log = gradient(losses_of(p), temperature, to_temperature)[0].item();
    CHECK(by_log == Approx(-(mean_log_prob + target)).epsilon(1e-12).margin(1e-14));
    p.spec.temperature_loss = TemperatureLoss::alpha;
    CHECK(gradient(losses_of(p), temperature, to_temperature)[0].item() ==
          Approx(0.3 * by_log).epsilon(1e-12).margin(1e-14));
    // Descent makes log α grow exactly where the entropy, −mean log π, is below its target.
    CHECK((by_log < -1e-12) == (-mean_log_prob < target - 1e-12));
  }
  p.spec.temperature_loss = TemperatureLoss::fixed;
  CHECK(gradient(losses_of(p), temperature, to_temperature)[0].item() == 0);
}

TEST_CASE("SAC: which loss reaches which parameters, and all else exactly zero") {
  for (const bool value_network : {false, true}) {
    const HandMade p(value_network);
    const std::vector<Tensors> all = losses_of(p);
    const char* const losses[] = {"critic", "actor", "temperature", "value"};
    for (int loss = 0; loss < (value_network ? 4 : 3); ++loss) {
      INFO(losses[loss] << (value_network ? ", v1" : ", v2"));
      const auto reaches = [&](Group group, const char* prefix = "") {
        return largest(gradient(all, loss, group), prefix) != 0;
      };
      CHECK(reaches(to_actor) == (loss == 1));
      CHECK(reaches(to_critics, "q1") == (loss == 0));
      CHECK(reaches(to_critics, "q2") == (loss == 0));
      CHECK(reaches(to_critics, "v/") == (loss == 3));
      CHECK_FALSE(reaches(to_targets));
      CHECK(reaches(to_temperature) == (loss == 2));
    }
  }
}

namespace {

// (Q(s', ·), a', log α, batch) → log π(a'|s') of the policy exp(Q/α)/Z and the target of that one action.
const Function<SacSpec> soft_targets("test/soft_targets", [](Inputs& in, const SacSpec& spec) -> std::vector<Vars> {
  const Var q = in.next_var("q"), action = in.next_var("action"), log_alpha = in.next_var("log_alpha");
  const Batch batch = in.next("batch");
  const Var log_pi = pick_cols(log_softmax(q * exp(-log_alpha)), action), q1 = pick_cols(q, action);
  Vars out;
  out.add("log_prob", log_pi);
  out.add("y", soft_backup(spec, batch, soft_value(q1, q1 + 1.0, log_alpha, log_pi)));
  return {out};
});

}  // namespace

TEST_CASE("SAC: its own target, iterated over all actions of the two-state soft MDP, is the closed form to 1e-8") {
  // Rows (s, a, a'): stay or switch, and what may be done after it. The policy is always the soft one of the current Q.
  const envs::Mdp mdp = envs::soft_two_state_mdp();
  const double alpha = 0.5;
  SacSpec spec;
  spec.gamma = 0.9;
  std::vector<double> rewards, next_action;
  for (int s = 0; s < 2; ++s)
    for (int a = 0; a < 2; ++a)
      for (int a_next = 0; a_next < 2; ++a_next) {
        rewards.push_back(mdp.reward[mdp.row(s, a)]);
        next_action.push_back(a_next);
      }
  BatchValues batch;
  batch.add("rewards", column(rewards));
  batch.add("terminated", Tensor({1, 8, 1}));

  double q[2][2] = {};
  for (int sweep = 0; sweep < 300; ++sweep) {
    Tensor q_next({1, 8, 2});
    for (int row = 0; row < 8; ++row) {
      const int s = row / 4, a = row / 2 % 2, s_next = a == 1 ? 1 - s : s;
      for (int b : {0, 1}) q_next.set(0, row, b, q[s_next][b]);
    }
    const Tensors out =
        soft_targets(spec, {q_next, column(next_action), Tensor::scalar(std::log(alpha)), batch})[0];
    // Q(s, a) = Σ_a' π(a'|s')·y(s, a, a').
    for (int s : {0, 1})
      for (int a : {0, 1}) {
        q[s][a] = 0;
        for (int a_next : {0, 1}) {
          const int row = 4 * s + 2 * a + a_next;
          q[s][a] += std::exp(out["log_prob"].at(0, row, 0)) * out["y"].at(0, row, 0);
        }
      }
  }
  const double expected[2][2] = {{8.161069032, 8.978846588}, {10.078846588, 8.061069032}};
  const double v[] = {9.067854480, 10.087607320};
  for (int s : {0, 1}) {
    for (int a : {0, 1}) CHECK(q[s][a] == Approx(expected[s][a]).margin(1e-8));
    CHECK(alpha * std::log(std::exp(q[s][0] / alpha) + std::exp(q[s][1] / alpha)) == Approx(v[s]).margin(1e-8));
  }
}

TEST_CASE("SAC: the compiled gradients are those of the losses") {
  for (const bool value_network : {false, true}) {
    const HandMade p(value_network);
    const std::vector<Tensors> all = losses_of(p);
    const SacFunctions functions;
    const Tensor log_alpha = Tensor::scalar(std::log(0.3));
    const ParamValues targets = targeted(p.critics, p.spec);
    const std::vector<Tensors> critic =
        functions.critic_gradient(p.spec, {p.actor, p.critics, targets, log_alpha, p.batch, p.noise, p.noise});
    Tensors expected = gradient(all, 0, to_critics);
    if (value_network) expected = expected + gradient(all, 3, to_critics);
    CHECK(norm(critic[0] - expected) <= 1e-12 * norm(expected));
    const std::vector<Tensors> actor =
        functions.actor_gradient(p.spec, {p.actor, p.critics, log_alpha, p.batch, p.noise});
    CHECK(norm(actor[0] - gradient(all, 1, to_actor)) <= 1e-12 * norm(actor[0]));
    CHECK(actor[1][0].item() == Approx(gradient(all, 2, to_temperature)[0].item()).epsilon(1e-12));
  }
}

// VariBAD: the belief against closed forms, the bound against quadrature, and what no loss may reach.
#include "meta/varibad.h"

#include <array>
#include <cmath>

#include "autodiff/check.h"
#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "meta/belief_agent.h"
#include "meta/check_cases.h"
#include "rl/check_cases.h"
#include "rl/ppo.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

VaribadSpec small_varibad(int steps, int latent = 2) {
  VaribadSpec spec{.memory = {.inputs = 3, .hidden = 4}, .latent_size = latent, .decoder = {}, .kl_weight = 0.7,
                   .time_steps = steps};
  spec.decoder = {.inputs = latent, .hidden = {5}, .outputs = 4};
  return spec;
}

ParamValues any_parameters(const ParamValues& like, std::uint32_t id = 700) {
  ParamValues theta;
  for (std::size_t k = 0; k < like.count(); ++k)
    theta.add(like.name(k), rl::check_normals(like[k].shape(), id++, 0.7));
  return theta;
}

// Trials of 5 steps and 2 lanes in an eager graph.
struct EagerTrials {
  static constexpr int steps = 5, trials = 2;
  Graph graph{Dtype::f64, Graph::Mode::eager};
  Params theta;
  Batch batch;

  EagerTrials(const ParamValues& parameters, int memory, const Tensor& inputs) {
    for (std::size_t k = 0; k < parameters.count(); ++k)
      theta.add(parameters.name(k), graph.input(parameters[k], parameters.name(k)));
    Tensor reset({1, steps * trials, 1}), mask = Tensor::full({1, steps * trials, 1}, 1);
    for (int n = 0; n < trials; ++n) reset.set(0, n, 0, 1);
    mask.set(0, (steps - 1) * trials, 0, 0);  // trial 0 is over one step early
    add("inputs", inputs), add("reset", reset), add("mask", mask), add("memory", Tensor({1, trials, memory}));
  }
  void add(const char* name, const Tensor& values) { batch.add(name, graph.input(values, name)); }
};

Tensor some_inputs(std::uint32_t id = 800) {
  return rl::check_normals({1, EagerTrials::steps * EagerTrials::trials, 3}, id);
}

nn::Gaussian gaussian(Graph& graph, std::vector<double> mean, std::vector<double> log_sigma) {
  const Shape rows{1, static_cast<int>(mean.size()), 1};
  return {graph.input(Tensor::from(rows, mean), "mean"), graph.input(Tensor::from(rows, log_sigma), "log_sigma")};
}

}  // namespace

TEST_CASE("[VariBAD eq. encoder] a belief knows the past and nothing of what comes; step by step it is the same") {
  const VaribadSpec spec = small_varibad(EagerTrials::steps);
  const ParamValues theta = any_parameters(init_varibad(spec, 1, Dtype::f64));
  const Tensor inputs = some_inputs();
  EagerTrials whole(theta, 4, inputs);
  const nn::Gaussian q =
      beliefs(whole.theta, spec, whole.batch["inputs"], whole.batch["reset"], whole.batch["memory"]).q;

  // Another end of the trials: beliefs before it stay, those after it do not.
  Tensor other = inputs;
  for (int k = 0; k < 3; ++k) other.set(0, 3 * EagerTrials::trials, k, 5);
  EagerTrials changed(theta, 4, other);
  const nn::Gaussian p =
      beliefs(changed.theta, spec, changed.batch["inputs"], changed.batch["reset"], changed.batch["memory"]).q;
  for (int row = 0; row < 3 * EagerTrials::trials; ++row)
    CHECK(p.mean.value().at(0, row, 0) == q.mean.value().at(0, row, 0));
  CHECK(std::abs(p.mean.value().at(0, 3 * EagerTrials::trials, 0) - q.mean.value().at(0, 6, 0)) > 1e-3);
  CHECK(p.mean.value().at(0, 7, 0) == q.mean.value().at(0, 7, 0));  // the other trial is another task

  // The compiled step, from a memory that is handed on.
  const VaribadFunctions functions;
  const VaribadSpec one = small_varibad(1);
  Tensor memory({1, EagerTrials::trials, 4});
  for (int t = 0; t < EagerTrials::steps; ++t) {
    BatchValues seen;
    Tensor x({1, EagerTrials::trials, 3});
    for (int n = 0; n < EagerTrials::trials; ++n)
      for (int k = 0; k < 3; ++k) x.set(0, n, k, inputs.at(0, t * EagerTrials::trials + n, k));
    seen.add("inputs", x);
    seen.add("reset", Tensor::full({1, EagerTrials::trials, 1}, t == 0));
    const std::vector<Tensors> now = functions.step(one, {theta, seen, memory});
    memory = now[1]["memory"];
    for (int n = 0; n < EagerTrials::trials; ++n)
      for (int k = 0; k < 2; ++k) {
        CHECK(now[0]["mean"].at(0, n, k) ==
              Approx(q.mean.value().at(0, t * EagerTrials::trials + n, k)).epsilon(1e-12));
        CHECK(now[0]["log_sigma"].at(0, n, k) ==
              Approx(q.log_sigma.value().at(0, t * EagerTrials::trials + n, k)).epsilon(1e-12));
      }
  }
}

TEST_CASE("[VariBAD eq. KL] the first belief is compared with N(0, 1), each later one with the one before it") {
  Graph graph(Dtype::f64, Graph::Mode::eager);
  // Two trials, two steps: rows (t, n) = (0, 0), (0, 1), (1, 0), (1, 1).
  const nn::Gaussian q = gaussian(graph, {1, 0, 1, 2}, {0, 0, std::log(0.5), 0});
  const Tensor kl = kl_to_belief_before(q, 2).value();
  CHECK(kl.at(0, 0, 0) == Approx(0.5).margin(1e-12));  // N(1, 1) from N(0, 1)
  CHECK(kl.at(0, 1, 0) == Approx(0).margin(1e-12));
  CHECK(kl.at(0, 2, 0) == Approx(0.5 * (0.25 - 1 + std::log(4.0))).margin(1e-12));  // N(1, ¼) from N(1, 1)
  CHECK(kl.at(0, 3, 0) == Approx(2).margin(1e-12));                                // N(2, 1) from N(0, 1)
}

TEST_CASE("[VariBAD eq. reconstruction] two counts per cell say what a trial's rewards say one by one") {
  const VaribadSpec spec = small_varibad(EagerTrials::steps);
  const ParamValues theta = any_parameters(init_varibad(spec, 1, Dtype::f64));
  EagerTrials t(theta, 4, some_inputs());
  // Trial 0: cells 1, 1, 3, 0 paid no, yes, yes, no; trial 1: cells 2, 2, 2, 1, 0 paid no, no, no, no, yes.
  const std::vector<std::pair<int, bool>> seen[] = {{{1, false}, {1, true}, {3, true}, {0, false}},
                                                   {{2, false}, {2, false}, {2, false}, {1, false}, {0, true}}};
  Tensor paid({1, 2, 4}), unpaid({1, 2, 4});
  for (int n = 0; n < 2; ++n)
    for (const auto& [cell, was_paid] : seen[n]) {
      Tensor& counts = was_paid ? paid : unpaid;
      counts.set(0, n, cell, counts.at(0, n, cell) + 1);
    }
  t.add("paid", paid), t.add("unpaid", unpaid);
  const Tensor m = rl::check_normals({1, 10, 2}, 900);
  const Tensor told = reconstruction(t.theta, spec, t.graph.input(m, "m"), t.batch).value();
  const Tensor z = nn::mlp(t.theta, spec.decoder, "decoder", t.graph.input(m, "m again")).value();
  for (int n = 0; n < 2; ++n) {
    double sum = 0;
    for (int step = 0; step < (n == 0 ? 4 : 5); ++step)  // trial 0 has four beliefs
      for (const auto& [cell, was_paid] : seen[n]) {
        const double p = 1 / (1 + std::exp(-z.at(0, step * 2 + n, cell)));
        sum += std::log(was_paid ? p : 1 - p);
      }
    CHECK(told.at(0, n, 0) == Approx(sum).epsilon(1e-12));
  }
}

TEST_CASE("[VariBAD eq. ELBO] with β = 1 the first belief's bound is the log evidence less the KL to the posterior") {
  // One trial of one step and one cell, paid: p(paid) = ∫ σ(z(m)) N(m; 0, 1) dm, by quadrature.
  VaribadSpec spec{.memory = {.inputs = 3, .hidden = 4}, .latent_size = 1, .decoder = {}, .kl_weight = 1,
                   .time_steps = 1};
  spec.decoder = {.inputs = 1, .hidden = {3}, .outputs = 1};
  const ParamValues theta = any_parameters(init_varibad(spec, 1, Dtype::f64), 950);
  const int points = 2001;
  const auto grid = [&](int k) { return -8 + 16.0 * k / (points - 1); };
  const auto density = [](double x, double mean, double sigma) {
    return std::exp(-0.5 * (x - mean) * (x - mean) / (sigma * sigma)) / (sigma * std::sqrt(2 * std::acos(-1.0)));
  };

  // All points at once: as many trials of one step, whose noise is the grid.
  Graph graph(Dtype::f64, Graph::Mode::eager);
  Params params;
  for (std::size_t k = 0; k < theta.count(); ++k) params.add(theta.name(k), graph.input(theta[k], theta.name(k)));
  Tensor noise({1, points, 1}), inputs({1, points, 3}), one = Tensor::full({1, points, 1}, 1);
  for (int k = 0; k < points; ++k) noise.set(0, k, 0, grid(k)), inputs.set(0, k, 0, 0.4), inputs.set(0, k, 2, -1.3);
  Batch batch;
  const auto add = [&](const char* name, const Tensor& t) { batch.add(name, graph.input(t, name)); };
  add("inputs", inputs), add("reset", one), add("mask", one), add("memory", Tensor({1, points, 4}));
  add("paid", one), add("unpaid", Tensor({1, points, 1}));
  const nn::Gaussian q = beliefs(params, spec, batch["inputs"], batch["reset"], batch["memory"]).q;
  const double mu = q.mean.value().at(0, 0, 0), sigma = std::exp(q.log_sigma.value().at(0, 0, 0));
  const Tensor at_grid = reconstruction(params, spec, graph.input(noise, "m"), batch).value();  // log p(paid | m)
  const Tensor drawn = reconstruction(params, spec, nn::sample(q, graph.input(noise, "noise")), batch).value();

  double evidence = 0, likelihood = 0, kl_posterior = 0;
  for (int k = 0; k < points; ++k)
    evidence += std::exp(at_grid.at(0, k, 0)) * density(grid(k), 0, 1) * 16 / (points - 1);
  for (int k = 0; k < points; ++k) {
    likelihood += drawn.at(0, k, 0) * density(grid(k), 0, 1) * 16 / (points - 1);
    const double m = grid(k), there = density(m, mu, sigma),
                 posterior = std::exp(at_grid.at(0, k, 0)) * density(m, 0, 1) / evidence;
    if (there > 1e-300) kl_posterior += there * std::log(there / posterior) * 16 / (points - 1);
  }
  const double bound = likelihood - kl_to_belief_before(q, points).value().at(0, 0, 0);
  CHECK(kl_posterior > 1e-3);
  CHECK(bound < std::log(evidence));
  CHECK(bound == Approx(std::log(evidence) - kl_posterior).margin(1e-6));

  // What is descended is that bound, for the noise that was drawn: here the mean of the grid's, all alike weighted.
  double mean = 0;
  for (int k = 0; k < points; ++k) mean += drawn.at(0, k, 0) / points;
  const Elbo terms = elbo(params, spec, batch, graph.input(noise, "noise again"));
  CHECK(terms.reconstruction.value().item() == Approx(mean).epsilon(1e-12));
  CHECK(terms.total.value().item() ==
        Approx(mean - kl_to_belief_before(q, points).value().at(0, 0, 0)).epsilon(1e-10));
}

TEST_CASE("[VariBAD eq. labels] the loss is −log p of the true task, summed over a trial's steps") {
  const TaskLabelSpec spec{.memory = {.inputs = 3, .hidden = 4}, .labels = 3, .time_steps = EagerTrials::steps};
  const ParamValues theta = any_parameters(init_task_labels(spec, 1, Dtype::f64));
  EagerTrials t(theta, 4, some_inputs());
  Tensor label({1, 10, 1});
  for (int step = 0; step < 5; ++step) label.set(0, 2 * step, 0, 2), label.set(0, 2 * step + 1, 0, 1);
  t.add("label", label);
  const Tensor logits =
      label_logits(t.theta, spec, t.batch["inputs"], t.batch["reset"], t.batch["memory"]).logits.value();
  double sum = 0;
  for (int row = 0; row < 10; ++row) {
    if (row == 8) continue;  // trial 0 is over
    double all = 0;
    for (int k = 0; k < 3; ++k) all += std::exp(logits.at(0, row, k));
    sum -= std::log(std::exp(logits.at(0, row, row % 2 == 0 ? 2 : 1)) / all);
  }
  CHECK(label_loss(t.theta, spec, t.batch).value().item() == Approx(sum / 2).epsilon(1e-12));
}

TEST_CASE("VariBAD: nothing of the policy's loss reaches the encoder; without the cut it would") {
  const VaribadSpec spec = small_varibad(EagerTrials::steps);
  EagerTrials t(any_parameters(init_varibad(spec, 1, Dtype::f64)), 4, some_inputs());
  const nn::Gaussian q = beliefs(t.theta, spec, t.batch["inputs"], t.batch["reset"], t.batch["memory"]).q;

  rl::AgentLossSpec loss;
  loss.agent.observations = 7, loss.clip = 0.2;
  loss.agent.policy.net = {.inputs = 7, .hidden = {}, .outputs = 2};
  loss.agent.policy.head = nn::PolicySpec::Head::categorical;
  const ParamValues policy = any_parameters(nn::init_actor_critic(loss.agent, 1), 1000);
  Params policy_vars;
  for (std::size_t k = 0; k < policy.count(); ++k)
    policy_vars.add(policy.name(k), t.graph.input(policy[k], policy.name(k)));
  const auto reach = [&](bool cut) {
    const Var mean = cut ? stop_gradient(q.mean) : q.mean, log_sigma = cut ? stop_gradient(q.log_sigma) : q.log_sigma;
    Batch batch;
    batch.add("observations", concat_cols(std::array{t.batch["inputs"], mean, log_sigma}));
    const auto add = [&](const char* name, const Tensor& x) { batch.add(name, t.graph.input(x, name)); };
    add("actions", Tensor({1, 10, 1})), add("advantages", rl::check_normals({1, 10, 1}, 1100));
    add("returns", rl::check_normals({1, 10, 1}, 1101)), add("weights", Tensor::full({1, 10, 1}, 0.1));
    add("reset", Tensor({1, 10, 1})), add("old_log_prob", Tensor::full({1, 10, 1}, -0.7));
    double most = 0;
    const Params gradient = grad(rl::ppo_loss(policy_vars, loss, batch).total, t.theta);
    for (const Var g : gradient.all())
      for (const double x : g.value().to_vector()) most = std::max(most, std::abs(x));
    return most;
  };
  CHECK(reach(true) == 0);
  CHECK(reach(false) > 1e-3);
}

TEST_CASE("check varibad: every case holds, at every order") {
  for (const CheckCase& c : varibad_check_cases()) {
    const CheckReport report = run_check(c);
    INFO(to_text(report));
    CHECK(report.ok);
  }
}

// Tabular Q-learning: the update by hand, and its fixed point against exact tables.
#include "rl/q_learning.h"

#include <cmath>

#include "autodiff/graph.h"
#include "autodiff/transforms.h"
#include "envs/mdp.h"
#include "envs/table.h"
#include "rl/training/options.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::rl;

namespace {

// Trains on the grid of a seed and returns the trainer's table, and the exact one.
struct Solved {
  Tensor table;
  envs::MdpValues exact;
  double evaluation = 0;
};
Solved solve(const char* env, std::uint64_t seed, double rate, int iterations = 40) {
  OptionValues values = default_values(q_learning.options);
  values.set("env", std::string(env));
  values.set("iterations", std::int64_t{iterations});
  values.set("rate", rate);
  values.set("epsilon", 0.5);
  values.set("rate_power", 0.7);
  const auto trainer = q_learning.make(values, seed);
  Metrics metrics;
  while (trainer->iteration() < trainer->iterations()) metrics = trainer->iterate();
  const envs::Task task = envs::sample_task(envs::find_env(env), seed, Purpose::task, 0, 0);
  return {trainer->state()["table"], envs::value_iteration(envs::mdp_of(env, task), 0.99), metrics[3].value};
}

// V(start) of the table, and how far max_a Q is from the exact value at the start.
double start_value(const Solved& s) {
  double best = s.table.at(0, 0, 0);
  for (int a = 1; a < s.table.shape().cols; ++a) best = std::max(best, s.table.at(0, 0, a));
  return best;
}

}  // namespace

TEST_CASE("[Q eq. target] by hand: terminated is cut, truncated is not") {
  const Tensor table = Tensor::from({1, 2, 3}, std::vector{1.0, 5.0, 2.0, -1.0, -2.0, -3.0});
  CHECK(q_target(table, 1, 0, End::running, 0.5) == 3.5);
  CHECK(q_target(table, 1, 0, End::terminated, 0.5) == 1);
  CHECK(q_target(table, 1, 0, End::truncated, 0.5) == 3.5);
  CHECK(q_target(table, 1, 1, End::running, 0.5) == 0.5);
  CHECK(best_action(table, 0) == 1);
  CHECK(best_action(table, 1) == 0);
}

TEST_CASE("[Q eq. update] moves one entry by α of its error: a gradient step on half the squared error") {
  Tensor table = Tensor::from({1, 2, 3}, std::vector{1.0, 5.0, 2.0, -1.0, -2.0, -3.0});
  const Tensor before = table;
  q_update(table, 1, 2, 7, 0.25);
  CHECK(table.at(0, 1, 2) == -0.5);

  Graph graph(Dtype::f64, Graph::Mode::eager);
  const auto number = [&](double x, const char* name) { return graph.input(Tensor::scalar(x), name); };
  const Var theta = graph.input(before, "table");
  const Var loss = q_loss(theta, number(1, "state"), number(2, "action"), number(7, "target"));
  CHECK(loss.value().item() == 50);
  const Tensor gradient = grad(loss, std::array{theta})[0].value();
  for (int s = 0; s < 2; ++s)
    for (int a = 0; a < 3; ++a)
      CHECK(table.at(0, s, a) == before.at(0, s, a) - 0.25 * gradient.at(0, s, a));
}

TEST_CASE("Q-learning: sweeps of the update on a deterministic maze are value iteration, to 1e-12") {
  // All pairs in turn with α = 1: what is left is the Bellman operator.
  const envs::Mdp mdp = envs::mdp_of("maze-v1", std::vector{5.0});
  const envs::MdpValues exact = envs::value_iteration(mdp, 0.99);
  Tensor table({1, mdp.states, mdp.actions});
  for (int sweep = 0; sweep < 60; ++sweep)
    for (int s = 0; s < mdp.states; ++s)
      for (int a = 0; a < mdp.actions; ++a) {
        int next = -1;
        for (int k = 0; k < mdp.states; ++k)
          if (mdp.P(s, a, k) == 1) next = k;
        const double reward = mdp.reward[mdp.row(s, a)];
        const double y = q_target(table, reward, std::max(next, 0), next < 0 ? End::terminated : End::running, 0.99);
        q_update(table, s, a, y, 1);
      }
  for (int s = 0; s < mdp.states; ++s)
    for (int a = 0; a < mdp.actions; ++a)
      CHECK(std::abs(table.at(0, s, a) - exact.q[mdp.row(s, a)]) <= 1e-12);
}

// [plain] trains until something is learned, which takes minutes under a sanitizer
TEST_CASE("Q-learning solves gridworlds and mazes to their exact values within 2 %; at rate 0 it learns nothing",
          "[learning][plain]") {
  for (const char* env : {"gridworld-v1", "maze-v1"})
    for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
      const Solved solved = solve(env, seed, 1);
      INFO(env << ", seed " << seed << ": learned " << start_value(solved) << ", exact " << solved.exact.v[0]);
      CHECK(std::abs(start_value(solved) - solved.exact.v[0]) <= 0.02 * std::abs(solved.exact.v[0]));
    }
  for (const char* env : {"gridworld-v1", "maze-v1"}) {
    const Solved idle = solve(env, 1, 0, 2);
    CHECK(start_value(idle) == 0);
    CHECK(std::abs(start_value(idle) - idle.exact.v[0]) > 0.02 * std::abs(idle.exact.v[0]));
  }
}

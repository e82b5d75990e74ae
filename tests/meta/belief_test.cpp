// Exact beliefs against what can be counted; training with each of the three beliefs.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "envs/grid_navi.h"
#include "envs/table.h"
#include "meta/grid_walk.h"
#include "meta/varibad_trainer.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

VaribadConfig tiny_varibad_run(BeliefKind kind) {
  VaribadConfig c;
  c.belief = {.kind = kind, .memory = 6, .latent_size = 2, .decoder_hidden = {4}};
  c.iterations = 4;
  c.tasks = 3;
  c.episodes = 2;
  c.buffer = 5;
  c.encoder_batch = 4;
  c.hidden = {8};
  return c;
}
constexpr BeliefKind all_kinds[] = {BeliefKind::variational, BeliefKind::labels, BeliefKind::exact};

}  // namespace

TEST_CASE("[Bayes eq. filter] GridNavi: the goals not yet passed share the belief; a goal that was found has it all") {
  const ExactBelief belief("grid-navi-v1");
  using Grid = envs::GridNavi<double>;
  const std::vector<int> walk = find_grid_walk().first;
  for (int goal = 0; goal < belief.size(); ++goal) {
    const envs::Task task{static_cast<double>(goal)};
    CHECK(belief.index_of(task) == goal);
    std::vector<double> p = belief.prior();
    std::vector<bool> passed(21, false);
    struct Nothing {} nothing;
    Grid::State state{0, 0};
    bool found = false;
    for (const int move : walk) {
      const std::vector<double> s{double(state.x), double(state.y)}, a{double(move)};
      const double r = Grid::step({task[0]}, state, {move}, nothing).reward;
      belief.update(p, s, a, r);
      for (int k = 0; k < 21; ++k) {
        const Grid::State cell = Grid::goal_of(Grid::task(k));
        if (cell.x == state.x && cell.y == state.y) passed[static_cast<std::size_t>(k)] = true;
      }
      found = found || r == 1;
      const auto left = std::count(passed.begin(), passed.end(), false);
      for (int k = 0; k < 21; ++k) {
        const double expected = found ? k == goal : (passed[static_cast<std::size_t>(k)] ? 0 : 1.0 / double(left));
        REQUIRE(p[static_cast<std::size_t>(k)] == Approx(expected).margin(1e-12));
      }
    }
  }
}

TEST_CASE("exact belief: on the half circle the true arc is never excluded, what could not have paid is") {
  for (const char* env : {"semicircle-sparse-v1", "semicircle-dense-v1"}) {
    const ExactBelief belief(env);
    const envs::EnvRow& row = envs::find_env(env);
    for (std::uint32_t k = 0; k < 20; ++k) {
      const envs::Task task = envs::sample_task(row, 5, Purpose::test_task, 0, k);
      const std::size_t truth = static_cast<std::size_t>(belief.index_of(task));
      std::vector<double> p = belief.prior();
      // The nearest arc, or its neighbour where the goal lies between two.
      const auto near_truth = [&] {
        return p[truth] + (truth > 0 ? p[truth - 1] : 0) + (truth < 59 ? p[truth + 1] : 0);
      };
      // Up, and then to the goal.
      std::vector<double> s{0, 0};
      for (int t = 0; t < 20; ++t) {
        const std::vector<double> a{t < 5 ? 0 : std::clamp(task[0] - s[0], -0.1, 0.1),
                                    t < 5 ? 0.1 : std::clamp(task[1] - s[1], -0.1, 0.1)};
        const std::vector<double> next{s[0] + a[0], s[1] + a[1]};
        const double d = std::hypot(next[0] - task[0], next[1] - task[1]);
        const bool dense = std::string(env) == "semicircle-dense-v1";
        belief.update(p, s, a, dense ? -d : (d <= 0.2 ? 1 - d : 0));
        s = next;
        CHECK(std::accumulate(p.begin(), p.end(), 0.0) == Approx(1));
        REQUIRE(near_truth() > 0);
      }
      CHECK(near_truth() > 0.3);
      double far = 0;
      for (std::size_t other = 0; other < p.size(); ++other)
        if (std::hypot(belief.tasks()[other][0] - task[0], belief.tasks()[other][1] - task[1]) > 0.2) far += p[other];
      CHECK(far < 1e-6);
    }
  }
  CHECK_THROWS_AS(ExactBelief("cartpole-v1"), rl::UsageError);

  // A walk along the circle and across it, seen by many goals: the arc that the goal lies in stays, at every edge.
  for (const bool dense : {false, true}) {
    const ExactBelief on_walk(dense ? "semicircle-dense-v1" : "semicircle-sparse-v1");
    int edges = 0;  // the middle of the true arc pays what the goal does not
    for (int goal = 0; goal < 997; ++goal) {
      const double angle = envs::pi<double> * (goal + 0.5) / 997;
      const envs::Task task{std::cos(angle), std::sin(angle)};
      const int truth = static_cast<int>(60 * (goal + 0.5) / 997);
      std::vector<double> p_walk = on_walk.prior();
      std::vector<double> at{1.05, 0};
      for (int t = 0; t < 100; ++t) {
        const double along = envs::pi<double> * t / 99, radius = t % 2 == 0 ? 1.05 : 0.98;
        const std::vector<double> next{radius * std::cos(along), radius * std::sin(along)};
        const std::vector<double> move{next[0] - at[0], next[1] - at[1]};
        REQUIRE(std::max(std::abs(move[0]), std::abs(move[1])) <= 0.1);
        const double d = std::hypot(next[0] - task[0], next[1] - task[1]), r = dense ? -d : d <= 0.2 ? 1 - d : 0;
        on_walk.update(p_walk, at, move, r);
        edges += std::abs(on_walk.reward(truth, at, move) - r) > 0.5;
        at = next;
        REQUIRE(p_walk[static_cast<std::size_t>(truth)] > 0);
      }
    }
    CHECK((edges > 0) == !dense);
  }

  // One arc is left, and another's goal is stepped on: nothing possible explains a reward of 1, and the last arc stays.
  const ExactBelief belief("semicircle-sparse-v1");
  std::vector<double> p(60);
  p[0] = 1;
  const envs::Task& other = belief.tasks()[30];
  belief.update(p, std::vector<double>{other[0], other[1] - 0.1}, std::vector<double>{0, 0.1}, 1);
  CHECK(p[0] == 1);
  CHECK(p[30] == 0);
}

TEST_CASE("beliefs: what acting saw is what training reads, and a test's trial is the trial of training") {
  for (const BeliefKind kind : all_kinds) {
    const VaribadConfig config = tiny_varibad_run(kind);
    VaribadTrainer trainer(config, 1);
    trainer.iterate();

    // A whole trial, and the same through the protocol, episode by episode.
    const envs::EnvRow& env = envs::find_env("grid-navi-v1");
    rl::AdaptRequest request{.tasks = Tensor({1, 3, 1}), .steps = 1, .trajectories = 1};
    for (int task = 0; task < 3; ++task) request.tasks.set(0, task, 0, 5 * task);
    const rl::AdaptReport report = trainer.adapt(request);
    CHECK(bitwise_equal(report.returns, trainer.adapt(request).returns));
    CHECK(report.env_steps.at(0, 0, 1) == env.spec.horizon);

    // The values that acting noted are those of the policy on (state, belief) of all rows at once.
    rl::TrialConfig trial{.env = &env, .episodes = 2};
    const Beliefs& beliefs = trainer.beliefs();
    nn::ActorCriticSpec policy;
    policy.observations = 2 + beliefs.size();
    policy.policy = {.net = {.inputs = policy.features(), .hidden = {8}, .outputs = 5},
                     .head = nn::PolicySpec::Head::categorical};
    policy.value_hidden = {8};
    const RecurrentAgent agent(trial, policy, Dtype::f32, belief_memory(beliefs, policy, 2));
    ParamValues theta = trainer.encoder();
    for (std::size_t k = 0; k < trainer.policy().count(); ++k)
      theta.add(trainer.policy().name(k), trainer.policy()[k]);
    const rl::Trials trials = agent.play(theta, tasks_of(request), 1, {.seed = 4});
    const rl::AgentActor all_at_once(policy);
    const rl::AgentStep said =
        all_at_once.step(theta, beside_belief(trials.observations, beliefs.of_trials(theta, trials)),
                         Tensor({1, trials.rows(), 1}, Dtype::f32), {});
    for (int row = 0; row < trials.rows(); ++row)
      REQUIRE(said.value[static_cast<std::size_t>(row)] == Approx(trials.values.at(0, row, 0)).margin(1e-5));
  }
}

TEST_CASE("VariBAD: the policy's steps leave the encoder as it is, and the encoder's the policy") {
  for (const BeliefKind kind : {BeliefKind::variational, BeliefKind::labels}) {
    VaribadConfig policy_alone = tiny_varibad_run(kind), encoder_alone = policy_alone;
    policy_alone.encoder_updates = 0;
    encoder_alone.descent.learning_rate = 0;
    VaribadTrainer first(policy_alone, 1), second(encoder_alone, 1);
    const ParamValues encoder = first.encoder(), policy = first.policy();
    first.iterate(), second.iterate();
    CHECK(bitwise_equal(first.encoder(), encoder));
    CHECK_FALSE(bitwise_equal(first.policy(), policy));
    CHECK_FALSE(bitwise_equal(second.encoder(), encoder));
    CHECK(bitwise_equal(second.policy(), policy));
  }
}

TEST_CASE("VariBAD: beside the reconstruction stands what the exact posterior would tell, by hand") {
  VaribadConfig config = tiny_varibad_run(BeliefKind::variational);
  config.dtype = Dtype::f64;
  VaribadTrainer trainer(config, 1);
  // Two trials of 30 steps, twice to the right and then still: the first is paid nothing in cell 2, the second all.
  constexpr int H = 30, N = 2, X = 9, right = 2, still = 0;
  BatchValues batch;
  Tensor inputs({1, H * N, X}), reset({1, H * N, 1}), paid({1, N, 25}), unpaid({1, N, 25});
  for (int t = 0; t < H; ++t)
    for (int n = 0; n < N; ++n) {
      inputs.set(0, t * N + n, 0, std::min(t, 2));
      if (t == 0) continue;
      inputs.set(0, t * N + n, 2 + (t <= 2 ? right : still), 1);
      inputs.set(0, t * N + n, 7, t >= 2 && n == 1 ? 1 : -0.1);
    }
  for (int n = 0; n < N; ++n) reset.set(0, n, 0, 1), unpaid.set(0, n, 1, 1);
  unpaid.set(0, 0, 2, H - 1), paid.set(0, 1, 2, H - 1);
  batch.add("inputs", inputs), batch.add("reset", reset), batch.add("paid", paid), batch.add("unpaid", unpaid);
  batch.add("mask", Tensor::full({1, H * N, 1}, 1));
  // Only the first two beliefs, 1/21 for each goal, do not know what cell 2 pays. Cell 1 is no goal.
  const double expected = (2 * (H - 1) * std::log(20.0 / 21) + 2 * (H - 1) * std::log(1.0 / 21)) / N;
  CHECK(trainer.exact_reconstruction(batch) == Approx(expected).epsilon(1e-12));
}

TEST_CASE("VariBAD: resumed, a run continues to the bit, with each belief") {
  for (const BeliefKind kind : all_kinds) {
    const VaribadConfig config = tiny_varibad_run(kind);
    VaribadTrainer whole(config, 1), half(config, 1), resumed(config, 1);
    whole.iterate(), half.iterate();
    resumed.restore(half.state(), 1);
    for (int k = 0; k < 2; ++k) {
      const rl::Metrics a = whole.iterate(), b = resumed.iterate();
      for (std::size_t m = 0; m < a.size(); ++m) CHECK(a[m].value == b[m].value);
    }
  }
}

TEST_CASE("VariBAD: what cannot be is said before anything runs") {
  VaribadConfig no_cells = tiny_varibad_run(BeliefKind::variational);
  no_cells.env = "semicircle-sparse-v1";
  CHECK_THROWS_AS(VaribadTrainer(no_cells, 1), rl::UsageError);
  VaribadConfig no_posterior = tiny_varibad_run(BeliefKind::exact);
  no_posterior.env = "cartpole-v1";
  CHECK_THROWS_AS(VaribadTrainer(no_posterior, 1), rl::UsageError);
  // A Gaussian policy with the exact belief over the half circle.
  VaribadConfig arcs = tiny_varibad_run(BeliefKind::exact);
  arcs.env = "semicircle-sparse-v1";
  VaribadTrainer trainer(arcs, 1);
  CHECK(trainer.beliefs().size() == 60);
  CHECK(trainer.iterate()[3].value == 3 * 2 * 20);
}

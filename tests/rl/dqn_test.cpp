// Deep Q-networks: targets by hand, the loss in both forms, and what the trainer does with them.
#include "rl/dqn.h"

#include <algorithm>
#include <cmath>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "envs/mdp.h"
#include "envs/table.h"
#include "kernels/threads.h"
#include "rl/training/options.h"
#include "tests/catch.h"
#include "tests/rl/columns.h"

using namespace innerloop;
using namespace innerloop::rl;

namespace {

// Three rows of an ordinary, a terminated and a truncated step (which is stored as not terminated).
struct Rows {
  Tensor rewards = column({1, -2, 0.5}), terminated = column({0, 1, 0});
  Tensor q_target = Tensor::from({1, 3, 2}, std::vector{4.0, 3.0, 7.0, 8.0, -1.0, -2.0});
  Tensor q_online = Tensor::from({1, 3, 2}, std::vector{0.0, 1.0, 5.0, 6.0, 9.0, 2.0});
};

}  // namespace

TEST_CASE("[DQN eq. target] by hand: terminated is cut, truncated is not") {
  const Rows rows;
  const Tensor y = dqn_targets(rows.rewards, rows.terminated, rows.q_target, nullptr, 0.5);
  CHECK(y.to_vector() == std::vector<double>{1 + 0.5 * 4, -2, 0.5 - 0.5});
  const Tensor y32 = dqn_targets(rows.rewards.to(Dtype::f32), rows.terminated.to(Dtype::f32),
                                 rows.q_target.to(Dtype::f32), nullptr, 0.5);
  CHECK(y32.to_vector() == y.to_vector());
}

TEST_CASE("[DQN eq. target] a state's values are its own: the next row's larger ones are not looked at") {
  const Tensor zero({1, 3, 1});
  const auto rows = [](std::vector<double> q) { return Tensor::from({1, 3, 2}, q); };
  const Tensor q = rows({1, 2, 9, 3, 20, 4}), online = rows({5, 6, 7, 1, 30, 2});
  for (Dtype dtype : {Dtype::f64, Dtype::f32}) {
    const Tensor chooser = online.to(dtype);
    CHECK(dqn_targets(zero.to(dtype), zero.to(dtype), q.to(dtype), nullptr, 1).to_vector() ==
          std::vector<double>{2, 9, 20});
    CHECK(dqn_targets(zero.to(dtype), zero.to(dtype), q.to(dtype), &chooser, 1).to_vector() ==
          std::vector<double>{2, 9, 20});
  }
}

TEST_CASE("[DQN eq. double] the online network chooses, the target network says what it is worth") {
  const Rows rows;
  const Tensor y = dqn_targets(rows.rewards, rows.terminated, rows.q_target, &rows.q_online, 0.5);
  CHECK(y.to_vector() == std::vector<double>{1 + 0.5 * 3, -2, 0.5 - 0.5});
}

TEST_CASE("[DQN eq. loss] the gradient is the error, limited to ±1 with the Huber loss") {
  for (const Dtype dtype : {Dtype::f32, Dtype::f64})
    for (const int rows : {6, 128}) {
      // A network without hidden layers whose weights are 0: Q(s, a) is its bias, so ∂L/∂bias is the mean error by
      // action.
      DqnSpec spec{.net = {.inputs = 1, .hidden = {}, .outputs = 2}};
      ParamValues theta = nn::init_mlp(spec.net, 1, "q", dtype);
      theta["q/W1"] = Tensor({1, 1, 2}, dtype);
      theta["q/b1"] = Tensor::from({1, 1, 2}, std::vector{0.25, -0.5}, dtype);
      BatchValues batch;
      std::vector<double> actions, targets;
      double squared_gradient[2] = {}, huber_gradient[2] = {}, squared = 0, huber = 0;
      for (int row = 0; row < rows; ++row) {
        actions.push_back(row % 3 == 0 ? 1 : 0);
        targets.push_back(0.37 * (row % 11) - 1.6);
        const auto a = static_cast<std::size_t>(actions.back());
        const double error = (a == 0 ? 0.25 : -0.5) - targets.back(), size = std::abs(error);
        squared += 0.5 * error * error / rows;
        huber += (size <= 1 ? 0.5 * error * error : size - 0.5) / rows;
        squared_gradient[a] += error / rows;
        huber_gradient[a] += std::clamp(error, -1.0, 1.0) / rows;
      }
      batch.add("observations", column(std::vector<double>(static_cast<std::size_t>(rows), 1.0), dtype));
      batch.add("actions", column(actions, dtype));
      batch.add("targets", column(targets, dtype));

      const DqnFunctions functions;
      for (const bool is_huber : {false, true}) {
        spec.huber = is_huber;
        const std::vector<Tensors> got = functions.gradient(spec, {theta, batch});
        const double tolerance = dtype == Dtype::f32 ? 1e-6 : 1e-14;
        CHECK(got[1]["loss"].item() == Approx(is_huber ? huber : squared).margin(tolerance));
        for (int a : {0, 1})
          CHECK(got[0]["q/b1"].at(0, 0, a) ==
                Approx(is_huber ? huber_gradient[a] : squared_gradient[a]).margin(tolerance));
      }
    }
}

TEST_CASE("DQN: with errors below 1 both losses have the same gradient, with hidden layers and many rows") {
  for (const Dtype dtype : {Dtype::f32, Dtype::f64}) {
    DqnSpec spec{.net = {.inputs = 4, .hidden = {120, 84}, .outputs = 2, .activation = Activation::relu}};
    const ParamValues theta = nn::init_mlp(spec.net, 1, "q", dtype);
    std::vector<double> observations, actions, targets;
    for (int row = 0; row < 128; ++row) {
      for (int k = 0; k < 4; ++k) observations.push_back(0.1 * std::sin(1.0 * row + k));
      actions.push_back(row % 2);
      targets.push_back(0.3 * std::cos(2.0 * row));
    }
    BatchValues batch;
    batch.add("observations", Tensor::from({1, 128, 4}, observations, dtype));
    batch.add("actions", column(actions, dtype));
    batch.add("targets", column(targets, dtype));
    const DqnFunctions functions;
    const Tensors huber = functions.gradient(spec, {theta, batch})[0];
    spec.huber = false;
    const Tensors squared = functions.gradient(spec, {theta, batch})[0];
    CHECK(norm(huber - squared) <= (dtype == Dtype::f32 ? 1e-6 : 1e-14) * norm(squared));
  }
}

namespace {

using Setting = std::pair<const char*, OptionValue>;

std::unique_ptr<Trainer> trained(std::initializer_list<Setting> settings, std::uint64_t seed, Metrics* last = nullptr) {
  OptionValues values = default_values(dqn.options);
  for (const auto& [name, value] : settings) values.set(name, value);
  auto trainer = dqn.make(values, seed);
  while (trainer->iteration() < trainer->iterations()) {
    const Metrics metrics = trainer->iterate();
    if (last != nullptr) *last = metrics;
  }
  return trainer;
}
// What the greedy policy of a run on gridworld-v1 is truly worth at the start, over the optimum: both exact.
struct GridResult { double policy = 0, optimum = 0; };
GridResult on_gridworld(double rate, std::uint64_t seed) {
  const auto trainer = trained({{"env", std::string("gridworld-v1")}, {"steps", whole(120000)},
                                {"iterations", whole(1)}, {"learning_starts", whole(1000)}, {"epsilon", 1.0},
                                {"hidden", std::vector<std::int64_t>{32}}, {"batch", whole(256)},
                                {"capacity", whole(60000)}, {"update_every", whole(3)}, {"target_every", whole(1)},
                                {"tau", 0.005}, {"learning_rate", rate}, {"evaluation_episodes", whole(1)}},
                               seed);
  // Q of every cell, in one batch of one-hot rows.
  ParamValues theta;
  const Tensors state = trainer->state();
  for (std::size_t k = 0; k < state.count(); ++k)
    if (state.name(k).starts_with("theta/")) theta.add(state.name(k).substr(6), state[k]);
  Tensor cells({1, 25, 25}, Dtype::f32);
  for (int s = 0; s < 25; ++s) cells.set(0, s, s, 1);
  const DqnSpec spec{.net = {.inputs = 25, .hidden = {32}, .outputs = 4, .activation = Activation::relu}};
  const Tensor q = DqnFunctions().values(spec, {theta, cells})[0][0];
  const envs::Mdp mdp =
      envs::mdp_of("gridworld-v1", envs::sample_task(envs::find_env("gridworld-v1"), seed, Purpose::task, 0, 0));
  std::vector<double> policy(100);
  for (int s = 0; s < 25; ++s) {
    int best = 0;
    for (int a = 1; a < 4; ++a)
      if (q.at(0, s, a) > q.at(0, s, best)) best = a;
    policy[static_cast<std::size_t>(4 * s + best)] = 1;
  }
  return {envs::policy_values(mdp, policy, 0.99)[0], envs::value_iteration(mdp, 0.99).v[0]};
}

}  // namespace

// Random actions throughout: values are learned off the policy, and two ways of nearly the same worth are told apart
// only by cells that a greedy walk would leave out.
// [plain] trains until something is learned, which takes minutes under a sanitizer
// Five recorded runs of it: tests/app/recorded_off_policy_test.cpp.
TEST_CASE("DQN solves gridworlds to their exact values within 2 %, two seeds; at rate 0 it does not",
          "[learning][plain]") {
  for (const std::uint64_t seed : {1, 2}) {
    const GridResult result = on_gridworld(3e-4, seed);
    INFO("seed " << seed << ": policy " << result.policy << ", optimum " << result.optimum);
    CHECK(result.policy <= result.optimum + 1e-9);
    CHECK(result.policy >= result.optimum - 0.02 * std::abs(result.optimum));
  }
  const GridResult idle = on_gridworld(0, 1);
  CHECK(idle.policy < idle.optimum - 0.02 * std::abs(idle.optimum));
}

TEST_CASE(
    "DQN: bits do not depend on the number of threads, and a run taken away and brought back goes on bit for bit") {
  const std::initializer_list<Setting> settings = {
      {"hidden", std::vector<std::int64_t>{8}}, {"batch", whole(16)},        {"steps", whole(130)},
      {"iterations", whole(4)},                 {"learning_starts", whole(50)}, {"update_every", whole(3)},
      {"target_every", whole(5)},               {"evaluation_episodes", whole(2)}};
  const int threads = thread_count();
  set_thread_count(1);
  const Tensors one = trained(settings, 7)->state();
  set_thread_count(3);
  CHECK(bitwise_equal(trained(settings, 7)->state(), one));
  set_thread_count(threads);

  OptionValues values = default_values(dqn.options);
  for (const auto& [name, value] : settings) values.set(name, value);
  auto first = dqn.make(values, 7), second = dqn.make(values, 7);
  first->iterate();
  second->restore(first->state(), 1);
  for (int k = 0; k < 3; ++k) second->iterate();
  CHECK(bitwise_equal(second->state(), one));
}

TEST_CASE("DQN: an iteration without an update reports the last one's loss, resumed or not") {
  // Updates at steps 10, 20, 30, …: the iterations of 4 steps that end at 12 and 20 see one, that at 16 does not.
  OptionValues values = default_values(dqn.options);
  for (const auto& [name, value] : std::initializer_list<Setting>{
           {"hidden", std::vector<std::int64_t>{8}}, {"batch", whole(4)}, {"steps", whole(4)},
           {"learning_starts", whole(8)}, {"update_every", whole(10)}, {"evaluation_episodes", whole(1)}})
    values.set(name, value);
  const auto straight = dqn.make(values, 7), resumed = dqn.make(values, 7);
  double loss = 0;
  for (int k = 1; k <= 3; ++k) loss = straight->iterate()[4].value;
  CHECK(loss > 0);
  resumed->restore(straight->state(), 3);
  const Metrics expected = straight->iterate(), got = resumed->iterate();
  REQUIRE(expected[4].name == "loss");
  CHECK(expected[4].value == loss);
  REQUIRE(got.size() == expected.size());
  for (std::size_t k = 0; k < got.size(); ++k) CHECK(got[k].value == expected[k].value);
}

TEST_CASE("DQN: a gradient that is not finite is reported as such, though the loss is") {
  // An error of 1e18 and an observation of 1e22: the loss is 5e35, the gradient 1e40, more than f32 holds.
  const DqnSpec spec{.net = {.inputs = 1, .hidden = {}, .outputs = 2}};
  ParamValues theta = nn::init_mlp(spec.net, 1, "q", Dtype::f32);
  theta["q/W1"] = Tensor({1, 1, 2}, Dtype::f32);
  BatchValues batch;
  batch.add("observations", column({1e22, 1}, Dtype::f32));
  batch.add("actions", column({0, 1}, Dtype::f32));
  batch.add("targets", column({1e18, 1}, Dtype::f32));
  const Tensors reported = DqnFunctions().gradient(spec, {theta, batch})[1];
  CHECK(std::isfinite(reported["loss"].item()));
  CHECK_FALSE(std::isfinite(reported["gradient"].item()));
  CHECK_FALSE(reported.all_finite());
}

// [plain] trains until something is learned, which takes minutes under a sanitizer
TEST_CASE("DQN learns CartPole in 60 000 steps; at rate 0 it does not; with the Huber loss it diverges",
          "[learning][plain]") {
  const auto evaluation = [](double rate, bool huber, std::int64_t iterations, double* target = nullptr) {
    Metrics metrics;
    trained({{"learning_rate", rate}, {"huber", huber}, {"iterations", whole(iterations)}}, 1, &metrics);
    REQUIRE(metrics[3].name == "evaluation");
    REQUIRE(metrics[5].name == "target");
    if (target != nullptr) *target = metrics[5].value;
    return metrics[3].value;
  };
  CHECK(evaluation(2.5e-4, false, 6) >= 300);
  CHECK(evaluation(0, false, 2) < 50);
  double target = 0;
  evaluation(2.5e-4, true, 4, &target);
  CHECK(target > 100);  // more than a pole that never falls can earn: 1/(1 − γ)
}

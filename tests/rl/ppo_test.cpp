// PPO: the clipped objective's four quadrants, and its relation to the plain policy gradient.
#include "rl/ppo.h"

#include <cmath>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "tests/catch.h"
#include "tests/rl/agent_batch.h"

using namespace innerloop;
using namespace innerloop::rl;
using Core = nn::ActorCriticSpec::Core;

namespace {

struct Point {
  double objective, slope;  // and its derivative in log π
};

// One row with this ratio and advantage, ε = 0.2.
Point objective_at(double ratio, double advantage) {
  Graph graph(Dtype::f64, Graph::Mode::eager);
  Vars batch;
  batch.add("old_log_prob", graph.input(Tensor::scalar(-1.3), "old"));
  batch.add("advantages", graph.input(Tensor::scalar(advantage), "advantages"));
  batch.add("weights", graph.input(Tensor::scalar(1), "weights"));
  const Var log_prob = graph.input(Tensor::scalar(-1.3 + std::log(ratio)), "log_prob");
  const Var objective = ppo_objective(log_prob, batch, 0.2);
  const Var slope = grad(objective, std::span(&log_prob, 1))[0];
  return {objective.value().item(), slope.value().item()};
}

}  // namespace

TEST_CASE("[PPO eq. 7] four quadrants: only the side that the advantage asks for is clipped") {
  const struct {
    double ratio, advantage, objective, slope;
  } quadrants[] = {
      {1.5, 2, 1.2 * 2, 0},             // better than expected, already likelier: enough
      {0.5, 2, 0.5 * 2, 0.5 * 2},       // better, but less likely than before: the full pull back
      {1.5, -2, 1.5 * -2, 1.5 * -2},    // worse, and likelier: the full push down
      {0.5, -2, 0.8 * -2, 0},           // worse, already less likely: enough
      {1.1, 2, 1.1 * 2, 1.1 * 2},       // inside the interval the ratio itself, on all sides
      {0.9, 2, 0.9 * 2, 0.9 * 2},
      {1.1, -2, 1.1 * -2, 1.1 * -2},
      {0.9, -2, 0.9 * -2, 0.9 * -2},
  };
  for (const auto& q : quadrants) {
    CAPTURE(q.ratio, q.advantage);
    const Point point = objective_at(q.ratio, q.advantage);
    CHECK(point.objective == Approx(q.objective).epsilon(1e-13));
    CHECK(point.slope == Approx(q.slope).margin(1e-13));
  }
}

TEST_CASE("[PPO eq. 9] at the old policy the gradient is that of the actor-critic; the parts add up") {
  for (const Core core : {Core::none, Core::lstm, Core::gru}) {
    const AgentLossSpec config = small_agent(core, core == Core::none ? 1 : 4);
    const ParamValues theta = nn::init_actor_critic(config.agent, 2);
    BatchValues batch = small_batch(config, 3, false);
    const PpoFunctions functions;
    batch["old_log_prob"] = functions.old_log_prob(config, {theta, batch})[0][0];
    const std::vector<Tensors> ppo_out = functions.gradient(config, {theta, batch});
    const std::vector<Tensors> a2c_out = A2cFunction()(config, {theta, batch});
    CHECK(norm(ppo_out[0] - a2c_out[0]) < 1e-14 * (1 + norm(a2c_out[0])));
    CHECK(ppo_out[1]["kl"].item() == Approx(0).margin(1e-15));
    CHECK(ppo_out[1]["clip_fraction"].item() == 0);
    CHECK(ppo_out[1]["value_loss"].item() == Approx(a2c_out[1]["value_loss"].item()).epsilon(1e-13));

    // Away from it: ratios differ, the estimate of the KL is positive.
    batch["old_log_prob"] = Tensor::full(batch["old_log_prob"].shape(), -2);
    const Tensors parts = functions.gradient(config, {theta, batch})[1];
    CHECK(parts["kl"].item() > 0);
    CHECK(parts["clip_fraction"].item() == Approx(1));
  }
}

TEST_CASE("ppo: more minibatches than sequences are refused") {
  OptionValues values = default_values(ppo.options);
  values.set("core", std::string("lstm"));
  values.set("minibatches", std::int64_t{16});
  CHECK_THROWS_WITH(ppo.make(values, 1), Catch::Matchers::ContainsSubstring("whole environment"));
}

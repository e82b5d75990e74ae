#include "rl/experience/value_network.h"

#include <algorithm>
#include <string>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "rl/experience/returns.h"

namespace innerloop::rl {
namespace {

std::vector<Vars> trace_values(Inputs& in, const nn::MlpSpec& net) {
  const Params theta = in.next("theta");
  Vars out;
  out.add("value", nn::mlp(theta, net, value_prefix, in.next_var("observations")));
  return {out};
}

std::vector<Vars> trace_fit(Inputs& in, const nn::MlpSpec& net) {
  const Params theta = in.next("theta");
  return {grad(value_fit_loss(theta, net, in.next("batch")), theta)};
}

Tensor scaled(const Tensor& x, double factor) {
  Tensors list;
  list.add("x", x);
  return (factor * list)[0];
}

}  // namespace

Var value_fit_loss(const Params& theta, const nn::MlpSpec& net, const Batch& batch) {
  const Var error = nn::mlp(theta, net, value_prefix, batch["observations"]) - batch["targets"];
  return 0.5 * sum_tasks(sum_all(batch["weights"] * square(error)));
}

ValueNetwork::ValueNetwork(const ValueNetworkConfig& config, std::uint64_t seed, Dtype dtype)
    : config_(config),
      theta_(nn::init_mlp(config.net, seed, value_prefix, dtype)),
      adam_(nn::adam_start(theta_)),
      forward_("value_network/forward", &trace_values),
      gradient_("value_network/gradient", &trace_fit) {}

double ValueNetwork::scale() const { return config_.gamma < 0.99 ? 1 / (1 - config_.gamma) : 100; }

ValueNetwork::Values ValueNetwork::predict(const Trajectories& trajectories) const {
  Values out;
  const auto values_of = [&](const Tensor& seen) {
    return scaled(forward_(config_.net, {theta_, seen})[0][0].to(Device::cpu), scale());
  };
  out.values = values_of(trajectories.observations);
  out.end_values = Tensor(trajectories.rewards.shape(), trajectories.rewards.dtype());

  // What lies beyond a cut.
  const Tensor last = trajectories.last_observations.to(trajectories.rewards.dtype());
  const Tensor beyond = values_of(last);  // (B, N, 1)
  for (int task = 0; task < trajectories.tasks; ++task)
    for (int n = 0; n < trajectories.per_task; ++n)
      if (trajectories.truncated[static_cast<std::size_t>(trajectories.lane(task, n))])
        out.end_values.set(task, trajectories.first_row(task, n + 1) - 1, 0, beyond.at(task, n, 0));
  return out;
}

Tensor ValueNetwork::advantages_then_fit(const Trajectories& trajectories) {
  const Values v = predict(trajectories);
  const Tensor advantages = gae(trajectories, v.values, config_.gamma, config_.lambda, v.end_values);

  // Targets Â + V, in the network's own unit; every step weighs the same.
  Tensors a, b;
  a.add("targets", advantages);
  b.add("targets", v.values);
  BatchValues batch = (1 / scale()) * (a + b);
  Tensors weights;
  weights.add("weights", trajectories.mask);
  batch.add("weights", ((1.0 / static_cast<double>(trajectories.steps())) * weights)[0]);
  batch.add("observations", trajectories.observations);
  for (int step = 0; step < config_.fit_steps; ++step)
    nn::adam_step(theta_, gradient_(config_.net, {theta_, batch})[0], adam_, {.learning_rate = config_.learning_rate});
  return advantages;
}

void ValueNetwork::visit(Checkpoint& c) {
  c("", theta_);
  c("baseline/adam", adam_);
}

}  // namespace innerloop::rl

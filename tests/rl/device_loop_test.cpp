// TRPO on a device, emulated: conjugate gradients stay there, and replay what was captured.
#include <set>

#include "autodiff/device.h"
#include "envs/table.h"
#include "rl/experience/batch.h"
#include "rl/experience/agent.h"
#include "rl/experience/on_policy.h"
#include "rl/trpo.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::rl;

namespace {

struct DeviceProblem {
  nn::PolicySpec policy;
  ParamValues theta;
  BatchValues batch;
};
DeviceProblem on_device() {
  const envs::EnvRow& env = envs::find_env("point-nav-v1");
  DeviceProblem p{.policy = policy_for(env, {7, 5}, Activation::tanh, -0.3), .theta = {}, .batch = {}};
  const ParamValues theta = nn::init_policy(p.policy, 5, Dtype::f64);
  p.batch = make_batch(Rollout(env, p.policy, 12).collect(theta, {{0.3, 0.1}, {-0.2, 0.4}}, 4, {.seed = 3}), {});
  p.theta = theta.to(Device::simt);
  return p;
}

bool all_on_device(const Tensors& list) {
  for (std::size_t i = 0; i < list.count(); ++i)
    if (list[i].device() != Device::simt) return false;
  return list.count() > 0;
}

struct Solver {
  DeviceProblem problem = on_device();
  TrpoFunctions functions;
  Tensor damping = Tensor::scalar(0.1);

  Tensors iterate(const Tensors& state) const {
    const auto& [policy, theta, batch] = problem;
    return functions.cg_iteration(policy, {fixed(theta), fixed(batch), fixed(damping), state})[0];
  }
  Tensors gradient() const {
    const Tensor old = functions.old_policy(problem.policy, {problem.theta, problem.batch})[1]["log_prob"];
    return functions.gradient(problem.policy, {problem.theta, problem.batch, old})[0];
  }
};

}  // namespace

TEST_CASE("ten iterations of conjugate gradients on the device copy nothing to the CPU, and the vectors stay there",
          "[device]") {
  const Solver solver;
  const Tensors g = solver.gradient();
  CHECK(all_on_device(g));
  std::uint64_t copies_at_first = 0, copies_at_last = 0;
  int calls = 0;
  const auto iterate = [&](const Tensors& state) {
    if (calls++ == 0) copies_at_first = device_statistics().copies_to_host;
    Tensors next = solver.iterate(state);
    copies_at_last = device_statistics().copies_to_host;
    CHECK(all_on_device(next));
    return next;
  };
  const ConjugateGradientResult result = conjugate_gradient(iterate, g, 10, 0);
  CHECK(calls == 10);
  CHECK(copies_at_last == copies_at_first);
  CHECK(device_statistics().copies_to_host > copies_at_last);  // the numbers of the report: copies are counted
  CHECK(all_on_device(result.x));
}

TEST_CASE("after TRPO's update on a device the parameters are on the device", "[device]") {
  const Solver solver;
  const TrpoStep step =
      trpo_update(solver.problem.theta, solver.problem.policy, solver.problem.batch, solver.functions, {});
  CHECK(step.search.fraction > 0);
  CHECK(all_on_device(step.search.theta));
}

TEST_CASE("fifty iterations of conjugate gradients replay a few graphs: nothing is captured after the first six",
          "[device]") {
  const Solver solver;
  Tensors state = cg_start(solver.gradient(), 0);
  const DeviceStatistics& statistics = device_statistics();
  const std::uint64_t captures = statistics.captures, replays = statistics.replays;
  std::uint64_t captures_of_six = 0;
  for (int i = 0; i < 50; ++i) {
    state = solver.iterate(state);
    if (i == 5) captures_of_six = statistics.captures - captures;
  }
  CHECK(captures_of_six >= 1);
  CHECK(captures_of_six <= 3);
  CHECK(statistics.captures - captures == captures_of_six);
  CHECK(statistics.replays - replays >= 44);
}

TEST_CASE("where memory lies depends on what is in use, not on the order in which the rest came back", "[device]") {
  const auto block = [] { return allocate(Device::simt, 7777); };
  std::shared_ptr<std::byte[]> a = block(), b = block(), c = block();
  const void *first = a.get(), *second = b.get(), *third = c.get();
  for (int order = 0; order < 3; ++order) {
    if (order == 0) a.reset(), b.reset(), c.reset();
    else if (order == 1) c.reset(), a.reset(), b.reset();
    else b.reset(), c.reset(), a.reset();
    a = block(), b = block(), c = block();
    CHECK(a.get() < b.get());
    CHECK(b.get() < c.get());
  }
  CHECK(std::set<const void*>{a.get(), b.get(), c.get()} == std::set<const void*>{first, second, third});
}

TEST_CASE("all programs of a device share one workspace, as large as the largest asks for", "[device]") {
  const std::shared_ptr<std::byte[]> small = shared_workspace(Device::simt, 1000);
  CHECK(shared_workspace(Device::simt, 10).get() == small.get());
  const std::shared_ptr<std::byte[]> large = shared_workspace(Device::simt, std::size_t{1} << 22);
  CHECK(large.get() != small.get());
  CHECK(shared_workspace(Device::simt, 1000).get() == large.get());
}

// What truncated backpropagation costs: the gradient in windows of W steps beside that of the whole trial.
#include <cmath>

#include "envs/table.h"
#include "meta/rl2.h"
#include "rl/experience/agent.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

struct Bias { double error, cosine; };  // ‖g_W − g‖/‖g‖; cos(g_W, g)

}  // namespace

// [plain] trains for a second, which takes long under a sanitizer
TEST_CASE("rl2: what truncation costs depends on where the windows end; it is nothing at the trial's length",
          "[learning][plain]") {
  // An agent that has begun to learn the bandit of ten pulls.
  rl::OptionValues values = rl::default_values(rl2.options);
  const auto set = [&](const char* name, const char* text) {
    values.set(name, rl::parse_value(*rl::find_option(rl2.options, name), text));
  };
  set("iterations", "400"), set("anneal_entropy", "false"), set("dtype", "f64");
  const std::unique_ptr<rl::Trainer> trainer = rl2.make(values, 1);
  while (trainer->iteration() < trainer->iterations()) trainer->iterate();
  const Tensors state = trainer->state();
  ParamValues theta;
  for (std::size_t k = 0; k < state.count(); ++k)
    for (const char* part : {"core/", "policy/", "value/"})
      if (state.name(k).starts_with(part)) theta.add(state.name(k), state[k]);

  // 2 000 trials with it.
  rl::TrialConfig trial;
  trial.env = &envs::find_env("rl2-bandit-k5-n10-v1"), trial.episodes = 10;
  rl::AgentLossSpec loss;
  loss.agent.core = nn::ActorCriticSpec::Core::lstm, loss.agent.core_size = 48;
  loss.agent.observations = rl::trial_input_size(trial);
  loss.agent.policy = rl::policy_for(*trial.env, {}, Activation::tanh);
  loss.agent.policy.net.inputs = 48;
  loss.value_weight = 0.05, loss.entropy_weight = 0.02, loss.time_steps = 10;
  std::vector<envs::Task> tasks;
  for (std::uint32_t n = 0; n < 2000; ++n) tasks.push_back(envs::sample_task(*trial.env, 3, Purpose::task, 0, n));
  const RecurrentAgent agent(trial, loss.agent, Dtype::f64);
  const rl::Trials trials = agent.play(theta, tasks, 1, {.seed = 3});
  BatchValues batch = rl::trial_batch(trials, 0.95, 0.95, false);
  const Tensors clear = nn::start_state(loss.agent, 1, trials.lanes, Dtype::f64);
  for (std::size_t k = 0; k < clear.count(); ++k) batch.add("state/" + clear.name(k), clear[k]);

  const rl::A2cFunction gradient;
  const ParamValues whole = gradient(loss, {theta, batch})[0];
  const auto bias = [&](int window) {
    loss.window = window;
    const ParamValues cut = gradient(loss, {theta, batch})[0], difference = cut + (-1.0) * whole;
    return Bias{std::sqrt(dot(difference, difference) / dot(whole, whole)),
                dot(cut, whole) / std::sqrt(dot(cut, cut) * dot(whole, whole))};
  };
  std::vector<Bias> measured;
  for (const int window : {1, 2, 3, 5, 7, 10}) {
    measured.push_back(bias(window));
    UNSCOPED_INFO("window " << window << ": error " << measured.back().error << ", cosine " << measured.back().cosine);
  }
  // Error and cosine by window, as meta/rl2.md tabulates them.
  CHECK(measured[0].error == Approx(0.301).margin(0.02));
  CHECK(measured[0].cosine == Approx(0.954).margin(0.01));
  CHECK(measured[3].error == Approx(0.125).margin(0.02));
  CHECK(measured[4].error == Approx(0.299).margin(0.02));
  CHECK(measured.back().error == 0);
}

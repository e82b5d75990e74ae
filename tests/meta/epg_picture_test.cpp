// What an evolved loss says, as numbers for a picture (tests/tools/draw_epg.sh).
//
// [plain] prints the numbers of a picture, and checks nothing that other tests do not
#include <fmt/format.h>

#include <cmath>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "meta/epg_trainer.h"
#include "nn/safetensors.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

TEST_CASE("epg: print where the recorded loss pushes a mean action, by action and reward", "[.epg-picture][plain]") {
  rl::OptionValues values = rl::default_values(epg.options);
  for (const rl::Preset& preset : epg.presets)
    if (std::string_view(preset.name) == "mass") rl::apply_preset(preset, epg.options, values);
  const EpgConfig config = epg_options().read(values);
  EpgTrainer trainer(config, 1);
  trainer.restore(nn::load_safetensors("tests/golden/runs/epg-mass-circle/seed-1/loss.safetensors"), config.iterations);
  const ParamValues phi = trainer.loss();
  const EpgInnerLoop loop(config.inner, 1);
  const rl::Rollout rollout(loop.env(), loop.spec().policy);

  for (const auto& [goal, angle] : {std::pair{"down", -1.0}, {"ahead", 0.0}, {"up", 1.0}}) {
    // The buffer of a policy that has learned for a while in this task.
    EpgState state = loop.start(0, 1);
    const std::vector<envs::Task> task{{3 * std::cos(angle), 3 * std::sin(angle)}};
    for (int u = 0; u < 4; ++u) {
      const rl::RolloutPlace place{.seed = 1, .inner_step = static_cast<std::uint32_t>(u)};
      const rl::Trajectories explored = rollout.collect(state.theta, task, config.inner.episodes, place);
      loop.learn(state, phi, explored, 0, 0, u);
    }
    Graph graph(config.inner.dtype, Graph::Mode::eager);
    const auto on_graph = [&](const Tensors& list) {
      Vars vars;
      for (std::size_t k = 0; k < list.count(); ++k) vars.add(list.name(k), graph.constant(list[k]));
      return vars;
    };
    const Params loss = on_graph(phi);
    const Var rows = loss_inputs(on_graph(state.theta), loop.spec(),
                                 on_graph(loop.loss_batch(state, loop.spec())));
    const Var C = loss_context(loss, loop.spec().loss, rows);

    // −∂ℓ/∂μ_y at rest at the origin, by a_y and reward. Columns: s (4), a (2), r, end, μ (2), log σ (2).
    constexpr int points = 21;
    std::vector<double> numbers;
    for (int i = 0; i < points; ++i)
      for (int j = 0; j < points; ++j)
        numbers.insert(numbers.end(), {0, 0, 0, 0, 0, i / 5.0 - 2, j / 5.0 - 2, 0, 0, 0, std::log(0.5), std::log(0.5)});
    const Var x = graph.input(Tensor::from({1, points * points, 12}, numbers, config.inner.dtype), "x");
    const Var weights = graph.fill({1, points * points, 1}, 1);
    const Tensor slope =
        grad(learned_loss(loss, loop.spec().loss, x, C, weights), std::span(&x, 1))[0].value();
    double largest = 1e-12;
    for (int r = 0; r < points * points; ++r) largest = std::max(largest, std::abs(slope.at(0, r, 9)));
    for (int r = 0; r < points * points; ++r)
      fmt::print("push {} {} {} {:.4f}\n", goal, numbers[static_cast<std::size_t>(12 * r + 5)],
                 numbers[static_cast<std::size_t>(12 * r + 6)], -slope.at(0, r, 9) / largest);
  }
}

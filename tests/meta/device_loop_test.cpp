// Meta-training on a device, emulated: parameters stay there, and graphs are captured once and replayed.
#include "autodiff/device.h"
#include "meta/maml_trainer.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

struct OnDevice {
  OnDevice() { set_compute_device(Device::simt); }
  ~OnDevice() { set_compute_device(Device::cpu); }
};

}  // namespace

TEST_CASE("iterations of MAML on the device: parameters stay there, and soon nothing is captured anew", "[device]") {
  for (const char* outer : {"trpo", "adam"}) {
    INFO(outer);
    rl::OptionValues values = rl::default_values(maml.options);
    values.set("hidden", std::vector<std::int64_t>{6});
    values.set("tasks", std::int64_t{2});
    values.set("trajectories", std::int64_t{2});
    values.set("cg_iterations", std::int64_t{4});
    values.set("outer", std::string(outer));
    const OnDevice on_device;
    const auto trainer = maml.make(values, 5);
    const DeviceStatistics& statistics = device_statistics();
    for (int i = 0; i < 10; ++i) trainer->iterate();
    const std::uint64_t captures = statistics.captures, replays = statistics.replays;
    for (int i = 0; i < 10; ++i) trainer->iterate();
    CHECK(statistics.captures - captures <= 2);
    // Adaptation, the policy before, meta-gradient; by trust region also five products and at least one trial.
    CHECK(statistics.replays - replays >= 10 * (std::string(outer) == "trpo" ? 9 : 3) - 4);
    const Tensors state = trainer->state();
    for (std::size_t i = 0; i < state.count(); ++i)
      if (state.name(i).starts_with("policy/")) CHECK(state[i].device() == Device::simt);
  }
}

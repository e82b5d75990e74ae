// The ladders of the network and of the LSTM: every step against the reference, in every schedule.
#include "kernels/cuda/ladder/networks.h"
#include "kernels/cuda/simt/race.h"
#include "tests/cuda/device_instances.h"
#include "tests/cuda/schedules.h"

namespace innerloop::kernels {
namespace {

template <class Ladder>
void check_ladder(Ladder ladder_of, const Instance& instance) {
  const TaskInstance alone{instance, 1, 0};
  const auto workspace = [&](const DeviceCall& call) {
    return instance.op == Op::mlp ? mlp_ladder_workspace(call) : std::size_t{0};
  };
  for (Device device : devices()) {
    CHECK(ladder_of(device).size() == 3);
    for (const NetworkStep& step : ladder_of(device)) {
      std::vector<float> first;
      simt::for_each_order(device, [&](const std::string& order) {
        INFO(name_of(device) << " " << step.name << ", " << order << ", " << instance.text());
        simt::race::take_first();
        const std::vector<float> now = run_kernel<float>(device, step.run, alone, workspace);
        CHECK(simt::race::take_first() == "");
        if (first.empty()) first = now;
        CHECK(same_bits(first, now));
      });
      CHECK(worst_error(alone, first, 1e-5L) <= 1);
    }
  }
}

}  // namespace

TEST_CASE("Every step of the network's ladder equals the reference, in every schedule", "[device][ladder]") {
  Numbers numbers(1);
  for (const Instance& instance : {instances::mlp(Op::mlp, 1, {1, 1, 1}, Activation::tanh, 0, numbers),
                                   instances::mlp(Op::mlp, 35, {5, 18, 7, 3}, Activation::tanh, 0, numbers),
                                   instances::mlp(Op::mlp, 17, {3, 16, 16, 33, 2}, Activation::relu, 0, numbers)})
    check_ladder(mlp_ladder, instance);
}

TEST_CASE("Every step of the LSTM's ladder equals the reference, in every schedule", "[device][ladder]") {
  Numbers numbers(1);
  for (const auto& s : {std::array{1, 1, 1}, std::array{5, 3, 7}, std::array{3, 2, 33}})
    check_ladder(lstm_ladder, instances::lstm(Op::lstm_sequence, s[0], s[1], s[2], numbers));
}

}  // namespace innerloop::kernels

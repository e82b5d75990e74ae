// The backward ladders of the network and of the LSTM: every step against the reference, in every schedule.
#include "kernels/cuda/ladder/networks.h"
#include "kernels/cuda/simt/race.h"
#include "tests/cuda/device_instances.h"
#include "tests/cuda/schedules.h"

namespace innerloop::kernels {
namespace {

std::vector<float> run_step(Device device, const NetworkStep& step, const Instance& instance) {
  std::deque<DeviceArray<float>> memory;
  std::vector<DeviceMatrix> in;
  for (std::size_t k = 0; k < instance.values.size(); ++k) {
    memory.emplace_back(device, std::vector<float>(instance.values[k].begin(), instance.values[k].end()));
    in.push_back({memory.back().data(), instance.in[k].rows, instance.in[k].cols, instance.in[k].count()});
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  DeviceArray<float> out(device, std::vector<float>(instance.out.count(), nan));
  DeviceCall call{.out = {out.data(), instance.out.rows, instance.out.cols, instance.out.count()},
                  .in = in.data(),
                  .arity = static_cast<int>(in.size()),
                  .tasks = 1,
                  .attr = instance.attr};
  const std::size_t bytes = instance.op == Op::mlp_bwd ? mlp_backward_ladder_workspace(call) : 0;
  DeviceArray<float> workspace(device, std::vector<float>(bytes / sizeof(float), nan));
  call.workspace = workspace.data(), call.workspace_bytes = bytes;
  step.run(call);
  return out.numbers();
}

void check_steps(std::span<const NetworkStep> (*ladder)(Device), const Instance& instance) {
  const std::vector<long double> want = exact(instance);
  for (Device device : devices()) {
    CHECK(ladder(device).size() == 2);
    for (const NetworkStep& step : ladder(device)) {
      std::vector<float> first;
      simt::for_each_schedule([&](const std::string& schedule) {
        INFO(name_of(device) << " " << step.name << ", " << schedule << ", " << instance.text());
        simt::race::take_first();
        const std::vector<float> now = run_step(device, step, instance);
        CHECK(simt::race::take_first() == "");
        if (first.empty()) first = now;
        CHECK(same_bits(first, now));
      });
      CHECK(worst(first, want, magnitude(instance, want), 1e-5L) <= 1);
    }
  }
}

}  // namespace

TEST_CASE("Every step of the network's backward ladder equals the reference, in every schedule", "[device][ladder]") {
  Numbers numbers(1);
  for (int sides : {0, mlp_with_x})
    for (const Instance& instance :
         {instances::mlp(Op::mlp_bwd, 1, {1, 1, 1}, Activation::tanh, sides, numbers),
          instances::mlp(Op::mlp_bwd, 35, {5, 18, 7, 3}, Activation::tanh, sides, numbers),
          instances::mlp(Op::mlp_bwd, 17, {3, 16, 16, 33, 2}, Activation::relu, sides, numbers)})
      check_steps(mlp_backward_ladder, instance);
}

TEST_CASE("Every step of the LSTM's backward ladder equals the reference, in every schedule", "[device][ladder]") {
  Numbers numbers(1);
  for (const auto& s : {std::array{1, 1, 1}, std::array{5, 3, 7}, std::array{3, 2, 33}})
    check_steps(lstm_backward_ladder, instances::lstm(Op::lstm_sequence_bwd, s[0], s[1], s[2], numbers));
}

}  // namespace innerloop::kernels

// The ladders of the network and of the LSTM: every step against the reference, in every schedule.
#include "kernels/cuda/ladder/networks.h"
#include "kernels/cuda/simt/race.h"
#include "tests/cuda/device_instances.h"
#include "tests/cuda/schedules.h"

namespace innerloop::kernels {
namespace {

std::vector<float> run_step(const NetworkStep& step, const Instance& instance) {
  std::vector<std::vector<float>> numbers;
  std::vector<DeviceMatrix> in;
  for (const std::vector<double>& values : instance.values) numbers.emplace_back(values.begin(), values.end());
  for (std::size_t k = 0; k < numbers.size(); ++k)
    in.push_back({numbers[k].data(), instance.in[k].rows, instance.in[k].cols, instance.in[k].count()});
  std::vector<float> out(instance.out.count(), std::numeric_limits<float>::quiet_NaN());
  DeviceCall call{.out = {out.data(), instance.out.rows, instance.out.cols, out.size()},
                  .in = in.data(),
                  .arity = static_cast<int>(in.size()),
                  .tasks = 1,
                  .attr = instance.attr};
  std::vector<float> workspace(
      instance.op == Op::mlp ? mlp_ladder_workspace(call) / sizeof(float) : 0, std::numeric_limits<float>::quiet_NaN());
  call.workspace = workspace.data(), call.workspace_bytes = workspace.size() * sizeof(float);
  step.run(call);
  return out;
}

void check_ladder(std::span<const NetworkStep> ladder, const Instance& instance) {
  CHECK(ladder.size() == 3);
  const std::vector<long double> want = exact(instance);
  for (const NetworkStep& step : ladder) {
    std::vector<float> first;
    simt::for_each_schedule([&](const std::string& schedule) {
      INFO(step.name << ", " << schedule << ", " << instance.text());
      simt::race::take_first();
      const std::vector<float> now = run_step(step, instance);
      CHECK(simt::race::take_first() == "");
      if (first.empty()) first = now;
      CHECK(same_bits(first, now));
    });
    CHECK(worst(first, want, magnitude(instance, want), 1e-5L) <= 1);
  }
}

}  // namespace

TEST_CASE("Every step of the network's ladder equals the reference, in every schedule", "[simt][ladder]") {
  Numbers numbers(1);
  for (const Instance& instance : {instances::mlp(Op::mlp, 1, {1, 1, 1}, Activation::tanh, 0, numbers),
                                   instances::mlp(Op::mlp, 35, {5, 18, 7, 3}, Activation::tanh, 0, numbers),
                                   instances::mlp(Op::mlp, 17, {3, 16, 16, 33, 2}, Activation::relu, 0, numbers)})
    check_ladder(mlp_ladder(Device::simt), instance);
}

TEST_CASE("Every step of the LSTM's ladder equals the reference, in every schedule", "[simt][ladder]") {
  Numbers numbers(1);
  for (const auto& s : {std::array{1, 1, 1}, std::array{5, 3, 7}, std::array{3, 2, 33}})
    check_ladder(lstm_ladder(Device::simt), instances::lstm(Op::lstm_sequence, s[0], s[1], s[2], numbers));
}

}  // namespace innerloop::kernels

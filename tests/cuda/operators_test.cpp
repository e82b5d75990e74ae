// Every kernel of the device against the reference, at every shape, for one task and several, in every order of
// threads.
#include "kernels/cuda/simt/race.h"
#include "tests/cuda/device_instances.h"
#include "tests/cuda/schedules.h"

namespace innerloop::kernels {
namespace {

// Large instances are compared once; the orders of threads are gone through where the work is small. Where every access
// is looked at (tests_race), all work is small.
bool is_small(const TaskInstance& instance) {
  return instance.base.out.count() <= (simt::race::active() ? 300 : 2100);
}

}  // namespace

TEST_CASE("every operation but the leaves has a device kernel in f32 and f64", "[device]") {
  for (int n = 0; n < static_cast<int>(Op::count_); ++n) {
    const Op op = static_cast<Op>(n);
    INFO("op " << n);
    const bool none = op < first_op;
    for (Device device : devices()) {
      INFO(name_of(device));
      CHECK((find_device_kernel(device, Dtype::f32, op) == nullptr) == none);
      CHECK((find_device_kernel(device, Dtype::f64, op) == nullptr) == none);
    }
    CHECK(find_device_kernel(Device::cpu, Dtype::f64, op) == nullptr);
  }
  CHECK(find_device_kernel(Device::simt, Dtype::f32, Op::count_) == nullptr);
}

TEST_CASE("device kernels agree with the reference: f64 to 1e-11, f32 to 1e-5 of the sum of absolute terms",
          "[device]") {
  for_every_operation([](Op op) {
    for_every_task_instance(op, [](const TaskInstance& instance) {
      if (simt::race::active() && !is_small(instance)) return;
      const Expected expected(instance);
      for (Device device : devices()) {
        INFO(name_of(device));
        const auto f64 = run_on<double>(device, instance);
        const auto f32 = run_on<float>(device, instance);
        CHECK(expected.worst_error(f64, 1e-11L) <= 1);
        CHECK(expected.worst_error(f32, 1e-5L) <= 1);
        // A GPU has an order of its own each time.
        if (device == Device::cuda) CHECK(same_bits(f64, run_on<double>(device, instance)));
        if (device == Device::cuda) CHECK(same_bits(f32, run_on<float>(device, instance)));
      }
    });
  });
}

TEST_CASE("device kernels give the same bits in every order of threads and blocks", "[simt]") {
  for_every_operation([](Op op) {
    for_every_task_instance(op, [op](const TaskInstance& instance) {
      const bool network = is_network(op) && !simt::race::active();  // one task fills a grid as three do not
      if (!is_small(instance) || (instance.tasks == 1 && !network)) return;
      const auto f64 = run_on<double>(Device::simt, instance);
      const auto f32 = run_on<float>(Device::simt, instance);
      simt::for_each_schedule([&](const std::string& schedule) {
        INFO(schedule);
        CHECK(same_bits(f64, run_on<double>(Device::simt, instance)));
        CHECK(same_bits(f32, run_on<float>(Device::simt, instance)));
      });
    });
  });
}

TEST_CASE("an elementwise device kernel may write over an input, and has the bits of the CPU", "[device]") {
  for_every_operation([](Op op) {
    if (!is_elementwise(op)) return;
    for (const Instance& instance : instances_of(op)) {
      const TaskInstance alone{instance, 1, 0};
      for (Device device : devices()) {
        INFO(name_of(device) << ": " << instance.text());
        const auto apart = run_on<float>(device, alone);
        CHECK(same_bits(apart, compute<float>(instance, find_kernel(Device::cpu, Dtype::f32, op))));
        for (std::size_t k = 0; k < instance.in.size(); ++k)
          if (instance.in[k].count() == instance.out.count())
            CHECK(same_bits(apart, run_on<float>(device, alone, static_cast<int>(k))));
      }
    }
  });
}

TEST_CASE("no two threads of a device kernel meet at one number without a barrier", "[simt]") {
  if (!simt::race::active()) return;  // seen by tests_race alone
  for_every_operation([](Op op) {
    for_every_task_instance(op, [](const TaskInstance& instance) {
      if (!is_small(instance)) return;
      simt::race::take_first();
      run_on<float>(Device::simt, instance);
      CHECK(simt::race::take_first() == "");
    });
  });
}

// What the planner makes of add(c, A·B).
TEST_CASE("a product added on the device to what C holds has the bits of product and addition", "[device]") {
  for_every_task_instance(Op::matmul, [](TaskInstance instance) {
    if (!is_small(instance)) return;
    for (Device device : devices()) {
      INFO(name_of(device));
      instance.base.attr.x = 0;
      const auto product = run_on<double>(device, instance);
      std::vector<double> sum(product.size());
      for (std::size_t n = 0; n < sum.size(); ++n) sum[n] = 0.25 * static_cast<double>(n % 7) - 0.75;
      instance.base.attr.x = 1;
      const auto accumulated = run_on<double>(device, instance, -1, sum);
      for (std::size_t n = 0; n < sum.size(); ++n) sum[n] += product[n];
      CHECK(same_bits(accumulated, sum));
    }
  });
}

TEST_CASE("an index outside its table gives NaN on the device, which cannot throw", "[device]") {
  for (Op op : {Op::gather_rows, Op::scatter_rows, Op::pick_cols, Op::place_cols})
    for (double index : {-1.0, 1000.0, std::numeric_limits<double>::quiet_NaN()}) {
      Instance instance = instances_of(op)[7];
      instance.values[1].back() = index;
      for (Device device : devices()) {
        INFO(name_of(device) << ", op " << static_cast<int>(op) << ", index " << index);
        CHECK(std::isnan(run_on<double>(device, {instance, 1, 0}).back()));
      }
    }
}

TEST_CASE("windows and overlap_add have the bits of the CPU on the device", "[device]") {
  for (Op op : {Op::windows, Op::overlap_add})
    for (const Instance& instance : instances_of(op))
      for (Device device : devices()) {
        INFO(name_of(device) << ": " << instance.text());
        CHECK(same_bits(run_on<float>(device, {instance, 1, 0}),
                        compute<float>(instance, find_kernel(Device::cpu, Dtype::f32, op))));
      }
}

TEST_CASE("device sums of a million f32 terms keep six digits", "[device]") {
  const Size size{1000, 1024};
  Instance instance{Op::sum_all, {}, {size}, {1, 1}, 1, {std::vector<double>(size.count(), 0.1f)}};
  for (Device device : devices()) {
    INFO(name_of(device));
    CHECK(run_on<float>(device, {instance, 1, 0})[0] ==
          Approx(0.1f * static_cast<double>(size.count())).epsilon(1e-6));
  }
}

}  // namespace innerloop::kernels

// Products with a long inner dimension, and sums over many rows, cut into slices that are added in order.
#include "kernels/cuda/slices.h"

#include "autodiff/device.h"
#include "autodiff/ops.h"
#include "autodiff/program.h"
#include "kernels/cuda/simt/engine.h"
#include "kernels/cuda/simt/race.h"
#include "tests/cuda/products.h"
#include "tests/cuda/schedules.h"

namespace innerloop::kernels {
namespace {

constexpr int multiprocessors = 132;

// Under the race detector products are short, though still of several slices.
int shortened(int inner) { return simt::race::active() ? 256 + inner % 64 : inner; }

Instance sum_instance(Op op, Size size) {
  Numbers numbers(9);
  return instances::plain(op, {}, {size}, {1, op == Op::sum_all ? 1 : size.cols}, numbers);
}

int slices_of_instance(const TaskInstance& instance) {
  return with_call(instance.base, instance.tasks, [&](const DeviceCall& call) {
    const Op op = instance.base.op;
    const bool product = op == Op::matmul || op == Op::dense;
    return product ? plan_product(product_size(op, call), call.tasks).slices : plan_sum(op, call).slices;
  });
}

// The reference, both types; without memory for slices; and the same bits in every order.
void check_slices(const TaskInstance& instance, bool orders) {
  INFO(instance.text());
  REQUIRE(slices_of_instance(instance) > 1);
  const Expected expected(instance);
  for (Device device : devices()) {
    INFO(name_of(device));
    const auto f64 = run_on<double>(device, instance);
    const auto f32 = run_on<float>(device, instance);
    CHECK(expected.worst_error(f64, 1e-11L) <= 1);
    CHECK(expected.worst_error(f32, 1e-5L) <= 1);
    CHECK(expected.worst_error(run_on<double>(device, instance, -1, {}, false), 1e-11L) <= 1);
    if (!orders) continue;
    simt::for_each_order(device, [&](const std::string& schedule) {
      INFO(schedule);
      CHECK(same_bits(f64, run_on<double>(device, instance)));
      CHECK(same_bits(f32, run_on<float>(device, instance)));
    });
  }
}

}  // namespace

TEST_CASE("products of few tiles and long sums are cut so that their blocks fill 132 multiprocessors", "[device]") {
  // An LSTM's Ū and W̄, of H cells and some inputs; T·B rows.
  for (int rows : {6400, 64000, 102400})
    for (ProductSize size : {ProductSize{96, 384, rows}, {48, 192, rows}, {64, 256, rows}, {4, 192, rows},
                             {20, 512, rows}, {2, 2, rows}, {300, 17, rows}}) {
      INFO(size.rows << " × " << size.cols << " × " << size.inner);
      const ProductPlan plan = plan_product(size, 1);
      const int tiles = ((size.rows + plan.tile - 1) / plan.tile) * ((size.cols + plan.tile - 1) / plan.tile);
      // Blocks of small tiles have a quarter of the threads; slices of 128 products are the shortest.
      const int most = tiles * (rows / 128), wanted = multiprocessors * (plan.tile == 64 ? 1 : 4);
      CHECK(plan.blocks == tiles * plan.slices);
      CHECK(plan.blocks >= std::min(wanted, most * 9 / 10));
      CHECK(plan.slice_inner >= 128);
      CHECK((plan.slices - 1) * plan.slice_inner < rows);
      CHECK(plan.slices * plan.slice_inner >= rows);
      CHECK(plan.partial_numbers <= (std::size_t{1} << 22));
    }
  // The chapter's table.
  CHECK(plan_product({48, 192, 64000}, 1).blocks == 3 * 87);
  CHECK(plan_product({96, 384, 64000}, 1).blocks == 12 * 22);
  CHECK(plan_product({4, 192, 64000}, 1).blocks == 12 * 87);
  CHECK(plan_product({1, 1, 0}, 1).slices == 1);
}

TEST_CASE("products that fill a GPU by themselves, and short sums, stay whole and need no memory", "[device]") {
  for (const auto& [size, tasks] : {std::pair{ProductSize{2000, 64, 64}, 40}, {{64, 64, 255}, 1}, {{1, 1, 200}, 3},
                                    {{1024, 1024, 1024}, 1}, {{64, 64, 2000}, 264}}) {
    const ProductPlan plan = plan_product(size, tasks);
    CHECK(plan.slices == 1);
    CHECK(plan.partial_numbers == 0);
  }
  CHECK(plan_product({64, 64, 2000}, 40).slices == 6);
  CHECK(plan_sum(100, 64, 1).slices == 1);
  CHECK(plan_sum(2000, 64, 1100).slices == 1);
}

TEST_CASE("sliced products equal the reference: every transpose, one task and several, no multiple of a tile",
          "[device]") {
  struct Case {
    ProductSize size;
    int tasks;
    unsigned shared;
  };
  for (const auto& [size, tasks, shared] : {Case{{65, 67, 1000}, 1, 0}, {{70, 33, 259}, 3, 1}, {{3, 5, 1037}, 1, 0},
                                            {{17, 1, 777}, 3, 2}, {{1, 40, 513}, 4, 3}})
    for (int transposes = 0; transposes < 4; ++transposes) {
      if (simt::race::active() && transposes != 1 + tasks % 2) continue;
      const ProductSize short_size{size.rows, size.cols, shortened(size.inner)};
      const Attr attr{.i = transposes % 2, .j = transposes / 2};
      check_slices({product_instance(Op::matmul, short_size, attr, 11), tasks, shared},
                   !simt::race::active() && transposes == 1 + tasks % 2);
    }
}

TEST_CASE("the weight gradients of an LSTM's 6400 rows equal the reference", "[device][large]") {
  if (simt::race::active()) return;
  check_slices({product_instance(Op::matmul, {48, 192, 6400}, {.i = 1}, 12), 1, 0}, false);
  check_slices({product_instance(Op::matmul, {5, 192, 6400}, {.i = 1}, 13), 1, 0}, true);
}

TEST_CASE("a sliced product adds to what C holds, with the bits of product and addition", "[device]") {
  for (ProductSize size : {ProductSize{66, 35, shortened(900)}, {7, 9, shortened(900)}}) {
    TaskInstance instance{product_instance(Op::matmul, size, {.i = 1}, 14), 2, 0};
    REQUIRE(slices_of_instance(instance) > 1);
    for (Device device : devices()) {
      instance.base.attr.x = 0;
      const auto product = run_on<float>(device, instance);
      std::vector<float> sum(product.size());
      for (std::size_t n = 0; n < sum.size(); ++n) sum[n] = 0.25f * static_cast<float>(n % 7) - 0.75f;
      const std::vector<float> before = sum;
      for (std::size_t n = 0; n < sum.size(); ++n) sum[n] += product[n];
      instance.base.attr.x = 1;
      simt::for_each_order(device, [&](const std::string& schedule) {
        INFO(schedule);
        CHECK(same_bits(run_on<float>(device, instance, -1, before), sum));
      });
    }
  }
}

TEST_CASE("a sliced dense layer adds its bias and acts once, on the whole sum", "[device]") {
  for (int activation = 0; activation < 4; ++activation)
    for (unsigned shared : {0U, 6U})
      check_slices({product_instance(Op::dense, {9, 37, 300}, {.i = activation}, 15), 2, shared},
                   !simt::race::active() && shared == 0);
}

TEST_CASE("a program has the memory for its slices, captured or not", "[device]") {
  Numbers numbers(16);
  const Tensor x = Tensor::from({1, 1500, 8}, numbers.matrix({1500, 8}, -1, 1));
  const auto gradients = [&](Device device) {  // of x·W + b at cotangents x
    auto graph = std::make_shared<Graph>(Dtype::f64);
    graph->set_device(device);
    const Var input = graph->input(x.shape(), "x"), results[] = {matmul(input, input, true), sum_rows(input)};
    Program program(graph, results, std::span<const char>{}, device);
    const Tensor there = x.to(device);
    Tensor w{{1, 8, 8}, Dtype::f64, device}, b{{1, 1, 8}, Dtype::f64, device};
    const void* in[] = {there.data()};
    void* out[] = {w.mutable_data(), b.mutable_data()};
    std::vector<double> all;
    for (int run = 0; run < 3; ++run) {
      program.run(in, out, {});
      for (const Tensor& t : {w.to(Device::cpu), b.to(Device::cpu)})
        for (std::size_t n = 0; n < t.shape().size(); ++n) all.push_back(static_cast<const double*>(t.data())[n]);
    }
    return all;
  };
  const std::vector<double> want = gradients(Device::cpu);
  for (Device device : devices()) {
    const std::vector<double> got = gradients(device);
    REQUIRE(got.size() == 3 * 72);
    for (std::size_t n = 0; n < got.size(); ++n) {
      CHECK(got[n] == Approx(want[n]).margin(1e-11));
      CHECK(got[n] == got[n % 72]);
    }
    // The kernels by themselves, with all their memory, have the same bits.
    const double* first = static_cast<const double*>(x.data());
    const std::vector<double> values(first, first + x.shape().size());
    const TaskInstance product{{Op::matmul, {.i = 1}, {{1500, 8}, {1500, 8}}, {8, 8}, 1, {values, values}}, 1, 0};
    REQUIRE(slices_of_instance(product) > 1);
    CHECK(same_bits(run_on<double>(device, product), std::vector<double>(got.begin(), got.begin() + 64)));
  }
}

TEST_CASE("sums over many rows are cut into slices, and equal the reference in every order", "[device]") {
  for (int tasks : {1, 3}) {
    check_slices({sum_instance(Op::sum_rows, {simt::race::active() ? 523 : 6400, 33}), tasks, 0}, tasks == 1);
    check_slices({sum_instance(Op::sum_rows, {2001, 3}), tasks, 0}, !simt::race::active());
  }
  if (simt::race::active()) return;
  check_slices({sum_instance(Op::sum_all, {333, 100}), 1, 0}, true);
  for (int rows : {6400, 102400}) {
    const SumPlan plan = plan_sum(rows, 192, 1);
    CHECK(plan.blocks >= (rows == 6400 ? 60 : 130));
    CHECK(plan.slices * plan.slice_rows >= rows);
    CHECK((plan.slices - 1) * plan.slice_rows < rows);
  }
}

}  // namespace innerloop::kernels

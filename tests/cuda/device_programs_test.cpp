// Tensors on a device, and programs run there: the numbers of the CPU.
#include "autodiff/device.h"

#include "autodiff/function.h"
#include "autodiff/op_table.h"
#include "autodiff/program.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/simt/race.h"
#include "kernels/cuda/table.h"
#include "tests/autodiff/instances.h"
#include "tests/autodiff/random_programs.h"
#include "tests/catch.h"
#include "tests/cuda/devices.h"

using namespace innerloop;
using Catch::Matchers::ContainsSubstring;

namespace {

Tensor numbers(Shape shape, std::uint64_t seed) {
  Tensor t(shape);
  Philox random(seed, {.purpose = Purpose::check});
  for (double& x : t.mutable_values<double>()) x = random.normal();
  return t;
}

// Runs the outputs of a graph on a device; results come back to the CPU.
std::vector<Tensor> run_on(Device device, Program& program, std::span<const Var> outputs,
                           const std::vector<Tensor>& inputs, const Program::Options& options = {}) {
  std::vector<Tensor> in, out;
  std::vector<const void*> in_data;
  std::vector<void*> out_data;
  for (const Tensor& t : inputs) in.push_back(t.to(device)), in_data.push_back(in.back().data());
  for (Var v : outputs) out.emplace_back(v.shape(), v.graph->dtype(), device);
  for (Tensor& t : out) out_data.push_back(t.mutable_data());
  program.run(in_data, out_data, options);
  for (Tensor& t : out) t = t.to(Device::cpu);
  return out;
}

// max |a − b| over the largest number of all results: single ones may vanish.
double distance(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  double difference = 0, size = 1;
  for (std::size_t j = 0; j < a.size(); ++j) {
    const std::vector<double> x = a[j].to_vector(), y = b[j].to_vector();
    for (std::size_t n = 0; n < x.size(); ++n) {
      if (!std::isfinite(x[n])) return INFINITY;
      difference = std::max(difference, std::abs(x[n] - y[n])), size = std::max(size, std::abs(y[n]));
    }
  }
  return difference / size;
}

}  // namespace

TEST_CASE("a tensor goes to a device and back, and copies are made when one of two is written", "[device]") {
  for (Device device : devices()) {
    INFO(name_of(device));
    const Tensor x = numbers({2, 3, 5}, 1);
    const Tensor there = x.to(device);
    CHECK(there.device() == device);
    CHECK(there.data() != x.data());
    CHECK(there.to(device).data() == there.data());
    CHECK(bitwise_equal(there.to(Device::cpu), x));
    CHECK(bitwise_equal(there.to(Dtype::f32), x.to(Dtype::f32)));
    CHECK(there.to(Dtype::f32).device() == device);
    CHECK(there.at(1, 2, 3) == x.at(1, 2, 3));
    CHECK(there.all_finite());

    Tensor copy = there;
    CHECK(copy.data() == there.data());
    CHECK(copy.mutable_data() != there.data());
    CHECK(bitwise_equal(copy, there));
    CHECK(Tensor({2, 2, 2}, Dtype::f32, device).to_vector() == std::vector<double>(8, 0.0));
  }
}

TEST_CASE("reading a device's numbers as if they were the CPU's is refused", "[device]") {
  for (Device device : devices()) {
    Tensor there = numbers({1, 2, 2}, 1).to(device);
    CHECK_THROWS_WITH(there.values<double>(), ContainsSubstring(std::string("device ") + name_of(device)) &&
                                                  ContainsSubstring(".to(Device::cpu)"));
    CHECK_THROWS_WITH(there.mutable_values<double>(), ContainsSubstring(".to(Device::cpu)"));
    CHECK(device_from(name_of(device)) == device);
  }
  CHECK_THROWS_WITH(device_from("gpu"), ContainsSubstring("there is no device 'gpu'") && ContainsSubstring("simt"));
}

TEST_CASE("arithmetic on lists of tensors happens where they are, and gives the CPU's numbers", "[device]") {
  for (Device device : devices()) {
    INFO(name_of(device));
    Tensors a, b;
    a.add("w", numbers({1, 7, 5}, 1)), a.add("b", numbers({3, 1, 5}, 2));
    b.add("w", numbers({1, 7, 5}, 3)), b.add("b", numbers({3, 1, 5}, 4));
    const Tensors x = a.to(device), y = b.to(device);
    for (const Tensors& sum : {x + y, x + b, a + y}) {
      CHECK(sum[0].device() == device);
      CHECK(bitwise_equal(sum, a + b));
    }
    CHECK(bitwise_equal(x - y, a - b));
    CHECK(bitwise_equal(0.3 * x, 0.3 * a));
    CHECK(dot(x, y) == Approx(dot(a, b)).epsilon(1e-14));
  }
}

TEST_CASE("fuzz: 150 random programs, on the device = on the CPU, and again from the captured graph",
          "[device][large]") {
  const std::uint64_t count = simt::race::active() ? 10 : 150;  // every access is looked at in tests_race
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    std::vector<Tensor> values;
    auto graph = std::make_shared<Graph>();
    const std::vector<Var> outputs = tests::write_program(*graph, seed, values);
    Program here(graph, outputs);
    const std::vector<Tensor> expected = run_on(Device::cpu, here, outputs, values);
    for (Device device : devices()) {
      INFO("seed " << seed << ", " << name_of(device));
      Program there(graph, outputs, {}, device);
      const std::vector<Tensor> first = run_on(device, there, outputs, values);
      // The first run's memory is new, the second's the same in order of addresses: the third finds what the second
      // used.
      run_on(device, there, outputs, values);
      const std::uint64_t replays = device_statistics().replays;
      const std::vector<Tensor> again = run_on(device, there, outputs, values);
      CHECK(device_statistics().replays == replays + 1);
      CHECK(distance(first, expected) < 1e-11);
      bool same = true;
      for (std::size_t j = 0; j < first.size(); ++j) same = same && bitwise_equal(first[j], again[j]);
      CHECK(same);
    }
  }
}

TEST_CASE("fuzz: with some inputs fixed, device runs without refresh give the same bits", "[device]") {
  for (Device device : devices()) {
    INFO(name_of(device));
    for (std::uint64_t seed = 301; seed <= (simt::race::active() ? 303 : 330); ++seed) {
      INFO("seed " << seed);
      std::vector<Tensor> values;
      auto graph = std::make_shared<Graph>();
      const std::vector<Var> outputs = tests::write_program(*graph, seed, values);
      const std::vector<char> fixed{1, static_cast<char>(seed % 2), 0, 1, 0};
      Program program(graph, outputs, fixed, device), plain(graph, outputs, {}, device);
      run_on(device, program, outputs, values);
      values[2].set(0, 0, 0, 0.123);
      const auto kept = run_on(device, program, outputs, values, {.refresh = false});
      const auto expected = run_on(device, plain, outputs, values);
      bool same = true;
      for (std::size_t j = 0; j < kept.size(); ++j) same = same && bitwise_equal(kept[j], expected[j]);
      CHECK(same);
    }
  }
}

namespace {

// y = op(x), the gradient of Σ tanh y, and the gradient of that gradient's square.
std::vector<Tensor> orders_on(Device device, Dtype dtype, const OpDef& def, const Example& example) {
  const tests::Instance instance(def, example, 3);
  std::vector<Tensor> values;
  for (const Tensor& value : instance.values()) values.push_back(value.to(dtype));
  auto graph = std::make_shared<Graph>(dtype);
  graph->set_device(device);
  const std::vector<Var> outputs = tests::three_orders(def, example, instance, instance.bind(*graph));
  Program program(graph, outputs, {}, device);
  return run_on(device, program, outputs, values);
}

}  // namespace

TEST_CASE("every operation at orders 0, 1 and 2: on the device = on the CPU, f64 1e-11, f32 1e-4", "[device][large]") {
  if (simt::race::active()) return;  // every kernel is looked at by itself (operators_test.cpp)
  for (const OpDef& def : op_table()) {
    if (!def.examples) continue;
    for (const Example& example : def.examples())
      for (Dtype dtype : {Dtype::f64, Dtype::f32}) {
        const std::vector<Tensor> here = orders_on(Device::cpu, dtype, def, example);
        for (Device device : devices()) {
          INFO(name_of(device) << ", " << tests::text_of(def, example) << ", " << name_of(dtype));
          CHECK(distance(orders_on(device, dtype, def, example), here) < (dtype == Dtype::f64 ? 1e-11 : 1e-4));
        }
      }
  }
}

TEST_CASE("a function runs where its arguments are; results stay there and can be arguments again", "[device]") {
  for (Device device : devices()) {
    INFO(name_of(device));
    const Function<> step("step", [](Inputs& in, const NoSpec&) -> std::vector<Vars> {
      Var w = in.next_var("w"), x = in.next_var("x");
      Vars out;
      out.add("w", w - 0.1 * grad(mean_all(square(tanh(matmul(x, w)))), std::span(&w, 1))[0]);
      return {out};
    });
    Tensor w = numbers({1, 4, 3}, 1), x = numbers({1, 9, 4}, 2), w_there = w.to(device);
    for (int i = 0; i < 5; ++i) {
      w = step({}, {w, x})[0][0];
      w_there = step({}, {w_there, x})[0][0];  // x is brought along, once
      CHECK(w_there.device() == device);
      CHECK(w.device() == Device::cpu);
    }
    CHECK(relative_error(w_there, w) < 1e-13);

    // Arguments of the CPU run on the compute device.
    set_compute_device(device);
    const Tensor chosen = step({}, {w, x})[0][0];
    set_compute_device(Device::cpu);
    CHECK(chosen.device() == device);
    CHECK(relative_error(chosen, step({}, {w, x})[0][0]) < 1e-13);

    // A changed argument is brought along anew.
    x.set(0, 0, 0, 7.5);
    CHECK(relative_error(step({}, {w_there, x})[0][0], step({}, {w_there.to(Device::cpu), x})[0][0]) < 1e-13);
  }
}

TEST_CASE("a function's results on a device are written again only when nobody holds them", "[device]") {
  for (Device device : devices()) {
    INFO(name_of(device));
    const Function<> twice("twice", [](Inputs& in, const NoSpec&) -> std::vector<Vars> {
      Vars out;
      out.add("y", 2.0 * in.next_var("x"));
      return {out};
    });
    const Tensor one = numbers({1, 3, 4}, 1).to(device), other = numbers({1, 3, 4}, 2).to(device);
    const Tensor held = twice({}, {one})[0][0];
    const std::vector<double> before = held.to_vector();
    const void* second = twice({}, {other})[0][0].data();
    CHECK(second != held.data());
    for (int call = 0; call < 6; ++call) CHECK(twice({}, {other})[0][0].data() == second);
    CHECK(held.to_vector() == before);

    // However many are held, all are right; and who writes into a result writes into a copy.
    std::vector<Tensor> all;
    for (int k = 0; k < 7; ++k) all.push_back(twice({}, {k % 2 == 0 ? one : other})[0][0]);
    for (std::size_t k = 0; k < 7; ++k) CHECK(bitwise_equal(all[k], all[k % 2]));
    CHECK(bitwise_equal(all[0], held));
    Tensor mine = all[0];
    all.clear();
    clear_bytes(mine.mutable_data(), device, mine.bytes());
    CHECK(bitwise_equal(twice({}, {one})[0][0], held));
    CHECK(mine.to_vector() == std::vector<double>(12, 0.0));
  }
}

TEST_CASE("on a device too, the first number that is not finite is named", "[device]") {
  for (Device device : devices()) {
    INFO(name_of(device));
    const Function<> f("f", [](Inputs& in, const NoSpec&) -> std::vector<Vars> {
      Vars out;
      out.add("y", exp(log(in.next_var("x"))));
      return {out};
    });
    f.set_check_finite(true);
    const Tensor x = Tensor::from({2, 1, 2}, std::vector<double>{1, 2, -1, 3}).to(device);
    CHECK_THROWS_WITH(f({}, {x}), ContainsSubstring("log") && ContainsSubstring("task 1"));
  }
}

TEST_CASE("a device that cannot be used is refused with what is missing", "[device]") {
  const std::string reason = kernels::why_unavailable(Device::cuda);
  if (reason.empty()) return;  // there is a GPU here
  CHECK_THROWS_WITH(set_compute_device(Device::cuda), ContainsSubstring(reason));
  CHECK_THROWS_WITH(Tensor({1, 1, 1}, Dtype::f32, Device::cuda), ContainsSubstring(reason));
  CHECK(compute_device() == Device::cpu);
}

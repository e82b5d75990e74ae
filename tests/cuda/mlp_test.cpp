// The fused network kernels: against the reference, in every schedule, in every mode that a size can force; and against
// finite differences.
#include "kernels/cuda/mlp.h"

#include <set>

#include "kernels/cuda/simt/race.h"
#include "kernels/mlp_operands.h"
#include "tests/cuda/device_instances.h"
#include "tests/cuda/schedules.h"

namespace innerloop::kernels {
namespace {

// The emulated device's plan for this many tasks.
MlpPlan mlp_plan(const Instance& instance, int tasks) {
  return with_call(instance, tasks, [&](const DeviceCall& call) {
    return simt_host::plan_mlp(instance.op, Dtype::f32, call);
  });
}

constexpr Op all_ops[] = {Op::mlp, Op::mlp_bwd, Op::mlp_jvp, Op::mlp_hvp};

Instance network(Op op, int rows, const std::vector<int>& widths, int sides, unsigned seed,
                 Activation activation = Activation::tanh) {
  Numbers numbers(seed);
  return instances::mlp(op, rows, widths, activation, sides, numbers);
}

}  // namespace

TEST_CASE("mlp kernels: gradients of several slices, and of one for want of memory, in every schedule", "[device]") {
  for (Op op : {Op::mlp_bwd, Op::mlp_hvp})
    for (const Instance& one :
         {network(op, 37, {5, 9, 6, 3}, 1, 2), network(op, 70, {3, 17, 5}, 2, 3, Activation::relu)}) {
      const TaskInstance instance{one, 2, 0};
      CHECK(mlp_plan(one, 2).slices > 1);
      for (Device device : devices())
        for (bool with_workspace : {true, false}) {
          std::vector<float> first;
          simt::for_each_order(device, [&](const std::string& order) {
            INFO(name_of(device) << ", " << instance.text() << ", " << order << ", workspace " << with_workspace);
            simt::race::take_first();
            const std::vector<float> now = run_on<float>(device, instance, -1, {}, with_workspace);
            CHECK(simt::race::take_first() == "");
            if (first.empty()) first = now;
            CHECK(same_bits(first, now));
          });
          CHECK(worst_error(instance, first, 1e-5L) <= 1);
        }
    }
}

TEST_CASE("mlp kernels: weights and sums in shared memory where they fit, right where they do not", "[device][large]") {
  std::set<std::pair<bool, bool>> modes;
  for (Op op : all_ops)
    for (const std::vector<int>& widths : {std::vector<int>{20, 64, 64, 6},
                                           {20, 100, 100, 6},
                                           {111, 100, 100, 8},
                                           {128, 100, 100, 32},
                                           {3, 170, 170, 2},
                                           {4, 300, 300, 300, 2}}) {
      const Instance instance = network(op, 9, widths, 0, 5);
      for (Device device : devices()) {
        INFO(name_of(device) << ", " << instance.text());
        simt::race::take_first();
        CHECK(worst_error({instance, 1, 0}, run_on<float>(device, {instance, 1, 0}), 1e-5L) <= 1);
        CHECK(simt::race::take_first() == "");
      }
      const MlpPlan plan = mlp_plan(instance, 1);
      CHECK(plan.shared_bytes <= 232448 - 1024);
      if (op == Op::mlp || op == Op::mlp_bwd) CHECK((plan.resident || widths[1] > 100));
      modes.insert({plan.resident, plan.resident_sums});
    }
  CHECK(modes.contains({true, true}));
  CHECK(modes.contains({true, false}));
  CHECK(modes.contains({false, false}));
}

TEST_CASE("mlp kernels: the plan of the benchmark's sizes", "[simt]") {
  const auto plan = [](Op op, const std::vector<int>& widths) { return mlp_plan(network(op, 2000, widths, 0, 5), 40); };
  const MlpPlan small = plan(Op::mlp_bwd, {20, 64, 64, 6}), large = plan(Op::mlp_bwd, {20, 100, 100, 6});
  CHECK(small.slices == 6);  // 240 blocks, two per multiprocessor
  CHECK(large.slices == 3);  // 120 blocks, one each
  CHECK(large.resident_sums);
  const MlpPlan product = plan(Op::mlp_hvp, {20, 100, 100, 6});
  CHECK(product.resident);
  CHECK(product.resident_sums);
  CHECK(product.log_groups == 3);  // θ, v, the sums, and 32 rows of everything doubled: 227 KB just hold them
}

namespace {

// Numbers of θ, x and their directions in f64; what the kernels make of them.
struct Point {
  Device device;
  std::vector<int> widths{3, 7, 6, 2};
  int rows = 35;

  std::vector<double> run(Op op, int sides, const std::vector<std::vector<double>>& operands) const {
    Instance one = network(op, rows, widths, sides, 1);
    one.values = operands;
    return run_on<double>(device, {one, 1, 0});
  }
};

using Operands = std::vector<std::vector<double>>;

Operands moved(const Operands& at, const Operands& direction, double h) {
  Operands result = at;
  for (std::size_t k = 0; k < at.size(); ++k)
    for (std::size_t n = 0; n < at[k].size(); ++n) result[k][n] += h * direction[k][n];
  return result;
}

Operands joined(std::initializer_list<Operands> parts) {
  Operands all;
  for (const Operands& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

double dot(const std::vector<double>& a, const std::vector<double>& b, std::size_t from, std::size_t count) {
  double sum = 0;
  for (std::size_t n = 0; n < count; ++n) sum += a[from + n] * b[n];
  return sum;
}

// θ (and x behind it) as the column in which gradients come.
std::vector<double> column(const Operands& x_and_theta) {
  std::vector<double> all;
  for (std::size_t k = 1; k < x_and_theta.size(); ++k)
    all.insert(all.end(), x_and_theta[k].begin(), x_and_theta[k].end());
  all.insert(all.end(), x_and_theta[0].begin(), x_and_theta[0].end());
  return all;
}

// Gradient, tangent and Hessian-vector product against differences, and uᵀHv = vᵀHu.
void check_derivatives(const Point& point) {
  const auto random = [&](unsigned seed) { return network(Op::mlp, point.rows, point.widths, 0, seed).values; };
  const Operands at = random(1), u = random(2), v = random(3);  // x, W1, b1, …
  const Operands y_bar{network(Op::mlp_bwd, point.rows, point.widths, 0, 4).values.back()};
  const double h = 1e-4;

  // ⟨ȳ, f⟩ along v: by differences of the forward kernel, by the backward kernel and by the tangent kernel.
  const std::vector<double> y1 = point.run(Op::mlp, 0, moved(at, v, h)), y0 = point.run(Op::mlp, 0, moved(at, v, -h));
  const double difference = (dot(y1, y_bar[0], 0, y1.size()) - dot(y0, y_bar[0], 0, y0.size())) / (2 * h);
  const std::vector<double> gradient = point.run(Op::mlp_bwd, 1, joined({at, y_bar})), direction = column(v);
  CHECK(dot(gradient, direction, 0, direction.size()) == Approx(difference).epsilon(1e-6));
  const Operands v_theta(v.begin() + 1, v.end());
  const std::vector<double> y_dot = point.run(Op::mlp_jvp, 1, joined({at, {v[0]}, v_theta}));
  CHECK(dot(y_dot, y_bar[0], 0, y_dot.size()) == Approx(difference).epsilon(1e-6));

  // The product with the Hessian: differences of the gradient kernel, element by element.
  const std::vector<double> Hv = point.run(Op::mlp_hvp, 1, joined({at, y_bar, {v[0]}, v_theta}));
  const std::vector<double> g1 = point.run(Op::mlp_bwd, 1, joined({moved(at, v, h), y_bar})),
                            g0 = point.run(Op::mlp_bwd, 1, joined({moved(at, v, -h), y_bar}));
  double worst = 0, size = 0;
  for (std::size_t n = 0; n < g1.size(); ++n) {
    worst = std::max(worst, std::abs((g1[n] - g0[n]) / (2 * h) - Hv[n]));
    size = std::max(size, std::abs(Hv[n]));
  }
  CHECK(worst <= 1e-6 * size);

  // Symmetry.
  const Operands u_theta(u.begin() + 1, u.end());
  const std::vector<double> Hu = point.run(Op::mlp_hvp, 1, joined({at, y_bar, {u[0]}, u_theta}));
  CHECK(dot(Hv, column(u), 0, direction.size()) == Approx(dot(Hu, direction, 0, direction.size())).epsilon(1e-11));
}

}  // namespace

TEST_CASE("mlp kernels: gradient, tangent and Hessian-vector product against differences; uᵀHv = vᵀHu", "[device]") {
  for (Device device : devices()) {
    INFO(name_of(device));
    check_derivatives({device});
  }
}

}  // namespace innerloop::kernels

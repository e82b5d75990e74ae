// The GRU's kernels: every width, against finite differences, and second order through the graph, which expands them.
#include <numeric>

#include "autodiff/function.h"
#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "kernels/cuda/simt/race.h"
#include "tests/cuda/device_instances.h"
#include "tests/cuda/schedules.h"
#include "tests/cuda/vectors.h"

namespace innerloop::kernels {
namespace {

Instance gru_instance(Op op, int steps, int batch, int cells, unsigned seed) {
  Numbers numbers(seed);
  return instances::gru(op, steps, batch, cells, numbers);
}

}  // namespace

TEST_CASE("gru kernels: more cells than threads of a block, and whole warps or not, in every schedule", "[device]") {
  for (Op op : {Op::gru_sequence, Op::gru_sequence_bwd})
    for (int cells : {64, 65, 270}) {
      if (simt::race::active() && cells > 100) continue;
      const TaskInstance instance{gru_instance(op, 3, 2, cells, 1), 2, 0b10};
      for (Device device : devices()) {
        std::vector<float> first;
        simt::for_each_order(device, [&](const std::string& order) {
          INFO(name_of(device) << ", " << instance.text() << ", " << order);
          simt::race::take_first();
          const std::vector<float> now = run_on<float>(device, instance);
          CHECK(simt::race::take_first() == "");
          if (first.empty()) first = now;
          CHECK(same_bits(first, now));
        });
        CHECK(worst_error(instance, first, 1e-5L) <= 1);
      }
    }
}

TEST_CASE("gru kernels: any number of cells: 1000 in f32, 500 in f64", "[device][large]") {
  if (simt::race::active()) return;  // too many accesses to look at
  for (Op op : {Op::gru_sequence, Op::gru_sequence_bwd})
    for (Device device : devices()) {
      const TaskInstance wide{gru_instance(op, 2, 1, 1000, 2), 1, 0}, exact{gru_instance(op, 2, 2, 500, 3), 1, 0};
      INFO(name_of(device) << ", " << wide.text());
      CHECK(worst_error(wide, run_on<float>(device, wide), 1e-5L) <= 1);
      CHECK(worst_error(exact, run_on<double>(device, exact), 1e-11L) <= 1);
    }
}

TEST_CASE("gru kernels: backward pass against differences of the forward kernel", "[device]") {
  constexpr std::size_t T = 4, N = 3, H = 5, rows = T * N, block = rows * H;
  const auto random = [](Size size, unsigned seed) { return Numbers(seed).matrix(size, -1, 1); };
  const Vector reset = gru_instance(Op::gru_sequence, T, N, H, 1).values[3], bar = random({5 * rows, H}, 2);
  const Vector z = random({rows, 3 * H}, 3), u = random({H, 3 * H}, 4), h0 = random({N, H}, 5);
  const Vector dz = random({rows, 3 * H}, 6), du = random({H, 3 * H}, 7), dh = random({N, H}, 8);
  for (Device device : devices()) {
    INFO(name_of(device));
    const auto run = [&](Op op, const std::vector<Vector>& operands) {
      Instance instance = gru_instance(op, T, N, H, 1);
      instance.values = operands;
      return run_on<double>(device, {instance, 1, 0});
    };
    const auto loss = [&](double h) {
      return dot(run(Op::gru_sequence, {moved(z, dz, h), moved(u, du, h), moved(h0, dh, h), reset}), bar);
    };
    const double h = 1e-4, difference = (loss(h) - loss(-h)) / (2 * h);

    // Ū = h⁻ᵀ·(r̄, z̄, q̄)
    const Vector packed = run(Op::gru_sequence, {z, u, h0, reset});
    const Vector swept = run(Op::gru_sequence_bwd, {packed, u, h0, reset, bar});
    Vector h_before = joined({h0, part(packed, 4 * block, block - N * H)}), gates = part(swept, 0, 3 * block);
    for (std::size_t n = 0; n < block; ++n) h_before[n] *= 1 - reset[n / H];
    for (std::size_t n = 0; n < block; ++n) gates[n / H * 3 * H + 2 * H + n % H] = swept[3 * block + n];
    const Vector u_bar = product(transposed(h_before, H), gates, rows);
    const Vector gradient = joined({part(swept, 0, 3 * block), u_bar, part(swept, 4 * block, N * H)});
    CHECK(dot(gradient, joined({dz, du, dh})) == Approx(difference).epsilon(1e-6));
  }
}

namespace {

// ⟨bar, packed results⟩, its gradient with respect to Z, U and h0, and the product of its Hessian with (dZ, dU, dh0).
std::vector<Vars> second_order(Inputs& in, const NoSpec&) {
  const Var z = in.next_var("z"), u = in.next_var("u"), h0 = in.next_var("h0"), reset = in.next_var("reset"),
            bar = in.next_var("bar");
  const std::array x{z, u, h0}, v{in.next_var("dz"), in.next_var("du"), in.next_var("dh0")};
  const std::vector<Var> gradient = grad(sum_all(gru_sequence(z, u, h0, reset, 4) * bar), x);
  const std::vector<Var> product = grad(inner_product(gradient, v), x);
  std::vector<Vars> out(2);
  for (std::size_t k = 0; k < x.size(); ++k) {
    out[0].add("g" + std::to_string(k), gradient[k]);
    out[1].add("Hv" + std::to_string(k), product[k]);
  }
  return out;
}

}  // namespace

TEST_CASE("gru kernels: product with the Hessian, through the graph, against differences of the gradient; uᵀHv = vᵀHu",
          "[device]") {
  constexpr int T = 4, N = 3, H = 5;
  const auto random = [](Shape shape, unsigned seed) {
    return Tensor::from(shape, Numbers(seed).matrix({shape.rows, shape.cols}, -1, 1));
  };
  const auto point = [&](unsigned seed) {
    Tensors x;
    x.add("z", random({1, T * N, 3 * H}, seed)), x.add("u", random({1, H, 3 * H}, seed + 1));
    x.add("h0", random({1, N, H}, seed + 2));
    return x;
  };
  const Tensor reset = Tensor::from({1, T * N, 1}, gru_instance(Op::gru_sequence, T, N, H, 1).values[3]);
  const Tensor bar = random({1, 5 * T * N, H}, 2);
  const Tensors at = point(3), a = point(6), b = point(9);
  for (Device device : devices()) {
    INFO(name_of(device));
    const Function<> f("gru/second_order", [](Inputs& in, const NoSpec& c) { return second_order(in, c); });
    const auto run = [&](const Tensors& x, const Tensors& v) {
      return f({}, {x[0].to(device), x[1].to(device), x[2].to(device), reset, bar, v[0], v[1], v[2]});
    };
    const Tensors Ha = run(at, a)[1], Hb = run(at, b)[1];
    CHECK(Ha[0].device() == device);
    const auto dot_of = [](const Tensors& Hv, const Tensors& u) {
      const std::vector<double> left = Hv.to(Device::cpu).flat(), right = u.flat();
      return std::inner_product(left.begin(), left.end(), right.begin(), 0.0);
    };
    CHECK(dot_of(Ha, b) == Approx(dot_of(Hb, a)).epsilon(1e-12));

    const double h = 1e-4;
    const Tensors ahead = run(at + h * a, a)[0].to(Device::cpu), behind = run(at - h * a, a)[0].to(Device::cpu);
    const Tensors difference = (0.5 / h) * (ahead - behind), product = Ha.to(Device::cpu);
    for (std::size_t k = 0; k < product.count(); ++k) CHECK(relative_error(difference[k], product[k]) < 1e-6);
  }
}

}  // namespace innerloop::kernels

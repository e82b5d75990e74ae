// The LSTM's kernels: every way in which U can be kept, in every schedule; and against finite differences.
#include "kernels/cuda/lstm.h"

#include "kernels/cuda/simt/race.h"
#include "tests/cuda/device_instances.h"
#include "tests/cuda/schedules.h"
#include "tests/cuda/vectors.h"

namespace innerloop::kernels {
namespace {

constexpr Op swept_ops[] = {Op::lstm_sequence, Op::lstm_sequence_bwd, Op::lstm_sequence_jvp};

Instance sequence(Op op, int steps, int batch, int cells, unsigned seed) {
  Numbers numbers(seed);
  Instance instance = instances::lstm(op, steps, batch, cells, numbers);
  if (op != Op::lstm_sequence)
    for (double& v : instance.values[0]) v = 0.05 + 0.9 * std::abs(v);  // gates between 0 and 1
  return instance;
}

// The emulated device's plan for this many tasks.
LstmPlan lstm_plan(const Instance& instance, int tasks, Dtype dtype = Dtype::f32) {
  return with_call(instance, tasks, [&](const DeviceCall& call) {
    return simt_host::plan_lstm(instance.op, dtype, call);
  });
}

}  // namespace

TEST_CASE("lstm kernels: U in one block, split over blocks, or read from memory: the reference's numbers, equal bits",
          "[device]") {
  for (Op op : swept_ops)
    for (int cells : {131, 150}) {  // more than 256 KB of U: too much for one block
      if (simt::race::active() && cells > 131) continue;
      const Instance wide = sequence(op, 3, 5, cells, 1);
      const LstmPlan alone = lstm_plan(sequence(op, 3, 5, 64, 1), 1), together = lstm_plan(wide, 1),
                     streamed = lstm_plan(wide, 3);
      CHECK((alone.resident && !alone.cooperative));
      CHECK((together.resident && together.cooperative && together.cell_slices > 1));
      CHECK((!streamed.resident && !streamed.cooperative));  // three tasks' blocks would not all run at once here
      CHECK(streamed.shared_bytes == 0);
      for (Device device : devices()) {
        INFO(name_of(device) << ", " << wide.text());
        simt::race::take_first();
        const std::vector<float> split = run_on<float>(device, {wide, 1, 0});
        const std::vector<float> read = run_on<float>(device, {wide, 3, 0});
        CHECK(simt::race::take_first() == "");
        CHECK(worst_error({wide, 1, 0}, split, 1e-5L) <= 1);
        CHECK(worst_error({wide, 3, 0}, read, 1e-5L) <= 1);
        CHECK(std::equal(split.begin(), split.end(), read.begin()));
      }
    }
}

TEST_CASE("lstm kernels: blocks that wait for each other give the same bits in every schedule", "[device]") {
  const struct {
    int steps, batch, tasks;
  } cases[] = {{2, 3, 1}, {1, 3, 1}, {2, 1, 1}, {1, 1, 1}, {2, 3, 2}};
  for (Op op : swept_ops)
    for (const auto& c : cases) {
      const TaskInstance instance{sequence(op, c.steps, c.batch, 92, 2), c.tasks, 0};  // in f64 two blocks share them
      CHECK(lstm_plan(instance.base, c.tasks, Dtype::f64).cooperative);
      for (Device device : devices()) {
        std::vector<double> first;
        simt::for_each_order(device, [&](const std::string& order) {
          INFO(name_of(device) << ", " << instance.text() << ", " << order);
          simt::race::take_first();
          const std::vector<double> now = run_on<double>(device, instance);
          CHECK(simt::race::take_first() == "");
          if (first.empty()) first = now;
          CHECK(same_bits(first, now));
        });
        CHECK(worst_error(instance, first, 1e-11L) <= 1);
      }
    }
}

TEST_CASE("lstm kernels: U and the state in global memory give the same bits in every schedule", "[simt]") {
  for (Op op : swept_ops)
    for (int batch : {1, 6}) {
      if (simt::race::active() && batch > 1) continue;
      const TaskInstance instance{sequence(op, 3, batch, 93, 4), 3, 0b10};
      CHECK_FALSE(lstm_plan(instance.base, 3, Dtype::f64).resident);
      std::vector<double> first;
      simt::for_each_schedule([&](const std::string& schedule) {
        INFO(instance.text() << ", " << schedule);
        simt::race::take_first();
        const std::vector<double> now = run_on<double>(Device::simt, instance);
        CHECK(simt::race::take_first() == "");
        if (first.empty()) first = now;
        CHECK(same_bits(first, now));
      });
      CHECK(worst_error(instance, first, 1e-11L) <= 1);
    }
}

TEST_CASE("lstm kernels: more rows than a tile, in chunks", "[device][large]") {
  for (Op op : swept_ops) {
    const TaskInstance instance{sequence(op, 2, 70, 131, 3), 1, 0};
    const LstmPlan plan = lstm_plan(instance.base, 1);
    CHECK(plan.cooperative);
    CHECK(plan.rows > plan.tile_rows);
    for (Device device : devices()) {
      INFO(name_of(device));
      simt::race::take_first();
      CHECK(worst_error(instance, run_on<float>(device, instance), 1e-5L) <= 1);
      CHECK(simt::race::take_first() == "");
    }
  }
}

namespace {

// All four operations on tasks that share U: no shared memory holds so many cells, nor a tile of their state.
template <class T>
void check_any_width(Device device, int tasks, int batch, int cells, long double tolerance) {
  for (Op op : {Op::lstm_sequence, Op::lstm_sequence_bwd, Op::lstm_sequence_jvp, Op::lstm_sequence_curvature}) {
    const unsigned shared = op == Op::lstm_sequence_curvature ? 0 : 0b10;
    const TaskInstance instance{sequence(op, 2, batch, cells, 6), tasks, shared};
    INFO(name_of(device) << ", " << instance.text());
    CHECK(worst_error(instance, run_on<T>(device, instance), tolerance) <= 1);
  }
}

}  // namespace

TEST_CASE("lstm kernels: any number of cells: 1000 in f32, 500 in f64", "[device][large]") {
  if (simt::race::active()) return;  // too many accesses to look at; above, smaller ones go the same way
  for (Device device : devices()) {
    check_any_width<float>(device, 2, 1, 1000, 1e-5L);  // two: more blocks than an H200 has multiprocessors
    check_any_width<double>(device, 1, 2, 500, 1e-11L);
  }
}

namespace {

// T = 4 steps of N = 3 sequences of H = 5 cells, in f64, and the loss L = ⟨bar, packed results⟩.
struct Sequences {
  static constexpr std::size_t T = 4, N = 3, H = 5, rows = T * N, block = rows * H;
  struct Point {
    Vector z, u, h0, c0;  // or a direction
    Vector column() const { return joined({z, u, h0, c0}); }
    Point moved(const Point& by, double h) const {
      using kernels::moved;
      return {moved(z, by.z, h), moved(u, by.u, h), moved(h0, by.h0, h), moved(c0, by.c0, h)};
    }
  };

  Device device;
  Vector bar = random({6 * rows, H}, 9), reset = sequence(Op::lstm_sequence, T, N, H, 1).values[4];

  static Vector random(Size size, unsigned seed) { return Numbers(seed).matrix(size, -1, 1); }
  static Point random_point(unsigned seed) {
    return {random({rows, 4 * H}, seed), random({H, 4 * H}, seed + 1), random({N, H}, seed + 2),
            random({N, H}, seed + 3)};
  }
  Vector run(Op op, const std::vector<Vector>& operands) const {
    Instance instance = sequence(op, T, N, H, 1);
    instance.values = operands;
    return run_on<double>(device, {instance, 1, 0});
  }
  Vector forward(const Point& p) const { return run(Op::lstm_sequence, {p.z, p.u, p.h0, p.c0, reset}); }

  // (T·N, H): what each step starts from. And the transpose: what of it goes back to the states, and to the start.
  Vector before(const Vector& start, const Vector& states) const {
    Vector all = joined({start, part(states, 0, block - N * H)});
    for (std::size_t n = 0; n < block; ++n) all[n] *= 1 - reset[n / H];
    return all;
  }
  Vector to_states(Vector cotangent) const {
    for (std::size_t n = 0; n < block; ++n) cotangent[n] *= 1 - reset[n / H];
    return joined({part(cotangent, N * H, block - N * H), Vector(N * H)});
  }
  Vector to_start(Vector cotangent) const {
    for (std::size_t n = 0; n < N * H; ++n) cotangent[n] *= 1 - reset[n / H];
    return part(cotangent, 0, N * H);
  }

  // What the rules of autodiff/ops/lstm.cpp make of the kernels: Z̄, h̄0 and c̄0 from the sweep, Ū = h⁻ᵀ·Z̄.
  Vector sweep(const Point& p, const Vector& packed, const Vector& packed_bar) const {
    return run(Op::lstm_sequence_bwd, {packed, p.u, p.h0, p.c0, reset, packed_bar});
  }
  Point gradient(const Point& p) const {
    const Vector packed = forward(p), swept = sweep(p, packed, bar), z_bar = part(swept, 0, 4 * block);
    const Vector h_before = before(p.h0, part(packed, 5 * block, block));
    return {z_bar, product(transposed(h_before, H), z_bar, rows), part(swept, 4 * block, N * H),
            part(swept, 4 * block + N * H, N * H)};
  }
  Point hessian_vector(const Point& p, const Point& v) const;
};

// ∇⟨∇L, v⟩ = ∇⟨bar, packed˙⟩ as reverse mode makes it. s = ⟨Z̄, D⟩ + ⟨h̄0, ḣ0⟩ + ⟨c̄0, ċ0⟩, with D = Ż + h⁻·U̇, depends
// on the packed results through the tangent (the curvature kernel) and through h⁻; one more sweep takes both to Z,
// h0 and c0.
Sequences::Point Sequences::hessian_vector(const Point& p, const Point& v) const {
  const Vector packed = forward(p), h_before = before(p.h0, part(packed, 5 * block, block));
  const Vector d = moved(v.z, product(h_before, v.u, H), 1);
  const Vector tangent = run(Op::lstm_sequence_jvp, {packed, p.u, p.c0, reset, d, v.h0, v.c0});
  const Vector z_bar = part(sweep(p, packed, bar), 0, 4 * block);

  // The whole tangents of the pre-activations, A = D + ḣ⁻·U, and cotangents of h, from the later step's Z̄·Uᵀ.
  const Vector h_dot_before = before(v.h0, part(tangent, 5 * block, block));
  const Vector a = moved(d, product(h_dot_before, p.u, H), 1);
  const Vector from_later = to_states(product(z_bar, transposed(p.u, 4 * H), 4 * H));
  const Vector h_bar = moved(part(bar, 5 * block, block), from_later, 1);
  const Vector bend = run(Op::lstm_sequence_curvature,
                          {packed, p.c0, reset, bar, h_bar, a, part(tangent, 4 * block, block), v.c0});

  const Vector to_h = product(z_bar, transposed(v.u, 4 * H), 4 * H);  // the cotangent of h⁻ in D
  const Vector packed_bar = moved(part(bend, 0, 6 * block), joined({Vector(5 * block), to_states(to_h)}), 1);
  const Vector swept = sweep(p, packed, packed_bar), z_bar_dot = part(swept, 0, 4 * block);
  return {z_bar_dot,
          moved(product(transposed(h_dot_before, H), z_bar, rows),
                product(transposed(h_before, H), z_bar_dot, rows), 1),
          moved(part(swept, 4 * block, N * H), to_start(to_h), 1),
          moved(part(swept, 4 * block + N * H, N * H), part(bend, 6 * block, N * H), 1)};
}

}  // namespace

TEST_CASE("lstm kernels: backward pass and tangent against differences of the forward kernel", "[device]") {
  for (Device device : devices()) {
    INFO(name_of(device));
    const Sequences s{device};
    const Sequences::Point at = s.random_point(1), v = s.random_point(5);
    const double h = 1e-4;
    const double difference =
        (dot(s.forward(at.moved(v, h)), s.bar) - dot(s.forward(at.moved(v, -h)), s.bar)) / (2 * h);
    CHECK(dot(s.gradient(at).column(), v.column()) == Approx(difference).epsilon(1e-6));

    // The tangent is the backward pass's transpose; what the step before sends through U̇ is known beforehand.
    const Vector packed = s.forward(at), h_before = s.before(at.h0, part(packed, 5 * s.block, s.block));
    const Vector d = moved(v.z, product(h_before, v.u, s.H), 1);
    const Vector tangent = s.run(Op::lstm_sequence_jvp, {packed, at.u, at.c0, s.reset, d, v.h0, v.c0});
    CHECK(dot(tangent, s.bar) == Approx(difference).epsilon(1e-6));
    CHECK(dot(tangent, s.bar) == Approx(dot(s.gradient(at).column(), v.column())).epsilon(1e-12));
  }
}

TEST_CASE("lstm kernels: product with the Hessian against differences of the gradient; uᵀHv = vᵀHu", "[device]") {
  for (Device device : devices()) {
    INFO(name_of(device));
    const Sequences s{device};
    const Sequences::Point at = s.random_point(1), u = s.random_point(5), v = s.random_point(11);
    const Vector Hv = s.hessian_vector(at, v).column(), Hu = s.hessian_vector(at, u).column();
    const double h = 1e-4;
    const Vector g1 = s.gradient(at.moved(v, h)).column(), g0 = s.gradient(at.moved(v, -h)).column();
    double worst = 0, size = 0;
    for (std::size_t n = 0; n < Hv.size(); ++n) {
      worst = std::max(worst, std::abs((g1[n] - g0[n]) / (2 * h) - Hv[n]));
      size = std::max(size, std::abs(Hv[n]));
    }
    CHECK(size > 0.1);
    CHECK(worst <= 1e-6 * size);
    CHECK(dot(Hv, u.column()) == Approx(dot(Hu, v.column())).epsilon(1e-11));
  }
}

TEST_CASE("lstm kernels: curvature against differences of the backward kernel", "[device]") {
  for (Device device : devices()) {
    INFO(name_of(device));
    const Sequences s{device};
    // Packed results and c0 as if they were free: not those of any forward pass.
    const Instance start = sequence(Op::lstm_sequence_bwd, s.T, s.N, s.H, 1);
    const Vector &packed = start.values[0], &u = start.values[1], &c0 = start.values[3];
    const Vector d = s.random({s.rows, 4 * s.H}, 2), dh = s.random({s.N, s.H}, 3), dc = s.random({s.N, s.H}, 4);
    const Vector tangent = s.run(Op::lstm_sequence_jvp, {packed, u, c0, s.reset, d, dh, dc});
    const Vector swept = s.run(Op::lstm_sequence_bwd, {packed, u, dh, c0, s.reset, s.bar});

    const Vector a = moved(d, product(s.before(dh, part(tangent, 5 * s.block, s.block)), u, s.H), 1);
    const Vector from_later = s.to_states(product(part(swept, 0, 4 * s.block), transposed(u, 4 * s.H), 4 * s.H));
    const Vector h_bar = moved(part(s.bar, 5 * s.block, s.block), from_later, 1);
    const Vector bend = s.run(Op::lstm_sequence_curvature,
                              {packed, c0, s.reset, s.bar, h_bar, a, part(tangent, 4 * s.block, s.block), dc});

    const Vector dp = s.random({6 * s.rows, s.H}, 6), dc0 = s.random({s.N, s.H}, 7);
    const double h = 1e-4;
    const auto along = [&](double by) {
      return dot(s.run(Op::lstm_sequence_bwd, {moved(packed, dp, by), u, dh, moved(c0, dc0, by), s.reset, s.bar}),
                 joined({d, dh, dc}));
    };
    CHECK(dot(bend, joined({dp, dc0})) == Approx((along(h) - along(-h)) / (2 * h)).epsilon(1e-6));
  }
}

}  // namespace innerloop::kernels

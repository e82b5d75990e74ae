// The LSTM's kernels, emulated: every way in which U can be kept, in every schedule; and against finite differences.
#include "kernels/cuda/lstm.h"

#include "kernels/cuda/simt/race.h"
#include "tests/cuda/device_instances.h"
#include "tests/cuda/schedules.h"

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

LstmPlan plan_of(const Instance& instance, int tasks, Dtype dtype = Dtype::f32) {
  std::vector<DeviceMatrix> in;
  for (const Size size : instance.in) in.push_back({nullptr, size.rows, size.cols, size.count()});
  const DeviceCall call{.out = {nullptr, instance.out.rows, instance.out.cols, instance.out.count()},
                        .in = in.data(),
                        .arity = static_cast<int>(in.size()),
                        .tasks = tasks,
                        .attr = instance.attr};
  return simt_host::plan_lstm(instance.op, dtype, call);
}

template <class T>
double relative_error(const std::vector<T>& got, const std::vector<long double>& want) {
  long double difference = 0, size = 1e-300L;
  for (std::size_t n = 0; n < want.size(); ++n) {
    const long double d = std::fabs(static_cast<long double>(got[n]) - want[n]);
    if (std::isnan(d)) return std::numeric_limits<double>::infinity();
    difference = std::max(difference, d), size = std::max(size, std::fabs(want[n]));
  }
  return static_cast<double>(difference / size);
}

}  // namespace

TEST_CASE("lstm kernels: U in one block, split over blocks, or read from memory: the reference's numbers, equal bits",
          "[simt]") {
  for (Op op : swept_ops) {
    const Instance wide = sequence(op, 3, 5, 131, 1);  // 264 KB of U: too much for one block
    const LstmPlan alone = plan_of(sequence(op, 3, 5, 64, 1), 1), together = plan_of(wide, 1),
                   streamed = plan_of(wide, 3);
    CHECK((alone.resident && !alone.cooperative));
    CHECK((together.resident && together.cooperative && together.cell_slices > 1));
    CHECK((!streamed.resident && !streamed.cooperative));  // three tasks' blocks would not all run at once here
    INFO(wide.text());

    simt::race::take_first();
    const std::vector<float> split = run_on<float>(Device::simt, {wide, 1, 0});
    const std::vector<float> read = run_on<float>(Device::simt, {wide, 3, 0});
    CHECK(simt::race::take_first() == "");
    CHECK(relative_error(split, exact(wide)) <= 1e-5);
    CHECK(same_bits(split, std::vector<float>(read.begin(), read.begin() + static_cast<std::ptrdiff_t>(split.size()))));
  }
}

TEST_CASE("lstm kernels: blocks that wait for each other give the same bits in every schedule", "[simt]") {
  for (Op op : swept_ops) {
    const TaskInstance instance{sequence(op, 2, 3, 92, 2), 1, 0};  // in f64 two blocks share the cells
    CHECK(plan_of(instance.base, 1, Dtype::f64).cooperative);
    std::vector<double> first;
    simt::for_each_schedule([&](const std::string& schedule) {
      INFO(instance.text() << ", " << schedule);
      simt::race::take_first();
      const std::vector<double> now = run_on<double>(Device::simt, instance);
      CHECK(simt::race::take_first() == "");
      if (first.empty()) first = now;
      CHECK(same_bits(first, now));
    });
    CHECK(relative_error(first, exact(instance.base)) <= 1e-11);
  }
}

TEST_CASE("lstm kernels: more rows than a tile, in chunks", "[simt]") {
  for (Op op : swept_ops) {
    const Instance instance = sequence(op, 2, 150, 131, 3);
    const LstmPlan plan = plan_of(instance, 1);
    CHECK(plan.cooperative);
    CHECK(plan.rows > plan.tile_rows);
    simt::race::take_first();
    CHECK(relative_error(run_on<float>(Device::simt, {instance, 1, 0}), exact(instance)) <= 1e-5);
    CHECK(simt::race::take_first() == "");
  }
}

namespace {

using Operands = std::vector<std::vector<double>>;

// T = 4 steps of N = 3 sequences of H = 5 cells, in f64.
struct Small {
  static constexpr int T = 4, N = 3, H = 5, rows = T * N;

  static std::vector<double> run(Op op, const Operands& values) {
    Instance instance = sequence(op, T, N, H, 1);
    instance.values = values;
    return run_on<double>(Device::simt, {instance, 1, 0});
  }
  static std::vector<double> random(Size size, unsigned seed) { return Numbers(seed).matrix(size, -1, 1); }
};

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t n = 0; n < b.size(); ++n) sum += a[n] * b[n];
  return sum;
}

std::vector<double> moved(const std::vector<double>& at, const std::vector<double>& direction, double h) {
  std::vector<double> result = at;
  for (std::size_t n = 0; n < at.size(); ++n) result[n] += h * direction[n];
  return result;
}

std::vector<double> joined(std::initializer_list<std::vector<double>> parts) {
  std::vector<double> all;
  for (const std::vector<double>& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace

TEST_CASE("lstm kernels: backward pass and tangent against differences of the forward kernel", "[simt]") {
  using S = Small;
  const Operands at = sequence(Op::lstm_sequence, S::T, S::N, S::H, 1).values;  // Z, U, h0, c0, reset
  const std::vector<double> dz = S::random({S::rows, 4 * S::H}, 2), dh = S::random({S::N, S::H}, 3),
                            dc = S::random({S::N, S::H}, 4), bar = S::random({6 * S::rows, S::H}, 5);
  const double h = 1e-4;
  const auto along = [&](double s) {
    return S::run(Op::lstm_sequence, {moved(at[0], dz, s), at[1], moved(at[2], dh, s), moved(at[3], dc, s), at[4]});
  };
  const double difference = (dot(along(h), bar) - dot(along(-h), bar)) / (2 * h);
  const std::vector<double> packed = S::run(Op::lstm_sequence, at);
  const std::vector<double> swept = S::run(Op::lstm_sequence_bwd, {packed, at[1], at[2], at[3], at[4], bar});
  const std::vector<double> tangent = S::run(Op::lstm_sequence_jvp, {packed, at[1], at[3], at[4], dz, dh, dc});
  CHECK(dot(swept, joined({dz, dh, dc})) == Approx(difference).epsilon(1e-6));
  CHECK(dot(tangent, bar) == Approx(difference).epsilon(1e-6));
  CHECK(dot(tangent, bar) == Approx(dot(swept, joined({dz, dh, dc}))).epsilon(1e-12));  // each other's transpose
}

TEST_CASE("lstm kernels: curvature against differences of the backward kernel", "[simt]") {
  using S = Small;
  const std::size_t rows = S::rows, H = S::H, N = S::N, block = rows * H;
  const Operands start = sequence(Op::lstm_sequence, S::T, S::N, S::H, 1).values;
  const std::vector<double>&u = start[1], &c0 = start[3], &reset = start[4], packed = S::run(Op::lstm_sequence, start);
  const std::vector<double> d = S::random({S::rows, 4 * S::H}, 2), dh = S::random({S::N, S::H}, 3),
                            dc = S::random({S::N, S::H}, 4), bar = S::random({6 * S::rows, S::H}, 5);
  const std::vector<double> tangent = S::run(Op::lstm_sequence_jvp, {packed, u, c0, reset, d, dh, dc});
  const std::vector<double> swept = S::run(Op::lstm_sequence_bwd, {packed, u, dh, c0, reset, bar});

  // The whole tangents of the pre-activations, A = D + ḣ⁻·U, and cotangents of h, from the later step's Z̄·Uᵀ.
  std::vector<double> a = d, h_bar(bar.begin() + static_cast<std::ptrdiff_t>(5 * block), bar.end());
  for (std::size_t r = 0; r < rows; ++r) {
    if (reset[r] != 0) continue;
    for (std::size_t l = 0; l < H; ++l)
      for (std::size_t j = 0; j < 4 * H; ++j) {
        a[r * 4 * H + j] += (r < N ? dh[r * H + l] : tangent[5 * block + (r - N) * H + l]) * u[l * 4 * H + j];
        if (r >= N) h_bar[(r - N) * H + l] += swept[r * 4 * H + j] * u[l * 4 * H + j];
      }
  }
  const std::vector<double> c_dot(tangent.begin() + static_cast<std::ptrdiff_t>(4 * block),
                                  tangent.begin() + static_cast<std::ptrdiff_t>(5 * block));
  const std::vector<double> bend =
      S::run(Op::lstm_sequence_curvature, {packed, c0, reset, bar, h_bar, a, c_dot, dc});

  const std::vector<double> dp = S::random({6 * S::rows, S::H}, 6), dc0 = S::random({S::N, S::H}, 7);
  const double h = 1e-4;
  const auto along = [&](double s) {
    return dot(S::run(Op::lstm_sequence_bwd, {moved(packed, dp, s), u, dh, moved(c0, dc0, s), reset, bar}),
               joined({d, dh, dc}));
  };
  CHECK(dot(bend, joined({dp, dc0})) == Approx((along(h) - along(-h)) / (2 * h)).epsilon(1e-6));
}

}  // namespace innerloop::kernels

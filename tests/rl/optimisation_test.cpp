// Conjugate gradients and the line search: exact problems, and every way in which they must refuse.
#include <cmath>
#include <limits>

#include "autodiff/function.h"
#include "autodiff/ops.h"
#include "kernels/philox.h"
#include "rl/conjugate_gradient.h"
#include "rl/line_search.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::rl;

namespace {

// A list of two tensors holding n numbers, so that CG meets what it meets in practice.
Tensors pack(const std::vector<double>& x) {
  const int first = static_cast<int>(x.size() / 2), rest = static_cast<int>(x.size()) - first;
  Tensors list;
  if (first > 0) list.add("a", Tensor::from({1, 1, first}, std::span(x).first(static_cast<std::size_t>(first))));
  list.add("b", Tensor::from({1, rest, 1}, std::span(x).last(static_cast<std::size_t>(rest))));
  return list;
}

// One iteration with a matrix that is written down. The vectors are lists; side by side they are one row.
const Function<> dense_iteration("test/cg_iteration", [](Inputs& in, const NoSpec&) -> std::vector<Vars> {
  const Var matrix = in.next_var("matrix");
  const Vars state = in.next("state"), p = cg_direction(state);
  std::vector<Var> rows, back;
  for (Var v : p.all()) rows.push_back(reshape(v, 1, v.shape().rows * v.shape().cols));
  const Var Ap = matmul(concat_cols(rows), matrix);
  int first = 0;
  for (Var v : p.all()) {
    const int size = v.shape().rows * v.shape().cols;
    back.push_back(reshape(slice_cols(Ap, first, size), v.shape().rows, v.shape().cols));
    first += size;
  }
  return {cg_iteration(state, p.with(back))};
});

// MᵀM/n + 1: symmetric, eigenvalues from 1 to about 5.
struct System {
  std::size_t n;
  std::vector<double> matrix, b;
  System(std::size_t size, std::uint64_t seed) : n(size), matrix(size * size), b(size) {
    Philox random(seed, {.purpose = Purpose::check});
    std::vector<double> m(n * n);
    for (double& x : m) x = random.normal();
    for (double& x : b) x = random.normal();
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t k = 0; k < n; ++k) matrix[i * n + j] += m[k * n + i] * m[k * n + j] / static_cast<double>(n);
        if (i == j) matrix[i * n + j] += 1;
      }
  }
  Tensors operator*(const Tensors& x) const {
    const std::vector<double> v = x.flat();
    std::vector<double> y(n);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) y[i] += matrix[i * n + j] * v[j];
    return x.with_flat(y);
  }
  CgIterate iterate(double factor = 1) const {
    std::vector<double> numbers = matrix;
    for (double& x : numbers) x *= factor;
    const int size = static_cast<int>(n);
    return [matrix = Tensor::from({1, size, size}, numbers)](const Tensors& state) {
      return dense_iteration({}, {fixed(matrix), state})[0];
    };
  }
};

ParamValues one(double x) {
  ParamValues theta;
  theta.add("x", Tensor::scalar(x));
  return theta;
}

}  // namespace

TEST_CASE("CG reaches 1e-8 in at most n + 2 iterations on well-conditioned systems, and leaves its inputs unchanged") {
  for (std::size_t n = 1; n <= 10; ++n)
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      const System system(n, seed);
      const Tensors b = pack(system.b), before = pack(system.b);
      const ConjugateGradientResult result = conjugate_gradient(system.iterate(), b, static_cast<int>(n) + 2, 1e-9);
      CAPTURE(n, seed);
      CHECK_FALSE(result.stopped);
      CHECK(norm(b - system * result.x) < 1e-8);
      CHECK(std::abs(result.residual - norm(b - system * result.x)) < 1e-12);  // the recurrence tells the truth
      CHECK(curvature_along(system.iterate(), result.x) == Approx(dot(result.x, system * result.x)).epsilon(1e-12));
      CHECK(bitwise_equal(b, before));
      CHECK(result.x.name(0) == b.name(0));
    }
}

TEST_CASE("CG: one iteration as one Function is the textbook's recurrence, number for number") {
  const System system(9, 4);
  Tensors x = 0.0 * pack(system.b), r = pack(system.b), p = r, state = cg_start(r, 0);
  for (int k = 0; k < 6; ++k) {
    const Tensors Ap = system * p;
    const double rr = dot(r, r), step = rr / dot(p, Ap);
    x = x + step * p, r = r - step * Ap;
    p = r + (dot(r, r) / rr) * p;
    state = system.iterate()(state);
    for (std::size_t i = 0; i < x.count(); ++i) {
      CHECK(relative_error(state["x/" + x.name(i)], x[i]) < 1e-12);
      CHECK(relative_error(state["p/" + x.name(i)], p[i]) < 1e-10);
    }
    CHECK(state["rr"].item() == Approx(dot(r, r)).epsilon(1e-10));
    CHECK(state["iterations"].item() == k + 1);
  }
}

TEST_CASE("CG never writes to the state that it was given") {
  const System system(8, 3);
  std::vector<std::pair<Tensors, std::vector<double>>> given;
  const auto iterate = [&, inner = system.iterate()](const Tensors& state) {
    given.emplace_back(state, state.flat());
    return inner(state);
  };
  conjugate_gradient(iterate, pack(system.b), 8, 0);
  CHECK(given.size() == 8);
  for (const auto& [tensors, numbers] : given) CHECK(tensors.flat() == numbers);
}

TEST_CASE("CG's iterates minimise the quadratic: each is better than the one before") {
  const System system(10, 2);
  double last = 0;
  for (int iterations = 1; iterations <= 10; ++iterations) {
    const Tensors x = conjugate_gradient(system.iterate(), pack(system.b), iterations, 0).x;
    const double value = 0.5 * dot(x, system * x) - dot(pack(system.b), x);
    CHECK(value < last + 1e-14);
    last = value;
  }
}

TEST_CASE("CG stops relative to b: another unit of b changes neither the iterations nor the digits") {
  const System system(10, 5);
  const ConjugateGradientResult plain = conjugate_gradient(system.iterate(), pack(system.b), 20);
  CHECK(plain.iterations < 12);
  CHECK(plain.residual <= 1e-5 * norm(pack(system.b)));
  CHECK(norm(pack(system.b) - system * plain.x) <= 1.001e-5 * norm(pack(system.b)));
  for (double unit : {0x1p-40, 0x1p-20, 0x1p30}) {
    const ConjugateGradientResult scaled = conjugate_gradient(system.iterate(), unit * pack(system.b), 20);
    CHECK(scaled.iterations == plain.iterations);
    CHECK(bitwise_equal(scaled.x, unit * plain.x));
  }
}

TEST_CASE("CG: iterations after the last one leave everything as it is, so nobody has to look") {
  const System system(6, 2);
  for (double factor : {1.0, -1.0, std::nan("")}) {  // solved; not positive definite; NaN
    Tensors state = cg_start(pack(system.b), 1e-5);
    const CgIterate iterate = system.iterate(factor);
    for (int k = 0; k < 12; ++k) state = iterate(state);
    CHECK(state["going"].item() == 0);
    const ConjugateGradientResult looked = conjugate_gradient(iterate, pack(system.b), 12);
    const Tensors later = iterate(state);
    for (std::size_t i = 0; i < looked.x.count(); ++i) {
      CHECK(bitwise_equal(state[i], looked.x[i]));
      CHECK(bitwise_equal(later[i], state[i]));
    }
    for (const char* name : {"rr", "iterations", "refused"}) CHECK(bitwise_equal(later[name], state[name]));
    CHECK(state["iterations"].item() == looked.iterations);
    CHECK((state["refused"].item() == 1) == (factor != 1));
  }
}

TEST_CASE("CG: a zero right-hand side needs no product; a matrix that is not positive definite stops it") {
  const System system(4, 1);
  const ConjugateGradientResult zero = conjugate_gradient(system.iterate(), 0.0 * pack(system.b));
  CHECK(zero.iterations == 0);
  CHECK(norm(zero.x) == 0);
  CHECK_FALSE(zero.stopped);
  for (double factor : {-1.0, 0.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    const ConjugateGradientResult wrong = conjugate_gradient(system.iterate(factor), pack(system.b));
    CAPTURE(factor);
    CHECK(wrong.stopped);
    CHECK(wrong.iterations == 1);
    CHECK(norm(wrong.x) == 0);
  }
}

TEST_CASE("line search: takes the full step where it may") {
  const auto evaluate = [](const ParamValues& theta) { return TrialPoint{theta["x"].item(), 0.001}; };
  const LineSearchResult result = line_search(one(1), one(2), 1, evaluate);
  CHECK(result.accepted);
  CHECK(result.trials == 1);
  CHECK(result.fraction == 1);
  CHECK(result.theta["x"].item() == 3);
}

TEST_CASE("line search: shrinks until both conditions hold; steps do not accumulate") {
  // Improvement below x = 0.7, KL = x²/100 ≤ δ below x = 0.6: 0.8³ = 0.512 is the first below both.
  const auto evaluate = [](const ParamValues& theta) {
    const double x = theta["x"].item();
    return TrialPoint{x * (0.7 - x), x * x / 100};
  };
  const LineSearchResult result = line_search(one(0), one(1), 0, evaluate, {.max_kl = 0.0036});
  CHECK(result.accepted);
  CHECK(result.trials == 4);
  CHECK(result.theta["x"].item() == Approx(0.512).epsilon(1e-15));
  // Improvement alone would have taken 0.64, KL alone without improvement nothing at all.
  CHECK(line_search(one(0), one(1), 0, evaluate, {.max_kl = 1}).theta["x"].item() == Approx(0.64));
  CHECK_FALSE(line_search(one(0), one(1), 0.2, evaluate, {.max_kl = 0.0036}).accepted);
}

TEST_CASE("line search: gives back the old parameters bit for bit when nothing is accepted") {
  ParamValues old = one(0.1 + 0.2);
  const ParamValues copy = old.with_flat(old.flat());
  int calls = 0;
  const auto never = [&](const ParamValues&) { return ++calls, TrialPoint{-1, 0}; };
  const LineSearchResult result = line_search(old, one(1e-17), 0, never);
  CHECK_FALSE(result.accepted);
  CHECK(result.trials == 15);
  CHECK(calls == 15);
  CHECK(bitwise_equal(result.theta, copy));
  CHECK(bitwise_equal(old, copy));
  CHECK(result.point.objective == 0);
  CHECK(result.fraction == 0);
}

TEST_CASE("line search: NaN and infinity are refusals, equality of the objective too, equality of the KL is not") {
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  for (TrialPoint bad : {TrialPoint{nan, 0}, TrialPoint{infinity, 0}, TrialPoint{1, nan}, TrialPoint{1, -infinity},
                         TrialPoint{0, 0}, TrialPoint{1, 0.011}})
    CHECK_FALSE(line_search(one(0), one(1), 0, [&](const ParamValues&) { return bad; }).accepted);
  CHECK(line_search(one(0), one(1), 0, [](const ParamValues&) { return TrialPoint{1, 0.01}; }).accepted);
  // One bad trial is no reason to give up.
  const auto nan_at_full_step = [&](const ParamValues& theta) {
    return TrialPoint{theta["x"].item() == 1 ? nan : 1, 0};
  };
  CHECK(line_search(one(0), one(1), 0, nan_at_full_step).trials == 2);
}

// V-trace: hand-computed numbers, the λ-return where behaviour and policy are one, and what clipping does.
#include "rl/v_trace.h"

#include <cmath>

#include "autodiff/ops.h"
#include "kernels/philox.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::rl;

namespace {

// r = (1, −2, 3), V = (0.5, 0.4, 0.3), bootstrapped from 0.2; π/μ = (½, 2, 1½), γ = 0.9, λ = 0.8.
struct OffPolicy {
  Graph graph{Dtype::f64, Graph::Mode::eager};
  Var column(const char* name, const std::vector<double>& numbers) {
    return graph.input(Tensor::from({1, static_cast<int>(numbers.size()), 1}, numbers), name);
  }
  Transitions d{column("r", {1, -2, 3}), column("next", {0.4, 0.3, 0.2}), column("c", {1, 1, 0}), 3};
  Var values = column("V", {0.5, 0.4, 0.3}), ratio = column("ratio", {0.5, 2, 1.5});
  Var gamma = column("gamma", {0.9}), lambda = column("lambda", {0.8});
};

void check_column(Var found, const std::vector<double>& expected) {
  for (std::size_t t = 0; t < expected.size(); ++t)
    CHECK(std::abs(found.value().at(0, static_cast<int>(t), 0) - expected[t]) < 1e-12);
}

}  // namespace

TEST_CASE("[V-trace eq. 1] three steps, by hand") {
  // v₂ = 0.3 + 2.88,  v₁ = 0.4 − 2.13 + 0.72·2.88,  v₀ = 0.5 + 0.43 + 0.36·(v₁ − 0.4)
  OffPolicy e;
  check_column(v_trace(e.d, e.values, e.ratio, e.gamma, e.lambda, {}).targets, {0.909696, 0.3436, 3.18});
  // ρ̄ = 1.2, c̄ = 1: δ counts for 1.2 where the ratio is larger, and is carried no farther than before.
  check_column(v_trace(e.d, e.values, e.ratio, e.gamma, e.lambda, {.rho_bar = 1.2}).targets,
               {0.9056352, 0.33232, 3.756});
}

TEST_CASE("[V-trace eq. advantage] by hand: ½(1 + 0.9·0.3436 − 0.5), −2 + 0.9·3.18 − 0.4, 3 + 0.9·0.2 − 0.3") {
  OffPolicy e;
  check_column(v_trace(e.d, e.values, e.ratio, e.gamma, e.lambda, {}).advantages, {0.40462, 0.462, 2.88});
}

TEST_CASE("[V-trace eq. weights] clips at ρ̄ and c̄, and a leak lets part of a large ratio through") {
  OffPolicy e;
  check_column(clipped_ratio(e.ratio, 1, 0), {0.5, 1, 1});
  check_column(clipped_ratio(e.ratio, 1.7, 0), {0.5, 1.7, 1.5});
  check_column(clipped_ratio(e.ratio, 1, 0.25), {0.5, 1.25, 1.125});
  const VTrace leaky = v_trace(e.d, e.values, e.ratio, e.gamma, e.lambda, {.leak = 0.25});
  check_column(leaky.targets, {1.02126, 0.6535, 3.54});
  check_column(leaky.advantages, {0.544075, 0.9825, 3.24});
}

TEST_CASE("V-trace on the policy's own experience is the λ-return, whatever ρ̄ and c̄ of at least 1") {
  constexpr int T = 6, N = 2;
  Philox random(4, {.purpose = Purpose::check});
  Graph graph(Dtype::f64, Graph::Mode::eager);
  std::vector<double> r(T * N), v(T * N), next(T * N), on(T * N);
  for (std::size_t row = 0; row < r.size(); ++row) {
    r[row] = random.normal(), v[row] = random.normal();
    on[row] = row + N < r.size() && row % 5 != 3;
  }
  for (std::size_t row = 0; row < r.size(); ++row)  // cut, terminated, or the next row's value
    next[row] = on[row] != 0 ? v[row + N] : (row % 2 == 0 ? random.normal() : 0);
  const auto column = [&](const std::vector<double>& numbers) {
    return graph.input(Tensor::from({1, static_cast<int>(numbers.size()), 1}, numbers), "x");
  };
  const Transitions d{column(r), column(next), column(on), T};
  const Var one = column(std::vector<double>(T * N, 1)), gamma = column({0.93}), lambda = column({0.6});
  const Tensor G = lambda_returns(d, gamma, lambda).value();
  for (const double most : {1.0, 3.0}) {
    const VTrace trace = v_trace(d, column(v), one, gamma, lambda, {.rho_bar = most, .c_bar = most});
    CHECK(relative_error(trace.targets.value(), G) < 1e-13);
  }
  // With λ = 1 the advantage is v − V, the n-step advantage.
  const VTrace trace = v_trace(d, column(v), one, gamma, column({1}), {});
  CHECK(relative_error(trace.advantages.value(), (trace.targets - column(v)).value()) < 1e-12);
}

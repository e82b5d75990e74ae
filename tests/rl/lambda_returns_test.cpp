// λ-returns on the graph: hand-computed numbers, their derivatives by three routes, and the definition on data.
#include "rl/lambda_returns.h"

#include <cmath>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "kernels/philox.h"
#include "rl/experience/segments.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::rl;

namespace {

Var column_in(Graph& graph, const char* name, const std::vector<double>& numbers) {
  return graph.input(Tensor::from({1, static_cast<int>(numbers.size()), 1}, numbers), name);
}

// Three steps of one sequence, cut after the last: r = (1, −2, 3), v₁ = 0.4, v₂ = 0.3, v₃ = 0.2.
struct HandExample {
  Graph graph{Dtype::f64, Graph::Mode::eager};
  Transitions d{column_in(graph, "r", {1, -2, 3}), column_in(graph, "v", {0.4, 0.3, 0.2}),
                column_in(graph, "c", {1, 1, 0}), 3};
  Var gamma = graph.input(Tensor::scalar(0.9), "gamma"), lambda = graph.input(Tensor::scalar(0.8), "lambda");
};

void check_numbers(Var found, const std::vector<double>& expected) {
  const std::vector<double> numbers = found.value().to_vector();
  REQUIRE(numbers.size() == expected.size());
  for (std::size_t t = 0; t < numbers.size(); ++t) CHECK(std::abs(numbers[t] - expected[t]) < 1e-9);
}

const std::vector<double> by_gamma{2.33344, 2.748, 0.2}, by_lambda{1.81548, 2.592, 0};

}  // namespace

TEST_CASE("[lambda-return eq. G] three steps, by hand") {
  HandExample e;
  check_numbers(lambda_returns(e.d, e.gamma, e.lambda), {1.319392, 0.3436, 3.18});
}

TEST_CASE("[lambda-return eq. by gamma] by the recursion, forward and in reverse: one number, by hand") {
  HandExample e;
  check_numbers(lambda_returns_by_gamma(e.d, e.gamma, e.lambda), by_gamma);

  // Two tangents in one forward sweep each: of γ, and of λ below.
  const Var G = lambda_returns(e.d, e.gamma, e.lambda), one = e.graph.input(Tensor::scalar(1), "one");
  check_numbers(jvp(std::vector{G}, std::vector{e.gamma}, std::vector{one})[0], by_gamma);
  for (int t = 0; t < 3; ++t)
    check_numbers(grad(slice_rows(G, t, 1), std::vector{e.gamma})[0], {by_gamma[static_cast<std::size_t>(t)]});
}

TEST_CASE("[lambda-return eq. by lambda] by the recursion, forward and in reverse: one number, by hand") {
  HandExample e;
  check_numbers(lambda_returns_by_lambda(e.d, e.gamma, e.lambda), by_lambda);

  const Var G = lambda_returns(e.d, e.gamma, e.lambda), one = e.graph.input(Tensor::scalar(1), "one");
  check_numbers(jvp(std::vector{G}, std::vector{e.lambda}, std::vector{one})[0], by_lambda);
  for (int t = 0; t < 3; ++t)
    check_numbers(grad(slice_rows(G, t, 1), std::vector{e.lambda})[0], {by_lambda[static_cast<std::size_t>(t)]});
}

TEST_CASE("λ-returns on the graph are those on data: advantages of a segment plus its values, ends and cuts included") {
  constexpr int B = 2, T = 7, N = 3;
  Philox random(3, {.purpose = Purpose::check});
  Segments s;
  s.slices = B, s.lanes = N, s.steps = T;
  for (Tensor* column : {&s.rewards, &s.values, &s.next_values, &s.continues}) *column = Tensor({B, T * N, 1});
  for (int b = 0; b < B; ++b)
    for (int n = 0; n < N; ++n)
      for (int t = 0; t < T; ++t) {
        const int row = t * N + n, above = row - N;
        s.rewards.set(b, row, 0, random.normal());
        s.values.set(b, row, 0, random.normal());
        s.continues.set(b, row, 0, t + 1 < T && (t + n) % 4 != 2);
        s.next_values.set(b, row, 0, (t + n + b) % 2 ? random.normal() : 0);  // cut, or terminated
        if (t > 0 && s.continues.at(b, above, 0) != 0) s.next_values.set(b, above, 0, s.values.at(b, row, 0));
      }

  Graph graph(Dtype::f64, Graph::Mode::eager);
  const Transitions d{graph.input(s.rewards, "r"), graph.input(s.next_values, "v"), graph.input(s.continues, "c"), T};
  for (const auto& [gamma, lambda] : {std::pair{0.9, 0.7}, {1.0, 1.0}, {0.5, 0.0}, {0.0, 1.0}}) {
    const Tensor G = lambda_returns(d, graph.input(Tensor::scalar(gamma), "gamma"),
                                    graph.input(Tensor::scalar(lambda), "lambda")).value();
    const Tensor A = segment_advantages(s, gamma, lambda);
    for (int row = 0; row < B * T * N; ++row) {
      const int b = row / (T * N), k = row % (T * N);
      CHECK(G.at(b, k, 0) - s.values.at(b, k, 0) == Approx(A.at(b, k, 0)).margin(1e-12));
    }
  }
}

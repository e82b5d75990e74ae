// Convolution over time against its definition, and its derivatives of both orders.
#include "nn/temporal_conv.h"

#include "autodiff/check.h"
#include "autodiff/ops.h"
#include "tests/catch.h"

using namespace innerloop;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("temporal_conv is the same product on every window, whether they overlap, touch or leave gaps") {
  for (const int T : {5, 6, 7, 12})
    for (const auto& [kernel, stride] : {std::pair{1, 1}, {2, 1}, {3, 2}, {2, 3}, {3, 3}, {5, 4}, {4, 2}}) {
      if (kernel > T) continue;
      CAPTURE(T, kernel, stride);
      const int C = 2, outputs = 3, windows = (T - kernel) / stride + 1;
      Graph graph(Dtype::f64, Graph::Mode::eager);
      const Tensor x = random_normals({2, T, C}, 1), w = random_normals({1, kernel * C, outputs}, 2),
                   b = random_normals({1, 1, outputs}, 3);
      const Tensor y =
          nn::temporal_conv(graph.constant(x), graph.constant(w), graph.constant(b), kernel, stride).value();
      REQUIRE(y.shape() == Shape{2, windows, outputs});
      for (int task = 0; task < 2; ++task)
        for (int k = 0; k < windows; ++k)
          for (int o = 0; o < outputs; ++o) {
            double sum = b.at(0, 0, o);
            for (int r = 0; r < kernel; ++r)
              for (int c = 0; c < C; ++c) sum += x.at(task, k * stride + r, c) * w.at(0, r * C + c, o);
            CHECK(y.at(task, k, o) == Approx(sum));
          }
    }
}

TEST_CASE("temporal_conv: derivatives of both orders, with respect to steps, weights and bias") {
  for (const auto& [kernel, stride] : {std::pair{3, 2}, {2, 3}, {6, 5}}) {
    const CheckReport report = check("temporal_conv", {{"x", {2, 13, 2}}, {"W", {1, 2 * kernel, 3}}, {"b", {1, 1, 3}}},
                                     [kernel = kernel, stride = stride](const Vars& in) {
                                       return sum_tasks(sum_all(
                                           tanh(nn::temporal_conv(in["x"], in["W"], in["b"], kernel, stride))));
                                     });
    INFO(report.sentence);
    CHECK(report.ok);
  }
}

TEST_CASE("temporal_conv refuses fewer steps than a window, and leaky_relu slopes outside (0, 1)") {
  Graph graph(Dtype::f64, Graph::Mode::eager);
  const Var x = graph.fill({1, 3, 1}, 1), w = graph.fill({1, 4, 1}, 1), b = graph.fill({1, 1, 1}, 0);
  CHECK_THROWS_WITH(nn::temporal_conv(x, w, b, 4, 1), ContainsSubstring("3 rows, fewer than one window of 4"));
  CHECK_THROWS_WITH(nn::temporal_conv(x, w, b, 4, 0), ContainsSubstring("at least 1"));
  CHECK_THROWS_WITH(nn::leaky_relu(x, 1), ContainsSubstring("slope"));
  CHECK(nn::leaky_relu(graph.fill({1, 1, 1}, -2), 0.1).value().item() == Approx(-0.2));
}

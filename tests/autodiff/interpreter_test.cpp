// The reference interpreter: the same graph in four kinds of number.
#include "autodiff/interpreter.h"

#include <cmath>

#include "autodiff/op_table.h"
#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "tests/autodiff/instances.h"
#include "tests/catch.h"

using namespace innerloop;
using innerloop::tests::Instance;
using Complex = std::complex<double>;

namespace {

template <class T>
std::vector<Numbers<T>> as(const std::vector<Tensor>& tensors, std::size_t count) {
  std::vector<Numbers<T>> numbers;
  for (std::size_t k = 0; k < count; ++k) numbers.push_back(numbers_of<T>(tensors[k]));
  return numbers;
}

// The largest |a − b| in units of the largest |b|.
double distance(const Numbers<long double>& a, const std::vector<double>& b) {
  long double worst = 0, scale = 1e-300L;
  for (std::size_t n = 0; n < b.size(); ++n) {
    worst = std::max(worst, std::fabs(a[n] - static_cast<long double>(b[n])));
    scale = std::max(scale, std::fabs(static_cast<long double>(b[n])));
  }
  return static_cast<double>(worst / scale);
}

}  // namespace

TEST_CASE("interpreter: every operation in long double agrees with the fast kernels in f64") {
  for (const OpDef& def : op_table()) {
    if (!def.examples) continue;
    for (const Example& example : def.examples()) {
      Instance instance(def, example, 5);
      Graph eager(Dtype::f64, Graph::Mode::eager);
      Var y = eager.append(def.op, instance.bind(eager), example.attr, SourceLocation::current());
      auto inputs = as<long double>(instance.values(), eager.inputs().size());
      NodeNumbers<long double> values = evaluate<long double>(eager, inputs, std::span(&y, 1));
      INFO(tests::text_of(def, example));
      CHECK(distance(values[y.id], y.value().to_vector()) < 1e-13);
    }
  }
}

TEST_CASE("interpreter: a shared tensor is read by every task, and sum_tasks adds them") {
  Graph graph;
  Var theta = graph.input({1, 1, 2}, "theta"), data = graph.input({3, 1, 2}, "data");
  Var total = sum_tasks(theta * data);  // (1, 1, 2)
  std::vector<Numbers<double>> inputs{{2, 10}, {1, 2, 3, 4, 5, 6}};
  CHECK(evaluate<double>(graph, inputs, std::span(&total, 1))[total.id] ==
        Numbers<double>{2 * (1 + 3 + 5), 10 * (2 + 4 + 6)});
}

TEST_CASE("interpreter: the complex step gives the derivative to machine precision") {
  Graph graph;
  Var x = graph.input({1, 1, 1}, "x");
  Var y = tanh(exp(x) * sin(x));
  const double at = 0.7, h = 1e-30;
  std::vector<Numbers<Complex>> input{{Complex(at, h)}};
  const double derivative = evaluate<Complex>(graph, input, std::span(&y, 1))[y.id][0].imag() / h;
  const double inner = std::exp(at) * std::sin(at), t = std::tanh(inner);
  CHECK(std::fabs(derivative - (1 - t * t) * std::exp(at) * (std::sin(at) + std::cos(at))) < 1e-15);
}

TEST_CASE("interpreter: only what is wanted is computed") {
  Graph graph;
  Var x = graph.input({1, 1, 1}, "x");
  Var a = exp(x), b = log(x);
  std::vector<Numbers<float>> input{{1.0f}};
  NodeNumbers<float> values = evaluate<float>(graph, input, std::span(&b, 1));
  CHECK(values[a.id].empty());
  CHECK(values[b.id] == Numbers<float>{0});
}

TEST_CASE("interpreter: a frozen stop_gradient keeps its value while its input moves") {
  Graph graph;
  Var x = graph.input({1, 1, 1}, "x");
  Var y = x * stop_gradient(square(x));
  std::vector<Numbers<long double>> base{{3}}, moved{{4}};
  NodeNumbers<long double> frozen = evaluate<long double>(graph, base, std::span(&y, 1));
  CHECK(evaluate<long double>(graph, moved, std::span(&y, 1), &frozen)[y.id][0] == 4 * 9);
  CHECK(evaluate<long double>(graph, moved, std::span(&y, 1))[y.id][0] == 4 * 16);
}

TEST_CASE("interpreter: wrong inputs are named") {
  Graph graph;
  Var x = graph.input({1, 2, 2}, "theta/W");
  std::vector<Numbers<double>> none, short_one{{1, 2, 3}};
  CHECK_THROWS_WITH(evaluate<double>(graph, none, std::span(&x, 1)),
                    Catch::Matchers::ContainsSubstring("1 inputs, not of 0"));
  CHECK_THROWS_WITH(
      evaluate<double>(graph, short_one, std::span(&x, 1)),
      Catch::Matchers::ContainsSubstring("theta/W (1, 2, 2)") && Catch::Matchers::ContainsSubstring("3 numbers"));
}

// y = x³ at x = 3, twice differentiated.
#include <cstdio>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"

int main() {
  using namespace innerloop;
  Graph graph(Dtype::f64, Graph::Mode::eager);
  const std::vector<Var> x = {graph.input(Tensor::scalar(3.0), "x")};
  const Var first = grad(x[0] * x[0] * x[0], x)[0], second = grad(first, x)[0];
  std::printf("y' = %g, y'' = %g\n", first.value().item(), second.value().item());
}

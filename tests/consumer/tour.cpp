// The blocks of nn/library.md. What they print is compared by tests/cmake/consumer.cmake.
#include <innerloop.h>

#include <iostream>

using namespace innerloop;

namespace {

void derivatives() {
  // region: derivatives
  Graph graph = Graph::eager();  // every Var has its numbers at once
  Var x = graph.input(Tensor::scalar(3), "x");
  Var y = x * x * x;
  Var dy = grad(y, x);    // 3x²: a Var like any other
  Var ddy = grad(dy, x);  // 6x: so it can be differentiated again
  std::cout << "y' = " << dy.value().item() << ", y'' = " << ddy.value().item() << "\n";
  // endregion
}

void learning_step() {
  // region: learning_step
  Graph graph = Graph::eager();
  Var theta = graph.input(Tensor::from({1, 2}, {1.0, -2.0}), "theta");
  const auto loss = [](Var w) { return sum_all(square(w - 1.0)); };
  Var adapted = theta - 0.1 * grad(loss(theta), theta);  // one step of gradient descent
  Var meta_gradient = grad(loss(adapted), theta);        // through that step: nothing is switched on for it
  std::cout << meta_gradient.value() << "\n";
  // endregion
}

void expressions() {
  Graph graph = Graph::eager();
  Var x = graph.input(Tensor::from({1, 3}, {-1.0, 0.0, 2.0}), "x");
  // region: expressions
  Var huber = select(abs(x) < 1.0, 0.5 * x * x, abs(x) - 0.5);  // a mask of 0 and 1 chooses
  Var inverse = 1.0 / (1.0 + pow(x, 2));
  Var both = concat_cols({maximum(x, 0.0), inverse});  // (1, 6)
  std::vector<Var> slopes = grad(sum_all(huber) + mean_all(both), {x, both});
  // endregion
  std::cout << slopes[0].value() << "\n";
}

// region: function
struct Steps {
  int count = 1;  // what shapes the program; what merely varies is an argument
};
// θ after gradient descent on ½|θ − goal|²
const Function<Steps> descend("descend", [](Inputs& in, const Steps& steps) -> std::vector<Vars> {
  Var theta = in.next_var("theta"), goal = in.next_var("goal"), rate = in.next_var("rate");
  for (int step = 0; step < steps.count; ++step)
    theta -= rate * grad(0.5 * sum_all(square(theta - goal)), theta);
  return {{"theta", theta}};
});
// endregion

void functions() {
  // region: call
  const Tensor theta = Tensor::from({1, 2}, {0.0, 4.0}), goal = Tensor::full({1, 2}, 1);
  const Tensor& closer = descend({.count = 3}, {theta, goal, Tensor::scalar(0.5)})[0]["theta"];
  std::cout << closer << "\n";
  // endregion
}

void checkpoints() {
  // region: checkpoint
  ParamValues theta = nn::init_mlp({.inputs = 2, .hidden = {64}, .outputs = 1}, 1, "net");
  nn::save_safetensors("sine.safetensors", theta, {{"step", "0"}});
  ParamValues again = nn::load_safetensors("sine.safetensors");
  // endregion
  std::cout << (bitwise_equal(theta, again) ? "the same numbers came back" : "other numbers came back") << "\n";
}

void checks() {
  // region: check
  CheckReport report = check("log cosh", {{"x", {5, 3}}},
                             [](const Vars& in) { return log(exp(in["x"]) + exp(-in["x"])) - 0.6931471805599453; });
  std::cout << (report.ok ? "right" : to_text(report)) << "\n";
  // endregion
  // region: check_cut
  report = check("forgotten", {{"x", {5, 3}}}, [](const Vars& in) { return square(stop_gradient(in["x"])) + in["x"]; });
  if (report.live_gap > 0) std::cout << "the values follow x where the derivative does not\n";
  // endregion
}

void errors() {
  // region: error
  Graph graph = Graph::eager();
  Var x = graph.input(Tensor({256, 2}), "x");
  Var weights = graph.input(Tensor({3, 64}), "W");
  try {
    matmul(x, weights);
  } catch (const Error& error) {
    std::cout << error.what() << "\n";
  }
  // endregion
}

}  // namespace

int main() {
  derivatives();
  learning_step();
  expressions();
  functions();
  checkpoints();
  checks();
  errors();
}

// A 2-64-1 network learns a sine. Then the curvature of its loss, by two routes.
#include <innerloop.h>

#include <cmath>
#include <iostream>

using namespace innerloop;

const nn::MlpSpec net{.inputs = 2, .hidden = {64}, .outputs = 1};
Var loss_of(const Params& theta, Var x, Var y) { return mean_all(square(nn::mlp(theta, net, "net", x) - y)); }

int main() {
  // y = sin(x₁ + 2x₂) at 256 random points.
  Tensor x = random_normals({256, 2}, 1), y({256, 1});
  for (int r = 0; r < 256; ++r) y.set(0, r, 0, std::sin(x.at(0, r, 0) + 2 * x.at(0, r, 1)));

  // Traced at the first call, run at each: Vars in here, Tensors outside.
  const Function gradient("gradient", [](Inputs& in) -> std::vector<Vars> {
    const Params theta = in.next("theta");
    const Var x = in.next_var("x"), y = in.next_var("y"), loss = loss_of(theta, x, y);
    return {grad(loss, theta), {"loss", loss}};
  });
  ParamValues theta = nn::init_mlp(net, 1, "net");
  nn::AdamState moments = nn::adam_start(theta);
  for (int step = 0; step <= 1000; ++step) {
    const Results result = gradient({theta, x, y});
    if (step % 250 == 0) std::cout << "step " << step << ": loss " << result[1]["loss"].item() << "\n";
    nn::adam_step(theta, result[0], moments, {.learning_rate = 0.01});
  }

  // The Hessian times v: the gradient of ⟨∇loss, v⟩, and the tangent of ∇loss along v, which shares no sweep with it.
  const Function curvature("curvature", [](Inputs& in) -> std::vector<Vars> {
    const Params theta = in.next("theta"), v = in.next("v");
    const Var x = in.next_var("x"), y = in.next_var("y"), loss = loss_of(theta, x, y);
    return {hvp(loss, theta, v), theta.with(jvp(grad(loss, theta).all(), theta.all(), v.all()))};
  });
  const Results hv = curvature({theta, moments.m, x, y});
  std::cout << "Hv by two routes: they differ by " << norm(hv[0] - hv[1]) / norm(hv[0]) << "\n";
}

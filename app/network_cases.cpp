#include "app/network_cases.h"

#include <fmt/format.h>

#include "app/meta_gradient_case.h"
#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "nn/lstm.h"

namespace innerloop::app {
namespace {

using CaseKind = NetworkCase::Kind;

constexpr int lstm_inputs = 32;

// Row by row first, as losses are made: a sum over all numbers at once is one block's work on a device.
Var mean_square(Var y) {
  return sum_all(sum_cols(square(y))) * (1.0 / static_cast<double>(y.shape().per_task()));  // (tasks, 1, 1)
}

Var lstm_loss(const Params& theta, const Batch& data, const NetworkCase& c) {
  const nn::LstmSpec spec{.inputs = lstm_inputs, .hidden = c.width};
  const nn::LstmOutput out =
      nn::lstm(theta, spec, "cell", data["x"], {data["h0"], data["c0"]}, data["reset"], c.steps);
  return mean_square(out.h);  // h: (1, T·B, H)
}

// What MAML climbs: the objective of MamlFunctions::meta_gradient (meta/maml.cpp).
Var maml_objective(const Params& theta, const Batch& data, const NetworkCase& c) {
  const Params theta_prime = meta::adapt_all(theta, data, data["alpha"], c.spec());
  return meta::outer_objective(theta_prime, data.below("query/"), c.spec());
}

// Numbers between −scale and scale, quickly: there are up to 33 million.
Tensor scattered(Shape shape, double scale, std::uint32_t seed) {
  Tensor numbers(shape, Dtype::f32);
  std::uint32_t state = seed;
  for (float& x : numbers.mutable_values<float>()) {
    state = state * 1664525u + 1013904223u;
    x = static_cast<float>(scale * (static_cast<double>(state >> 8) * 0x1p-23 - 1));
  }
  return numbers;
}

// Multiply-adds per row of all layers, and of the first one.
std::pair<double, double> products(const nn::MlpSpec& net) {
  double sum = 0, first = 0;
  int width = net.inputs;
  for (int l = 1; l <= net.layers(); ++l) {
    const int next = l < net.layers() ? net.hidden[static_cast<std::size_t>(l - 1)] : net.outputs;
    sum += static_cast<double>(width) * next;
    if (l == 1) first = sum;
    width = next;
  }
  return {sum, first};
}

}  // namespace

nn::MlpSpec NetworkCase::net() const {
  const bool maml = kind == CaseKind::maml;
  return {.inputs = maml ? 2 : 20,
          .hidden = std::vector<int>(static_cast<std::size_t>(layers), width),
          .outputs = maml ? 2 : 6};
}

meta::MamlSpec NetworkCase::spec() const {
  meta::MamlSpec spec;
  spec.policy.net = net();
  spec.inner_steps = steps;
  return spec;
}

std::string NetworkCase::name() const {
  const char* what = hessian ? "hessian" : "gradient";
  switch (kind) {
    case CaseKind::mlp: return fmt::format("mlp {}x{} {}", layers, width, what);
    case CaseKind::lstm: return fmt::format("lstm H{} T{} B{} {}", width, steps, rows, what);
    case CaseKind::maml: return fmt::format("maml {}x{} K{} {} tasks", layers, width, steps, tasks);
  }
  return {};
}

// In u = a forward pass of all rows and f = its first layer, whose input needs no cotangent and has no tangent:
//   gradient            u + u (W̄) + u − f (h̄)                                        = 3u − f
//   tangent of it       2u − f (ż), 2u − 2f (the tangent of h̄), 2u − f (that of W̄)     = 6u − 4f
//   Hessian-vector product: that, beside u + u − f of the primal (its W̄ is not needed)  = 8u − 5f
//   meta-gradient: K + 1 gradients, and K tangents, one back through each inner step
// The LSTM has u = x·W + h·U, of which x·W plays the part of f.
double NetworkCase::least_flops() const {
  double u = 0, f = 0, numbers = static_cast<double>(tasks) * rows;
  if (kind == CaseKind::lstm) {
    f = 4.0 * width * lstm_inputs, u = f + 4.0 * width * width, numbers *= steps;
  } else {
    std::tie(u, f) = products(net());
  }
  const double gradient = 3 * u - f, tangent = 6 * u - 4 * f;
  const double passes = kind == CaseKind::maml ? (steps + 1) * gradient + steps * tangent
                        : hessian          ? 2 * u - f + tangent
                                           : gradient;
  return 2 * numbers * passes;
}

std::vector<NetworkCase> network_cases(bool tiny) {
  std::vector<NetworkCase> cases;
  const auto pairs = [](std::initializer_list<int> full, std::initializer_list<int> small, bool use_small) {
    return std::vector<int>(use_small ? small : full);
  };
  for (bool hessian : {false, true})
    for (int width : pairs({64, 100, 300}, {4, 300}, tiny))
      cases.push_back({.kind = CaseKind::mlp, .hessian = hessian, .tasks = tiny ? 2 : 40, .rows = tiny ? 3 : 2000,
                       .width = width, .layers = width == 300 ? 3 : 2});
  for (bool hessian : {false, true})
    for (int cells : pairs({48, 64, 128, 256}, {4}, tiny))
      for (int steps : pairs({100, 1000}, {3}, tiny))
        for (int sequences : pairs({64, 1024}, {5}, tiny))
          cases.push_back(
              {.kind = CaseKind::lstm, .hessian = hessian, .rows = sequences, .width = cells, .steps = steps});
  for (int width : pairs({64, 100}, {4}, tiny))
    for (int steps : {1, 3})
      for (int tasks : pairs({20, 40}, {2}, tiny))
        cases.push_back({.kind = CaseKind::maml, .tasks = tasks, .rows = tiny ? 3 : 2000, .width = width, .layers = 2,
                         .steps = steps});
  return cases;
}

std::vector<Vars> network_program(Inputs& in, const NetworkCase& c) {
  const Params theta = in.next("theta");
  const Batch data = in.next("data");
  const Var loss = c.kind == CaseKind::mlp    ? mean_square(nn::mlp(theta, c.net(), "net", data["x"]))
                   : c.kind == CaseKind::lstm ? lstm_loss(theta, data, c)
                                          : maml_objective(theta, data, c);
  if (!c.hessian) return {grad(loss, theta)};
  const Params v = in.next("v");
  return {theta.with(hvp(loss, theta.all(), v.all()))};
}

NetworkShapes network_shapes(const NetworkCase& c) {
  NetworkShapes shapes;
  if (c.kind == CaseKind::lstm) {
    const int H = c.width, rows = c.steps * c.rows;
    return {{{"cell/W", {1, lstm_inputs, 4 * H}}, {"cell/U", {1, H, 4 * H}}, {"cell/b", {1, 1, 4 * H}}},
            {{"x", {1, rows, lstm_inputs}}, {"h0", {1, c.rows, H}}, {"c0", {1, c.rows, H}}, {"reset", {1, rows, 1}}}};
  }
  if (c.kind == CaseKind::mlp) {
    const ParamValues theta = nn::init_mlp(c.net(), 1, "net", Dtype::f32);
    for (std::size_t i = 0; i < theta.count(); ++i)
      shapes.theta.emplace_back(theta.name(i), Shape{c.tasks, theta[i].shape().rows, theta[i].shape().cols});
    shapes.data.emplace_back("x", Shape{c.tasks, c.rows, c.net().inputs});
    return shapes;
  }
  const ParamValues theta = nn::init_policy(c.spec().policy, 1, Dtype::f32);
  for (std::size_t i = 0; i < theta.count(); ++i) shapes.theta.emplace_back(theta.name(i), theta[i].shape());
  for (int k = 0; k <= c.steps; ++k) {
    const std::string prefix = k < c.steps ? std::to_string(k) + "/" : "query/";
    for (const auto& [name, columns] : {std::pair{"observations", 2}, {"actions", 2}, {"advantages", 1},
                                        {"weights", 1}, {"old_log_prob", 1}})
      if (k == c.steps || name != std::string("old_log_prob"))
        shapes.data.emplace_back(prefix + name, Shape{c.tasks, c.rows, columns});
  }
  shapes.data.emplace_back("alpha", Shape{1, c.steps, 1});
  return shapes;
}

NetworkInputs network_inputs(const NetworkCase& c) {
  NetworkInputs inputs;
  const NetworkShapes shapes = network_shapes(c);
  if (c.kind == CaseKind::maml) {
    const bench::Case problem = bench::make_case(c.width, Dtype::f32, c.steps, c.tasks, c.rows);
    inputs.theta = problem.theta;
    for (const auto& [name, shape] : shapes.data)
      inputs.data.add(name, name == "alpha"              ? problem.alpha
                            : name.starts_with("query/") ? problem.query[name.substr(6)]
                                                         : problem.supports[name]);
    return inputs;
  }
  std::uint32_t stream = 0;
  for (const auto& [name, shape] : shapes.theta) {
    const double scale = 1 / std::sqrt(static_cast<double>(shape.rows));
    inputs.theta.add(name, scattered(shape, scale, ++stream));
    inputs.v.add(name, scattered(shape, scale, ++stream));
  }
  for (const auto& [name, shape] : shapes.data)
    inputs.data.add(name, name == "x" ? scattered(shape, 1, ++stream) : Tensor(shape, Dtype::f32));
  return inputs;
}

}  // namespace innerloop::app

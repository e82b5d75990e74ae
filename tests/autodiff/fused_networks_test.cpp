// Networks as single operations: the same numbers as their expansions and as layers one by one, at orders 0, 1 and 2;
// and second derivatives that run through the hand-written operations alone.
#include <cmath>
#include <functional>
#include <set>

#include "autodiff/check.h"
#include "autodiff/op_table.h"
#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "tests/catch.h"

using namespace innerloop;

namespace {

constexpr int kTasks = 3;

struct NetData {
  Var x, y_star;
  std::vector<Var> theta, v;  // parameters, and a direction
};
using Network = std::function<Var(Var x, std::span<const Var> theta)>;
using Build = std::function<std::vector<Var>(const NetData&)>;

Var layers_one_by_one(Var x, std::span<const Var> theta) {
  for (std::size_t k = 0; k + 2 < theta.size(); k += 2) x = dense(x, theta[k], theta[k + 1], Activation::tanh);
  return dense(x, theta[theta.size() - 2], theta.back(), Activation::identity);
}
Var one_operation(Var x, std::span<const Var> theta) { return fused_mlp(x, theta, Activation::tanh); }

// Runs `build` in an eager graph over fixed random numbers; `used` receives the names of the operations.
std::vector<Tensor> compute(const Build& build, bool fuse, std::set<std::string>* used = nullptr) {
  Graph graph(Dtype::f64, Graph::Mode::eager);
  graph.set_fuse(fuse);
  const int widths[] = {3, 7, 5, 2};
  NetData in{graph.input(random_normals({kTasks, 9, 3}, 1), "x"), graph.input(random_normals({kTasks, 9, 2}, 2), "y*"),
            {}, {}};
  std::uint64_t seed = 3;
  for (int l = 0; l < 3; ++l)
    for (Shape shape : {Shape{1, widths[l], widths[l + 1]}, Shape{1, 1, widths[l + 1]}}) {
      in.theta.push_back(graph.input(random_normals(shape, seed++), "theta"));
      in.v.push_back(graph.input(random_normals(shape, seed++), "v"));
    }
  const NodeId first = graph.size();
  std::vector<Tensor> values;
  for (Var v : build(in)) values.push_back(v.value());
  for (NodeId id = first; used && id < graph.size(); ++id) used->insert(op_def(graph.node(id).op).name);
  return values;
}

void check_equal(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t k = 0; k < a.size(); ++k) {
    double difference = 0, size = 1e-300;
    const std::vector<double> p = a[k].to_vector(), q = b[k].to_vector();
    REQUIRE(p.size() == q.size());
    for (std::size_t n = 0; n < p.size(); ++n)
      difference = std::max(difference, std::abs(p[n] - q[n])), size = std::max(size, std::abs(q[n]));
    INFO("tensor " << k);
    CHECK(difference <= 1e-12 * size);
  }
}

Var squared_error(const Network& f, const NetData& in, std::span<const Var> theta) {
  return mean_all(square(f(in.x, theta) - in.y_star));  // (tasks, 1, 1)
}

// Order 0: the loss; 1: gradient, also to the input; 2: reverse over reverse, forward over reverse.
std::vector<Var> all_orders(const Network& f, const NetData& in) {
  Var loss = sum_tasks(squared_error(f, in, in.theta));
  std::vector<Var> wrt = in.theta, direction = in.v, out{loss};
  wrt.push_back(in.x), direction.push_back(in.x);
  const std::vector<Var> g = grad(loss, wrt), twice = hvp(loss, wrt, direction), along = jvp(g, wrt, direction);
  for (const std::vector<Var>& list : {g, twice, along}) out.insert(out.end(), list.begin(), list.end());
  return out;
}

// The meta-gradient of MAML with two inner steps.
std::vector<Var> meta_gradient(const Network& f, const NetData& in) {
  std::vector<Var> theta_i;
  for (Var p : in.theta) theta_i.push_back(broadcast_tasks(p, kTasks));
  for (int step = 0; step < 2; ++step) {
    const std::vector<Var> g = grad(squared_error(f, in, theta_i), theta_i);
    for (std::size_t k = 0; k < g.size(); ++k) theta_i[k] = theta_i[k] - 0.1 * g[k];
  }
  return grad(sum_tasks(squared_error(f, in, theta_i)), in.theta);
}

// Jᵀ·J·v, TRPO's Fisher product for a Gaussian of unit variance.
std::vector<Var> fisher_product(const Network& f, const NetData& in) {
  const Var y = f(in.x, in.theta);
  const std::vector<Var> y_dot = jvp(std::span(&y, 1), in.theta, in.v);
  return vjp(std::span(&y, 1), in.theta, y_dot);
}

}  // namespace

TEST_CASE("mlp: one operation = its expansion = layers one by one: value, gradient, both second orders, 1e-12") {
  const auto build = [](const Network& f) { return [f](const NetData& in) { return all_orders(f, in); }; };
  std::set<std::string> used;
  const std::vector<Tensor> fused = compute(build(one_operation), true, &used);
  check_equal(fused, compute(build(one_operation), false));
  check_equal(fused, compute(build(layers_one_by_one), true));
  CHECK(used.contains("mlp_hvp"));
  for (const char* primitive : {"matmul", "tanh", "tanh_slope", "dense"}) CHECK_FALSE(used.contains(primitive));
}

TEST_CASE("mlp: MAML's meta-gradient through two inner steps runs through the four operations alone") {
  const auto build = [](const Network& f) { return [f](const NetData& in) { return meta_gradient(f, in); }; };
  std::set<std::string> used;
  const std::vector<Tensor> fused = compute(build(one_operation), true, &used);
  check_equal(fused, compute(build(layers_one_by_one), true));
  check_equal(fused, compute(build(one_operation), false));
  CHECK(used.contains("mlp_hvp"));
  CHECK_FALSE(used.contains("matmul"));
}

TEST_CASE("mlp: a Fisher product is one mlp_jvp and one mlp_bwd") {
  const auto build = [](const Network& f) { return [f](const NetData& in) { return fisher_product(f, in); }; };
  std::set<std::string> used;
  check_equal(compute(build(one_operation), true, &used), compute(build(layers_one_by_one), true));
  CHECK(used.contains("mlp_jvp"));
  CHECK(used.contains("mlp_bwd"));
  CHECK_FALSE(used.contains("mlp_hvp"));
}

TEST_CASE("mlp: the curvature that moves with the input alone, where the gradient did not ask for it") {
  // ∂/∂x ⟨v, ∇_θ L⟩: mlp_bwd was without the side of x, its derivative is with it.
  const auto build = [](const Network& f) {
    return [f](const NetData& in) {
      const std::vector<Var> g = grad(sum_tasks(squared_error(f, in, in.theta)), in.theta);
      return grad(inner_product(g, in.v), std::span(&in.x, 1));
    };
  };
  check_equal(compute(build(one_operation), true), compute(build(layers_one_by_one), true));
}

TEST_CASE("mlp: a wrong operand is refused by name") {
  Graph graph;
  const auto in = [&](Shape s) { return graph.input(s, "in"); };
  const Var x = in({1, 4, 3}), w1 = in({1, 3, 5}), b1 = in({1, 1, 5}), w2 = in({1, 6, 2}), b2 = in({1, 1, 2});
  CHECK_THROWS_WITH(fused_mlp(x, std::array{w1, b1, w2, b2}, Activation::tanh),
                    Catch::Matchers::ContainsSubstring("as many rows as the layer before has units"));
  CHECK_THROWS_WITH(fused_mlp(x, std::array{w1, b1}, Activation::tanh),
                    Catch::Matchers::ContainsSubstring("1 to 3 hidden layers"));
  CHECK_THROWS_WITH(fused_mlp(x, std::array{w1, b2, w2, b2}, Activation::tanh),
                    Catch::Matchers::ContainsSubstring("one row with the columns of its W"));
}

TEST_CASE("lstm: a Hessian-vector product runs through the hand-written operations, whatever the number of steps") {
  const auto product = [](int steps, bool fuse, NodeId& nodes, std::set<std::string>& used) {
    const int N = 2, H = 3;
    Graph graph(Dtype::f64, Graph::Mode::eager);
    graph.set_fuse(fuse);
    std::vector<Var> wrt, v;
    std::uint64_t seed = 7;
    for (Shape shape :
         {Shape{kTasks, steps * N, 4 * H}, Shape{1, H, 4 * H}, Shape{kTasks, N, H}, Shape{kTasks, N, H}}) {
      wrt.push_back(graph.input(random_normals(shape, seed++), "in"));
      v.push_back(graph.input(random_normals(shape, seed++), "v"));
    }
    std::vector<double> resets(static_cast<std::size_t>(steps * N), 0);
    for (std::size_t r = 3; r < resets.size(); r += 5) resets[r] = 1;
    const Var reset = graph.input(Tensor::from({1, steps * N, 1}, resets), "reset");
    const NodeId first = graph.size();
    const Var packed = lstm_sequence(wrt[0], wrt[1], wrt[2], wrt[3], reset, steps);
    const Var loss = sum_tasks(sum_all(square(lstm_block(packed, LstmBlock::h))));
    std::vector<Tensor> values;
    for (Var g : hvp(loss, wrt, v)) values.push_back(g.value());
    nodes = graph.size() - first;
    for (NodeId id = first; id < graph.size(); ++id) used.insert(op_def(graph.node(id).op).name);
    return values;
  };
  NodeId short_nodes = 0, long_nodes = 0, unrolled_nodes = 0;
  std::set<std::string> used, ignored;
  product(5, true, short_nodes, ignored);
  const std::vector<Tensor> fused = product(9, true, long_nodes, used),
                            unrolled = product(9, false, unrolled_nodes, ignored);
  check_equal(fused, unrolled);
  CHECK(short_nodes == long_nodes);
  CHECK(unrolled_nodes > 10 * long_nodes);
  CHECK(used.contains("lstm_sequence_jvp"));
  CHECK(used.contains("lstm_sequence_curvature"));
  CHECK_FALSE(used.contains("sigmoid"));
}

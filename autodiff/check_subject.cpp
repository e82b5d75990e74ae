#include "autodiff/check_subject.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "autodiff/device.h"
#include "autodiff/op_table.h"
#include "autodiff/ops.h"
#include "autodiff/program.h"
#include "autodiff/transforms.h"
#include "kernels/philox.h"

namespace innerloop::checking {
namespace {

// Numbers whose size is between ½ and 1½, of either sign: no element of a direction is lost.
Tensor draw_direction(Shape shape, std::uint64_t seed, std::uint32_t stream) {
  Tensor t(shape);
  Philox random(seed, {.purpose = Purpose::check, .task = stream});
  std::size_t block = 0, n = 0;
  for (double& x : t.mutable_values<double>()) {
    if (++n % 4000 == 0)
      random =
          Philox(seed, {.purpose = Purpose::check, .iteration = static_cast<std::uint32_t>(++block), .task = stream});
    x = random.uniform(0.5, 1.5) * (random.below(2) ? 1 : -1);
  }
  return t;
}

// The loss of a case: its single scalar output, or a random quadratic form Σ y·w + ½ Σ u·y² of all outputs.
Var read_out(const std::vector<Var>& y, std::uint64_t seed) {
  if (y.size() == 1 && y[0].shape().is_scalar()) return sum_tasks(y[0]);
  Var loss;
  for (std::size_t j = 0; j < y.size(); ++j) {
    Graph& graph = *y[j].graph;
    const auto stream = static_cast<std::uint32_t>(100 + 2 * j);
    Var linear = graph.constant(draw_direction(y[j].shape(), seed, stream));
    Var quadratic = graph.constant(draw_direction(y[j].shape(), seed, stream + 1));
    Var term = sum_tasks(sum_all(linear * y[j]) + 0.5 * sum_all(quadratic * square(y[j])));
    loss = loss.valid() ? loss + term : term;
  }
  return loss;
}

Block numbers_at(const NodeNumbers<long double>& values, std::span<const Var> nodes) {
  Block block;
  for (Var v : nodes) block.push_back(values[v.id]);
  return block;
}

NodeNumbers<long double> outputs_of_stops(const Graph& graph, const NodeNumbers<long double>& values) {
  NodeNumbers<long double> kept(values.size());
  for (NodeId id = 0; id < graph.size(); ++id)
    if (graph.node(id).op == Op::stop_gradient) kept[id] = values[id];
  return kept;
}

}  // namespace

long double dot(const Block& a, const Block& b) {
  long double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j)
    for (std::size_t n = 0; n < a[j].size(); ++n) sum += a[j][n] * b[j][n];
  return sum;
}

long double sum_of_magnitudes(const Block& a, const Block& b) {
  long double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j)
    for (std::size_t n = 0; n < a[j].size(); ++n) sum += std::fabs(a[j][n] * b[j][n]);
  return sum;
}

long double largest(const Block& a) {
  long double most = 0;
  for (const Numbers<long double>& list : a)
    for (long double x : list) most = std::max(most, std::fabs(x));
  return most;
}

Block operator*(long double factor, const Block& a) {
  Block result = a;
  for (Numbers<long double>& list : result)
    for (long double& x : list) x *= factor;
  return result;
}

Block operator+(const Block& a, const Block& b) {
  Block result = a;
  for (std::size_t j = 0; j < a.size(); ++j)
    for (std::size_t n = 0; n < a[j].size(); ++n) result[j][n] += b[j][n];
  return result;
}

double relative(const Block& a, const Block& b, long double tiny) {
  long double worst = 0;
  for (std::size_t j = 0; j < a.size(); ++j) {
    long double difference = 0, scale = std::max(tiny, 1e-300L);
    for (std::size_t n = 0; n < a[j].size(); ++n) {
      const long double d = std::fabs(a[j][n] - b[j][n]);
      difference = std::isnan(d) ? std::numeric_limits<long double>::infinity() : std::max(difference, d);
      scale = std::max({scale, std::fabs(a[j][n]), std::fabs(b[j][n])});
    }
    worst = std::max(worst, difference / scale);
  }
  return static_cast<double>(worst);
}

Block block_of(std::span<const Tensor> tensors) {
  Block block;
  for (const Tensor& t : tensors) block.push_back(numbers_of<long double>(t));
  return block;
}

Traced trace(const CheckCase& subject, Dtype dtype, const OpTable& table, bool fuse, std::uint64_t seed) {
  Traced t;
  t.graph = std::make_shared<Graph>(dtype, Graph::Mode::traced, table);
  t.graph->set_fuse(fuse);
  if (fuse) t.graph->set_device(compute_device());
  Vars inputs;
  for (const CheckInput& input : subject.inputs) {
    Var var = t.graph->input(input.value.shape(), input.name);
    inputs.add(input.name, var);
    t.x.push_back(var);
    if (input.differentiated) t.wrt.push_back(var);
  }
  t.y = subject.build(inputs);
  require(!t.y.empty() && !t.wrt.empty(),
          "check '" + subject.name + "': it needs an output and a differentiated input");
  t.loss = read_out(t.y, seed);
  return t;
}

std::vector<Tensor> run_program(std::shared_ptr<const Graph> graph, std::span<const Var> outputs,
                                std::span<const Tensor> inputs) {
  const Dtype dtype = graph->dtype();
  const Device device = compute_device();
  Program program(std::move(graph), outputs, {}, device);
  std::vector<const void*> in;
  std::vector<void*> out;
  std::vector<Tensor> arguments, results;
  for (const Tensor& t : inputs) arguments.push_back(t.to(device)), in.push_back(arguments.back().data());
  for (Var v : outputs) results.emplace_back(v.shape(), dtype, device);
  for (Tensor& t : results) out.push_back(t.mutable_data());
  program.run(in, out, {});
  for (Tensor& t : results) t = t.to(Device::cpu);
  return results;
}

Branches::Branches(const Graph& graph, Var loss) : graph_(graph) {
  const std::vector<char> needed = ancestors(graph, std::span(&loss, 1));
  for (NodeId id = 0; id < graph.size(); ++id)
    if (needed[id] && op_def(graph.node(id).op).kinks) nodes_.push_back(id);
}

// Calls visit(node, element, signed distance) for every branching element, in order.
template <class T, class Visit>
void Branches::for_each_margin(const NodeNumbers<T>& values, Visit visit) const {
  for (NodeId id : nodes_) {
    const Node& node = graph_.node(id);
    const std::span<const NodeId> in = graph_.inputs_of(id);
    // Element n of an operand: a shared task or a scalar is read again.
    const auto operand = [&](std::size_t k, std::size_t n) {
      const Shape shape = graph_.node(in[k]).shape;
      const std::size_t per_task = node.shape.per_task(), task = shape.tasks == 1 ? 0 : n / per_task;
      return static_cast<double>(values[in[k]][task * shape.per_task() + (shape.is_scalar() ? 0 : n % per_task)]);
    };
    for (std::size_t n = 0; n < node.shape.size(); ++n) {
      std::array<double, 2> margin{};
      const int kinks = op_def(node.op).kinks(operand(0, n), in.size() > 1 ? operand(1, n) : 0, node.attr, margin);
      for (int i = 0; i < kinks; ++i) visit(id, n, margin[static_cast<std::size_t>(i)]);
    }
  }
}

template <class T>
std::vector<signed char> Branches::pattern(const NodeNumbers<T>& values) const {
  std::vector<signed char> sides;
  for_each_margin(values, [&](NodeId, std::size_t, double margin) {
    sides.push_back(static_cast<signed char>((margin > 0) - (margin < 0)));
  });
  return sides;
}
template std::vector<signed char> Branches::pattern<float>(const NodeNumbers<float>&) const;
template std::vector<signed char> Branches::pattern<long double>(const NodeNumbers<long double>&) const;

CheckKink Branches::first_difference(const std::vector<signed char>& a, const std::vector<signed char>& b,
                                     const NodeNumbers<long double>& values) const {
  CheckKink kink;
  std::size_t i = 0;
  bool found = false;
  for_each_margin(values, [&](NodeId id, std::size_t n, double margin) {
    if (!found && a[i] != b[i]) {
      found = true;
      const Shape shape = graph_.node(id).shape;
      const auto cols = static_cast<std::size_t>(shape.cols);
      kink.node = graph_.describe(id);
      kink.task = static_cast<int>(n / shape.per_task());
      kink.row = static_cast<int>(n % shape.per_task() / cols);
      kink.col = static_cast<int>(n % cols);
      kink.distance = std::fabs(margin);
    }
    ++i;
  });
  return kink;
}

Subject::Subject(const CheckCase& c, const CheckOptions& o)
    : subject(c),
      options(o),
      table(o.table ? *o.table : op_table()),
      program(trace(c, Dtype::f64, table, true, o.seed)),
      plain(trace(c, Dtype::f64, table, false, o.seed)),
      branches(*plain.graph, plain.loss) {
  draw_directions();
  run_program_under_test();
  evaluate_references();
}

void Subject::draw_directions() {
  for (std::size_t k = 0; k < subject.inputs.size(); ++k) {
    const CheckInput& input = subject.inputs[k];
    require(input.value.dtype() == Dtype::f64,
            "check '" + subject.name + "': the input '" + input.name + "' must be f64");
    x.push_back(input.value);
    if (!input.differentiated) continue;
    const auto stream = static_cast<std::uint32_t>(2 * wrt_index.size());
    v.push_back(draw_direction(x[k].shape(), options.seed, 1000 + stream));
    u.push_back(draw_direction(x[k].shape(), options.seed, 1001 + stream));
    wrt_index.push_back(k);
  }
  for (std::size_t j = 0; j < program.y.size(); ++j)
    w.push_back(draw_direction(program.y[j].shape(), options.seed, 10 + static_cast<std::uint32_t>(j)));
  v_block = block_of(v), u_block = block_of(u);
}

// All derivatives, as one planned program, run twice. Directions and cotangents are inputs of it.
void Subject::run_program_under_test() {
  Graph& graph = *program.graph;
  all_inputs = x;
  const auto as_inputs = [&](const std::vector<Tensor>& tensors, const char* name) {
    std::vector<Var> vars;
    for (const Tensor& t : tensors) vars.push_back(graph.input(t.shape(), name)), all_inputs.push_back(t);
    return vars;
  };
  std::vector<Var> v_in = as_inputs(v, "v"), u_in = as_inputs(u, "u"), w_in = as_inputs(w, "w"), zero_in;
  for (Var y : program.y) zero_in.push_back(zeros_like(y));
  gradient = grad(program.loss, program.wrt);
  std::vector<std::vector<Var>> groups = {program.y,
                                          {program.loss},
                                          gradient,
                                          jvp(program.y, program.wrt, v_in),
                                          vjp(program.y, program.wrt, w_in),
                                          vjp(program.y, program.wrt, zero_in)};
  if (options.second_order) {
    reverse_reverse = grad(inner_product(gradient, v_in), program.wrt);
    groups.push_back(reverse_reverse);
    groups.push_back(jvp(gradient, program.wrt, v_in));
    groups.push_back(grad(inner_product(gradient, u_in), program.wrt));
  }
  for (const std::vector<Var>& group : groups) all_outputs.insert(all_outputs.end(), group.begin(), group.end());
  for (Results* results : {&nodes_run, &again}) {
    std::vector<Tensor> out = run_program(program.graph, all_outputs, all_inputs);
    std::vector<Tensor>* const places[] = {&results->y,
                                           &results->loss,
                                           &results->gradient,
                                           &results->forward,
                                           &results->reverse,
                                           &results->reverse_of_zero,
                                           &results->reverse_reverse,
                                           &results->forward_reverse,
                                           &results->other_direction};
    std::size_t n = 0;
    for (std::size_t i = 0; i < groups.size(); ++i)
      for (std::size_t j = 0; j < groups[i].size(); ++j) places[i]->push_back(out[n++]);
  }
}

// The same nodes by the interpreter, and the values of the expanded graph.
void Subject::evaluate_references() {
  const NodeNumbers<long double> values = evaluate<long double>(*program.graph, block_of(all_inputs), all_outputs);
  loss_reference = values[program.loss.id][0];
  gradient_reference = numbers_at(values, gradient);
  hv_reference = numbers_at(values, reverse_reverse);
  base = evaluate<long double>(*plain.graph, block_of(x), std::span(&plain.loss, 1));
  frozen_program = outputs_of_stops(*program.graph, values);
  frozen_plain = outputs_of_stops(*plain.graph, base);
  for (NodeId id = 0; id < plain.graph->size(); ++id) {
    if (!frozen_plain[id].empty()) stops.push_back(id);
    long double sum = 0;
    for (long double number : base[id]) sum += std::fabs(number);
    size = std::max(size, sum);
  }
  base_pattern_ = branches.pattern(base);
}

std::vector<Numbers<long double>> Subject::displaced(const Block& displacement) const {
  std::vector<Numbers<long double>> numbers = block_of(x);
  for (std::size_t j = 0; j < displacement.size(); ++j)
    for (std::size_t n = 0; n < displacement[j].size(); ++n) numbers[wrt_index[j]][n] += displacement[j][n];
  return numbers;
}

Subject::Value Subject::value(const Block& displacement, const NodeNumbers<long double>* frozen) const {
  NodeNumbers<long double> values =
      evaluate<long double>(*plain.graph, displaced(displacement), std::span(&plain.loss, 1), frozen);
  return {values[plain.loss.id][0], !branches.any() || branches.pattern(values) == base_pattern_};
}

Subject::Value Subject::value(const Block& displacement, Stops mode) const {
  return value(displacement, mode == Stops::frozen ? &frozen_plain : nullptr);
}

Subject::Value Subject::value_with_live(const Block& displacement, NodeId live) const {
  NodeNumbers<long double> frozen = frozen_plain;
  frozen[live].clear();
  return value(displacement, &frozen);
}

double Subject::value_f64(const Block& displacement) const {
  std::vector<Numbers<double>> numbers;
  for (const Numbers<long double>& list : displaced(displacement)) {
    numbers.emplace_back();
    for (long double number : list) numbers.back().push_back(static_cast<double>(number));
  }
  return evaluate<double>(*plain.graph, numbers, std::span(&plain.loss, 1), &frozen_plain)[plain.loss.id][0];
}

Block Subject::nudge(std::size_t input, std::size_t element, long double by) const {
  Block displacement(count());
  displacement[input].assign(v_block[input].size(), 0);
  displacement[input][element] = by;
  return displacement;
}

CheckKink Subject::kink_between(const Block& displacement) const {
  NodeNumbers<long double> values =
      evaluate<long double>(*plain.graph, displaced(displacement), std::span(&plain.loss, 1), &frozen_plain);
  return branches.first_difference(base_pattern_, branches.pattern(values), base);
}

std::optional<long double> Subject::clear_step(const Block& direction, long double start) const {
  if (!branches.any()) return start;
  for (long double h = start; h > 0x1p-33L; h /= 8)
    if (value(h * direction).same_branch && value(-h * direction).same_branch) return h;
  return std::nullopt;
}

}  // namespace innerloop::checking

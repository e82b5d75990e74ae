#include "autodiff/check_subject.h"

#include <algorithm>
#include <cmath>
#include <utility>

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

// Operations whose results are their input's numbers.
bool copies(Op op) {
  return op == Op::reshape || op == Op::slice_rows || op == Op::broadcast_tasks || op == Op::broadcast_rows ||
         op == Op::broadcast_cols || op == Op::broadcast_all || op == Op::stop_gradient;
}

// Nodes on which a row or column number depends: those stay whole.
std::vector<char> numbering_nodes(const Graph& graph) {
  std::vector<char> numbering(graph.size(), 0);
  for (NodeId id = graph.size(); id-- > 0;) {
    const Op op = graph.node(id).op;
    const bool takes =
        op == Op::gather_rows || op == Op::scatter_rows || op == Op::pick_cols || op == Op::place_cols;
    const std::span<const NodeId> in = graph.inputs_of(id);
    for (std::size_t k = 0; k < in.size(); ++k)
      if (numbering[id] || (takes && op_def(op).is_data(static_cast<int>(k)))) numbering[in[k]] = 1;
  }
  return numbering;
}

// +1 and −1 at random, as many as one likes.
class RandomSigns {
 public:
  RandomSigns(std::uint64_t seed, std::uint32_t sample) : seed_(seed), sample_(sample), random_(at(0)) {}
  int next() {
    if (left_ == 0) {
      if (++words_ % 4000 == 0) random_ = at(words_ / 4000);
      bits_ = random_.bits(), left_ = 32;
    }
    return (bits_ >> --left_ & 1u) ? 1 : -1;
  }

 private:
  Philox at(std::uint32_t block) const {
    return {seed_, {.purpose = Purpose::check, .iteration = block, .task = 5000, .time_step = sample_}};
  }
  std::uint64_t seed_;
  std::uint32_t sample_, words_ = 0, bits_ = 0;
  int left_ = 0;
  Philox random_;
};

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
  require(!t.y.empty() && !t.wrt.empty(), [&] {
    return "check '" + subject.name + "': it needs an output and a differentiated input";
  });
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

// The sizes of the terms: every number on the way to an output is multiplied by 1 + δ·ξ with ξ = ±1 at random, and what
// the output moves by, divided by δ, is what it was added up from. δ is far above the rounding of long double and far
// below any branch. What copies numbers adds none of its own; row numbers stay whole.
void Subject::measure_terms(const NodeNumbers<long double>& values) {
  constexpr long double delta = 0x1p-40L;
  constexpr std::uint32_t samples = 2;
  const Graph& graph = *program.graph;
  Interpreter<long double> perturbed(graph, all_outputs);
  std::vector<long double> terms(all_outputs.size(), 0);
  const std::vector<char> numbering = numbering_nodes(graph);
  for (std::uint32_t sample = 0; sample < samples; ++sample) {
    RandomSigns signs(options.seed, sample);
    const NodeNumbers<long double>& moved =
        perturbed.run(block_of(all_inputs), &frozen_program, [&](NodeId id, NodeNumbers<long double>& numbers) {
          if (copies(graph.node(id).op) || numbering[id]) return;
          for (long double& number : numbers[id]) number *= 1 + signs.next() * delta;
        });
    for (std::size_t j = 0; j < all_outputs.size(); ++j) {
      const NodeId id = all_outputs[j].id;
      for (std::size_t n = 0; n < moved[id].size(); ++n)
        if (const long double by = std::fabs(moved[id][n] - values[id][n]) / delta; by > terms[j]) terms[j] = by;
    }
  }
  std::size_t next = 0;
  const auto take = [&](std::size_t count) {
    const auto begin = terms.begin() + static_cast<std::ptrdiff_t>(std::exchange(next, next + count));
    return std::vector<long double>(begin, begin + static_cast<std::ptrdiff_t>(count));
  };
  output_terms = take(program.y.size());
  loss_terms = take(1)[0];
  gradient_terms = take(count());
  forward_terms = take(program.y.size());
  reverse_terms = take(count());
  take(count());  // the reverse sweep of zero is exactly 0
  if (options.second_order) hv_terms = take(count());
}

void Subject::draw_directions() {
  for (std::size_t k = 0; k < subject.inputs.size(); ++k) {
    const CheckInput& input = subject.inputs[k];
    require(input.value.dtype() == Dtype::f64, [&] {
      return "check '" + subject.name + "': the input '" + input.name + "' must be f64";
    });
    x.push_back(input.value);
    if (!input.differentiated) continue;
    const auto stream = static_cast<std::uint32_t>(2 * wrt_index.size());
    v.push_back(draw_direction(x[k].shape(), options.seed, 1000 + stream));
    u.push_back(draw_direction(x[k].shape(), options.seed, 1001 + stream));
    wrt_index.push_back(k);
  }
  for (std::size_t j = 0; j < program.y.size(); ++j)
    w.push_back(draw_direction(program.y[j].shape(), options.seed, 10 + static_cast<std::uint32_t>(j)));
  v_block = block_of(v), u_block = block_of(u), x_block = displaced_ = block_of(x);
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
  measure_terms(values);
  for (std::optional<Interpreter<long double>>* run : {&plain_run_, &held_run_})
    run->emplace(*plain.graph, std::span(&plain.loss, 1));
  f64_run_.emplace(*plain.graph, std::span(&plain.loss, 1));
}

const std::vector<Numbers<long double>>& Subject::displaced(const Block& displacement) const {
  for (std::size_t k : moved_) displaced_[k] = x_block[k];
  moved_.clear();
  for (std::size_t j = 0; j < displacement.size(); ++j) {
    if (displacement[j].empty()) continue;
    moved_.push_back(wrt_index[j]);
    for (std::size_t n = 0; n < displacement[j].size(); ++n) displaced_[wrt_index[j]][n] += displacement[j][n];
  }
  return displaced_;
}

Subject::Value Subject::value(const Block& displacement) const {
  const std::vector<Numbers<long double>>& numbers = displaced(displacement);
  const NodeNumbers<long double>& values = plain_run_->run(numbers, &frozen_plain);
  if (!branches.any() || branches.pattern(values) == base_pattern_) return {values[plain.loss.id][0], true};
  const NodeNumbers<long double>& held =
      held_run_->run(numbers, &frozen_plain, [this](NodeId id, NodeNumbers<long double>& nodes) {
        branches.hold(id, base_pattern_, base, nodes);
      });
  return {held[plain.loss.id][0], false};
}

long double Subject::unheld_value(const Block& displacement) const {
  return plain_run_->run(displaced(displacement), &frozen_plain)[plain.loss.id][0];
}

double Subject::value_f64(const Block& displacement) const {
  std::vector<Numbers<double>> numbers;
  for (const Numbers<long double>& list : displaced(displacement)) {
    numbers.emplace_back();
    for (long double number : list) numbers.back().push_back(static_cast<double>(number));
  }
  return f64_run_->run(numbers, &frozen_plain)[plain.loss.id][0];
}

const NodeNumbers<std::complex<double>>& Subject::complex_run(const Block& direction,
                                                              std::span<const NodeId> live) const {
  using Complex = std::complex<double>;
  std::vector<Numbers<Complex>> numbers;
  for (const Tensor& t : x) numbers.push_back(numbers_of<Complex>(t));
  for (std::size_t j = 0; j < direction.size(); ++j)
    for (std::size_t n = 0; n < direction[j].size(); ++n)
      numbers[wrt_index[j]][n] += Complex(0, kImaginary * static_cast<double>(direction[j][n]));
  std::vector<Var> wanted = plain.y;
  wanted.push_back(plain.loss);
  std::optional<Interpreter<Complex>>& run = live.empty() ? complex_run_ : live_run_;
  if (!run || (!live.empty() && live.size() < stops.size())) run.emplace(*plain.graph, wanted);
  if (live.empty()) return run->run(numbers, &frozen_plain);
  if (live.size() == stops.size()) return run->run(numbers);
  NodeNumbers<long double> frozen = frozen_plain;
  for (NodeId id : live) frozen[id].clear();
  return run->run(numbers, &frozen);
}

long double Subject::complex_step(const Block& direction, std::span<const NodeId> live) const {
  return static_cast<long double>(complex_run(direction, live)[plain.loss.id][0].imag()) / kImaginary;
}

Block Subject::complex_step_of_outputs(const Block& direction) const {
  const NodeNumbers<std::complex<double>>& values = complex_run(direction, {});
  Block derivatives;
  for (Var y : plain.y) {
    derivatives.emplace_back();
    for (std::complex<double> number : values[y.id])
      derivatives.back().push_back(static_cast<long double>(number.imag()) / kImaginary);
  }
  return derivatives;
}

Block Subject::only(const Block& block, std::size_t j) const {
  Block result(block.size());
  for (std::size_t k = 0; k < block.size(); ++k) result[k].assign(block[k].size(), 0);
  result[j] = block[j];
  return result;
}

Block Subject::nudge(std::size_t input, std::size_t element, long double by) const {
  Block displacement(count());
  displacement[input].assign(v_block[input].size(), 0);
  displacement[input][element] = by;
  return displacement;
}

CheckKink Subject::kink_between(const Block& displacement) const {
  const NodeNumbers<long double>& values = plain_run_->run(displaced(displacement), &frozen_plain);
  return branches.first_difference(base_pattern_, branches.pattern(values), base);
}

int Subject::leaves_kinks(const Block& displacement) const {
  const std::vector<signed char> there = branches.pattern(plain_run_->run(displaced(displacement), &frozen_plain));
  int leaving = 0;
  for (std::size_t i = 0; i < there.size(); ++i) leaving += base_pattern_[i] == 0 && there[i] != 0;
  return leaving;
}

}  // namespace innerloop::checking

#include "autodiff/graph.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "autodiff/op_table.h"
#include "autodiff/ops.h"
#include "kernels/cuda/table.h"
#include "kernels/nearest.h"

namespace innerloop {
namespace {

// "nn/mlp.cpp:41": the last folder, the file and the line.
std::string short_location(const SourceLocation& where) {
  std::string file = where.file_name();
  if (std::size_t slash = file.rfind('/'); slash != std::string::npos)
    if (std::size_t folder = file.rfind('/', slash - 1); folder != std::string::npos) file = file.substr(folder + 1);
  return file + ":" + std::to_string(where.line());
}

// A line for each operand: "    A = h1 (20, 2000, 64)  made at nn/mlp.cpp:41".
std::string operands_text(const Graph& graph, std::span<const NodeId> inputs) {
  std::string text;
  char letter = 'A';
  for (NodeId input : inputs) text += std::string("\n    ") + letter++ + " = " + graph.describe(input);
  return text;
}

// Out of the way of what records thousands of nodes.
[[noreturn, gnu::cold, gnu::noinline]] void refuse_empty_var() {
  throw Error("an empty Var, which stands for no node, was used");
}

[[noreturn, gnu::cold, gnu::noinline]] void refuse_empty_shape(const OpDef& def, const Node& node) {
  require(false, std::string(def.name) + " would have the shape " + to_string(node.shape) +
                     ": a value of a graph has at least one task, one row and one column", node.where);
  std::abort();
}

}  // namespace

Shape Var::shape() const {
  if (!graph) [[unlikely]] refuse_empty_var();
  return graph->node(id).shape;
}
const Tensor& Var::value() const {
  require(valid(), "an empty Var, which stands for no node, has no numbers");
  return graph->value(id);
}

Graph::Graph(Dtype dtype, Mode mode, const OpTable& table) : dtype_(dtype), mode_(mode), table_(&table) {
  nodes_.reserve(256);
  edges_.reserve(512);
}

Var Graph::push(Node node, std::span<const Var> inputs) {
  const Shape& shape = node.shape;
  if (shape.tasks < 1 || shape.rows < 1 || shape.cols < 1) [[unlikely]]
    refuse_empty_shape((*table_)[static_cast<std::size_t>(node.op)], node);
  if (origin_set_ > 0) node.where = origin_;
  node.arity = static_cast<std::uint16_t>(inputs.size());
  node.first_input = static_cast<std::uint32_t>(edges_.size());
  for (Var input : inputs) edges_.push_back(input.id);
  nodes_.push_back(node);
  NodeId id = size() - 1;
  if (mode_ == Mode::eager && !inputs.empty()) evaluate(id);
  return {this, id};
}

Var Graph::input(Shape shape, std::string_view name, SourceLocation where) {
  require(mode_ == Mode::traced, "an input of an eager graph needs its numbers: pass a Tensor", where);
  Node node{.op = Op::input, .shape = shape, .attr = {}, .where = where};
  node.attr.i = static_cast<int>(inputs_.size());
  Var var = push(node, {});
  inputs_.push_back(var.id);
  set_name(var, name);
  return var;
}

Var Graph::input(const Tensor& value, std::string_view name, SourceLocation where) {
  if (mode_ == Mode::traced) return input(value.shape(), name, where);
  Node node{.op = Op::input, .shape = value.shape(), .attr = {}, .where = where};
  node.attr.i = static_cast<int>(inputs_.size());
  Var var = push(node, {});
  inputs_.push_back(var.id);
  set_name(var, name);
  values_.resize(nodes_.size());
  values_[var.id] = value.to(dtype_);
  return var;
}

Var Graph::constant(const Tensor& value, SourceLocation where) {
  Node node{.op = Op::constant, .shape = value.shape(), .attr = {}, .where = where};
  node.attr.i = static_cast<int>(constants_.size());
  constants_.push_back(value.to(dtype_));
  Var var = push(node, {});
  if (mode_ == Mode::eager) values_.resize(nodes_.size()), values_[var.id] = constants_.back();
  return var;
}

Var Graph::fill(Shape shape, double value, SourceLocation where) {
  Node node{.op = Op::fill, .shape = {1, shape.rows, shape.cols}, .attr = {}, .where = where};
  node.attr.x = value;
  Var var = push(node, {});
  if (mode_ == Mode::eager) values_.resize(nodes_.size()), values_[var.id] = Tensor::full(node.shape, value, dtype_);
  return shape.tasks == 1 ? var : broadcast_tasks({var, where}, shape.tasks);
}

Var Graph::append(Op op, std::span<const Var> inputs, Attr attr, SourceLocation where) {
  const OpDef& def = (*table_)[static_cast<std::size_t>(op)];
  for (Var input : inputs) {
    if (input.graph == this) [[likely]]
      continue;  // no message is put together for the many nodes that are right
    require(input.valid(), [&] { return std::string(def.name) + " was given an empty Var"; }, where);
    require(false, std::string(def.name) + " mixes Vars of two graphs", where);
  }
  const ShapeRequest request{*this, def, inputs, attr, where};
  if (!(def.arity < 0 ? !inputs.empty() : static_cast<int>(inputs.size()) == def.arity))
    request.refuse("it takes " + std::to_string(def.arity) + " inputs, not " + std::to_string(inputs.size()));
  Node node{.op = op, .shape = def.shape(request), .attr = attr, .where = where};
  if (def.expand && (!fuse_ || !has_kernel(op))) {
    Origin origin(*this, origin_set_ > 0 ? origin_ : where);
    return def.expand({*this, inputs, Var{}, attr});
  }
  return push(node, inputs);
}

bool Graph::has_kernel(Op op) const {
  return device_ == Device::cpu || kernels::find_device_kernel(device_, dtype_, op) != nullptr;
}

void Graph::evaluate(NodeId id) {
  const Node& node = nodes_[id];
  values_.resize(nodes_.size());
  Tensor out(node.shape, dtype_);
  kernels::Kernel kernel = kernels::find_kernel(Device::cpu, dtype_, node.op);
  require(kernel != nullptr, [&] {
    return std::string("there is no cpu kernel for ") + op_def(node.op).name;
  }, node.where);

  // One call per task; an input shared by all tasks is read again by each. sum_tasks alone sees all tasks at once.
  std::vector<kernels::Matrix> in(node.arity);
  kernels::Call call;
  call.attr = node.attr;
  call.arity = node.arity;
  call.in = in.data();
  std::byte* out_data = static_cast<std::byte*>(out.mutable_data());
  for (int task = 0; task < node.shape.tasks; ++task) {
    for (std::size_t k = 0; k < in.size(); ++k) {
      const Tensor& value = values_[inputs_of(id)[k]];
      Shape shape = value.shape();
      std::size_t offset =
          shape.tasks == 1 || node.op == Op::sum_tasks ? 0 : shape.per_task() * static_cast<std::size_t>(task);
      auto* data = const_cast<std::byte*>(static_cast<const std::byte*>(value.data())) + offset * size_of(dtype_);
      in[k] = {data, shape.rows, shape.cols};
      call.tasks = node.op == Op::sum_tasks ? shape.tasks : 1;
    }
    call.out = {out_data + node.shape.per_task() * static_cast<std::size_t>(task) * size_of(dtype_), node.shape.rows,
                node.shape.cols};
    try {
      kernel(call);
    } catch (const Error& error) {
      rethrow_at(id, task, error);
    }
  }
  values_[id] = std::move(out);
}

const Tensor& Graph::value(NodeId id) const {
  require(mode_ == Mode::eager, "a traced graph holds no numbers yet; use an eager Graph, or run it as a Function");
  return values_[id];
}

void Graph::refuse_foreign(Var var, std::string_view what) const {
  require(var.valid(), [&] { return std::string(what) + " is an empty Var"; });
  require(var.graph == this, [&] { return std::string(what) + " belongs to another graph"; });
  require(false, std::string(what) + " is no node of its graph");
  std::abort();
}

void Graph::set_name(Var var, std::string_view name) {
  require_own(var, "set_name: the Var");
  nodes_[var.id].name = static_cast<std::uint32_t>(names_.size());
  names_.emplace_back(name);
}

std::string_view Graph::name(NodeId id) const { return names_[nodes_[id].name]; }

std::string Graph::describe(NodeId id) const {
  const Node& n = nodes_[id];
  std::string text = n.name ? std::string(name(id))
                            : std::string((*table_)[static_cast<std::size_t>(n.op)].name) + " #" + std::to_string(id);
  return text + " " + to_string(n.shape) + "  made at " + short_location(n.where);
}

void Graph::rethrow_at(NodeId id, int task, const Error& error) const {
  const Node& n = nodes_[id];
  throw Error(std::string("index error: ") + (*table_)[static_cast<std::size_t>(n.op)].name + ", at " +
              short_location(n.where) + (n.shape.tasks > 1 ? ", task " + std::to_string(task) : "") +
              operands_text(*this, inputs_of(id)) + "\n    " + error.what());
}

int ShapeRequest::tasks() const {
  int tasks = 1;
  for (Var input : inputs) tasks = std::max(tasks, graph.node(input.id).shape.tasks);
  for (Var input : inputs)
    if (const int own = graph.node(input.id).shape.tasks; own != 1 && own != tasks)
      refuse("the task axes do not fit: an input has 1 task (shared) or as many as the others");
  return tasks;
}

void ShapeRequest::refuse(const std::string& why) const {
  std::vector<NodeId> operands;
  for (Var input : inputs) operands.push_back(input.id);
  std::string message =
      std::string("shape error: ") + def.name + ", at " + short_location(where) + operands_text(graph, operands);
  if (attr.x != 0 || attr.y != 0)
    message += "\n    with (" + std::to_string(attr.x) + ", " + std::to_string(attr.y) + ")";
  if (attr.i != 0 || attr.j != 0)
    message += "\n    with (" + std::to_string(attr.i) + ", " + std::to_string(attr.j) + ")";
  throw Error(message + "\n    " + why);
}

Vars::Vars(std::initializer_list<std::pair<std::string, Var>> entries) {
  for (const auto& [name, value] : entries) add(name, value);
}

void Vars::add(std::string name, Var value) {
  require(!contains(name), [&] { return "a list of Vars already holds '" + name + "'"; });
  names_.push_back(std::move(name));
  values_.push_back(value);
}

bool Vars::contains(std::string_view name) const { return std::ranges::find(names_, name) != names_.end(); }

Var Vars::operator[](std::string_view name) const {
  auto found = std::ranges::find(names_, name);
  require(found != names_.end(), [&] {
    return "there is no Var '" + std::string(name) + "'" + did_you_mean(name, names_);
  });
  return values_[static_cast<std::size_t>(found - names_.begin())];
}

Vars Vars::with(std::span<const Var> values) const {
  require(values.size() == values_.size(), [&] {
    return std::to_string(values.size()) + " Vars given for a list of " + std::to_string(values_.size());
  });
  Vars result = *this;
  std::ranges::copy(values, result.values_.begin());
  return result;
}

Vars Vars::below(std::string_view prefix) const {
  Vars result;
  for (std::size_t i = 0; i < count(); ++i)
    if (names_[i].starts_with(prefix)) result.add(names_[i].substr(prefix.size()), values_[i]);
  return result;
}

namespace {

// A new list of what `make` gives for each place.
template <class Make>
Params each(const Params& a, Make make) {
  std::vector<Var> values;
  for (std::size_t i = 0; i < a.count(); ++i) values.push_back(make(i));
  return a.with(values);
}

}  // namespace

Params operator+(const Params& a, const Params& b) {
  require_same_names("two lists of Vars", a, b);
  return each(a, [&](std::size_t i) { return a[i] + b[i]; });
}

Params operator-(const Params& a, const Params& b) {
  require_same_names("two lists of Vars", a, b);
  return each(a, [&](std::size_t i) { return a[i] - b[i]; });
}

Params operator-(const Params& a) {
  return each(a, [&](std::size_t i) { return -a[i]; });
}

Params operator*(Var factor, const Params& a) {
  return each(a, [&](std::size_t i) { return factor * a[i]; });
}

Params operator*(double factor, const Params& a) {
  return each(a, [&](std::size_t i) { return factor * a[i]; });
}

Params operator*(const Params& a, Var factor) { return factor * a; }
Params operator*(const Params& a, double factor) { return factor * a; }

Params broadcast_tasks(const Params& theta, int tasks) {
  return each(theta, [&](std::size_t i) { return broadcast_tasks(theta[i], tasks); });
}

Params stop_gradient(const Params& a) {
  return each(a, [&](std::size_t i) { return stop_gradient(a[i]); });
}

}  // namespace innerloop

#include "autodiff/function.h"

#include <algorithm>
#include <list>
#include <mutex>
#include <optional>

#include "autodiff/device.h"
#include "autodiff/program.h"

namespace innerloop {
// What a plan depends on beside the Config: how many tensors each argument holds, the names and shapes of all of them,
// and which are fixed.
struct PlanSignature {
  std::vector<std::size_t> counts;
  std::vector<std::string> names;
  std::vector<Shape> shapes;
  std::vector<char> fixed;
  Dtype dtype = Dtype::f64;
  Device device = Device::cpu;
};

namespace {

// An argument's tensors; a lone one is a list of one without a name.
std::size_t count_of(const Argument& a) { return a.single ? 1 : a.list->count(); }
const Tensor& tensor_of(const Argument& a, std::size_t i) { return a.single ? *a.single : (*a.list)[i]; }
std::string_view name_of(const Argument& a, std::size_t i) { return a.single ? "" : std::string_view(a.list->name(i)); }

// Where a call runs: on the device of its arguments; if all of them are on the CPU, on the compute device.
Device device_of(std::initializer_list<Argument> arguments) {
  for (const Argument& a : arguments)
    for (std::size_t i = 0; i < count_of(a); ++i)
      if (const Device device = tensor_of(a, i).device(); device != Device::cpu) return device;
  return compute_device();
}

bool matches(const PlanSignature& s, Device device, std::initializer_list<Argument> arguments) {
  if (s.device != device || s.counts.size() != arguments.size()) return false;
  std::size_t n = 0;
  auto count = s.counts.begin();
  for (const Argument& a : arguments) {
    if (count_of(a) != *count++) return false;
    for (std::size_t i = 0; i < count_of(a); ++i, ++n) {
      const Tensor& t = tensor_of(a, i);
      if (t.shape() != s.shapes[n] || t.dtype() != s.dtype || a.fixed != (s.fixed[n] != 0)) return false;
      if (name_of(a, i) != s.names[n]) return false;
    }
  }
  return true;
}

PlanSignature signature_of(const std::string& function, std::initializer_list<Argument> arguments, Device device) {
  PlanSignature s;
  s.device = device;
  for (const Argument& a : arguments) {
    s.counts.push_back(count_of(a));
    for (std::size_t i = 0; i < count_of(a); ++i) {
      const Tensor& t = tensor_of(a, i);
      if (s.shapes.empty()) s.dtype = t.dtype();
      std::string name(name_of(a, i));
      require(!t.empty(), [&] { return function + ": the argument '" + name + "' is an empty tensor"; });
      require(t.dtype() == s.dtype, [&] {
        return function + ": arguments mix f32 and f64 (at '" + name + "'); convert with .to(dtype)";
      });
      s.names.push_back(std::move(name));
      s.shapes.push_back(t.shape());
      s.fixed.push_back(a.fixed);
    }
  }
  require(!s.shapes.empty(), [&] { return function + " needs at least one argument"; });
  return s;
}

}  // namespace

std::size_t Results::checked(std::size_t index) const {
  if (index >= size()) [[unlikely]]
    require(false, "a Function that returned " + std::to_string(size()) + " lists has no list " +
                       std::to_string(index) + " (they are counted from 0)");
  return index;
}

Vars Inputs::next(std::string_view label) {
  require(used_ < groups_.size(), [&] {
    return "the traced function takes more arguments than it was given, at '" + std::string(label) + "'";
  });
  const Vars& group = groups_[used_++];
  for (std::size_t i = 0; i < group.count(); ++i)
    graph_->set_name(group[i], std::string(label) + (group.name(i).empty() ? "" : "/" + group.name(i)));
  return group;
}

Var Inputs::next_var(std::string_view label) {
  Vars group = next(label);
  require(group.count() == 1, [&] { return "the argument '" + std::string(label) + "' must be a single tensor"; });
  return group[0];
}

// One plan and the tensors it works on.
struct CachedPlan {
  std::any spec;
  PlanSignature signature;
  std::unique_ptr<Program> program;
  std::vector<Vars> output_groups;  // names and shapes of what is returned
  std::vector<Shape> output_shapes;
  std::vector<Tensor> kept;         // fixed and copied inputs of the last call: nobody else can get their storage
  std::vector<Tensor> copies;       // on the plan's device, of inputs that are not there
  std::vector<std::vector<Tensor>> written;  // on a device: for each output, what it was written into lately
  std::vector<const void*> in;
  std::vector<void*> out;
  bool ran = false;
};

namespace {

// Binds the inputs by reference. Returns whether everything must be computed anew: at the first run, and when a fixed
// input has other storage than last time. An input on another device is copied, unless the last call copied the same;
// always to the same place, so that a device finds it where its captured graph looks for it.
bool bind_inputs(CachedPlan& plan, std::initializer_list<Argument> arguments) {
  bool refresh = !plan.ran;
  std::size_t n = 0;
  for (const Argument& a : arguments)
    for (std::size_t i = 0; i < count_of(a); ++i, ++n) {
      const Tensor& t = tensor_of(a, i);
      const bool elsewhere = t.device() != plan.signature.device;
      const bool changed = t.data() != plan.kept[n].data();
      if (a.fixed && changed) refresh = true;
      if (elsewhere && changed && plan.copies[n].empty()) plan.copies[n] = t.to(plan.signature.device);
      else if (elsewhere && changed)
        copy_bytes(plan.copies[n].mutable_data(), plan.signature.device, t.data(), t.device(), t.bytes());
      if (a.fixed || elsewhere) plan.kept[n] = t;
      plan.in[n] = elsewhere ? plan.copies[n].data() : t.data();
    }
  return refresh;
}

// A tensor for output n. On a device it is one that this plan has written before, as soon as nobody else holds it: a
// loop that keeps a result until it has the next one goes back and forth between two, and so between two graphs.
Tensor output_tensor(CachedPlan& plan, std::size_t n) {
  constexpr std::size_t most = 4;
  const auto fresh = [&] {
    return Tensor::uninitialised(plan.output_shapes[n], plan.signature.dtype, plan.signature.device);
  };
  if (plan.signature.device == Device::cpu) return fresh();
  std::vector<Tensor>& written = plan.written[n];
  if (const auto unused = std::ranges::find_if(written, &Tensor::is_unique); unused != written.end()) return *unused;
  if (written.size() == most) written.erase(written.begin());
  return written.emplace_back(fresh());
}

// The tensors that the run writes into.
Results bind_outputs(CachedPlan& plan) {
  Results results;
  std::size_t n = 0;
  for (const Vars& group : plan.output_groups) {
    Tensors list;
    for (std::size_t i = 0; i < group.count(); ++i, ++n) {
      Tensor out = output_tensor(plan, n);
      plan.out[n] = const_cast<void*>(out.data());  // shared with plan.written, and to be written all the same
      list.add(group.name(i), std::move(out));
    }
    results.push_back(std::move(list));
  }
  return results;
}

}  // namespace

struct FunctionBase::Cache {
  std::size_t capacity;
  std::recursive_mutex lock{};  // one call at a time; a traced lambda may call its own Function
  std::list<CachedPlan> plans{};  // most recently used first
  bool check_finite = false;
  bool fuse = true;
  std::optional<Device> device{};  // always run here
};
using Locked = std::lock_guard<std::recursive_mutex>;

FunctionBase::FunctionBase(std::string name, std::size_t capacity)
    : name_(std::move(name)), cache_(new Cache{.capacity = capacity}) {}
FunctionBase::~FunctionBase() = default;
FunctionBase::FunctionBase(FunctionBase&&) noexcept = default;

void FunctionBase::set_check_finite(bool on) const {
  const Locked locked(cache_->lock);
  cache_->check_finite = on;
}
void FunctionBase::set_fuse(bool on) {
  const Locked locked(cache_->lock);
  cache_->fuse = on;
  cache_->plans.clear();
}
void FunctionBase::set_device(Device device) {
  const Locked locked(cache_->lock);
  cache_->device = device;
}
std::size_t FunctionBase::peak_scratch_bytes(int threads) const {
  const Locked locked(cache_->lock);
  return cache_->plans.empty() ? 0 : cache_->plans.front().program->peak_bytes(threads);
}
std::string FunctionBase::describe_plan() const {
  const Locked locked(cache_->lock);
  return cache_->plans.empty() ? "not run yet\n" : cache_->plans.front().program->describe();
}

Results FunctionBase::call(const std::any& spec, Same same, Trace trace, void (*lambda)(),
                           std::initializer_list<Argument> arguments) const {
  const Locked locked(cache_->lock);
  std::list<CachedPlan>& plans = cache_->plans;

  // Find the plan for this Config and these shapes, and move it to the front; trace the lambda if there is none.
  const Device device = cache_->device ? *cache_->device : device_of(arguments);
  auto found = plans.begin();
  while (found != plans.end() && !(matches(found->signature, device, arguments) && same(found->spec, spec)))
    ++found;
  if (found != plans.end()) {
    plans.splice(plans.begin(), plans, found);
  } else {
    plans.push_front(make_plan(spec, trace, lambda, arguments, device));
    if (plans.size() > cache_->capacity) plans.pop_back();
  }
  CachedPlan& plan = plans.front();

  // Run it into tensors that nobody else holds.
  const bool refresh = bind_inputs(plan, arguments);
  Results results = bind_outputs(plan);
  plan.ran = false;  // should the run throw, what depends on fixed inputs may be half done
  try {
    plan.program->run(plan.in, plan.out, {.refresh = refresh, .check_finite = cache_->check_finite});
  } catch (const NonFiniteError& error) {
    throw NonFiniteError(name_ + ": " + error.what());
  }
  plan.ran = true;
  return results;
}

CachedPlan FunctionBase::make_plan(const std::any& spec, Trace trace, void (*lambda)(),
                                   std::initializer_list<Argument> arguments, Device device) const {
  CachedPlan plan;
  plan.spec = spec;
  plan.signature = signature_of(name_, arguments, device);

  // The arguments become inputs of a fresh graph.
  auto graph = std::make_shared<Graph>(plan.signature.dtype);
  graph->set_fuse(cache_->fuse);
  graph->set_device(plan.signature.device);
  std::vector<Vars> groups;
  for (const Argument& a : arguments) {
    Vars group;
    for (std::size_t i = 0; i < count_of(a); ++i)
      group.add(std::string(name_of(a, i)), graph->input(tensor_of(a, i).shape(), a.list ? a.list->name(i) : name_));
    groups.push_back(std::move(group));
  }

  // The lambda appends its mathematics.
  Inputs inputs(*graph, std::move(groups));
  plan.output_groups = trace(lambda, inputs, spec);
  require(inputs.left() == 0, [&] {
    return name_ + " was given " + std::to_string(arguments.size()) + " arguments and takes " +
           std::to_string(arguments.size() - inputs.left());
  });
  std::vector<Var> outputs;
  for (const Vars& group : plan.output_groups)
    for (std::size_t i = 0; i < group.count(); ++i) {
      graph->require_own(group[i], name_ + ": its result '" + group.name(i) + "'");
      outputs.push_back(group[i]), plan.output_shapes.push_back(group[i].shape());
    }

  // What it appended becomes a program.
  const std::vector<char>& fixed = plan.signature.fixed;
  const bool any_fixed = std::ranges::find(fixed, 1) != fixed.end();
  plan.program = std::make_unique<Program>(graph, outputs, std::span(fixed).first(any_fixed ? fixed.size() : 0),
                                           plan.signature.device);
  plan.in.resize(plan.signature.shapes.size());
  plan.out.resize(outputs.size());
  plan.kept.resize(plan.in.size());
  plan.copies.resize(plan.in.size());
  plan.written.resize(outputs.size());
  return plan;
}

}  // namespace innerloop

// Function: a traced, planned, replayed piece of mathematics between Tensors and Tensors.
//
//   const Function<Spec> gradient("pg/gradient", [](Inputs& in, const Spec& c) -> std::vector<Vars> {
//     Params theta = in.next("theta");  Batch batch = in.next("batch");
//     return {grad(loss(theta, batch, c), theta)};
//   });
//   ParamValues g = gradient(spec, {theta, batch})[0];
//
// The lambda captures nothing (checked at compile time), so nothing can go stale: whatever varies is an input, whatever
// shapes the program is in its Spec, which with the arguments' lists, names and shapes is the key of its cached plan.
//
// A Function may be called by several threads: it has a lock, and calls wait for each other. Threads that want to run
// at the same time have a Function each. On a device all calls come from one thread.
#pragma once

#include <any>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "autodiff/graph.h"
#include "autodiff/same_bits.h"
#include "autodiff/tensor.h"

namespace innerloop {

// What the traced lambda receives: the call's arguments as Vars, in order. A lone Tensor arrives as a list of one.
class Inputs {
 public:
  Inputs(Graph& graph, std::vector<Vars> groups) : graph_(&graph), groups_(std::move(groups)) {}
  Vars next(std::string_view label);     // labels name the inputs in messages: "theta/policy/W1"
  Var next_var(std::string_view label);  // an argument that is a single Tensor
  Graph& graph() { return *graph_; }
  std::size_t left() const { return groups_.size() - used_; }  // arguments that nobody has asked for yet

 private:
  Graph* graph_;
  std::vector<Vars> groups_;
  std::size_t used_ = 0;
};

// One argument of a call: a list of tensors or one tensor, borrowed for the call.
struct Argument {
  const Tensors* list = nullptr;
  const Tensor* single = nullptr;
  bool fixed = false;
  Argument(const Tensors& t) : list(&t) {}  // NOLINT: implicit on purpose
  Argument(const Tensor& t) : single(&t) {}  // NOLINT
};
// An argument that stays the same over many calls, as θ and the batch do inside conjugate gradient: what depends on
// fixed arguments alone is computed again only when one of them is another tensor (a tensor keeps its storage while a
// call's plan holds it, so "the same storage" means "the same numbers").
inline Argument fixed(Argument argument) { argument.fixed = true; return argument; }

struct CachedPlan;

class FunctionBase {
 public:
  FunctionBase(std::string name, std::size_t capacity = 16);
  ~FunctionBase();
  FunctionBase(FunctionBase&&) noexcept;
  const std::string& name() const { return name_; }
  std::size_t peak_scratch_bytes(int threads = 1) const;  // of the plan used last
  std::string describe_plan() const;            // of the plan used last: nodes, phases, buffers, bytes
  void set_check_finite(bool on) const;         // name the first non-finite node (slower)
  void set_fuse(bool on);                       // off: run every fused operation as its expansion
  // Always run here, whatever the arguments' device (they are copied). Otherwise: where the arguments are, or on the
  // compute device (autodiff/device.h) if all of them are on the CPU.
  void set_device(Device device);

 protected:
  using Trace = std::vector<Vars> (*)(void (*)(), Inputs&, const std::any&);
  using Same = bool (*)(const std::any&, const std::any&);
  std::vector<Tensors> call(const std::any& spec, Same same, Trace trace, void (*lambda)(),
                            std::initializer_list<Argument> arguments) const;

 private:
  CachedPlan make_plan(const std::any& spec, Trace trace, void (*lambda)(),
                       std::initializer_list<Argument> arguments, Device device) const;

  struct Cache;
  std::string name_;
  std::unique_ptr<Cache> cache_;
};

struct NoSpec { friend bool operator==(const NoSpec&, const NoSpec&) = default; };

template <class Spec = NoSpec>
class Function : public FunctionBase {
 public:
  using Body = std::vector<Vars> (*)(Inputs&, const Spec&);
  template <class Lambda>
    requires std::is_convertible_v<Lambda, Body>  // one that captures does not convert: pass what varies as an input
  Function(std::string name, Lambda body) : FunctionBase(std::move(name)), body_(body) {}

  std::vector<Tensors> operator()(const Spec& spec, std::initializer_list<Argument> arguments) const {
    return call(
        std::any(spec),
        [](const std::any& a, const std::any& b) {
          return same_bits(std::any_cast<const Spec&>(a), std::any_cast<const Spec&>(b));
        },
        [](void (*body)(), Inputs& in, const std::any& c) {
          return reinterpret_cast<Body>(body)(in, std::any_cast<const Spec&>(c));
        },
        reinterpret_cast<void (*)()>(body_), arguments);
  }

 private:
  Body body_;
};

}  // namespace innerloop

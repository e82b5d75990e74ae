// Function: a traced, planned, replayed piece of mathematics between Tensors and Tensors.
//
//   const Function<Spec> gradient("pg/gradient", [](Inputs& in, const Spec& c) -> std::vector<Vars> {
//     Params theta = in.next("theta");  Batch batch = in.next("batch");
//     return {grad(loss(theta, batch, c), theta)};
//   });
//   ParamValues g = gradient(spec, {theta, batch})[0];
//
//   const Function square_of("square", [](Inputs& in) -> std::vector<Vars> { … });   // without a Spec
//   const Tensor& y = square_of({x})[0][0];
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

// What a call returns: the lists that the body returned, with numbers. On a result that is about to go, [] gives the
// list itself and the list's [] the tensor itself, so that `const Tensor& y = f({x})[0][0];` keeps its numbers.
class Results : public std::vector<Tensors> {
 public:
  using std::vector<Tensors>::vector;
  // Error if the Function returned fewer lists.
  Tensors& operator[](std::size_t index) & { return (*this).vector::operator[](checked(index)); }
  const Tensors& operator[](std::size_t index) const& { return (*this).vector::operator[](checked(index)); }
  Tensors operator[](std::size_t index) && { return std::move((*this)[index]); }

 private:
  std::size_t checked(std::size_t index) const;
};

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
  Results call(const std::any& spec, Same same, Trace trace, void (*lambda)(),
               std::initializer_list<Argument> arguments) const;

 private:
  CachedPlan make_plan(const std::any& spec, Trace trace, void (*lambda)(),
                       std::initializer_list<Argument> arguments, Device device) const;

  struct Cache;
  std::string name_;
  std::unique_ptr<Cache> cache_;
};

struct NoSpec { friend bool operator==(const NoSpec&, const NoSpec&) = default; };

// Whether a Function can be made of it: it captures nothing and has the signature of a body.
template <class Lambda, class Spec = NoSpec>
constexpr bool is_function_body =
    std::is_convertible_v<Lambda, std::vector<Vars> (*)(Inputs&, const Spec&)> ||
    (std::is_same_v<Spec, NoSpec> && std::is_convertible_v<Lambda, std::vector<Vars> (*)(Inputs&)>);

template <class Spec = NoSpec>
class Function : public FunctionBase {
 public:
  using Body = std::vector<Vars> (*)(Inputs&, const Spec&);
  using PlainBody = std::vector<Vars> (*)(Inputs&);  // of a Function without a Spec
  template <class Lambda>
  Function(std::string name, Lambda body) : FunctionBase(std::move(name)) {
    static_assert(is_function_body<Lambda, Spec>,
                  "The body of a Function is a lambda that captures nothing, [](Inputs& in, const Spec& c) or "
                  "[](Inputs& in), and returns std::vector<Vars>. What it captured would be a constant of the traced "
                  "program, whatever becomes of the variable: pass what varies as an argument of the call, and what "
                  "shapes the program in the Spec.");
    if constexpr (std::is_convertible_v<Lambda, Body>) body_ = body;
    else if constexpr (std::is_convertible_v<Lambda, PlainBody>) plain_body_ = body;
  }

  // Function<>: f({x}) is f({}, {x}).
  Results operator()(std::initializer_list<Argument> arguments) const
    requires std::is_same_v<Spec, NoSpec>
  {
    return (*this)(Spec{}, arguments);
  }
  Results operator()(const Spec& spec, std::initializer_list<Argument> arguments) const {
    const Same same = [](const std::any& a, const std::any& b) {
      return same_bits(std::any_cast<const Spec&>(a), std::any_cast<const Spec&>(b));
    };
    const Trace trace = [](void (*body)(), Inputs& in, const std::any& c) {
      return reinterpret_cast<Body>(body)(in, std::any_cast<const Spec&>(c));
    };
    const Trace trace_plain = [](void (*body)(), Inputs& in, const std::any&) {
      return reinterpret_cast<PlainBody>(body)(in);
    };
    if (plain_body_) return call(std::any(spec), same, trace_plain, reinterpret_cast<Erased>(plain_body_), arguments);
    return call(std::any(spec), same, trace, reinterpret_cast<Erased>(body_), arguments);
  }

 private:
  using Erased = void (*)();  // of any signature, on its way to a Trace
  Body body_ = nullptr;
  PlainBody plain_body_ = nullptr;
};

}  // namespace innerloop

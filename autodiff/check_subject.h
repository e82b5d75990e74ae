// What the levels of a check work on. Internal to the verifier: include autodiff/check.h instead.
#pragma once

#include <memory>
#include <optional>

#include "autodiff/check.h"
#include "autodiff/interpreter.h"

namespace innerloop::checking {

// Numbers for the differentiated inputs, one list each: a gradient, a direction, a displacement.
using Block = std::vector<Numbers<long double>>;

long double dot(const Block& a, const Block& b);
long double sum_of_magnitudes(const Block& a, const Block& b);  // Σ |aᵢ bᵢ|
long double largest(const Block& a);
Block operator*(long double factor, const Block& a);
Block operator+(const Block& a, const Block& b);
// max |a − b| / max(‖a‖∞, ‖b‖∞, tiny), the worst over the tensors.
double relative(const Block& a, const Block& b, long double tiny);
Block block_of(std::span<const Tensor> tensors);

// A case traced on a graph of its own.
struct Traced {
  std::shared_ptr<Graph> graph;
  std::vector<Var> x;    // all inputs
  std::vector<Var> wrt;  // the differentiated ones
  std::vector<Var> y;    // outputs
  Var loss;              // (1, 1, 1)
};
Traced trace(const CheckCase& subject, Dtype dtype, const OpTable& table, bool fuse, std::uint64_t seed);

// Plans the outputs and runs them once.
std::vector<Tensor> run_program(std::shared_ptr<const Graph> graph, std::span<const Var> outputs,
                                std::span<const Tensor> inputs);

// Which side of its kinks each branching element is on.
class Branches {
 public:
  Branches(const Graph& graph, Var loss);
  bool any() const { return !nodes_.empty(); }
  template <class T>
  std::vector<signed char> pattern(const NodeNumbers<T>& values) const;
  // The first element in which two patterns differ, described, with its distance at `values`.
  CheckKink first_difference(const std::vector<signed char>& a, const std::vector<signed char>& b,
                             const NodeNumbers<long double>& values) const;

 private:
  template <class T, class Visit>
  void for_each_margin(const NodeNumbers<T>& values, Visit visit) const;
  const Graph& graph_;
  std::vector<NodeId> nodes_;
};

class Subject {
 public:
  Subject(const CheckCase& subject, const CheckOptions& options);

  // The value of the loss, from the expanded graph in long double, with every stop_gradient frozen but `live`.
  struct Value {
    long double loss = 0;
    bool same_branch = true;  // as at the base point
  };
  enum class Stops { frozen, live };
  Value value(const Block& displacement, Stops stops = Stops::frozen) const;
  Value value_with_live(const Block& displacement, NodeId live) const;
  double value_f64(const Block& displacement) const;
  Block nudge(std::size_t input, std::size_t element, long double by) const;  // a displacement of one element
  CheckKink kink_between(const Block& displacement) const;  // the first branch that differs from the base point's
  // The largest step h ≤ start at which no branch changes at ±h·direction; none if the base point lies on a kink.
  std::optional<long double> clear_step(const Block& direction, long double start) const;

  std::size_t count() const { return wrt_index.size(); }
  const CheckInput& input(std::size_t j) const { return subject.inputs[wrt_index[j]]; }

  const CheckCase& subject;
  const CheckOptions& options;
  const OpTable& table;
  std::vector<std::size_t> wrt_index;  // which inputs are differentiated
  std::vector<Tensor> x;               // base values of all inputs
  std::vector<Tensor> v, u, w;         // directions, cotangents
  Block v_block, u_block;

  // The program under test and its results.
  Traced program;
  struct Results {
    std::vector<Tensor> y, loss, gradient, forward, reverse, reverse_of_zero, reverse_reverse, forward_reverse,
        other_direction;
  } nodes_run, again;
  std::vector<Var> gradient, reverse_reverse;  // nodes of `program`
  std::vector<Tensor> all_inputs;              // of `program`: x, v, u, w
  std::vector<Var> all_outputs;
  // The same nodes by the interpreter.
  Block gradient_reference, hv_reference;
  long double loss_reference = 0;

  Traced plain;  // nothing fused, values only
  Branches branches;
  NodeNumbers<long double> base;                          // of `plain`
  NodeNumbers<long double> frozen_plain, frozen_program;  // outputs of stop_gradient nodes
  std::vector<NodeId> stops;                              // of `plain`
  long double size = 0;  // the largest Σ|elements| of any node of `plain`: what rounding is relative to

 private:
  void draw_directions();
  void run_program_under_test();
  void evaluate_references();
  std::vector<Numbers<long double>> displaced(const Block& displacement) const;
  Value value(const Block& displacement, const NodeNumbers<long double>* frozen) const;
  std::vector<signed char> base_pattern_;
};

// The levels, in the files check_*.cpp.
void check_basics(const Subject& s, CheckReport& report);  // finite, values, duality, complex step
void check_f32(const Subject& s, CheckReport& report);
void check_taylor(const Subject& s, CheckReport& report);       // with the negative control
void check_differences(const Subject& s, CheckReport& report);  // with kinks and stops
void check_second_order(const Subject& s, CheckReport& report);
std::string find_culprit(const Subject& s);  // the smallest node that fails by itself, in words; empty if none does

// Appends a level whose verdict is error ≤ tolerance (NaN fails).
CheckLevel& add_level(CheckReport& report, std::string name, std::string finding, long double error, double tolerance);

}  // namespace innerloop::checking

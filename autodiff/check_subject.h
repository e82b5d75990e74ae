// What the levels of a check work on. Internal to the verifier: include autodiff/check.h instead.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
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
// max |a − b| / max(‖a‖∞, ‖b‖∞, terms) of each tensor, the worst of them. terms[j] is the size of what tensor j was
// added up from: where that cancels, as in the derivative of x/x, the difference is rounding and no more.
double relative(const Block& a, const Block& b, std::span<const long double> terms);
// |off|/scale. A scale below 1e-30 is none.
inline double ratio(long double off, long double scale) {
  return static_cast<double>(std::fabs(off) / std::max(scale, 1e-30L));
}
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

// Which side of its kinks each branching element is on: −1, 1, or 0 on the kink itself.
class Branches {
 public:
  Branches(const Graph& graph, Var loss);
  bool any() const { return !nodes_.empty(); }
  template <class T>
  std::vector<signed char> pattern(const NodeNumbers<T>& values) const;
  // The first element in which two patterns differ, described, with its distance at `values`.
  CheckKink first_difference(const std::vector<signed char>& a, const std::vector<signed char>& b,
                             const NodeNumbers<long double>& values) const;
  // Writes into the numbers of node `id` what it is on the branches of `pattern`, wherever its operands are now: the
  // smooth piece to which the base point belongs. On a kink that is the piece with the slope of the convention: a
  // constant (relu, abs, clip at its bound), and (a + b)/2 where minimum and maximum tie.
  void hold(NodeId id, const std::vector<signed char>& pattern, const NodeNumbers<long double>& base,
            NodeNumbers<long double>& values) const;

 private:
  template <class T, class Visit>
  void for_each_margin(const NodeNumbers<T>& values, Visit visit) const;
  template <class T>
  T element_of(const NodeNumbers<T>& values, NodeId id, std::size_t k, std::size_t n) const;
  const Graph& graph_;
  std::vector<NodeId> nodes_;
  std::vector<std::size_t> first_;  // of each of them: where its elements begin in a pattern
};

// h of the complex step: so small that its square is 0, and a number on a kink stays there.
constexpr double kImaginary = 1e-200;

// A derivative by differences, and how far it may be off by what is left out and by rounding.
struct Estimate {
  long double value = 0, uncertainty = 0;
};
// The estimate with the smallest uncertainty, at(h) for every eighth of the first step. A step that fits no size of x
// and no curvature is thus no matter of luck; and what the estimate is compared with plays no part in the choice.
template <class At>
Estimate best_estimate(At at, long double first_step) {
  constexpr int steps = 10;
  Estimate best{0, std::numeric_limits<long double>::infinity()};
  for (int k = 0; k < steps; ++k)
    if (const Estimate e = at(std::ldexp(first_step, -3 * k)); e.uncertainty < best.uncertainty) best = e;
  return best;
}
// Three values of a difference quotient, at h, h/2 and h/4, with the h² and h⁴ terms removed (Richardson). `noise` is
// the rounding of the last of them.
inline Estimate extrapolate(long double wide, long double middle, long double narrow, long double noise) {
  const long double before = (4 * middle - wide) / 3, once = (4 * narrow - middle) / 3;
  const long double twice = (16 * once - before) / 15;
  const long double most = std::max({std::fabs(wide), std::fabs(middle), std::fabs(narrow)});
  return {twice, std::fabs(twice - once) + 2 * noise + 8 * std::numeric_limits<long double>::epsilon() * most};
}
// Differences that are not certain to a thousandth judge nothing.
constexpr long double kMostUncertain = 1e-3L;
// How far the derivative is from its estimate, relative to `scale`; where that is more than the tolerance, how far
// beyond what the estimate is uncertain by.
inline double distance(long double derivative, const Estimate& estimate, long double scale, double tolerance) {
  const long double off = std::fabs(derivative - estimate.value);
  if (std::isnan(off)) return std::numeric_limits<double>::infinity();
  if (const double all = ratio(off, scale); all <= tolerance) return all;
  return ratio(std::max(off - 2 * estimate.uncertainty, 0.0L), scale);
}

class Subject {
 public:
  Subject(const CheckCase& subject, const CheckOptions& options);

  // The value of the loss, from the expanded graph in long double, with every stop_gradient frozen, on the smooth piece
  // of the base point.
  struct Value {
    long double loss = 0;
    bool same_branch = true;  // false: the loss itself is on another piece there
  };
  Value value(const Block& displacement) const;
  long double unheld_value(const Block& displacement) const;  // on whatever piece it is
  double value_f64(const Block& displacement) const;
  Block nudge(std::size_t input, std::size_t element, long double by) const;  // a displacement of one element
  CheckKink kink_between(const Block& displacement) const;  // the first branch that differs from the base point's
  // How many elements that are on a kink at the base point leave it.
  int leaves_kinks(const Block& displacement) const;

  // The derivative of the loss along a direction by the complex step, Im f(x + ih·v)/h: no cancellation, so whatever
  // else the loss contains. `live`: the stop_gradients that let it through (all of `stops`, one of them, or none).
  long double complex_step(const Block& direction, std::span<const NodeId> live = {}) const;
  Block complex_step_of_outputs(const Block& direction) const;
  long double base_loss() const { return base[plain.loss.id][0]; }
  // What a value `loss` is off by through rounding alone, at most.
  long double rounding(long double loss) const {
    return 4 * std::numeric_limits<long double>::epsilon() * (size + std::fabs(loss));
  }
  Block only(const Block& block, std::size_t j) const;  // the same for tensor j, 0 for all others

  std::size_t count() const { return wrt_index.size(); }
  const CheckInput& input(std::size_t j) const { return subject.inputs[wrt_index[j]]; }

  const CheckCase& subject;
  const CheckOptions& options;
  const OpTable& table;
  std::vector<std::size_t> wrt_index;  // which inputs are differentiated
  std::vector<Tensor> x;               // base values of all inputs
  std::vector<Tensor> v, u, w;         // directions, cotangents
  Block v_block, u_block, x_block;  // x_block: of all inputs

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
  // The size of the terms that each of these is added up from, largest of a tensor: how far it moves, relative to the
  // perturbation, when every number on the way to it is perturbed at random.
  std::vector<long double> output_terms, gradient_terms, forward_terms, reverse_terms, hv_terms;
  long double loss_terms = 0;

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
  void measure_terms(const NodeNumbers<long double>& values);
  const std::vector<Numbers<long double>>& displaced(const Block& displacement) const;  // there until the next call
  const NodeNumbers<std::complex<double>>& complex_run(const Block& direction, std::span<const NodeId> live) const;
  std::vector<signed char> base_pattern_;
  // Made once: most of a check is values of the same graph at other points.
  mutable std::vector<Numbers<long double>> displaced_;  // x, but for the inputs in moved_
  mutable std::vector<std::size_t> moved_;
  mutable std::optional<Interpreter<long double>> plain_run_, held_run_;
  mutable std::optional<Interpreter<double>> f64_run_;
  mutable std::optional<Interpreter<std::complex<double>>> complex_run_, live_run_;
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

// The verifier: is this derivative right, at orders 1 and 2, and how do we know?
//
//   CheckReport report = check("my function", {{"x", {1, 5, 3}}, {"W", {1, 3, 2}}}, [](const Vars& in) {
//     return tanh(matmul(in["x"], in["W"]));
//   });
//   std::puts(to_text(report).c_str());   // a table; report.ok is the verdict
//
// Levels, none of which leans on the one before. The program under test is the planned f64 program; the references are
// taken from the expanded graph (no fused operation) in long double.
//   finite        every number finite, two runs equal bit for bit, a zero cotangent gives zero
//   values        planned f64 = reference interpreter; fused = expanded
//   duality       ⟨w, Jv⟩ = ⟨Jᵀw, v⟩: forward and reverse mode agree; no step size
//   complex step  Im f(x + ih·v)/h = ∇f·v for every tensor, and = Jv for every output; no cancellation, so machine
//                 precision beside whatever else the function contains
//   Taylor        f(x + hv) − f(x), less its Taylor terms, falls as h, h², h³: a verdict by rate, not by tolerance.
//                 Where two terms of a remainder cancel, the odd and the even part decide, whose rates lie two apart
//   differences   central differences for every parameter
//   second order  reverse∘reverse = forward∘reverse = complex step through the gradient; uᵀHv = vᵀHu; and the mixed
//                 four-point stencil of values, which shares no rule with them
//   f32           the planned f32 program against long double
//   control       the largest gradient entry made 0.1 % wrong must be caught
//   cut           stop_gradient takes something from the gradient, or nothing, as was meant
// The orders are 1 and 2. Errors are relative to the largest entry of their own tensor, or, where that cancels, to the
// terms that it was added up from; differences choose their step by their own uncertainty.
// Elements whose branch changes within a step (kinks) are found by comparing branch patterns. All levels then follow
// the smooth piece of the base point; on a kink itself, that with the slope of the convention. Where one element alone
// is on a kink, its derivative must also lie between the slopes on both sides.
// stop_gradient is frozen at the base point for all differences: that is what the derivative means. The live run shows
// how much gradient each one cuts.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autodiff/graph.h"

namespace innerloop {

struct CheckInput {
  std::string name;
  Tensor value;                // f64
  bool differentiated = true;  // false: data (an index, a mask, a batch)
};

// Something to check: named inputs and a function of them. A single output of shape (·,1,1) is the loss itself; any
// other outputs are read out by a random quadratic form.
struct CheckCase {
  std::string name;     // "tanh (3, 4, 5)"
  std::string subject;  // what it is an instance of: "tanh"
  std::vector<CheckInput> inputs;
  std::function<std::vector<Var>(const Vars&)> build;
  // What its stop_gradients should do to the derivative. `nothing` and `something` make it a verdict: a cut that nobody
  // meant, or a meant one that is not there, fails.
  enum class Cut { unstated, nothing, something } cut = Cut::unstated;
  // Whether every differentiated input must matter: a gradient that is zero everywhere fails (an inner step that does
  // nothing gives a correct derivative of the wrong function).
  bool every_input_matters = false;
};

struct CheckOptions {
  const OpTable* table = nullptr;  // null: op_table(). The negative controls pass copies with a wrong rule.
  std::uint64_t seed = 7;          // of the directions v, u and the cotangents w
  bool second_order = true;
  bool f32 = true;
  bool bisect = true;  // on failure: look for the smallest node that fails by itself
  int elements =
      200;  // differences for this many elements of each tensor; of larger ones a sample, and the report says so
};

// One line of the report.
struct CheckLevel {
  std::string name;     // "duality"
  std::string finding;  // what was measured, in words
  double error = 0;     // compared with the tolerance (for rates: 0 or 1)
  double tolerance = 0;
  bool ok = true;
  std::string note;    // "caught, as it must be"; "not judged: …"
  bool judged = true;  // false: there is something here that this level cannot judge; the note says why
};

// Central differences of one tensor: the worst element.
struct CheckRow {
  std::string name;
  Shape shape;
  int task = 0, row = 0, col = 0;
  double derivative = 0, difference = 0;
  double error = 0;      // max over the tensor |derivative − difference|, relative to its largest entry
  double best_step = 0;  // of two-point differences in f64 at this element
  double order = 0;      // slope of their truncation arm; 0 where they are exact
  int checked = 0;       // elements checked
  std::vector<std::pair<double, double>> curve;  // (step, relative error): the V-curve
  bool ok = true;
};

// An element whose branch changes within the step of a difference.
struct CheckKink {
  std::string node;                // "relu #12 (1, 3, 4)  made at …"
  int task = 0, row = 0, col = 0;  // of that node
  double distance = 0;             // of the branch's argument from the kink at the base point
  std::string parameter;           // which parameter element was moved: "W(0,3,1)"
  bool one_sided = false;          // the base point is on the kink: judged by the slopes on both sides
  double left = 0, right = 0, derivative = 0;
  bool ok = true;
};

// One stop_gradient: how much of the directional derivative it cuts.
struct CheckStop {
  std::string node;
  double cut = 0;  // |derivative with this one live − with all frozen| / Σ|terms|
};

struct CheckReport {
  std::string name, subject;
  std::uint64_t seed = 0;
  std::size_t parameters = 0;  // numbers differentiated
  std::vector<CheckLevel> levels;
  std::vector<CheckRow> rows;
  std::vector<CheckKink> kinks;
  int kink_count = 0;  // kinks holds the first few
  std::vector<CheckStop> stops;
  double live_gap = 0;  // max |live − frozen| / largest entry of a tensor, the worst of them: 0 if nothing is cut
  bool ok = true;
  std::string sentence;  // the verdict in one sentence: on failure which level, which operation, which line
};

CheckReport run_check(const CheckCase& subject, const CheckOptions& options = {});

// Checks one function of inputs drawn from N(0, 1). If its stop_gradients are meant to cut something, say so: a cut
// that nobody meant is the commonest way for a gradient to be wrong.
CheckReport check(std::string name, std::vector<std::pair<std::string, Shape>> inputs,
                  std::function<Var(const Vars&)> function, const CheckOptions& options = {},
                  CheckCase::Cut meant = CheckCase::Cut::nothing);

// Numbers from N(0, 1), for the inputs of a case.
Tensor random_normals(Shape shape, std::uint64_t seed);

// One case per operation and example of the operator table. The modules above have such lists of their own:
// nn::check_cases() (layers and distributions), and those of rl and meta.
std::vector<CheckCase> op_cases();

std::string to_text(const CheckReport& report);            // the full table
std::string summary_line(const CheckReport& report);       // one line

}  // namespace innerloop

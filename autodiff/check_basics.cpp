// The levels that need no step size: finite, values, duality, complex step, f32.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autodiff/check_subject.h"
#include "autodiff/transforms.h"

namespace innerloop::checking {
namespace {

constexpr double kEps = 0x1p-52;

void check_finite_and_repeatable(const Subject& s, CheckReport& report) {
  const Subject::Results &a = s.nodes_run, &b = s.again;
  int bad = 0;
  bool same = true;
  double zero_gives = 0;
  const auto compare = [&](const std::vector<Tensor>& first, const std::vector<Tensor>& second) {
    for (std::size_t j = 0; j < first.size(); ++j)
      bad += !first[j].all_finite(), same = same && bitwise_equal(first[j], second[j]);
  };
  compare(a.y, b.y), compare(a.gradient, b.gradient), compare(a.forward, b.forward), compare(a.reverse, b.reverse);
  compare(a.reverse_reverse, b.reverse_reverse), compare(a.forward_reverse, b.forward_reverse);
  for (const Tensor& t : a.reverse_of_zero)
    for (double number : t.to_vector())
      zero_gives = std::isfinite(number) ? std::max(zero_gives, std::fabs(number)) : 1;
  CheckLevel& level = add_level(report, "finite",
                                fmt::format("{}, {}, a zero cotangent gives {}",
                                            bad ? fmt::format("{} tensors not finite", bad) : "all numbers finite",
                                            same ? "two runs equal bit for bit" : "two runs DIFFER", zero_gives),
                                0, 0);
  level.ok = bad == 0 && same && zero_gives == 0;
}

// The planned program against the interpreter, on the same nodes; and the expanded graph, which knows no fused
// operation.
void check_values(const Subject& s, CheckReport& report) {
  const double planned = std::max(relative(block_of(s.nodes_run.gradient), s.gradient_reference, s.gradient_terms),
                                  relative(block_of(s.nodes_run.reverse_reverse), s.hv_reference, s.hv_terms));
  const long double scale = std::max(std::fabs(s.loss_reference), s.loss_terms);
  const double value = ratio(static_cast<long double>(s.nodes_run.loss[0].item()) - s.loss_reference, scale);
  const double expanded = ratio(s.base[s.plain.loss.id][0] - s.loss_reference, scale);
  add_level(report, "values",
            fmt::format("planned f64 vs interpreter {:.1e} (value {:.1e}), fused vs expanded {:.1e}", planned, value,
                        expanded),
            std::max({planned, value, expanded}), 1e-12);
}

// [AD eq. duality]  ⟨w, J·v⟩ = ⟨Jᵀw, v⟩ for any v and w
void check_duality(const Subject& s, CheckReport& report) {
  const Block w = block_of(s.w), forward = block_of(s.nodes_run.forward), reverse = block_of(s.nodes_run.reverse);
  // Where the products J·v and Jᵀw themselves cancel, as behind a saturated softmax, they are what rounding leaves.
  const long double terms =
      std::max({sum_of_magnitudes(w, forward) + sum_of_magnitudes(reverse, s.v_block),
                *std::ranges::max_element(s.forward_terms), *std::ranges::max_element(s.reverse_terms)});
  const double error = ratio(dot(w, forward) - dot(reverse, s.v_block), terms);
  add_level(report, "duality", fmt::format("|⟨w,Jv⟩ − ⟨Jᵀw,v⟩| / Σ|terms|  {:.1e}", error), error, 50 * kEps);
}

// Im f(x + ih·v)/h = ∇f·v + O(h²): tensor by tensor, so that no small one hides beside a large one; and of every
// output, for the forward mode.
void check_complex_step(const Subject& s, CheckReport& report) {
  const Block gradient = block_of(s.nodes_run.gradient), forward = block_of(s.nodes_run.forward);
  long double derivative = 0;
  double worst = 0;
  for (std::size_t j = 0; j < s.count(); ++j) {
    const Block v = s.only(s.v_block, j);
    const long double along = s.complex_step(v), terms = std::max(sum_of_magnitudes(gradient, v), s.gradient_terms[j]);
    derivative += along;
    if (const double error = ratio(along - dot(gradient, v), terms); !(error <= worst)) worst = error;
  }
  const double tangent = relative(forward, s.complex_step_of_outputs(s.v_block), s.forward_terms);
  add_level(report, "complex step",
            fmt::format("Im f(x + ih·v)/h = {:.9e},  ∇f·v off by {:.1e}, Jv by {:.1e}",
                        static_cast<double>(derivative), worst, tangent),
            std::max(worst, tangent), 1e-12);
}

}  // namespace

CheckLevel& add_level(CheckReport& report, std::string name, std::string finding, long double error, double tolerance) {
  report.levels.push_back({.name = std::move(name),
                           .finding = std::move(finding),
                           .error = static_cast<double>(error),
                           .tolerance = tolerance,
                           .ok = error <= static_cast<long double>(tolerance),
                           .note = {}});
  return report.levels.back();
}

void check_basics(const Subject& s, CheckReport& report) {
  check_finite_and_repeatable(s, report);
  check_values(s, report);
  check_duality(s, report);
  check_complex_step(s, report);
}

void check_f32(const Subject& s, CheckReport& report) {
  // Value and gradient by the planned f32 program.
  Traced t = trace(s.subject, Dtype::f32, s.table, true, s.options.seed);
  std::vector<Var> outputs = grad(t.loss, t.wrt);
  outputs.push_back(t.loss);
  std::vector<Tensor> in;
  for (const Tensor& x : s.x) in.push_back(x.to(Dtype::f32));
  std::vector<Tensor> out = run_program(t.graph, outputs, in);

  // The reference starts from the same rounded inputs, so that only the arithmetic is judged.
  Traced reference = trace(s.subject, Dtype::f64, s.table, true, s.options.seed);
  std::vector<Var> wanted = grad(reference.loss, reference.wrt);
  wanted.push_back(reference.loss);
  const Block numbers = block_of(in);
  const NodeNumbers<long double> values = evaluate<long double>(*reference.graph, numbers, wanted);
  Block expected;
  for (Var v : wanted) expected.push_back(values[v.id]);
  const long double loss = expected.back()[0];
  expected.pop_back();
  const double value_error =
      ratio(static_cast<long double>(out.back().item()) - loss, std::max(std::fabs(loss), s.loss_terms));
  out.pop_back();
  const double error = relative(block_of(out), expected, s.gradient_terms);

  // Where rounding to f32 lands on the other side of a kink, the two derivatives rightly differ.
  std::vector<Numbers<float>> single;
  for (const Tensor& x : in) single.push_back(numbers_of<float>(x));
  const bool same_branch =
      !s.branches.any() ||
      s.branches.pattern(evaluate<float>(*s.plain.graph, single, std::span(&s.plain.loss, 1))) ==
          s.branches.pattern(evaluate<long double>(*s.plain.graph, numbers, std::span(&s.plain.loss, 1)));
  CheckLevel& level = add_level(
      report, "f32", fmt::format("planned f32 vs long double: gradient {:.1e}, value {:.1e}", error, value_error),
      same_branch ? std::max(error, value_error) : value_error, 2e-4);
  if (same_branch) return;
  level.note = "gradient not judged: f32 rounds to the other side of a kink";
  level.judged = false;
}

}  // namespace innerloop::checking

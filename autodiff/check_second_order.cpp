// Second order: three routes that share the first-order rules, and one reference that shares nothing.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autodiff/check_subject.h"

namespace innerloop::checking {
namespace {

using Complex = std::complex<double>;

// Hv = Im g(x + ih·v)/h, the gradient program run in complex numbers.
Block complex_step_through_gradient(const Subject& s) {
  constexpr double h = kImaginary;
  std::vector<Numbers<Complex>> numbers;
  for (const Tensor& t : s.all_inputs) numbers.push_back(numbers_of<Complex>(t));
  for (std::size_t j = 0; j < s.count(); ++j)
    for (std::size_t n = 0; n < s.v_block[j].size(); ++n)
      numbers[s.wrt_index[j]][n] += Complex(0, h * static_cast<double>(s.v_block[j][n]));
  const NodeNumbers<Complex> values = evaluate<Complex>(*s.program.graph, numbers, s.gradient, &s.frozen_program);
  Block hv;
  for (Var g : s.gradient) {
    hv.emplace_back();
    for (Complex number : values[g.id]) hv.back().push_back(static_cast<long double>(number.imag()) / h);
  }
  return hv;
}

// uᵀHv from values: (f(+,+) − f(+,−) − f(−,+) + f(−,−))/4h², extrapolated.
Estimate mixed_stencil(const Subject& s, const Block& u, const Block& v, long double step) {
  long double most = 0;
  const auto at_step = [&](long double h) {
    const auto f = [&](long double a, long double b) {
      const long double loss = s.value(a * h * u + b * h * v).loss;
      most = std::max(most, std::fabs(loss));
      return loss;
    };
    return (f(1, 1) - f(1, -1) - f(-1, 1) + f(-1, -1)) / (4 * h * h);
  };
  const long double narrow = step / 4, wide_value = at_step(step), middle_value = at_step(step / 2),
                    narrow_value = at_step(narrow);
  return extrapolate(wide_value, middle_value, narrow_value, s.rounding(most) / (narrow * narrow));
}

}  // namespace

void check_second_order(const Subject& s, CheckReport& report) {
  // Between routes. Where all derivatives cancel, as those of x/x do, what is left is the rounding of the terms.
  const Block reverse = block_of(s.nodes_run.reverse_reverse), forward = block_of(s.nodes_run.forward_reverse);
  const double forward_error = relative(reverse, forward, s.hv_terms);
  const double complex_error = relative(reverse, complex_step_through_gradient(s), s.hv_terms);
  const Block other = block_of(s.nodes_run.other_direction);
  const long double terms = sum_of_magnitudes(s.u_block, reverse) + sum_of_magnitudes(s.v_block, other);
  const double asymmetry = ratio(dot(s.u_block, reverse) - dot(s.v_block, other),
                                 std::max(terms, *std::ranges::max_element(s.hv_terms)));
  add_level(report, "second order",
            fmt::format("reverse∘reverse vs forward∘reverse {:.1e}, vs complex step {:.1e}, uᵀHv − vᵀHu {:.1e}",
                        forward_error, complex_error, asymmetry),
            std::max({forward_error, complex_error, asymmetry}), 1e-12);

  // Against values alone, a tensor at a time so that a failure has a name. A step that serves most functions first;
  // where it does not agree, that with the smallest uncertainty decides.
  constexpr double tolerance = 1e-7;
  double worst = 0;
  std::string where = s.input(0).name;
  bool uncertain = false;
  for (std::size_t j = 0; j < s.count(); ++j) {
    const Block u = s.only(s.u_block, j);
    const long double exact = dot(u, reverse);
    const long double scale = std::max(sum_of_magnitudes(u, reverse), s.hv_terms[j]);
    const long double slope = std::max(scale, sum_of_magnitudes(u, s.gradient_reference));
    const auto at = [&](long double step) { return mixed_stencil(s, u, s.v_block, step); };
    // Long directions need short steps: the truncation error grows with |v|.
    const long double h = 0x1p-9L / (1 + std::sqrt(static_cast<long double>(report.parameters)) / 2);
    Estimate estimate = at(h);
    if (!(distance(exact, estimate, scale, tolerance) <= tolerance && estimate.uncertainty <= tolerance * slope))
      estimate = best_estimate(at, 64 * h);
    const double error = distance(exact, estimate, scale, tolerance);
    uncertain = uncertain || estimate.uncertainty > std::max(kMostUncertain * slope, 1e-7L * s.size);
    if (!(error <= worst)) worst = error, where = s.input(j).name;
  }
  CheckLevel& level = add_level(
      report, "stencil", fmt::format("uᵀHv vs four-point differences of values {:.1e}, worst for {}", worst, where),
      worst, tolerance);
  if (!uncertain || !level.ok) return;
  level.note = "not judged: no step gives these differences to a thousandth", level.judged = false;
}

}  // namespace innerloop::checking

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
  constexpr double h = 1e-30;
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

// uᵀHv from values: (f(+,+) − f(+,−) − f(−,+) + f(−,−))/4h² at h, h/2 and h/4, the h² and h⁴ terms removed
// (Richardson).
long double mixed_stencil(const Subject& s, const Block& u, const Block& v, long double step) {
  const auto at_step = [&](long double h) {
    const auto f = [&](long double a, long double b) { return s.value(a * h * u + b * h * v).loss; };
    return (f(1, 1) - f(1, -1) - f(-1, 1) + f(-1, -1)) / (4 * h * h);
  };
  const long double wide = at_step(step), middle = at_step(step / 2), narrow = at_step(step / 4);
  return (64 * narrow - 20 * middle + wide) / 45;
}

Block only(const Block& block, std::size_t j) {
  Block result = 0 * block;
  result[j] = block[j];
  return result;
}

}  // namespace

void check_second_order(const Subject& s, CheckReport& report) {
  // Between routes. Where all derivatives cancel, as those of x/x do, what is left is the rounding of the terms.
  const Block reverse = block_of(s.nodes_run.reverse_reverse), forward = block_of(s.nodes_run.forward_reverse);
  const long double most = std::max(largest(s.gradient_reference), largest(s.hv_reference)),
                    tiny = std::max(1e-2L * most, 1e-4L * s.size);
  const double forward_error = relative(reverse, forward, tiny);
  const double complex_error = relative(reverse, complex_step_through_gradient(s), tiny);
  const Block other = block_of(s.nodes_run.other_direction);
  const long double terms = sum_of_magnitudes(s.u_block, reverse) + sum_of_magnitudes(s.v_block, other);
  const auto asymmetry =
      static_cast<double>(std::fabs(dot(s.u_block, reverse) - dot(s.v_block, other)) / std::max(terms, tiny));
  add_level(report, "second order",
            fmt::format("reverse∘reverse vs forward∘reverse {:.1e}, vs complex step {:.1e}, uᵀHv − vᵀHu {:.1e}",
                        forward_error, complex_error, asymmetry),
            std::max({forward_error, complex_error, asymmetry}), 1e-12);

  // Against values alone, a tensor at a time so that a failure has a name.
  double worst = 0;
  std::string where = s.input(0).name;
  for (std::size_t j = 0; j < s.count(); ++j) {
    const Block u = only(s.u_block, j);
    // Long directions need short steps: the truncation error grows with |v|.
    std::optional<long double> h = 0x1p-9L / (1 + std::sqrt(static_cast<long double>(report.parameters)) / 2);
    for (const Block& direction : {u, s.v_block, u + s.v_block, u + -1 * s.v_block})
      if (h) h = s.clear_step(direction, *h);
    if (!h || *h < 0x1p-17L) {
      CheckLevel& level =
          add_level(report, "stencil", "the base point is on a kink, or too near one for second differences", 0, 0);
      level.note = "not judged", level.judged = false;
      return;
    }
    const long double exact = dot(u, reverse), estimate = mixed_stencil(s, u, s.v_block, *h);
    const long double rounding =
        1e-18L * s.size / (*h * *h) / 1e-7L;  // what the stencil itself loses, in units of the tolerance
    const long double scale = std::max({sum_of_magnitudes(u, reverse), 1e-5L * s.size, rounding});
    const auto error = static_cast<double>(std::fabs(exact - estimate) / scale);
    if (!(error <= worst)) worst = error, where = s.input(j).name;
  }
  add_level(report, "stencil",
            fmt::format("uᵀHv vs four-point differences of values {:.1e}, worst for {}", worst, where), worst, 1e-7);
}

}  // namespace innerloop::checking

#include "kernels/linalg.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/require.h"

namespace innerloop::kernels {

namespace {

void require_size(const char* name, std::size_t size, int rows, int cols) {
  require(rows >= 1 && cols >= 1 && size == static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols), [&] {
    return std::string("linear algebra: ") + name + " holds " + std::to_string(size) + " numbers, but is said to be " +
           std::to_string(rows) + " × " + std::to_string(cols);
  });
}

// A row-major matrix by its elements.
template <class T>
struct View {
  T* data;
  std::size_t cols;
  T& operator()(int i, int j) const { return data[static_cast<std::size_t>(i) * cols + static_cast<std::size_t>(j)]; }
};

// [Cholesky eq. factor]  A = L·Lᵀ:  L_ij = (A_ij − Σ_{k<j} L_ik L_jk)/L_jj,  L_ii = √(A_ii − Σ_{k<i} L_ik²)
// Overwrites the lower triangle of a with L, row by row. False where a pivot is not clearly positive.
bool cholesky(int n, View<double> a) {
  const double least = n * std::numeric_limits<double>::epsilon();
  for (int i = 0; i < n; ++i) {
    const double diagonal = a(i, i);
    for (int j = 0; j <= i; ++j) {
      double rest = a(i, j);
      for (int k = 0; k < j; ++k) rest -= a(i, k) * a(j, k);
      if (j < i) {
        a(i, j) = rest / a(j, j);
      } else {
        // The pivot is what elimination left of the diagonal element. The negated comparison also catches NaN.
        if (!(rest > least * diagonal) || std::isinf(rest)) return false;
        a(i, i) = std::sqrt(rest);
      }
    }
  }
  return true;
}

// Applies the reflection 1 − 2vvᵀ/(vᵀv) to the columns first_col … cols − 1; v stands in rows first_row … rows − 1.
void reflect(View<double> a, int first_col, int cols, const std::vector<double>& v, double v_squared, int first_row,
             int rows) {
  // Both passes go along rows, which lie together in memory.
  std::vector<double> projection(static_cast<std::size_t>(cols), 0.0);
  for (int i = first_row; i < rows; ++i)
    for (int c = first_col; c < cols; ++c)
      projection[static_cast<std::size_t>(c)] += v[static_cast<std::size_t>(i)] * a(i, c);
  for (int i = first_row; i < rows; ++i) {
    const double weight = v[static_cast<std::size_t>(i)] * (2 / v_squared);
    for (int c = first_col; c < cols; ++c) a(i, c) -= weight * projection[static_cast<std::size_t>(c)];
  }
}

// One reflection that turns a vector into a multiple of the j-th unit vector.
struct Reflection {
  std::vector<double> v;  // empty if nothing is to be turned
  double v_squared = 0;
  double sign = 1;  // of the diagonal element of R that it leaves
};

}  // namespace

bool solve_spd(int n, int columns, std::span<const double> a, std::span<const double> b, std::span<double> x) {
  require_size("A", a.size(), n, n);
  require_size("B", b.size(), n, columns);
  require_size("X", x.size(), n, columns);
  const std::size_t width = static_cast<std::size_t>(n), depth = static_cast<std::size_t>(columns);

  std::vector<double> factor(a.begin(), a.end());
  const View<double> l{factor.data(), width};
  if (!cholesky(n, l)) return false;

  // L·Y = B from the first row on, then Lᵀ·X = Y from the last row back.
  std::vector<double> solution(b.begin(), b.end());
  const View<double> y{solution.data(), depth};
  for (int c = 0; c < columns; ++c) {
    for (int i = 0; i < n; ++i) {
      for (int k = 0; k < i; ++k) y(i, c) -= l(i, k) * y(k, c);
      y(i, c) /= l(i, i);
    }
    for (int i = n - 1; i >= 0; --i) {
      for (int k = i + 1; k < n; ++k) y(i, c) -= l(k, i) * y(k, c);
      y(i, c) /= l(i, i);
    }
  }

  for (double value : solution)
    if (!std::isfinite(value)) return false;
  std::copy(solution.begin(), solution.end(), x.begin());
  return true;
}

void qr_orthogonal(int rows, int cols, std::span<const double> a, std::span<double> q) {
  require_size("A", a.size(), rows, cols);
  require_size("Q", q.size(), rows, cols);

  // A wide matrix is factored as the transpose of a tall one: m ≥ n.
  const bool wide = rows < cols;
  const int m = wide ? cols : rows, n = wide ? rows : cols;
  const View<const double> given{a.data(), static_cast<std::size_t>(cols)};
  std::vector<double> tall(a.size());
  const View<double> r{tall.data(), static_cast<std::size_t>(n)};
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j) r(i, j) = wide ? given(j, i) : given(i, j);

  // Householder: for each column the reflection that turns what is left of it onto its diagonal element. v is the
  // column with its norm added to the first element, with that element's sign, so that nothing cancels.
  std::vector<Reflection> reflections(static_cast<std::size_t>(n));
  for (int j = 0; j < n; ++j) {
    Reflection& reflection = reflections[static_cast<std::size_t>(j)];
    double squared = 0;
    for (int i = j; i < m; ++i) squared += r(i, j) * r(i, j);
    reflection.sign = r(j, j) > 0 ? -1 : 1;
    if (squared == 0) continue;
    const double norm = std::sqrt(squared);
    reflection.v.assign(static_cast<std::size_t>(m), 0.0);
    for (int i = j; i < m; ++i) reflection.v[static_cast<std::size_t>(i)] = r(i, j);
    reflection.v[static_cast<std::size_t>(j)] -= reflection.sign * norm;
    reflection.v_squared = 2 * (squared - reflection.sign * norm * r(j, j));
    reflect(r, j, n, reflection.v, reflection.v_squared, j, m);
  }

  // Q = H₀·H₁ ⋯ applied to the first n unit vectors, each times the sign that makes R's diagonal positive.
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j) r(i, j) = i == j ? reflections[static_cast<std::size_t>(j)].sign : 0.0;
  for (int j = n - 1; j >= 0; --j) {
    const Reflection& reflection = reflections[static_cast<std::size_t>(j)];
    if (!reflection.v.empty()) reflect(r, j, n, reflection.v, reflection.v_squared, j, m);
  }
  const View<double> out{q.data(), static_cast<std::size_t>(cols)};
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j) (wide ? out(j, i) : out(i, j)) = r(i, j);
}

}  // namespace innerloop::kernels

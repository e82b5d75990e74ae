#include "kernels/linalg.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/philox.h"
#include "kernels/require.h"
#include "tests/catch.h"

using namespace innerloop;
using kernels::qr_orthogonal;
using kernels::solve_spd;

namespace {

using Numbers = std::vector<double>;

std::size_t at(int row, int col, int cols) {
  return static_cast<std::size_t>(row) * static_cast<std::size_t>(cols) + static_cast<std::size_t>(col);
}

Numbers gaussian(int rows, int cols, std::uint32_t task) {
  Numbers a(at(rows, 0, cols));
  Philox random(4, {.purpose = Purpose::check, .task = task});
  for (double& v : a) v = random.normal();
  return a;
}

// a (rows, inner) times b (inner, cols), with either operand transposed on request; sizes are those of the product.
Numbers product(const Numbers& a, bool a_transposed, const Numbers& b, bool b_transposed, int rows, int inner,
                int cols) {
  Numbers c(at(rows, 0, cols), 0.0);
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < cols; ++j)
      for (int k = 0; k < inner; ++k)
        c[at(i, j, cols)] +=
            a[a_transposed ? at(k, i, rows) : at(i, k, inner)] * b[b_transposed ? at(j, k, inner) : at(k, j, cols)];
  return c;
}

double largest_difference(const Numbers& a, const Numbers& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

Numbers identity(int n) {
  Numbers one(at(n, 0, n), 0.0);
  for (int i = 0; i < n; ++i) one[at(i, i, n)] = 1;
  return one;
}

}  // namespace

TEST_CASE("solve_spd solves a system worked out by hand [Cholesky eq. factor]", "[linalg]") {
  // L = (2 0 0; 6 1 0; −8 5 3) gives A = L·Lᵀ; with x = (1, 2, 3) and (0, −1, 1) the right sides follow.
  const Numbers a = {4, 12, -16, 12, 37, -43, -16, -43, 98};
  const Numbers b = {4 + 24 - 48, -12 - 16, 12 + 74 - 129, -37 - 43, -16 - 86 + 294, 43 + 98};
  Numbers x(6);
  REQUIRE(solve_spd(3, 2, a, b, x));
  CHECK(largest_difference(x, {1, 0, 2, -1, 3, 1}) < 1e-12);

  // Only the lower triangle is read, and x may be b.
  Numbers lower = a, in_place = b;
  lower[1] = lower[2] = lower[5] = 1e9;
  REQUIRE(solve_spd(3, 2, lower, in_place, in_place));
  CHECK(in_place == x);
}

TEST_CASE("solve_spd leaves a residual at rounding level", "[linalg]") {
  for (int n : {1, 2, 5, 20, 60}) {
    // G·Gᵀ/n + 1 has a condition number of about 5.
    const Numbers g = gaussian(n, n, 1), b = gaussian(n, 3, 2);
    Numbers a = product(g, false, g, true, n, n, n);
    for (double& v : a) v /= n;
    for (int i = 0; i < n; ++i) a[at(i, i, n)] += 1;
    Numbers x(b.size());
    REQUIRE(solve_spd(n, 3, a, b, x));
    CHECK(largest_difference(product(a, false, x, false, n, n, 3), b) < 1e-13);
  }
}

TEST_CASE("solve_spd refuses what is not positive definite, and leaves x alone", "[linalg]") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const Numbers b = {1, 1};
  for (const Numbers& a : {Numbers{1, 2, 2, 1},         // eigenvalues 3 and −1
                           Numbers{-1, 0, 0, 1},        // negative
                           Numbers{0, 0, 0, 0},         // zero
                           Numbers{1, 1, 1, 1},         // singular
                           Numbers{1, 0.1, 0.1, 0.01},  // singular but for rounding
                           Numbers{nan, 0, 0, 1}, Numbers{1, 0, nan, 1}, Numbers{1, 0, 0, nan},
                           Numbers{infinity, 0, 0, 1}, Numbers{1, 0, infinity, 1}}) {
    Numbers x = {7, 8};
    CHECK_FALSE(solve_spd(2, 1, a, b, x));
    CHECK(x == Numbers{7, 8});
  }
  Numbers x = {7, 8};
  CHECK_FALSE(solve_spd(2, 1, Numbers{1, 0, 0, 1}, Numbers{1, nan}, x));
  CHECK(x == Numbers{7, 8});
  // Badly scaled is not singular.
  REQUIRE(solve_spd(2, 1, Numbers{1e20, 0, 0, 1e-20}, Numbers{1e20, 3e-20}, x));
  CHECK(x[0] == Approx(1));
  CHECK(x[1] == Approx(3));
}

TEST_CASE("qr_orthogonal gives the factor worked out by hand", "[linalg]") {
  // (3 1; 4 2) = (0.6 −0.8; 0.8 0.6)·(5 2.2; 0 0.4)
  Numbers q(4);
  qr_orthogonal(2, 2, Numbers{3, 1, 4, 2}, q);
  CHECK(largest_difference(q, {0.6, -0.8, 0.8, 0.6}) < 1e-15);
  // A positive triangular matrix has Q = 1, a diagonal one the signs of its elements.
  qr_orthogonal(2, 2, Numbers{2, 5, 0, 3}, q);
  CHECK(largest_difference(q, {1, 0, 0, 1}) < 1e-15);
  qr_orthogonal(2, 2, Numbers{-2, 0, 0, 3}, q);
  CHECK(largest_difference(q, {-1, 0, 0, 1}) < 1e-15);
  // Without rank there is nothing to turn, and Q is still orthogonal.
  qr_orthogonal(2, 2, Numbers{0, 0, 0, 0}, q);
  CHECK(q == Numbers{1, 0, 0, 1});
}

TEST_CASE("qr_orthogonal gives orthonormal columns, or rows, and a factor with positive diagonal", "[linalg]") {
  struct Size {
    int rows, cols;
  };
  for (auto [rows, cols] : {Size{1, 1}, Size{5, 5}, Size{64, 64}, Size{100, 7}, Size{7, 100}, Size{1, 9}, Size{9, 1}}) {
    const Numbers a = gaussian(rows, cols, 3);
    Numbers q(a.size());
    qr_orthogonal(rows, cols, a, q);
    const bool wide = rows < cols;
    const int small = std::min(rows, cols), large = std::max(rows, cols);
    CHECK(largest_difference(product(q, !wide, q, wide, small, large, small), identity(small)) < 1e-14);

    // R = Qᵀ·A (L = A·Qᵀ) is triangular with a positive diagonal, and gives A back.
    const Numbers r =
        wide ? product(a, false, q, true, rows, cols, rows) : product(q, true, a, false, cols, rows, cols);
    for (int i = 0; i < small; ++i) {
      CHECK(r[at(i, i, small)] > 0);
      for (int j = 0; j < i; ++j) CHECK(std::abs(wide ? r[at(j, i, small)] : r[at(i, j, small)]) < 1e-13);
    }
    CHECK(largest_difference(
              wide ? product(r, false, q, false, rows, rows, cols) : product(q, false, r, false, rows, cols, cols), a) <
          1e-13);

    Numbers in_place = a;
    qr_orthogonal(rows, cols, in_place, in_place);
    CHECK(in_place == q);
  }
}

TEST_CASE("The orthogonal factor of Gaussian matrices favours no sign", "[linalg]") {
  // The last diagonal element of Q, on which no reflection acts first, shows a wrong sign rule: its mean is 0 and its
  // variance 1/n only if Q is spread evenly.
  const int n = 4, count = 2000;
  double sum = 0, sum_of_squares = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    Numbers q(n * n);
    qr_orthogonal(n, n, gaussian(n, n, 100 + i), q);
    sum += q[15];
    sum_of_squares += q[15] * q[15];
  }
  CHECK(std::abs(sum / count) < 4 * std::sqrt(1.0 / n / count));
  CHECK(sum_of_squares / count == Approx(1.0 / n).epsilon(0.1));
}

TEST_CASE("Sizes that do not fit are errors", "[linalg]") {
  Numbers four(4), six(6);
  CHECK_THROWS_AS(solve_spd(2, 1, six, Numbers{1, 2}, four), Error);
  CHECK_THROWS_AS(solve_spd(0, 1, Numbers{}, Numbers{}, four), Error);
  CHECK_THROWS_AS(qr_orthogonal(2, 3, six, four), Error);
}

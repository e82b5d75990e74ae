// A library that others wrote as an oracle: products, Cholesky and QR against Eigen. The only test that needs it.
// GCC 12 takes the "undefined" vectors of its own AVX-512 header, inlined into Eigen, for uninitialised variables.
#pragma GCC diagnostic ignored "-Wuninitialized"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <Eigen/Cholesky>
#include <Eigen/QR>

#include <array>
#include <span>

#include "kernels/cpu/gemm.h"
#include "kernels/linalg.h"
#include "kernels/philox.h"
#include "tests/catch.h"

using namespace innerloop;

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Matrix gaussian_matrix(int rows, int cols, std::uint32_t task) {
  Matrix a(rows, cols);
  for (int row = 0; row < rows; ++row) {
    Philox random(9, {.purpose = Purpose::check, .task = task, .time_step = static_cast<std::uint32_t>(row)});
    for (int col = 0; col < cols; ++col) a(row, col) = random.normal();
  }
  return a;
}

double largest(const Matrix& a) { return a.cwiseAbs().maxCoeff(); }
std::span<const double> numbers(const Matrix& a) { return {a.data(), static_cast<std::size_t>(a.size())}; }
std::span<double> numbers(Matrix& a) { return {a.data(), static_cast<std::size_t>(a.size())}; }

}  // namespace

TEST_CASE("gemm gives Eigen's product, for odd and thin sizes and all transposes", "[eigen]") {
  std::uint32_t task = 0;
  for (auto [m, n, k] : {std::array{1, 1, 1}, {7, 5, 3}, {64, 64, 64}, {33, 2, 100}, {2, 100, 257}, {129, 65, 31}})
    for (int transposes = 0; transposes < 4; ++transposes) {
      const bool ta = transposes & 1, tb = transposes & 2;
      const Matrix a = ta ? gaussian_matrix(k, m, task++) : gaussian_matrix(m, k, task++);
      const Matrix b = tb ? gaussian_matrix(n, k, task++) : gaussian_matrix(k, n, task++);
      Matrix c(m, n);
      kernels::gemm(m, n, k, a.data(), ta ? m : k, ta, b.data(), tb ? k : n, tb, c.data(), n, false);
      Matrix expected;
      if (ta && tb) expected = a.transpose() * b.transpose();
      else if (ta) expected = a.transpose() * b;
      else if (tb) expected = a * b.transpose();
      else expected = a * b;
      CAPTURE(m, n, k, transposes);
      CHECK(largest(c - expected) < 1e-13 * k);
    }
}

TEST_CASE("solve_spd gives Eigen's Cholesky solution", "[eigen]") {
  for (int n : {1, 2, 7, 40}) {
    const Matrix m = gaussian_matrix(n, n, 1), b = gaussian_matrix(n, 3, 2);
    const Matrix a = m * m.transpose() + Matrix::Identity(n, n);
    Matrix x(n, 3);
    REQUIRE(kernels::solve_spd(n, 3, numbers(a), numbers(b), numbers(x)));
    const Matrix expected = a.llt().solve(b);
    CHECK(largest(x - expected) < 1e-11 * largest(expected));
  }
}

TEST_CASE("qr_orthogonal gives Eigen's Q with the signs that make R's diagonal positive", "[eigen]") {
  for (auto [rows, cols] : {std::array{1, 1}, {5, 5}, {30, 7}, {7, 30}}) {
    const Matrix a = gaussian_matrix(rows, cols, 3);
    const bool tall = rows >= cols;
    const Matrix upright = tall ? a : Matrix(a.transpose());
    const Eigen::HouseholderQR<Matrix> qr(upright);
    Matrix expected = qr.householderQ() * Matrix::Identity(upright.rows(), upright.cols());
    for (int j = 0; j < upright.cols(); ++j)
      if (qr.matrixQR()(j, j) < 0) expected.col(j) *= -1;
    if (!tall) expected = Matrix(expected.transpose());
    Matrix q(rows, cols);
    kernels::qr_orthogonal(rows, cols, numbers(a), numbers(q));
    CHECK(largest(q - expected) < 1e-12);
  }
}

// Small dense linear algebra in double: a symmetric positive definite solve and an orthogonal factor.
// All matrices are row-major. Both run on one thread and give the same bits in every build.
#pragma once

#include <span>

namespace innerloop::kernels {

// Solves A·X = B by the Cholesky factorisation A = L·Lᵀ, for a symmetric positive definite A.
//   a: (n, n), of which only the lower triangle is read;  b, x: (n, columns);  x may be b.
// Returns false, and leaves x as it was, if A is not positive definite to working precision (some pivot is at most
// n·ε times its diagonal element; this does not change when rows and columns are scaled), or if any number met on the
// way is NaN or infinite. Throws Error if the sizes do not fit.
[[nodiscard]] bool solve_spd(int n, int columns, std::span<const double> a, std::span<const double> b,
                             std::span<double> x);

// The orthogonal factor of a (rows, cols), as orthogonal initialisation needs it (Saxe et al. 2014, arXiv:1312.6120):
//   rows ≥ cols:  a = Q·R with QᵀQ = 1;     rows < cols:  a = L·Q with QQᵀ = 1.
// The diagonal of R (or L) is made non-negative: then Q is unique for an a of full rank, and for Gaussian a it is
// distributed evenly over all orthogonal matrices. (Householder's Q alone is not: Mezzadri 2007,
// arXiv:math-ph/0609050.)
//   a, q: (rows, cols);  q may be a. Throws Error if the sizes do not fit.
void qr_orthogonal(int rows, int cols, std::span<const double> a, std::span<double> q);

}  // namespace innerloop::kernels

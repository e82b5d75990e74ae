// Vectors of f64 numbers, and products of small matrices that are stored in them row by row, for tests of derivatives.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <vector>

namespace innerloop::kernels {

using Vector = std::vector<double>;

inline double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t n = 0; n < b.size(); ++n) sum += a[n] * b[n];
  return sum;
}

// at + h·direction
inline Vector moved(const Vector& at, const Vector& direction, double h) {
  Vector result = at;
  for (std::size_t n = 0; n < at.size(); ++n) result[n] += h * direction[n];
  return result;
}

inline Vector joined(std::initializer_list<Vector> parts) {
  Vector all;
  for (const Vector& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// Numbers first … first + count − 1.
inline Vector part(const Vector& all, std::size_t first, std::size_t count) {
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(first);
  return {begin, begin + static_cast<std::ptrdiff_t>(count)};
}

// (n, columns)ᵀ from (columns, n)
inline Vector transposed(const Vector& a, std::size_t columns) {
  Vector result(a.size());
  const std::size_t n = a.size() / columns;
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t c = 0; c < columns; ++c) result[c * n + r] = a[r * columns + c];
  return result;
}

// a·b, where a has `inner` columns
inline Vector product(const Vector& a, const Vector& b, std::size_t inner) {
  const std::size_t rows = a.size() / inner, columns = b.size() / inner;
  Vector result(rows * columns);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t k = 0; k < inner; ++k)
      for (std::size_t c = 0; c < columns; ++c) result[r * columns + c] += a[r * inner + k] * b[k * columns + c];
  return result;
}

}  // namespace innerloop::kernels

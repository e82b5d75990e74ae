// Observation normalisation: running mean and variance of every coordinate of everything seen so far.
#pragma once

#include <span>
#include <vector>

#include "rl/training/checkpoint.h"

namespace innerloop::rl {

// (x − mean)/√(variance + 10⁻⁸), clipped to ±10. Before anything was seen: mean 0, variance 1.
// Chan, Golub and LeVeque 1983: how the moments of two samples combine.
class Normaliser {
 public:
  explicit Normaliser(int size);
  // x: any number of rows of `size` numbers; they enter with equal weight.
  void update(std::span<const double> x);
  // In place.
  void apply(std::span<double> x) const;

  const std::vector<double>& mean() const { return mean_; }
  std::vector<double> variance() const;  // of the population; 1 before anything was seen

  void visit(Checkpoint& c);  // "normaliser" (1, 3, size): count, mean, sum of squares about it

 private:
  double count_ = 0;
  std::vector<double> mean_, squares_;
};

}  // namespace innerloop::rl

#include "rl/experience/normaliser.h"

#include <algorithm>
#include <cmath>

#include "kernels/require.h"

namespace innerloop::rl {

Normaliser::Normaliser(int size)
    : mean_(static_cast<std::size_t>(size)), squares_(static_cast<std::size_t>(size)) {}

void Normaliser::update(std::span<const double> x) {
  const std::size_t size = mean_.size();
  require(x.size() % size == 0, [&] { return "normaliser: rows of " + std::to_string(size) + " numbers are needed"; });
  const double rows = static_cast<double>(x.size() / size);
  if (rows == 0) return;
  for (std::size_t k = 0; k < size; ++k) {
    // Moments of the new rows alone.
    double mean = 0, squares = 0;
    for (std::size_t i = k; i < x.size(); i += size) mean += x[i] / rows;
    for (std::size_t i = k; i < x.size(); i += size) squares += (x[i] - mean) * (x[i] - mean);
    // Of both samples together.
    const double gap = mean - mean_[k], total = count_ + rows;
    mean_[k] += gap * rows / total;
    squares_[k] += squares + gap * gap * count_ * rows / total;
  }
  count_ += rows;
}

std::vector<double> Normaliser::variance() const {
  std::vector<double> variance(mean_.size(), 1);
  for (std::size_t k = 0; count_ > 0 && k < variance.size(); ++k) variance[k] = squares_[k] / count_;
  return variance;
}

void Normaliser::apply(std::span<double> x) const {
  const std::vector<double> spread = variance();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t k = i % mean_.size();
    x[i] = std::clamp((x[i] - mean_[k]) / std::sqrt(spread[k] + 1e-8), -10.0, 10.0);
  }
}

void Normaliser::visit(Checkpoint& c) {
  const std::size_t size = mean_.size();
  std::vector<double> numbers(size, count_);
  numbers.insert(numbers.end(), mean_.begin(), mean_.end());
  numbers.insert(numbers.end(), squares_.begin(), squares_.end());
  Tensor packed = Tensor::from({1, 3, static_cast<int>(size)}, numbers);
  c("normaliser", packed);
  if (!c.assigning()) return;
  const std::span<const double> loaded = packed.values<double>();
  count_ = loaded[0];
  mean_.assign(loaded.begin() + size, loaded.begin() + 2 * size);
  squares_.assign(loaded.begin() + 2 * size, loaded.end());
}

}  // namespace innerloop::rl

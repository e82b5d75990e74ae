#include "meta/meta_gradient_optimum.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "kernels/require.h"

namespace innerloop::meta {

RewardProcess signal_noise() {
  RewardProcess p{.mean = std::vector<double>(10), .loading = std::vector(10, std::vector<double>(5))};
  for (std::size_t s = 0; s < 10; ++s) (s % 2 == 0 ? p.loading[s][s / 2] : p.mean[s]) = s % 2 == 0 ? 1 : 0.1;
  return p;
}

RewardProcess noise_undone() {
  RewardProcess p{.mean = std::vector<double>(9), .loading = std::vector(9, std::vector<double>(5))};
  for (std::size_t s = 0; s < 9; ++s) p.loading[s][s / 2] = s % 2 == 0 ? 1 : -1;
  return p;
}

// [meta-gradient eq. population]  E Σ_s (ḡ − αG_s)² less what no x changes:  Σ_s (μ_s − α m_s)² + α² Var G_s
double population_loss(const RewardProcess& p, double alpha, std::span<const double> x) {
  require(x.size() == p.mean.size(), [&] {
    return "population_loss: there are " + std::to_string(p.mean.size()) + " states, but " + std::to_string(x.size()) +
           " discounts";
  });
  double loss = 0, m = 0, mu = 0;
  std::vector<double> noise(p.loading[0].size());  // how much of each ε_k there is in G_s
  for (std::size_t s = p.mean.size(); s-- > 0;) {
    const double on = s + 1 < p.mean.size() ? x[s + 1] : 0;
    m = p.mean[s] + on * m;
    mu = p.mean[s] + mu;
    double variance = 0;
    for (std::size_t k = 0; k < noise.size(); ++k) {
      noise[k] = p.loading[s][k] + on * noise[k];
      variance += noise[k] * noise[k];
    }
    loss += (mu - alpha * m) * (mu - alpha * m) + alpha * alpha * variance;
  }
  return loss;
}

namespace {

// The loss with x[s] replaced.
double with_discount(const RewardProcess& p, double alpha, std::span<const double> x, std::size_t s, double value) {
  std::vector<double> moved(x.begin(), x.end());
  moved[s] = value;
  return population_loss(p, alpha, moved);
}

}  // namespace

// Means and noise are linear in each x[s] alone, so the loss is a parabola in it: differences of any width are exact.
std::vector<double> population_gradient(const RewardProcess& p, double alpha, std::span<const double> x) {
  std::vector<double> gradient(x.size());
  for (std::size_t s = 1; s < x.size(); ++s)
    gradient[s] = with_discount(p, alpha, x, s, x[s] + 0.5) - with_discount(p, alpha, x, s, x[s] - 0.5);
  return gradient;
}

// One coordinate after the other is put at its parabola's lowest point in [0, 1], until none moves any more.
std::vector<double> population_optimum(const RewardProcess& p, double alpha) {
  std::vector<double> x(p.mean.size(), 0.5);
  x[0] = 1;
  for (double moved = 1; moved > 1e-13;) {
    moved = 0;
    for (std::size_t s = 1; s < x.size(); ++s) {
      const double at_0 = with_discount(p, alpha, x, s, 0), at_half = with_discount(p, alpha, x, s, 0.5),
                   at_1 = with_discount(p, alpha, x, s, 1);
      const double c = 2 * (at_0 - 2 * at_half + at_1), b = at_1 - at_0 - c;  // loss = cx² + bx + …
      if (std::abs(b) + std::abs(c) < 1e-14) continue;  // this one changes nothing
      const double best = c > 0 ? std::clamp(-b / (2 * c), 0.0, 1.0) : (b + c < 0 ? 1.0 : 0.0);
      moved = std::max(moved, std::abs(best - x[s]));
      x[s] = best;
    }
  }
  return x;
}

}  // namespace innerloop::meta

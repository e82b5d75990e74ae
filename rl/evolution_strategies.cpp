#include "rl/evolution_strategies.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

namespace innerloop::rl {

// region: equations
// [ES eq. ranks]  u_i = rank(F_i)/(V − 1) − ½, ties sharing their mean rank
std::vector<double> centred_ranks(std::span<const double> fitness) {
  const std::size_t V = fitness.size();
  for (std::size_t i = 0; i < V; ++i)
    require(std::isfinite(fitness[i]), [&] { return "centred_ranks: number " + std::to_string(i) + " is not finite"; });
  std::vector<double> utility(V, 0.0);
  if (V < 2) return utility;
  std::vector<std::size_t> order(V);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return fitness[i]; });

  // Runs of equal numbers, first … last: all get the middle of the run.
  for (std::size_t first = 0; first < V;) {
    std::size_t last = first;
    while (last + 1 < V && fitness[order[last + 1]] == fitness[order[first]]) ++last;
    const double rank = static_cast<double>(first + last) / 2, span = static_cast<double>(V - 1);
    for (std::size_t k = first; k <= last; ++k) utility[order[k]] = (rank - span / 2) / span;
    first = last + 1;
  }
  return utility;
}

// [ES eq. gradient]  σ ∇J(φ) = E u ε ≈ (1/V) Σ_i u_i ε_i;  in pairs (1/V) Σ_i (u_2i − u_2i+1) ε_i
std::vector<double> evolution_gradient(std::span<const std::vector<double>> directions,
                                       std::span<const double> utility, bool antithetic) {
  require(!directions.empty() && utility.size() == directions.size() * (antithetic ? 2 : 1), [&] {
    return "evolution_gradient: " + std::to_string(utility.size()) + " utilities for " +
           std::to_string(directions.size()) + " directions";
  });
  std::vector<double> gradient(directions[0].size(), 0.0);
  for (std::size_t i = 0; i < directions.size(); ++i) {
    // What both of a pair earn alike is subtracted before it meets the noise: so it adds exactly nothing.
    const double weight = antithetic ? utility[2 * i] - utility[2 * i + 1] : utility[i];
    for (std::size_t d = 0; d < gradient.size(); ++d) gradient[d] += weight * directions[i][d];
  }
  for (double& g : gradient) g /= static_cast<double>(utility.size());
  return gradient;
}
// endregion

EvolutionStrategy::EvolutionStrategy(const EvolutionConfig& config, std::span<const double> mean, int steps,
                                     std::uint64_t seed)
    : config_(config), steps_(steps), seed_(seed) {
  require(!config.antithetic || config.population % 2 == 0, [&] {
    return "evolution strategies: a population of pairs is even, not " + std::to_string(config.population);
  });
  phi_.add("phi", Tensor::from({1, 1, static_cast<int>(mean.size())}, mean));
  adam_ = nn::adam_start(phi_);
}

std::vector<double> EvolutionStrategy::perturbation(int generation, int direction) const {
  Tensor epsilon(phi_[0].shape());
  fill_normal(epsilon, seed_,
              {.purpose = Purpose::init,
               .inner_step = evolution_draws,
               .iteration = static_cast<std::uint32_t>(generation),
               .task = static_cast<std::uint32_t>(direction)});
  return epsilon.to_vector();
}

std::vector<double> EvolutionStrategy::individual(int generation, int i) const {
  const std::vector<double> epsilon = perturbation(generation, config_.antithetic ? i / 2 : i);
  const double step = config_.antithetic && i % 2 == 1 ? -config_.sigma : config_.sigma;
  std::vector<double> x = mean();
  for (std::size_t d = 0; d < x.size(); ++d) x[d] += step * epsilon[d];
  return x;
}

// region: update
double EvolutionStrategy::update(int generation, std::span<const double> fitness) {
  require(static_cast<int>(fitness.size()) == config_.population, "evolution strategies: one fitness per individual");
  for (std::size_t i = 0; i < fitness.size(); ++i)
    if (!std::isfinite(fitness[i]))
      throw NonFiniteError("evolution strategies, generation " + std::to_string(generation) + ": the fitness of " +
                           std::to_string(i) + " is not finite");

  // The same directions again, from their random numbers, and what each is worth.
  std::vector<std::vector<double>> directions;
  for (int i = 0; i < config_.population / (config_.antithetic ? 2 : 1); ++i)
    directions.push_back(perturbation(generation, i));
  const std::vector<double> utility = config_.shaping == Shaping::ranks
                                          ? centred_ranks(fitness)
                                          : std::vector<double>(fitness.begin(), fitness.end());
  std::vector<double> gradient = evolution_gradient(directions, utility, config_.antithetic);

  // [ES eq. step]  φ ← φ + Adam(∇J − λ₂φ), which is given the negative since it descends
  const std::vector<double> phi = mean();
  const double scale = config_.divide_by_sigma ? 1 / config_.sigma : 1;
  for (std::size_t d = 0; d < gradient.size(); ++d)
    gradient[d] = -(scale * gradient[d] - config_.weight_decay * phi[d]);
  ParamValues descent;
  descent.add("phi", Tensor::from(phi_[0].shape(), gradient));
  const double done = config_.decay > 0 ? std::min(1.0, generation / (config_.decay * std::max(1, steps_))) : 1;
  nn::adam_step(phi_, descent, adam_,
                {.learning_rate = config_.learning_rate +
                                  done * (config_.final_learning_rate - config_.learning_rate),
                 .beta1 = config_.beta1});
  return norm(descent);
}
// endregion

void EvolutionStrategy::visit(Checkpoint& c) {
  c("", phi_);
  c("adam", adam_);
}

const Options<EvolutionConfig>& evolution_options() {
  using Config = EvolutionConfig;
  static const auto options =
      Options<Config>()
          .add("population", &Config::population, {2, 65535}, "V, evaluations per step; in pairs an even number")
          .add("antithetic", &Config::antithetic, "in pairs φ ± σε")
          .add("sigma_es", &Config::sigma, {1e-9, 1e6}, "σ, how far the evaluations lie from φ")
          .add("shaping", &Config::shaping, "what weighs a direction: the rank of its fitness, or the fitness itself")
          .add("divide_by_sigma", &Config::divide_by_sigma, "1/σ in the gradient; Adam hides it, weight decay does not")
          .add("weight_decay", &Config::weight_decay, {0, 1000}, "λ₂, pulls φ to 0")
          .add("learning_rate", &Config::learning_rate, {0, 1000}, "of Adam, at the first step")
          .add("final_learning_rate", &Config::final_learning_rate, {0, 1000}, "of Adam, at the end of its decay")
          .add("decay", &Config::decay, {0, 1}, "fraction of all steps over which the learning rate changes, linearly")
          .add("beta1", &Config::beta1, {0, 0.999999}, "of Adam");
  return options;
}

}  // namespace innerloop::rl

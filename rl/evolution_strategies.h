// Evolution strategies: the gradient of a function that can only be evaluated.
//
// Salimans, Ho, Chen, Sidor, Sutskever 2017, "Evolution Strategies as a Scalable Alternative to Reinforcement
// Learning", arXiv 1703.03864v2. Evaluate the function at random points around the present one, and move towards where
// it was large. What is climbed is not f but f smoothed by a Gaussian, J(φ) = E f(φ + σε): it has a gradient wherever f
// has a mean. What f does inside, an episode or a whole lifetime of learning, does not matter.
//
//   symbol   name            shape
//   φ        mean()          (D): the present point
//   ε_i      perturbation    (D): N(0, I), of direction i
//   σ        sigma           how far the evaluations lie from φ
//   V        population      evaluations per step; in pairs, half as many directions
//   F_i      fitness         (V): f(φ + σε_i); in pairs F_2i = f(φ + σε_i), F_2i+1 = f(φ − σε_i)
//   u_i      utility         (V): F_i, or its centred rank
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nn/optimizer.h"
#include "rl/training/checkpoint.h"
#include "rl/training/option_table.h"

namespace innerloop::rl {

// What becomes of the fitness before it weighs a direction.
enum class Shaping { ranks, raw };
constexpr auto words_of(Shaping) {
  return std::to_array<Word<Shaping>>({{"ranks", Shaping::ranks}, {"raw", Shaping::raw}});
}

struct EvolutionConfig {
  int population = 32;
  bool antithetic = true;
  double sigma = 0.1;
  Shaping shaping = Shaping::ranks;
  bool divide_by_sigma = true;  // the gradient is that of J; otherwise σ times it, and weight decay weighs 1/σ as much
  double weight_decay = 0;      // λ₂: adds −λ₂φ to the gradient
  double learning_rate = 0.02, final_learning_rate = 0.02;  // linear in between, over `decay` of all steps
  double decay = 1;
  double beta1 = 0.9;           // of Adam
};
const Options<EvolutionConfig>& evolution_options();

// (ranks − (V − 1)/2)/(V − 1) in [−½, ½], with ranks from 0 up; equal numbers share the mean of their ranks. One number
// alone gets 0. Error for a number that is not finite.
std::vector<double> centred_ranks(std::span<const double> fitness);

// The estimate of ∇J times σ. directions: (D) each; utility: one number per evaluation, two per direction in pairs.
std::vector<double> evolution_gradient(std::span<const std::vector<double>> directions,
                                       std::span<const double> utility, bool antithetic);

// Ask for the individuals of a generation, evaluate them anywhere and in any order, tell their fitness.
// Directions are drawn at {init, this inner step, generation, direction}.
inline constexpr std::uint32_t evolution_draws = 2;

class EvolutionStrategy {
 public:
  // steps: of the whole run. Error if a population of pairs is odd.
  EvolutionStrategy(const EvolutionConfig& config, std::span<const double> mean, int steps, std::uint64_t seed);

  // Number i of generation g, 0 ≤ i < V: φ + σε_i, or φ ± σε_{i/2}. A pure function of (seed, g, i, φ).
  std::vector<double> individual(int generation, int i) const;
  // Ascends once with one fitness per individual. Returns the length of the gradient. NonFiniteError if a fitness is
  // not finite.
  double update(int generation, std::span<const double> fitness);

  std::vector<double> mean() const { return phi_[0].to_vector(); }
  const EvolutionConfig& config() const { return config_; }
  void visit(Checkpoint& c);

 private:
  std::vector<double> perturbation(int generation, int direction) const;

  EvolutionConfig config_;
  int steps_;
  std::uint64_t seed_;
  ParamValues phi_;  // "phi" (1, 1, D) f64
  nn::AdamState adam_;
};

}  // namespace innerloop::rl

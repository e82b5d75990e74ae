// What a meta-gradient should find on a reward process, exactly: the discounts with which one update from v = 0 comes
// nearest, on average, to the undiscounted return.
//
// A learner that moves its values from 0 by α of the way to G_s leaves E(ḡ − αG_s)² of error in state s: the bias that
// a small discount brings, and α² times the variance that a large one lets in. So the best discount depends on α.
#pragma once

#include <span>
#include <vector>

namespace innerloop::meta {

// A line of S transitions: transition s pays mean[s] + Σ_k loading[s][k]·ε_k, where ε_k ~ N(0, 1) are independent.
struct RewardProcess {
  std::vector<double> mean;                  // (S)
  std::vector<std::vector<double>> loading;  // (S, number of ε)
};
RewardProcess signal_noise();  // of envs/reward_processes.h
RewardProcess noise_undone();

// Σ_s (μ_s − α m_s)² + α² Var_s for returns G_s = r_s + x_{s+1} G_{s+1} with mean m_s and variance Var_s; μ_s is the
// mean for x = 1. x[s] (S) is γλ on entering state s; x[0] is not read. From v = 0, γ and λ are one number. α ≥ 0.
double population_loss(const RewardProcess& process, double alpha, std::span<const double> x);
// Its derivative with respect to each x[s] (S).
std::vector<double> population_gradient(const RewardProcess& process, double alpha, std::span<const double> x);
// Where it is least in [0, 1]^S; x[0] is 1.
std::vector<double> population_optimum(const RewardProcess& process, double alpha);

}  // namespace innerloop::meta

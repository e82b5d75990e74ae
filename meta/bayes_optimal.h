// The best that can be found out: what an agent earns that knows how tasks are drawn, not which one it is in, and plans
// perfectly. Exact, by dynamic programming over what is known (the belief).
//
// No learner can earn more on average, and no oracle's return is a fair goal: the difference is what it costs to find
// out. Duff 2002, "Optimal learning"; bandits: Bellman 1956.
#pragma once

#include <string_view>
#include <vector>

namespace innerloop::meta {

// The value of a trial, and the expected reward of each of its steps under an optimal policy; they add up to it.
struct BayesOptimal {
  double value = 0;
  std::vector<double> curve;
};

// k Bernoulli arms with p ~ U[0, 1], n pulls. The belief is the multiset of the arms' successes and failures: exact for
// at most 10 arms that can be pulled (k or n ≤ 10) and n ≤ 127. Time and memory grow fast: (k, n) = (100 pulls of 2
// arms) and (20 of 5) take seconds.
BayesOptimal optimal_bernoulli(int k, int n);

// Wang's two dependent arms: p₂ = 1 − p₁ with p₁ one of {low, 1 − low}, each with probability ½, or with p₁ ~ U[0, 1].
BayesOptimal optimal_two_levels(double low, int n);
BayesOptimal optimal_uniform_pair(int n);

// Wang's eleven arms, five pulls (wang-informative-v1): with the informative arm from pull number `from` on (0: from
// the first, 5: never).
BayesOptimal optimal_informative(int from = 0);

// The two-step task: reward of each of so many trials. `flip`: probability that the good state changes before a trial.
// Exact for flip = 0; otherwise the belief's distribution is kept on 20 001 points (error of a reward about 10⁻⁶).
BayesOptimal optimal_two_step(double common, double flip, int trials);
// One step of that filter: the probability that S₂ is good, after a trial that ended in S₂ (or S₃) and paid (or not).
double two_step_belief(double b, bool in_s2, bool paid, double flip);

// GridNavi: the sum of rewards of each of so many episodes. Error if the search finds no walk that reaches the bound.
BayesOptimal optimal_grid_navi(int episodes);

// Harlow's task: a guess, then certainty.
BayesOptimal optimal_harlow(int trials);

// What a uniformly random policy and the best possible one earn in every unit of a trial, for pictures that are
// normalised between the two. Units: pulls (bandits), trials (two-step, harlow), episodes (grid-navi).
struct TrialReference {
  std::vector<double> random, optimal;
  bool exact = true;  // false: `optimal` is that of the finite-horizon Gittins index, stepped in 4 000 instances
};
// Error for an environment whose optimum is not computed here: wang-restless, gaussian-bandit, rl2-mdp, maze and all
// that is not made for learners with a memory.
TrialReference trial_reference(std::string_view env);

// E max p of the environment's arms, times the pulls: what an oracle earns, from which regret is counted.
double oracle_value(std::string_view env);

}  // namespace innerloop::meta

// What was known about bandits before anything was meta-learned: index policies, Thompson sampling, and how to score
// them as RL² (Duan et al. 2016, arXiv 1611.02779, table 1) does.
//
// Arms pay 1 with hidden probability, drawn from U[0, 1]. So after s successes and f failures what is known of an arm
// is Beta(1 + s, 1 + f), with mean (1 + s)/(2 + s + f).
//
//   symbol   name          meaning
//   s, f     successes, failures   of one arm
//   m        pulls()       s + f
//   μ        mean()        the posterior mean
//   t, n     done, n       pulls of all arms so far, and of the whole trial
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "kernels/philox.h"

namespace innerloop::meta {

// What was seen of one arm.
struct Arm {
  int successes = 0, failures = 0;
  int pulls() const { return successes + failures; }
  double mean() const { return (1.0 + successes) / (2.0 + successes + failures); }
};

// The trial so far.
struct BanditHistory {
  std::span<const Arm> arms;
  int done = 0, n = 0;
};

// Chooses an arm. Ties go to the lowest index, as in RL²'s code.
using BanditPolicy = std::function<int(const BanditHistory&, Philox&)>;

BanditPolicy random_arm();
// The largest posterior mean.
BanditPolicy greedy_arm();
// A random arm with probability epsilon, the greedy one otherwise.
BanditPolicy epsilon_greedy(double epsilon);
// UCB1 (Auer et al. 2002), every arm starting with one success and one failure: μ + c·√(2 log(1 + t)/(m + 2)).
BanditPolicy ucb1(double c);
// Thompson sampling: the largest of one draw from each posterior.
BanditPolicy thompson();
// Optimistic Thompson sampling, May et al. 2012: no draw counts for less than its arm's posterior mean.
BanditPolicy optimistic_thompson();
// What RL²'s code calls so: of so many joint draws, that of the highest posterior density. It drifts to the mode.
BanditPolicy densest_thompson(int draws);
// Whittle's closed form for the Gittins index (Whittle 1988; γ → 1), as in RL²'s code:
//   μ + μ(1 − μ)/(ν·√(μ(1 − μ)/ν) + μ − ½),  ν = m + 2.
BanditPolicy whittle_arm();

// ---- Finite-horizon Gittins index

// The index of an arm with h pulls left: the payment λ at which one is indifferent between λ for all of these h pulls
// and playing the arm for as long as one likes, then λ. Exact for every λ of a grid; the index is read off between two.
class GittinsTable {
 public:
  // For trials of n pulls; `grid` values of λ, spaced 1/grid. Memory: n³/6 times 2 bytes.
  GittinsTable(int n, int grid);
  // pulls_left in [1, n − successes − failures].
  double index(int successes, int failures, int pulls_left) const;
  int n() const { return n_; }

 private:
  std::size_t place(int pulls, int pulls_left) const;
  int n_, grid_;
  std::vector<std::uint16_t> index_;  // how many λ of the grid the arm is worth more than
};
// The table must live as long as the policy.
BanditPolicy gittins_arm(const GittinsTable& table);

// ---- Scoring

// Mean total reward over so many instances, its standard error, and the mean reward of every pull.
struct BanditScore {
  double mean = 0, standard_error = 0;
  std::vector<double> curve;   // (n): mean of p of the chosen arm
  std::vector<double> regret;  // (n): mean of max p − p of the chosen arm, added up
};

// Draws the arms' odds for one instance.
using ArmsOf = std::function<std::vector<double>(int instance)>;
// k arms with p ~ U[0, 1], of seed `seed`.
ArmsOf uniform_arms(int k, std::uint64_t seed);
// Whether a task of this environment is a list of what its arms are worth on average, the same at every pull.
bool tasks_are_arms(std::string_view env);
// The tasks of a table's environment with arms as tasks (rl2-bandit-…, wang-…), drawn as test tasks.
ArmsOf arms_of(std::string_view env, std::uint64_t seed);

// n pulls in each of so many instances. Payments belong to (instance, arm, how often it was pulled), so all policies
// face the same luck; the numbers do not depend on the number of threads.
BanditScore score_bandit(const BanditPolicy& policy, const ArmsOf& arms, int n, int instances, std::uint64_t seed);

// The best of several settings of a policy, evaluated on the very instances that are reported (as RL² did).
struct TunedScore {
  double setting = 0;
  BanditScore score;
};
TunedScore tuned(const std::function<BanditPolicy(double)>& policy, std::span<const double> settings,
                 const ArmsOf& arms, int n, int instances, std::uint64_t seed);

// A draw from Beta(a, b), a and b at least 1 (Cheng 1978, algorithm BB; inverse transforms where one of them is 1).
double draw_beta(double a, double b, Philox& random);

}  // namespace innerloop::meta

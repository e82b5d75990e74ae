// What was known about learning a small decision process before anything was meta-learned: posterior sampling,
// optimism, bonuses and greed, as RL² (Duan et al. 2016, arXiv 1611.02779, table 2) compares them on envs/random_mdp.h.
//
// All of them keep the same posterior and differ in how they plan with it:
//   mean reward of (s, a)   N(prior mean, 1), payments N(mean, 1)    → N((prior mean + Σr)/(1 + N), 1/(1 + N))
//   P(· | s, a)             Dirichlet(1, …, 1)                       → Dirichlet(1 + N(s, a, ·))
// The environment draws mean rewards from N(1, 1), so a prior mean of 1 is right and one of 0 is not. RL²'s baselines
// are TabulaRL's, whose default is 0.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "envs/random_mdp.h"
#include "kernels/philox.h"

namespace innerloop::meta {

using RandomMdp = envs::RandomMdp<double>;
using MdpModel = RandomMdp::Task;  // mean rewards (S, A) and transition probabilities (S, A, S)
constexpr int mdp_states = RandomMdp::states, mdp_actions = RandomMdp::actions, mdp_horizon = RandomMdp::spec.horizon;

// What was seen, and what follows from it.
struct MdpPosterior {
  double prior_mean = 1;
  int visits[mdp_states][mdp_actions] = {};               // N(s, a)
  int transitions[mdp_states][mdp_actions][mdp_states] = {};  // N(s, a, s')
  double reward_sum[mdp_states][mdp_actions] = {};

  void observe(int s, int a, double reward, int next);
  double mean_reward(int s, int a) const { return (prior_mean + reward_sum[s][a]) / (1 + visits[s][a]); }
  MdpModel mean_model() const;
  MdpModel sample_model(Philox& random) const;
};

// Q_t(s, a) for every step t of an episode, by backward induction.
struct MdpPlan {
  double q[mdp_horizon][mdp_states][mdp_actions] = {};
  int best(int t, int s) const;            // the first of equals
  double value(int t, int s) const;        // max_a Q
};
// `from`: the first step that is wanted.
MdpPlan plan_for(const MdpModel& model, int from = 0);

// Where an agent's random numbers come from: draw(k) is its k-th generator at this place.
struct MdpLuck {
  std::uint64_t seed = 0;
  Place place;
  Philox draw(int k) const;
};

struct MdpAgent {
  // Plans with the posterior; `done`: steps of the trial so far; `from`: the step of the episode.
  std::function<MdpPlan(const MdpPosterior&, int done, int from, const MdpLuck&)> plan;
  bool every_step = false;  // plans at every step, not at the start of every episode
  double epsilon = 0;       // probability of a random action
};

MdpAgent random_agent();
// Plans with the posterior's mean.
MdpAgent greedy_agent(bool every_step = false);
MdpAgent epsilon_greedy_agent(double epsilon);
// Posterior sampling (Strens 2000; Osband et al. 2013): plans with one draw, for an episode.
MdpAgent psrl();
// Optimistic posterior sampling: the larger Q of so many draws, for every step, state and action (TabulaRL).
MdpAgent opsrl(int draws);
// UCRL2 (Jaksch et al. 2010): the best model whose rewards and transitions lie within a confidence radius of the mean,
// the radius times `scale`.
MdpAgent ucrl2(double scale);
// Bayesian exploration bonus (Kolter and Ng 2009): plans with the posterior's mean and β/(1 + Σ_s' α(s, a, s')) added
// to each reward; Σ α = 10 + N(s, a).
MdpAgent beb(double beta, bool every_step = false);

// Total reward after each of `checkpoints` episodes: mean over instances, and its standard error.
struct MdpScore {
  std::vector<double> mean, standard_error;
};
// The same for the optimal policy of each instance: its value times the episodes.
struct MdpScores {
  MdpScore agent, optimum;
};
// Instances are drawn as test tasks of rl2-mdp-v1; payments and transitions belong to (instance, episode, step), so all
// agents face the same luck. The numbers do not depend on the number of threads.
MdpScores score_mdp(const MdpAgent& agent, double prior_mean, std::span<const int> checkpoints, int instances,
                    std::uint64_t seed);

// For each checkpoint the best of several settings, evaluated on the very instances that are reported (as RL² did).
struct TunedMdpScore {
  MdpScore score;
  std::vector<double> setting;
};
TunedMdpScore tuned_mdp(const std::function<MdpAgent(double)>& agent, std::span<const double> settings,
                        double prior_mean, std::span<const int> checkpoints, int instances, std::uint64_t seed);

}  // namespace innerloop::meta

#include "meta/bayes_optimal.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>

#include "envs/table.h"
#include "kernels/require.h"
#include "meta/bandit_baselines.h"
#include "meta/grid_walk.h"

namespace innerloop::meta {
namespace {

double sum_of(const std::vector<double>& numbers) { return std::accumulate(numbers.begin(), numbers.end(), 0.0); }

BayesOptimal from_curve(std::vector<double> curve) { return {sum_of(curve), std::move(curve)}; }

// ---- Independent Bernoulli arms

// The arms that can matter, each as 256·successes + failures, in falling order: who is who does not matter.
constexpr int most_arms = 10;
using ArmBelief = std::array<std::uint16_t, most_arms>;

Arm arm_of(std::uint16_t code) { return {code >> 8, code & 255}; }

ArmBelief belief_after(ArmBelief belief, int arm, bool success) {
  belief[static_cast<std::size_t>(arm)] =
      static_cast<std::uint16_t>(belief[static_cast<std::size_t>(arm)] + (success ? 256 : 1));
  std::sort(belief.begin(), belief.end(), std::greater<>());
  return belief;
}

// Every belief after t pulls, in order, with what is best there and what it is worth.
struct BeliefLayer {
  std::vector<ArmBelief> beliefs;
  std::vector<double> value, probability;
  std::vector<std::uint8_t> best;
  std::size_t find(const ArmBelief& belief) const {
    return static_cast<std::size_t>(std::lower_bound(beliefs.begin(), beliefs.end(), belief) - beliefs.begin());
  }
};

// Lists all ways to spend `left` pulls on the arms from number `arm` on, none with a code above `most`.
void list_beliefs(ArmBelief& belief, int arm, int arms, int left, std::uint16_t most, std::vector<ArmBelief>& all) {
  if (left == 0) {
    all.push_back(belief);
    return;
  }
  if (arm == arms) return;
  for (int pulls = 1; pulls <= left; ++pulls)
    for (int successes = 0; successes <= pulls; ++successes) {
      const auto code = static_cast<std::uint16_t>(256 * successes + pulls - successes);
      if (code > most) continue;
      belief[static_cast<std::size_t>(arm)] = code;
      list_beliefs(belief, arm + 1, arms, left - pulls, code, all);
    }
  belief[static_cast<std::size_t>(arm)] = 0;
}

BeliefLayer layer_of(int arms, int t) {
  BeliefLayer layer;
  ArmBelief belief{};
  list_beliefs(belief, 0, arms, t, 0xffff, layer.beliefs);
  std::sort(layer.beliefs.begin(), layer.beliefs.end());
  layer.value.resize(layer.beliefs.size());
  layer.probability.resize(layer.beliefs.size());
  layer.best.resize(layer.beliefs.size());
  return layer;
}

// [Bandit eq. optimality]  V_t(b) = max_i μ_i·(1 + V_{t+1}(b + success of i)) + (1 − μ_i)·V_{t+1}(b + failure of i)
void solve_layer(BeliefLayer& now, const BeliefLayer& next, int arms) {
  for (std::size_t b = 0; b < now.beliefs.size(); ++b) {
    const ArmBelief& belief = now.beliefs[b];
    for (int i = 0; i < arms; ++i) {
      const std::uint16_t code = belief[static_cast<std::size_t>(i)];
      if (i > 0 && code == belief[static_cast<std::size_t>(i) - 1]) continue;  // as good as the one before
      const double mu = arm_of(code).mean();
      const double win = next.beliefs.empty() ? 0 : next.value[next.find(belief_after(belief, i, true))];
      const double lose = next.beliefs.empty() ? 0 : next.value[next.find(belief_after(belief, i, false))];
      const double value = mu * (1 + win) + (1 - mu) * lose;
      if (i > 0 && value <= now.value[b]) continue;
      now.value[b] = value;
      now.best[b] = static_cast<std::uint8_t>(i);
    }
  }
}

// What the optimal policy earns in this pull, and where it leads.
double play_layer(const BeliefLayer& now, BeliefLayer& next) {
  double reward = 0;
  for (std::size_t b = 0; b < now.beliefs.size(); ++b) {
    if (now.probability[b] == 0) continue;
    const int arm = now.best[b];
    const double mu = arm_of(now.beliefs[b][static_cast<std::size_t>(arm)]).mean();
    reward += now.probability[b] * mu;
    if (next.beliefs.empty()) continue;
    next.probability[next.find(belief_after(now.beliefs[b], arm, true))] += now.probability[b] * mu;
    next.probability[next.find(belief_after(now.beliefs[b], arm, false))] += now.probability[b] * (1 - mu);
  }
  return reward;
}

}  // namespace

BayesOptimal optimal_bernoulli(int k, int n) {
  const int arms = std::min(k, n);
  require(arms >= 1 && arms <= most_arms && n <= 127,
          "optimal_bernoulli: k or n must be at most 10, and n at most 127; the belief is too large otherwise");

  // Backwards from the last pull, then forwards along the best choices.
  std::vector<BeliefLayer> layers(static_cast<std::size_t>(n) + 1);  // the last one, after all pulls, stays empty
  for (int t = n - 1; t >= 0; --t) {
    layers[static_cast<std::size_t>(t)] = layer_of(arms, t);
    solve_layer(layers[static_cast<std::size_t>(t)], layers[static_cast<std::size_t>(t) + 1], arms);
  }
  BayesOptimal optimum{layers[0].value[0], {}};
  layers[0].probability[0] = 1;
  for (std::size_t t = 0; t < static_cast<std::size_t>(n); ++t)
    optimum.curve.push_back(play_layer(layers[t], layers[t + 1]));
  return optimum;
}

// ---- Dependent pairs

namespace {

// p₂ = 1 − p₁: a success of one arm says what a failure of the other does. So the belief is a, how many of t outcomes
// spoke for arm 1, and no choice tells more than another: the best choice is the likelier one.
// [Pair eq. optimality]  V_t(a) = max(q, 1 − q) + q·V_{t+1}(a + 1) + (1 − q)·V_{t+1}(a)
// q(a, t): probability that the next outcome speaks for arm 1.
template <class Predict>
BayesOptimal optimal_pair(int n, Predict q) {
  require(n >= 1, "optimal_pair: at least one pull");
  std::vector<double> probability{1}, curve;
  for (int t = 0; t < n; ++t) {
    std::vector<double> next(probability.size() + 1);
    double reward = 0;
    for (int a = 0; a <= t; ++a) {
      const double p = probability[static_cast<std::size_t>(a)], speaks = q(a, t);
      reward += p * std::max(speaks, 1 - speaks);
      next[static_cast<std::size_t>(a) + 1] += p * speaks;
      next[static_cast<std::size_t>(a)] += p * (1 - speaks);
    }
    curve.push_back(reward);
    probability = std::move(next);
  }
  return from_curve(std::move(curve));
}

}  // namespace

BayesOptimal optimal_two_levels(double low, int n) {
  require(low > 0 && low < 0.5, "optimal_two_levels: low must be in (0, ½)");
  return optimal_pair(n, [&](int a, int t) {
    // p₁ = 1 − low with odds ((1 − low)/low)^(2a − t).
    const double good = 1 / (1 + std::pow(low / (1 - low), 2 * a - t));
    return good * (1 - low) + (1 - good) * low;
  });
}

BayesOptimal optimal_uniform_pair(int n) {
  return optimal_pair(n, [](int a, int t) { return (1.0 + a) / (2.0 + t); });
}

// ---- Eleven arms

namespace {

constexpr int candidates = 10, informative_pulls = 5;

// [Informative eq. optimality]  V_t(C) = max(max_i P(i)·5(5 − t) + (1 − P(i))·(1 + V_{t+1}(C − i)), E[pay] + 5(4 − t))
// The value with these candidates left (a mask) and the pulls from t on; `from`: first pull of the informative arm.
double informative_value(unsigned left, int t, int from) {
  if (t == informative_pulls) return 0;
  const int count = std::popcount(left);
  if (count == 1) return 5.0 * (informative_pulls - t);

  // Try a candidate: found, or one fewer.
  double best = 0, sum = 0;
  for (int arm = 0; arm < candidates; ++arm) {
    if (!(left >> arm & 1)) continue;
    sum += (arm + 1) / 10.0;
    const double found = 5.0 * (informative_pulls - t);
    const double missed = 1 + informative_value(left & ~(1U << arm), t + 1, from);
    best = std::max(best, found / count + missed * (count - 1) / count);
  }
  // Or ask: then it is known.
  if (t >= from) best = std::max(best, sum / count + 5.0 * (informative_pulls - t - 1));
  return best;
}

}  // namespace

BayesOptimal optimal_informative(int from) {
  require(from >= 0, "optimal_informative: `from` is a pull, counted from 0");
  BayesOptimal optimum{informative_value((1U << candidates) - 1, 0, from), {}};
  if (from == 0) optimum.curve = {0.55, 5, 5, 5, 5};  // ask first: what the maximum above chooses
  return optimum;
}

// ---- The two-step task

namespace {

constexpr double good_pays = 0.9, bad_pays = 0.1;  // how likely the good and the other state pay

// The reward of a trial if the likelier state is the good one with probability g: by the common transition to it.
double reward_of_trial(double g, double common) {
  const double reach = common * g + (1 - common) * (1 - g);
  return bad_pays + (good_pays - bad_pays) * reach;
}

// [Two-step eq. filter]  b⁺ ∝ b·0.9 (it spoke for S₂) or b·0.1 (against),  b' = (1 − flip)·b⁺ + flip·(1 − b⁺)
double filtered(double b, bool speaks, double flip) {
  const double mine = speaks ? good_pays : bad_pays, other = speaks ? bad_pays : good_pays;
  const double posterior = b * mine / (b * mine + (1 - b) * other);
  return (1 - flip) * posterior + flip * (1 - posterior);
}

// The distribution of the belief, moved on by one trial. Mass between two points of the grid is divided so that its
// mean stays right.
std::vector<double> next_beliefs(const std::vector<double>& mass, double flip) {
  const auto cells = mass.size() - 1;
  std::vector<double> next(mass.size());
  for (std::size_t i = 0; i <= cells; ++i) {
    const double b = static_cast<double>(i) / static_cast<double>(cells), speaks = b * good_pays + (1 - b) * bad_pays;
    for (bool yes : {true, false}) {
      const double place = filtered(b, yes, flip) * static_cast<double>(cells);
      const auto cell = std::min(static_cast<std::size_t>(place), cells - 1);
      const double above = place - static_cast<double>(cell), moved = mass[i] * (yes ? speaks : 1 - speaks);
      next[cell] += moved * (1 - above);
      next[cell + 1] += moved * above;
    }
  }
  return next;
}

}  // namespace

// The belief b: probability that S₂ is the good state. A reward in S₂ speaks for it as much as no reward in S₃, so what
// is learned does not depend on the choice, and the best choice is the common transition to the likelier state.
BayesOptimal optimal_two_step(double common, double flip, int trials) {
  require(common >= 0.5 && common <= 1 && flip >= 0 && flip <= 0.5 && trials >= 1,
          "optimal_two_step: common in [½, 1], flip in [0, ½], at least one trial");
  std::vector<double> curve;
  if (flip == 0) {
    // What is learned of the states is what is learned of two dependent arms with odds 0.9 and 0.1.
    for (double likelier_pays : optimal_two_levels(bad_pays, trials).curve)
      curve.push_back(reward_of_trial((likelier_pays - bad_pays) / (good_pays - bad_pays), common));
    return from_curve(std::move(curve));
  }
  constexpr std::size_t cells = 20000;
  std::vector<double> mass(cells + 1);
  mass[cells / 2] = 1;
  for (int trial = 0; trial < trials; ++trial) {
    double reward = 0;
    for (std::size_t i = 0; i <= cells; ++i) {
      const double b = static_cast<double>(i) / cells;
      reward += mass[i] * reward_of_trial(std::max(b, 1 - b), common);
    }
    curve.push_back(reward);
    mass = next_beliefs(mass, flip);
  }
  return from_curve(std::move(curve));
}

double two_step_belief(double b, bool in_s2, bool paid, double flip) { return filtered(b, in_s2 == paid, flip); }

// ---- Navigation and Harlow

BayesOptimal optimal_grid_navi(int episodes) {
  require(episodes >= 1, "optimal_grid_navi: at least one episode");
  const GridWalk walk = find_grid_walk();
  require(walk.found, "optimal_grid_navi: no walk reaches the bound");
  std::vector<double> curve{walk.first_episode};
  for (int e = 1; e < episodes; ++e) curve.push_back(walk.later_episodes);
  return from_curve(std::move(curve));
}

BayesOptimal optimal_harlow(int trials) {
  require(trials >= 1, "optimal_harlow: at least one trial");
  std::vector<double> curve(static_cast<std::size_t>(trials), 1);
  curve[0] = 0;
  return from_curve(std::move(curve));
}

// ---- By name

namespace {

BayesOptimal optimum_of_pulls(std::string_view env, const envs::Spec& spec, bool& exact) {
  const int k = spec.action_count, n = spec.trial_episodes * spec.horizon;
  if (env == "wang-easy-v1") return optimal_two_levels(0.1, n);
  if (env == "wang-medium-v1") return optimal_two_levels(0.25, n);
  if (env == "wang-hard-v1") return optimal_two_levels(0.4, n);
  if (env == "wang-uniform-v1") return optimal_uniform_pair(n);
  if (env == "wang-independent-v1") return optimal_bernoulli(2, n);
  if (n <= 10) return optimal_bernoulli(k, n);
  exact = false;
  const GittinsTable table(n, n > 200 ? 250 : 1000);
  return from_curve(score_bandit(gittins_arm(table), arms_of(env, 1), n, 4000, 1).curve);
}

}  // namespace

TrialReference trial_reference(std::string_view env) {
  const envs::Spec& spec = envs::find_env(env).spec;
  const auto constant = [](double value, std::size_t count) { return std::vector<double>(count, value); };
  TrialReference reference;
  if (env.starts_with("two-step")) {
    const bool flips = env == "two-step-flip-v1";
    reference.optimal = optimal_two_step(flips ? 0.8 : 0.75, flips ? 0.025 : 0, spec.horizon / 2).curve;
    reference.random = constant(0.5, reference.optimal.size());
  } else if (env == "harlow-v1") {
    reference.optimal = optimal_harlow(spec.horizon).curve;
    reference.random = constant(0, reference.optimal.size());
  } else if (env == "grid-navi-v1") {
    reference.optimal = optimal_grid_navi(spec.trial_episodes).curve;
    reference.random = constant(random_grid_return(), reference.optimal.size());
  } else if (env == "wang-informative-v1") {
    reference.optimal = optimal_informative().curve;
    reference.random = constant((5 + 9 + 0.55) / 11, reference.optimal.size());
  } else if (env.starts_with("rl2-bandit") || (env.starts_with("wang-") && env != "wang-restless-v1")) {
    reference.optimal = optimum_of_pulls(env, spec, reference.exact).curve;
    reference.random = constant(0.5, reference.optimal.size());
  } else {
    throw Error("trial_reference: the best that can be found out about '" + std::string(env) + "' is not computed");
  }
  return reference;
}

double oracle_value(std::string_view env) {
  const envs::Spec& spec = envs::find_env(env).spec;
  const double n = spec.trial_episodes * spec.horizon, k = spec.action_count;
  if (env.starts_with("rl2-bandit") || env == "wang-independent-v1") return n * k / (k + 1);
  if (env == "wang-uniform-v1") return n * 0.75;
  if (env == "wang-easy-v1") return n * 0.9;
  if (env == "wang-medium-v1") return n * 0.75;
  if (env == "wang-hard-v1") return n * 0.6;
  if (env == "wang-informative-v1") return n * 5;
  throw Error("oracle_value: '" + std::string(env) + "' has no arms with known odds");
}

}  // namespace innerloop::meta

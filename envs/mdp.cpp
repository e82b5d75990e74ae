#include "envs/mdp.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "envs/gridworld.h"
#include "envs/tabular.h"

namespace innerloop::envs {
namespace {

void check(const Mdp& mdp, double gamma) {
  require(mdp.states >= 1 && mdp.actions >= 1, "mdp: at least one state and one action are needed");
  require(gamma >= 0 && gamma <= 1, "mdp: gamma must be in [0, 1]");
  for (int s = 0; s < mdp.states; ++s)
    for (int a = 0; a < mdp.actions; ++a) {
      double sum = 0;
      for (int next = 0; next < mdp.states; ++next) sum += mdp.P(s, a, next);
      require(sum >= -1e-12 && sum <= 1 + 1e-12, [&] {
        return "mdp: the probabilities of state " + std::to_string(s) + ", action " + std::to_string(a) +
               " add up to " + std::to_string(sum);
      });
    }
}

// [MDP eq. optimality]  v(s) = max_a q(s, a),  q(s, a) = R(s, a) + γ Σ_s' P(s'|s, a)·v(s')
std::vector<double> maxima(const Mdp& mdp, const std::vector<double>& q) {
  std::vector<double> v(static_cast<std::size_t>(mdp.states));
  for (int s = 0; s < mdp.states; ++s) {
    const auto row = q.begin() + static_cast<std::ptrdiff_t>(mdp.row(s, 0));
    v[static_cast<std::size_t>(s)] = *std::max_element(row, row + mdp.actions);
  }
  return v;
}

double largest_change(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

// Repeats v ← improve(q(v)) until nothing moves any more.
template <class Improve>
MdpValues iterate(const Mdp& mdp, double gamma, double tolerance, Improve improve) {
  check(mdp, gamma);
  MdpValues values;
  values.v.resize(static_cast<std::size_t>(mdp.states));
  for (values.sweeps = 1; values.sweeps <= 1000000; ++values.sweeps) {
    values.q = action_values(mdp, values.v, gamma);
    std::vector<double> v = improve(values.q);
    const double change = largest_change(v, values.v);
    values.v = std::move(v);
    if (change <= tolerance) return values;
  }
  throw Error("mdp: the values did not settle in 10⁶ sweeps; with gamma = 1 every policy must come to an end");
}

}  // namespace

std::vector<double> action_values(const Mdp& mdp, std::span<const double> v, double gamma) {
  std::vector<double> q = mdp.reward;
  for (int s = 0; s < mdp.states; ++s)
    for (int a = 0; a < mdp.actions; ++a) {
      double next_value = 0;
      for (int next = 0; next < mdp.states; ++next) next_value += mdp.P(s, a, next) * v[static_cast<std::size_t>(next)];
      q[mdp.row(s, a)] += gamma * next_value;
    }
  return q;
}

MdpValues value_iteration(const Mdp& mdp, double gamma, double tolerance) {
  return iterate(mdp, gamma, tolerance, [&](const std::vector<double>& q) { return maxima(mdp, q); });
}

MdpValues finite_horizon_values(const Mdp& mdp, double gamma, int horizon) {
  check(mdp, gamma);
  require(horizon >= 1, "mdp: the horizon must be at least 1");
  MdpValues values;
  values.v.resize(static_cast<std::size_t>(mdp.states));
  for (values.sweeps = 0; values.sweeps < horizon; ++values.sweeps) {
    values.q = action_values(mdp, values.v, gamma);
    values.v = maxima(mdp, values.q);
  }
  return values;
}

std::vector<double> policy_values(const Mdp& mdp, std::span<const double> policy, double gamma, double tolerance) {
  require(policy.size() == mdp.reward.size(), "policy_values: the policy must be (states, actions)");
  return iterate(mdp, gamma, tolerance, [&](const std::vector<double>& q) {
           std::vector<double> v(static_cast<std::size_t>(mdp.states));
           for (std::size_t i = 0; i < q.size(); ++i) v[i / static_cast<std::size_t>(mdp.actions)] += policy[i] * q[i];
           return v;
         }).v;
}

namespace {

Mdp two_state_mdp(double offset) {
  using Env = TwoState<double>;
  Mdp mdp(2, 2);
  for (int s = 0; s < 2; ++s)
    for (int a = 0; a < 2; ++a) {
      mdp.reward[mdp.row(s, a)] = Env::reward(s, a) + offset;
      mdp.P(s, a, 0) = Env::probability_of_0(s, a);
      mdp.P(s, a, 1) = 1 - Env::probability_of_0(s, a);
    }
  return mdp;
}

}  // namespace

Mdp mdp_of(std::string_view env, std::span<const double> task) {
  require(task.size() == 1, "mdp_of: a task of these environments is one number");
  if (env == Gridworld<double>::spec.name) return grid_mdp<Gridworld<double>>({task[0]});
  if (env == Maze<double>::spec.name) return grid_mdp<Maze<double>>({task[0]});
  if (env == Maze<double, 5>::spec.name) return grid_mdp<Maze<double, 5>>({task[0]});
  if (env == TwoState<double>::spec.name) return two_state_mdp(task[0]);
  throw Error("mdp_of: '" + std::string(env) + "' has no tables; gridworld-v1, maze-v1 and two-state-v1 have");
}

}  // namespace innerloop::envs

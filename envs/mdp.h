// Finite Markov decision processes as tables, and their exact values.
//
// Value iteration: Bellman 1957; Sutton and Barto, Reinforcement Learning, 2nd edition, eq. 4.10.
#pragma once

#include <span>
#include <vector>

#include "envs/spec.h"
#include "kernels/require.h"

namespace innerloop::envs {

// S states, A actions. Where an episode ends, probability is missing: Σ_s' P(s' | s, a) = 1 − P(end | s, a).
struct Mdp {
  int states = 0, actions = 0;
  int start = 0;
  std::vector<double> transition;  // (S, A, S): P(s' | s, a), goes on in s'
  std::vector<double> reward;      // (S, A): E[r | s, a]

  Mdp() = default;
  Mdp(int S, int A)
      : states(S),
        actions(A),
        transition(static_cast<std::size_t>(S) * static_cast<std::size_t>(A) * static_cast<std::size_t>(S)),
        reward(static_cast<std::size_t>(S) * static_cast<std::size_t>(A)) {}
  std::size_t row(int s, int a) const {
    return static_cast<std::size_t>(s) * static_cast<std::size_t>(actions) + static_cast<std::size_t>(a);
  }
  double& P(int s, int a, int next) { return transition[row(s, a) * states + static_cast<std::size_t>(next)]; }
  double P(int s, int a, int next) const { return transition[row(s, a) * states + static_cast<std::size_t>(next)]; }
};

struct MdpValues {
  std::vector<double> v;  // (S)
  std::vector<double> q;  // (S, A)
  int sweeps = 0;
};

// Q(s, a) = r(s, a) + γ Σ_s' P(s' | s, a) v(s'), all of it: (S, A).
std::vector<double> action_values(const Mdp& mdp, std::span<const double> v, double gamma);

// The optimum without a time limit: V ← max_a Q until no value moves by more than `tolerance`. With γ < 1 the error is
// at most tolerance·γ/(1 − γ). Error if γ is not in [0, 1] or if 10⁶ sweeps do not suffice (γ = 1 and an episode that
// need not end).
MdpValues value_iteration(const Mdp& mdp, double gamma, double tolerance = 1e-13);

// The optimum of `horizon` steps: that many sweeps from V = 0. What an episode cut by the time limit can earn.
MdpValues finite_horizon_values(const Mdp& mdp, double gamma, int horizon);

// The value of a policy (S, A), rows that add up to 1, without a time limit; iterated like value_iteration.
std::vector<double> policy_values(const Mdp& mdp, std::span<const double> policy, double gamma,
                                  double tolerance = 1e-13);

// The tables of one grid (envs/gridworld.h): a state is a cell.
template <class Grid>
Mdp grid_mdp(const typename Grid::Task& task) {
  struct Nothing {} nothing;
  Mdp mdp(Grid::side * Grid::side, 4);
  typename Grid::State state = Grid::reset(task, nothing);
  mdp.start = state.cell;
  for (int cell = 0; cell < mdp.states; ++cell)
    for (int a = 0; a < 4; ++a) {
      state.cell = cell;
      for (const auto& outcome : Grid::outcomes(state, {a})) {
        mdp.reward[mdp.row(cell, a)] += outcome.probability * outcome.step.reward;
        if (!outcome.step.terminated) mdp.P(cell, a, outcome.next.cell) += outcome.probability;
      }
    }
  return mdp;
}

// The same by the environment's name ("gridworld-v1", "maze-v1", "two-state-v1"; task as in the environment). Error for
// any other.
Mdp mdp_of(std::string_view env, std::span<const double> task);

}  // namespace innerloop::envs

// λ-returns on the graph, differentiable in γ and λ: the definition of returns.h and segment_advantages, for learners
// that ask how the return depends on its own discount.
//
// Sutton and Barto 2018, "Reinforcement Learning", second edition, eq. 12.18, with a γ and a λ per transition; what the
// derivatives are for: Xu, van Hasselt, Silver 2018, "Meta-Gradient Reinforcement Learning", arXiv 1805.09801.
//
//   symbol    name                        shape
//   r_t       transitions.rewards         (B, T·N, 1): row t·N + n is step t of sequence n
//   v_{t+1}   transitions.next_values     (B, T·N, 1): value of the state that the step led to; 0 where it is terminal
//   c_t       transitions.continues       (B, T·N, 1), data: 1 where row (t+1)·N + n is the next step of the episode
//   γ_t, λ_t  gamma, lambda               (B, T·N, 1), or (B, 1, 1): the same at every step
#pragma once

#include "autodiff/graph.h"

namespace innerloop::rl {

struct Transitions {
  Var rewards, next_values, continues;
  int time_steps = 1;  // T
};

// G_t = r_t + γ_t·v_{t+1} + γ_t λ_t c_t (G_{t+1} − v_{t+1}): where a sequence is cut, v_{t+1} stands for all that
// follows. λ = 0 is r + γv, λ = 1 the discounted sum of rewards. (B, T·N, 1).
Var lambda_returns(const Transitions& transitions, Var gamma, Var lambda);

// ∂G_t/∂γ and ∂G_t/∂λ by their own recursions, where all steps share one γ and one λ. (B, T·N, 1) each. The same
// numbers as forward and reverse mode through lambda_returns: three routes that share no derivative rule of the return.
Var lambda_returns_by_gamma(const Transitions& transitions, Var gamma, Var lambda);
Var lambda_returns_by_lambda(const Transitions& transitions, Var gamma, Var lambda);

}  // namespace innerloop::rl

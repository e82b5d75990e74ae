// Meta-gradient reinforcement learning: the discount γ and the λ of the return, learned while the agent learns.
//
// Xu, van Hasselt, Silver 2018, "Meta-Gradient Reinforcement Learning", arXiv 1805.09801. What a learner takes for the
// return is a choice, η = {γ, λ}. So let each update be judged by the next experience: move θ with the return that η
// means, look with the return that a fixed η̄ means whether that was a good move, and follow the derivative of this
// judgement with respect to η, through the update.
//
//   symbol   name                shape
//   θ        theta               (1 or B, in, out) per parameter; with B > 1, B learners side by side
//   η        eta                 "gamma", "lambda" (1, n, 1): before the sigmoid; n = 1, or one number per state
//   τ, τ'    tau, tau_next       (B, T·N, ·): experience; τ' comes after τ, and is the next update's τ
//   g_η      G                   (B, T·N, 1): the λ-return with the γ and λ that η means
//   f        update() − θ        one step down the gradient of the learner's loss
//   A        scale               like θ: step sizes, data (α; or α/√v of RMSProp, held constant)
//   J̄        meta_objective()    one number per learner, a loss: lower is better
//   z        trace               (n, in, out) per parameter: dθ/dη, the column of η's k-th number in task k
//   μ        mu                  (1, 1, 1): how much of the trace an update leaves
#pragma once

#include "autodiff/function.h"
#include "nn/policy.h"
#include "rl/lambda_returns.h"

namespace innerloop::meta {

// What shapes the traced programs: with the shapes of the data, the key of their cache.
struct MetaGradientSpec {
  bool control = false;       // false: values of a given behaviour are learned, TD(λ); true: an actor-critic
  nn::PolicySpec policy;      // of control
  nn::MlpSpec value;          // "value/…", and "outer_value/…" of the same form
  int time_steps = 1;         // T: the rows of an experience are T steps of N sequences
  int updates = 1;            // K: the updates that the exact meta-gradient goes back through
  double gamma = 1, lambda = 1;          // those of the return where η has none
  double gamma_bar = 1, lambda_bar = 1;  // η̄: those of the judge
  double value_weight = 0.5;   // c_v
  double entropy_weight = 0;   // c_e
  bool outer_critic = false;   // control: a second value, learned from returns with η̄, judges in place of the first
  int embedding = 0;           // width of e = η·W: an input of policy and values, so that they know what η is; 0: none
  bool full_derivative = false;  // J̄'s own target is differentiated too
  friend bool operator==(const MetaGradientSpec&, const MetaGradientSpec&) = default;
};

// --- The equations, on a graph ---------------------------------------------------------------------------------------
//
// An experience is {"observations", "next_observations" (B, T·N, O), "rewards", "not_terminated", "continues",
// "weights" (B, T·N, 1)} and in control "actions". next_observations is what a step led to, in its own episode;
// not_terminated is 0 where that state has no future; continues is 1 where the next row of the sequence goes on.

// γ or λ of every transition, σ(η), read at the state that it leads to: (B, T·N, 1), or (B, 1, 1) for all alike.
Var return_parameter(const Params& eta, const char* name, double otherwise, const Batch& tau);

// g_η(τ): (B, T·N, 1). The values that it bootstraps from are θ's own.
Var eta_returns(const Params& theta, const Params& eta, const Batch& tau, const MetaGradientSpec& spec);

// θ + f(τ, θ, η). The gradient inside f takes g_η for data; f as a function does not: its target moves with θ and η.
Params update(const Params& theta, const Params& eta, const Batch& tau, const Params& scale,
              const MetaGradientSpec& spec);
// K updates, with the experiences "0/observations", … and the scales "0/value/W1", …
Params updates(const Params& theta, const Params& eta, const Batch& taus, const Params& scales,
               const MetaGradientSpec& spec);

// J̄(τ', θ', η̄), (B, 1, 1). η enters through its embedding only, as data.
Var meta_objective(const Params& theta_prime, const Params& eta, const Batch& tau_next,
                   const MetaGradientSpec& spec);

// z' = μz + ∂f/∂η: a task per number of η, all of "gamma" before all of "lambda". For a θ without tasks of its own.
Params trace(const Params& z, Var mu, const Params& theta, const Params& eta, const Batch& tau, const Params& scale,
             const MetaGradientSpec& spec);
// ∂J̄/∂θ' · z, (n, 1, 1): the meta-gradient with respect to η's numbers.
Var along_trace(const Params& z, const Params& theta_prime, const Params& eta, const Batch& tau_next,
                const MetaGradientSpec& spec);

// The parameters with η's embedding put in: e is the same in all states, so it is a shift of the first biases.
Params with_embedding(const Params& theta, const Params& eta, const MetaGradientSpec& spec);

// --- The same, compiled ----------------------------------------------------------------------------------------------

struct MetaGradientFunctions {
  MetaGradientFunctions();
  Function<MetaGradientSpec> gradient;  // (theta, eta, tau) → ∂L/∂θ; "loss" (B, 1, 1)
  // (theta, eta, taus, scales, tau_next) → ∂J̄/∂η, the mean over learners; "objective" (B, 1, 1)
  Function<MetaGradientSpec> exact;
  Function<MetaGradientSpec> grow;      // (z, mu, theta, eta, tau, scale) → z'
  Function<MetaGradientSpec> along;     // (z, theta_prime, eta, tau_next) → (n, 1, 1); "objective"
  Function<MetaGradientSpec> embedded;  // (theta, eta) → what acts: θ with the embedding put in
  // (theta, gradient, scale) → θ − scale ∘ gradient
  Function<> descend;
};

// "policy/…", "value/…" and what the program adds to them: "outer_value/…", "embedding/W" (1, |η|, width),
// "embedding/policy", "embedding/value", … (1, width, first hidden layer). `eta_numbers`: |η|, how many numbers it has.
ParamValues init_meta_gradient(const MetaGradientSpec& spec, int eta_numbers, std::uint64_t seed, Dtype dtype);

}  // namespace innerloop::meta

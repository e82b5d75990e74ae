// E-MAML: MAML that credits exploration.
//
// Stadie, Yang, Houthooft, Chen, Duan, Wu, Abbeel, Sutskever 2018, "Some Considerations on Learning to Explore via
// Meta-Reinforcement Learning", arXiv 1803.01118v2; for several inner steps: Fallah, Georgiev, Mokhtari, Ozdaglar 2021,
// "On the Convergence Theory of Debiased Model-Agnostic Meta-Reinforcement Learning", arXiv 2002.05135v3 (SG-MRL).
// MAML asks how θ' depends on θ through the update, as if the data of the update did not. But θ chose that data too.
// E-MAML adds the missing term: every trajectory that was explored with earns what the adapted policy then earned.
//
//   symbol    name                shape
//   θ_i^(k)   theta_i             (B, in, out): after k inner steps
//   τ̄^(k)     supports            "k/…": (B, rows, ·): the N trajectories explored before step k
//   R_i − b   query["scores"]     (B, 1, 1), data: what task i's adapted policy earned, less what the other tasks' did
//   λ         credit_weight       a number
#pragma once

#include <vector>

#include "meta/maml.h"
#include "rl/training/trainer.h"

namespace innerloop::meta {

enum class Credit {
  sum,   // over the N trajectories, as the derivative of J_E is: each of them made θ'
  mean,  // over their steps, as the authors' code has it: smaller by N·T, and so not the derivative of J_E
  none,  // MAML
};
constexpr auto words_of(Credit) {
  return std::to_array<Word<Credit>>({{"sum", Credit::sum}, {"mean", Credit::mean}, {"none", Credit::none}});
}

struct EMamlSpec {
  MamlSpec inner;
  Credit credit = Credit::sum;
  double credit_weight = 1;  // λ
  friend bool operator==(const EMamlSpec&, const EMamlSpec&) = default;
};

// --- The equations, on a graph ---------------------------------------------------------------------------------------

// K inner steps, and the credit of the data that they were taken on, (B, 1, 1).
struct CreditedAdaptation {
  Params theta_prime;
  Var credit;
};
CreditedAdaptation adapt_with_credit(const Params& theta, const Batch& supports, Var alpha, Var scores,
                                     const EMamlSpec& spec);
// One number per task, (B, 1, 1): MAML's surrogate plus λ times the credit. Its gradient at the θ that collected the
// data is an unbiased estimate of ∇J_E if credit is `sum`, λ = 1, the inner estimator is log-likelihood, and R_i is the
// return in the unit of the surrogate (trajectory-sum, not standardised).
Var e_maml_objectives(const Params& theta, const Batch& supports, Var alpha, const Batch& query,
                      const EMamlSpec& spec);
// Their average over tasks (1, 1, 1).
Var e_maml_objective(const Params& theta, const Batch& supports, Var alpha, const Batch& query,
                     const EMamlSpec& spec);

// --- Scores ----------------------------------------------------------------------------------------------------------

// R_i − b of every task from the returns of the adapted policies: b is the mean of the other tasks' returns, so that it
// depends on nothing that task i did. A baseline of task i's own returns would make every score 0.
// standardise: divided by the deviation over tasks (+ 10⁻⁸). One task alone has no baseline: its score is R_i.
std::vector<double> credit_scores(const std::vector<double>& returns, bool standardise);

// --- The same, compiled ----------------------------------------------------------------------------------------------

struct EMamlFunctions {
  EMamlFunctions();
  // (theta, supports, alpha, query with "scores") → ∇θ of the objective; "objective"
  Function<EMamlSpec> meta_gradient;
  Function<EMamlSpec> outer;  // the same arguments → "objective", "kl"
};

extern const rl::AlgorithmRow e_maml;

}  // namespace innerloop::meta

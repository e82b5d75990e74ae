// VariBAD: variational Bayes-adaptive deep reinforcement learning. The belief as its own subject.
//
// Zintgraf, Shiarlis, Igl, Schulze, Gal, Hofmann, Whiteson 2020, "VariBAD: A Very Good Method for Bayes-Adaptive Deep
// RL via Meta-Learning", arXiv 1910.08348v2, and its official code (lmzintgraf/varibad, 57e1795). A recurrent encoder
// keeps a Gaussian belief about a latent m of the task, trained by reconstruction: from m a decoder must tell the
// rewards of the whole trial, those to come among them. The policy sees state and belief, and is trained by
// reinforcement learning, of which nothing reaches the encoder.
//
//   symbol        name           shape
//   x_t           "inputs"       (B, H·N, X): (s_t, a_{t−1}, r_{t−1}, d_{t−1}), rl/experience/trial.h
//   h_t           memory         (B, N, M)
//   q(m|τ_{:t})   beliefs        mean μ_t and log σ_t, (B, H·N, L): what is believed before a_t is chosen
//   ε             noise          (B, H·N, L), from N(0, 1)
//   n⁺, n⁻        "paid", "unpaid"  (B, N, C): how often the trial was and was not paid in each of C cells
//   φ, ψ          theta          "encoder/…", "decoder/…", (1, in, out) per parameter
//   β             kl_weight
//
// Rewards are of two kinds here, paid or not, and a state is one of C cells, as on GridNavi. So the decoder has a logit
// for every cell (the authors' choice for that grid), and a trial's rewards enter its likelihood by two counts per
// cell: decoding all H rewards from all H beliefs costs H rows, not H².
#pragma once

#include "autodiff/function.h"
#include "nn/distributions.h"
#include "nn/gru.h"
#include "nn/mlp.h"

namespace innerloop::meta {

// What shapes the programs.
struct VaribadSpec {
  nn::GruSpec memory;         // X → M
  int latent_size = 5;        // L
  nn::MlpSpec decoder;        // L → C
  double kl_weight = 0.01;    // β
  int time_steps = 1;         // H: the rows of a batch are H steps of N trials
  friend bool operator==(const VaribadSpec&, const VaribadSpec&) = default;
};

// "encoder/gru/…", "encoder/belief/…" (M → 2L: μ, log σ²) and "decoder/…".
ParamValues init_varibad(const VaribadSpec& spec, std::uint64_t seed, Dtype dtype);

struct BeliefSequence {
  nn::Gaussian q;  // of every row, (B, H·N, L)
  Var memory;      // after the last step, (B, N, M)
};
BeliefSequence beliefs(const Params& theta, const VaribadSpec& spec, Var inputs, Var reset, Var memory);

// Per trial, (B, N, 1): Σ_t log p(all rewards of the trial | m_t), for m (B, H·N, L). batch: paid, unpaid, mask.
Var reconstruction(const Params& theta, const VaribadSpec& spec, Var m, const Batch& batch);
// Per row, (B, H·N, 1): KL(q_t‖q_{t−1}), where q_{−1} = N(0, 1).
Var kl_to_belief_before(const nn::Gaussian& q, int trials);

// The ELBO, its terms summed over the times of a belief and averaged over trials: (1, 1, 1) each. batch: inputs, reset,
// mask, paid, unpaid; memory (B, N, M), zeros: where the trials start.
struct Elbo { Var total, reconstruction, kl; };
Elbo elbo(const Params& theta, const VaribadSpec& spec, const Batch& batch, Var noise);

// Beside it, what somebody learns who is told the tasks of training (Humplik et al. 2019, arXiv 1905.06424v2): the same
// memory, with K logits in place of the Gaussian: "encoder/gru/…" and "encoder/label/…".
struct TaskLabelSpec {
  nn::GruSpec memory;
  int labels = 1;      // K
  int time_steps = 1;  // H
  friend bool operator==(const TaskLabelSpec&, const TaskLabelSpec&) = default;
};
ParamValues init_task_labels(const TaskLabelSpec& spec, std::uint64_t seed, Dtype dtype);
struct LabelSequence { Var logits, memory; };  // (B, H·N, K), (B, N, M)
LabelSequence label_logits(const Params& theta, const TaskLabelSpec& spec, Var inputs, Var reset, Var memory);
// −Σ_t log p(k | τ_{:t}), averaged over trials; batch: inputs, reset, mask, memory;
// label (B, H·N, 1), the number of the trial's task in each row.
Var label_loss(const Params& theta, const TaskLabelSpec& spec, const Batch& batch);

// ---- The same, compiled

struct VaribadFunctions {
  VaribadFunctions();
  // One step of N trials: (theta, {"inputs", "reset"}, memory) → {"mean", "log_sigma", "paid" (B, N, C)}; {"memory"}.
  // paid: the probability of being paid in each cell, decoded from the belief's mean.
  Function<VaribadSpec> step;
  // (theta, batch, noise) → ∇(−ELBO); {"elbo", "reconstruction", "belief_kl"}
  Function<VaribadSpec> gradient;
  // The same for labels: → {"probabilities"}; {"memory"}, and ∇ of the loss; {"label_loss"}
  Function<TaskLabelSpec> label_step, label_gradient;
};

}  // namespace innerloop::meta

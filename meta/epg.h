// Evolved policy gradients (EPG): the loss is learned, by evolution; policies are trained on it by gradient descent.
//
// Houthooft, Chen, Isola, Stadie, Wolski, Ho, Abbeel 2018, "Evolved Policy Gradients", arXiv 1802.04821v2. Two loops.
// Inside, a policy that begins at random learns one task by descending L_φ, a network that sees the policy's recent
// experience and returns one number; it never sees a reward function, only what rewards there were. Outside, evolution
// strategies change φ so that policies so trained earn more. What is carried from task to task is not a policy, not a
// belief, but a way to learn.
//
//   symbol   name                      shape, for B tasks side by side
//   φ        phi                       (1, in, out): the loss network
//   θ        theta                     (B, in, out): a policy for each task
//   N        buffer rows               the latest steps, the oldest first; what is not filled yet is padding, above
//   M        new rows                  steps between two updates: whole episodes, during which θ stays
//   x_t      loss_inputs row           (B, N, F): s̃_t, ã_t, r̃_t, d_t, what π_θ says at s_t, memory m
//   C        context                   (B, 1, 32): of the whole buffer, by two temporal convolutions
//   L_φ      learned_loss              (B, 1, 1): mean over a minibatch
//   α        alpha                     weight of PPO's loss beside it: 1 at the start of the evolution, 0 later
#pragma once

#include "autodiff/function.h"
#include "nn/policy.h"

namespace innerloop::meta {

// The loss network. Kernels, strides and widths are those of the official code.
struct LossSpec {
  int features = 1;                             // F
  int kernel1 = 6, stride1 = 5, channels1 = 16;
  int kernel2 = 4, stride2 = 2, channels2 = 32;
  int context = 32, hidden = 16;
  double leak = 0.2;                            // of the leaky ReLU; ours
  int shortest_buffer() const { return kernel1 + stride1 * (kernel2 - 1); }  // rows that one window of both needs
  friend bool operator==(const LossSpec&, const LossSpec&) = default;
};

// "loss/conv1/W" (1, 6F, 16), "loss/conv1/b", …, "loss/context/W", "loss/hidden/W" (1, F + 32, 16), "loss/out/W" …:
// weights Xavier uniform, biases zero. 9 857 numbers for the 55 features of the official code's Hopper.
ParamValues init_loss(const LossSpec& spec, std::uint64_t seed, Dtype dtype = Dtype::f64);

struct EpgProgram {
  nn::PolicySpec policy;
  LossSpec loss;
  int memory = 0;       // numbers m = tanh c beside the policy, which the loss trains as it trains θ; 0: none
  bool learned = true;  // L_φ has a weight; if not, the loss is PPO's alone
  bool ppo = false;     // PPO's loss has a weight
  double clip = 0.2;
  friend bool operator==(const EpgProgram&, const EpgProgram&) = default;
};
// F: numbers in a row of "inputs", the policy's (2A, or the logarithms of A probabilities), the memory's.
int loss_features(const nn::PolicySpec& policy, int inputs, int memory);

// The buffer, data:
//   "inputs" (B, N, ·)        s̃_t, ã_t, r̃_t, d_t: normalised; anything on padding
//   "mask" (B, N, 1)          0 on padding
//   "observations" (B, N, O), "actions" (B, N, A), and for PPO "advantages" and "old_log_prob" (B, N, 1)
// x, (B, N, F), exactly zero on padding, whatever stands there. With the memory cut off it is what the context sees.
Var loss_inputs(const Params& theta, const EpgProgram& spec, const Batch& buffer, bool detach_memory = false);
// C, (B, 1, 32).
Var loss_context(const Params& phi, const LossSpec& spec, Var x);
// Σ_t w_t ℓ_φ(x_t, C), (B, 1, 1), for rows x (B, n, F) and weights (B, n, 1) that add up to 1.
Var learned_loss(const Params& phi, const LossSpec& spec, Var x, Var context, Var weights);

// What θ descends on one minibatch: rows `index` (B, n, 1) of the buffer, weighted. alpha (1, 1, 1).
Var epg_loss(const Params& phi, const Params& theta, const EpgProgram& spec, const Batch& buffer, Var index,
             Var weights, Var alpha);

// --- The same, compiled ----------------------------------------------------------------------------------------------

struct EpgFunctions {
  EpgFunctions();
  Function<EpgProgram> gradient;  // (phi, theta, buffer, index, weights, alpha) → ∂/∂θ, each task's own
  Function<EpgProgram> log_prob;  // (theta, observations, actions) → "log_prob" (B, rows, 1)
};

}  // namespace innerloop::meta

// MAESN: structured exploration.
//
// Gupta, Mendonca, Liu, Abbeel, Levine 2018, "Meta-Reinforcement Learning of Structured Exploration Strategies", arXiv
// 1802.07245v1.
// Noise on each action explores by trembling. MAESN puts the noise elsewhere: a policy π_θ(a|s, z) sees a number z that
// is drawn once for each episode, so a whole episode is tried one way, the next another. Every training task has its
// own distribution of z; an inner step moves it towards the z that earned most. A KL to N(0, 1) holds these
// distributions together, so that a new task may begin with z ~ N(0, 1).
//
//   symbol       name                       shape
//   θ            "policy/…"                 (1, in, out): π_θ(a|s, z), the same for all tasks unless adapt_policy
//   μ_i, log σ_i "latent/mean", "latent/log_sigma"    (1, T, D): a row for each of T training tasks;
//                                           in a task's state (B, 1, D): that of the B tasks at hand
//   α            "alpha/…"                  (1, 1, D): learned step sizes of μ and log σ
//   z            last D columns of support["observations"], the same in all rows of an episode: data
//   ε            query["noise"]             (B, rows, D): the draw behind z = μ + σε, as data
//   A_n          support["latent_advantages"]   (B, rows, 1): A_n/N in the first row of episode n, 0 elsewhere
//   c            kl_weight
#pragma once

#include "autodiff/function.h"
#include "kernels/words.h"
#include "nn/policy.h"

namespace innerloop::meta {

enum class Latents {
  gaussian,  // z ~ N(μ_i, σ_i²), one for each episode
  point,     // z = μ_i: the same parameters without the noise, adapted by the policy's own gradient
};
constexpr auto words_of(Latents) {
  return std::to_array<Word<Latents>>({{"gaussian", Latents::gaussian}, {"point", Latents::point}});
}

struct MaesnSpec {
  nn::PolicySpec policy;  // inputs: observation size + latent_size
  int latent_size = 2;    // D
  Latents latents = Latents::gaussian;
  int inner_steps = 1;    // K
  bool adapt_policy = false;  // θ takes inner steps too, with learned step sizes "alpha/policy/…"
  double kl_weight = 0.1;     // c
  friend bool operator==(const MaesnSpec&, const MaesnSpec&) = default;
};

// What training begins with: the policy, latents of `tasks` tasks with μ ~ N(0, 1) and σ = 1, step sizes alpha.
ParamValues init_maesn(const MaesnSpec& spec, int tasks, double alpha, std::uint64_t seed, Dtype dtype);

// --- The equations, on a graph ---------------------------------------------------------------------------------------

// The state of the tasks at hand: the list θ with their rows of the tables of latents. task: (B, 1, T), 1 at task i's
// own number, else 0.
Params task_state(const Params& theta, Var task, const MaesnSpec& spec);
// z of every row, (B, rows, D): μ + σ·noise, or μ.
Var latent_of(const Params& state, Var noise, const MaesnSpec& spec);
// Ĵ of the latents, (B, 1, 1): Σ_n A_n log N(z_n; μ, σ²). z is data: nothing flows through it.
Var latent_objective(const Params& state, const Batch& support, const MaesnSpec& spec);
// One inner step of the latents, and of θ if adapt_policy. factor: (1, 1, 1), on top of the learned step sizes.
Params adapt_latents(const Params& state, const Batch& support, Var factor, const MaesnSpec& spec);
// KL(N(μ_i, σ_i²) ‖ N(0, 1)), (B, 1, 1); of points: ½μ².
Var prior_kl(const Params& state, const MaesnSpec& spec);

// The tasks' adapted states, K steps from θ. supports: "0/…", …
Params adapt_state(const Params& theta, const Batch& supports, Var task, Var factor, const MaesnSpec& spec);
// The distribution of actions at the rows of a batch, z drawn anew from the state with the same noise.
nn::DistributionVars latent_policy(const Params& state, const Batch& batch, const MaesnSpec& spec);
// mean_i (surrogate of the adapted latents − c·prior_kl of those before the update), (1, 1, 1).
Var maesn_objective(const Params& theta, const Batch& supports, Var task, Var factor, const Batch& query,
                    const MaesnSpec& spec);
// mean KL between old and new adapted policies on query, (1, 1, 1).
Var maesn_kl(const Params& theta, const Batch& supports, Var task, Var factor, const Batch& query,
             const MaesnSpec& spec);

// --- The same, compiled ----------------------------------------------------------------------------------------------

struct MaesnFunctions {
  MaesnFunctions();
  Function<MaesnSpec> state;       // (theta, task) → the state of the tasks at hand
  Function<MaesnSpec> adapt_step;  // (state, support, factor) → state
  Function<MaesnSpec> old_policy;  // (state, query) → "old_log_prob", "old/…"
  // (theta, supports, task, factor, query) → ∇ of the objective; "objective"
  Function<MaesnSpec> meta_gradient;
  Function<MaesnSpec> outer;       // the same arguments → "objective", "kl"
  // (theta, supports, task, factor, query, damping, cg state) → cg state, with A = JᵀFJ + damping·1
  Function<MaesnSpec> cg_iteration;
};

}  // namespace innerloop::meta

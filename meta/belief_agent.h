// What a policy is told of its task: the belief of VariBAD, one learned from labels, or the exact one (meta/varibad.h,
// meta/varibad_exact.h). All three are read off the same history, so what differs between their policies' returns is
// inference, and what differs from the optimum with the exact one is control. Probabilities, of tasks or of rewards,
// are shown relative to the largest of them.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "kernels/words.h"
#include "meta/varibad_exact.h"
#include "meta/rl2.h"
#include "meta/varibad.h"

namespace innerloop::meta {

enum class BeliefKind : std::uint8_t {
  variational,  // μ_t and log σ_t of q(m|τ_{:t}), trained by reconstruction
  labels,       // p(k|τ_{:t}), trained on the numbers of the tasks of training
  exact,        // p(k|τ_{:t}), by Bayes' rule
};
constexpr auto words_of(BeliefKind) {
  return std::to_array<Word<BeliefKind>>({{"variational", BeliefKind::variational},
                                          {"labels", BeliefKind::labels},
                                          {"exact", BeliefKind::exact}});
}

// What a policy sees of a variational belief.
enum class BeliefShown : std::uint8_t {
  latent,   // μ_t and log σ_t (the paper)
  rewards,  // what the decoder makes of μ_t: how probable it is to be paid in each cell
};
constexpr auto words_of(BeliefShown) {
  return std::to_array<Word<BeliefShown>>({{"latent", BeliefShown::latent}, {"rewards", BeliefShown::rewards}});
}

struct BeliefConfig {
  BeliefKind kind = BeliefKind::variational;
  BeliefShown shown = BeliefShown::latent;
  int memory = 64, latent_size = 5;       // M, L
  std::vector<int> decoder_hidden = {32, 32};
  double kl_weight = 0.01;                // β
};

// The cells of an environment whose states are few: which one a state is.
struct Cells {
  int count = 0;  // 0: its states are no cells
  int side = 0;   // of the square: cell x + side·y
  std::vector<int> of_task{};  // the one cell that pays, in each task of the exact belief's list
  int of(std::span<const double> observation) const;
};
Cells cells_of(const std::string& env);

// The belief in trials of an environment, step by step.
class Beliefs {
 public:
  // UsageError where the environment has no exact belief, or where VariBAD's decoder needs cells and there are none.
  Beliefs(const BeliefConfig& config, const rl::TrialConfig& trial, Dtype dtype);

  int size() const;  // numbers that the policy sees: 2L or C, or K
  ParamValues init(std::uint64_t seed) const;  // the encoder's, and the decoder's; none of the exact belief
  Tensors start(int tasks, int sequences) const;

  // After one more step of (B, N) trials: what is believed, (B, N, size()), and the state.
  struct Step { Tensor belief; Tensors state; };
  Step step(const ParamValues& theta, const Tensor& inputs, const Tensor& reset, const Tensors& state) const;

  // At every row of played trials, (B, H·N, size()).
  Tensor of_trials(const ParamValues& theta, const rl::Trials& trials) const;

  const BeliefConfig& config() const { return config_; }
  VaribadSpec varibad_spec(int time_steps) const;
  TaskLabelSpec label_spec(int time_steps) const;
  const Cells& cells() const { return cells_; }
  const ExactBelief& exact() const { return *exact_; }
  const VaribadFunctions& functions() const { return functions_; }

 private:
  Step exact_step(const Tensor& inputs, const Tensor& reset, const Tensors& state) const;

  BeliefConfig config_;
  rl::TrialConfig trial_;
  Dtype dtype_;
  Cells cells_;
  std::optional<ExactBelief> exact_;
  VaribadFunctions functions_;
};

// States with what is believed beside each: (B, rows, O) and (B, rows, K) → (B, rows, O + K).
Tensor beside_belief(const Tensor& states, const Tensor& belief);

// The memory of an agent whose policy, of this spec, sees state and belief. `beliefs` must live as long.
AgentMemory belief_memory(const Beliefs& beliefs, const nn::ActorCriticSpec& policy, int observations);

}  // namespace innerloop::meta

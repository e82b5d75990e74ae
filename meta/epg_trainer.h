// Evolving a loss: settings, the outer loop, checkpoints (the equations: epg.h; a lifetime: epg_inner_loop.h).
#pragma once

#include <memory>
#include <vector>

#include "meta/epg_inner_loop.h"
#include "rl/evolution_strategies.h"
#include "rl/training/trainer.h"

namespace innerloop::meta {

// What a lifetime is worth: the return of fresh episodes after it, or the mean over all of it.
enum class LifetimeFitness { last, mean };
constexpr auto words_of(LifetimeFitness) {
  return std::to_array<Word<LifetimeFitness>>({{"last", LifetimeFitness::last}, {"mean", LifetimeFitness::mean}});
}
// Which loss adapt uses: the evolved one; or as a control the same numbers in another order, within each parameter.
enum class LossAtTest { evolved, shuffled };
constexpr auto words_of(LossAtTest) {
  return std::to_array<Word<LossAtTest>>({{"evolved", LossAtTest::evolved}, {"shuffled", LossAtTest::shuffled}});
}

// What evolves: the loss; or, as a baseline, four settings of PPO: learning rate, σ, γ and λ.
enum class Evolved { loss, ppo };
constexpr auto words_of(Evolved) {
  return std::to_array<Word<Evolved>>({{"loss", Evolved::loss}, {"ppo", Evolved::ppo}});
}

struct EpgConfig {
  Evolved evolve = Evolved::loss;
  int iterations = 100;  // E
  int tasks = 4;         // W/V: lifetimes of one individual, the same tasks for all of an iteration
  EpgInnerConfig inner;
  rl::EvolutionConfig evolution;
  LifetimeFitness fitness = LifetimeFitness::last;
  int evaluation_episodes = 3;
  double alpha_epochs = 0.125, alpha_floor = 0;
  double test_alpha = 0;
  LossAtTest loss_at_test = LossAtTest::evolved;
};
const rl::Options<EpgConfig>& epg_options();

// α of iteration e of E: from 1 in a straight line to alpha_floor over the first alpha_epochs·E, and that afterwards.
double ppo_weight(const EpgConfig& config, int iteration);

class EpgTrainer final : public rl::Trainer {
 public:
  EpgTrainer(const EpgConfig& config, std::uint64_t seed);
  rl::Metrics iterate() override;
  int iterations() const override { return config_.iterations; }
  void visit(rl::Checkpoint& c) override { c("", evolution_); }
  rl::AdaptReport adapt(const rl::AdaptRequest& request) const override;
  rl::AdaptDefaults adapt_defaults() const override;

  // φ, under the names of the loss network.
  ParamValues loss() const { return loss_of(evolution_.mean()); }

 private:
  bool evolves_loss() const { return config_.evolve == Evolved::loss; }
  ParamValues loss_of(std::span<const double> numbers) const;
  LearnerSettings settings_of(std::span<const double> numbers) const;

  EpgConfig config_;
  std::uint64_t seed_;
  EpgInnerLoop loop_;
  ParamValues shape_;  // names and shapes of φ
  rl::EvolutionStrategy evolution_;
  std::vector<std::unique_ptr<EpgInnerLoop>> workers_;  // one for each thread: a Function serves one at a time
};

extern const rl::AlgorithmRow epg;

}  // namespace innerloop::meta

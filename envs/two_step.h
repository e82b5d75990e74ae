// The two-step task, in which planning and habit choose differently.
//
// Daw et al. 2011, as simplified by Wang et al. 2016 (arXiv 1611.05763, section 3.2) and Wang et al. 2018 (Nature
// Neuroscience 21).
#pragma once

#include "envs/spec.h"

namespace innerloop::envs {

// A trial is two steps. At the first stage, S₁, action 0 leads to S₂ with probability `common` and to S₃ otherwise;
// action 1 the other way round. At the second stage every action pays 1 with probability 0.9 in the good one of S₂ and
// S₃ and with 0.1 in the other, and leads back to S₁. An episode is 100 trials. Which of the two is good at its start
// is the task; between trials they change places with probability `flip`. Variant gives spec, common and flip.
//
// (The observation shows the stage. Whoever repeats a choice after a reward alone acts by habit; whoever looks at
// whether the transition was the common one plans.)
template <class Real, class Variant>
struct TwoStage {
  struct Task { Real good; };  // 0: S₂ is good, 1: S₃
  struct State { int stage, good; };  // stage 0, 1, 2: S₁, S₂, S₃; good 1 or 2
  struct Action { int a; };

  static constexpr int task_count = 2;
  static constexpr Task task(int index) { return {static_cast<Real>(index)}; }

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    return task(static_cast<int>(random.below(task_count)));
  }

  template <class Random>
  static constexpr State reset(const Task& task, Random&) {
    return {0, task.good < Real(0.5) ? 1 : 2};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task&, State& state, const Action& action, Random& random) {
    // First stage: the transition.
    if (state.stage == 0) {
      const bool common = random.uniform() < Variant::common;
      state.stage = (action.a == 0) == common ? 1 : 2;
      return {0, false};
    }

    // Second stage: the reward; then S₁ again, and perhaps the good state is another.
    const bool paid = random.uniform() < (state.stage == state.good ? Real(0.9) : Real(0.1));
    if constexpr (Variant::flip > 0)
      if (random.uniform() < Variant::flip) state.good = 3 - state.good;
    state.stage = 0;
    return {paid ? Real(1) : Real(0), false};
  }

  // One-hot over S₁, S₂, S₃.
  static constexpr void observe(const Task&, const State& state, Real* obs) {
    for (int stage = 0; stage < 3; ++stage) obs[stage] = stage == state.stage ? Real(1) : Real(0);
  }

  static constexpr Action best_action(const Task&, const State& state) { return {state.good - 1}; }
};

constexpr Spec two_step_spec(std::string_view name, std::string_view summary, std::string_view source) {
  return {
      .name = name,
      .summary = summary,
      .source = source,
      .task_size = 1,
      .obs_size = 3,
      .action_kind = ActionKind::discrete,
      .action_count = 2,
      .horizon = 200,
      .random_step = true,
      .best_policy = "oracle (knows the good state)",
  };
}

// two-step-v1: common 0.75, and the good state stays for all of the episode.
template <class Real>
struct TwoStep : TwoStage<Real, TwoStep<Real>> {
  static constexpr Spec spec = two_step_spec("two-step-v1", "choose by what a transition means, 100 times an episode",
                                             "Wang 2016 (arXiv 1611.05763), section 3.2");
  static constexpr Real common = Real(0.75), flip = 0;
};

// two-step-flip-v1: common 0.8, and the states change places before one trial in 40.
template <class Real>
struct TwoStepFlip : TwoStage<Real, TwoStepFlip<Real>> {
  static constexpr Spec spec = two_step_spec("two-step-flip-v1", "the two-step task whose good state changes at times",
                                             "Wang 2018 (Nature Neuroscience 21)");
  static constexpr Real common = Real(0.8), flip = Real(0.025);
};

}  // namespace innerloop::envs

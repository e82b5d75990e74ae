// two-state-v1 written out: all 64 trajectories with their probabilities, so that every expectation is a finite sum.
//
// Two states, two actions, three steps, γ = 1, start in s = 0; a tabular softmax policy θ (s, a), which is a network
// without hidden layers and biases on one-hot observations.
#pragma once

#include <cmath>
#include <vector>

#include "envs/tabular.h"
#include "nn/policy.h"
#include "rl/experience/trajectory.h"

namespace innerloop::tests {

struct TwoStateFixture {
  static inline const nn::PolicySpec policy{.net = {.inputs = 2, .hidden = {}, .outputs = 2, .biases = false},
                                            .head = nn::PolicySpec::Head::categorical};
  // What is known of θ = (.3, −.2, .1, .4): the return, and its gradient.
  static inline const std::vector<double> theta{0.3, -0.2, 0.1, 0.4};
  static constexpr double J = 2.114555620112371;
  static inline const std::vector<double> gradient{0.42698394, -0.42698394, -0.47325013, 0.47325013};

  rl::Trajectories trajectories;    // one task of 64 trajectories
  std::vector<double> probability;  // of each
  Tensor weights;                   // the probability of its trajectory on each row

  static ParamValues parameters(const std::vector<double>& numbers = theta) {
    ParamValues values;
    values.add("policy/W1", Tensor::from({1, 2, 2}, numbers));
    return values;
  }

  // Under the policy `numbers`.
  explicit TwoStateFixture(const std::vector<double>& numbers = theta) {
    using Env = envs::TwoState<double>;
    const Shape column{1, rl::padded_rows(64 * 3), 1};
    trajectories.tasks = 1;
    trajectories.per_task = 64;
    trajectories.observations = Tensor({1, column.rows, 2});
    for (Tensor* t : {&trajectories.actions, &trajectories.rewards, &trajectories.mask, &trajectories.time,
                      &trajectories.start, &trajectories.continues, &weights})
      *t = Tensor(column);
    for (int code = 0, row = 0; code < 64; ++code) {
      double p = 1, sum = 0;
      int s = 0;
      for (int t = 0; t < 3; ++t, ++row) {
        // Two bits of the code per step: the action, and the state it leads to.
        const int a = code >> (2 * t) & 1, next = code >> (2 * t + 1) & 1;
        const double z0 = numbers[static_cast<std::size_t>(2 * s)], z1 = numbers[static_cast<std::size_t>(2 * s + 1)];
        p *= std::exp(a == 0 ? z0 : z1) / (std::exp(z0) + std::exp(z1));
        p *= next == 0 ? Env::probability_of_0(s, a) : 1 - Env::probability_of_0(s, a);
        sum += Env::reward(s, a);
        trajectories.observations.set(0, row, s, 1);
        trajectories.actions.set(0, row, 0, a);
        trajectories.rewards.set(0, row, 0, Env::reward(s, a));
        trajectories.mask.set(0, row, 0, 1);
        trajectories.time.set(0, row, 0, t);
        trajectories.start.set(0, row, 0, t == 0);
        trajectories.continues.set(0, row, 0, t < 2);
        s = next;
      }
      for (int t = 1; t <= 3; ++t) weights.set(0, row - t, 0, p);
      probability.push_back(p);
      trajectories.returns.push_back(sum);
      trajectories.lengths.push_back(3);
      trajectories.truncated.push_back(1);
    }
  }

  double expected_return() const {
    double sum = 0;
    for (std::size_t n = 0; n < 64; ++n) sum += probability[n] * trajectories.returns[n];
    return sum;
  }
};

}  // namespace innerloop::tests

// The exact fixture: a two-state problem whose 64 trajectories are all written down, so every expectation is a sum.
//
// Two states, two actions, three steps, no discount, start in state 0. P(s'=0|s,a) = (.9, .2; .3, .6),
// R(s,a) = (1, 0; −½, 2), tabular softmax policy θ = (.3, −.2; .1, .4).
#pragma once

#include <cmath>
#include <vector>

#include "autodiff/tensor.h"
#include "meta/maml.h"

namespace innerloop::tests {

inline const nn::PolicySpec kTablePolicy{.net = {.inputs = 2, .hidden = {}, .outputs = 2, .biases = false},
                                         .head = nn::PolicySpec::Head::categorical};

inline ParamValues table_theta(std::vector<double> theta = {0.3, -0.2, 0.1, 0.4}) {
  ParamValues values;
  values.add("policy/W1", Tensor::from({1, 2, 2}, theta));
  return values;
}

struct Enumeration {
  BatchValues batch;    // 64 trajectories of 3 rows; weights = the trajectory's probability, advantages = return to go
  double expected_return = 0;
};

// All trajectories under the policy theta, with `reward_shift` added to every reward.
inline Enumeration enumerate(const std::vector<double>& theta, double reward_shift = 0) {
  constexpr double next_is_0[2][2] = {{0.9, 0.2}, {0.3, 0.6}}, reward[2][2] = {{1, 0}, {-0.5, 2}};
  constexpr int rows = 64 * 3;
  std::vector<double> observations, actions, advantages, weights, start, log_pi;
  Enumeration result;
  for (int code = 0; code < 64; ++code) {
    double probability = 1, rewards[3];
    double log_prob[3];
    int states[3], chosen[3], s = 0;
    for (int t = 0; t < 3; ++t) {
      int a = code >> (2 * t) & 1, next = code >> (2 * t + 1) & 1;
      double z0 = theta[static_cast<std::size_t>(2 * s)], z1 = theta[static_cast<std::size_t>(2 * s + 1)];
      double pi = std::exp(a ? z1 : z0) / (std::exp(z0) + std::exp(z1));
      states[t] = s, chosen[t] = a, rewards[t] = reward[s][a] + reward_shift, log_prob[t] = std::log(pi);
      probability *= pi * (next == 0 ? next_is_0[s][a] : 1 - next_is_0[s][a]);
      s = next;
    }
    double to_go[3] = {rewards[0] + rewards[1] + rewards[2], rewards[1] + rewards[2], rewards[2]};
    result.expected_return += probability * to_go[0];
    for (int t = 0; t < 3; ++t) {
      observations.push_back(states[t] == 0), observations.push_back(states[t] == 1);
      actions.push_back(chosen[t]), advantages.push_back(to_go[t]);
      weights.push_back(probability), start.push_back(t == 0);
      log_pi.push_back(log_prob[t]);
    }
  }
  result.batch.add("observations", Tensor::from({1, rows, 2}, observations));
  result.batch.add("actions", Tensor::from({1, rows, 1}, actions));
  result.batch.add("advantages", Tensor::from({1, rows, 1}, advantages));
  result.batch.add("weights", Tensor::from({1, rows, 1}, weights));
  result.batch.add("start", Tensor::from({1, rows, 1}, start));
  result.batch.add("old_log_prob", Tensor::from({1, rows, 1}, log_pi));
  return result;
}

}  // namespace innerloop::tests

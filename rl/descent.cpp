#include "rl/descent.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

namespace innerloop::rl {

const Options<DescentConfig>& descent_options() {
  using Config = DescentConfig;
  static const auto options =
      Options<Config>()
          .add("learning_rate", &Config::learning_rate, {0, 1000}, "step size of Adam")
          .add("anneal", &Config::anneal, "let the learning rate fall linearly to 0 at the last iteration")
          .add("value_weight", &Config::value_weight, {0, 1000}, "c_v, the weight of the value's loss")
          .add("entropy_weight", &Config::entropy_weight, {0, 1000}, "c_e, the weight of the entropy bonus")
          .add("max_gradient_norm", &Config::max_gradient_norm, {0, 1e9},
               "longer gradients are cut to this length; 0: never");
  return options;
}

namespace {

template <class T>
Tensor choose_rows(const Tensor& from, int time_steps, std::span<const int> sequences) {
  const Shape s = from.shape();
  const int per_step = s.rows / time_steps, count = static_cast<int>(sequences.size());
  Tensor to({s.tasks, time_steps * count, s.cols}, from.dtype());
  const T* source = from.values<T>().data();
  T* out = to.mutable_values<T>().data();
  for (int slice = 0; slice < s.tasks; ++slice)
    for (int t = 0; t < time_steps; ++t)
      for (int n : sequences) {
        const T* row = source + (static_cast<std::ptrdiff_t>(slice) * s.rows + t * per_step + n) * s.cols;
        out = std::copy(row, row + s.cols, out);
      }
  return to;
}

// The same weight for every row that has one, 1 in all: padding has none.
Tensor equal_weights(const Tensor& weights) {
  std::vector<double> numbers = weights.to_vector();
  const double share = 1.0 / static_cast<double>(std::ranges::count_if(numbers, [](double w) { return w != 0; }));
  for (double& w : numbers) w = w != 0 ? share : 0;
  return Tensor::from(weights.shape(), numbers, weights.dtype());
}

}  // namespace

BatchValues choose_sequences(const BatchValues& batch, int time_steps, std::span<const int> sequences) {
  BatchValues chosen;
  for (std::size_t k = 0; k < batch.count(); ++k) {
    const std::string& name = batch.name(k);
    if (name == "entropy_weight") {
      chosen.add(name, batch[k]);
      continue;
    }
    const int steps = name.starts_with("state/") ? 1 : time_steps;
    Tensor part = batch[k].dtype() == Dtype::f32 ? choose_rows<float>(batch[k], steps, sequences)
                                                 : choose_rows<double>(batch[k], steps, sequences);
    if (name == "weights") part = equal_weights(part);
    chosen.add(name, std::move(part));
  }
  return chosen;
}

// Fisher and Yates: from the back, each place takes one of those not yet placed.
std::vector<int> permutation(int count, std::uint64_t seed, const Place& place) {
  std::vector<int> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  Place at = place;
  for (int k = count - 1; k > 0; --k) {
    // A place holds few draws, its time step 20 bits of k.
    at.time_step = static_cast<std::uint32_t>(k) & 0xfffffu;
    at.trajectory = place.trajectory + (static_cast<std::uint32_t>(k) >> 20);
    std::swap(order[static_cast<std::size_t>(k)],
              order[Philox(seed, at).below(static_cast<std::uint32_t>(k) + 1)]);
  }
  return order;
}

double descend(DescentState& state, const ParamValues& gradient, const DescentConfig& config, int iteration,
               int iterations, const char* algorithm) {
  const double size = norm(gradient);
  if (!std::isfinite(size))
    throw NonFiniteError(std::string(algorithm) + ", iteration " + std::to_string(iteration) +
                         ": the gradient is not finite; a smaller learning_rate may help");
  const bool cut = config.max_gradient_norm > 0 && size > config.max_gradient_norm;
  const double left = 1 - static_cast<double>(iteration) / iterations;
  const double rate = config.learning_rate * (config.anneal ? left : 1);
  nn::adam_step(state.theta, gradient, state.adam, {.learning_rate = rate, .epsilon = 1e-5},
                cut ? config.max_gradient_norm / size : 1);
  return size;
}

void DescentState::visit(Checkpoint& c) {
  c("", theta);
  c("adam", adam);
}

}  // namespace innerloop::rl

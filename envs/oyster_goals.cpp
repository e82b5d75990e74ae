#include "envs/oyster_goals.h"

#include <cmath>
#include <random>

#include "envs/maml_goals.h"
#include "envs/math.h"

namespace innerloop::envs {
namespace {

constexpr std::uint32_t oyster_seed = 1337;
constexpr int oyster_goals = 100;

// A whole number in 0 … most as NumPy's legacy generator draws it: the low bits of a word that are needed, again until
// they do not exceed it.
std::uint32_t numpy_interval(std::mt19937& generator, std::uint32_t most) {
  std::uint32_t bits = most;
  for (const int shift : {1, 2, 4, 8, 16}) bits |= bits >> shift;
  while (true)
    if (const auto drawn = static_cast<std::uint32_t>(generator()) & bits; drawn <= most) return drawn;
}

}  // namespace

std::vector<Task> oyster_square_goals() {
  const std::vector<double> u = numpy_uniform(oyster_seed, 2 * oyster_goals);
  std::vector<Task> goals;
  for (std::size_t k = 0; k < u.size(); k += 2) goals.push_back({-1 + 2 * u[k], -1 + 2 * u[k + 1]});
  return goals;
}

std::vector<Task> oyster_semicircle_goals() {
  std::vector<Task> goals;
  for (int k = 0; k < oyster_goals; ++k) {
    const SinCos<double> direction = sin_cos(k * (pi<double> / (oyster_goals - 1)));
    goals.push_back({direction.cos, direction.sin});
  }
  std::mt19937 generator(oyster_seed);
  for (std::uint32_t k = oyster_goals - 1; k > 0; --k) std::swap(goals[k], goals[numpy_interval(generator, k)]);
  return goals;
}

std::vector<Task> oyster_goals_of(const EnvRow& env) {
  if (env.spec.name == "point-robot-v1") return oyster_square_goals();
  return env.spec.name.starts_with("semicircle") ? oyster_semicircle_goals() : std::vector<Task>();
}

std::vector<Task> official_training_tasks(const EnvRow& env) {
  std::vector<Task> goals = oyster_goals_of(env);
  if (!goals.empty()) goals.resize(oyster_training_goals);
  return goals;
}

}  // namespace innerloop::envs

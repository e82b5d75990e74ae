#include "envs/believers.h"

#include <algorithm>
#include <cmath>

#include "envs/math.h"
#include "envs/point_robot.h"
#include "envs/table.h"
#include "envs/vector_env.h"
#include "kernels/philox.h"
#include "kernels/require.h"

namespace innerloop::envs {

std::vector<double> returns_believing(const EnvRow& env, const std::vector<Task>& tasks,
                                      const std::vector<Task>& believed, std::uint64_t seed, int episodes) {
  require(tasks.size() == believed.size(), "returns_believing: as many believed tasks as tasks are needed");
  // Two lockstep copies: one is the world, in the other the belief is true, and the best policy is asked there.
  VectorEnv world(env, tasks, episodes, seed), imagined(env, believed, episodes, seed);
  world.reset({.purpose = Purpose::test_reset});
  imagined.reset({.purpose = Purpose::test_reset});
  std::vector<double> actions(world.finished().size() * static_cast<std::size_t>(env.spec.action_size));
  std::vector<double> returns(tasks.size());
  while (!world.all_finished()) {
    require(std::ranges::equal(world.observations(), imagined.observations()), [&] {
      return std::string(env.spec.name) + ": its states depend on the task, so nobody can act for another one";
    });
    imagined.choose(env.best, actions);
    world.step(actions);
    imagined.step(actions);
    for (std::size_t lane = 0; lane < world.rewards().size(); ++lane)
      returns[lane / static_cast<std::size_t>(episodes)] += world.rewards()[lane] / episodes;
  }
  return returns;
}

Task imagined_task(const EnvRow& env, const Task& task, std::uint64_t seed, std::uint32_t draw) {
  Task drawn = sample_task(env, seed, Purpose::test_task, 1, draw);
  if (env.spec.name.starts_with("promp-walls")) std::copy(task.begin() + 2, task.end(), drawn.begin() + 2);  // the gaps
  if (!env.spec.name.starts_with("pusher")) return drawn;
  // Block, goal x, goal y, then the blocks' places. The goal lies in the lane of its block, lanes being 0.2 wide.
  const auto y_of = [](const Task& t) { return t[3 + 5 + static_cast<std::size_t>(t[0])]; };
  const auto lane = [](double y) { return std::floor((y + 0.5) / 0.2); };
  const double within = drawn[2] - 0.2 * lane(y_of(drawn));
  std::copy(task.begin() + 3, task.end(), drawn.begin() + 3);
  drawn[2] = within + 0.2 * lane(y_of(drawn));
  return drawn;
}

double blind_prior(const EnvRow& env, const std::vector<Task>& tasks, int draws, std::uint64_t seed) {
  require(draws >= 1, "blind_prior: at least one draw is needed");
  std::vector<Task> world, believed;
  for (std::uint32_t i = 0; const Task& task : tasks)
    for (int k = 0; k < draws; ++k) {
      world.push_back(task);
      believed.push_back(imagined_task(env, task, seed, i++));
    }
  double mean = 0;
  for (const double r : returns_believing(env, world, believed, seed, 1)) mean += r / static_cast<double>(world.size());
  return mean;
}

Hedge blind_hedge(const EnvRow& env, const std::vector<Task>& tasks, double spacing, std::uint64_t seed,
                  int episodes) {
  Hedge best{.goal = {}, .mean_return = -1e300};
  const int steps = static_cast<int>(std::lround(1 / spacing));
  for (int x = -steps; x <= steps; ++x)
    for (int y = -steps; y <= steps; ++y) {
      const Task goal{x * spacing, y * spacing};
      double mean = 0;
      for (const double r : returns_believing(env, tasks, std::vector<Task>(tasks.size(), goal), seed, episodes))
        mean += r / static_cast<double>(tasks.size());
      if (mean > best.mean_return) best = {goal, mean};
    }
  return best;
}

namespace {

using Robot = SemicircleSparse<double>;

std::vector<Robot::Task> arc_midpoints(int goals) {
  std::vector<Robot::Task> tasks;
  for (int k = 0; k < goals; ++k) {
    const SinCos<double> direction = sin_cos(pi<double> * (k + 0.5) / goals);
    tasks.push_back({direction.cos, direction.sin});
  }
  return tasks;
}

// What the best way to `believed` earns with this goal. It is paid at all, or not.
double walk(const Robot::Task& goal, const Robot::Task& believed) {
  struct Nothing {} none;
  Robot::State p{0, 0};
  double sum = 0;
  for (int t = 0; t < Robot::spec.horizon; ++t)
    sum += Robot::step(goal, p, Robot::best_action(believed, p), none).reward;
  return sum;
}

}  // namespace

std::vector<double> thompson_sampling(int trajectories, int prior, int goals, int repeats, std::uint64_t seed) {
  require(trajectories >= 1 && goals >= 1 && repeats >= 1, "thompson_sampling: every number must be at least 1");
  const std::vector<Robot::Task> tasks = arc_midpoints(goals);
  const auto n = static_cast<std::size_t>(goals);
  std::vector<double> earned(n * n);  // [goal][believed]
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) earned[i * n + j] = walk(tasks[i], tasks[j]);

  std::vector<double> curve(static_cast<std::size_t>(trajectories));
  std::vector<std::size_t> possible;
  for (std::size_t goal = 0; goal < n; ++goal)
    for (int repeat = 0; repeat < repeats; ++repeat) {
      Philox random(seed, {.purpose = Purpose::test_action, .task = static_cast<std::uint32_t>(goal),
                           .trajectory = static_cast<std::uint32_t>(repeat)});
      const auto below = [&](std::size_t most) { return std::size_t{random.below(static_cast<std::uint32_t>(most))}; };
      possible.resize(n);
      for (std::size_t k = 0; k < n; ++k) possible[k] = k;
      for (int t = 0; t < trajectories; ++t) {
        // Believe in a goal: any one at first, then one that is still possible.
        const std::size_t believed = t < prior ? below(n) : possible[below(possible.size())];
        const double r = earned[goal * n + believed];
        curve[static_cast<std::size_t>(t)] += r / (static_cast<double>(n) * repeats);

        // Whoever was paid knows the goal by where; whoever was not knows where it is not.
        if (r > 0) possible.assign(1, goal);
        else std::erase_if(possible, [&](std::size_t k) { return earned[k * n + believed] > 0; });
      }
    }
  return curve;
}

double semicircle_prior_bound(int goals) {
  // Positions −1.3 … 1.3 × −0.3 … 1.3; each step moves at most 10 places of the lattice along each axis.
  constexpr int width = 261, height = 161, reach = 10;
  constexpr double spacing = 0.01;
  const std::vector<Robot::Task> tasks = arc_midpoints(goals);
  const auto at = [](int x, int y) { return static_cast<std::size_t>(y * width + x); };
  const auto place = [&](int x, int y) { return Robot::State{(x - 130) * spacing, (y - 30) * spacing}; };

  // What it pays on average to be somewhere.
  std::vector<double> reward(static_cast<std::size_t>(width * height));
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (const Robot::Task& goal : tasks)
        if (const double d = Robot::distance(goal, place(x, y)); d <= Robot::radius)
          reward[at(x, y)] += (1 - d) / goals;

  // Backwards: the value of the best place within reach, along one axis after the other.
  std::vector<double> value(reward.size()), there(reward.size()), along_x(reward.size());
  for (int t = 0; t < Robot::spec.horizon; ++t) {
    for (std::size_t k = 0; k < value.size(); ++k) there[k] = reward[k] + value[k];
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        double best = 0;
        for (int k = std::max(x - reach, 0); k <= std::min(x + reach, width - 1); ++k)
          best = std::max(best, there[at(k, y)]);
        along_x[at(x, y)] = best;
      }
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        double best = 0;
        for (int k = std::max(y - reach, 0); k <= std::min(y + reach, height - 1); ++k)
          best = std::max(best, along_x[at(x, k)]);
        value[at(x, y)] = best;
      }
  }
  return value[at(130, 30)];  // from the origin
}

}  // namespace innerloop::envs

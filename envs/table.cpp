#include "envs/table.h"

#include <array>
#include <string>

#include "envs/bandits.h"
#include "envs/classic_control.h"
#include "envs/discounting_chain.h"
#include "envs/distractions.h"
#include "envs/grid_navi.h"
#include "envs/gridworld.h"
#include "envs/harlow.h"
#include "envs/maesn.h"
#include "envs/maml_goals.h"
#include "envs/oyster_goals.h"
#include "envs/pendulum.h"
#include "envs/point_navigation.h"
#include "envs/point_robot.h"
#include "envs/promp.h"
#include "envs/promp_obstacles.h"
#include "envs/random_mdp.h"
#include "envs/reward_processes.h"
#include "envs/semicircle.h"
#include "envs/soft_problems.h"
#include "envs/tabular.h"
#include "envs/two_step.h"
#include "envs/wang_bandits.h"
#include "kernels/nearest.h"
#include "kernels/require.h"

namespace innerloop::envs {

// Compiled in table_rows.cpp and table_rows_trials.cpp, so that no file takes long.
extern template EnvRow make_row<CartPole<double>>();
extern template EnvRow make_row<Pendulum<double>>();
extern template EnvRow make_row<MountainCarContinuous<double>>();
extern template EnvRow make_row<Acrobot<double>>();
extern template EnvRow make_row<Gridworld<double>>();
extern template EnvRow make_row<Maze<double>>();
extern template EnvRow make_row<PointRobot<double>>();
extern template EnvRow make_row<SemicircleSparse<double>>();
extern template EnvRow make_row<SemicircleDense<double>>();
extern template EnvRow make_row<SoftLqr<double>>();
extern template EnvRow make_row<SoftTwoState<double>>();
extern template EnvRow make_row<BernoulliBandit<double, 5, 10>>();
extern template EnvRow make_row<BernoulliBandit<double, 5, 100>>();
extern template EnvRow make_row<BernoulliBandit<double, 5, 500>>();
extern template EnvRow make_row<BernoulliBandit<double, 10, 10>>();
extern template EnvRow make_row<BernoulliBandit<double, 10, 100>>();
extern template EnvRow make_row<BernoulliBandit<double, 10, 500>>();
extern template EnvRow make_row<BernoulliBandit<double, 50, 10>>();
extern template EnvRow make_row<BernoulliBandit<double, 50, 100>>();
extern template EnvRow make_row<BernoulliBandit<double, 50, 500>>();
extern template EnvRow make_row<GaussianBandit<double>>();
extern template EnvRow make_row<WangIndependent<double>>();
extern template EnvRow make_row<WangUniform<double>>();
extern template EnvRow make_row<WangEasy<double>>();
extern template EnvRow make_row<WangMedium<double>>();
extern template EnvRow make_row<WangHard<double>>();
extern template EnvRow make_row<WangInformative<double>>();
extern template EnvRow make_row<WangRestless<double>>();
extern template EnvRow make_row<RandomMdp<double>>();
extern template EnvRow make_row<TwoStep<double>>();
extern template EnvRow make_row<TwoStepFlip<double>>();
extern template EnvRow make_row<Harlow<double>>();
extern template EnvRow make_row<GridNavi<double>>();
extern template EnvRow make_row<SignalNoise<double>>();
extern template EnvRow make_row<NoiseUndone<double>>();
extern template EnvRow make_row<DiscountingChain<double, 0>>();
extern template EnvRow make_row<DiscountingChain<double, 1>>();
extern template EnvRow make_row<DiscountingChain<double, 2>>();
extern template EnvRow make_row<DiscountingChain<double, 3>>();
extern template EnvRow make_row<DiscountingChain<double, 4>>();
extern template EnvRow make_row<LureGrid<double>>();
extern template EnvRow make_row<NoisyCartPole<double>>();
extern template EnvRow make_row<Catch<double, 10>>();
extern template EnvRow make_row<Catch<double, 40>>();
extern template EnvRow make_row<PrompMomentum<double>>();
extern template EnvRow make_row<PrompWalls<double>>();
extern template EnvRow make_row<WheeledDense<double>>();
extern template EnvRow make_row<WheeledSparse<double>>();
extern template EnvRow make_row<PusherDense<double>>();
extern template EnvRow make_row<PusherSparse<double>>();

// region: table
std::span<const EnvRow> all_envs() {
  static const std::array rows = {
      make_row<PointNavigation<double>>(),
      make_row<PointNavigationSquared<double>>(),
      make_row<PointNavigationOracle<double>>(),
      make_row<PointNavigationRaw<double>>(),
      make_row<PointNavigationScale10<double>>(),
      make_row<FourState<double>>(),
      make_row<TwoState<double>>(),
      make_row<Promp1d<double>>(),
      make_row<PrompCorner<double>>(),
      make_row<PrompCornerDense<double>>(),
      make_row<PrompCornerDenseSquared<double>>(),
      make_row<CartPole<double>>(),
      make_row<Pendulum<double>>(),
      make_row<MountainCarContinuous<double>>(),
      make_row<Acrobot<double>>(),
      make_row<Gridworld<double>>(),
      make_row<Maze<double>>(),
      make_row<PointRobot<double>>(),
      make_row<SemicircleSparse<double>>(),
      make_row<SemicircleDense<double>>(),
      make_row<SoftLqr<double>>(),
      make_row<SoftTwoState<double>>(),
      make_row<BernoulliBandit<double, 5, 10>>(),
      make_row<BernoulliBandit<double, 5, 100>>(),
      make_row<BernoulliBandit<double, 5, 500>>(),
      make_row<BernoulliBandit<double, 10, 10>>(),
      make_row<BernoulliBandit<double, 10, 100>>(),
      make_row<BernoulliBandit<double, 10, 500>>(),
      make_row<BernoulliBandit<double, 50, 10>>(),
      make_row<BernoulliBandit<double, 50, 100>>(),
      make_row<BernoulliBandit<double, 50, 500>>(),
      make_row<GaussianBandit<double>>(),
      make_row<WangIndependent<double>>(),
      make_row<WangUniform<double>>(),
      make_row<WangEasy<double>>(),
      make_row<WangMedium<double>>(),
      make_row<WangHard<double>>(),
      make_row<WangInformative<double>>(),
      make_row<WangRestless<double>>(),
      make_row<RandomMdp<double>>(),
      make_row<TwoStep<double>>(),
      make_row<TwoStepFlip<double>>(),
      make_row<Harlow<double>>(),
      make_row<GridNavi<double>>(),
      make_row<SignalNoise<double>>(),
      make_row<NoiseUndone<double>>(),
      make_row<DiscountingChain<double, 0>>(),
      make_row<DiscountingChain<double, 1>>(),
      make_row<DiscountingChain<double, 2>>(),
      make_row<DiscountingChain<double, 3>>(),
      make_row<DiscountingChain<double, 4>>(),
      make_row<LureGrid<double>>(),
      make_row<NoisyCartPole<double>>(),
      make_row<Catch<double, 10>>(),
      make_row<Catch<double, 40>>(),
      make_row<PrompMomentum<double>>(),
      make_row<PrompWalls<double>>(),
      make_row<WheeledDense<double>>(),
      make_row<WheeledSparse<double>>(),
      make_row<PusherDense<double>>(),
      make_row<PusherSparse<double>>(),
  };
  return rows;
}
// endregion

const EnvRow& find_env(std::string_view name) {
  std::vector<std::string> names;
  for (const EnvRow& row : all_envs()) {
    if (row.spec.name == name) return row;
    names.emplace_back(row.spec.name);
  }
  throw Error("there is no environment '" + std::string(name) + "'" + did_you_mean(name, names));
}

Task sample_task(const EnvRow& env, std::uint64_t seed, Purpose purpose, std::uint32_t iteration, std::uint32_t task) {
  require(purpose == Purpose::task || purpose == Purpose::test_task,
          "sample_task: purpose must be Purpose::task or Purpose::test_task");
  Philox random(seed, {.purpose = purpose, .iteration = iteration, .task = task});
  Task numbers(static_cast<std::size_t>(env.spec.task_size));
  env.sample_task(random, numbers.data());
  return numbers;
}

std::vector<Task> reference_tasks(const EnvRow& env) {
  if (env.spec.name.starts_with("point-nav")) return maml_test_goals();
  if (const std::vector<Task> goals = oyster_goals_of(env); !goals.empty())
    return {goals.begin() + oyster_training_goals, goals.end()};

  std::vector<Task> tasks;
  const std::uint32_t count = env.task_count > 0 ? static_cast<std::uint32_t>(env.task_count) : 40;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (env.task_count == 0) {
      tasks.push_back(sample_task(env, 1, Purpose::test_task, 0, i));
    } else {
      Task numbers(static_cast<std::size_t>(env.spec.task_size));
      env.task(static_cast<int>(i), numbers.data());
      tasks.push_back(numbers);
    }
  }
  return tasks;
}

}  // namespace innerloop::envs

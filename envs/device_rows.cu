// The environments that a device can step: all of envs/table.cpp.
#include "envs/bandits.h"
#include "envs/classic_control.h"
#include "envs/device_driver.h"
#include "envs/discounting_chain.h"
#include "envs/distractions.h"
#include "envs/grid_navi.h"
#include "envs/gridworld.h"
#include "envs/harlow.h"
#include "envs/maesn.h"
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

namespace innerloop::envs::SIMT_BACKEND {

// The row of that name; null if there is none.
const DeviceEnvRow* find_row(std::string_view name) {
  static constexpr DeviceEnvRow rows[] = {
      device_row<PointNavigation<double>>,        device_row<PointNavigationSquared<double>>,
      device_row<PointNavigationOracle<double>>,  device_row<PointNavigationRaw<double>>,
      device_row<PointNavigationScale10<double>>, device_row<FourState<double>>,
      device_row<TwoState<double>>,               device_row<Promp1d<double>>,
      device_row<PrompCorner<double>>,            device_row<PrompCornerDense<double>>,
      device_row<PrompCornerDenseSquared<double>>, device_row<CartPole<double>>,
      device_row<Pendulum<double>>,               device_row<MountainCarContinuous<double>>,
      device_row<Acrobot<double>>,                device_row<Gridworld<double>>,
      device_row<Maze<double>>,                   device_row<PointRobot<double>>,
      device_row<SemicircleSparse<double>>,       device_row<SemicircleDense<double>>,
      device_row<SoftLqr<double>>,                device_row<SoftTwoState<double>>,
      device_row<BernoulliBandit<double, 5, 10>>, device_row<BernoulliBandit<double, 5, 100>>,
      device_row<BernoulliBandit<double, 5, 500>>, device_row<BernoulliBandit<double, 10, 10>>,
      device_row<BernoulliBandit<double, 10, 100>>, device_row<BernoulliBandit<double, 10, 500>>,
      device_row<BernoulliBandit<double, 50, 10>>, device_row<BernoulliBandit<double, 50, 100>>,
      device_row<BernoulliBandit<double, 50, 500>>, device_row<GaussianBandit<double>>,
      device_row<WangIndependent<double>>,        device_row<WangUniform<double>>,
      device_row<WangEasy<double>>,               device_row<WangMedium<double>>,
      device_row<WangHard<double>>,               device_row<WangInformative<double>>,
      device_row<WangRestless<double>>,           device_row<RandomMdp<double>>,
      device_row<TwoStep<double>>,                device_row<TwoStepFlip<double>>,
      device_row<Harlow<double>>,                 device_row<GridNavi<double>>,
      device_row<SignalNoise<double>>, device_row<NoiseUndone<double>>,
      device_row<DiscountingChain<double, 0>>, device_row<DiscountingChain<double, 1>>,
      device_row<DiscountingChain<double, 2>>, device_row<DiscountingChain<double, 3>>,
      device_row<DiscountingChain<double, 4>>, device_row<LureGrid<double>>,
      device_row<NoisyCartPole<double>>, device_row<Catch<double, 10>>,
      device_row<Catch<double, 40>>,
      device_row<PrompMomentum<double>>,          device_row<PrompWalls<double>>,
      device_row<WheeledDense<double>>,           device_row<WheeledSparse<double>>,
      device_row<PusherDense<double>>,            device_row<PusherSparse<double>>,
  };
  for (const DeviceEnvRow& row : rows)
    if (row.name == name) return &row;
  return nullptr;
}

void reset_lanes_of(std::string_view env, const DeviceLanes& lanes, void* stream) {
  const DeviceEnvRow* row = find_row(env);
  require(row != nullptr, "no device steps the environment '" + std::string(env) + "'");
  row->reset(lanes, stream);
}

void step_lanes_of(std::string_view env, const DeviceLanes& lanes, void* stream) {
  const DeviceEnvRow* row = find_row(env);
  require(row != nullptr, "no device steps the environment '" + std::string(env) + "'");
  row->step(lanes, stream);
}

}  // namespace innerloop::envs::SIMT_BACKEND

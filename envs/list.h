// The environments that there are: the one list, in the order of the chapter. From it table.cpp makes the table of the
// CPU, and device_rows.cu that of devices.
#pragma once

#include <vector>

#include "envs/bandits.h"
#include "envs/classic_control.h"
#include "envs/discounting_chain.h"
#include "envs/distractions.h"
#include "envs/driver.h"
#include "envs/goal_arc.h"
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
#include "envs/varied_dynamics.h"
#include "envs/wang_bandits.h"

namespace innerloop::envs {

template <class... Env>
struct EnvList {};

// region: list
using NavigationEnvs = EnvList<
    PointNavigation<double>,
    PointNavigationSquared<double>,
    PointNavigationOracle<double>,
    PointNavigationRaw<double>,
    PointNavigationScale10<double>,
    FourState<double>,
    TwoState<double>,
    Promp1d<double>,
    PrompCorner<double>,
    PrompCornerDense<double>,
    PrompCornerDenseSquared<double>>;

using ControlEnvs = EnvList<
    CartPole<double>,
    Pendulum<double>,
    MountainCarContinuous<double>,
    Acrobot<double>,
    Gridworld<double>,
    Maze<double>,
    Maze<double, 5>,
    PointRobot<double>,
    SemicircleSparse<double>,
    SemicircleDense<double>,
    SoftLqr<double>,
    SoftTwoState<double>>;

using TrialEnvs = EnvList<
    BernoulliBandit<double, 5, 10>,
    BernoulliBandit<double, 5, 100>,
    BernoulliBandit<double, 5, 500>,
    BernoulliBandit<double, 10, 10>,
    BernoulliBandit<double, 10, 100>,
    BernoulliBandit<double, 10, 500>,
    BernoulliBandit<double, 50, 10>,
    BernoulliBandit<double, 50, 100>,
    BernoulliBandit<double, 50, 500>,
    GaussianBandit<double>,
    WangIndependent<double>,
    WangUniform<double>,
    WangEasy<double>,
    WangMedium<double>,
    WangHard<double>,
    WangInformative<double>,
    WangRestless<double>,
    RandomMdp<double>,
    TwoStep<double>,
    TwoStepFlip<double>,
    Harlow<double>,
    GridNavi<double>>;

using FurtherEnvs = EnvList<
    SignalNoise<double>,
    NoiseUndone<double>,
    DiscountingChain<double, 0>,
    DiscountingChain<double, 1>,
    DiscountingChain<double, 2>,
    DiscountingChain<double, 3>,
    DiscountingChain<double, 4>,
    LureGrid<double>,
    NoisyCartPole<double>,
    Catch<double, 10>,
    Catch<double, 40>,
    PrompMomentum<double>,
    PrompWalls<double>,
    WheeledDense<double>,
    WheeledSparse<double>,
    PusherDense<double>,
    PusherSparse<double>,
    GoalMass<double, Arc::right>,
    GoalMass<double, Arc::left>,
    GoalMass<double, Arc::circle>,
    GoalUnicycle<double, Arc::right>,
    GoalUnicycle<double, Arc::left>,
    Wind<double>,
    PendulumVaried<double>,
    CartPoleVaried<double>>;
// endregion

// The rows of a part. Each part is compiled in a file of its own, so that none takes long.
template <class... Env>
std::vector<EnvRow> rows_of(EnvList<Env...>) {
  return {make_row<Env>()...};
}
std::vector<EnvRow> control_rows();  // table_rows.cpp
std::vector<EnvRow> further_rows();
std::vector<EnvRow> trial_rows();    // table_rows_trials.cpp

}  // namespace innerloop::envs

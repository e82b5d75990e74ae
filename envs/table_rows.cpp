// The second half of the table's rows: see table.cpp, which lists them.
#include "envs/classic_control.h"
#include "envs/discounting_chain.h"
#include "envs/distractions.h"
#include "envs/gridworld.h"
#include "envs/maesn.h"
#include "envs/pendulum.h"
#include "envs/point_robot.h"
#include "envs/reward_processes.h"
#include "envs/promp_obstacles.h"
#include "envs/semicircle.h"
#include "envs/soft_problems.h"
#include "envs/table.h"

namespace innerloop::envs {

template EnvRow make_row<CartPole<double>>();
template EnvRow make_row<Pendulum<double>>();
template EnvRow make_row<MountainCarContinuous<double>>();
template EnvRow make_row<Acrobot<double>>();
template EnvRow make_row<Gridworld<double>>();
template EnvRow make_row<Maze<double>>();
template EnvRow make_row<PointRobot<double>>();
template EnvRow make_row<SemicircleSparse<double>>();
template EnvRow make_row<SemicircleDense<double>>();
template EnvRow make_row<SoftLqr<double>>();
template EnvRow make_row<SoftTwoState<double>>();
template EnvRow make_row<SignalNoise<double>>();
template EnvRow make_row<NoiseUndone<double>>();
template EnvRow make_row<DiscountingChain<double, 0>>();
template EnvRow make_row<DiscountingChain<double, 1>>();
template EnvRow make_row<DiscountingChain<double, 2>>();
template EnvRow make_row<DiscountingChain<double, 3>>();
template EnvRow make_row<DiscountingChain<double, 4>>();
template EnvRow make_row<LureGrid<double>>();
template EnvRow make_row<NoisyCartPole<double>>();
template EnvRow make_row<Catch<double, 10>>();
template EnvRow make_row<Catch<double, 40>>();
template EnvRow make_row<PrompMomentum<double>>();
template EnvRow make_row<PrompWalls<double>>();
template EnvRow make_row<WheeledDense<double>>();
template EnvRow make_row<WheeledSparse<double>>();
template EnvRow make_row<PusherDense<double>>();
template EnvRow make_row<PusherSparse<double>>();

}  // namespace innerloop::envs

// The second half of the table's rows: see table.cpp, which lists them.
#include "envs/classic_control.h"
#include "envs/gridworld.h"
#include "envs/pendulum.h"
#include "envs/point_robot.h"
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

}  // namespace innerloop::envs

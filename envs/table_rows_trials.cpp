// The rows of the environments for learners with a memory: see table.cpp, which lists them.
#include "envs/bandits.h"
#include "envs/grid_navi.h"
#include "envs/harlow.h"
#include "envs/random_mdp.h"
#include "envs/table.h"
#include "envs/two_step.h"
#include "envs/wang_bandits.h"

namespace innerloop::envs {

template EnvRow make_row<BernoulliBandit<double, 5, 10>>();
template EnvRow make_row<BernoulliBandit<double, 5, 100>>();
template EnvRow make_row<BernoulliBandit<double, 5, 500>>();
template EnvRow make_row<BernoulliBandit<double, 10, 10>>();
template EnvRow make_row<BernoulliBandit<double, 10, 100>>();
template EnvRow make_row<BernoulliBandit<double, 10, 500>>();
template EnvRow make_row<BernoulliBandit<double, 50, 10>>();
template EnvRow make_row<BernoulliBandit<double, 50, 100>>();
template EnvRow make_row<BernoulliBandit<double, 50, 500>>();
template EnvRow make_row<GaussianBandit<double>>();
template EnvRow make_row<WangIndependent<double>>();
template EnvRow make_row<WangUniform<double>>();
template EnvRow make_row<WangEasy<double>>();
template EnvRow make_row<WangMedium<double>>();
template EnvRow make_row<WangHard<double>>();
template EnvRow make_row<WangInformative<double>>();
template EnvRow make_row<WangRestless<double>>();
template EnvRow make_row<RandomMdp<double>>();
template EnvRow make_row<TwoStep<double>>();
template EnvRow make_row<TwoStepFlip<double>>();
template EnvRow make_row<Harlow<double>>();
template EnvRow make_row<GridNavi<double>>();

}  // namespace innerloop::envs

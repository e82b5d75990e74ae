#include "app/algorithms.h"

#include "meta/e_maml.h"
#include "meta/epg_trainer.h"
#include "meta/maesn_trainer.h"
#include "meta/maml_trainer.h"
#include "meta/meta_gradient_trainer.h"
#include "meta/pearl_trainer.h"
#include "meta/promp.h"
#include "meta/reptile.h"
#include "meta/rl2.h"
#include "meta/varibad_trainer.h"
#include "rl/actor_critic.h"
#include "rl/dqn.h"
#include "rl/impala.h"
#include "rl/policy_gradient.h"
#include "rl/ppo.h"
#include "rl/q_learning.h"
#include "rl/sac_trainer.h"
#include "rl/trpo.h"

namespace innerloop::app {
namespace {

constexpr const rl::AlgorithmRow* algorithms[] = {
    &rl::policy_gradient,
    &rl::trpo,
    &rl::a2c,
    &rl::ppo,
    &rl::impala,
    &rl::q_learning,
    &rl::dqn,
    &rl::sac,
    &meta::maml,
    &meta::reptile,
    &meta::e_maml,
    &meta::promp,
    &meta::maesn,
    &meta::rl2,
    &meta::pearl,
    &meta::epg,
    &meta::varibad,
    &meta::meta_gradient,
};

}  // namespace

std::span<const rl::AlgorithmRow* const> all_algorithms() { return algorithms; }

}  // namespace innerloop::app

#include "app/algorithms.h"

#include "meta/maml_trainer.h"
#include "rl/policy_gradient.h"
#include "rl/trpo.h"

namespace innerloop::app {
namespace {

constexpr const rl::AlgorithmRow* algorithms[] = {
    &rl::policy_gradient,
    &rl::trpo,
    &meta::maml_row,
};

}  // namespace

std::span<const rl::AlgorithmRow* const> all_algorithms() { return algorithms; }

}  // namespace innerloop::app

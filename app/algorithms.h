// The algorithms this program knows: the one place where a new one is entered.
#pragma once

#include <span>

#include "rl/training/trainer.h"

namespace innerloop::app {

std::span<const rl::AlgorithmRow* const> all_algorithms();

}  // namespace innerloop::app

#include "app/algorithms.h"

namespace innerloop::app {

std::span<const rl::AlgorithmRow* const> all_algorithms() { return {}; }

}  // namespace innerloop::app

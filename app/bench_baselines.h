// innerloop bench bandits, innerloop bench mdps: RL²'s tables of what was known before, beside the same computed here.
#pragma once

#include <string>

#include "app/program.h"
#include "rl/training/options.h"

namespace innerloop::app {

// what: "bandits" or "mdps"; values: instances (of a cell), only (bandits: rows with this in their name), json. What is
// printed does not depend on the number of threads.
int bench_baselines(const Context& context, const std::string& what, const rl::OptionValues& values);

}  // namespace innerloop::app

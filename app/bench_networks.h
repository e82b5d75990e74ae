// innerloop bench networks: time of the networks of app/network_cases.h, beside their floors and beside peers.
#pragma once

#include "app/program.h"
#include "rl/options.h"

namespace innerloop::app {

int bench_networks(const Context& context, const rl::OptionValues& values);

}  // namespace innerloop::app

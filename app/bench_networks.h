// innerloop bench networks: time of the networks of app/network_cases.h, beside their floors and beside peers.
#pragma once

#include <string>

#include "app/program.h"
#include "rl/training/options.h"

namespace innerloop::app {

int bench_networks(const Context& context, const rl::OptionValues& values);

// "Large products: cuBLAS 13.0", or "own kernel": the device's own is written here, cuBLAS is not.
std::string large_products_line();

}  // namespace innerloop::app

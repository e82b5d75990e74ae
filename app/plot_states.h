// innerloop plot --by-state: γ and λ as they were learned for each state of a reward process, beside the exact optimum.
#pragma once

#include <string>
#include <vector>

#include "app/gnuplot.h"
#include "app/program.h"

namespace innerloop::app {

// gamma_1, gamma_2 … and lambda_1 … of the last row of each run's metrics.csv against the state that is entered: runs
// that differ in nothing but the seed are one curve, their mean with its 95 % interval. For the two processes whose
// optimum can be computed it is drawn too, for the runs' step size. UsageError if a run learned nothing by state.
Plotted plot_by_state(const Context& context, const std::vector<std::string>& runs, const std::string& folder);

}  // namespace innerloop::app

// innerloop plot: pictures of a plane: where learners go before they adapt, and where the latents of tasks lie.
#pragma once

#include <string>
#include <vector>

#include "app/gnuplot.h"
#include "app/program.h"

namespace innerloop::app {

// One panel per run: so many episodes of one of the environment's reference tasks, before adaptation and after each of
// `steps` steps. The first two numbers observed are taken for the position. UsageError if there are fewer.
Plotted plot_exploration(const Context& context, const std::vector<std::string>& runs, int task, int steps,
                         const std::string& folder);

// The latent mean of each training task of a run of MAESN, coloured by the direction of the task's goal. UsageError for
// a run without latents, or with one number only.
Plotted plot_latents(const Context& context, const std::string& run, const std::string& folder);

}  // namespace innerloop::app

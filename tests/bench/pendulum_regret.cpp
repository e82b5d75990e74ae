// How far a trained run is from the optimum of Pendulum, start by start: regret = V*(s₀) − return, on 1 000 fixed
// starts.
//
//   cmake --build build --target bench_pendulum_regret && build/bench/pendulum_regret RUN …
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "app/adapt.h"
#include "app/algorithms.h"
#include "envs/pendulum_optimum.h"

using namespace innerloop;

int main(int argc, char** argv) {
  const int starts = 1000;
  const envs::PendulumOptimum optimum;
  const app::Context context{app::all_algorithms(), std::cout, std::cerr, false};
  for (int k = 1; k < argc; ++k) {
    const app::Learner learner = app::load_learner(context, argv[k], true);
    if (learner.env != "pendulum-v1") {
      fmt::print(stderr, "{} is a run of {}, not of pendulum-v1\n", argv[k], learner.env);
      return 2;
    }
    // A task each, so that every start has a place of its own; all tasks are the same gravity.
    rl::AdaptRequest request{.tasks = Tensor::full({1, starts, 1}, 10), .steps = 0, .trajectories = 1, .paths = 1};
    const rl::AdaptReport report = learner.trainer->adapt(request);
    std::vector<double> regret;
    double value = 0, earned = 0;
    for (int n = 0; n < starts; ++n) {
      const double* start = report.paths[static_cast<std::size_t>(n)].observations.values<double>().data();
      const double best = optimum.best_return(start), got = report.returns.at(0, n, 0);
      regret.push_back(best - got);
      value += best / starts;
      earned += got / starts;
    }
    std::ranges::sort(regret);
    if (k == 1)
      fmt::print("best known: {:.2f} on average\n{:<40} {:>9} {:>14} {:>12} {:>14}\n", value, "run", "return",
                 "median regret", "mean regret", "lowest regret");
    fmt::print("{:<40} {:>9.2f} {:>14.2f} {:>12.2f} {:>14.2f}\n", argv[k], earned,
               0.5 * (regret[starts / 2 - 1] + regret[starts / 2]), value - earned, regret.front());
  }
}

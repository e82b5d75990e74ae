// How far a trained run is from the optimum of Pendulum, start by start: regret = V*(s₀) − return, on 1 000 fixed
// starts. Fails where an episode earned more than its start's optimum and the search's error: then the environment, or
// the search, is wrong.
//
//   cmake --build build --target bench_pendulum_regret && build/bench/pendulum_regret RUN …
#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "app/adapt.h"
#include "app/algorithms.h"
#include "envs/pendulum_optimum.h"
#include "kernels/threads.h"

using namespace innerloop;

namespace {

constexpr int starts = 1000;

const double* start_of(const rl::AdaptReport& report, int n) {
  return report.paths[static_cast<std::size_t>(n)].observations.values<double>().data();
}

// The optimum of every start; the largest change of one when the search begins from a table of half as many points.
struct Optima {
  std::vector<double> best, speeds;  // speeds: of the starts, to know them again
  double mean = 0, error = 0;
};
Optima optima_of(const rl::AdaptReport& report) {
  const envs::PendulumOptimum fine({361, 321, 41}), coarse({181, 161, 41});
  Optima optima;
  std::vector<double> coarsely(starts);
  optima.best.resize(starts);
  parallel_for(starts, [&](int n, int) {
    optima.best[static_cast<std::size_t>(n)] = fine.best_return(start_of(report, n));
    coarsely[static_cast<std::size_t>(n)] = coarse.best_return(start_of(report, n));
  });
  for (std::size_t n = 0; n < starts; ++n) {
    optima.mean += optima.best[n] / starts;
    optima.error = std::max(optima.error, std::abs(optima.best[n] - coarsely[n]));
  }
  return optima;
}

}  // namespace

int main(int argc, char** argv) {
  const app::Context context{app::all_algorithms(), std::cout, std::cerr, false};
  Optima optima;
  bool beaten = false;
  for (int k = 1; k < argc; ++k) {
    const app::Learner learner = app::load_learner(context, argv[k], true);
    if (learner.env != "pendulum-v1") {
      fmt::print(stderr, "{} is a run of {}, not of pendulum-v1\n", argv[k], learner.env);
      return 2;
    }
    // A task each, so that every start has a place of its own; all tasks are the same gravity.
    rl::AdaptRequest request{.tasks = Tensor::full({1, starts, 1}, 10), .steps = 0, .trajectories = 1, .paths = 1};
    const rl::AdaptReport report = learner.trainer->adapt(request);
    std::vector<double> speeds;
    for (int n = 0; n < starts; ++n) speeds.push_back(start_of(report, n)[2]);
    if (k > 1 && speeds != optima.speeds) {
      fmt::print(stderr, "{} starts elsewhere than {}: measure them one by one\n", argv[k], argv[1]);
      return 2;
    }
    if (k == 1) {
      optima = optima_of(report);
      optima.speeds = speeds;
      fmt::print("optimum: {:.2f} on average, error of a start at most {:.2f}\n{:<40} {:>9} {:>14} {:>12} {:>14}\n",
                 optima.mean, optima.error, "run", "return", "median regret", "mean regret", "lowest regret");
    }
    std::vector<double> regret;
    double earned = 0;
    for (int n = 0; n < starts; ++n) {
      const double got = report.returns.at(0, n, 0);
      regret.push_back(optima.best[static_cast<std::size_t>(n)] - got);
      earned += got / starts;
    }
    std::ranges::sort(regret);
    fmt::print("{:<40} {:>9.2f} {:>14.2f} {:>12.2f} {:>14.2f}\n", argv[k], earned,
               0.5 * (regret[starts / 2 - 1] + regret[starts / 2]), optima.mean - earned, regret.front());
    beaten |= regret.front() < -optima.error;
  }
  if (beaten)
    fmt::print(stderr, "an episode earned more than the optimum of its start and {:.2f}\n", optima.error);
  return beaten ? 1 : 0;
}

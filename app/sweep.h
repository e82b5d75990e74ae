// innerloop sweep: methods × environments × seeds, each of them an ordinary run. The chapter: sweep.md.
//
//   <out>/sweep.toml                         what was asked for: innerloop sweep --config <out>/sweep.toml goes on
//   <out>/<method>/<env>/seed-<k>/           a run's folder; adaptation.csv beside it where --adapt was given
//   <out>/sweep.csv, sweep.json, sweep.txt   every seed's score; the whole report; the table
//   <out>/sweep.png, .svg                    every seed drawn
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "app/options.h"
#include "app/statistics.h"

namespace innerloop::app {

struct SweepSettings {
  std::string methods{};    // "maml:quick trpo+delta=0.02": algorithm[:preset][+option=value]…, separated by blanks
  std::string envs{};       // names, separated by blanks; empty: each method's own
  int seeds = 5, first_seed = 1;
  std::string set{};        // "iterations=20 hidden=[8,8]": for every method
  std::string metric{};     // column of metrics.csv; empty: return_after, evaluation, return, or the first
  bool lower_is_better = false;
  int last = 10;          // a score is the mean of so many last rows
  int adapt = -1;         // K ≥ 0: the score is of the adaptation to the environment's reference tasks
  std::string judged = "last";  // with adapt: the return after K steps (last), that averaged from step 0 to step K
                                // (area), or the share of episodes that end at the goal after K steps (reached)
  int parallel = 0;       // runs at once; 0: one per thread
  std::string out = "runs/sweep";
};

// One run: method × environment × seed.
struct Cell {
  std::string method, env, folder;  // folder under settings.out
  std::int64_t seed = 1;
  RunSettings settings;
};

// The cells of a sweep, in the order of its table: environment, method, seed. UsageError naming the word that is wrong:
// unknown algorithm, preset, option, environment; a value out of range; a method given twice.
std::vector<Cell> plan_cells(const Context& context, const SweepSettings& settings);

// What became of a cell.
struct CellResult {
  enum class State { finished, unfinished, failed } state = State::unfinished;
  std::string message;                          // why it failed
  std::string metric;                           // the column that `series` is
  std::vector<double> series;                   // one number per iteration
  std::vector<double> env_steps;                // done until then; empty where the algorithm does not count them
  std::vector<double> adapted, adapted_steps;   // return and environment steps at K = 0, 1, …, mean over the tasks
  std::vector<double> reached;                  // share of episodes that end at the goal, likewise; {}: not defined
  double score = 0;                             // NaN unless finished
  double start = 0, best = 0, end = 0;          // of the series: means over as many rows as the score's
  bool collapsed = false;                       // finished, but lost more than half of what it had gained, or is NaN
};

// Runs every cell that has not finished, several at once; a cell that fails does not stop the others. `stop` asks
// whether to leave (each cell then saves and ends as unfinished). Results in the order of the cells, whatever the
// parallelism.
std::vector<CellResult> run_cells(const Context& context, const SweepSettings& settings, const std::vector<Cell>& cells,
                                  bool quiet, const std::function<bool()>& stop);

// Score, start, best and collapse of a finished cell from its series (and its adaptation, if there is one).
void judge(CellResult& result, const SweepSettings& settings);

// All seeds of a method in an environment.
struct SweepGroup {
  std::string method, env;
  std::vector<std::size_t> cells;         // indices
  std::map<std::int64_t, double> scores;  // of the finished ones, by seed
  double iqm = 0;
  BootstrapInterval interval;
};
std::vector<SweepGroup> group_cells(const std::vector<Cell>& cells, const std::vector<CellResult>& results);

std::string sweep_table(const SweepSettings& settings, const std::vector<Cell>& cells,
                        const std::vector<CellResult>& results);
std::string sweep_json(const SweepSettings& settings, const std::vector<Cell>& cells,
                       const std::vector<CellResult>& results);
// sweep.csv, sweep.txt, sweep.json and the picture; returns what to tell the reader, one line each.
std::vector<std::string> write_sweep_files(const SweepSettings& settings, const std::vector<Cell>& cells,
                                           const std::vector<CellResult>& results);

}  // namespace innerloop::app

// A run, from settings to its last checkpoint: what `train` does once and `sweep` many times.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/options.h"
#include "app/run_folder.h"
#include "rl/training/trainer.h"

namespace innerloop::app {

// A run, ready to go on.
struct Job {
  RunSettings settings;
  std::unique_ptr<rl::Trainer> trainer;
  RunFolder folder;
};

// The trainer of these settings. UsageError for an environment that does not exist.
std::unique_ptr<rl::Trainer> make_trainer(const RunSettings& settings);

// A new run in folder `out` (empty: default_folder), with a first checkpoint, so that there is always one to go back
// to. What is wrong with the settings is found before anything is written.
Job start_job(const RunSettings& settings, const std::string& out);

// Whether the number of iterations shapes every one of them: a step size that falls to 0 at the end. Made longer, such
// a run is another one than had it been planned so.
bool is_annealed(const RunSettings& settings);

// The run in this folder at its newest checkpoint. It keeps its settings; of the flags in `given` only iterations,
// threads and quiet may be there (and resume): UsageError for others.
Job resume_job(const Context& context, const std::string& path, const rl::OptionValues& given);

// Iterates to the end, with a checkpoint every few iterations, at the end, and where it stops. `go_on` is asked after
// each iteration; returns false if it stopped the run before its end.
bool run_job(Job& job, const std::function<bool(const rl::Metrics&)>& go_on);

}  // namespace innerloop::app

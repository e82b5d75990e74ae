// The meta-test: how much does a learner gain from a few steps on tasks it has never seen?
#pragma once

#include <string>
#include <vector>

#include "app/program.h"
#include "envs/held_out.h"
#include "rl/training/trainer.h"

namespace innerloop::app {

// One learner to be tested: a run at its newest checkpoint, or an untrained one.
struct Learner {
  std::string label;
  std::string env;
  std::unique_ptr<rl::Trainer> trainer;
  envs::TrainingDraws draws{};  // the tasks it was trained on
  std::string test_env{};       // where adapt takes place, if not in env: the same tasks with another reward
};

struct AdaptSettings {
  int steps = 3, tasks = 0, trajectories = 20, pictures = 6;  // tasks 0: the environment's reference tasks
  std::uint64_t seed = 1;
  rl::Evaluation evaluation = rl::Evaluation::exploration;
  int evaluation_trajectories = 0;  // 0: as many as trajectories
};

// What came out, for the table, the JSON and the pictures.
struct AdaptResults {
  std::string env;
  std::string test_env;  // whose references stand below the table: the first learner's
  std::vector<envs::Task> tasks;
  struct Row {
    std::string label;
    std::vector<std::vector<double>> returns;  // [step][task]
    std::vector<double> env_steps;             // [step]: explored in a task until then, averaged over the tasks
    std::vector<double> reached;               // [step]: share of episodes that end at their goal; {}: undefined
    std::string held_out;                      // whether the tasks are new to it
    bool one_trial = false;                    // its points are the episodes of one trial
    std::vector<double> regrets{};             // [task], of such a trial where tasks are arms: what the arms pulled are
                                               // worth less than the best one, whatever they paid
    std::vector<double> earned{};              // [unit], of such a trial: the mean worth of each pull, where tasks are
                                               // arms, or else the mean return of each episode
  };
  std::vector<Row> rows;
  std::vector<rl::Path> paths;  // of the first learner, for the first few tasks
};

Learner load_learner(const Context& context, const std::string& run, bool trained);
AdaptResults adapt_learners(const Context& context, const std::vector<Learner>& learners,
                            const AdaptSettings& settings);

// "return after 0, 1, 2, 3 steps" with 95 % intervals over tasks; below it reference policies and published figures.
std::string adapt_table(const AdaptResults& results);
std::string adapt_json(const AdaptResults& results);
// adapt.csv, references.csv (what others earn in each task), paths.csv (what the first learner did in the first few
// tasks) and the pictures: adapt.png, adapt_steps.png (against environment steps), paths.png, and trial.png where the
// best that can be found out is known (regret against it, in units of what acting at random loses); returns what to
// tell the reader, one line each.
std::vector<std::string> write_adapt_files(const AdaptResults& results, const std::string& folder);

}  // namespace innerloop::app

// A run's folder: everything about one training run, and all that is needed to continue or repeat it. Of several ranks
// (kernels/ranks.h) the first one writes it, and all read it.
//   config.toml    every setting; runs again as it is
//   run.json       versions, seed, machine, date
//   metrics.csv    one row per iteration; nothing in it depends on time or on the number of threads
//   timing.csv     seconds per iteration
//   checkpoints/   iteration-000020.safetensors, the last three; LATEST names the newest
//   lock           while somebody trains here (folder_lock.h)
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/folder_lock.h"
#include "app/options.h"
#include "nn/atomic_file.h"
#include "rl/training/trainer.h"

namespace innerloop::app {

class RunFolder {
 public:
  // Makes the folder, takes it and writes config.toml and run.json: whatever can go wrong with the place goes wrong
  // here, before any work is done. Error if there is a run in it already, what is left of one, or somebody at work.
  static RunFolder create(const std::string& path, const RunSettings& settings,
                          const nn::FileCalls& calls = nn::system_calls());
  // An existing run. Error naming what is missing.
  static RunFolder open(const std::string& path, const nn::FileCalls& calls = nn::system_calls());

  // Takes the folder, on the first rank alone: needed before anything is written. Error if another process has it.
  void lock();

  const std::string& path() const { return path_; }
  std::vector<ConfigEntry> config() const;
  void write_config(const RunSettings& settings) const;

  // Appends the row of iteration number `iteration` (counted from 1) to metrics.csv and timing.csv.
  void append(int iteration, const rl::Metrics& metrics, double seconds);

  // Forces the metrics to the disk, then writes a checkpoint, then LATEST, then removes all but the last three.
  void save_checkpoint(const rl::Trainer& trainer) const;
  // The iteration of the newest checkpoint; −1 if there is none yet.
  int saved_iteration() const;
  // Brings `trainer` to the newest checkpoint.
  void restore(rl::Trainer& trainer) const;
  // restore(), and cuts metrics.csv and timing.csv to the checkpoint's row: training goes on as if never interrupted.
  // A run that ended before its first checkpoint begins: `trainer` must be as it was made.
  void resume(rl::Trainer& trainer);

 private:
  RunFolder(std::string path, const nn::FileCalls& calls) : path_(std::move(path)), calls_(&calls) {}
  std::string newest_checkpoint() const;
  // The checkpoints in the folder by iteration, and their files. Other files are nobody's business.
  std::map<long, std::string> checkpoints() const;
  // The newest checkpoint in the folder whose iteration is before this one's, of all if it is empty; "" if there is
  // none.
  std::string checkpoint_before(const std::string& name) const;
  // True if no checkpoint but the first was written, and LATEST does not name that.
  bool not_begun() const;
  // Ends of messages: what to do about checkpoint `name` (of LATEST, if empty), and about a disk that failed.
  std::string way_back(const std::string& name) const;
  std::string to_go_on() const;
  void append_line(const char* file, const std::string& header, const std::string& line) const;
  // Cuts a table to this many rows. Error if it has fewer, or, with `lost` set, leaves it as it is.
  void cut(const char* file, int rows, bool lost = false) const;

  std::string path_;
  const nn::FileCalls* calls_;
  std::string header_;  // of metrics.csv, once a row was written
  std::optional<FolderLock> lock_;
};

// runs/maml-point-nav-v1-official-seed1: where a run goes if nothing else is said.
std::string default_folder(const RunSettings& settings);

// Makes a folder for results, with those above it, and sees that it may be written to: called before the work that it
// is for. Error naming the folder, the reason and the flag --out.
void make_output_folder(const std::string& path);

// A table of numbers as metrics.csv holds it.
struct NumberTable {
  std::vector<std::string> names;
  std::vector<std::vector<double>> columns;
};
// Error with file:line for a line that is none.
NumberTable read_numbers(const std::string& path);

// The shortest text that reads back as the same number; "nan", "inf", "-inf".
std::string number_text(double number);

}  // namespace innerloop::app

// Running the cells of a sweep.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <mutex>
#include <numeric>
#include <string_view>

#include "app/adapt.h"
#include "app/job.h"
#include "app/progress.h"
#include "app/sweep.h"
#include "kernels/nearest.h"
#include "kernels/ranks.h"
#include "kernels/threads.h"
#include "nn/atomic_file.h"

namespace innerloop::app {
namespace {

namespace fs = std::filesystem;
constexpr int unit = 1000;  // a cell's progress, in thousandths

// Progress of all cells together, told by several threads.
class SweepProgress {
 public:
  SweepProgress(const Context& context, bool quiet, std::vector<int> done)
      : done_(std::move(done)),
        progress_(context.err, context.terminal, quiet, "sweep", sum(), static_cast<int>(done_.size()) * unit, unit) {}
  void tell(std::size_t cell, double fraction) {
    const std::lock_guard lock(mutex_);
    update(cell, static_cast<int>(fraction * unit));
  }
  void ended(std::size_t cell, bool failed) {
    const std::lock_guard lock(mutex_);
    failed_ += failed;
    update(cell, unit);
  }

 private:
  void update(std::size_t cell, int done) {
    done_[cell] = done;
    progress_.update(sum(), failed_ > 0 ? rl::Metrics{{"failed", failed_}} : rl::Metrics{});
  }
  int sum() const { return std::accumulate(done_.begin(), done_.end(), 0); }
  std::mutex mutex_;
  std::vector<int> done_;
  double failed_ = 0;
  Progress progress_;
};

// A config without what a longer sweep may change.
std::string comparable_config(RunSettings settings) {
  if (settings.values.contains("iterations")) settings.values.set("iterations", std::int64_t{0});
  return config_text(settings);
}

// The cell's run at its newest checkpoint, or a new one. A folder that holds another run is an error.
Job open_cell(const Context& context, const Cell& cell, const std::string& path) {
  if (!fs::exists(path + "/config.toml")) return start_job(cell.settings, path);
  const RunFolder folder = RunFolder::open(path);
  const RunSettings found = resolve_settings(context, "", "", folder.config(), {});
  if (comparable_config(found) != comparable_config(cell.settings))
    throw Error(path + " holds a run with other settings; choose another folder with --out");
  rl::OptionValues longer;
  if (cell.settings.values.contains("iterations") &&
      config_text(found) != config_text(cell.settings))
    longer.set("iterations", cell.settings.values["iterations"]);
  if (longer.contains("iterations") && is_annealed(cell.settings))
    throw Error(path + " holds a run annealed over another number of iterations; choose another folder with --out");
  return resume_job(context, path, longer);
}

// What is known without making a trainer: whether the cell's run has ended.
bool has_finished(const Cell& cell, const std::string& path) {
  if (!fs::exists(path + "/config.toml") || !cell.settings.values.contains("iterations")) return false;
  return nn::read_file(path + "/config.toml") == config_text(cell.settings) &&
         RunFolder::open(path).saved_iteration() >= cell.settings.values.integer("iterations");
}

// No column has the name that was asked for: what ends the whole sweep, since nothing of it could be judged.
struct WrongMetric : rl::UsageError {
  using UsageError::UsageError;
};
void refuse_metric(const std::string& wanted, const std::vector<std::string>& names) {
  throw WrongMetric("no metric is called '" + wanted + "'" + did_you_mean(wanted, names));
}
void require_metric(const std::string& wanted, const rl::Metrics& metrics) {
  if (wanted.empty() || std::ranges::find(metrics, wanted, &rl::Metric::name) != metrics.end()) return;
  std::vector<std::string> names;
  for (const rl::Metric& metric : metrics) names.push_back(metric.name);
  refuse_metric(wanted, names);
}

// The column that is judged, against environment steps where the algorithm counts them.
void read_series(CellResult& result, const std::string& path, const std::string& wanted) {
  const NumberTable table = read_numbers(path + "/metrics.csv");
  require(table.names.size() > 1, path + "/metrics.csv has no metrics");
  const auto find = [&](std::string_view name) { return std::ranges::find(table.names, name); };
  auto column = find(wanted);
  if (column == table.names.end() && !wanted.empty()) refuse_metric(wanted, table.names);
  for (const char* name : {"return_after", "evaluation", "return"})
    if (column == table.names.end()) column = find(name);
  if (column == table.names.end()) column = table.names.begin() + 1;
  const auto numbers = [&](auto place) { return table.columns[static_cast<std::size_t>(place - table.names.begin())]; };
  result.metric = *column;
  result.series = numbers(column);
  if (const auto steps = find("steps"); steps != table.names.end()) result.env_steps = numbers(steps);
}

// The adaptation protocol on the environment's reference tasks: adaptation.csv, written once for the run's iteration.
void adapt_cell(const Context& context, CellResult& result, const std::string& path, int steps) {
  const std::string file = path + "/adaptation.csv";
  const int iteration = RunFolder::open(path).saved_iteration();
  const auto is_of_this = [&](const NumberTable& table) {
    return table.names.size() >= 4 && table.names[3] == "iteration" &&
           table.columns[0].size() >= static_cast<std::size_t>(steps) + 1 &&
           table.columns[3][0] == iteration;
  };
  if (!fs::exists(file) || !is_of_this(read_numbers(file))) {
    std::vector<Learner> learners;
    learners.push_back(load_learner(context, path, true));
    std::ostream silent(nullptr);
    const AdaptResults adapted = adapt_learners({context.algorithms, context.out, silent}, learners,
                                                {.steps = steps, .pictures = 0});
    const std::vector<double>& reached = adapted.rows[0].reached;
    std::string csv = reached.empty() ? "k,env_steps,return,iteration\n" : "k,env_steps,return,iteration,reached\n";
    for (int k = 0; k <= steps; ++k) {
      const auto at = static_cast<std::size_t>(k);
      csv += fmt::format("{},{},{},{}{}\n", k, number_text(adapted.rows[0].env_steps[at]),
                         number_text(mean_interval(adapted.rows[0].returns[at]).mean), iteration,
                         reached.empty() ? "" : "," + number_text(reached[at]));
    }
    nn::write_file_atomically(file, csv);
  }
  const NumberTable table = read_numbers(file);
  const auto rows = static_cast<std::ptrdiff_t>(steps) + 1;
  result.adapted_steps.assign(table.columns[1].begin(), table.columns[1].begin() + rows);
  result.adapted.assign(table.columns[2].begin(), table.columns[2].begin() + rows);
  if (table.columns.size() > 4) result.reached.assign(table.columns[4].begin(), table.columns[4].begin() + rows);
}

// One cell from wherever it stands to its end.
CellResult run_cell(const Context& context, const SweepSettings& settings, const Cell& cell, std::size_t index,
                    SweepProgress& progress, const std::function<bool()>& stop) {
  CellResult result;
  const std::string path = settings.out + "/" + cell.folder;
  try {
    if (stop()) return result;
    if (!has_finished(cell, path)) {
      Job job = open_cell(context, cell, path);
      fs::remove(path + "/error.txt");
      const bool ended = run_job(job, [&](const rl::Metrics& metrics) {
        require_metric(settings.metric, metrics);
        progress.tell(index, 0.999 * job.trainer->iteration() / job.trainer->iterations());
        return !stop();
      });
      if (!ended) return result;
    }
    read_series(result, path, settings.metric);
    if (settings.adapt >= 0) adapt_cell(context, result, path, settings.adapt);
    result.state = CellResult::State::finished;
    judge(result, settings);
    if (!std::isfinite(result.score)) throw NonFiniteError("its score, " + result.metric + ", is not a finite number");
    progress.ended(index, false);
  } catch (const WrongMetric&) {
    throw;
  } catch (const std::exception& error) {
    result.state = CellResult::State::failed;
    result.message = error.what();
    std::error_code ignored;
    const bool is_ours = dynamic_cast<const FolderInUse*>(&error) == nullptr;
    if (is_ours && fs::is_directory(path, ignored)) {
      try {
        nn::write_file_atomically(path + "/error.txt", result.message + "\n");
      } catch (const Error&) {
        // A folder that cannot be written is reported by the message itself.
      }
    }
    progress.ended(index, true);
  }
  return result;
}

std::vector<CellResult> run_share(const Context& context, const SweepSettings& settings, const std::vector<Cell>& cells,
                                  bool quiet, const std::function<bool()>& stop) {
  std::vector<int> done;
  for (const Cell& cell : cells) done.push_back(has_finished(cell, settings.out + "/" + cell.folder) ? unit : 0);
  SweepProgress progress(context, quiet, done);
  std::vector<CellResult> results(cells.size());
  // Each rank has a stretch of the cells, which it runs as if it were alone.
  const Share share = share_of(static_cast<int>(cells.size()));
  std::atomic<bool> wrong = false;
  const auto body = [&](int index, int) {
    const auto i = static_cast<std::size_t>(share.first + index);
    try {
      results[i] = run_cell(context, settings, cells[i], i, progress, [&] { return wrong || stop(); });
    } catch (const WrongMetric&) {
      wrong = true;
      throw;
    }
  };

  // Several at once: each runs on one thread, as the inner loops of a loop over threads do. One at a time: on all.
  const OneRank alone;
  const int all = thread_count(), count = share.last - share.first;
  const int parallel = std::min(settings.parallel > 0 ? settings.parallel : all, count);
  if (parallel <= 1) {
    for (int i = 0; i < count; ++i) body(i, 0);
  } else {
    set_thread_count(parallel);
    struct Restore {
      int all;
      ~Restore() { set_thread_count(all); }
    } restore{all};
    parallel_for(count, body);
  }
  return results;
}

// How the cells of all ranks ended; those of the others are read from their folders.
void share_results(const Context& context, const SweepSettings& settings, const std::vector<Cell>& cells,
                   std::vector<CellResult>& results) {
  using State = CellResult::State;
  const int count = static_cast<int>(cells.size());
  std::vector<double> states;
  for (const CellResult& result : results) states.push_back(static_cast<double>(result.state));
  gather(states, count);
  const Share own = share_of(count);
  const OneRank alone;
  std::ostream silent(nullptr);
  SweepProgress progress({context.algorithms, context.out, silent}, true, std::vector<int>(cells.size(), unit));
  for (int index = 0; index < count; ++index) {
    if (index >= own.first && index < own.last) continue;
    const auto i = static_cast<std::size_t>(index);
    const std::string path = settings.out + "/" + cells[i].folder, error = path + "/error.txt";
    results[i].state = static_cast<State>(static_cast<int>(states[i]));
    if (results[i].state == State::finished)
      results[i] = run_cell(context, settings, cells[i], i, progress, [] { return false; });
    else if (results[i].state == State::failed)
      results[i].message = fs::exists(error) ? nn::read_file(error) : "failed on another rank";
  }
}

}  // namespace

std::vector<CellResult> run_cells(const Context& context, const SweepSettings& settings, const std::vector<Cell>& cells,
                                  bool quiet, const std::function<bool()>& stop) {
  std::vector<CellResult> results = run_share(context, settings, cells, quiet, stop);
  if (rank_count() > 1) share_results(context, settings, cells, results);
  return results;
}

}  // namespace innerloop::app

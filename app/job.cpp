#include "app/job.h"

#include <fmt/format.h>

#include <chrono>
#include <ostream>

#include "app/command_line.h"
#include "envs/table.h"
#include "kernels/ranks.h"

namespace innerloop::app {

using rl::UsageError;

std::unique_ptr<rl::Trainer> make_trainer(const RunSettings& settings) {
  // An unknown name is the user's word, so exit code 2.
  if (settings.values.contains("env")) {
    try {
      envs::find_env(settings.values.text("env"));
    } catch (const Error& error) {
      throw UsageError(error.what());
    }
  }
  return settings.algorithm->make(settings.values,
                                  static_cast<std::uint64_t>(std::get<std::int64_t>(settings.values["seed"])));
}

Job start_job(const RunSettings& settings, const std::string& out) {
  std::unique_ptr<rl::Trainer> trainer = make_trainer(settings);
  RunFolder folder = RunFolder::create(out.empty() ? default_folder(settings) : out, settings);
  folder.save_checkpoint(*trainer);
  return {settings, std::move(trainer), std::move(folder)};
}

bool is_annealed(const RunSettings& settings) {
  return settings.values.contains("anneal") && settings.values.boolean("anneal");
}

Job resume_job(const Context& context, const std::string& path, const rl::OptionValues& given) {
  for (const auto& [name, value] : given.all())
    if (name != "resume" && name != "threads" && name != "device" && name != "quiet" && name != "iterations")
      throw UsageError(flag_of(name) + " cannot be changed in a run that is resumed; only --iterations, --threads, " +
                       "--device and --quiet can");
  RunFolder folder = RunFolder::open(path);
  folder.lock();
  const RunSettings settings = resolve_settings(context, "", "", folder.config(), given);
  std::unique_ptr<rl::Trainer> trainer = make_trainer(settings);
  if (const int done = folder.saved_iteration(); trainer->iterations() < done)
    throw UsageError(fmt::format("{} has done {} iterations; a run of {} cannot be made from it. Choose another folder "
                                 "with --out", path, done, trainer->iterations()));
  const RunSettings before = resolve_settings(context, "", "", folder.config(), {});
  if (is_annealed(settings) && config_text(before) != config_text(settings))
    context.err << path << " is annealed: the iterations before had other step sizes than in a run planned so"
                << std::endl;
  folder.resume(*trainer);
  if (given.contains("iterations")) folder.write_config(settings);
  return {settings, std::move(trainer), std::move(folder)};
}

bool run_job(Job& job, const std::function<bool(const rl::Metrics&)>& go_on) {
  rl::Trainer& trainer = *job.trainer;
  const int every = job.settings.values.integer("checkpoint_every");
  while (trainer.iteration() < trainer.iterations()) {
    const auto start = std::chrono::steady_clock::now();
    const rl::Metrics metrics = trainer.iterate();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    // Ranks that have drifted apart would go on without a sign of it.
    std::vector<double> numbers;
    for (const rl::Metric& metric : metrics) numbers.push_back(metric.value);
    require_same(numbers, "the metrics");
    job.folder.append(trainer.iteration(), metrics, seconds.count());

    // A checkpoint every few iterations, at the end, and when asked to stop.
    const bool stop = any_rank(!go_on(metrics)), last = trainer.iteration() == trainer.iterations();
    if (last || stop || trainer.iteration() % every == 0) job.folder.save_checkpoint(trainer);
    if (stop && !last) return false;
  }
  return true;
}

}  // namespace innerloop::app

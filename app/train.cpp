// innerloop train: the loop around an algorithm.
#include <fmt/format.h>
#include <algorithm>
#include <ostream>

#include "app/command_line.h"
#include "app/device.h"
#include "app/job.h"
#include "app/options.h"
#include "app/progress.h"
#include "app/run_folder.h"
#include "kernels/threads.h"

namespace innerloop::app {
namespace {

using rl::Option;
using rl::OptionType;
using rl::UsageError;

constexpr Option train_flags[] = {
    {.name = "config", .type = OptionType::text, .help = "read settings from this file (TOML); flags win over it"},
    {.name = "preset", .type = OptionType::text, .help = "a named set of values: innerloop list presets <algorithm>"},
    {.name = "resume", .type = OptionType::text, .help = "continue the run in this folder, bit for bit"},
    {.name = "out", .type = OptionType::text, .help = "the run's folder; by default runs/<algorithm>-<env>-seed<seed>"},
    {.name = "threads",
     .type = OptionType::integer,
     .value = "0",
     .low = 0,
     .high = 1024,
     .help = "0: all cores, or INNERLOOP_THREADS; results do not depend on it"},
    device_flag,
    {.name = "quiet", .type = OptionType::boolean, .value = "false", .help = "no progress line"},
};

constexpr const char* train_examples =
    "  innerloop train maml --env point-nav-v1 --seed 3\n"
    "  innerloop train maml --preset official --out runs/official\n"
    "  innerloop train --config runs/official/config.toml --seed 4\n"
    "  innerloop train --resume runs/official";

std::string text_or_empty(const rl::OptionValues& given, std::string_view name) {
  return given.contains(name) ? given.text(name) : "";
}

// Whether a word after this argument is its value: after --out, and not after --quiet or --out=folder.
bool takes_value(std::span<const Option> options, const std::string& argument) {
  return std::ranges::any_of(options, [&](const Option& option) {
    return option.type != OptionType::boolean &&
           (argument == flag_of(option.name) || argument == "--" + std::string(option.name));
  });
}

// The algorithm decides which flags there are, so it is looked for first: as the first argument, or anywhere where no
// flag's value stands.
std::string algorithm_in(const Context& context, Arguments arguments) {
  if (!arguments.empty() && !arguments[0].empty() && arguments[0][0] != '-') return arguments[0];
  for (std::size_t i = 1; i < arguments.size(); ++i)
    for (const rl::AlgorithmRow* row : context.algorithms)
      if (arguments[i] == row->name && !takes_value(train_flags, arguments[i - 1]) &&
          !takes_value(run_options(*row), arguments[i - 1]))
        return arguments[i];
  return "";
}

// The value of --name or --name=value, before the flags are parsed. UsageError if it is given twice.
std::string flag_value(Arguments arguments, const std::string& name) {
  std::string value;
  int given = 0;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--" + name && i + 1 < arguments.size()) value = arguments[++i], ++given;
    else if (arguments[i].starts_with("--" + name + "=")) value = arguments[i].substr(name.size() + 3), ++given;
  }
  if (given > 1) throw UsageError("--" + name + " is given " + std::to_string(given) + " times; give it once");
  return value;
}

// Iterates until done or interrupted. Returns the exit code.
int train(const Context& context, Job& job, bool quiet) {
  InterruptGuard guard;
  Progress progress(context.err, context.terminal, quiet, job.settings.algorithm->name, job.trainer->iteration(),
                    job.trainer->iterations());
  const bool done = run_job(job, [&](const rl::Metrics& metrics) {
    progress.update(job.trainer->iteration(), metrics);
    return !guard.requested();
  });
  return done ? success : interrupted;
}

}  // namespace

int train_command(const Context& context, Arguments arguments) {
  // The options of this command line: those of train, and those of the algorithm, wherever it is named.
  std::string algorithm = algorithm_in(context, arguments);
  std::string named = algorithm;
  const std::string config_path = flag_value(arguments, "config"), resume = flag_value(arguments, "resume");
  flag_value(arguments, "preset");
  const std::vector<ConfigEntry> config = config_path.empty() ? std::vector<ConfigEntry>{} : read_config(config_path);
  std::vector<ConfigEntry> source = resume.empty() ? config : RunFolder::open(resume).config();
  for (const ConfigEntry& entry : source)
    if (entry.key == "algorithm" && named.empty())
      if (const auto* text = std::get_if<std::string>(&entry.value)) named = *text;
  std::vector<Option> options(std::begin(train_flags), std::end(train_flags));
  if (!named.empty()) {
    const std::vector<Option> own = run_options(find_algorithm(context, named));
    options.insert(options.end(), own.begin(), own.end());
  }
  const ParsedArguments parsed = parse_arguments(options, arguments, 1);
  if (parsed.help || (arguments.empty() && named.empty())) {
    const Verb& verb = all_verbs().front();
    (parsed.help ? context.out : context.err) << help_text(verb, train_examples, options);
    return parsed.help ? success : usage;
  }

  if (const int threads = parsed.given.contains("threads") ? parsed.given.integer("threads") : 0; threads > 0)
    set_thread_count(threads);
  const UseDevice device(parsed.given);
  Job job =
      resume.empty()
          ? start_job(resolve_settings(context, algorithm, text_or_empty(parsed.given, "preset"), config, parsed.given),
                      text_or_empty(parsed.given, "out"))
          : resume_job(context, resume, parsed.given);
  const std::string& path = job.folder.path();
  const bool quiet = parsed.given.contains("quiet") && parsed.given.boolean("quiet");
  if (!quiet) context.err << job.settings.algorithm->title << " into " << path << std::endl;
  const int code = train(context, job, quiet);
  if (code == interrupted)
    context.err << fmt::format("Stopped after iteration {}. To go on: innerloop train --resume {}",
                               job.trainer->iteration(), path)
                << std::endl;
  else if (!quiet)
    context.err << "Done. Next: innerloop adapt " << path << "   or   innerloop plot " << path << std::endl;
  return code;
}

}  // namespace innerloop::app

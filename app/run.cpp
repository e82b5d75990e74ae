// innerloop run: the main job. Meta-train MAML on 2-D navigation, then adapt to goals it has never seen.
#include <fmt/format.h>
#include <filesystem>
#include <ostream>

#include "app/command_line.h"
#include "app/run_folder.h"

namespace innerloop::app {
namespace {

using rl::Option;
using rl::OptionType;

constexpr Option run_flags[] = {
    {.name = "out", .type = OptionType::text, .value = "runs/first", .help = "folder for the runs and the pictures"},
    {.name = "seed", .type = OptionType::integer, .value = "1", .low = 0, .high = 1e9, .help = "of all random numbers"},
    {.name = "iterations",
     .type = OptionType::integer,
     .value = "0",
     .low = 0,
     .high = 1e6,
     .help = "of each learner; 0: as many as its preset says"},
    {.name = "quiet", .type = OptionType::boolean, .value = "false", .help = "no progress line"},
};

// Trains with this preset, goes on where an earlier call was interrupted, and does nothing where one has finished.
int train_preset(const Context& context, const std::string& preset, const std::string& folder,
                 const rl::OptionValues& flags) {
  rl::OptionValues settings;
  settings.set("seed", flags["seed"]);
  if (flags.integer("iterations") > 0) settings.set("iterations", flags["iterations"]);
  const RunSettings wanted = resolve_settings(context, "maml", preset, {}, settings);

  std::vector<std::string> arguments{"maml", "--preset", preset, "--out", folder};
  for (const char* name : {"seed", "iterations"})
    arguments.insert(arguments.end(), {flag_of(name), rl::to_text(wanted.values[name])});
  if (std::filesystem::exists(folder + "/config.toml")) {
    // The same run, setting by setting.
    const RunSettings found = resolve_settings(context, "", "", RunFolder::open(folder).config(), {});
    const auto compare = [&](const std::string& name) {
      if (!wanted.values.contains(name) || !found.values.contains(name)) return;
      const std::string text = rl::to_text(found.values[name]), other = rl::to_text(wanted.values[name]);
      if (text != other)
        throw rl::UsageError(folder + " holds a run with " + name + " " + text + ", not " + other +
                             "; give another folder with --out");
    };
    for (const char* name : {"seed", "iterations"}) compare(name);
    for (const auto& setting : wanted.values.all()) compare(setting.first);
    if (config_text(found) != config_text(wanted))
      throw rl::UsageError(folder + " holds a run that is not maml --preset " + preset +
                           "; give another folder with --out");
    arguments = {"--resume", folder};
  }
  if (flags.boolean("quiet")) arguments.push_back("--quiet");
  return train_command(context, arguments);
}

}  // namespace

int run_command(const Context& context, Arguments arguments) {
  const ParsedArguments parsed = parse_arguments(run_flags, arguments, 0);
  if (parsed.help) {
    for (const Verb& verb : all_verbs())
      if (verb.command == run_command)
        context.out << help_text(verb, "  innerloop run\n  innerloop run --seed 2 --out runs/second", run_flags);
    return success;
  }
  rl::OptionValues values = rl::default_values(run_flags);
  for (const auto& [name, value] : parsed.given.all()) values.set(name, value);
  const std::string out = values.text("out");

  // MAML, and for comparison the same policy trained on all tasks at once without an inner step, and one that sees the
  // goal.
  std::vector<std::string> runs;
  for (const char* preset : {"quick", "quick-pretrained", "quick-oracle"}) {
    runs.push_back(out + "/" + preset);
    if (const int code = train_preset(context, preset, runs.back(), values); code != success) return code;
  }

  // All adapt to the authors' 40 test goals, beside an untrained policy.
  std::vector<std::string> adapt = runs;
  adapt.insert(adapt.end(), {"--random", "--steps", "3", "--out", out});
  if (values.boolean("quiet")) adapt.push_back("--quiet");
  return adapt_command(context, adapt);
}

}  // namespace innerloop::app

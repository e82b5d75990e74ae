#include "app/options.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/nearest.h"

namespace innerloop::app {

using rl::Option;
using rl::OptionType;
using rl::UsageError;

std::vector<Option> run_options(const rl::AlgorithmRow& algorithm) {
  std::vector<Option> options(algorithm.options.begin(), algorithm.options.end());
  options.push_back({.name = "seed",
                     .type = OptionType::integer,
                     .value = "1",
                     .low = 0,
                     .high = 9007199254740992.0,
                     .help = "of all random numbers of the run"});
  options.push_back({.name = "checkpoint_every",
                     .type = OptionType::integer,
                     .value = "10",
                     .low = 1,
                     .high = 1e9,
                     .help = "iterations between checkpoints; the last three are kept"});
  return options;
}

const rl::AlgorithmRow& find_algorithm(const Context& context, std::string_view name) {
  std::vector<std::string> names;
  for (const rl::AlgorithmRow* row : context.algorithms) {
    if (row->name == name) return *row;
    names.push_back(row->name);
  }
  throw UsageError("no algorithm is called '" + std::string(name) + "'" + did_you_mean(name, names));
}

namespace {

const rl::Preset& find_preset(const rl::AlgorithmRow& algorithm, std::string_view name) {
  std::vector<std::string> names;
  for (const rl::Preset& preset : algorithm.presets) {
    if (preset.name == name) return preset;
    names.push_back(preset.name);
  }
  throw UsageError(std::string(algorithm.name) + " has no preset '" + std::string(name) + "'" +
                   did_you_mean(name, names));
}

// The text at a key that is not an option of the algorithm: "algorithm" and "preset".
std::string text_at(std::span<const ConfigEntry> config, std::string_view key) {
  for (const ConfigEntry& entry : config)
    if (entry.key == key) {
      if (const auto* text = std::get_if<std::string>(&entry.value)) return *text;
      throw UsageError(entry.where + ": " + entry.key + " must be a text");
    }
  return "";
}

}  // namespace

RunSettings resolve_settings(const Context& context, std::string_view algorithm, std::string_view preset,
                             std::span<const ConfigEntry> config, const rl::OptionValues& flags) {
  // Which algorithm, and which preset: the command line wins over the config, but cannot contradict it on the
  // algorithm.
  const std::string configured = text_at(config, "algorithm");
  if (algorithm.empty() && configured.empty()) throw UsageError("no algorithm given: innerloop train <algorithm>");
  if (!algorithm.empty() && !configured.empty() && algorithm != configured)
    throw UsageError("the config is for " + configured + ", but " + std::string(algorithm) + " was asked for");
  RunSettings settings;
  settings.algorithm = &find_algorithm(context, algorithm.empty() ? configured : algorithm);
  settings.preset = preset.empty() ? text_at(config, "preset") : std::string(preset);

  // Defaults, then the preset, then the config, then the flags.
  const std::vector<Option> options = run_options(*settings.algorithm);
  settings.values = rl::default_values(options);
  if (!settings.preset.empty())
    rl::apply_preset(find_preset(*settings.algorithm, settings.preset), options, settings.values);
  std::vector<std::string> keys = rl::option_names(options);
  keys.insert(keys.end(), {"algorithm", "preset"});
  for (const ConfigEntry& entry : config) {
    if (entry.key == "algorithm" || entry.key == "preset") continue;
    const Option* option = rl::find_option(options, entry.key);
    if (!option) throw UsageError(entry.where + ": unknown key '" + entry.key + "'" + did_you_mean(entry.key, keys));
    try {
      settings.values.set(entry.key, rl::checked_value(*option, entry.value));
    } catch (const UsageError& error) {
      throw UsageError(entry.where + ": " + error.what());
    }
  }
  for (const auto& [name, value] : flags.all())
    if (rl::find_option(options, name)) settings.values.set(name, value);
  return settings;
}

std::string config_text(const RunSettings& settings) {
  std::string text = fmt::format(
      "# innerloop {}: every setting of this run. To run it again:\n"
      "#   innerloop train --config config.toml --out <folder>\n"
      "algorithm = \"{}\"\n",
      version, settings.algorithm->name);
  if (!settings.preset.empty()) text += fmt::format("preset = \"{}\"\n", settings.preset);
  for (const auto& [name, value] : settings.values.all()) text += name + " = " + rl::to_text(value) + "\n";
  return text;
}

std::string options_markdown(std::span<const Option> options) {
  std::string table = "| option | default | allowed | paper | meaning |\n|---|---|---|---|---|\n";
  for (const Option& option : options) {
    const std::string range = rl::allowed(option);
    table += fmt::format("| `{}` | {} | {} | {} | {} |\n", option.name,
                         option.value[0] ? "`" + std::string(option.value) + "`" : "",
                         range.empty() ? rl::name_of(option.type) : range, option.paper, option.help);
  }
  return table;
}

}  // namespace innerloop::app

// The settings of a run: which algorithm, and a value for every option. Order: defaults < preset < --config < flags.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/program.h"
#include "rl/training/options.h"
#include "rl/training/trainer.h"

namespace innerloop::app {

struct RunSettings {
  const rl::AlgorithmRow* algorithm = nullptr;
  std::string preset;       // empty: none
  rl::OptionValues values;  // of every option of run_options()
};

// What every run has beside its algorithm's own options: seed, checkpoint_every.
std::vector<rl::Option> run_options(const rl::AlgorithmRow& algorithm);

// What a config file says, as it stands there.
struct ConfigEntry {
  std::string key;
  rl::OptionValue value;
  std::string where;  // "maml.toml:3:1"
};
// Reads TOML: one flat list of keys. Error with file:line:column for a syntax error, a table or an unfit value.
std::vector<ConfigEntry> read_config(const std::string& path);
std::vector<ConfigEntry> parse_config(std::string_view text, const std::string& label);

// Puts the four sources together. `algorithm` and `preset` may be empty if the config names them. UsageError for an
// unknown key (nearest one suggested), a value out of range (the range named), an unknown preset or algorithm.
RunSettings resolve_settings(const Context& context, std::string_view algorithm, std::string_view preset,
                             std::span<const ConfigEntry> config, const rl::OptionValues& flags);

// The resolved config: runs again as it is (innerloop train --config config.toml).
std::string config_text(const RunSettings& settings);

// The table of a chapter: option, default, allowed, paper's value, meaning.
std::string options_markdown(std::span<const rl::Option> options);

}  // namespace innerloop::app

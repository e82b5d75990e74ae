// The small settings of every algorithm (AlgorithmRow::smoke), for tests that take each of them.
#pragma once

#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "app/algorithms.h"
#include "app/options.h"
#include "tests/app/folder.h"
#include "tests/catch.h"
#include "tests/sanitized.h"

// The values of all options of the program's: the defaults, the preset, the settings, and these, "name = value" lines.
// Lines whose option the algorithm lacks are left out.
inline innerloop::rl::OptionValues smoke_values(const innerloop::rl::AlgorithmRow& row,
                                                const innerloop::rl::SmokeRun& smoke, const std::string& more = "") {
  using namespace innerloop;
  const std::vector<rl::Option> options = app::run_options(row);
  rl::OptionValues values = rl::default_values(options);
  for (const rl::Preset& preset : row.presets)
    if (std::string(preset.name) == smoke.preset) rl::apply_preset(preset, options, values);
  rl::apply_preset({smoke.name, "", smoke.settings}, options, values);
  std::istringstream lines(more);
  for (std::string line; std::getline(lines, line);)
    if (rl::find_option(options, line.substr(0, line.find(' '))) != nullptr)
      rl::apply_preset({smoke.name, "", line.c_str()}, options, values);
  return values;
}

enum class Settings { all, first };
// For each algorithm and each of its settings, or the first; at least one each. Under a sanitizer the first of each:
// the others make the same accesses but few.
inline void for_every_smoke_run(
    const std::function<void(const innerloop::rl::AlgorithmRow&, const innerloop::rl::SmokeRun&)>& work,
    Settings which = Settings::all) {
  REQUIRE(innerloop::app::all_algorithms().size() >= 2);
  for (const innerloop::rl::AlgorithmRow* row : innerloop::app::all_algorithms()) {
    INFO(row->name);
    REQUIRE_FALSE(row->smoke.empty());
    for (const innerloop::rl::SmokeRun& smoke : row->smoke) {
      INFO(smoke.name);
      work(*row, smoke);
      if (sanitized || which == Settings::first) break;
    }
  }
}

// The flags with which the program trains at these settings: it reads them from a file of the folder.
inline std::string smoke_flags(const TestFolder& folder, const innerloop::rl::AlgorithmRow& row,
                               const innerloop::rl::SmokeRun& smoke, const std::string& more = "") {
  const std::string file = folder / "smoke.toml";
  write_file(file, innerloop::app::config_text({&row, "", smoke_values(row, smoke, more)}));
  return " --config " + file + " --quiet ";
}

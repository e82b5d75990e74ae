// Config files: TOML, one flat list of keys. The only file that includes toml++.
#include <toml++/toml.h>

#include "app/options.h"
#include "nn/atomic_file.h"

namespace innerloop::app {
namespace {

using rl::OptionValue;
using rl::UsageError;

std::string place(const std::string& label, const toml::source_region& source) {
  return label + ":" + std::to_string(source.begin.line) + ":" + std::to_string(source.begin.column);
}

// A list is of whole numbers if all its elements are.
OptionValue list_value(const toml::array& array, const std::string& where) {
  std::vector<std::int64_t> whole;
  std::vector<double> reals;
  for (const toml::node& node : array) {
    if (!node.is_number()) throw UsageError(where + ": a list may hold numbers only");
    if (node.is_integer()) whole.push_back(**node.as_integer());
    reals.push_back(*node.value<double>());
  }
  if (whole.size() == reals.size()) return whole;
  return reals;
}

OptionValue value_of(const toml::node& node, const std::string& key, const std::string& where) {
  if (const auto* b = node.as_boolean()) return **b;
  if (const auto* n = node.as_integer()) return std::int64_t{**n};
  if (const auto* x = node.as_floating_point()) return **x;
  if (const auto* text = node.as_string()) return **text;
  if (const auto* array = node.as_array()) return list_value(*array, where);
  if (node.is_table())
    throw UsageError(where + ": config files have no [tables]: write the keys of [" + key + "] without it");
  throw UsageError(where + ": " + key + " must be true or false, a number, a text or a list of numbers");
}

}  // namespace

std::vector<ConfigEntry> parse_config(std::string_view text, const std::string& label) {
  std::vector<ConfigEntry> entries;
  try {
    const toml::table table = toml::parse(text, label);
    for (const auto& [key, node] : table) {
      const std::string where = place(label, key.source());
      entries.push_back({std::string(key.str()), value_of(node, std::string(key.str()), where), where});
    }
  } catch (const toml::parse_error& error) {
    throw UsageError(place(label, error.source()) + ": " + std::string(error.description()));
  }
  return entries;
}

std::vector<ConfigEntry> read_config(const std::string& path) { return parse_config(nn::read_file(path), path); }

}  // namespace innerloop::app

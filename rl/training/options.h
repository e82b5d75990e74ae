// Options: what a reader may set about an algorithm. One table per algorithm, next to its Config (option_table.h),
// feeds everything: the flags, the keys of config files, the suggestions after a typing error, the resolved config and
// the chapters' tables. The flags that belong to the program alone are rows too:
//
//   constexpr Option run_flags[] = {{.name = "quiet", .type = OptionType::boolean, .help = "no progress line"}};
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "kernels/require.h"

namespace innerloop::rl {

enum class OptionType : std::uint8_t {
  boolean,   // true, false
  integer,   // 20
  real,      // 0.1, 1e-5
  text,      // point-nav-v1
  choice,    // one of the words in `choices`
  integers,  // [100, 100]
  reals,     // [0.5, 0.25]
};
const char* name_of(OptionType type);

struct Option {
  const char* name;  // snake_case, the key of config files; the flag is the same word with dashes: --inner-steps
  OptionType type = OptionType::real;
  const char* value = "";                            // the default, written as in a config file, texts without quotes
  double low = -std::numeric_limits<double>::max();  // numbers, and every element of a list: both ends are allowed
  double high = std::numeric_limits<double>::max();
  const char* choices = "";  // of a choice: the allowed words, separated by blanks
  const char* help = "";     // one line: what it is, with its unit
  const char* paper = "";    // the paper's value and where it stands; empty: the paper has no such option
};

// A named set of values, one "name = value" per line: {"official", "as in the authors' code", "alpha = 0.5\nhidden =
// [100, 100]"}.
struct Preset {
  const char* name;
  const char* summary;
  const char* settings;
};

using OptionValue =
    std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>>;

// A wrong value, key or flag: the user's words, so exit code 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

// Reads `text` as a value of `option` and checks its range. UsageError names the option, the value and what is allowed.
OptionValue parse_value(const Option& option, std::string_view text);
// UsageError unless `value` has the option's type and lies in its range. Whole numbers are accepted where reals are
// wanted.
OptionValue checked_value(const Option& option, OptionValue value);
// As in a config file: 0.1, "tanh", [100, 100]. Numbers are the shortest text that reads back as the same number.
std::string to_text(const OptionValue& value);
// "0 to 100", "at least 1", "relu, tanh": what is allowed; empty if everything is.
std::string allowed(const Option& option);

// The values of all options of a run, in table order. Getters throw Error on an unknown name or another type.
class OptionValues {
 public:
  void set(std::string_view name, OptionValue value);  // replaces, or appends
  bool contains(std::string_view name) const;
  const OptionValue& operator[](std::string_view name) const;
  const std::vector<std::pair<std::string, OptionValue>>& all() const { return values_; }

  bool boolean(std::string_view name) const;
  int integer(std::string_view name) const;  // must fit an int
  double real(std::string_view name) const;
  const std::string& text(std::string_view name) const;  // text and choice
  std::vector<int> integers(std::string_view name) const;
  const std::vector<double>& reals(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, OptionValue>> values_;
};

const Option* find_option(std::span<const Option> options, std::string_view name);
std::vector<std::string> option_names(std::span<const Option> options);
OptionValues default_values(std::span<const Option> options);
// Sets what the preset names, in `values`.
void apply_preset(const Preset& preset, std::span<const Option> options, OptionValues& values);

}  // namespace innerloop::rl

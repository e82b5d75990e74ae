#include "rl/training/option_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "kernels/nearest.h"

namespace innerloop::rl {
namespace {

// A default as tables show it: texts and words without quotes, small numbers as 3e-4.
std::string default_text(const OptionValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  std::string text = to_text(value);
  const auto* number = std::get_if<double>(&value);
  if (number == nullptr || *number == 0 || std::abs(*number) >= 1e-3) return text;
  // The shortest digits, with as short an exponent.
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, *number, std::chars_format::scientific);
  text.assign(buffer, end.ptr);
  const std::size_t sign = text.find("e-") + 1;
  while (text[sign + 1] == '0') text.erase(sign + 1, 1);
  return text;
}

bool has_word(std::string_view list, std::string_view word) {
  return (" " + std::string(list) + " ").find(" " + std::string(word) + " ") != std::string::npos;
}

}  // namespace

const char* kept(const std::string& text) {
  static std::set<std::string> texts;
  return texts.insert(text).first->c_str();
}

void OptionTable::append(Option row, const OptionValue& initial) {
  require(find_option(rows_, row.name) == nullptr, [&] {
    return "two options are called '" + std::string(row.name) + "'";
  });
  row.value = kept(default_text(initial));
  rows_.push_back(row);
}

void OptionTable::change(std::string_view name, const OptionEdit& edit) {
  const auto row = std::ranges::find_if(rows_, [&](const Option& option) { return option.name == name; });
  require(row != rows_.end(), [&] {
    return "no option is called '" + std::string(name) + "'" + did_you_mean(std::string(name), option_names(rows_));
  });
  if (edit.range) row->low = edit.range->low, row->high = edit.range->high;
  if (edit.help != nullptr) row->help = edit.help;
  if (edit.paper != nullptr) row->paper = edit.paper;
  if (edit.words == nullptr) return;
  // A part of the words, the default among them.
  std::string rest = edit.words;
  while (!rest.empty()) {
    const std::string word = rest.substr(0, rest.find(' '));
    rest.erase(0, std::min(rest.size(), word.size() + 1));
    require(has_word(row->choices, word), [&] {
      return std::string(name) + " has no word '" + word + "'; it has " + std::string(row->choices);
    });
  }
  require(has_word(edit.words, row->value), [&] {
    return std::string(name) + ": its default, " + row->value + ", must be allowed";
  });
  row->choices = edit.words;
}

}  // namespace innerloop::rl

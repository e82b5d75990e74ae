#include "rl/training/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "kernels/nearest.h"

namespace innerloop::rl {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string number_text(double number) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number);
  return {buffer, end.ptr};
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!(text = trimmed(text)).empty()) {
    const std::size_t length = std::min(text.find(' '), text.size());
    words.emplace_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return words;
}

// "inner_steps" is called --inner-steps where it is a flag; messages name the key, which both forms resemble.
[[noreturn]] void refuse(const Option& option, const std::string& got) {
  const std::string range = allowed(option);
  throw UsageError(std::string(option.name) + " = " + got + ": must be " +
                   (option.type == OptionType::choice ? "" : std::string(name_of(option.type))) +
                   (range.empty() ? "" : (option.type == OptionType::choice ? "one of " : ", ") + range) +
                   (option.help[0] ? " (" + std::string(option.help) + ")" : ""));
}

// Reads all of `text` as a number, or refuses it.
template <class Number>
Number parse_number(const Option& option, std::string_view text, std::string_view whole) {
  Number number{};
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) refuse(option, std::string(whole));
  return number;
}

// [1, 2] and 1,2 are the same list; [] is the empty one.
template <class Number>
std::vector<Number> parse_list(const Option& option, std::string_view text) {
  std::string_view rest = trimmed(text);
  if (rest.starts_with('[') != rest.ends_with(']')) refuse(option, std::string(text));
  if (rest.starts_with('[')) rest = trimmed(rest.substr(1, rest.size() - 2));
  std::vector<Number> list;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    list.push_back(parse_number<Number>(option, trimmed(rest.substr(0, comma)), text));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return list;
}

// The numbers of a value, for the range check.
// In long double, which holds every 64-bit integer: 2⁵³ + 1 is above 2⁵³.
std::vector<long double> numbers_of(const OptionValue& value) {
  if (const auto* n = std::get_if<std::int64_t>(&value)) return {static_cast<long double>(*n)};
  if (const auto* x = std::get_if<double>(&value)) return {*x};
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value)) return {list->begin(), list->end()};
  if (const auto* list = std::get_if<std::vector<double>>(&value)) return {list->begin(), list->end()};
  return {};
}

template <class T>
const T& get(const OptionValues& values, std::string_view name, const char* type) {
  const T* value = std::get_if<T>(&values[name]);
  if (!value) throw Error("option " + std::string(name) + " is not " + type);
  return *value;
}

int to_int(std::int64_t number, std::string_view name) {
  require(std::in_range<int>(number), [&] { return "option " + std::string(name) + " does not fit 32 bits"; });
  return static_cast<int>(number);
}

}  // namespace

const char* name_of(OptionType type) {
  switch (type) {
    case OptionType::boolean: return "true or false";
    case OptionType::integer: return "a whole number";
    case OptionType::real: return "a number";
    case OptionType::text: return "a text";
    case OptionType::choice: return "a word";
    case OptionType::integers: return "a list of whole numbers";
    case OptionType::reals: return "a list of numbers";
  }
  return "?";
}

std::string allowed(const Option& option) {
  if (option.type == OptionType::choice) {
    std::string list;
    for (const std::string& word : words_of(option.choices)) list += (list.empty() ? "" : ", ") + word;
    return list;
  }
  const bool numeric = option.type != OptionType::boolean && option.type != OptionType::text;
  const bool bounded_below = option.low > -std::numeric_limits<double>::max();
  const bool bounded_above = option.high < std::numeric_limits<double>::max();
  if (!numeric || (!bounded_below && !bounded_above)) return "";
  if (!bounded_above) return "at least " + number_text(option.low);
  if (!bounded_below) return "at most " + number_text(option.high);
  return number_text(option.low) + " to " + number_text(option.high);
}

OptionValue checked_value(const Option& option, OptionValue value) {
  // A whole number may stand where any number may.
  if (option.type == OptionType::real)
    if (const auto* n = std::get_if<std::int64_t>(&value)) value = static_cast<double>(*n);
  if (option.type == OptionType::reals)
    if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value))
      value = std::vector<double>(list->begin(), list->end());
  // An empty list has no type of its own.
  if (option.type == OptionType::integers)
    if (const auto* list = std::get_if<std::vector<double>>(&value); list && list->empty())
      value = std::vector<std::int64_t>{};

  constexpr std::size_t wanted[] = {0, 1, 2, 3, 3, 4, 5};  // alternatives of OptionValue, by OptionType
  if (value.index() != wanted[static_cast<std::size_t>(option.type)]) refuse(option, to_text(value));
  for (const long double number : numbers_of(value))
    if (!std::isfinite(number) || number < option.low || number > option.high) refuse(option, to_text(value));
  if (option.type == OptionType::choice) {
    const std::vector<std::string> words = words_of(option.choices);
    auto& word = std::get<std::string>(value);
    // flat_mean is flat-mean: as with names, either spelling is understood and one is kept.
    std::string dashed = word;
    std::ranges::replace(dashed, '_', '-');
    if (std::ranges::find(words, dashed) != words.end()) word = dashed;
    if (std::ranges::find(words, word) == words.end())
      throw UsageError(
          std::string(option.name) + " = " + to_text(value) + ": must be one of " + allowed(option) +
          (nearest_word(word, words).empty() ? "" : ". Did you mean '" + nearest_word(word, words) + "'?"));
  }
  return value;
}

OptionValue parse_value(const Option& option, std::string_view text) {
  text = trimmed(text);
  switch (option.type) {
    case OptionType::boolean:
      if (text != "true" && text != "false") refuse(option, std::string(text));
      return text == "true";
    case OptionType::integer: return checked_value(option, parse_number<std::int64_t>(option, text, text));
    case OptionType::real: return checked_value(option, parse_number<double>(option, text, text));
    case OptionType::integers: return checked_value(option, parse_list<std::int64_t>(option, text));
    case OptionType::reals: return checked_value(option, parse_list<double>(option, text));
    case OptionType::text:
    case OptionType::choice: break;
  }
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return checked_value(option, std::string(text));
}

std::string to_text(const OptionValue& value) {
  if (const auto* b = std::get_if<bool>(&value)) return *b ? "true" : "false";
  if (const auto* n = std::get_if<std::int64_t>(&value)) return std::to_string(*n);
  if (const auto* x = std::get_if<double>(&value)) return number_text(*x);
  if (const auto* text = std::get_if<std::string>(&value)) {
    std::string quoted = "\"";
    for (const char c : *text) {
      constexpr const char* hex = "0123456789abcdef";
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {  // a config file allows no control characters in a text
        quoted += std::string("\\u00") + hex[c >> 4] + hex[c & 15];
        continue;
      }
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
    return quoted + '"';
  }
  std::string list;
  if (const auto* whole = std::get_if<std::vector<std::int64_t>>(&value))
    for (const std::int64_t n : *whole) list += (list.empty() ? "" : ", ") + std::to_string(n);
  if (const auto* reals = std::get_if<std::vector<double>>(&value))
    for (const double x : *reals) list += (list.empty() ? "" : ", ") + number_text(x);
  return "[" + list + "]";
}

void OptionValues::set(std::string_view name, OptionValue value) {
  for (auto& [known, old] : values_)
    if (known == name) {
      old = std::move(value);
      return;
    }
  values_.emplace_back(std::string(name), std::move(value));
}

bool OptionValues::contains(std::string_view name) const {
  return std::ranges::any_of(values_, [&](const auto& pair) { return pair.first == name; });
}

const OptionValue& OptionValues::operator[](std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& [known, value] : values_) {
    if (known == name) return value;
    names.push_back(known);
  }
  throw Error("no option is called '" + std::string(name) + "'" + did_you_mean(name, names));
}

bool OptionValues::boolean(std::string_view name) const { return get<bool>(*this, name, "true or false"); }
int OptionValues::integer(std::string_view name) const {
  return to_int(get<std::int64_t>(*this, name, "a whole number"), name);
}
double OptionValues::real(std::string_view name) const { return get<double>(*this, name, "a number"); }
const std::string& OptionValues::text(std::string_view name) const { return get<std::string>(*this, name, "a text"); }
std::vector<int> OptionValues::integers(std::string_view name) const {
  std::vector<int> list;
  for (const std::int64_t n : get<std::vector<std::int64_t>>(*this, name, "a list of whole numbers"))
    list.push_back(to_int(n, name));
  return list;
}
const std::vector<double>& OptionValues::reals(std::string_view name) const {
  return get<std::vector<double>>(*this, name, "a list of numbers");
}

const Option* find_option(std::span<const Option> options, std::string_view name) {
  const auto found = std::ranges::find_if(options, [&](const Option& option) { return option.name == name; });
  return found == options.end() ? nullptr : &*found;
}

std::vector<std::string> option_names(std::span<const Option> options) {
  std::vector<std::string> names;
  for (const Option& option : options) names.push_back(option.name);
  return names;
}

OptionValues default_values(std::span<const Option> options) {
  OptionValues values;
  for (const Option& option : options) values.set(option.name, parse_value(option, option.value));
  return values;
}

void apply_preset(const Preset& preset, std::span<const Option> options, OptionValues& values) {
  // One setting a line: name = value.
  std::string_view rest = preset.settings;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line.front() == '#') continue;
    const std::size_t equals = line.find('=');
    require(equals != std::string_view::npos, [&] {
      return "preset " + std::string(preset.name) + ": no '=' in: " + std::string(line);
    });
    const std::string_view name = trimmed(line.substr(0, equals));
    const Option* option = find_option(options, name);
    require(option != nullptr, [&] {
      return "preset " + std::string(preset.name) + ": no option is called '" + std::string(name) + "'" +
             did_you_mean(name, option_names(options));
    });
    values.set(name, parse_value(*option, line.substr(equals + 1)));
  }
}

}  // namespace innerloop::rl

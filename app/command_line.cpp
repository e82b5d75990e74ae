#include "app/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>

#include "kernels/nearest.h"

namespace innerloop::app {

using rl::Option;
using rl::OptionType;
using rl::UsageError;

std::string flag_of(std::string_view option_name) {
  std::string flag = "--" + std::string(option_name);
  std::ranges::replace(flag, '_', '-');
  return flag;
}

namespace {

// A flag where a value should stand: CLI11 would take it for one.
void refuse_forgotten_values(std::span<const Option> options, Arguments arguments) {
  for (std::size_t i = 0; i + 1 < arguments.size(); ++i)
    for (const Option& option : options)
      if (option.type != OptionType::boolean && arguments[i + 1].starts_with("--") &&
          (arguments[i] == flag_of(option.name) || arguments[i] == "--" + std::string(option.name)))
        throw UsageError(arguments[i] + " needs a value, but " + arguments[i + 1] + " follows");
}

}  // namespace

ParsedArguments parse_arguments(std::span<const Option> options, Arguments arguments, std::size_t max_words) {
  refuse_forgotten_values(options, arguments);

  // One CLI11 option per row of the table. Underscores are accepted where the flag has dashes.
  CLI::App parser;
  parser.set_help_flag();
  parser.allow_extras();
  ParsedArguments parsed;
  parser.add_flag("-h,--help", parsed.help);
  std::deque<std::string> texts;
  std::deque<bool> switches;
  std::vector<std::pair<const Option*, CLI::Option*>> rows;
  std::vector<std::string> flags{"--help"};
  for (const Option& option : options) {
    const std::string flag = flag_of(option.name), plain = "--" + std::string(option.name);
    const std::string names = flag == plain ? flag : flag + "," + plain;
    flags.push_back(flag);
    if (option.type == OptionType::boolean) {
      const std::string negative = "--no-" + flag.substr(2);
      rows.emplace_back(&option, parser.add_flag(names + ",!" + negative, switches.emplace_back()));
    } else {
      rows.emplace_back(&option, parser.add_option(names, texts.emplace_back()));
      rows.back().second->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
  }
  try {
    parser.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // CLI11 reads from the back
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }

  // What CLI11 could not place is a word, or a flag that does not exist.
  for (const std::string& extra : parser.remaining()) {
    if (extra.size() > 1 && extra[0] == '-')
      throw UsageError("unknown flag " + extra + did_you_mean(extra.substr(0, extra.find('=')), flags));
    if (parsed.words.size() == max_words) throw UsageError("unexpected argument '" + extra + "'");
    parsed.words.push_back(extra);
  }

  // Flags go through the same checks as config keys.
  std::size_t text = 0, on = 0;
  for (const auto& [option, row] : rows) {
    const bool is_switch = option->type == OptionType::boolean;
    const std::string value = is_switch ? (switches[on++] ? "true" : "false") : texts[text++];
    if (row->count() > 0) parsed.given.set(option->name, rl::parse_value(*option, value));
  }
  return parsed;
}

std::string option_lines(std::span<const Option> options) {
  std::string lines;
  for (const Option& option : options) {
    const bool is_switch = option.type == OptionType::boolean;
    const bool is_on = is_switch && std::string_view(option.value) == "true";
    std::string left = is_on ? "--no-" + flag_of(option.name).substr(2) : flag_of(option.name);
    if (!is_switch) left += option.value[0] == '\0' ? " …" : std::string(" ") + option.value;
    const std::string range = rl::allowed(option);
    lines += fmt::format("  {:<34} {}{}{}\n", left, is_on ? "without: " + std::string(option.help) : option.help,
                         range.empty() ? "" : "  (" + range + ")",
                         option.paper[0] ? "  paper: " + std::string(option.paper) : "");
  }
  return lines;
}

std::string help_text(const Verb& verb, std::string_view examples, std::span<const Option> options) {
  std::string text =
      fmt::format("usage: innerloop {} {}\n\n{}\n\nExamples:\n{}\n", verb.name, verb.arguments, verb.summary, examples);
  if (!options.empty()) text += "\nOptions, with their defaults:\n" + option_lines(options);
  return text;
}

}  // namespace innerloop::app

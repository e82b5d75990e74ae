// Reads one verb's arguments by its option table. (CLI11 does the reading; only command_line.cpp includes it.)
#pragma once

#include <span>
#include <string>
#include <vector>

#include "app/program.h"
#include "rl/training/options.h"

namespace innerloop::app {

struct ParsedArguments {
  std::vector<std::string> words;  // what is not a flag, in order
  rl::OptionValues given;          // only the flags that were given, checked
  bool help = false;               // --help or -h
};

// UsageError for an unknown flag (with the nearest one), a missing or wrong value, or more than `max_words` words.
ParsedArguments parse_arguments(std::span<const rl::Option> options, Arguments arguments, std::size_t max_words);

// "--inner-steps" for inner_steps.
std::string flag_of(std::string_view option_name);

// What --help prints: usage line, summary, examples, then one line per option from the table.
std::string help_text(const Verb& verb, std::string_view examples, std::span<const rl::Option> options);
std::string option_lines(std::span<const rl::Option> options);

}  // namespace innerloop::app

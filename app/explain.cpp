// innerloop explain: the equations of an algorithm or of a folder, each with its place in the source and its tests.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/command_line.h"
#include "app/equations.h"

namespace innerloop::app {
namespace {

using rl::Option;
using rl::OptionType;

constexpr Option explain_flags[] = {
    {.name = "json", .type = OptionType::boolean, .value = "false", .help = "for machines"},
};

// Folders whose equations belong to no algorithm.
constexpr std::string_view folders[] = {"kernels", "autodiff", "nn", "envs", "app"};

void print_text(const Context& context, const std::vector<Equation>& equations) {
  for (const Equation& equation : equations) {
    context.out << fmt::format("[{}]  {}:{}\n", equation.tag, equation.file, equation.line);
    std::string text = "    " + equation.text;
    for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 5))
      text.replace(at, 1, "\n    ");
    if (!equation.text.empty()) context.out << text << "\n";
    for (const std::string& test : equation.tests) context.out << "    test: " << test << "\n";
    if (equation.tests.empty()) context.out << "    test: none\n";
    context.out << "\n";
  }
}

}  // namespace

int explain_command(const Context& context, Arguments arguments) {
  const ParsedArguments parsed = parse_arguments(explain_flags, arguments, 1);
  if (parsed.help) {
    const char* examples =
        "  innerloop explain maml\n"
        "  innerloop explain nn                 those of a folder";
    for (const Verb& verb : all_verbs())
      if (verb.command == explain_command) context.out << help_text(verb, examples, explain_flags);
    return success;
  }
  if (parsed.words.empty()) throw rl::UsageError("innerloop explain <algorithm>: which one?");
  const std::string& word = parsed.words[0];
  const bool is_folder = std::ranges::find(folders, word) != std::end(folders);
  const rl::AlgorithmRow* row = is_folder ? nullptr : &find_algorithm(context, word);
  const std::vector<Equation> equations =
      row ? find_equations(row->source, embedded_sources()) : find_folder_equations(word, embedded_sources());

  if (parsed.given.contains("json") && parsed.given.boolean("json")) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Equation& e : equations)
      list.push_back({{"tag", e.tag}, {"text", e.text}, {"file", e.file}, {"line", e.line}, {"tests", e.tests}});
    context.out << list.dump(2) << "\n";
  } else {
    if (row) context.out << fmt::format("{}\n{}\n{}\n\n", row->title, row->paper, row->summary);
    print_text(context, equations);
  }
  return success;
}

}  // namespace innerloop::app

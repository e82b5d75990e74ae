// innerloop sweep: the command, and what the words of a method mean. The runs: sweep_run.cpp; what they are worth:
// sweep_judge.cpp; the report: sweep_report.cpp.
#include "app/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <ostream>
#include <set>
#include <sstream>

#include "app/command_line.h"
#include "app/folder_lock.h"
#include "app/progress.h"
#include "app/run_folder.h"
#include "envs/table.h"
#include "kernels/nearest.h"
#include "kernels/ranks.h"
#include "kernels/threads.h"
#include "nn/atomic_file.h"

namespace innerloop::app {
namespace {

using rl::Option;
using rl::OptionType;
using rl::UsageError;

constexpr Option sweep_flags[] = {
    {.name = "methods",
     .type = OptionType::text,
     .help = "algorithm[:preset][+option=value]..., separated by blanks: \"maml:quick trpo+delta=0.02\""},
    {.name = "envs", .type = OptionType::text, .help = "environments, separated by blanks; default: each method's own"},
    {.name = "seeds", .type = OptionType::integer, .value = "5", .low = 1, .high = 10000, .help = "how many"},
    {.name = "first_seed",
     .type = OptionType::integer,
     .value = "1",
     .low = 0,
     .high = 1e9,
     .help = "the others follow"},
    {.name = "set",
     .type = OptionType::text,
     .help = "options of every method, separated by blanks: \"iterations=20 hidden=[8,8]\""},
    {.name = "metric",
     .type = OptionType::text,
     .help = "column of metrics.csv that is judged; default: return_after, evaluation or return"},
    {.name = "lower_is_better", .type = OptionType::boolean, .value = "false", .help = "for a loss"},
    {.name = "last",
     .type = OptionType::integer,
     .value = "10",
     .low = 1,
     .high = 1e6,
     .help = "a seed's score is the mean over so many last iterations"},
    {.name = "adapt",
     .type = OptionType::integer,
     .value = "-1",
     .low = -1,
     .high = 1000,
     .help = "K: judge by K adaptation steps on held-out tasks instead; -1: by the metric"},
    {.name = "judged",
     .type = OptionType::choice,
     .value = "last",
     .choices = "last area reached",
     .help = "with --adapt: the return after K steps, the return averaged from step 0 to step K, or the share of "
             "episodes that end at the goal after K steps"},
    {.name = "parallel",
     .type = OptionType::integer,
     .value = "0",
     .low = 0,
     .high = 1024,
     .help = "runs at once; 0: one per core; results do not depend on it"},
    {.name = "out", .type = OptionType::text, .value = "runs/sweep", .help = "folder for the runs and the report"},
};

// What belongs to a call and not to a sweep.
constexpr Option call_flags[] = {
    {.name = "config", .type = OptionType::text, .help = "read all this from a file (TOML); flags win over it"},
    {.name = "json", .type = OptionType::boolean, .value = "false", .help = "for machines"},
    {.name = "quiet", .type = OptionType::boolean, .value = "false", .help = "no progress line"},
};

constexpr const char* sweep_examples =
    "  innerloop sweep --methods \"maml:quick maml:quick-pretrained\" --seeds 10 --adapt 1\n"
    "  innerloop sweep --methods \"policy_gradient trpo trpo+delta=0.05\" --envs \"two-state-v1 point-nav-v1\" --seeds "
    "6\n"
    "  innerloop sweep --config runs/sweep/sweep.toml          (goes on where it was interrupted)";

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// "delta=0.02" as a value of one of the method's options.
void set_option(rl::OptionValues& values, const std::string& assignment, std::span<const Option> options,
                const std::string& method) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0)
    throw UsageError("'" + assignment + "' is no setting: write option=value");
  std::string name = assignment.substr(0, equals);
  std::ranges::replace(name, '-', '_');
  if (name == "seed" || name == "env")
    throw UsageError("'" + assignment + "': " + (name == "env" ? "environments go to --envs" : "seeds go to --seeds"));
  const Option* option = rl::find_option(options, name);
  if (!option)
    throw UsageError(method + " has no option '" + name + "'" + did_you_mean(name, rl::option_names(options)));
  values.set(name, rl::parse_value(*option, assignment.substr(equals + 1)));
}

// Where the next option of a method's word begins: at a + before a name. That of 1e+5 stands before a digit.
std::size_t next_option(const std::string& method, std::size_t from) {
  for (std::size_t at = method.find('+', from); at != std::string::npos; at = method.find('+', at + 1))
    if (at + 1 == method.size() || std::isalpha(static_cast<unsigned char>(method[at + 1]))) return at;
  return method.size();
}

// A method's word as a folder's name: "trpo+delta=0.02" is trpo-delta-0.02.
std::string folder_name(std::string text) {
  for (char& c : text)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '_' && c != '-') c = '-';
  return text;
}

}  // namespace

std::vector<Cell> plan_cells(const Context& context, const SweepSettings& settings) {
  if (settings.judged != "last" && settings.adapt < 0)
    throw UsageError("--judged " + settings.judged + " is of an adaptation: it needs --adapt K");
  const std::vector<std::string> methods = words_of(settings.methods);
  std::vector<std::string> envs = words_of(settings.envs);
  if (methods.empty()) throw UsageError("innerloop sweep --methods \"<algorithm> ...\": which ones?");
  if (envs.empty()) envs.push_back("");
  std::vector<Cell> cells;
  std::set<std::string> folders;
  for (const std::string& env : envs)
    for (const std::string& method : methods) {
      // algorithm[:preset][+option=value]…
      const std::size_t plus = std::min(method.find('+'), method.size()), colon = method.substr(0, plus).find(':');
      const std::string algorithm = method.substr(0, std::min(colon, plus));
      const std::string preset = colon < plus ? method.substr(colon + 1, plus - colon - 1) : "";
      const std::vector<Option> options = run_options(find_algorithm(context, algorithm));
      rl::OptionValues values;
      for (const std::string& word : words_of(settings.set)) set_option(values, word, options, method);
      for (std::size_t at = plus; at < method.size();) {
        const std::size_t next = next_option(method, at + 1);
        set_option(values, method.substr(at + 1, next - at - 1), options, method);
        at = next;
      }
      if (!env.empty()) {
        if (!rl::find_option(options, "env")) throw UsageError(method + " has no environment to choose");
        values.set("env", env);
      }
      for (int i = 0; i < settings.seeds; ++i) {
        const std::int64_t seed = settings.first_seed + i;
        values.set("seed", seed);
        Cell cell{method, "", "", seed, resolve_settings(context, algorithm, preset, {}, values)};
        if (cell.settings.values.contains("env")) cell.env = cell.settings.values.text("env");
        cell.folder = folder_name(method) + "/" + (cell.env.empty() ? "" : cell.env + "/") + "seed-" +
                      std::to_string(seed);
        if (!folders.insert(cell.folder).second)
          throw UsageError("method '" + method + "' in " + cell.env + " is given twice");
        cells.push_back(std::move(cell));
      }
      try {
        if (!cells.back().env.empty() && envs::find_env(cells.back().env).spec.goal_radius == 0 &&
            settings.judged == "reached")
          throw Error("--judged reached: " + cells.back().env + " does not say what it is to reach the goal");
      } catch (const Error& error) {
        throw UsageError(error.what());
      }
    }
  return cells;
}

namespace {

// Defaults, then the config file, then the flags.
rl::OptionValues sweep_values(const rl::OptionValues& given) {
  rl::OptionValues values = rl::default_values(sweep_flags);
  if (given.contains("config"))
    for (const ConfigEntry& entry : read_config(given.text("config"))) {
      const Option* option = rl::find_option(sweep_flags, entry.key);
      if (!option)
        throw UsageError(entry.where + ": unknown key '" + entry.key + "'" +
                         did_you_mean(entry.key, rl::option_names(sweep_flags)));
      try {
        values.set(entry.key, rl::checked_value(*option, entry.value));
      } catch (const UsageError& error) {
        throw UsageError(entry.where + ": " + error.what());
      }
    }
  for (const auto& [name, value] : given.all())
    if (rl::find_option(sweep_flags, name)) values.set(name, value);
  return values;
}

SweepSettings settings_from(const rl::OptionValues& v) {
  return {.methods = v.text("methods"),
          .envs = v.text("envs"),
          .seeds = v.integer("seeds"),
          .first_seed = v.integer("first_seed"),
          .set = v.text("set"),
          .metric = v.text("metric"),
          .lower_is_better = v.boolean("lower_is_better"),
          .last = v.integer("last"),
          .adapt = v.integer("adapt"),
          .judged = v.text("judged"),
          .parallel = v.integer("parallel"),
          .out = v.text("out")};
}

// sweep.toml: the sweep, as --config reads it.
void write_sweep_config(const rl::OptionValues& values, const std::string& out) {
  // A comment ends with its line.
  std::string shown = out;
  std::ranges::replace_if(shown, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  std::string text = fmt::format(
      "# innerloop {}: this sweep. To go on with it, or to make it longer:\n"
      "#   innerloop sweep --config {}/sweep.toml --seeds <more>\n",
      version, shown);
  for (const auto& [name, value] : values.all()) text += name + " = " + rl::to_text(value) + "\n";
  nn::write_file_atomically(out + "/sweep.toml", text);
}

}  // namespace

int sweep_command(const Context& context, Arguments arguments) {
  std::vector<Option> options(std::begin(sweep_flags), std::end(sweep_flags));
  options.insert(options.end(), std::begin(call_flags), std::end(call_flags));
  const ParsedArguments parsed = parse_arguments(options, arguments, 0);
  if (parsed.help) {
    for (const Verb& verb : all_verbs())
      if (verb.command == sweep_command) context.out << help_text(verb, sweep_examples, options);
    return success;
  }
  const auto on = [&](const char* flag) { return parsed.given.contains(flag) && parsed.given.boolean(flag); };
  const rl::OptionValues values = sweep_values(parsed.given);
  const SweepSettings settings = settings_from(values);

  // What is wrong with any cell is said before the first one starts.
  const std::vector<Cell> cells = plan_cells(context, settings);
  std::optional<FolderLock> lock;
  if (rank() == 0) {
    make_output_folder(settings.out);
    lock.emplace(settings.out);
    write_sweep_config(values, settings.out);
  }
  wait_for_ranks();
  std::vector<CellResult> results;
  bool stopped = false;
  {
    InterruptGuard guard;
    results = run_cells(context, settings, cells, on("quiet") || on("json"), [&] { return guard.requested(); });
    stopped = any_rank(guard.requested());
  }
  if (stopped && std::ranges::any_of(results, [](const CellResult& result) {
        return result.state == CellResult::State::unfinished;
      })) {
    context.err << fmt::format("Stopped. To go on: innerloop sweep --config {}/sweep.toml", settings.out) << std::endl;
    return interrupted;
  }

  context.out << (on("json") ? sweep_json(settings, cells, results) : sweep_table(settings, cells, results));
  if (rank() == 0)
    for (const std::string& line : write_sweep_files(settings, cells, results))
      if (!on("quiet") && !on("json")) context.err << line << std::endl;
  wait_for_ranks();  // whoever ends with a failure takes the others along
  const auto failed = std::ranges::count(results, CellResult::State::failed, &CellResult::state);
  if (failed == 0) return success;
  context.err << fmt::format("innerloop: {} of {} runs failed; the same command tries them again", failed, cells.size())
              << std::endl;
  return failure;
}

}  // namespace innerloop::app

// innerloop list: what there is.
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <numeric>
#include <ostream>

#include "app/command_line.h"
#include "app/options.h"
#include "app/statistics.h"
#include "autodiff/op_table.h"
#include "envs/believers.h"
#include "envs/pendulum_optimum.h"
#include "envs/reference.h"
#include "envs/table.h"
#include "kernels/nearest.h"

namespace innerloop::app {
namespace {

using nlohmann::ordered_json;
using rl::Option;
using rl::OptionType;
using rl::UsageError;
using Rows = std::vector<std::vector<std::string>>;

constexpr Option list_flags[] = {
    {.name = "json", .type = OptionType::boolean, .value = "false", .help = "for machines"},
    {.name = "markdown", .type = OptionType::boolean, .value = "false", .help = "options: as a table for a chapter"},
    {.name = "reference",
     .type = OptionType::boolean,
     .value = "false",
     .help = "envs: what standing still, random actions and the best policy earn, computed by stepping"},
    {.name = "optimum",
     .type = OptionType::boolean,
     .value = "false",
     .help = "envs: the pendulum's optimum by dynamic programming, and how far to trust it"},
    {.name = "believers",
     .type = OptionType::boolean,
     .value = "false",
     .help = "envs: what a perfect learner with a belief about a hidden goal earns on the point robots"},
};

constexpr const char* list_examples =
    "  innerloop list algorithms\n"
    "  innerloop list envs --reference\n"
    "  innerloop list envs --optimum\n"
    "  innerloop list envs --believers\n"
    "  innerloop list options maml\n"
    "  innerloop list options --markdown maml";

// A table on the terminal or as a list of JSON objects, with the head's words as keys.
void print(const Context& context, const Rows& rows, bool json) {
  if (!json) {
    context.out << text_table(rows);
    return;
  }
  ordered_json list = ordered_json::array();
  for (std::size_t r = 1; r < rows.size(); ++r) {
    ordered_json item;
    for (std::size_t c = 0; c < rows[r].size(); ++c) item[rows[0][c]] = rows[r][c];
    list.push_back(item);
  }
  context.out << list.dump(2) << "\n";
}

// Texts read better to the left: one line per item, name first.
void print_items(const Context& context, const Rows& rows, bool json) {
  if (json) return print(context, rows, true);
  std::size_t width = 0;
  for (const auto& row : rows) width = std::max(width, row[0].size());
  for (std::size_t r = 1; r < rows.size(); ++r) {
    std::string line = rows[r][0] + std::string(width - rows[r][0].size(), ' ');
    for (std::size_t c = 1; c < rows[r].size(); ++c)
      if (!rows[r][c].empty()) line += (c == 1 ? "  " : "\n" + std::string(width + 2, ' ')) + rows[r][c];
    context.out << line << "\n";
  }
}

void list_algorithms(const Context& context, bool json) {
  Rows rows{{"name", "title", "summary", "paper"}};
  for (const rl::AlgorithmRow* row : context.algorithms)
    rows.push_back({row->name, row->title, row->summary, row->paper});
  print_items(context, rows, json);
}

void list_envs(const Context& context, bool json, bool reference) {
  if (!reference) {
    Rows rows{{"name", "summary", "source"}};
    for (const envs::EnvRow& env : envs::all_envs())
      rows.push_back({std::string(env.spec.name), std::string(env.spec.summary), std::string(env.spec.source)});
    return print_items(context, rows, json);
  }
  ordered_json list = ordered_json::array();
  Rows rows{{"environment, policy", "return", "± standard error", "steps"}};
  for (const envs::EnvRow& env : envs::all_envs())
    for (const envs::ReferenceReturn& r : envs::reference_returns(env, envs::reference_tasks(env), 1)) {
      rows.push_back({std::string(env.spec.name) + ", " + r.policy, fmt::format("{:.3f}", r.mean),
                      fmt::format("{:.3f}", r.standard_error), fmt::format("{:.1f}", r.mean_length)});
      list.push_back({{"env", env.spec.name},
                      {"policy", r.policy},
                      {"return", r.mean},
                      {"standard_error", r.standard_error},
                      {"task_deviation", r.task_deviation},
                      {"steps", r.mean_length}});
    }
  context.out << (json ? list.dump(2) + "\n" : text_table(rows));
}

// On a grid of 361 angles, 321 speeds and 41 torques, and again on one of half as many points each way.
void list_optimum(const Context& context, bool json) {
  const envs::PendulumOptimumReport r = envs::pendulum_optimum_report({361, 321, 41}, 1000);
  if (json) {
    context.out << ordered_json{{"env", "pendulum-v1"}, {"optimum", r.mean}, {"reached", r.reached_mean},
                                {"table_minus_reached", r.gap}, {"refinement", r.refinement}, {"error", r.error},
                                {"worst_start", r.worst}}
                       .dump(2)
                << "\n";
    return;
  }
  context.out << fmt::format(
      "pendulum-v1, return of a whole episode, by dynamic programming\n"
      "  optimum, mean over all starts      {:9.2f}\n"
      "  reached from 1000 drawn starts     {:9.2f}\n"
      "  the table's value of these, less it {:8.2f}\n"
      "  change by halving the grid         {:9.2f}\n"
      "  error of the mean, the larger one  {:9.2f}\n"
      "  error of a start, the worst of 1000{:9.2f}\n",
      r.mean, r.reached_mean, r.gap, r.refinement, r.error, r.worst);
}

// On the authors' 20 test goals and on 2000 drawn ones: who knows the goal, who knows nothing, who is sure of another
// one; Thompson sampling on the sparse half circle, in the authors' protocol (5 of 20 trajectories from the prior); and
// what drawing a goal and going there earns with the corners, the robot and the pusher, on 2000 drawn beliefs.
void list_believers(const Context& context, bool json) {
  constexpr std::uint64_t seed = 1;
  Rows rows{{"environment, tasks", "the goal", "blind hedge", "another task's goal"}};
  for (const char* name : {"point-robot-v1", "semicircle-dense-v1", "semicircle-sparse-v1"})
    for (const bool official : {true, false}) {
      const envs::EnvRow& env = envs::find_env(name);
      std::vector<envs::Task> tasks = envs::reference_tasks(env);
      const std::vector<envs::Task> some = tasks;
      if (!official) tasks.clear();
      for (std::uint32_t k = 0; !official && k < 2000; ++k)
        tasks.push_back(envs::sample_task(env, seed, Purpose::test_task, 0, k));
      std::vector<envs::Task> others(tasks.begin() + 1, tasks.end());
      others.push_back(tasks[0]);
      const int episodes = official ? 500 : 5;
      const auto mean = [&](const std::vector<envs::Task>& believed) {
        const std::vector<double> r = envs::returns_believing(env, tasks, believed, seed, episodes);
        return std::accumulate(r.begin(), r.end(), 0.0) / static_cast<double>(r.size());
      };
      // The best point for a hedge is looked for on few goals, and judged on all.
      const envs::Task hedge = envs::blind_hedge(env, official ? tasks : some, 0.1, seed, 20).goal;
      rows.push_back({fmt::format("{}, {}", name, official ? "the authors' 20" : "2000 drawn"),
                      fmt::format("{:.2f}", mean(tasks)),
                      fmt::format("{:.2f}", mean(std::vector<envs::Task>(tasks.size(), hedge))),
                      fmt::format("{:.2f}", mean(others))});
    }
  print(context, rows, json);
  if (json) return;
  std::string curve;
  for (const double r : envs::thompson_sampling(20, 5, 300, 100, seed)) curve += fmt::format(" {:.2f}", r);
  context.out << "semicircle-sparse-v1, Thompson sampling, trajectories 1 to 20:" << curve << "\n"
              << fmt::format("semicircle-sparse-v1, the most without seeing the goal: {:.3f}\n",
                             envs::semicircle_prior_bound(1000));
  for (const char* name : {"promp-corner-v1", "promp-momentum-v1", "promp-walls-v1", "wheeled-dense-v1",
                           "wheeled-sparse-v1", "pusher-dense-v1", "pusher-sparse-v1"}) {
    const envs::EnvRow& env = envs::find_env(name);
    const std::vector<envs::Task> tasks = envs::reference_tasks(env);
    const int draws = 2000 / static_cast<int>(tasks.size());
    context.out << fmt::format("{}, the ideal blind prior: {:.2f}\n", name, envs::blind_prior(env, tasks, draws, seed));
  }
}

void list_ops(const Context& context, bool json) {
  Rows rows{{"name", "maths"}};
  for (const OpDef& op : op_table())
    if (op.name) rows.push_back({op.name, op.maths});
  print_items(context, rows, json);
}

void list_options(const Context& context, const std::string& algorithm, bool json, bool markdown) {
  const std::vector<Option> options = run_options(find_algorithm(context, algorithm));
  if (markdown) {
    context.out << options_markdown(options);
  } else if (json) {
    ordered_json list = ordered_json::array();
    for (const Option& option : options)
      list.push_back({{"name", option.name},
                      {"flag", flag_of(option.name)},
                      {"type", rl::name_of(option.type)},
                      {"default", option.value},
                      {"allowed", rl::allowed(option)},
                      {"help", option.help},
                      {"paper", option.paper}});
    context.out << list.dump(2) << "\n";
  } else {
    context.out << option_lines(options);
  }
}

void list_presets(const Context& context, const std::string& algorithm, bool json) {
  Rows rows{{"name", "summary", "settings"}};
  for (const rl::Preset& preset : find_algorithm(context, algorithm).presets)
    rows.push_back({preset.name, preset.summary, preset.settings});
  print_items(context, rows, json);
}

}  // namespace

int list_command(const Context& context, Arguments arguments) {
  const ParsedArguments parsed = parse_arguments(list_flags, arguments, 2);
  const auto on = [&](const char* flag) { return parsed.given.contains(flag) && parsed.given.boolean(flag); };
  static const std::vector<std::string> subjects{"algorithms", "envs", "ops", "options", "presets"};
  if (parsed.help || parsed.words.empty()) {
    for (const Verb& verb : all_verbs())
      if (verb.command == list_command) context.out << help_text(verb, list_examples, list_flags);
    return success;
  }
  const std::string& subject = parsed.words[0];
  const bool of_algorithm = subject == "options" || subject == "presets";
  if (of_algorithm && parsed.words.size() < 2)
    throw UsageError("innerloop list " + subject + " <algorithm>: which one?");
  if (subject == "algorithms")
    list_algorithms(context, on("json"));
  else if (subject == "envs" && on("optimum"))
    list_optimum(context, on("json"));
  else if (subject == "envs" && on("believers"))
    list_believers(context, on("json"));
  else if (subject == "envs")
    list_envs(context, on("json"), on("reference"));
  else if (subject == "ops")
    list_ops(context, on("json"));
  else if (subject == "options")
    list_options(context, parsed.words[1], on("json"), on("markdown"));
  else if (subject == "presets")
    list_presets(context, parsed.words[1], on("json"));
  else
    throw UsageError("nothing to list is called '" + subject + "'" + did_you_mean(subject, subjects));
  return success;
}

}  // namespace innerloop::app

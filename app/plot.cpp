// innerloop plot: the metrics of runs, as curves.
#include <fmt/format.h>
#include <algorithm>
#include <filesystem>
#include <ostream>

#include "app/adapt.h"
#include "app/command_line.h"
#include "app/curves.h"
#include "app/film.h"
#include "app/gnuplot.h"
#include "app/options.h"
#include "app/plot_plane.h"
#include "app/plot_states.h"
#include "app/run_folder.h"
#include "app/statistics.h"
#include "envs/table.h"
#include "kernels/nearest.h"

namespace innerloop::app {
namespace {

using rl::Option;
using rl::OptionType;
using rl::UsageError;

constexpr Option plot_flags[] = {
    {.name = "metric", .type = OptionType::text, .help = "the column of metrics.csv to draw; by default the first"},
    {.name = "out", .type = OptionType::text, .help = "folder for the pictures; by default plots/ in the first run"},
    {.name = "film",
     .type = OptionType::boolean,
     .value = "false",
     .help = "instead: an episode of each run's policy as a strip of frames, film.png"},
    {.name = "exploration",
     .type = OptionType::boolean,
     .value = "false",
     .help = "instead: where each run goes in 20 episodes of a task before it adapts, exploration.png"},
    {.name = "latents",
     .type = OptionType::boolean,
     .value = "false",
     .help = "instead: the latent means of the training tasks of a run of MAESN, latents.png"},
    {.name = "by_state",
     .type = OptionType::boolean,
     .value = "false",
     .help = "instead: the γ and λ that were learned for each state, by_state.png"},
    {.name = "frames",
     .type = OptionType::integer,
     .value = "8",
     .low = 2,
     .high = 40,
     .help = "film: frames of a strip"},
    {.name = "until",
     .type = OptionType::integer,
     .value = "0",
     .low = 0,
     .high = 1e6,
     .help = "film: the last moment that is shown, where the episode is longer; 0: its end"},
    {.name = "steps",
     .type = OptionType::integer,
     .value = "0",
     .low = 0,
     .high = 100,
     .help = "film, exploration: adaptation steps; drawn before, and after each"},
    {.name = "task",
     .type = OptionType::integer,
     .value = "0",
     .low = 0,
     .high = 65535,
     .help = "film, exploration: number of the task among the environment's reference tasks"},
};

constexpr const char* plot_examples =
    "  innerloop plot runs/maml-point-nav-v1-seed1\n"
    "  innerloop plot runs/maml-point-nav-v1-seed* --metric kl --out plots\n"
    "  innerloop plot runs/maml-point-nav-v1-seed1 --film --steps 1\n"
    "  innerloop plot runs/maesn runs/maml --exploration\n"
    "  innerloop plot runs/signal-noise-seed* --by-state";

// Runs that differ in nothing but the seed belong together.
struct Group {
  std::string label, settings;
  std::vector<NumberTable> runs;
};

std::vector<Group> read_groups(const Context& context, const std::vector<std::string>& paths) {
  std::vector<Group> groups;
  for (const std::string& path : paths) {
    RunSettings settings = resolve_settings(context, "", "", RunFolder::open(path).config(), {});
    std::string label = settings.algorithm->name + (settings.preset.empty() ? "" : " (" + settings.preset + ")");
    settings.values.set("seed", std::int64_t{0});
    const std::string key = config_text(settings);
    auto group = std::ranges::find(groups, key, &Group::settings);
    if (group == groups.end()) group = groups.insert(group, {label, key, {}});
    const std::string file = path + "/metrics.csv";
    if (std::filesystem::exists(file)) group->runs.push_back(read_numbers(file));
    if (group->runs.empty() || group->runs.back().names.size() < 2 || group->runs.back().columns[0].empty())
      throw Error(path + " has no iteration yet: there is nothing to draw. To train it: innerloop train --resume " +
                  path);
  }
  return groups;
}

const std::vector<double>& column(const NumberTable& table, const std::string& name) {
  const auto found = std::ranges::find(table.names, name);
  if (found == table.names.end())
    throw UsageError("no metric is called '" + name + "'" + did_you_mean(name, table.names));
  return table.columns[static_cast<std::size_t>(found - table.names.begin())];
}

// Mean over the runs at each iteration that all of them have; with two runs and more, the 95 % interval of that mean.
Curve curve_of(const Group& group, const std::string& metric) {
  std::vector<std::vector<double>> series;
  for (const NumberTable& run : group.runs) series.push_back(column(run, metric));
  return curve_over_seeds(group.label, series);
}

// One strip per number of adaptation steps: the policy's mean action, in one of the reference tasks.
int plot_film_of(const Context& context, const std::vector<std::string>& runs, const rl::OptionValues& values) {
  const std::string folder = values.contains("out") ? values.text("out") : runs[0] + "/plots";
  make_output_folder(folder);
  std::vector<Strip> strips;
  std::string env_name;
  for (const std::string& run : runs) {
    const Learner learner = load_learner(context, run, true);
    if (!env_name.empty() && learner.env != env_name)
      throw UsageError("the runs' environments differ: " + env_name + " and " + learner.env + "; film them one by one");
    env_name = learner.env;
    const envs::EnvRow& env = envs::find_env(env_name);
    const std::vector<envs::Task> tasks = envs::reference_tasks(env);
    const auto number = static_cast<std::size_t>(values.integer("task"));
    if (number >= tasks.size())
      throw UsageError(fmt::format("task {} of {}: there are the tasks 0 to {}", number, env_name, tasks.size() - 1));

    // One episode at each point of the curve. The tasks before it go along, so that what is explored is what
    // `adapt` explores, which depends on the task's number.
    rl::AdaptRequest request;
    std::vector<double> numbers;
    for (std::size_t i = 0; i <= number; ++i) numbers.insert(numbers.end(), tasks[i].begin(), tasks[i].end());
    request.tasks = Tensor::from({1, static_cast<int>(number) + 1, env.spec.task_size}, numbers);
    request.steps = values.integer("steps");
    request.evaluation = rl::Evaluation::deterministic;
    request.evaluation_trajectories = 1;
    for (rl::Path& path : learner.trainer->adapt(request).paths) {
      if (path.task != static_cast<int>(number)) continue;
      std::string label = runs.size() > 1 ? learner.label : "";
      if (request.steps > 0)
        label += (label.empty() ? "" : ", ") + (path.step == 0 ? "before" : fmt::format("after {}", path.step));
      strips.push_back({label, std::move(path.observations), tasks[number]});
    }
  }
  const Plotted plotted =
      plot_film(folder, "film", env_name, strips, values.integer("frames"), values.integer("until"));
  if (!plotted.problem.empty()) throw Error(plotted.problem);
  context.out << plotted.png << "\n" << plotted.svg << "\n";
  return success;
}

// Where the runs go, where their latents lie, or what they learned for each state.
int plot_plane_of(const Context& context, const ParsedArguments& parsed) {
  const auto number = [&](const char* flag) {
    return parsed.given.contains(flag) ? static_cast<int>(parsed.given.integer(flag)) : 0;
  };
  const std::string folder = parsed.given.contains("out") ? parsed.given.text("out") : parsed.words[0] + "/plots";
  make_output_folder(folder);
  const auto asked = [&](const char* flag) { return parsed.given.contains(flag) && parsed.given.boolean(flag); };
  const Plotted plotted = asked("by_state")  ? plot_by_state(context, parsed.words, folder)
                          : asked("latents") ? plot_latents(context, parsed.words[0], folder)
                                             : plot_exploration(context, parsed.words, number("task"),
                                                                number("steps"), folder);
  if (!plotted.problem.empty()) throw Error(plotted.problem);
  context.out << plotted.png << "\n" << plotted.svg << "\n";
  return success;
}

}  // namespace

int plot_command(const Context& context, Arguments arguments) {
  const ParsedArguments parsed = parse_arguments(plot_flags, arguments, 1000);
  if (parsed.help) {
    for (const Verb& verb : all_verbs())
      if (verb.command == plot_command) context.out << help_text(verb, plot_examples, plot_flags);
    return success;
  }
  if (parsed.words.empty()) throw UsageError("innerloop plot <run>: which one?");
  if (parsed.given.contains("film") && parsed.given.boolean("film")) {
    rl::OptionValues values;
    for (const char* name : {"frames", "until", "steps", "task"})
      values.set(name, rl::parse_value(*rl::find_option(plot_flags, name), rl::find_option(plot_flags, name)->value));
    for (const auto& [name, value] : parsed.given.all()) values.set(name, value);
    return plot_film_of(context, parsed.words, values);
  }
  const auto asked = [&](const char* flag) { return parsed.given.contains(flag) && parsed.given.boolean(flag); };
  if (asked("exploration") || asked("latents") || asked("by_state")) return plot_plane_of(context, parsed);
  const std::vector<Group> groups = read_groups(context, parsed.words);
  const NumberTable& first = groups[0].runs[0];
  const std::string metric = parsed.given.contains("metric") ? parsed.given.text("metric") : first.names[1];

  Figure figure{metric, "iteration", metric, {}};
  for (const Group& group : groups) figure.curves.push_back(curve_of(group, metric));
  const std::string folder = parsed.given.contains("out") ? parsed.given.text("out") : parsed.words[0] + "/plots";
  const Plotted plotted = plot_curves(folder, metric, figure);
  if (!plotted.problem.empty()) throw Error(plotted.problem);
  context.out << plotted.png << "\n" << plotted.svg << "\n";
  return success;
}

}  // namespace innerloop::app

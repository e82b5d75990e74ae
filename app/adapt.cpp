// innerloop adapt: runs the learners on new tasks. What is made of the results stands in adapt_report.cpp.
#include "app/adapt.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <ostream>

#include "app/command_line.h"
#include "app/device.h"
#include "app/options.h"
#include "app/run_folder.h"
#include "envs/table.h"
#include "kernels/threads.h"
#include "meta/bandit_baselines.h"

namespace innerloop::app {
namespace {

using rl::Option;
using rl::OptionType;
using rl::UsageError;

constexpr Option adapt_flags[] = {
    {.name = "steps",
     .type = OptionType::integer,
     .value = "3",
     .low = 0,
     .high = 1000,
     .help = "gradient steps, or episodes; a learner that updates after each episode has those of its trial"},
    {.name = "tasks",
     .type = OptionType::integer,
     .value = "0",
     .low = 0,
     .high = 65535,
     .help = "how many new tasks; 0: the environment's reference tasks (for point navigation the authors' 40 goals)"},
    {.name = "trajectories",
     .type = OptionType::integer,
     .value = "20",
     .low = 1,
     .high = 65535,
     .help = "explored per task before each step; of a learner that updates after each episode 1"},
    {.name = "evaluation",
     .type = OptionType::choice,
     .value = "exploration",
     .choices = "exploration sampled deterministic",
     .help = "evaluated on the episodes that the next step learns from, or on fresh ones: actions drawn, or the mean"},
    {.name = "evaluation_trajectories",
     .type = OptionType::integer,
     .value = "0",
     .low = 0,
     .high = 65535,
     .help = "fresh ones per task and step; 0: as many as trajectories"},
    {.name = "pictures",
     .type = OptionType::integer,
     .value = "6",
     .low = 0,
     .high = 40,
     .help = "tasks whose trajectories are drawn"},
    {.name = "seed", .type = OptionType::integer, .value = "1", .low = 0, .high = 1e9, .help = "of the test draws"},
    {.name = "random",
     .type = OptionType::boolean,
     .value = "false",
     .help = "also the first run's learner, untrained"},
    {.name = "out",
     .type = OptionType::text,
     .help = "folder for adapt.csv and the pictures; by default the first run's"},
    {.name = "threads", .type = OptionType::integer, .value = "0", .low = 0, .high = 1024, .help = "0: all cores"},
    device_flag,
    {.name = "json", .type = OptionType::boolean, .value = "false", .help = "for machines"},
    {.name = "quiet", .type = OptionType::boolean, .value = "false", .help = "the results only"},
};

constexpr const char* adapt_examples =
    "  innerloop adapt runs/maml-point-nav-v1-seed1\n"
    "  innerloop adapt runs/maml runs/pretrained --random --steps 3\n"
    "  innerloop adapt runs/maml --tasks 100 --seed 2 --json";

std::vector<envs::Task> test_tasks(const envs::EnvRow& env, const AdaptSettings& settings) {
  if (settings.tasks == 0) return envs::reference_tasks(env);
  std::vector<envs::Task> tasks;
  for (int i = 0; i < settings.tasks; ++i)
    tasks.push_back(envs::sample_task(env, settings.seed, Purpose::test_task, 0, static_cast<std::uint32_t>(i)));
  return tasks;
}

// The tasks that a learner was trained on, by what its options say:
//   train_tasks, task_list        so many, drawn once; or a list of the authors', from which the test differs
//   tasks, and no steps           so many new ones in every iteration; in the first one only, if redraw is false
//   tasks, trajectories, steps    a new one for every episode of every environment; one that may end early has one step
//                                 at least, another has as many as its horizon
//   no tasks                      one task, the first
envs::TrainingDraws training_draws(const rl::OptionValues& values, std::uint64_t seed, int iterations) {
  if (values.contains("task_list")) return {seed, std::min(iterations, 1), values.integer("task_list")};
  if (values.contains("train_tasks")) return {seed, std::min(iterations, 1), values.integer("train_tasks")};
  if (!values.contains("tasks")) return {seed, std::min(iterations, 1), 1};
  const int tasks = values.integer("tasks");
  if (values.contains("redraw") && !values.boolean("redraw")) return {seed, std::min(iterations, 1), tasks};
  if (!values.contains("steps") || !values.contains("trajectories")) return {seed, iterations, tasks};
  const envs::Spec& spec = envs::find_env(values.text("env")).spec;
  const long steps = long{iterations} * values.integer("steps"), shortest = spec.terminates ? 1 : spec.horizon;
  return {seed, (steps + shortest - 1) / shortest, tasks * values.integer("trajectories"), true};
}

double mean_over_tasks(const Tensor& numbers, int step) {
  double sum = 0;
  for (int task = 0; task < numbers.shape().rows; ++task) sum += numbers.at(0, task, step);
  return sum / numbers.shape().rows;
}

// Environment steps explored in a task before point `step`, averaged over the tasks. NaN: the learner does not count.
double mean_env_steps(const rl::AdaptReport& report, int step) {
  if (report.env_steps.empty()) return std::numeric_limits<double>::quiet_NaN();
  return mean_over_tasks(report.env_steps, step);
}

// What each trial's pulls are worth less than as many of its best arm. The luck of what they paid is not in it, so the
// mean over trials varies far less than that of their returns.
std::vector<double> regrets_of(const std::vector<rl::Path>& paths, const std::vector<envs::Task>& tasks) {
  std::vector<double> regrets(tasks.size());
  for (const rl::Path& path : paths) {
    const envs::Task& arms = tasks.at(static_cast<std::size_t>(path.task));
    for (const double arm : path.actions.to_vector())
      regrets[static_cast<std::size_t>(path.task)] +=
          *std::ranges::max_element(arms) - arms.at(static_cast<std::size_t>(arm));
  }
  return regrets;
}

// The mean over the tasks of what the arm of each pull is worth.
std::vector<double> worth_of_pulls(const std::vector<rl::Path>& paths, const std::vector<envs::Task>& tasks) {
  std::vector<double> worth;
  for (const rl::Path& path : paths) {
    const std::vector<double> arms = path.actions.to_vector();
    const std::size_t first = static_cast<std::size_t>(path.step) * arms.size();
    worth.resize(std::max(worth.size(), first + arms.size()));
    for (std::size_t t = 0; t < arms.size(); ++t)
      worth[first + t] += tasks[static_cast<std::size_t>(path.task)].at(static_cast<std::size_t>(arms[t])) /
                          static_cast<double>(tasks.size());
  }
  return worth;
}

std::vector<double> mean_by_episode(const rl::AdaptReport& report) {
  const Shape shape = report.returns.shape();
  std::vector<double> means(static_cast<std::size_t>(shape.cols));
  for (int task = 0; task < shape.rows; ++task)
    for (int k = 0; k < shape.cols; ++k)
      means[static_cast<std::size_t>(k)] += report.returns.at(0, task, k) / shape.rows;
  return means;
}

}  // namespace

Learner load_learner(const Context& context, const std::string& run, bool trained) {
  const RunFolder folder = RunFolder::open(run);
  const RunSettings settings = resolve_settings(context, "", "", folder.config(), {});
  const auto seed = static_cast<std::uint64_t>(std::get<std::int64_t>(settings.values["seed"]));
  Learner learner{settings.algorithm->name, settings.values.text("env"),
                  settings.algorithm->make(settings.values, seed)};
  if (trained) folder.restore(*learner.trainer);
  learner.draws = training_draws(settings.values, seed, learner.trainer->iteration());
  if (settings.values.contains("test_env")) learner.test_env = settings.values.text("test_env");
  if (!settings.preset.empty()) learner.label += " (" + settings.preset + ")";
  if (settings.preset.ends_with("oracle")) learner.label = "oracle (sees the goal)";
  if (!trained) learner.label = "random init";
  return learner;
}

AdaptResults adapt_learners(const Context& context, const std::vector<Learner>& learners,
                            const AdaptSettings& settings) {
  AdaptResults results;
  results.env = learners.at(0).env;
  results.test_env = learners[0].test_env.empty() ? results.env : learners[0].test_env;
  const envs::EnvRow& env = envs::find_env(results.env);
  results.tasks = test_tasks(env, settings);

  // The same tasks and the same draws for every learner.
  rl::AdaptRequest request;
  request.steps = settings.steps;
  request.trajectories = settings.trajectories;
  request.seed = settings.seed;
  request.evaluation = settings.evaluation;
  request.evaluation_trajectories = settings.evaluation_trajectories;
  request.goal_radius = env.spec.goal_radius;
  request.tasks = Tensor({1, static_cast<int>(results.tasks.size()), env.spec.task_size});
  for (std::size_t i = 0; i < results.tasks.size(); ++i)
    for (std::size_t k = 0; k < results.tasks[i].size(); ++k)
      request.tasks.set(0, static_cast<int>(i), static_cast<int>(k), results.tasks[i][k]);

  for (const Learner& learner : learners) {
    // A learner of another environment may stand beside the others if that has the same tasks, only seen otherwise: an
    // oracle, which observes the goal.
    if (envs::find_env(learner.env).spec.task_size != env.spec.task_size)
      throw UsageError("the runs' environments have different tasks: " + results.env + " and " + learner.env);
    const std::string exploration = learner.trainer->adapt_defaults().exploration;
    context.err << fmt::format("adapting {} to {} tasks of {}", learner.label, results.tasks.size(), results.env)
                << (exploration.empty() ? "" : "; " + exploration) << std::endl;
    const bool arms = meta::tasks_are_arms(learner.env);
    request.paths = arms || (&learner == &learners.front() && settings.pictures > 0) ? 1 : 0;
    rl::AdaptReport report = learner.trainer->adapt(request);
    AdaptResults::Row row{learner.label, {}, {}, {}, "", report.one_trial};
    if (arms && report.one_trial) row.regrets = regrets_of(report.paths, results.tasks);
    if (report.one_trial) row.earned = arms ? worth_of_pulls(report.paths, results.tasks) : mean_by_episode(report);
    row.held_out = envs::held_out_text(envs::held_out(envs::find_env(learner.env), results.tasks, learner.draws));
    for (int step = 0; step <= settings.steps; ++step) {
      row.env_steps.push_back(mean_env_steps(report, step));
      if (!report.reached.empty()) row.reached.push_back(mean_over_tasks(report.reached, step));
      std::vector<double>& returns = row.returns.emplace_back();
      for (int task = 0; task < request.tasks.shape().rows; ++task) returns.push_back(report.returns.at(0, task, step));
    }
    results.rows.push_back(std::move(row));
    for (rl::Path& path : report.paths)
      if (&learner == &learners.front() && path.task < settings.pictures) results.paths.push_back(std::move(path));
  }
  return results;
}

int adapt_command(const Context& context, Arguments arguments) {
  const ParsedArguments parsed = parse_arguments(adapt_flags, arguments, 100);
  if (parsed.help) {
    for (const Verb& verb : all_verbs())
      if (verb.command == adapt_command) context.out << help_text(verb, adapt_examples, adapt_flags);
    return success;
  }
  if (parsed.words.empty()) throw UsageError("innerloop adapt <run>: which one?");
  rl::OptionValues values = rl::default_values(adapt_flags);
  for (const auto& [name, value] : parsed.given.all()) values.set(name, value);
  if (values.integer("threads") > 0) set_thread_count(values.integer("threads"));
  const UseDevice device(values);

  std::vector<Learner> learners;
  for (const std::string& run : parsed.words) learners.push_back(load_learner(context, run, true));
  if (values.boolean("random")) learners.push_back(load_learner(context, parsed.words[0], false));
  const std::string out = values.text("out").empty() ? parsed.words[0] + "/adapt" : values.text("out");
  make_output_folder(out);  // what is wrong with it is found before the work, not after

  const std::string& evaluation = values.text("evaluation");
  // Where nobody says otherwise: what the first of the learners is made for.
  const rl::AdaptDefaults usual = learners[0].trainer->adapt_defaults();
  const AdaptSettings settings{
      .steps = parsed.given.contains("steps") ? values.integer("steps") : usual.steps,
      .tasks = values.integer("tasks"),
      .trajectories = parsed.given.contains("trajectories") ? values.integer("trajectories") : usual.trajectories,
      .pictures = values.integer("pictures"),
      .seed = static_cast<std::uint64_t>(values.integer("seed")),
      .evaluation = evaluation == "sampled"         ? rl::Evaluation::sampled
                    : evaluation == "deterministic" ? rl::Evaluation::deterministic
                                                    : rl::Evaluation::exploration,
      .evaluation_trajectories = values.integer("evaluation_trajectories")};
  std::ostream silent(nullptr);
  const bool quiet = values.boolean("quiet") || values.boolean("json");
  const Context quieter{context.algorithms, context.out, quiet ? silent : context.err, false};
  const AdaptResults results = adapt_learners(quieter, learners, settings);

  context.out << (values.boolean("json") ? adapt_json(results) : adapt_table(results));
  for (const std::string& line : write_adapt_files(results, out))
    if (!quiet) context.err << line << std::endl;
  return success;
}

}  // namespace innerloop::app

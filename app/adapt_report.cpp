// What is made of the results of a meta-test: a table, JSON, files and pictures.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "app/adapt.h"
#include "app/gnuplot.h"
#include "app/published.h"
#include "app/run_folder.h"
#include "app/statistics.h"
#include "envs/reference.h"
#include "envs/table.h"
#include "meta/bandit_baselines.h"
#include "meta/bayes_optimal.h"
#include "nn/atomic_file.h"

namespace innerloop::app {
namespace {

std::string interval_text(const Interval& interval) {
  return std::isfinite(interval.half_width) ? fmt::format("{:.2f} ± {:.2f}", interval.mean, interval.half_width)
                                            : fmt::format("{:.2f}", interval.mean);
}

std::vector<envs::ReferenceReturn> references(const AdaptResults& results) {
  return envs::reference_returns(envs::find_env(results.test_env), results.tasks, 1);
}

// What others have published for these very tasks: nothing where the tasks are not the environment's reference tasks.
std::vector<PublishedReturns> published_beside(const AdaptResults& results) {
  std::vector<PublishedReturns> rows;
  if (results.tasks != envs::reference_tasks(envs::find_env(results.env))) return rows;
  for (const PublishedReturns& published : published_returns())
    if (published.env == results.env) rows.push_back(published);
  return rows;
}

// 57.5685 ± 0.2678; of one task the mean alone.
std::string with_half_width(const std::vector<double>& numbers) {
  const Interval interval = mean_interval(numbers);
  if (numbers.size() < 2) return fmt::format("{:.4f}", interval.mean);
  return fmt::format("{:.4f} ± {:.4f}", interval.mean, interval.half_width);
}

// The return of the whole trial, where a learner's points are its episodes.
std::string whole_trial(const AdaptResults::Row& row) {
  if (!row.one_trial) return "";
  std::vector<double> totals(row.returns.at(0).size());
  for (const std::vector<double>& returns : row.returns)
    for (std::size_t task = 0; task < totals.size(); ++task) totals[task] += returns[task];
  return fmt::format("whole trial of {} episode{}: {}", row.returns.size(), row.returns.size() == 1 ? "" : "s",
                     with_half_width(totals));
}

// Of a bandit's trials: what the arms that were pulled are worth less than the best one.
std::string expected_regret(const AdaptResults::Row& row) {
  if (row.regrets.empty()) return "";
  return "expected regret of a trial, by the arms that were pulled: " + with_half_width(row.regrets);
}

// What the table cannot hold: the steps in the environment, and which tasks are new. Learners that agree share a line.
std::string footnotes(const AdaptResults& results) {
  const auto note = [&](auto&& text_of) {
    std::string lines;
    std::vector<std::string> told;
    for (const AdaptResults::Row& row : results.rows) {
      const std::string text = text_of(row);
      if (text.empty() || std::ranges::find(told, text) != told.end()) continue;
      told.push_back(text);
      const bool all = std::ranges::all_of(results.rows, [&](const auto& other) { return text_of(other) == text; });
      lines += (all ? "" : row.label + ": ") + text + "\n";
    }
    return lines;
  };
  return note([](const AdaptResults::Row& row) {
           std::string steps;
           for (const double n : row.env_steps)
             if (std::isfinite(n)) steps += (steps.empty() ? "" : ", ") + fmt::format("{:.0f}", n);
           return steps.empty() ? "" : "environment steps explored in a task before each: " + steps;
         }) +
         note([](const AdaptResults::Row& row) {
           std::string shares;
           for (const double share : row.reached) shares += (shares.empty() ? "" : ", ") + fmt::format("{:.2f}", share);
           return shares.empty() ? "" : "share of episodes that end at the goal: " + shares;
         }) +
         note([](const AdaptResults::Row& row) { return row.held_out.empty() ? "" : "tasks " + row.held_out; }) +
         note(whole_trial) + note(expected_regret);
}

}  // namespace

std::string adapt_table(const AdaptResults& results) {
  // Our learners, then what needs no learning, then what others have published.
  const std::size_t steps = results.rows.at(0).returns.size();
  const bool all_new =
      std::ranges::all_of(results.rows, [](const auto& row) { return row.held_out.starts_with("new"); });
  std::vector<std::vector<std::string>> table{
      {fmt::format("return on {} {}tasks", results.tasks.size(), all_new ? "new " : "")}};
  for (std::size_t k = 0; k < steps; ++k)
    table[0].push_back(k == 0 ? "before" : k == 1 ? "1 step" : fmt::format("{} steps", k));
  for (const AdaptResults::Row& row : results.rows) {
    auto& line = table.emplace_back(std::vector<std::string>{row.label});
    for (const auto& returns : row.returns) line.push_back(interval_text(mean_interval(returns)));
  }
  for (const envs::ReferenceReturn& reference : references(results))
    table.push_back({reference.policy, fmt::format("{:.2f}", reference.mean)});
  for (const PublishedReturns& published : published_beside(results)) {
    auto& line = table.emplace_back(std::vector<std::string>{std::string(published.label)});
    for (std::size_t k = 0; k < std::min(steps, published.returns.size()); ++k)
      line.push_back(k < published.half_widths.size() ? interval_text({published.returns[k], published.half_widths[k]})
                                                      : fmt::format("{:.2f}", published.returns[k]));
  }
  return text_table(table) + "± is the half width of the 95 % interval over tasks.\n" + footnotes(results);
}

std::string adapt_json(const AdaptResults& results) {
  using nlohmann::ordered_json;
  ordered_json rows = ordered_json::array(), reference = rows, published = rows;
  for (const AdaptResults::Row& row : results.rows) {
    std::vector<double> means, half_widths;
    for (const auto& returns : row.returns) {
      const Interval interval = mean_interval(returns);
      means.push_back(interval.mean);
      half_widths.push_back(interval.half_width);
    }
    rows.push_back({{"label", row.label},
                    {"mean", means},
                    {"half_width_95", half_widths},
                    {"env_steps", row.env_steps},
                    {"held_out", row.held_out},
                    {"returns", row.returns}});
    if (!row.reached.empty()) rows.back()["reached"] = row.reached;
  }
  for (const envs::ReferenceReturn& r : references(results))
    reference.push_back({{"policy", r.policy}, {"mean", r.mean}});
  for (const PublishedReturns& p : published_beside(results))
    published.push_back({{"label", p.label}, {"source", p.source}, {"mean", p.returns}});
  return ordered_json{{"env", results.env},
                      {"tasks", results.tasks},
                      {"learners", rows},
                      {"reference", reference},
                      {"published", published}}
             .dump(1) +
         "\n";
}

namespace {

// label,task,step0,step1,…
std::string csv_text(const AdaptResults& results) {
  std::string csv = "learner,task";
  for (std::size_t k = 0; k < results.rows.at(0).returns.size(); ++k) csv += ",step" + std::to_string(k);
  csv += "\n";
  for (const AdaptResults::Row& row : results.rows)
    for (std::size_t task = 0; task < results.tasks.size(); ++task) {
      csv += row.label + "," + std::to_string(task);
      for (const auto& returns : row.returns) csv += "," + number_text(returns[task]);
      csv += "\n";
    }
  return csv;
}

// task,point,t,action…,reward,observation…: what the first learner saw, did and earned, in the first few tasks.
std::string paths_text(const std::vector<rl::Path>& paths) {
  const int A = paths[0].actions.shape().cols, O = paths[0].observations.shape().cols;
  std::string csv = "task,point,t";
  for (int k = 0; k < A; ++k) csv += fmt::format(",action{}", k);
  csv += ",reward";
  for (int k = 0; k < O; ++k) csv += fmt::format(",observation{}", k);
  csv += "\n";
  for (const rl::Path& path : paths)
    for (int t = 0; t < path.actions.shape().rows; ++t) {
      csv += fmt::format("{},{},{}", path.task, path.step, t);
      for (int k = 0; k < A; ++k) csv += "," + number_text(path.actions.at(0, t, k));
      csv += "," + number_text(path.rewards.at(0, t, 0));
      for (int k = 0; k < O; ++k) csv += "," + number_text(path.observations.at(0, t, k));
      csv += "\n";
    }
  return csv;
}

// Against the number of steps k, or against the environment steps explored until then.
Plotted draw_returns(const AdaptResults& results, const std::string& folder, bool against_env_steps) {
  Figure figure{"Return after adaptation, " + results.env,
                against_env_steps ? "environment steps explored in a task" : "adaptation steps", "return", {}};
  for (const AdaptResults::Row& row : results.rows) {
    Curve curve{row.label, {}, {}, {}, {}};
    for (std::size_t k = 0; k < row.returns.size(); ++k) {
      const Interval interval = mean_interval(row.returns[k]);
      curve.x.push_back(against_env_steps ? row.env_steps[k] : static_cast<double>(k));
      curve.mean.push_back(interval.mean);
      curve.low.push_back(interval.mean - interval.half_width);
      curve.high.push_back(interval.mean + interval.half_width);
    }
    figure.curves.push_back(std::move(curve));
  }
  for (const PublishedReturns& published : published_beside(results)) {
    if (against_env_steps) continue;
    Curve curve{std::string(published.label), {}, published.returns, {}, {}, true};
    for (std::size_t k = 0; k < curve.mean.size(); ++k) curve.x.push_back(static_cast<double>(k));
    figure.curves.push_back(std::move(curve));
  }
  figure.whole_numbers = !against_env_steps;
  return plot_curves(folder, against_env_steps ? "adapt_steps" : "adapt", figure);
}

// What acting at random and the best that can be found out earn in each unit of a trial, where that is known and does
// not take minutes.
std::optional<meta::TrialReference> trial_reference_of(const AdaptResults& results) {
  const bool known = meta::tasks_are_arms(results.env) || results.env == "grid-navi-v1";
  const bool gaussian = results.env.starts_with("gaussian"), long_trials = results.env.ends_with("-n500-v1");
  if (results.rows[0].earned.empty() || !known || gaussian || long_trials) return std::nullopt;
  const meta::TrialReference reference = meta::trial_reference(results.env);
  if (reference.optimal.size() != results.rows[0].earned.size()) return std::nullopt;
  return reference;
}

// Regret so far against the best that can be found out, over that of acting at random: 0 is Bayes-optimal, 1 random.
Plotted draw_trial(const AdaptResults& results, const meta::TrialReference& reference, const std::string& folder) {
  Figure figure{"regret in a trial of " + results.env, meta::tasks_are_arms(results.env) ? "pulls" : "episodes",
                "regret so far (1: random, 0: the best that can be found out)", {}};
  for (const AdaptResults::Row& row : results.rows) {
    Curve curve{row.label, {}, {}, {}, {}};
    double lost = 0, by_chance = 0;
    for (std::size_t unit = 0; unit < std::min(row.earned.size(), reference.optimal.size()); ++unit) {
      lost += reference.optimal[unit] - row.earned[unit];
      by_chance += reference.optimal[unit] - reference.random[unit];
      if (by_chance < 1e-9) continue;  // nothing is known before the first pull, so nothing can be lost
      curve.x.push_back(static_cast<double>(unit + 1));
      curve.mean.push_back(lost / by_chance);
    }
    figure.curves.push_back(std::move(curve));
  }
  return plot_curves(folder, "trial", figure);
}

// One panel per task: the plane, the goal, and a trajectory before and after each number of steps.
Plotted draw_paths(const AdaptResults& results, const std::string& folder) {
  std::vector<Panel> panels;
  std::vector<int> tasks;
  for (const rl::Path& path : results.paths) {
    auto place = std::ranges::find(tasks, path.task) - tasks.begin();
    if (place == static_cast<std::ptrdiff_t>(tasks.size())) {
      tasks.push_back(path.task);
      const envs::Task& task = results.tasks.at(static_cast<std::size_t>(path.task));
      panels.push_back({fmt::format("task {}", path.task), {}, task.size() == 2, {}});
      if (task.size() == 2) panels.back().goal = {task[0], task[1]};
    }
    Panel::Line line{path.step == 0   ? "before"
                     : path.step == 1 ? "after 1 step"
                                      : fmt::format("after {} steps", path.step),
                     {}};
    for (int t = 0; t < path.observations.shape().rows; ++t)
      line.points.push_back({path.observations.at(0, t, 0), path.observations.at(0, t, 1)});
    panels[static_cast<std::size_t>(place)].lines.push_back(std::move(line));
  }
  return plot_paths(folder, "paths", results.rows[0].label + " on " + results.env, panels);
}

// What standing still, random actions and the best policy earn in each of the tasks: "policy,task,return".
std::string references_text(const AdaptResults& results) {
  std::string text = "policy,task,return\n";
  for (const envs::ReferenceReturn& row :
       envs::reference_returns(envs::find_env(results.test_env), results.tasks, 1, 2))
    for (std::size_t task = 0; task < row.task_means.size(); ++task)
      text += fmt::format("{},{},{}\n", row.policy, task, row.task_means[task]);
  return text;
}

}  // namespace

std::vector<std::string> write_adapt_files(const AdaptResults& results, const std::string& folder) {
  make_output_folder(folder);
  nn::write_file_atomically(folder + "/adapt.csv", csv_text(results));
  nn::write_file_atomically(folder + "/references.csv", references_text(results));
  std::vector<std::string> lines{"wrote " + folder + "/adapt.csv and references.csv"};
  if (!results.paths.empty() && !results.paths[0].actions.empty()) {
    nn::write_file_atomically(folder + "/paths.csv", paths_text(results.paths));
    lines.push_back("wrote " + folder + "/paths.csv");
  }
  const auto tell = [&](const Plotted& plotted) {
    lines.push_back(plotted.problem.empty() ? "wrote " + plotted.png + " and .svg" : plotted.problem);
  };
  tell(draw_returns(results, folder, false));
  const bool counted = std::ranges::all_of(results.rows, [](const AdaptResults::Row& row) {
    return std::ranges::all_of(row.env_steps, [](double n) { return std::isfinite(n); });
  });
  if (counted && results.rows[0].returns.size() > 1) tell(draw_returns(results, folder, true));
  if (!results.paths.empty())
    if (const auto reference = trial_reference_of(results)) tell(draw_trial(results, *reference, folder));
  const bool plane = !results.paths.empty() && results.paths[0].observations.shape().cols == 2;
  if (plane) tell(draw_paths(results, folder));
  return lines;
}

}  // namespace innerloop::app

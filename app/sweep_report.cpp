// What is made of a sweep: one table, one picture, JSON and a list of all scores.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "app/gnuplot_seeds.h"
#include "app/run_folder.h"
#include "app/sweep.h"
#include "nn/atomic_file.h"

namespace innerloop::app {
namespace {

using State = CellResult::State;
using Verdict = Comparison::Verdict;

// All pairs of methods within an environment.
struct Pair {
  const SweepGroup* a;
  const SweepGroup* b;
  Comparison comparison;
  bool comparable = true;
};

// "evaluation": the columns that the finished runs of a method are judged by.
std::string columns_of(const SweepGroup& group, const std::vector<CellResult>& results) {
  std::vector<std::string> names;
  for (const std::size_t i : group.cells)
    if (results[i].state == State::finished && std::ranges::find(names, results[i].metric) == names.end())
      names.push_back(results[i].metric);
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " and ") + name;
  return text;
}

// Compared with "more is better": losses change their sign. A return with the noise of exploration and one without are
// different things, so methods judged by different columns are not compared; after --adapt all are judged by the same.
std::vector<Pair> compare_groups(const std::vector<SweepGroup>& groups, const std::vector<CellResult>& results,
                                 const SweepSettings& settings) {
  std::vector<Pair> pairs;
  for (const SweepGroup& a : groups)
    for (const SweepGroup& b : groups)
      if (&a < &b && a.env == b.env) pairs.push_back({&a, &b, {}});
  const auto signed_scores = [&](const SweepGroup& group) {
    std::map<std::int64_t, double> scores = group.scores;
    if (settings.lower_is_better)
      for (auto& [seed, score] : scores) score = -score;
    return scores;
  };
  for (Pair& pair : pairs) {
    const std::string a = columns_of(*pair.a, results), b = columns_of(*pair.b, results);
    pair.comparable = settings.adapt >= 0 || a.empty() || b.empty() || a == b;
    if (!pair.comparable)
      pair.comparison.reason = "judged by different columns, " + a + " and " + b + "; name one with --metric";
  }
  const auto compared = static_cast<int>(std::ranges::count(pairs, true, &Pair::comparable));
  for (Pair& pair : pairs) {
    if (!pair.comparable) continue;
    pair.comparison = compare(signed_scores(*pair.a), signed_scores(*pair.b), compared);
    // The seeds that are left of a method with failures are the better ones: they prove nothing.
    const SweepGroup* winner = pair.comparison.verdict == Verdict::a_beats_b   ? pair.a
                               : pair.comparison.verdict == Verdict::b_beats_a ? pair.b
                                                                               : nullptr;
    if (winner == nullptr) continue;
    const auto failed =
        std::ranges::count_if(winner->cells, [&](std::size_t i) { return results[i].state == State::failed; });
    if (failed == 0) continue;
    pair.comparison.verdict = Verdict::not_shown;
    pair.comparison.reason =
        fmt::format("{} of the {} seeds of {} failed", failed, winner->cells.size(), winner->method);
  }
  return pairs;
}

std::string verdict_text(const Pair& pair) {
  const std::string &a = pair.a->method, &b = pair.b->method, env = pair.a->env.empty() ? "" : " in " + pair.a->env;
  switch (pair.comparison.verdict) {
    case Verdict::a_beats_b: return a + " beats " + b + env + ": " + pair.comparison.reason;
    case Verdict::b_beats_a: return b + " beats " + a + env + ": " + pair.comparison.reason;
    case Verdict::not_shown: break;
  }
  return "neither " + a + " nor " + b + " is shown to be better" + env + ": " + pair.comparison.reason;
}

std::string number(double value) { return fmt::format("{:.4g}", value); }

// "a − b in env: 3.1 ± 1.2 over 5 seeds": the mean of the differences of the seeds that both have, with its 95 %
// interval by Student's t; empty below two seeds.
std::string paired_difference(const Pair& pair) {
  std::vector<double> differences;
  for (const auto& [seed, score] : pair.a->scores)
    if (const auto other = pair.b->scores.find(seed); other != pair.b->scores.end())
      differences.push_back(score - other->second);
  if (differences.size() < 2 || !pair.comparable) return "";
  const Interval interval = mean_interval(differences);
  return fmt::format("  {} − {}{}: {} ± {} over {} seeds\n", pair.a->method, pair.b->method,
                     pair.a->env.empty() ? "" : " in " + pair.a->env, number(interval.mean),
                     number(interval.half_width), differences.size());
}

// "≈ [−5.2, −4.4]": marked where few seeds make it too narrow; a dash where there are too few for any.
std::string interval_text(const BootstrapInterval& interval) {
  if (!interval.exists) return "-";
  return fmt::format("{}[{}, {}]", interval.approximate ? "≈ " : "", number(interval.low), number(interval.high));
}

std::string score_name(const SweepSettings& settings, const std::vector<CellResult>& results) {
  if (settings.adapt >= 0) {
    const std::string steps = fmt::format("{} adaptation step{}", settings.adapt, settings.adapt == 1 ? "" : "s");
    return settings.judged == "reached" ? "share of episodes that end at the goal after " + steps
           : settings.judged == "area"  ? "return on held-out tasks, averaged over " + steps
                                        : "return on held-out tasks after " + steps;
  }
  std::vector<std::string> names;
  for (const CellResult& result : results)
    if (!result.metric.empty() && std::ranges::find(names, result.metric) == names.end())
      names.push_back(result.metric);
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return fmt::format("{}, mean of the last {} iterations", text, settings.last);
}

// "1: -5.2, 2: -4.4": all scores, where there are too few for an interval.
std::string all_scores(const SweepGroup& group) {
  std::string text;
  for (const auto& [seed, score] : group.scores)
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", seed, number(score));
  return text;
}

// "seed 3 (best -4.1, end -60.2)" of every collapsed seed.
std::vector<std::string> collapsed_seeds(const SweepGroup& group, const std::vector<Cell>& cells,
                                         const std::vector<CellResult>& results) {
  std::vector<std::string> seeds;
  for (const std::size_t i : group.cells)
    if (results[i].collapsed)
      seeds.push_back(fmt::format("seed {} (from {} to {} at best, {} at the end)", cells[i].seed,
                                  number(results[i].start), number(results[i].best), number(results[i].end)));
  return seeds;
}

// "[1: x, 2: y]" lines under the table: what its cells have no room for.
std::string notes(const std::vector<SweepGroup>& groups, const std::vector<Cell>& cells,
                  const std::vector<CellResult>& results) {
  std::string few, collapsed, failed;
  bool exists = false, approximate = false;
  for (const SweepGroup& group : groups) {
    const std::string name = group.method + (group.env.empty() ? "" : " in " + group.env);
    exists = exists || group.interval.exists;
    approximate = approximate || group.interval.approximate;
    if (!group.interval.exists && !group.scores.empty())
      few += fmt::format("  {}, by seed: {}\n", name, all_scores(group));
    for (const std::string& seed : collapsed_seeds(group, cells, results))
      collapsed += "  " + name + ": " + seed + "\n";
    for (const std::size_t i : group.cells)
      if (results[i].state == State::failed)
        failed += fmt::format("  {}, seed {}: {}\n", name, cells[i].seed, results[i].message);
  }
  std::string text = "IQM is the interquartile mean over seeds";
  text += exists ? ", [ ] its 95 % bootstrap interval.\n" : ".\n";
  if (approximate) text += "≈ fewer than 10 seeds: the interval is approximate, and too narrow.\n";
  if (!few.empty()) text += "Fewer than 5 seeds have no interval:\n" + few;
  if (!collapsed.empty()) text += "Collapsed, having lost more than half of what was gained:\n" + collapsed;
  if (!failed.empty()) text += "Failed:\n" + failed;
  return text;
}

// Return against K, interquartile mean over seeds, where the sweep adapted.
std::string adaptation_table(const std::vector<SweepGroup>& groups, const std::vector<CellResult>& results, int steps) {
  std::vector<std::vector<std::string>> table{{"return after k steps, IQM over seeds", "environment"}};
  for (int k = 0; k <= steps; ++k) table[0].push_back(fmt::format("k = {}", k));
  for (const SweepGroup& group : groups) {
    std::vector<std::string> line{group.method, group.env};
    for (int k = 0; k <= steps; ++k) {
      std::vector<double> values, env_steps;
      for (const std::size_t i : group.cells)
        if (results[i].state == State::finished) {
          values.push_back(results[i].adapted.at(static_cast<std::size_t>(k)));
          env_steps.push_back(results[i].adapted_steps.at(static_cast<std::size_t>(k)));
        }
      line.push_back(values.empty() ? "-" : fmt::format("{} ({:.0f})", number(interquartile_mean(values)),
                                                        interquartile_mean(env_steps)));
    }
    table.push_back(line);
  }
  return text_table(table) + "In brackets: environment steps explored in a task until then.\n";
}

}  // namespace

std::string sweep_table(const SweepSettings& settings, const std::vector<Cell>& cells,
                        const std::vector<CellResult>& results) {
  const std::vector<SweepGroup> groups = group_cells(cells, results);
  std::vector<std::vector<std::string>> table{
      {"method", "environment", "seeds", "IQM", "95 % interval", "worst", "best", "collapsed", "failed"}};
  for (const SweepGroup& group : groups) {
    std::vector<double> scores;
    for (const auto& [seed, score] : group.scores) scores.push_back(settings.lower_is_better ? -score : score);
    const auto [low, high] = std::ranges::minmax_element(scores);
    const double sign = settings.lower_is_better ? -1 : 1;
    std::size_t failed = 0;
    for (const std::size_t i : group.cells) failed += results[i].state == State::failed;
    table.push_back({group.method, group.env, std::to_string(scores.size()), scores.empty() ? "-" : number(group.iqm),
                     interval_text(group.interval), scores.empty() ? "-" : number(sign * *low),
                     scores.empty() ? "-" : number(sign * *high),
                     std::to_string(collapsed_seeds(group, cells, results).size()), std::to_string(failed)});
  }
  std::string text =
      "score: " + score_name(settings, results) + "\n" + text_table(table) + notes(groups, cells, results);
  if (settings.adapt > 0) text += adaptation_table(groups, results, settings.adapt);
  const std::vector<Pair> pairs = compare_groups(groups, results, settings);
  for (const Pair& pair : pairs) text += verdict_text(pair) + "\n";
  const auto compared = std::ranges::count(pairs, true, &Pair::comparable);
  if (compared > 1) text += fmt::format("(The 5 % of error are shared by {} comparisons.)\n", compared);
  std::string differences;
  for (const Pair& pair : pairs) differences += paired_difference(pair);
  if (!differences.empty())
    text += "Mean paired differences and the half widths of their 95 % intervals:\n" + differences;
  return text;
}

std::string sweep_json(const SweepSettings& settings, const std::vector<Cell>& cells,
                       const std::vector<CellResult>& results) {
  using nlohmann::ordered_json;
  static constexpr const char* states[] = {"finished", "unfinished", "failed"};
  const std::vector<SweepGroup> groups = group_cells(cells, results);
  const auto interval = [](const BootstrapInterval& i) -> ordered_json {
    if (!i.exists) return nullptr;
    return {{"low", i.low}, {"high", i.high}, {"approximate", i.approximate}};
  };
  ordered_json methods = ordered_json::array(), runs = methods, comparisons = methods;
  for (const SweepGroup& group : groups)
    methods.push_back({{"method", group.method},
                       {"env", group.env},
                       {"seeds", group.scores.size()},
                       {"iqm", group.iqm},  // null where nothing has finished
                       {"interval_95", interval(group.interval)},
                       {"collapsed", collapsed_seeds(group, cells, results).size()}});
  for (std::size_t i = 0; i < cells.size(); ++i) {
    ordered_json run{{"method", cells[i].method}, {"env", cells[i].env}, {"seed", cells[i].seed},
                     {"folder", cells[i].folder}, {"state", states[static_cast<int>(results[i].state)]}};
    if (results[i].state == State::failed) run["message"] = results[i].message;
    if (results[i].state == State::finished) {
      run.update({{"metric", results[i].metric}, {"score", results[i].score}, {"start", results[i].start},
                  {"best", results[i].best}, {"end", results[i].end}, {"collapsed", results[i].collapsed}});
      if (!results[i].adapted.empty())
        run.update({{"adapted", results[i].adapted}, {"adapted_env_steps", results[i].adapted_steps}});
      if (!results[i].reached.empty()) run["reached"] = results[i].reached;
    }
    runs.push_back(run);
  }
  for (const Pair& pair : compare_groups(groups, results, settings))
    comparisons.push_back({{"a", pair.a->method},
                           {"b", pair.b->method},
                           {"env", pair.a->env},
                           {"verdict", pair.comparison.verdict == Verdict::a_beats_b   ? "a beats b"
                                       : pair.comparison.verdict == Verdict::b_beats_a ? "b beats a"
                                                                                       : "not shown"},
                           {"reason", pair.comparison.reason},
                           {"pairs", pair.comparison.pairs},
                           {"paired_p", pair.comparison.paired_p},
                           {"probability_of_improvement", pair.comparison.improvement},
                           {"improvement_interval", interval(pair.comparison.improvement_interval)}});
  return ordered_json{{"score", score_name(settings, results)},
                      {"lower_is_better", settings.lower_is_better},
                      {"methods", methods},
                      {"comparisons", comparisons},
                      {"runs", runs}}
             .dump(1) +
         "\n";
}

namespace {

// A text as a cell of a table: quoted, and quotes in it doubled.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (char c : text) result += c == '"' ? std::string(2, c) : std::string(1, c);
  return result + '"';
}

std::string csv_text(const std::vector<Cell>& cells, const std::vector<CellResult>& results) {
  static constexpr const char* states[] = {"finished", "unfinished", "failed"};
  std::string csv = "method,env,seed,state,score,start,best,end,collapsed\n";
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const CellResult& r = results[i];
    csv += fmt::format("{},{},{},{}", quoted(cells[i].method), cells[i].env, cells[i].seed,
                       states[static_cast<int>(r.state)]);
    csv += r.state == State::finished ? fmt::format(",{},{},{},{},{}\n", number_text(r.score), number_text(r.start),
                                                    number_text(r.best), number_text(r.end), r.collapsed ? 1 : 0)
                                      : ",,,,,\n";
  }
  return csv;
}

// The axis of a curve of adaptation; with what a step costs in the environment, where it costs the same for everybody.
std::string adaptation_axis(const std::vector<CellResult>& results) {
  std::optional<double> step;
  for (const CellResult& result : results)
    for (std::size_t k = 1; k < result.adapted_steps.size(); ++k) {
      const double own = result.adapted_steps[k] - result.adapted_steps[k - 1];
      if (step.value_or(own) != own) return "adaptation steps";
      step = own;
    }
  return step ? fmt::format("adaptation steps, of {:.0f} environment steps each", *step) : "adaptation steps";
}

// One row of panels per environment: curves of training (or of adaptation), and scores.
Plotted draw_sweep(const SweepSettings& settings, const std::vector<Cell>& cells,
                   const std::vector<CellResult>& results) {
  std::vector<SeedPanels> rows;
  // Against environment steps if every run counts them.
  const bool by_steps = settings.adapt <= 0 && std::ranges::all_of(results, [](const CellResult& result) {
                          return result.state != State::finished || result.env_steps.size() == result.series.size();
                        });
  for (const SweepGroup& group : group_cells(cells, results)) {
    auto row = std::ranges::find(rows, group.env, &SeedPanels::title);
    if (row == rows.end()) {
      row = rows.insert(row, SeedPanels());
      row->title = group.env;
      row->score_label = score_name(settings, results);
      if (settings.adapt > 0) row->x_label = adaptation_axis(results), row->first_x = 0, row->y_label = "return";
      if (by_steps) row->x_label = "environment steps";
    }
    SeedCurves curves{group.method, {}, {}};
    SeedScores scores{group.method, {}};
    for (const std::size_t i : group.cells) {
      if (results[i].state != State::finished) continue;
      curves.seeds.push_back(settings.adapt > 0 ? results[i].adapted : results[i].series);
      if (by_steps) curves.x = results[i].env_steps;
      scores.seeds.push_back(results[i].score);
      if (settings.adapt <= 0) row->y_label = results[i].metric;
    }
    row->curves.push_back(std::move(curves));
    row->scores.push_back(std::move(scores));
  }
  return plot_seeds(settings.out, "sweep", rows);
}

}  // namespace

std::vector<std::string> write_sweep_files(const SweepSettings& settings, const std::vector<Cell>& cells,
                                           const std::vector<CellResult>& results) {
  const std::string base = settings.out + "/sweep";
  nn::write_file_atomically(base + ".csv", csv_text(cells, results));
  nn::write_file_atomically(base + ".txt", sweep_table(settings, cells, results));
  nn::write_file_atomically(base + ".json", sweep_json(settings, cells, results));
  const Plotted plotted = draw_sweep(settings, cells, results);
  return {"wrote " + base + ".csv, .txt and .json",
          plotted.problem.empty() ? "wrote " + plotted.png + " and .svg" : plotted.problem};
}

}  // namespace innerloop::app

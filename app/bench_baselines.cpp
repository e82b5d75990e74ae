#include "app/bench_baselines.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "app/statistics.h"
#include "meta/bandit_baselines.h"
#include "meta/bayes_optimal.h"
#include "meta/mdp_baselines.h"

namespace innerloop::app {
namespace {

using BaselineRows = std::vector<std::vector<std::string>>;
constexpr std::uint64_t instances_seed = 1;

std::string with_error(double mean, double error, int digits) {
  return fmt::format("{:.{}f} ± {:.{}f}", mean, digits, error, digits);
}
std::string tuned_to(std::string number, double setting) { return number + fmt::format(" ({:g})", setting); }

void print_rows(const Context& context, const BaselineRows& rows, bool json) {
  if (!json) {
    context.out << text_table(rows);
    return;
  }
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (std::size_t r = 1; r < rows.size(); ++r) {
    nlohmann::ordered_json item;
    for (std::size_t c = 0; c < rows[r].size(); ++c) item[rows[0][c]] = rows[r][c];
    list.push_back(item);
  }
  context.out << list.dump(2) << "\n";
}

// ---- Bandits

// RL² (arXiv 1611.02779), table 1: means over 1 000 instances.
struct PublishedBandits {
  int n, k;
  double random, gittins, ts, ots, ucb1, epsilon_greedy, greedy, rl2;
};
constexpr PublishedBandits published_bandits[] = {
    {10, 5, 5.0, 6.6, 5.7, 6.5, 6.7, 6.6, 6.6, 6.7},
    {10, 10, 5.0, 6.6, 5.5, 6.2, 6.7, 6.6, 6.6, 6.7},
    {10, 50, 5.1, 6.5, 5.2, 5.5, 6.6, 6.5, 6.5, 6.8},
    {100, 5, 49.9, 78.3, 74.7, 77.9, 78.0, 75.4, 74.8, 78.7},
    {100, 10, 49.9, 82.8, 76.7, 81.4, 82.4, 77.4, 77.1, 83.5},
    {100, 50, 49.8, 85.2, 64.5, 67.7, 84.3, 78.3, 78.0, 84.9},
    {500, 5, 249.8, 405.8, 402.0, 406.7, 405.8, 388.2, 380.6, 401.6},
    {500, 10, 249.0, 437.8, 429.5, 438.9, 437.1, 408.0, 395.0, 432.5},
    {500, 50, 249.6, 463.7, 427.2, 437.6, 457.6, 413.6, 402.8, 438.9},
};
const std::vector<std::string> bandit_head = {"n, k", "", "random", "Whittle", "FHG", "TS", "OTS, densest of 20",
                                              "OTS, May", "UCB1 (c)", "ε-greedy (ε)", "greedy", "RL²", "Bayes-optimal",
                                              "oracle"};
constexpr double bandit_settings[] = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};

std::vector<std::string> published_row(const PublishedBandits& p) {
  const auto one = [](double x) { return fmt::format("{:.1f}", x); };
  return {fmt::format("{}, {}", p.n, p.k), "published", one(p.random), one(p.gittins), "", one(p.ts), one(p.ots), "",
          one(p.ucb1), one(p.epsilon_greedy), one(p.greedy), one(p.rl2), "", ""};
}

std::vector<std::string> computed_row(int n, int k, int instances, const meta::GittinsTable& gittins) {
  const meta::ArmsOf arms = meta::uniform_arms(k, instances_seed);
  const int digits = n < 100 ? 2 : 1;
  const auto scored = [&](const meta::BanditPolicy& policy) {
    const meta::BanditScore score = meta::score_bandit(policy, arms, n, instances, instances_seed);
    return with_error(score.mean, score.standard_error, digits);
  };
  const auto best = [&](const std::function<meta::BanditPolicy(double)>& policy) {
    const auto [setting, score] = meta::tuned(policy, bandit_settings, arms, n, instances, instances_seed);
    return tuned_to(with_error(score.mean, score.standard_error, digits), setting);
  };
  return {"",
          "here",
          scored(meta::random_arm()),
          scored(meta::whittle_arm()),
          scored(meta::gittins_arm(gittins)),
          scored(meta::thompson()),
          scored(meta::densest_thompson(20)),
          scored(meta::optimistic_thompson()),
          best(meta::ucb1),
          best(meta::epsilon_greedy),
          scored(meta::greedy_arm()),
          "",
          n <= 10 ? fmt::format("{:.6f}", meta::optimal_bernoulli(k, n).value) : "",
          fmt::format("{:.{}f}", static_cast<double>(n) * k / (k + 1), digits)};
}

BaselineRows bandit_rows(int instances, const std::string& only) {
  BaselineRows rows{bandit_head};
  for (int n : {10, 100, 500}) {
    std::unique_ptr<meta::GittinsTable> gittins;
    for (const PublishedBandits& published : published_bandits) {
      const std::vector<std::string> row = published_row(published);
      if (published.n != n || row[0].find(only) == std::string::npos) continue;
      if (!gittins) gittins = std::make_unique<meta::GittinsTable>(n, n > 200 ? 250 : 1000);
      rows.push_back(row);
      rows.push_back(computed_row(n, published.k, instances, *gittins));
    }
  }
  return rows;
}

// ---- Decision processes

// RL² (arXiv 1611.02779), table 2: means over 1 000 instances.
constexpr int mdp_checkpoints[] = {10, 25, 50, 75, 100};
struct PublishedMdps {
  double random, psrl, opsrl, ucrl2, beb, epsilon_greedy, greedy, rl2;
};
constexpr PublishedMdps published_mdps[] = {
    {100.1, 138.1, 144.1, 146.6, 150.2, 132.8, 134.8, 156.2},
    {250.2, 408.8, 425.2, 424.1, 427.8, 377.3, 368.8, 445.7},
    {499.7, 904.4, 930.7, 918.9, 917.8, 823.3, 769.3, 936.1},
    {749.9, 1417.1, 1449.2, 1427.6, 1422.6, 1293.9, 1172.9, 1428.8},
    {999.4, 1939.5, 1973.9, 1942.1, 1935.1, 1778.2, 1578.5, 1913.7},
};
const std::vector<std::string> mdp_head = {"n", "prior mean", "random", "PSRL", "OPSRL", "UCRL2 (scale)",
                                           "BEB (β)", "ε-greedy (ε)", "greedy", "BEB, every step (β)",
                                           "greedy, every step", "RL²", "optimum"};

// A column: for every checkpoint the score, and the setting where one was chosen.
std::vector<std::string> column(const meta::MdpScore& score, const std::vector<double>& setting = {}) {
  std::vector<std::string> cells;
  for (std::size_t c = 0; c < score.mean.size(); ++c) {
    cells.push_back(with_error(score.mean[c], score.standard_error[c], 1));
    if (!setting.empty()) cells.back() = tuned_to(cells.back(), setting[c]);
  }
  return cells;
}

// All columns for one prior mean, in the order of the head.
BaselineRows mdp_columns(double prior_mean, int instances) {
  const auto scored = [&](const meta::MdpAgent& agent) {
    return column(meta::score_mdp(agent, prior_mean, mdp_checkpoints, instances, instances_seed).agent);
  };
  const auto best = [&](const std::function<meta::MdpAgent(double)>& agent, std::initializer_list<double> settings) {
    const std::vector<double> all(settings);
    const meta::TunedMdpScore tuned =
        meta::tuned_mdp(agent, all, prior_mean, mdp_checkpoints, instances, instances_seed);
    return column(tuned.score, tuned.setting);
  };
  const auto beb = [](bool every_step) {
    return [every_step](double beta) { return meta::beb(beta, every_step); };
  };
  const std::vector<std::string> blank(std::size(mdp_checkpoints));
  const meta::MdpScores uniform =
      meta::score_mdp(meta::random_agent(), prior_mean, mdp_checkpoints, instances, instances_seed);
  return {column(uniform.agent),
          scored(meta::psrl()),
          scored(meta::opsrl(20)),
          best(meta::ucrl2, {0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1}),
          best(beb(false), {1, 3, 6, 10, 15, 20, 30, 50}),
          best(meta::epsilon_greedy_agent, {0, 0.05, 0.1, 0.2, 0.3}),
          scored(meta::greedy_agent()),
          best(beb(true), {1, 3, 6, 10, 15, 20, 30, 50}),
          scored(meta::greedy_agent(true)),
          blank,
          column(uniform.optimum)};
}

BaselineRows mdp_rows(int instances) {
  const BaselineRows wrong = mdp_columns(0, instances), right = mdp_columns(1, instances);
  BaselineRows rows{mdp_head};
  for (std::size_t c = 0; c < std::size(mdp_checkpoints); ++c) {
    const PublishedMdps& p = published_mdps[c];
    const auto one = [](double x) { return fmt::format("{:.1f}", x); };
    rows.push_back({std::to_string(mdp_checkpoints[c]), "published", one(p.random), one(p.psrl), one(p.opsrl),
                    one(p.ucrl2), one(p.beb), one(p.epsilon_greedy), one(p.greedy), "", "", one(p.rl2), ""});
    for (const auto& [name, columns] : {std::pair("0", &wrong), std::pair("1 (right)", &right)}) {
      rows.push_back({"", name});
      for (const auto& cells : *columns) rows.back().push_back(cells[c]);
    }
  }
  return rows;
}

}  // namespace

int bench_baselines(const Context& context, const std::string& what, const rl::OptionValues& values) {
  const int instances = values.integer("instances");
  const BaselineRows rows = what == "bandits" ? bandit_rows(instances, values.text("only")) : mdp_rows(instances);
  if (rows.size() == 1)
    throw rl::UsageError("innerloop bench bandits: no row has '" + values.text("only") +
                         "' in its name; one is '10, 5'");
  print_rows(context, rows, values.boolean("json"));
  return success;
}

}  // namespace innerloop::app

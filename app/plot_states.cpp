#include "app/plot_states.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/curves.h"
#include "app/options.h"
#include "app/run_folder.h"
#include "meta/meta_gradient_optimum.h"

namespace innerloop::app {
namespace {

// The last row's numbers by state; empty if there are none.
std::vector<double> by_state(const NumberTable& table, const std::string& prefix) {
  std::vector<double> numbers;
  for (std::size_t s = 1;; ++s) {
    const auto column = std::ranges::find(table.names, prefix + std::to_string(s));
    if (column == table.names.end()) return numbers;
    numbers.push_back(table.columns[static_cast<std::size_t>(column - table.names.begin())].back());
  }
}

// One curve: all runs of the same settings.
struct Learned {
  std::string key, label, env;
  double alpha = 0;
  std::vector<std::vector<double>> runs;
};

// The exact optimum of one update from v = 0, where there is one to compute.
std::vector<double> optimum_of(const Learned& learned) {
  const bool signal = learned.env == "signal-noise-v1", undone = learned.env == "noise-undone-v1";
  if (!signal && !undone) return {};
  const meta::RewardProcess process = signal ? meta::signal_noise() : meta::noise_undone();
  std::vector<double> best = meta::population_optimum(process, learned.alpha);
  best.erase(best.begin());
  best.resize(std::min(best.size(), learned.runs[0].size()));
  return best;
}

}  // namespace

Plotted plot_by_state(const Context& context, const std::vector<std::string>& runs, const std::string& folder) {
  std::vector<Learned> all;
  for (const std::string& run : runs) {
    RunSettings settings = resolve_settings(context, "", "", RunFolder::open(run).config(), {});
    const NumberTable table = read_numbers(run + "/metrics.csv");
    settings.values.set("seed", std::int64_t{0});
    bool any = false;
    for (const auto& [prefix, letter] : {std::pair("gamma_", "γ"), {"lambda_", "λ"}}) {
      const std::vector<double> numbers = by_state(table, prefix);
      if (numbers.empty()) continue;
      any = true;
      const std::string key = prefix + config_text(settings);
      auto found = std::ranges::find(all, key, &Learned::key);
      if (found == all.end()) {
        const std::string name = settings.preset.empty() ? settings.values.text("env") : settings.preset;
        found = all.insert(found, {key, fmt::format("{}: {}", letter, name), settings.values.text("env"),
                                   settings.values.real("learning_rate"), {}});
      }
      found->runs.push_back(numbers);
    }
    if (!any) throw rl::UsageError(run + " learned no γ or λ by state: --by-state draws runs with by_state = true");
  }

  Figure figure{"learned by state", "state that is entered", "γ, λ", {}};
  std::vector<std::string> drawn;  // optima
  for (const Learned& learned : all) {
    figure.curves.push_back(curve_over_seeds(learned.label, learned.runs));
    const std::vector<double> best = optimum_of(learned);
    const std::string label = fmt::format("optimum, {}, α = {:g}", learned.env, learned.alpha);
    if (best.empty() || std::ranges::find(drawn, label) != drawn.end()) continue;
    drawn.push_back(label);
    Curve curve{label, figure.curves.back().x, best, {}, {}, true};
    figure.curves.push_back(std::move(curve));
  }
  return plot_curves(folder, "by_state", figure);
}

}  // namespace innerloop::app

// What the algorithms around MAML reached when they were recorded (tests/tools/record_family.sh): the four corners,
// Reptile beside MAML, MAESN beside its baselines. The chapters' tables are made of the same files.
//
// [plain] reads files
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "app/statistics.h"
#include "tests/app/recorded.h"
#include "tests/catch.h"

using namespace innerloop;
using Catch::Matchers::ContainsSubstring;
using recorded::in_print;

namespace {

// One run's curve of adaptation: the return, and the share of episodes that end at the goal, after k steps.
struct FamilyRun {
  int seed = 0;
  std::vector<double> returns, reached;
  // The area under return against k, by trapezoids, per step.
  double area() const {
    double sum = 0;
    for (std::size_t k = 1; k < returns.size(); ++k) sum += 0.5 * (returns[k - 1] + returns[k]);
    return sum / static_cast<double>(returns.size() - 1);
  }
};
using FamilyRuns = std::map<std::string, std::vector<FamilyRun>>;  // by method, in the order of seeds

// The lines of a file of numbers behind a method's name; what names its columns is left out.
std::vector<std::pair<std::string, std::vector<double>>> family_lines(const std::string& path) {
  std::istringstream text(contents(path));
  std::vector<std::pair<std::string, std::vector<double>>> lines;
  for (std::string line, word; std::getline(text, line);) {
    if (line.starts_with("method,")) continue;
    std::istringstream cells(line);
    std::getline(cells, word, ',');
    lines.push_back({word, {}});
    while (std::getline(cells, word, ',')) lines.back().second.push_back(std::stod(word));
  }
  return lines;
}

// method,seed,k,env_steps,return,iteration[,reached]
FamilyRuns family_runs(const std::string& matrix) {
  FamilyRuns runs;
  for (const auto& [method, numbers] : family_lines(recorded::set_folder("family-" + matrix) + "/adaptation.csv")) {
    std::vector<FamilyRun>& own = runs[method];
    if (numbers.at(1) == 0) own.push_back({static_cast<int>(numbers.at(0)), {}, {}});
    REQUIRE(own.back().returns.size() == static_cast<std::size_t>(numbers.at(1)));
    own.back().returns.push_back(numbers.at(3));
    if (numbers.size() > 5) own.back().reached.push_back(numbers.at(5));
  }
  return runs;
}

// A column of the last row of metrics, for each run of a method.
std::vector<double> family_last(const std::string& matrix, const std::string& method, const std::string& column) {
  std::istringstream text(contents(recorded::set_folder("family-" + matrix) + "/last.csv"));
  std::size_t wanted = 0;
  std::vector<double> found;
  for (std::string line; std::getline(text, line);) {
    std::vector<std::string> words;
    std::istringstream cells(line);
    for (std::string word; std::getline(cells, word, ',');) words.push_back(word);
    if (words[0] == "method")
      wanted = static_cast<std::size_t>(std::ranges::find(words, column) - words.begin());
    else if (words[0] == method)
      found.push_back(std::stod(words.at(wanted)));
  }
  return found;
}

// The mean over seeds of what a run says.
template <class Says>
double family_mean(const std::vector<FamilyRun>& runs, Says says) {
  double sum = 0;
  for (const FamilyRun& run : runs) sum += says(run) / static_cast<double>(runs.size());
  return sum;
}
double mean_reached(const std::vector<FamilyRun>& runs) {
  return family_mean(runs, [](const FamilyRun& run) { return run.reached.back(); });
}

// Area of `a` less that of `b`, seed by seed: mean and half width of Student's 95 % interval.
app::Interval family_difference(const FamilyRuns& runs, const std::string& a, const std::string& b) {
  std::vector<double> differences;
  REQUIRE(runs.at(a).size() == runs.at(b).size());
  for (std::size_t i = 0; i < runs.at(a).size(); ++i) {
    REQUIRE(runs.at(a)[i].seed == runs.at(b)[i].seed);
    differences.push_back(runs.at(a)[i].area() - runs.at(b)[i].area());
  }
  return app::mean_interval(differences);
}

struct Named { const char *method, *title; };

// "| title | mean return before | after 1 | … | last column for each seed |"
std::string family_table(const FamilyRuns& runs, const std::vector<Named>& rows, int digits, bool reached) {
  std::string table;
  for (const auto& [method, title] : rows) {
    const std::vector<FamilyRun>& own = runs.at(method);
    table += fmt::format("| {} |", title);
    for (std::size_t k = 0; k < own[0].returns.size(); ++k)
      table += " " + in_print(family_mean(own, [&](const FamilyRun& run) { return run.returns[k]; }), digits) + " |";
    std::string seeds;
    for (const FamilyRun& run : own)
      seeds += (seeds.empty() ? "" : ", ") + in_print(reached ? run.reached.back() : run.area(), reached ? 2 : digits);
    const double mean =
        reached ? mean_reached(own) : family_mean(own, [](const FamilyRun& run) { return run.area(); });
    table += fmt::format(" {} | {} |\n", seeds, in_print(mean, reached ? 2 : digits));
  }
  return table;
}

const std::vector<Named> corner_rows = {
    {"maml-corner-alpha-0.1", "MAML, likelihood ratios (LVC), α = 0.1"},
    {"promp-corner-alpha-0.1", "ProMP, step sizes learned from 0.1"},
    {"promp-corner-step_sizes-fixed-tasks-8-alpha-0.5", "ProMP, α = 0.5"},
    {"maml-corner-estimator-first-order-alpha-0.1", "MAML, first-order, α = 0.1"},
    {"maml-corner-estimator-log-likelihood-alpha-0.1", "MAML, log-likelihood, α = 0.1"},
    {"e_maml-corner-alpha-2", "E-MAML, α = 2"}};

std::vector<Named> maesn_rows(bool wheeled) {
  if (wheeled)
    return {{"maesn-wheeled", "MAESN"},
            {"maesn-wheeled-latents-point", "the same without noise (`latents = point`)"},
            {"maesn-wheeled-inner_steps-0", "latents without meta-learning (`inner_steps = 0`)"},
            {"maml-wheeled", "MAML"}};
  return {{"maesn-pusher", "MAESN"},
          {"maesn-pusher-latents-point", "the same without noise"},
          {"maesn-pusher-inner_steps-0", "latents without meta-learning"},
          {"maml-pusher", "MAML"}};
}

}  // namespace

TEST_CASE("the corners, recorded: three steps bring LVC and ProMP there in nine of ten episodes and more", "[plain]") {
  const FamilyRuns runs = family_runs("corner");
  for (const Named& row : corner_rows) CHECK(runs.at(row.method).size() == 5);
  CHECK(mean_reached(runs.at("maml-corner-alpha-0.1")) >= 0.9);
  CHECK(mean_reached(runs.at("promp-corner-alpha-0.1")) >= 0.9);
  const std::string table = family_table(runs, corner_rows, 2, true);
  CHECK_THAT(contents("meta/promp.md"), ContainsSubstring(table));
  CHECK_THAT(contents("meta/e_maml.md"), ContainsSubstring(table));
}

TEST_CASE("the corners, recorded: the step size of each method is the best of three on two other seeds", "[plain]") {
  const FamilyRuns tuning = family_runs("tuning"), runs = family_runs("corner");
  std::string table;
  for (const Named& row : corner_rows) {
    const std::string chosen = row.method, method = chosen.substr(0, chosen.rfind('-') + 1);
    std::string title = row.title;
    title = title.substr(0, title.find(", α"));
    table += "| " + title.substr(0, title.find(" from")) + " |";
    for (const char* alpha : {"0.1", "0.5", "2"}) {
      const std::vector<FamilyRun>& own = tuning.at(method + alpha);
      REQUIRE(own.size() == 2);
      for (const FamilyRun& run : own)
        for (const FamilyRun& recorded : runs.at(chosen)) CHECK(run.seed != recorded.seed);
      CHECK(mean_reached(own) <= mean_reached(tuning.at(chosen)));
      table += " " + in_print(own[0].reached.back(), 2) + ", " + in_print(own[1].reached.back(), 2) + " |";
    }
    table += "\n";
  }
  CHECK_THAT(contents("meta/promp.md"), ContainsSubstring(table));
}

TEST_CASE("Reptile, recorded: after three steps behind MAML on point-nav, for every seed and step size", "[plain]") {
  const FamilyRuns runs = family_runs("reptile");
  const std::vector<Named> rows = {
      {"maml-quick-iterations-30", "MAML, α = 0.1"},
      {"maml-quick-iterations-30-estimator-first-order", "first-order MAML, α = 0.1"},
      {"reptile-quick-iterations-30", "Reptile, α = 0.1"},
      {"reptile-quick-iterations-30-alpha-1", "Reptile, α = 1"},
      {"reptile-quick-iterations-30-alpha-4", "Reptile, α = 4"}};
  std::string table;
  for (const auto& [method, title] : rows) {
    const std::vector<FamilyRun>& own = runs.at(method);
    REQUIRE(own.size() == 3);
    table += fmt::format("| {} |", title);
    for (std::size_t k = 0; k < 4; ++k)
      table += " " + in_print(family_mean(own, [&](const FamilyRun& run) { return run.returns[k]; }), 1) + " |";
    std::string seeds;
    for (const FamilyRun& run : own) seeds += (seeds.empty() ? "" : ", ") + in_print(run.returns[3], 1);
    table += " " + seeds + " |\n";
    for (std::size_t i = 0; i < 3; ++i)
      if (std::string(method).starts_with("reptile"))
        CHECK(own[i].returns[3] < runs.at("maml-quick-iterations-30")[i].returns[3]);
  }
  CHECK_THAT(contents("meta/reptile.md"), ContainsSubstring(table));
}

TEST_CASE("MAESN, recorded: above its baselines by area with the robot, not with the pusher; latents at the prior",
          "[plain]") {
  for (const bool wheeled : {true, false}) {
    const std::string matrix = wheeled ? "wheeled" : "pusher", maesn = "maesn-" + matrix;
    INFO(matrix);
    const FamilyRuns runs = family_runs(matrix);
    for (const auto& [method, own] : runs) CHECK(own.size() == (wheeled ? 5 : 3));
    int missed = 0;
    for (const std::string& other : {maesn + "-inner_steps-0", "maml-" + matrix}) {
      const app::Interval difference = family_difference(runs, maesn, other);
      INFO(other << ": " << difference.mean << " ± " << difference.half_width);
      missed += difference.mean <= difference.half_width;
    }
    CHECK(missed == (wheeled ? 0 : 2));  // nobody learns the pusher in 80 iterations
    // Standing still earns −200 and −449.211; the robot's control costs at most 0.1 a step, and is left in.
    const double still = wheeled ? -200 : -449.211;
    for (const FamilyRun& run : runs.at(maesn)) CHECK(run.returns[0] >= 1.03 * still);
    const std::vector<double> sizes = family_last(matrix, maesn, "latent_size");
    CHECK(sizes.size() == runs.at(maesn).size());
    for (const double size : sizes) CHECK(size < 1);
    CHECK_THAT(contents("meta/maesn.md"), ContainsSubstring(family_table(runs, maesn_rows(wheeled), 1, false)));
  }
}

// The tables of meta/maml.md and meta/README.md say what is computed and what was recorded. If a test fails, put the
// text it prints in place of the chapter's table.
#include <fmt/core.h>

#include <fstream>
#include <sstream>

#include "meta/check_cases.h"
#include "tests/catch.h"
#include "tests/meta/exact_gradients.h"

using namespace innerloop;
using namespace innerloop::tests;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// The chapter's way of writing numbers: a minus sign for the hyphen, no zero before the point.
std::string number(double x, int digits) {
  std::string text = fmt::format("{:.{}f}", std::abs(x), digits);
  if (text.starts_with("0.")) text.erase(0, 1);
  return (x < 0 ? "−" : "") + text;
}
std::string relative(double x) { return std::abs(x) < 1e-7 ? "0" : number(x, 4); }

std::vector<double> difference(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> c(a.size());
  for (std::size_t k = 0; k < c.size(); ++k) c[k] = a[k] - b[k];
  return c;
}
double cosine(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum / (length(a) * length(b));
}

std::string table_of_meta_gradients() {
  const std::vector<double> exact = ExactMetaProblem(InnerEstimator::dice, 0.5).gradient();
  std::string table =
      "| inner derivative | meta-gradient (components 1 and 3) | relative error | cosine | off its live differences |\n"
      "|---|---|---|---|---|\n";
  for (InnerEstimator estimator : kEstimators) {
    const ExactMetaProblem problem(estimator, 0.5);
    const std::vector<double> g = problem.gradient();
    const double off = length(difference(g, problem.live_differences())) / length(g);
    const double cos = cosine(g, exact);
    table += fmt::format("| {} | {}, {} | {} | {} | {} |\n",
                         estimator == InnerEstimator::dice ? "dice = exact" : meta::name_of(estimator), number(g[0], 8),
                         number(g[2], 8), relative(length(difference(g, exact)) / length(exact)),
                         cos > 1 - 1e-9 ? "1" : number(cos, 4), relative(off));
  }
  return table;
}

std::string table_of_hessians() {
  std::string table = "| rewards shifted by | −1 | 0 | +1 | +5 |\n|---|---|---|---|---|\n";
  for (InnerEstimator estimator :
       {InnerEstimator::log_likelihood, InnerEstimator::likelihood_ratio, InnerEstimator::dice}) {
    table += fmt::format("| ‖∇² {}‖ |", meta::name_of(estimator));
    for (double shift : {-1, 0, 1, 5})
      table += " " + number(frobenius(inner_derivatives(estimator, shift).hessian), 4) + " |";
    table += "\n";
  }
  return table;
}

// "maml (official)  -40.67 ± 4.12  -9.95 ± …": the means.
std::vector<double> recorded_returns(const std::string& run) {
  std::istringstream text(contents("tests/golden/runs/maml-point-nav-v1/" + run + "/adapt.txt"));
  std::string line, piece;
  while (std::getline(text, line))
    if (line.starts_with("maml (")) break;
  std::istringstream pieces(line.substr(std::min(line.size(), line.find(')') + 1)));
  std::vector<double> means;
  for (bool half_width = false; pieces >> piece; half_width = piece == "±")
    if (!half_width && piece != "±") means.push_back(std::stod(piece));
  return means;
}

std::vector<double> mean_returns(const std::string& estimator) {
  std::vector<double> mean(4, 0);
  for (int seed : {1, 2, 3}) {
    const std::vector<double> returns = recorded_returns(fmt::format("{}-{}", estimator, seed));
    REQUIRE(returns.size() == 4);
    for (std::size_t k = 0; k < 4; ++k) mean[k] += returns[k] / 3;
  }
  return mean;
}

// Of meta/README.md: the means alone, and what the authors published.
std::string table_of_means() {
  std::string table = "| algorithm | before | 1 | 2 | 3 |\n|---|---|---|---|---|\n";
  const std::pair<const char*, const char*> rows[] = {
      {"MAML, as recorded in `tests/golden/runs/maml-point-nav-v1`", "log-likelihood"},
      {"first-order", "first-order"},
      {"likelihood ratio", "likelihood-ratio"}};
  for (const auto& [name, estimator] : rows) {
    table += fmt::format("| {} |", name);
    for (double m : mean_returns(estimator)) table += " " + number(m, 2) + " |";
    table += "\n";
  }
  return table;
}

std::string table_of_returns() {
  std::string table = "| inner estimator | seed | before | 1 step | 2 steps | 3 steps |\n|---|---|---|---|---|---|\n";
  for (const char* estimator : {"log-likelihood", "first-order", "likelihood-ratio"}) {
    for (int seed : {1, 2, 3}) {
      table += fmt::format("| {} | {} |", estimator, seed);
      for (double r : recorded_returns(fmt::format("{}-{}", estimator, seed))) table += " " + number(r, 2) + " |";
      table += "\n";
    }
    table += fmt::format("| **{}, mean** | |", estimator);
    for (double m : mean_returns(estimator)) table += " **" + number(m, 2) + "** |";
    table += "\n";
  }
  return table;
}

}  // namespace

TEST_CASE("chapter: the table of meta-gradients, with their errors and their distance from live differences") {
  CHECK_THAT(contents("meta/maml.md"), ContainsSubstring(table_of_meta_gradients()));
}

TEST_CASE("chapter: the table of Hessians under a shift of the rewards") {
  CHECK_THAT(contents("meta/maml.md"), ContainsSubstring(table_of_hessians()));
}

TEST_CASE("chapter: the table of returns is that of the recorded runs") {
  CHECK_THAT(contents("meta/maml.md"), ContainsSubstring(table_of_returns()));
}

TEST_CASE("chapter: the means in the chapter of the folder are those of the recorded runs") {
  CHECK_THAT(contents("meta/README.md"), ContainsSubstring(table_of_means()));
}

TEST_CASE("chapter: print the tables of meta/maml.md and meta/README.md", "[.print]") {
  fmt::print("{}\n{}\n{}\n{}", table_of_meta_gradients(), table_of_hessians(), table_of_returns(), table_of_means());
}

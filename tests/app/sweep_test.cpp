// sweep: every cell an ordinary run, nothing computed twice, nothing depends on the parallelism, and what may be said.
#include "app/sweep.h"

#include <signal.h>

#include <atomic>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "app/run_folder.h"
#include "tests/app/folder.h"
#include "tests/app/toy.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::app;
using toy::program;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

// The arguments of a sweep into folder/out, and more.
std::vector<std::string> sweep(const std::string& out, const std::string& methods, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{"sweep", "--methods", methods, "--out", out, "--lower-is-better"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

// The toy, which counts its iterations and can be told to stop the program in the middle of one.
std::atomic<int> iterations_done{0};
int interrupt_at = -1;
struct Counting : toy::Trainer {
  using toy::Trainer::Trainer;
  rl::Metrics iterate() override {
    if (++iterations_done == interrupt_at) ::raise(SIGINT);
    return toy::Trainer::iterate();
  }
};
const rl::AlgorithmRow counting_row = [] {
  rl::AlgorithmRow row = toy::row;
  row.make = [](const rl::OptionValues& values, std::uint64_t seed) -> std::unique_ptr<rl::Trainer> {
    return std::make_unique<Counting>(values, seed);
  };
  return row;
}();
const rl::AlgorithmRow* const counting_rows[] = {&counting_row};

CellResult judged(std::vector<double> series, const SweepSettings& settings) {
  CellResult result;
  result.state = CellResult::State::finished;
  result.series = std::move(series);
  judge(result, settings);
  return result;
}

// A sweep whose cells have these scores: method a, then method b, seeds 1, 2, ….
struct Made {
  std::vector<Cell> cells;
  std::vector<CellResult> results;
  void add(const std::string& method, const std::vector<double>& scores) {
    for (std::size_t i = 0; i < scores.size(); ++i) {
      Cell cell;
      cell.method = method;
      cell.env = "toy-v1";
      cell.seed = static_cast<std::int64_t>(i) + 1;
      cells.push_back(cell);
      results.push_back(judged({0, scores[i]}, {.last = 1}));
      results.back().metric = "return";
    }
  }
};

}  // namespace

TEST_CASE("sweep: each cell is the run that train makes", "[app][sweep]") {
  TestFolder folder;
  const Outcome outcome = program(
      sweep(folder / "s", "toy toy:fast+second_order=false", {"--seeds", "2", "--set", "iterations=12 hidden=[8,4]"}));
  REQUIRE(outcome.code == success);
  REQUIRE(program({"train", "toy", "--preset", "fast", "--no-second-order", "--iterations", "12", "--hidden", "[8,4]",
                   "--seed", "2", "--out", folder / "t", "--quiet"})
              .code == success);
  const std::string cell = folder / "s/toy-fast-second_order-false/point-nav-v1/seed-2";
  for (const char* file : {"/config.toml", "/metrics.csv", "/checkpoints/iteration-000012.safetensors"})
    CHECK(contents(cell + file) == contents((folder / "t") + file));
  CHECK(fs::exists(folder / "s/toy/point-nav-v1/seed-1/run.json"));
  CHECK_FALSE(fs::exists(folder / "s/toy/point-nav-v1/seed-3"));

  // One table, one picture, all scores, all of it for machines.
  CHECK_THAT(outcome.out, ContainsSubstring("loss, mean of the last 10 iterations"));
  CHECK_THAT(outcome.err, ContainsSubstring("4/4"));
  CHECK(contents(folder / "s/sweep.txt") == outcome.out);
  CHECK_THAT(contents(folder / "s/sweep.csv"),
             ContainsSubstring("\"toy:fast+second_order=false\",point-nav-v1,2,finished,"));
  CHECK_THAT(contents(folder / "s/sweep.dat"), ContainsSubstring("# point-nav-v1, toy, a seed"));
  CHECK_THAT(contents(folder / "s/sweep.dat"), ContainsSubstring("scores of toy:fast+second_order=false"));
  const auto json = nlohmann::json::parse(contents(folder / "s/sweep.json"));
  CHECK(json["runs"].size() == 4);
  CHECK(json["runs"][3]["score"].get<double>() == Approx([&] {
          const NumberTable table = read_numbers(cell + "/metrics.csv");
          double sum = 0;
          for (std::size_t i = 2; i < 12; ++i) sum += table.columns[1][i] / 10;
          return sum;
        }()));
  CHECK(json["comparisons"].size() == 1);
}

// [threads] app/sweep_run.cpp
TEST_CASE("sweep: the same bytes whatever the parallelism", "[app][sweep][threads]") {
  TestFolder folder;
  std::vector<std::string> reports;
  for (const char* parallel : {"1", "2", "4"}) {
    const std::string out = folder / parallel;
    REQUIRE(program(sweep(out, "toy toy+rate=0.3", {"--seeds", "6", "--parallel", parallel, "--quiet"})).code ==
            success);
    std::string all;
    for (const char* file :
         {"/sweep.csv", "/sweep.json", "/sweep.txt", "/sweep.dat", "/toy/point-nav-v1/seed-5/metrics.csv",
          "/toy-rate-0.3/point-nav-v1/seed-6/checkpoints/iteration-000025.safetensors"}) {
      CHECK_FALSE(contents(out + file).empty());
      all += contents(out + file);
    }
    reports.push_back(all);
  }
  CHECK(reports[0] == reports[1]);
  CHECK(reports[0] == reports[2]);
}

TEST_CASE("sweep: interrupted at any point it goes on, and what has finished is never computed again", "[app][sweep]") {
  TestFolder folder;
  const std::vector<std::string> more{"--seeds", "3", "--set", "iterations=10", "--quiet", "--parallel", "1"};
  interrupt_at = -1;
  iterations_done = 0;
  REQUIRE(program(sweep(folder / "whole", "toy", more), counting_rows).code == success);
  CHECK(iterations_done == 30);
  const std::string expected = contents(folder / "whole/sweep.json");

  // Ctrl-C in the middle of the second run; then to the end by the config; then once more, which computes nothing.
  interrupt_at = 14;
  iterations_done = 0;
  const Outcome stopped = program(sweep(folder / "cut", "toy", more), counting_rows);
  CHECK(stopped.code == interrupted);
  CHECK_THAT(stopped.err, ContainsSubstring("To go on: innerloop sweep --config " + (folder / "cut/sweep.toml")));
  CHECK(iterations_done == 14);
  CHECK_FALSE(fs::exists(folder / "cut/sweep.csv"));
  interrupt_at = -1;
  REQUIRE(program({"sweep", "--config", folder / "cut/sweep.toml", "--quiet"}, counting_rows).code == success);
  CHECK(iterations_done == 30);
  CHECK(contents(folder / "cut/sweep.json") == expected);
  REQUIRE(program({"sweep", "--config", folder / "cut/sweep.toml", "--quiet"}, counting_rows).code == success);
  CHECK(iterations_done == 30);

  // More seeds, and another method: only these are computed. Longer runs: only what is missing.
  REQUIRE(program({"sweep", "--config", folder / "cut/sweep.toml", "--quiet", "--seeds", "4", "--methods",
                   "toy toy+rate=0.2"},
                  counting_rows)
              .code == success);
  CHECK(iterations_done == 30 + 50);
  REQUIRE(program({"sweep", "--config", folder / "cut/sweep.toml", "--quiet", "--set", "iterations=13"}, counting_rows)
              .code == success);
  CHECK(iterations_done == 30 + 50 + 8 * 3);

  // A cell that was killed before its first checkpoint, and one with a half-written row, are no obstacle.
  const std::string cell = folder / "cut/toy/point-nav-v1/seed-2";
  fs::remove_all(cell + "/checkpoints");
  write_file(cell + "/metrics.csv", "iteration,lo");
  REQUIRE(program({"sweep", "--config", folder / "cut/sweep.toml", "--quiet", "--methods", "toy", "--seeds", "2"},
                  counting_rows)
              .code == success);
  CHECK(iterations_done == 30 + 50 + 24 + 13);
  CHECK(read_numbers(cell + "/metrics.csv").columns[0].size() == 13);
}

TEST_CASE("sweep: a cell that fails is reported with its message, and the others go on", "[app][sweep]") {
  TestFolder folder;
  const Outcome outcome = program(sweep(folder / "s", "toy toy+nan_at=4", {"--seeds", "2"}));
  CHECK(outcome.code == failure);
  CHECK_THAT(outcome.out, ContainsSubstring("toy+nan_at=4 in point-nav-v1, seed 2: the loss is NaN at iteration 4"));
  CHECK_THAT(
      outcome.out,
      ContainsSubstring(
          "neither toy nor toy+nan_at=4 is shown to be better in point-nav-v1: no seed has finished on one side"));
  CHECK_THAT(outcome.err, ContainsSubstring("2 of 4 runs failed; the same command tries them again"));
  CHECK_THAT(outcome.err, ContainsSubstring("failed 2"));
  const std::string cell = folder / "s/toy-nan_at-4/point-nav-v1/seed-1";
  CHECK(contents(cell + "/error.txt") == "the loss is NaN at iteration 4\n");
  const auto json = nlohmann::json::parse(contents(folder / "s/sweep.json"));
  CHECK(json["runs"][0]["state"] == "finished");
  CHECK(json["runs"][2]["state"] == "failed");
  CHECK(json["runs"][2]["message"] == "the loss is NaN at iteration 4");
  CHECK(json["methods"][1]["iqm"].is_null());

  // Another run in a cell's folder is not taken for this one.
  const Outcome other = program(sweep(folder / "s", "toy", {"--seeds", "1", "--set", "rate=0.4", "--quiet"}));
  CHECK(other.code == failure);
  CHECK_THAT(other.out, ContainsSubstring("holds a run with other settings; choose another folder with --out"));
}

TEST_CASE("sweep: mistakes are named before anything is written", "[app][sweep]") {
  TestFolder folder;
  const std::string out = folder / "s";
  const auto expect = [&](const std::vector<std::string>& arguments, const std::string& message, int code = usage) {
    const Outcome outcome = program(arguments);
    CHECK(outcome.code == code);
    CHECK_THAT(outcome.err, ContainsSubstring(message));
    CHECK_FALSE(fs::exists(out));
  };
  expect({"sweep", "--out", out}, "which ones?");
  expect(sweep(out, "toi"), "Did you mean 'toy'?");
  expect(sweep(out, "toy:fats"), "Did you mean 'fast'?");
  expect(sweep(out, "toy+raet=0.1"), "toy+raet=0.1 has no option 'raet'. Did you mean 'rate'?");
  expect(sweep(out, "toy+rate=7"), "0 to 1");
  expect(sweep(out, "toy+rate"), "write option=value");
  expect(sweep(out, "toy+seed=3"), "seeds go to --seeds");
  expect(sweep(out, "toy", {"--set", "env=four-state-v1"}), "environments go to --envs");
  expect(sweep(out, "toy toy"), "is given twice");
  expect(sweep(out, "toy", {"--envs", "point-nav-v1 point-nav-v9"}), "point-nav-v");
  expect(sweep(out, "toy", {"--seeds", "0"}), "seeds");
  expect(sweep(out, "toy", {"--sedes", "3"}), "Did you mean '--seeds'?");
  write_file(folder / "bad.toml", "methods = \"toy\"\nsedes = 3\n");
  expect({"sweep", "--config", folder / "bad.toml", "--out", out},
         "bad.toml:2:1: unknown key 'sedes'. Did you mean 'seeds'?");
  write_file(folder / "file", "");
  expect(sweep(folder / "file/s", "toy"), "cannot make the folder", failure);
  CHECK_THAT(program(sweep(out, "toy", {"--seeds", "1", "--metric", "los", "--quiet"})).err,
             ContainsSubstring("no metric is called 'los'. Did you mean 'loss'?"));
}

TEST_CASE("sweep: score, start, best and collapse of a series, by hand", "[app][sweep]") {
  SweepSettings settings{.last = 2};
  CellResult r = judged({0, 2, 4, 6, 8, 10}, settings);
  CHECK(r.start == 1);
  CHECK(r.end == 9);
  CHECK(r.score == 9);
  CHECK(r.best == 9);
  CHECK_FALSE(r.collapsed);

  // From 0 up to 10 and back to 4: below half-way. Back to 6: not. A climb within the noise is none.
  const auto there_and_back = [&](double end) {
    std::vector<double> series;
    for (int i = 0; i <= 100; ++i) series.push_back(i / 10.0);
    for (int i = 0; i <= 100; ++i) series.push_back(10 + (end - 10) * i / 100);
    return judged(series, settings);
  };
  CHECK(there_and_back(4).collapsed);
  CHECK_FALSE(there_and_back(6).collapsed);
  CHECK_FALSE(judged({0, 1, -1, 1, -1, 1, 1, -1, -1, 0}, settings).collapsed);

  // Losses turn it round.
  settings.lower_is_better = true;
  r = judged({10, 8, 6, 4, 2, 0, 0, 0}, settings);
  CHECK(r.best == 0);
  CHECK_FALSE(r.collapsed);
  CHECK_FALSE(there_and_back(4).collapsed);  // now a rise to 10 and a way back: the start is the best

  // A window longer than the series is the series; a series that ends in NaN has collapsed.
  settings = {.last = 100};
  CHECK(judged({1, 2, 6}, settings).score == 3);
  CHECK(judged({1, 2, std::nan("")}, {.last = 1}).collapsed);
}

TEST_CASE("sweep: what is said depends on the number of seeds", "[app][sweep]") {
  const SweepSettings settings{.last = 1};
  Made three;
  three.add("a", {10, 11, 12});
  three.add("b", {1, 2, 3});
  std::string table = sweep_table(settings, three.cells, three.results);
  CHECK_THAT(table,
             ContainsSubstring("Fewer than 5 seeds have no interval:\n  a in toy-v1, by seed: 1: 10, 2: 11, 3: 12\n"));
  CHECK_THAT(
      table,
      ContainsSubstring(
          "neither a nor b is shown to be better in toy-v1: 3 paired seeds cannot show it; it takes 6 at least"));
  CHECK_THAT(table, !ContainsSubstring("["));

  Made six;
  six.add("a", {10, 11, 12, 13, 14, 15});
  six.add("b", {1, 2, 3, 4, 5, 6});
  table = sweep_table(settings, six.cells, six.results);
  CHECK_THAT(table, ContainsSubstring("≈ ["));
  CHECK_THAT(table, ContainsSubstring("≈ fewer than 10 seeds"));
  CHECK_THAT(table, ContainsSubstring("a beats b in toy-v1: paired sign-flip test over 6 seeds, p = 0.031"));
  // The winner must have finished: what is left after failures are survivors.
  Made survivors = six;
  Cell lost = six.cells[0];
  lost.seed = 7;
  survivors.cells.push_back(lost);
  survivors.results.push_back({});
  survivors.results.back().state = CellResult::State::failed;
  CHECK_THAT(sweep_table(settings, survivors.cells, survivors.results),
             ContainsSubstring("neither a nor b is shown to be better in toy-v1: 1 of the 7 seeds of a failed"));
  // For a loss the order is the other one.
  table = sweep_table({.lower_is_better = true, .last = 1}, six.cells, six.results);
  CHECK_THAT(table, ContainsSubstring("b beats a in toy-v1"));
  // With a third method three comparisons share the 5 %, and six seeds are too few.
  six.add("c", {1, 2, 3, 4, 5, 6});
  table = sweep_table(settings, six.cells, six.results);
  CHECK_THAT(
      table,
      ContainsSubstring(
          "neither a nor b is shown to be better in toy-v1: 6 paired seeds cannot show it; it takes 7 at least"));
  CHECK_THAT(table, ContainsSubstring("shared by 3 comparisons"));

  Made ten;
  ten.add("a", {10, 11, 12, 13, 14, 15, 16, 17, 18, 19});
  table = sweep_table(settings, ten.cells, ten.results);
  CHECK_THAT(table, ContainsSubstring("14.5  [1"));
  CHECK_THAT(table, !ContainsSubstring("≈"));

  // A collapsed seed is counted and named.
  ten.results[3] = judged({0, 2, 4, 6, 8, 10, 1}, settings);
  ten.results[3].metric = "return";
  table = sweep_table(settings, ten.cells, ten.results);
  CHECK_THAT(table, ContainsSubstring("a in toy-v1: seed 4 (from 0 to 10 at best, 1 at the end)"));
  const auto json = nlohmann::json::parse(sweep_json(settings, ten.cells, ten.results));
  CHECK(json["methods"][0]["collapsed"] == 1);
  CHECK(json["runs"][3]["collapsed"] == true);
  CHECK(json["methods"][0]["interval_95"]["approximate"] == false);
}

TEST_CASE("sweep: methods judged by different columns are not compared", "[app][sweep]") {
  // A greedy policy's evaluation against a return with exploration in it; a third method has the first one's column.
  Made made;
  made.add("greedy", {10, 11, 12, 13, 14, 15, 16});
  made.add("exploring", {1, 2, 3, 4, 5, 6, 7});
  made.add("other", {1, 2, 3, 4, 5, 6, 7});
  for (std::size_t i = 0; i < made.cells.size(); ++i)
    if (made.cells[i].method != "exploring") made.results[i].metric = "evaluation";
  const std::string table = sweep_table({.last = 1}, made.cells, made.results);
  CHECK_THAT(table, ContainsSubstring("neither greedy nor exploring is shown to be better in toy-v1: judged by "
                                      "different columns, evaluation and return; name one with --metric"));
  CHECK_THAT(table, ContainsSubstring("neither exploring nor other is shown to be better in toy-v1: judged by"));
  // The one comparison that is made has the 5 % to itself.
  CHECK_THAT(table, ContainsSubstring("greedy beats other in toy-v1: paired sign-flip test over 7 seeds, p = 0.016"));
  CHECK_THAT(table, !ContainsSubstring("are shared by"));
  const auto json = nlohmann::json::parse(sweep_json({.last = 1}, made.cells, made.results));
  CHECK(json["comparisons"][0]["verdict"] == "not shown");
  CHECK(json["comparisons"][1]["verdict"] == "a beats b");

  // Seven seeds in pairs: the mean of the differences and its interval. What is not compared has none.
  CHECK_THAT(table, ContainsSubstring("Mean paired differences"));
  CHECK_THAT(table, ContainsSubstring("  greedy − other in toy-v1: 9 ± 0 over 7 seeds\n"));
  CHECK_THAT(table, !ContainsSubstring("greedy − exploring"));

  // Judged after adaptation, all are judged alike.
  CHECK_THAT(sweep_table({.last = 1, .adapt = 0}, made.cells, made.results), !ContainsSubstring("different columns"));
}

TEST_CASE("sweep: an adaptation is judged by its end, by the area below its curve, or by who reached the goal",
          "[app][sweep]") {
  CellResult result;
  result.state = CellResult::State::finished;
  result.series = {1, 2};
  result.adapted = {0, 4, 5};
  result.reached = {0, 0.25, 0.75};
  const auto score = [&](const SweepSettings& settings) {
    judge(result, settings);
    return result.score;
  };
  CHECK(score({.last = 1}) == 2);
  CHECK(score({.last = 1, .adapt = 2}) == 5);
  CHECK(score({.last = 1, .adapt = 2, .judged = "area"}) == 3.25);  // ((0 + 4)/2 + (4 + 5)/2)/2
  CHECK(score({.last = 1, .adapt = 2, .judged = "reached"}) == 0.75);
  result.reached.clear();
  CHECK(std::isnan(score({.last = 1, .adapt = 2, .judged = "reached"})));

  TestFolder folder;
  const Outcome alone = program({"sweep", "--methods", "toy", "--judged", "area", "--out", folder / "s"});
  CHECK(alone.code == usage);
  CHECK_THAT(alone.err, ContainsSubstring("needs --adapt"));
  const Outcome unsaid =
      program({"sweep", "--methods", "toy", "--adapt", "1", "--judged", "reached", "--out", folder / "s"});
  CHECK(unsaid.code == usage);
  CHECK_THAT(unsaid.err, ContainsSubstring("does not say what it is to reach the goal"));
}

TEST_CASE("sweep: judged by the return after K adaptation steps on held-out tasks", "[app][sweep]") {
  TestFolder folder;
  const Outcome outcome = program({"sweep", "--methods", "toy", "--seeds", "2", "--adapt", "2", "--out", folder / "s"});
  REQUIRE(outcome.code == success);
  CHECK_THAT(outcome.out, ContainsSubstring("return on held-out tasks after 2 adaptation steps"));
  CHECK_THAT(outcome.out, ContainsSubstring("(100)"));  // environment steps of the toy: 50 a step
  CHECK_THAT(contents(folder / "s/sweep.gp"), ContainsSubstring("adaptation steps, of 50 environment steps each"));
  const std::string file = folder / "s/toy/point-nav-v1/seed-1/adaptation.csv";
  const NumberTable table = read_numbers(file);
  CHECK(table.names == std::vector<std::string>{"k", "env_steps", "return", "iteration"});
  const auto json = nlohmann::json::parse(contents(folder / "s/sweep.json"));
  CHECK(json["runs"][0]["score"].get<double>() == table.columns[2][2]);
  CHECK(json["runs"][0]["adapted_env_steps"] == std::vector<double>{0, 50, 100});

  // Once computed it is read; for more steps it is computed anew; for a longer run too.
  write_file(file, "k,env_steps,return,iteration\n0,0,1,25\n1,50,2,25\n2,100,77,25\n");
  REQUIRE(program({"sweep", "--config", folder / "s/sweep.toml", "--quiet"}).code == success);
  CHECK(nlohmann::json::parse(contents(folder / "s/sweep.json"))["runs"][0]["score"] == 77);
  REQUIRE(program({"sweep", "--config", folder / "s/sweep.toml", "--quiet", "--adapt", "3"}).code == success);
  CHECK(read_numbers(file).columns[0].size() == 4);
  write_file(file, "k,env_steps,return,iteration\n0,0,1,25\n1,50,2,25\n2,100,77,25\n3,150,78,25\n");
  REQUIRE(program({"sweep", "--config", folder / "s/sweep.toml", "--quiet", "--set", "iterations=26"}).code == success);
  CHECK(read_numbers(file).columns[2][3] != 78);
}

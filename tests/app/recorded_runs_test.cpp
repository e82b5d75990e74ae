// Recorded runs are what today's program still does: its first iterations are repeated and compared with what is kept.
// [plain] trains at full size and compares numbers; the same code runs, smaller, in the other tests of this folder
#include <cmath>
#include <filesystem>
#include <map>
#include <sstream>
#include <vector>

#include <stdlib.h>

#include "kernels/cpu/simd.h"
#include "tests/app/built_program.h"
#include "tests/app/folder.h"
#include "tests/catch.h"

namespace {

const std::string kProgram = built_program();
const std::filesystem::path kRecorded = "tests/golden/runs/maml-point-nav-v1", kFirst = "tests/golden/runs/first";

// Row number `row` of a metrics file, by column.
std::map<std::string, double> metrics_row(const std::string& path, int row) {
  std::istringstream text(contents(path));
  std::string header, line, name, number;
  std::getline(text, header);
  for (int i = 0; i < row; ++i) std::getline(text, line);
  std::istringstream names(header), numbers(line);
  std::map<std::string, double> values;
  while (std::getline(names, name, ',') && std::getline(numbers, number, ',')) values[name] = std::stod(number);
  return values;
}

// "maml (official)   -40.41 ± 4.00   -11.68 ± 2.20 …": the means, from the first line that begins with the word.
std::vector<double> returns_of(const std::string& table, const std::string& word) {
  std::istringstream text(table);
  std::string line, piece;
  while (std::getline(text, line))
    if (line.starts_with(word)) break;
  std::istringstream pieces(line.substr(std::min(line.size(), line.find("  "))));
  std::vector<double> means;
  for (bool skip = false; pieces >> piece; skip = piece == "±")
    if (!skip && piece != "±") means.push_back(std::stod(piece));
  return means;
}

// What `innerloop run` promises of its table: MAML adapts to goals that it has never seen, far better than the same
// policy trained on all tasks without an inner step; the oracle needs no step; a learner that was never trained (what a
// step size of zero would leave) does not arrive in three.
void check_first_table(const std::string& table) {
  INFO(table);
  std::map<std::string, std::vector<double>> rows;
  for (const char* row : {"maml (quick)", "maml (quick-pretrained)", "oracle (sees the goal)", "random init ",
                          "MAML (published)", "pretrained (published)"}) {
    INFO(row);
    rows[row] = returns_of(table, row);
    REQUIRE(rows[row].size() == 4);
  }
  CHECK(table.starts_with("return on 40 new tasks"));
  const std::vector<double>& maml = rows["maml (quick)"];
  CHECK(maml[0] >= -60);
  CHECK(maml[0] <= -35);
  CHECK(maml[1] >= -20);
  CHECK(maml[3] >= -8);
  for (std::size_t k : {1u, 2u, 3u}) {
    CHECK(rows["maml (quick-pretrained)"][k] < maml[k] - 5);
    CHECK(rows["random init "][k] < -50);
  }
  for (double oracle : rows["oracle (sees the goal)"]) CHECK(oracle >= -1.5);
  CHECK(rows["MAML (published)"] == std::vector<double>{-40.41, -11.68, -3.33, -3.23});
  CHECK(rows["pretrained (published)"] == std::vector<double>{-40.81, -19.73, -11.72, -8.47});
}

// Compares the first two iterations of a MAML run with the recorded one.
//
// In f32 the ten CG iterations on a nearly singular matrix magnify rounding: with the damping moved by 10⁻⁹ the KL of
// the second step moves by 3 %, and on a processor with other vector registers that of the first by 1.5 %. So the KL
// is compared to 5 %, θ after one step is the same to 3 digits only, and of the second iteration just what is known
// before its step is compared. Where that moves too, the first rows are also kept as vectors of 512 bits make them.
void check_first_rows(const std::string& recorded, const std::string& now) {
  struct Columns {
    int row;
    double tolerance;
    std::vector<const char*> names;
  };
  static const Columns compared[] = {
      {1, 5e-3, {"return_before", "return_after", "length_after", "gradient_norm", "step_fraction"}},
      {1, 5e-2, {"kl"}},
      {2, 2e-2, {"return_before", "return_after", "length_after", "gradient_norm"}}};
  constexpr bool vectors_of_512_bits = kernels::vector_registers == 32;
  const std::string wide = recorded + "/metrics-512.csv";
  const std::string metrics =
      vectors_of_512_bits && std::filesystem::exists(wide) ? wide : recorded + "/metrics.csv";
  for (const auto& [row, tolerance, names] : compared) {
    std::map<std::string, double> expected = metrics_row(metrics, row),
                                  got = metrics_row(now + "/metrics.csv", row);
    for (const char* column : names) {
      INFO("iteration " << row << ", " << column << ": recorded " << expected[column] << ", now " << got[column]);
      REQUIRE(expected.contains(column));
      REQUIRE(got.contains(column));
      CHECK(std::abs(got[column] - expected[column]) <= tolerance * std::abs(expected[column]));
    }
  }
}

// The config of a run without the line that says how many iterations.
std::string config_but_iterations(const std::string& run) {
  std::string config = contents(run + "/config.toml");
  const std::size_t begin = config.find("\niterations = ");
  REQUIRE(begin != std::string::npos);
  return config.erase(begin, config.find('\n', begin + 1) - begin);
}

// What `innerloop run` with seed 1 and these flags prints, draws and leaves; a second call adds nothing. The table.
std::string check_main_job(const std::string& flags) {
  TestFolder folder;
  const std::string out = folder / "first", table = folder / "adapt.txt", messages = folder / "messages.txt";
  const auto run = [&](const std::string& environment) {
    const std::string words = environment + kProgram + " run " + flags + " --out " + out;
    return ::system((words + " > " + table + " 2> " + messages).c_str());
  };
  REQUIRE(run("") == 0);
  const std::string first = contents(table), said = contents(messages);

  // Two pictures, or the one excuse. Their numbers are there in any case.
  for (const std::string name : {"adapt", "paths"}) {
    INFO(name << ": " << said);
    const std::string picture = out + "/" + name;
    CHECK(std::filesystem::file_size(picture + ".dat") > 100);
    if (said.find("gnuplot is not installed, so there is no picture. The numbers are in " + picture + ".dat") ==
        std::string::npos) {
      CHECK(contents(picture + ".png").starts_with("\x89PNG\r\n\x1a\n"));
      CHECK(contents(picture + ".svg").find("</svg>") != std::string::npos);
      CHECK(said.find("wrote " + picture + ".png") != std::string::npos);
    }
  }

  // Training begins as it was recorded.
  std::string trained;
  for (const char* name : {"/quick", "/quick-pretrained", "/quick-oracle"}) {
    INFO(name);
    check_first_rows(kFirst.string() + name, out + name);
    CHECK(config_but_iterations(kFirst.string() + name) == config_but_iterations(out + name));
    trained += contents(out + name + "/metrics.csv") + contents(out + name + "/timing.csv");
  }

  // Once more, where there is no gnuplot: the same table, nothing trained, and the message that says why no picture.
  std::filesystem::remove(out + "/adapt.png");
  REQUIRE(run("PATH=" + folder.path.string() + " ") == 0);
  CHECK(contents(table) == first);
  CHECK(contents(messages).find("gnuplot is not installed") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(out + "/adapt.png"));
  std::string again;
  for (const char* name : {"/quick", "/quick-pretrained", "/quick-oracle"})
    again += contents(out + name + "/metrics.csv") + contents(out + name + "/timing.csv");
  CHECK(again == trained);
  return first;
}

}  // namespace

TEST_CASE("recorded runs: the first iteration of seed 1 of every estimator is repeated to 3 digits, the second to 2 %",
          "[app][runs][plain]") {
  TestFolder folder;
  for (const char* run : {"log-likelihood-1", "first-order-1", "likelihood-ratio-1"}) {
    INFO(run);
    const std::string recorded = (kRecorded / run).string(), now = folder / run;
    REQUIRE(::system((kProgram + " train --config " + recorded + "/config.toml --iterations 2 --quiet --out " + now +
                      " > /dev/null 2>&1").c_str()) == 0);
    check_first_rows(recorded, now);
  }
}

TEST_CASE("recorded runs: policy gradient and TRPO on two states, and the tables of their chapters",
          "[app][runs][plain]") {
  TestFolder folder;
  for (const char* algorithm : {"policy_gradient", "trpo"}) {
    std::string table;
    for (const char* seed : {"1", "2", "3"}) {
      const std::string recorded = std::string("tests/golden/runs/") + algorithm + "-two-state/seed-" + seed;
      std::map<std::string, double> first = metrics_row(recorded + "/metrics.csv", 1),
                                    last = metrics_row(recorded + "/metrics.csv", 40);
      char line[64];
      std::snprintf(line, sizeof line, "| %s | %.2f | %.2f |\n", seed, first["return"], last["return"]);
      table += line;
      CHECK(last["return"] > first["return"] + 0.5);
    }
    INFO("rl/" << algorithm << ".md must hold\n" << table);
    CHECK(contents(std::string("rl/") + algorithm + ".md").find(table) != std::string::npos);

    const std::string recorded = std::string("tests/golden/runs/") + algorithm + "-two-state/seed-1",
                      now = folder / algorithm;
    REQUIRE(::system((kProgram + " train --config " + recorded + "/config.toml --quiet --out " + now +
                      " > /dev/null 2>&1").c_str()) == 0);
    for (int row : {1, 2, 3}) {
      std::map<std::string, double> expected = metrics_row(recorded + "/metrics.csv", row),
                                    got = metrics_row(now + "/metrics.csv", row);
      for (const char* column : {"return", "gradient_norm"}) {
        INFO(algorithm << ", iteration " << row << ", " << column);
        CHECK(std::abs(got[column] - expected[column]) <= 5e-3 * std::abs(expected[column]));
      }
    }
  }
}

TEST_CASE("recorded runs: on-policy learning on classical control repeats its first iterations to 3 digits",
          "[app][runs][plain]") {
  TestFolder folder;
  for (const char* run : {"a2c-cartpole", "ppo-cartpole", "ppo-pendulum", "trpo-cartpole"}) {
    const std::string recorded = std::string("tests/golden/runs/") + run + "/seed-1", now = folder / run;
    REQUIRE(::system((kProgram + " train --config " + recorded + "/config.toml --iterations 2 --quiet --out " + now +
                      " > /dev/null 2>&1").c_str()) == 0);
    // Where the learning rate falls to 0 at the last iteration, the second is another one in a shorter run.
    for (int row : {1, 2}) {
      if (row == 2 && std::string_view(run) != "trpo-cartpole") continue;
      std::map<std::string, double> expected = metrics_row(recorded + "/metrics.csv", row),
                                    got = metrics_row(now + "/metrics.csv", row);
      for (const char* column : {"return", "length", "gradient_norm"}) {
        INFO(run << ", iteration " << row << ", " << column << ": recorded " << expected[column] << ", now "
                 << got[column]);
        CHECK(std::abs(got[column] - expected[column]) <= 5e-3 * std::abs(expected[column]));
      }
    }
  }
}

TEST_CASE("recorded runs: PPO, IMPALA and TRPO balance the pole to 475, A2C to 400, PPO the pendulum to -200, on 5 "
          "seeds",
          "[app][runs][plain]") {
  const struct {
    const char *run, *word;
    double at_least, at_most;
  } goals[] = {{"a2c-cartpole", "a2c", 400, 500},
               {"ppo-cartpole", "ppo", 475, 500},
               {"impala-cartpole", "impala", 475, 500},
               {"ppo-pendulum", "ppo", -200, -125},  // better than −125 on average: a wrong environment
               {"trpo-cartpole", "trpo", 475, 500}};
  for (const auto& goal : goals)
    for (const char* seed : {"1", "2", "3", "4", "5"}) {
      const std::vector<double> returns = returns_of(
          contents(std::string("tests/golden/runs/") + goal.run + "/seed-" + seed + "/adapt.txt"), goal.word);
      INFO(goal.run << ", seed " << seed);
      REQUIRE(returns.size() == 1);
      CHECK(returns[0] >= goal.at_least);
      CHECK(returns[0] <= goal.at_most);
    }
}

TEST_CASE("preset official is the authors' convention, and a changed default does not redefine it",
          "[app][runs][plain]") {
  TestFolder folder;
  REQUIRE(::system((kProgram + " train maml --preset official --iterations 0 --quiet --out " + (folder / "run") +
                    " > /dev/null 2>&1").c_str()) == 0);
  const std::string config = "\n" + contents(folder / "run/config.toml");
  // ReLU 2×100, minus the Euclidean distance, α = 0.5 and half of it after the first step at test, flat mean,
  // standardised advantages, linear baseline, σ₀ = 1, 20 tasks of 20 trajectories, TRPO with δ = 0.01.
  for (const char* line :
       {"env = \"point-nav-v1\"", "hidden = [100, 100]", "activation = \"relu\"", "alpha = 0.5",
        "test_alpha_factor = 0.5", "inner_steps = 1", "weighting = \"flat-mean\"", "standardise = true",
        "baseline = \"linear\"", "baseline_fit = \"same-batch\"", "gamma = 0.99", "lambda = 1", "sigma = 1",
        "tasks = 20", "trajectories = 20", "estimator = \"log-likelihood\"", "outer = \"trpo\"", "delta = 0.01",
        "cg_iterations = 10", "cg_damping = 1e-05"}) {
    INFO(line);
    CHECK(config.find("\n" + std::string(line) + "\n") != std::string::npos);
  }
}

TEST_CASE("recorded runs: MAML with the authors' settings adapts as published, for three seeds", "[app][runs][plain]") {
  for (const char* seed : {"1", "2", "3"}) {
    const std::string folder = (kRecorded / (std::string("log-likelihood-") + seed)).string();
    const std::vector<double> returns = returns_of(contents(folder + "/adapt.txt"), "maml");
    INFO("seed " << seed);
    REQUIRE(returns.size() == 4);
    CHECK(returns[0] >= -60);
    CHECK(returns[0] <= -35);
    CHECK(returns[1] >= -15);
    CHECK(returns[3] >= -5);
  }
}

TEST_CASE("recorded runs: the kept parameters of a MAML run adapt to the 40 goals as recorded, to 2 %",
          "[app][runs][plain]") {
  // θ of one whole run (seed 1, log-likelihood, 60 iterations, the authors' settings) and what it gave. Adapting it
  // again is free of the chaos of training, so the later steps are compared too. Its third step, -5.03, is worse than
  // that of the run in log-likelihood-1, -4.24: the same settings and seed, another version of the kernels.
  const std::string folder = "tests/golden/runs/maml-point-nav-v1-theta";
  TestFolder now;
  REQUIRE(::system((kProgram + " adapt " + folder + " --steps 3 --trajectories 40 --quiet --out " + (now / "adapt") +
                    " > " + (now / "adapt.txt")).c_str()) == 0);
  const std::vector<double> expected = returns_of(contents(folder + "/adapt.txt"), "maml"),
                            got = returns_of(contents(now / "adapt.txt"), "maml");
  REQUIRE(expected.size() == 4);
  REQUIRE(got.size() == 4);
  for (std::size_t k = 0; k < 4; ++k) {
    INFO("step " << k << ": recorded " << expected[k] << ", now " << got[k]);
    CHECK(std::abs(got[k] - expected[k]) <= 0.02 * std::abs(expected[k]));
  }
  CHECK(got[0] >= -60);
  CHECK(got[0] <= -35);
  CHECK(got[1] >= -15);
}

TEST_CASE("recorded runs: the README's table is what `innerloop run` printed, and holds the main job's promises",
          "[app][runs][plain]") {
  const std::string printed = contents(kFirst / "adapt.txt"), table = printed.substr(0, printed.find("± is "));
  REQUIRE(table.size() < printed.size());
  CHECK(contents("README.md").find("\n" + table + "```\n") != std::string::npos);
  check_first_table(table);
}

TEST_CASE("run: the main job trains three learners, adapts them to unseen goals, draws, and does nothing twice",
          "[app][runs][plain]") {
  check_main_job("--iterations 2");
}

// Hidden: `make main-job` runs it, as does `make record`.
TEST_CASE("run: the whole main job, as long as its presets say, holds its promises", "[.whole][plain]") {
  check_first_table(check_main_job(""));
}

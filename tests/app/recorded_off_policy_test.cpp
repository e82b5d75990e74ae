// Recorded runs of Q-learning, DQN and SAC: what they reached, and that today's program still begins them alike.
// [plain] reads text, or trains at full size; the same code runs, smaller, in the other tests of this folder
#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
#include <vector>

#include <stdlib.h>

#include "envs/mdp.h"
#include "envs/reference.h"
#include "envs/table.h"
#include "rl/experience/stream.h"
#include "tests/app/recorded.h"

using namespace innerloop;
using namespace innerloop::recorded;

namespace {

// What the optimal policy of a run's grid earns: in the very episodes that the run was evaluated in, and exactly.
struct GridOptimum {
  double same_episodes = 0, standard_error = 0, exact = 0;
};
GridOptimum grid_optimum(int seed, int episodes) {
  const envs::Task task = envs::sample_task(envs::find_env("gridworld-v1"), static_cast<std::uint64_t>(seed),
                                            Purpose::task, 0, 0);
  const envs::Mdp mdp = envs::mdp_of("gridworld-v1", task);
  const std::vector<double> q = envs::value_iteration(mdp, 0.99).q;
  const auto best = [&](int s) {
    const auto row = q.begin() + static_cast<std::ptrdiff_t>(mdp.row(s, 0));
    return static_cast<int>(std::max_element(row, row + mdp.actions) - row);
  };
  const rl::ActFunction act = [&](const Tensor& observations) {
    Tensor actions({1, observations.shape().rows, 1});
    for (int n = 0; n < observations.shape().rows; ++n)
      for (int s = 0; s < mdp.states; ++s)
        if (observations.at(0, n, s) == 1) actions.set(0, n, 0, best(s));
    return actions;
  };
  const std::vector<double> returns =
      rl::evaluate("gridworld-v1", {task}, episodes, static_cast<std::uint64_t>(seed), act).to_vector();
  GridOptimum optimum;
  double squares = 0;
  for (const double x : returns) optimum.same_episodes += x / episodes;
  for (const double x : returns) squares += (x - optimum.same_episodes) * (x - optimum.same_episodes);
  optimum.standard_error = std::sqrt(squares) / episodes;
  std::vector<double> policy(q.size());
  for (int s = 0; s < mdp.states; ++s) policy[mdp.row(s, best(s))] = 1;
  optimum.exact = envs::policy_values(mdp, policy, 1)[static_cast<std::size_t>(mdp.start)];
  return optimum;
}

}  // namespace

TEST_CASE(
    "recorded runs: SAC on Pendulum after 20 000 steps, five seeds, 1 000 starts: no seed below −165 or above −125",
    "[app][runs][plain]") {
  for (int seed = 1; seed <= 5; ++seed) {
    const double mean = final_return("sac-pendulum-v1", seed, "sac");
    INFO("seed " << seed << ": " << mean);
    CHECK(mean >= -165);
    CHECK(mean <= -125);  // above the optimum by more than chance: a wrong environment
    CHECK(metrics_row(seed_folder("sac-pendulum-v1", seed) + "/metrics.csv", Row::last)["steps"] == 20000);
  }
}

TEST_CASE("recorded runs: SAC's median regret on Pendulum is at most 22, and no episode beats its own start's optimum",
          "[app][runs][plain]") {
  const std::string table = contents(set_folder("sac-pendulum-v1") + "/regret.txt"), words = "a start at most ";
  REQUIRE(table.find(words) != std::string::npos);
  const double error = std::stod(table.substr(table.find(words) + words.size()));
  CHECK(error > 0);
  CHECK(error < 2);
  for (int seed = 1; seed <= 5; ++seed) {
    const std::string word = "seed-" + std::to_string(seed);
    INFO(word);
    CHECK(number_of(table, word, 0) >= -165);
    CHECK(number_of(table, word, 0) <= -125);
    CHECK(number_of(table, word, 1) <= 22);
    CHECK(number_of(table, word, 3) >= -error);
  }
}

TEST_CASE("recorded runs: SAC with two actions is within 10 % of its goal's oracle, and never above it",
          "[app][runs][plain]") {
  const envs::EnvRow& env = envs::find_env("semicircle-dense-v1");
  std::string rows;
  for (int seed = 1; seed <= 5; ++seed) {
    // The run's goal is drawn with its seed.
    const envs::Task goal = envs::sample_task(env, static_cast<std::uint64_t>(seed), Purpose::task, 0, 0);
    const double oracle = envs::reference_returns(env, {goal}, 1, 2).back().mean;
    const double reached =
        metrics_row(seed_folder("sac-semicircle-dense-v1", seed) + "/metrics.csv", Row::last)["evaluation"];
    INFO("seed " << seed << ": " << reached << ", oracle " << oracle);
    CHECK(reached >= 1.1 * oracle);
    CHECK(reached <= oracle + 1e-9);
    rows += "| " + std::to_string(seed) + " | " + in_print(reached, 2) + " | " + in_print(oracle, 2) + " |\n";
  }
  INFO("rl/sac.md must hold\n" << rows);
  CHECK(contents("rl/sac.md").find(rows) != std::string::npos);
}

TEST_CASE("recorded runs: DQN and Q-learning end with the gridworld's optimum within 2 %, five seeds",
          "[app][runs][plain]") {
  const int episodes = 2000;  // --evaluation-episodes of both
  for (const std::string algorithm : {"dqn", "q_learning"}) {
    std::string rows;
    for (int seed = 1; seed <= 5; ++seed) {
      const std::string run = seed_folder(algorithm + "-gridworld-v1", seed);
      REQUIRE(contents(run + "/config.toml").find("\nevaluation_episodes = 2000\n") != std::string::npos);
      const double reached = metrics_row(run + "/metrics.csv", Row::last)["evaluation"];
      const GridOptimum optimum = grid_optimum(seed, episodes);
      INFO(algorithm << ", seed " << seed << ": " << reached << ", optimum in the same episodes "
                     << optimum.same_episodes << ", exact " << optimum.exact);
      CHECK(std::abs(reached - optimum.same_episodes) <= 0.02 * std::abs(optimum.same_episodes));
      CHECK(std::abs(optimum.same_episodes - optimum.exact) <= 4 * optimum.standard_error);
      rows += "| " + std::to_string(seed) + " | " + in_print(reached, 3) + " | " + in_print(optimum.same_episodes, 3) +
              " | " + in_print(optimum.exact, 3) + " |\n";
    }
    INFO("rl/" << algorithm << ".md must hold\n" << rows);
    CHECK(contents("rl/" + algorithm + ".md").find(rows) != std::string::npos);
  }
}

TEST_CASE("recorded runs: DQN on CartPole reaches 400, five seeds", "[app][runs][plain]") {
  for (int seed = 1; seed <= 5; ++seed) CHECK(final_return("dqn-cartpole-v1", seed, "dqn") >= 400);
}

TEST_CASE("recorded runs: the tables of the chapters are those of the runs", "[app][runs][plain]") {
  // SAC: the return on the starts of adapt, then return and regrets on the starts of the regret.
  const std::string regret = contents(set_folder("sac-pendulum-v1") + "/regret.txt");
  std::string sac;
  for (int seed = 1; seed <= 5; ++seed) {
    sac += "| " + std::to_string(seed) + " | " + in_print(final_return("sac-pendulum-v1", seed, "sac"), 1);
    for (int column : {0, 1, 2, 3})
      sac += " | " + in_print(number_of(regret, "seed-" + std::to_string(seed), column), 1);
    sac += " |\n";
  }
  INFO("rl/sac.md must hold\n" << sac);
  CHECK(contents("rl/sac.md").find(sac) != std::string::npos);

  // The others: five returns in one row.
  const struct { const char *set, *algorithm, *chapter; int digits; } tables[] = {
      {"dqn-cartpole-v1", "dqn", "rl/dqn.md", 2},
      {"a2c-cartpole", "a2c", "rl/actor_critic.md", 2},
      {"ppo-cartpole", "ppo", "rl/ppo.md", 2},
      {"ppo-pendulum", "ppo", "rl/ppo.md", 1}};
  for (const auto& table : tables) {
    std::string row = "|";
    for (int seed = 1; seed <= 5; ++seed)
      row += " " + in_print(final_return(table.set, seed, table.algorithm), table.digits) + " |";
    INFO(table.chapter << " must hold\n" << row);
    CHECK(contents(table.chapter).find(row) != std::string::npos);
  }
}

TEST_CASE("recorded runs: a set says its command, commit, date, processor and seconds", "[app][runs][plain]") {
  for (const char* set : {"sac-pendulum-v1", "sac-semicircle-dense-v1", "dqn-cartpole-v1", "dqn-gridworld-v1",
                          "q_learning-gridworld-v1", "a2c-cartpole", "ppo-cartpole", "ppo-pendulum", "trpo-cartpole"}) {
    const std::string facts = contents(set_folder(set) + "/recorded.txt");
    for (const char* word :
         {"command    innerloop train ", "commit     ", "date       20", "processor  ", "seconds    "}) {
      INFO(set << ": " << word);
      CHECK(("\n" + facts).find("\n" + std::string(word)) != std::string::npos);
    }
    for (int seed = 1; seed <= 5; ++seed) {
      INFO(set << ", seed " << seed);
      CHECK(contents(seed_folder(set, seed) + "/run.json").find("\"seed\": " + std::to_string(seed)) !=
            std::string::npos);
    }
  }
}

TEST_CASE("recorded runs: the first iteration of Q-learning, DQN and SAC is repeated to 3 digits",
          "[app][runs][plain]") {
  TestFolder folder;
  const char* build = ::getenv("INNERLOOP_BUILD");
  const std::string program = std::string(build ? build : "build") + "/innerloop";
  for (const char* name : {"sac-pendulum-v1", "sac-semicircle-dense-v1", "dqn-cartpole-v1", "dqn-gridworld-v1",
                           "q_learning-gridworld-v1"}) {
    const std::string recorded = seed_folder(name, 1), now = folder / name;
    REQUIRE(::system((program + " train --config " + recorded + "/config.toml --iterations 1 --quiet --out " + now +
                      " > /dev/null 2>&1").c_str()) == 0);
    std::map<std::string, double> expected = metrics_row(recorded + "/metrics.csv", Row::first),
                                  got = metrics_row(now + "/metrics.csv", Row::first);
    REQUIRE(expected.size() >= 5);
    for (const auto& [column, value] : expected) {
      INFO(name << ", " << column << ": recorded " << value << ", now " << got[column]);
      CHECK(std::abs(got[column] - value) <= 5e-3 * std::abs(value));
    }
  }
}

TEST_CASE("recorded runs: every preset of SAC learns Pendulum, three seeds", "[app][runs][plain]") {
  const std::string table = contents(set_folder("sac-presets") + "/sweep.txt");
  for (const char* preset : {"quick", "paper-v1", "softlearning", "sb3", "cleanrl"}) {
    INFO(preset);
    CHECK(table.find("sac:" + std::string(preset) + " ") != std::string::npos);
  }
  // Each has learned (by hand: −156, random: −1254), and none is above the optimum by more than chance.
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("sac:")) {
      INFO(line);
      std::istringstream words(line);
      std::string name, env;
      double seeds = 0, score = 0;
      REQUIRE(words >> name >> env >> seeds >> score);
      CHECK(seeds == 3);
      CHECK(score >= -165);
      CHECK(score <= -125);
    }
  const std::string head = table.substr(0, table.find("IQM is"));
  INFO("rl/sac.md must hold\n" << head);
  CHECK(contents("rl/sac.md").find("```\n" + head + "```\n") != std::string::npos);
}

// The real program, started as a reader starts it: exit codes, streams, and what scripts rely on.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/app/built_program.h"

using Catch::Matchers::ContainsSubstring;

TEST_CASE("the program: exit codes 0, 1 and 2, messages on the error stream only", "[app]") {
  TestFolder folder;
  CHECK(run_innerloop(folder, "").code == 0);
  CHECK(run_innerloop(folder, "--version").out == "innerloop 0.1.0\n");
  for (const char* wrong :
       {"trian", "train mmal", "list evns", "check tahn", "check --fulll tanh", "train --seed 1", "adapt"}) {
    INFO(wrong);
    const Outcome outcome = run_innerloop(folder, wrong);
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    CHECK_THAT(outcome.err, ContainsSubstring("innerloop: "));
    CHECK(std::ranges::count(outcome.err, '\n') == 1);
  }
  CHECK(run_innerloop(folder, "adapt " + (folder / "none")).code == 1);
}

TEST_CASE("the program: a word that does not exist is answered with the nearest one, a value with its range", "[app]") {
  TestFolder folder;
  const std::string out = " --quiet --out " + (folder / "run");
  const struct {
    std::string words, answer;
  } mistakes[] = {
      {"trian maml", "no verb is called 'trian'. Did you mean 'train'?"},
      {"train mmal" + out, "no algorithm is called 'mmal'. Did you mean 'maml'?"},
      {"explain mmal", "no algorithm is called 'mmal'. Did you mean 'maml'?"},
      {"bench trop", "no algorithm is called 'trop'. Did you mean 'trpo'?"},
      {"train maml --alfa 3" + out, "unknown flag --alfa. Did you mean '--alpha'?"},
      {"train maml --tsaks=3" + out, "unknown flag --tsaks=3. Did you mean '--tasks'?"},
      {"adapt run --stpes 2", "unknown flag --stpes. Did you mean '--steps'?"},
      {"run --sede 2", "unknown flag --sede. Did you mean '--seed'?"},
      {"train maml --env point-nva-v1" + out, "there is no environment 'point-nva-v1'. Did you mean 'point-nav-v1'?"},
      {"train maml --estimator dise" + out, "Did you mean 'dice'?"},
      {"train maml --preset offical" + out, "maml has no preset 'offical'. Did you mean 'official'?"},
      {"list evns", "Did you mean 'envs'?"},
      {"list options mmal", "no algorithm is called 'mmal'. Did you mean 'maml'?"},
      {"check tahn", "Did you mean 'tanh'?"},
      {"train maml --alpha -3" + out, "alpha = -3: must be a number, 0 to 1000"},
      {"train maml --tasks 0" + out, "tasks = 0: must be a whole number, 1 to 65535"},
      {"train maml --tasks 2.5" + out, "tasks = 2.5: must be a whole number, 1 to 65535"},
      {"train maml --alpha nan" + out, "alpha = nan: must be a number, 0 to 1000"},
      {"train maml --hidden [8,0]" + out, "hidden = [8, 0]: must be a list of whole numbers, 1 to "},
      {"train maml --seed 99999999999999999999" + out, "seed = 99999999999999999999: must be a whole number, 0 to "},
      {"train maml --alpha" + out, "--alpha needs a value, but --quiet follows"},
      {"train maml --out --quiet", "--out needs a value, but --quiet follows"},
      {"train maml" + out + " --alpha", "--alpha"}};
  for (const auto& [words, answer] : mistakes) {
    INFO(words);
    const Outcome outcome = run_innerloop(folder, words);
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    CHECK_THAT(outcome.err, ContainsSubstring(answer));
    CHECK(outcome.err.starts_with("innerloop: "));
    CHECK(std::ranges::count(outcome.err, '\n') == 1);
    CHECK_FALSE(std::filesystem::exists(folder / "run"));
  }
}

TEST_CASE("the program: a mistake in a config is named with file, line and column, and nothing is begun", "[app]") {
  TestFolder folder;
  const std::string file = folder / "a.toml", maml = "algorithm = \"maml\"\n";
  const struct {
    std::string config, place, answer;
  } mistakes[] = {
      {maml + "\n  alfa = 0.1\n", ":3:3: ", "unknown key 'alfa'. Did you mean 'alpha'?"},
      {maml + "quite_another = 1\n", ":2:1: ", "unknown key 'quite_another'. There are: "},
      {maml + "alpha = -3\n", ":2:1: ", "alpha = -3: must be a number, 0 to 1000"},
      {maml + "alpha = \"big\"\n", ":2:1: ", "alpha = \"big\": must be a number, 0 to 1000"},
      {maml + "estimator = \"dise\"\n", ":2:1: ", "Did you mean 'dice'?"},
      {maml + "[inner]\nalpha = 1\n", ":2:2: ", "config files have no [tables]"},
      {maml + "seed == 3\n", ":2:7: ", "Error while parsing"},
      {maml + "hidden = [8,\n", ":2:", "Error while parsing"},
      {maml + "seed = 1\nseed = 2\n", ":3:", "seed"}};
  for (const auto& [config, place, answer] : mistakes) {
    INFO(config);
    write_file(file, config);
    const Outcome outcome = run_innerloop(folder, "train --quiet --config " + file + " --out " + (folder / "run"));
    INFO(outcome.err);
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    CHECK(outcome.err.starts_with("innerloop: " + file + place));
    CHECK_THAT(outcome.err, ContainsSubstring(answer));
    CHECK(std::ranges::count(outcome.err, '\n') == 1);
    CHECK_FALSE(std::filesystem::exists(folder / "run"));
  }
  // The names in it are looked up as flags are.
  for (const auto& [config, answer] : {std::pair("algorithm = \"mmal\"\n", "Did you mean 'maml'?"),
                                      std::pair("algorithm = \"maml\"\nenv = \"point-nva-v1\"\n",
                                                "Did you mean 'point-nav-v1'?"),
                                      std::pair("algorithm = \"maml\"\npreset = \"offical\"\n",
                                                "Did you mean 'official'?")}) {
    write_file(file, config);
    const Outcome outcome = run_innerloop(folder, "train --quiet --config " + file + " --out " + (folder / "run"));
    CHECK(outcome.code == 2);
    CHECK_THAT(outcome.err, ContainsSubstring(answer));
    CHECK_FALSE(std::filesystem::exists(folder / "run"));
  }
}

TEST_CASE("the program: a folder that cannot be written is refused before the work, with the flag that chooses another",
          "[app]") {
  TestFolder folder;
  const std::string run = folder / "run";
  const std::string tiny = " --tasks 2 --trajectories 2 --hidden 4 --iterations 1 --quiet ";
  REQUIRE(run_innerloop(folder, "train maml" + tiny + "--out " + run).code == 0);
  write_file(folder / "file", "not a folder");
  for (const std::string& out : {std::string("/proc/innerloop"), folder / "file", folder / "file/below"})
    for (const std::string& words : {"adapt " + run, "adapt --json " + run, "plot " + run, "plot --film " + run,
                                    std::string("run"), std::string("sweep --methods maml"), "train maml" + tiny}) {
      INFO(words << " --out " << out);
      const Outcome outcome = run_innerloop(folder, words + " --out " + out);
      CHECK(outcome.code == 1);
      CHECK(outcome.out.empty());
      CHECK_THAT(outcome.err, ContainsSubstring("cannot make the ") && ContainsSubstring("folder " + out) &&
                                  ContainsSubstring(". Choose another one with --out\n"));
      CHECK(std::ranges::count(outcome.err, '\n') == 1);
    }
  CHECK(contents(folder / "file") == "not a folder");
}

TEST_CASE("the program: a full output is a failure, not a silence", "[app]") {
  TestFolder folder;
  const Outcome full = run_innerloop(folder, "list envs", "/dev/full");
  CHECK(full.code == 1);
  CHECK_THAT(full.err, ContainsSubstring("cannot write the results"));
}

TEST_CASE("the program: check passes, and its JSON parses", "[app]") {
  TestFolder folder;
  const Outcome outcome = run_innerloop(folder, "check matmul --json");
  CHECK(outcome.code == 0);
  CHECK(outcome.err.empty());
  const auto json = nlohmann::json::parse(outcome.out);
  CHECK(json["ok"] == true);
  CHECK(json["reports"].size() >= 10);
  for (const char* list :
       {"list envs --json", "list ops --json", "list algorithms --json", "list envs --reference --json"}) {
    INFO(list);
    CHECK(nlohmann::json::accept(run_innerloop(folder, list).out));
  }
}

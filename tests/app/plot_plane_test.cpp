// Pictures of a plane, through the built program: what their data files hold.
//
// [plain] starts the built program
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "envs/table.h"
#include "tests/app/built_program.h"
#include "tests/catch.h"

using namespace innerloop;
using Catch::Matchers::ContainsSubstring;

namespace {

// The points of a data file, in blocks that empty lines part; the words of the comments above them.
struct Block {
  std::string title;
  std::vector<std::pair<double, double>> points;
};
std::vector<Block> blocks_of(const std::string& path) {
  std::vector<Block> blocks;
  std::istringstream text(contents(path));
  std::string line;
  std::getline(text, line);  // "# x y"
  while (std::getline(text, line)) {
    if (line.starts_with("# ")) blocks.push_back({line.substr(2), {}});
    else if (double x, y; std::sscanf(line.c_str(), "%lf %lf", &x, &y) == 2 && std::isfinite(x))
      blocks.back().points.push_back({x, y});
  }
  return blocks;
}

const std::string tiny = " --hidden 4 --tasks 2 --trajectories 2 --iterations 1 --quiet --out ";

}  // namespace

TEST_CASE("plot --exploration: twenty episodes of each run before it adapts, from the start on", "[plain]") {
  TestFolder folder;
  const std::string maesn = folder / "maesn", maml = folder / "maml";
  REQUIRE(exit_status(folder, "train maesn --preset wheeled --task-list 5" + tiny + maesn) == 0);
  REQUIRE(exit_status(folder, "train maml --preset wheeled" + tiny + maml) == 0);
  const Outcome outcome =
      run_innerloop(folder, "plot " + maesn + " " + maml + " --exploration --task 2 --steps 1 --out " + (folder / "p"));
  INFO(outcome.err);
  const std::vector<Block> blocks = blocks_of(folder / "p/exploration.dat");
  REQUIRE(blocks.size() == 2 * (2 * 20 + 1));  // before and after a step, and the goal
  int before = 0, goals = 0;
  for (const Block& block : blocks) {
    if (block.title.ends_with("goal")) {
      ++goals;
      const envs::Task goal = envs::reference_tasks(envs::find_env("wheeled-dense-v1"))[2];
      CHECK(block.points.at(0).first == Approx(goal[0]).epsilon(1e-4));
      continue;
    }
    before += block.title.ends_with("before");
    REQUIRE(block.points.size() == 101);
    CHECK(block.points[0] == std::pair(0.0, 0.0));
    // A step of the robot is 0.1 long at most.
    for (std::size_t t = 1; t < block.points.size(); ++t)
      CHECK(std::hypot(block.points[t].first - block.points[t - 1].first,
                       block.points[t].second - block.points[t - 1].second) < 0.1001);
  }
  CHECK(before == 40);
  CHECK(goals == 2);

  const Outcome beyond = run_innerloop(folder, "plot " + maesn + " --exploration --task 40 --out " + (folder / "p"));
  CHECK(beyond.code == 2);
  CHECK_THAT(beyond.err, ContainsSubstring("there are the tasks 0 to 39"));
}

TEST_CASE("adapt: beside a learner that is tested on a sparse reward stands what others earn there", "[plain]") {
  TestFolder folder;
  const std::string maesn = folder / "maesn";
  REQUIRE(exit_status(folder, "train maesn --preset wheeled --task-list 5" + tiny + maesn) == 0);
  const Outcome outcome =
      run_innerloop(folder, "adapt " + maesn + " --steps 1 --trajectories 2 --quiet --out " + (folder / "a"));
  INFO(outcome.err);
  CHECK_THAT(outcome.out, ContainsSubstring("-205.14"));  // random actions; on the dense reward −206.73
}

TEST_CASE("plot --latents: a point for each training task, among those of its goal's direction", "[plain]") {
  TestFolder folder;
  const std::string maesn = folder / "maesn", maml = folder / "maml";
  REQUIRE(exit_status(folder, "train maesn --preset wheeled --task-list 30 --seed 3" + tiny + maesn) == 0);
  REQUIRE(exit_status(folder, "train maml --preset wheeled" + tiny + maml) == 0);
  run_innerloop(folder, "plot " + maesn + " --latents --out " + (folder / "p"));
  const std::vector<Block> blocks = blocks_of(folder / "p/latents.dat");
  REQUIRE(blocks.size() == 6);
  std::vector<std::size_t> expected(6);
  for (std::uint32_t i = 0; i < 30; ++i) {
    const envs::Task goal = envs::sample_task(envs::find_env("wheeled-dense-v1"), 3, Purpose::task, 0, i);
    ++expected.at(static_cast<std::size_t>(std::atan2(goal[1], goal[0]) / std::acos(-1.0) * 6));
  }
  for (std::size_t s = 0; s < 6; ++s) CHECK(blocks[s].points.size() == expected[s]);

  const Outcome none = run_innerloop(folder, "plot " + maml + " --latents --out " + (folder / "p"));
  CHECK(none.code == 2);
  CHECK_THAT(none.err, ContainsSubstring("has no latents in a plane"));
}

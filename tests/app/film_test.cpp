// Film-strips: every environment has its drawing, and what is drawn is where it should be.
#include "app/film.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <sstream>

#include "app/program.h"
#include "envs/table.h"
#include "envs/vector_env.h"
#include "tests/app/folder.h"
#include "tests/app/toy.h"
#include "tests/catch.h"
#include "tests/lint/pattern.h"

using namespace innerloop;
using namespace innerloop::app;
using Catch::Matchers::ContainsSubstring;

namespace {

// The observations of an episode of 5 steps, doing nothing in particular.
Tensor short_episode(const envs::EnvRow& env, const envs::Task& task) {
  envs::VectorEnv lanes(env, {task}, 1, 1);
  lanes.reset({.purpose = Purpose::test_reset});
  std::vector<double> numbers(lanes.observations().begin(), lanes.observations().end());
  const std::vector<double> action(static_cast<std::size_t>(env.spec.action_size), 0);
  int rows = 1;
  for (; rows <= 5 && !lanes.all_finished(); ++rows) {
    lanes.step(action);
    numbers.insert(numbers.end(), lanes.observations().begin(), lanes.observations().end());
  }
  return Tensor::from({1, rows, env.spec.obs_size}, numbers);
}

// Whether two episodes look different because of what is done in them. A bandit's do not.
bool what_is_done_shows(const envs::EnvRow& env) {
  envs::VectorEnv lanes(env, {envs::reference_tasks(env)[0]}, 2, 1);
  lanes.reset({.purpose = Purpose::test_reset});
  const std::size_t numbers = static_cast<std::size_t>(env.spec.action_size);
  for (int t = 0; t < 10 && !lanes.all_finished(); ++t) {
    // The first action again and again, and each in turn from the last on; or full speed one way and the other.
    const bool discrete = env.spec.action_kind == envs::ActionKind::discrete;
    const int turn = discrete ? (t + env.spec.action_count - 1) % env.spec.action_count : 0;
    std::vector<double> actions(numbers, discrete ? 0 : env.spec.action_low);
    actions.insert(actions.end(), numbers, discrete ? turn : env.spec.action_high);
    lanes.step(actions);
    const std::size_t half = static_cast<std::size_t>(env.spec.obs_size);
    if (!std::ranges::equal(lanes.observations().first(half), lanes.observations().last(half))) return true;
  }
  return false;
}

Tensor one_observation(std::vector<double> numbers) {
  const int size = static_cast<int>(numbers.size());
  return Tensor::from({1, 1, size}, numbers);
}

// The last point of the last shape of this kind and colour.
std::array<double, 2> last_point(const Scene& scene, SceneShape::Kind kind, const std::string& colour) {
  for (auto shape = scene.shapes.rbegin(); shape != scene.shapes.rend(); ++shape)
    if (shape->kind == kind && shape->colour == colour) return shape->points.back();
  return {std::nan(""), std::nan("")};
}

const std::string moving = "#D55E00";

}  // namespace

TEST_CASE("film: every environment is drawn, within its frame", "[app][film]") {
  for (const envs::EnvRow& env : envs::all_envs()) {
    INFO(env.spec.name);
    const envs::Task task = envs::reference_tasks(env)[0];
    const Tensor path = short_episode(env, task);
    for (int t = 0; t < path.shape().rows; ++t) {
      const Scene scene = drawing_of(env.spec.name).scene(path, t, task);
      CHECK_FALSE(scene.shapes.empty());
      CHECK(scene.left < scene.right);
      CHECK(scene.bottom < scene.top);
      bool inside = true;
      for (const SceneShape& shape : scene.shapes)
        for (const auto& [x, y] : shape.points)
          inside = inside && x >= scene.left && x <= scene.right && y >= scene.bottom && y <= scene.top;
      CHECK(inside);
    }
  }
  for (const envs::EnvRow& env : envs::all_envs()) {
    INFO(env.spec.name);
    CHECK(has_own_drawing(env.spec.name));
  }
  CHECK_FALSE(has_own_drawing("something-new-v1"));
}

TEST_CASE("film: every environment has a picture in the chapter, is drawn as one that differs in the reward alone, "
          "or is a bandit",
          "[app][film]") {
  // Rows "| `env` | `other` | because |" of the chapter.
  const std::string chapter = contents("app/films.md");
  std::map<std::string, std::string> drawn_as;
  static const lint::Pattern row(R"(\n\| `([a-z0-9-]+)` \| `([a-z0-9-]+)` \| [^|\n]+ \|)");
  for (const lint::Match& match : row.all(chapter)) drawn_as[match[1]] = match[2];
  CHECK(drawn_as.size() >= 3);

  const auto has_picture = [](const std::string& env) { return std::filesystem::exists("app/film_" + env + ".png"); };
  for (const envs::EnvRow& env : envs::all_envs()) {
    const std::string name(env.spec.name), picture = "![" + name + "](film_" + name + ".png)";
    INFO(name);
    CHECK(has_picture(name) == (chapter.find(picture) != std::string::npos));
    CHECK(has_picture(name) == (drawn_as.count(name) == 0 && what_is_done_shows(env)));
    if (drawn_as.count(name) == 0) continue;

    // From the same start the same steps lead to the same places.
    REQUIRE(has_picture(drawn_as[name]));
    const envs::EnvRow& other = envs::find_env(drawn_as[name]);
    const envs::Task task = envs::reference_tasks(env)[0];
    envs::VectorEnv mine(env, {task}, 2, 1), theirs(other, {task}, 2, 1);
    for (envs::VectorEnv* lanes : {&mine, &theirs}) lanes->reset({.purpose = Purpose::test_reset});
    for (int t = 0; t < 10; ++t) {
      REQUIRE(std::ranges::equal(mine.observations(), theirs.observations()));
      for (envs::VectorEnv* lanes : {&mine, &theirs}) {
        std::vector<double> actions = {std::sin(t), 0.4, -0.3, std::cos(3 * t)};
        if (env.spec.action_kind == envs::ActionKind::discrete)
          actions = {double(t % env.spec.action_count), double((t + 1) % env.spec.action_count)};
        lanes->step(actions);
      }
    }
  }
}

TEST_CASE("film: poles, rods, links, cars and cells stand where the numbers say", "[app][film]") {
  // A pole that leans to the right by 30° from a cart at 1.
  auto tip = last_point(drawing_of("cartpole-v1").scene(one_observation({1, 0, std::acos(-1.0) / 6, 0}), 0, {9.8}),
                        SceneShape::Kind::line, moving);
  CHECK(tip[0] == Approx(1.5));
  CHECK(tip[1] == Approx(0.15 + std::sqrt(0.75)));
  // A pendulum that points to the left: cos θ = 0, sin θ = −1.
  tip =
      last_point(drawing_of("pendulum-v1").scene(one_observation({0, -1, 0}), 0, {10}), SceneShape::Kind::line, moving);
  CHECK(tip[0] == -1);
  CHECK(tip[1] == 0);
  // An acrobot with the first link level to the right (θ₁ = 90°) and the second bent up by another 90°.
  tip = last_point(drawing_of("acrobot-v1").scene(one_observation({0, 1, 0, 1, 0, 0}), 0, {9.8}),
                   SceneShape::Kind::line, moving);
  CHECK(tip[0] == Approx(1));
  CHECK(tip[1] == Approx(1));
  // A car at the bottom of the valley, −π/6: sin 3x = −1.
  tip = last_point(drawing_of("mountain-car-continuous-v0").scene(one_observation({-std::acos(-1.0) / 6, 0}), 0, {1}),
                   SceneShape::Kind::dot, moving);
  CHECK(tip[1] == Approx(0.1 + 0.05));
  // Cell 5 of 3 × 3 is the middle row's right one.
  std::vector<double> cell(9, 0);
  cell[5] = 1;
  tip = last_point(drawing_of("four-state-v1").scene(one_observation(cell), 0, {1}), SceneShape::Kind::dot, moving);
  CHECK(tip[0] == 2.5);
  CHECK(tip[1] == 1.5);
}

TEST_CASE("film: a strip per adaptation step, frames from the first to the last moment", "[app][film]") {
  TestFolder folder;
  std::ostringstream out, err;
  const auto run = [&](std::vector<std::string> words) { return run_program({toy::rows, out, err}, words); };
  REQUIRE(run({"train", "toy", "--out", folder / "r", "--iterations", "2", "--quiet"}) == success);
  run({"plot", folder / "r", "--film", "--steps", "1", "--frames", "2"});  // 1 where gnuplot is missing
  const std::string data = contents(folder / "r/plots/film.dat"), script = contents(folder / "r/plots/film.gp");
  CHECK_THAT(data, ContainsSubstring("# before, t = 0"));
  CHECK_THAT(data, ContainsSubstring("# after 1, t = 0"));
  CHECK_THAT(data, ContainsSubstring("# t = 1"));
  CHECK_THAT(script, ContainsSubstring("layout 2,2"));
  CHECK(run({"plot", folder / "r", "--film", "--task", "40"}) == usage);
  CHECK_THAT(err.str(), ContainsSubstring("task 40 of point-nav-v1: there are the tasks 0 to 39"));
  CHECK(run({"plot", folder / "r", "--film", "--frames", "1"}) == usage);
}

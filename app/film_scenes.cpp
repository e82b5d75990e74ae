// How each environment looks: one small function each, from the observation to a few shapes.
#include <algorithm>
#include <cmath>

#include "app/film.h"
#include "envs/classic_control.h"
#include "envs/distractions.h"
#include "envs/grid_navi.h"
#include "envs/gridworld.h"
#include "envs/harlow.h"
#include "envs/maesn.h"
#include "envs/pendulum.h"
#include "envs/promp_obstacles.h"
#include "envs/varied_dynamics.h"

namespace innerloop::app {
namespace {

using Kind = SceneShape::Kind;
using Point = std::array<double, 2>;
constexpr const char *body = "#0072B2", *moving = "#D55E00", *ground = "#999999", *target = "#009E73",
                     *danger = "#CC79A7";

double number(const Tensor& observations, int t, int k) { return observations.at(0, t, k); }

SceneShape line(std::vector<Point> points, const char* colour, double width) {
  return {Kind::line, std::move(points), colour, width};
}
SceneShape dot(double x, double y, const char* colour, double size) { return {Kind::dot, {{x, y}}, colour, size}; }
SceneShape star(double x, double y) { return {Kind::star, {{x, y}}, target, 1.5}; }
SceneShape box(double left, double bottom, double right, double top, const char* colour) {
  return {Kind::area, {{left, bottom}, {right, bottom}, {right, top}, {left, top}}, colour, 1};
}

// A point in the plane with the way it came; the goal, where the task is one; all of the episode in view.
Scene plane(const Tensor& observations, int t, const envs::Task& task) {
  double reach = 0.6;
  for (int i = 0; i < observations.shape().rows; ++i)
    for (int k : {0, 1}) reach = std::max(reach, std::abs(number(observations, i, k)));
  for (const double goal : task) reach = std::max(reach, std::abs(goal));
  reach *= 1.1;
  Scene scene{-reach, reach, -reach, reach, {}};
  std::vector<Point> way;
  for (int i = 0; i <= t; ++i) way.push_back({number(observations, i, 0), number(observations, i, 1)});
  const Point here = way.back();
  scene.shapes = {line(std::move(way), body, 1.5)};
  if (task.size() == 2) scene.shapes.push_back(star(task[0], task[1]));
  scene.shapes.push_back(dot(here[0], here[1], moving, 1.2));
  return scene;
}

// The same with the goal where it always is: what the task says is how the wind blows.
Scene windy(const Tensor& observations, int t, const envs::Task&) {
  return plane(observations, t, {envs::Wind<double>::goal_x, envs::Wind<double>::goal_y});
}

// A point on a line, and its goal.
Scene on_line(const Tensor& observations, int t, const envs::Task& task) {
  double reach = 1;
  for (int i = 0; i < observations.shape().rows; ++i) reach = std::max(reach, std::abs(number(observations, i, 0)));
  if (!task.empty()) reach = std::max(reach, std::abs(task[0]));
  reach *= 1.1;
  Scene scene{-reach, reach, -reach / 3, reach / 3, {line({{-reach, 0}, {reach, 0}}, ground, 1)}};
  if (!task.empty()) scene.shapes.push_back(star(task[0], 0));
  scene.shapes.push_back(dot(number(observations, t, 0), 0, moving, 1.5));
  return scene;
}

// A number that is to become 0.
Scene to_zero(const Tensor& observations, int t, const envs::Task&) { return on_line(observations, t, {0.0}); }

// The number of the 1 in a one-hot observation.
int hot(const Tensor& observations, int t, int count) {
  for (int k = 0; k < count; ++k)
    if (number(observations, t, k) > 0.5) return k;
  return 0;
}

// side × side cells, row 0 on top, with the one that the agent stands on.
Scene grid(int cell, int side, const std::vector<std::pair<int, const char*>>& coloured) {
  const double n = side;
  Scene scene{-0.1, n + 0.1, -0.1, n + 0.1, {}};
  const auto left = [&](int k) { return static_cast<double>(k % side); };
  const auto bottom = [&](int k) { return n - 1 - static_cast<double>(k / side); };
  for (const auto& [k, colour] : coloured)
    scene.shapes.push_back(box(left(k), bottom(k), left(k) + 1, bottom(k) + 1, colour));
  for (int i = 0; i <= side; ++i) {
    scene.shapes.push_back(line({{double(i), 0}, {double(i), n}}, ground, 0.7));
    scene.shapes.push_back(line({{0, double(i)}, {n, double(i)}}, ground, 0.7));
  }
  scene.shapes.push_back(dot(left(cell) + 0.5, bottom(cell) + 0.5, moving, 1.5));
  return scene;
}

Scene four_state(const Tensor& observations, int t, const envs::Task& task) {
  constexpr int goals[] = {3, 5, 1, 7};  // left, right, above, below
  std::vector<std::pair<int, const char*>> cells;
  for (int g = 0; g < 4; ++g) cells.emplace_back(goals[g], g == static_cast<int>(task.at(0)) ? target : danger);
  return grid(hot(observations, t, 9), 3, cells);
}

template <class Family>
Scene family_of_grids(const Tensor& observations, int t, const envs::Task& task) {
  const envs::GridLayout layout = Family::layout_of(static_cast<std::uint64_t>(task.at(0)));
  std::vector<std::pair<int, const char*>> cells{{layout.goal, target}};
  for (int cell = 0; cell < Family::side * Family::side; ++cell) {
    if (envs::has(layout.walls, cell)) cells.emplace_back(cell, "#444444");
    if (envs::has(layout.pits, cell)) cells.emplace_back(cell, danger);
  }
  return grid(hot(observations, t, Family::side * Family::side), Family::side, cells);
}

// The grid of VariBAD, whose row 0 is at the bottom.
Scene grid_navi(const Tensor& observations, int t, const envs::Task& task) {
  using Env = envs::GridNavi<double>;
  const auto cell = [](int x, int y) { return (Env::side - 1 - y) * Env::side + x; };
  const Env::State goal = Env::goal_of({task.at(0)});
  const int x = static_cast<int>(number(observations, t, 0)), y = static_cast<int>(number(observations, t, 1));
  return grid(cell(x, y), Env::side, {{cell(goal.x, goal.y), target}});
}

// The hidden odds of the arms, which is all there is to see.
Scene arms(const Tensor&, int, const envs::Task& task) {
  const double count = static_cast<double>(task.size());
  Scene scene{-0.5, count + 0.5, -0.1, 1.1, {line({{-0.5, 0}, {count + 0.5, 0}}, ground, 1)}};
  for (std::size_t k = 0; k < task.size(); ++k) {
    const double left = static_cast<double>(k);
    scene.shapes.push_back(box(left + 0.1, 0, left + 0.9, task[k], body));
  }
  return scene;
}

// What the eleven arms pay, in fifths of the largest.
Scene eleven_arms(const Tensor& observations, int t, const envs::Task& task) {
  envs::Task payment(11, 0.2);
  payment[static_cast<std::size_t>(task.at(0))] = 1;
  payment[10] = (task[0] + 1) / 50;
  return arms(observations, t, payment);
}

// The odds at the start of an episode.
Scene restless_arms(const Tensor& observations, int t, const envs::Task& task) {
  return arms(observations, t, {task.at(0), 1 - task.at(0)});
}

// S₁ below, S₂ and S₃ above it, the good one at the start as a star, and where one is.
Scene two_step(const Tensor& observations, int t, const envs::Task& task) {
  constexpr Point places[] = {{0.5, 0}, {0, 1}, {1, 1}};
  Scene scene{-0.4, 1.4, -0.4, 1.6, {}};
  for (int stage : {1, 2}) scene.shapes.push_back(line({places[0], places[stage]}, ground, 1));
  for (const Point& place : places) scene.shapes.push_back(dot(place[0], place[1], ground, 4));
  const Point& here = places[hot(observations, t, 3)];
  scene.shapes.push_back(dot(here[0], here[1], moving, 3));
  scene.shapes.push_back(star(task.at(0) < 0.5 ? 0 : 1, 1.35));
  return scene;
}

// The states in a circle, the first on top, and where one is.
Scene circle_of_states(const Tensor& observations, int t, const envs::Task&) {
  const int count = observations.shape().cols;
  const auto place = [&](int k) {
    const double angle = 2 * std::acos(-1.0) * k / count;
    return Point{std::sin(angle), std::cos(angle)};
  };
  Scene scene{-1.3, 1.3, -1.3, 1.3, {}};
  const Point here = place(hot(observations, t, count));
  if (t > 0) scene.shapes.push_back(line({place(hot(observations, t - 1, count)), here}, body, 1.5));
  for (int k = 0; k < count; ++k) scene.shapes.push_back(dot(place(k)[0], place(k)[1], ground, 2));
  scene.shapes.push_back(dot(here[0], here[1], moving, 2));
  return scene;
}

// Two objects, a square for every feature that is 1; a star below the one that pays.
Scene two_objects(const Tensor& observations, int t, const envs::Task& task) {
  constexpr int features = envs::Harlow<double>::features;
  Scene scene{-0.5, 5.5, -1.5, features / 2 + 0.5, {}};
  bool good_is_left = true;
  for (int i = 0; i < features; ++i)
    good_is_left = good_is_left && number(observations, t, i) == task.at(static_cast<std::size_t>(i));
  for (int side : {0, 1})
    for (int i = 0; i < features; ++i) {
      const double left = 3 * side + i % 2, bottom = i / 2;
      const bool on = number(observations, t, side * features + i) > 0;
      scene.shapes.push_back(box(left, bottom, left + 1, bottom + 1, on ? body : "#DDDDDD"));
    }
  scene.shapes.push_back(star(good_is_left ? 1 : 4, -0.7));
  return scene;
}

// Two places, and the one that the process is in.
Scene two_state(const Tensor& observations, int t, const envs::Task&) {
  const double here = hot(observations, t, 2);
  return {-0.6, 1.6, -0.5, 0.5,
          {line({{0, 0}, {1, 0}}, ground, 1), dot(0, 0, ground, 4), dot(1, 0, ground, 4), dot(here, 0, moving, 3)}};
}

// The cart on its track and the pole, one unit long.
Scene cart_pole(const Tensor& observations, int t, const envs::Task&) {
  using Env = envs::CartPole<double>;
  const double x = number(observations, t, 0), theta = number(observations, t, 2), edge = Env::max_x;
  return {-edge - 0.4, edge + 0.4, -0.7, 1.5,
          {line({{-edge, 0}, {edge, 0}}, ground, 1), box(x - 0.3, -0.15, x + 0.3, 0.15, body),
           line({{x, 0.15}, {x + std::sin(theta), 0.15 + std::cos(theta)}}, moving, 4)}};
}

// The rod; upright is up.
Scene pendulum(const Tensor& observations, int t, const envs::Task&) {
  const double cos = number(observations, t, 0), sin = number(observations, t, 1);
  return {-1.3, 1.3, -1.3, 1.3,
          {line({{0, 0}, {sin, cos}}, moving, 5), dot(0, 0, body, 1.5)}};
}

// The valley of height sin 3x, the flag, the car.
Scene mountain_car(const Tensor& observations, int t, const envs::Task&) {
  const auto height = [](double x) { return 0.45 * std::sin(3 * x) + 0.55; };
  std::vector<Point> valley;
  for (double x = -1.2; x < 0.605; x += 0.05) valley.push_back({x, height(x)});
  const double x = number(observations, t, 0), flag = 0.45;
  return {-1.25, 0.65, 0, 1.35,
          {line(std::move(valley), ground, 2), line({{flag, height(flag)}, {flag, height(flag) + 0.25}}, target, 3),
           dot(x, height(x) + 0.05, moving, 1.8)}};
}

// Two links from a nail, and the bar that the tip must pass.
Scene acrobot(const Tensor& observations, int t, const envs::Task&) {
  const double cos1 = number(observations, t, 0), sin1 = number(observations, t, 1);
  const double cos2 = number(observations, t, 2), sin2 = number(observations, t, 3);
  const Point elbow{sin1, -cos1};
  // Angles add: cos(θ₁ + θ₂), sin(θ₁ + θ₂).
  const Point tip{elbow[0] + sin1 * cos2 + cos1 * sin2, elbow[1] - (cos1 * cos2 - sin1 * sin2)};
  return {-2.2, 2.2, -2.2, 2.2,
          {line({{-2.2, 1}, {2.2, 1}}, target, 1.5), line({{0, 0}, elbow}, body, 4), line({elbow, tip}, moving, 4),
           dot(0, 0, "black", 1)}};
}

// A bar per number of the observation, to the scale of the episode.
Scene bars(const Tensor& observations, int t, const envs::Task&) {
  const int count = observations.shape().cols;
  double reach = 1e-9;
  for (int i = 0; i < observations.shape().rows; ++i)
    for (int k = 0; k < count; ++k) reach = std::max(reach, std::abs(number(observations, i, k)));
  Scene scene{-0.5, count + 0.5, -0.6 * count, 0.6 * count, {line({{-0.5, 0}, {count + 0.5, 0}}, ground, 1)}};
  for (int k = 0; k < count; ++k)
    scene.shapes.push_back(box(k + 0.1, 0, k + 0.9, number(observations, t, k) / reach * 0.5 * count, body));
  return scene;
}

// The point between two rings, drawn where they hold; the corner that is the goal.
Scene ring_walls(const Tensor& observations, int t, const envs::Task& task) {
  Scene scene = plane(observations, t, {task.at(0), task.at(1)});
  for (const int ring : {1, 2}) {
    const auto first = static_cast<std::size_t>(2 * ring);
    const double gap_x = task.at(first), gap_y = task.at(first + 1);
    std::vector<Point> wall;
    const double gap = std::atan2(gap_y, gap_x);
    const double half = 2 * std::asin(envs::PrompWalls<double>::gap_radius / (2 * ring));
    for (double angle = half; angle <= 2 * std::acos(-1.0) - half; angle += 0.05)
      wall.push_back({ring * std::cos(gap + angle), ring * std::sin(gap + angle)});
    scene.shapes.push_back(line(std::move(wall), ground, 3));
  }
  scene.shapes.push_back(star(task[0], task[1]));
  return scene;
}

// A point that looks somewhere.
Scene unicycle(const Tensor& observations, int t, const envs::Task& task) {
  Scene scene = plane(observations, t, task);
  const double x = number(observations, t, 0), y = number(observations, t, 1);
  const double ahead_x = x + 0.2 * number(observations, t, 2), ahead_y = y + 0.2 * number(observations, t, 3);
  scene.shapes.push_back(line({{x, y}, {ahead_x, ahead_y}}, moving, 3));
  return scene;
}

// A robot with the way it came, the way it faces, and the region around the goal that a sparse reward shows.
Scene wheeled(const Tensor& observations, int t, const envs::Task& task) {
  Scene scene = plane(observations, t, task);
  const double x = number(observations, t, 0), y = number(observations, t, 1);
  const double ahead_x = x + 0.4 * number(observations, t, 2), ahead_y = y + 0.4 * number(observations, t, 3);
  scene.shapes.push_back(line({{x, y}, {ahead_x, ahead_y}}, moving, 3));
  std::vector<Point> region;
  for (int i = 0; i <= 40; ++i) {
    const double angle = i * std::acos(-1.0) / 20, r = envs::WheeledDense<double>::region;
    region.push_back({task.at(0) + r * std::cos(angle), task.at(1) + r * std::sin(angle)});
  }
  scene.shapes.push_back(line(std::move(region), target, 1));
  const double reach = scene.right + envs::WheeledDense<double>::region;
  return {-reach, reach, -reach, reach, std::move(scene.shapes)};
}

// Blocks, the one to be pushed in another colour, its goal, and the gripper.
Scene pusher(const Tensor& observations, int t, const envs::Task& task) {
  using Env = envs::PusherDense<double>;
  double reach = 1;
  for (int i = 0; i < observations.shape().rows; ++i)
    for (int k = 0; k < observations.shape().cols; ++k) reach = std::max(reach, std::abs(number(observations, i, k)));
  reach *= 1.1;
  Scene scene{-reach, reach, -reach, reach, {}};
  for (int i = 0; i < Env::blocks; ++i)
    scene.shapes.push_back(dot(number(observations, t, 2 + 2 * i), number(observations, t, 3 + 2 * i),
                               i == static_cast<int>(task.at(0)) ? danger : ground, 2));
  scene.shapes.push_back(star(task.at(1), task.at(2)));
  scene.shapes.push_back(dot(number(observations, t, 0), number(observations, t, 1), moving, 1.5));
  return scene;
}

// Delays of 1, 3, 10, 30 and 100 steps, the one picked in another colour, and how much of the episode is over.
Scene delays(const Tensor& observations, int t, const envs::Task&) {
  constexpr double steps[] = {1, 3, 10, 30, 100};
  Scene scene{-0.5, 5.5, -0.2, 1.1, {line({{-0.5, 0}, {5.5, 0}}, ground, 1)}};
  for (int k = 0; k < 5; ++k)
    scene.shapes.push_back(box(k + 0.1, 0, k + 0.9, steps[k] / 100, number(observations, t, k) > 0.5 ? moving : body));
  scene.shapes.push_back(line({{-0.5, -0.1}, {-0.5 + 6 * number(observations, t, 5), -0.1}}, target, 3));
  return scene;
}

// The near exit above, the far one at the lower right.
Scene lure_grid(const Tensor& observations, int t, const envs::Task&) {
  using Env = envs::LureGrid<double>;
  return grid(hot(observations, t, Env::side * Env::side), Env::side,
              {{Env::lure_cell, danger}, {Env::goal_cell, target}});
}

// The ball that falls, and the paddle below.
Scene catch_ball(const Tensor& observations, int t, const envs::Task&) {
  const auto column = [&](int first) {
    for (int k = 0; k < 5; ++k)
      if (number(observations, t, first + k) > 0.5) return k;
    return 0;
  };
  const double paddle = column(5), ball = column(0), height = 5 * (1 - number(observations, t, 10));
  return {-0.6, 4.6, -0.6, 5.4,
          {line({{-0.5, -0.3}, {4.5, -0.3}}, ground, 1), line({{paddle - 0.4, -0.1}, {paddle + 0.4, -0.1}}, body, 5),
           dot(ball, height, moving, 2)}};
}

constexpr Drawing drawings[] = {
    {"point-nav", plane},
    {"promp-corner", plane},
    {"promp-momentum", plane},
    {"promp-walls", ring_walls},
    {"wheeled", wheeled},
    {"pusher", pusher},
    {"point-robot", plane},
    {"semicircle", plane},
    {"mass-", plane},
    {"unicycle-", unicycle},
    {"wind-v1", windy},
    {"promp-1d", on_line},
    {"four-state-v1", four_state},
    {"two-state-v1", two_state},
    {"soft-two-state-v1", two_state},
    {"soft-lqr-v1", to_zero},
    {"cartpole-v1", cart_pole},
    {"cartpole-varied-v1", cart_pole},
    {"pendulum-v1", pendulum},
    {"pendulum-varied-v1", pendulum},
    {"mountain-car-continuous-v0", mountain_car},
    {"acrobot-v1", acrobot},
    {"gridworld-v1", family_of_grids<envs::Gridworld<double>>},
    {"maze-v1", family_of_grids<envs::Maze<double>>},
    {"maze-5x5-v1", family_of_grids<envs::Maze<double, 5>>},
    {"rl2-bandit", arms},
    {"gaussian-bandit", arms},
    {"wang-informative-v1", eleven_arms},
    {"wang-restless-v1", restless_arms},
    {"wang-", arms},
    {"rl2-mdp-v1", circle_of_states},
    {"two-step", two_step},
    {"harlow-v1", two_objects},
    {"grid-navi-v1", grid_navi},
    {"signal-noise-v1", circle_of_states},
    {"noise-undone-v1", circle_of_states},
    {"discounting-chain", delays},
    {"lure-grid-v1", lure_grid},
    {"noisy-cartpole-v1", cart_pole},
    {"catch", catch_ball},
};
constexpr Drawing any_environment{"", bars};

}  // namespace

const Drawing& drawing_of(std::string_view env) {
  for (const Drawing& drawing : drawings)
    if (env.starts_with(drawing.env)) return drawing;
  return any_environment;
}

bool has_own_drawing(std::string_view env) { return &drawing_of(env) != &any_environment; }

}  // namespace innerloop::app

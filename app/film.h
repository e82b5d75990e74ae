// Film-strips: a few moments of an episode side by side, because people look before they read.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "app/gnuplot.h"
#include "autodiff/tensor.h"
#include "envs/driver.h"

namespace innerloop::app {

// A moment of an episode, made of a few shapes.
struct SceneShape {
  enum class Kind { line, area, dot, star } kind = Kind::line;
  std::vector<std::array<double, 2>> points;
  const char* colour = "black";
  double size = 1;  // width of a line, size of a point
};
struct Scene {
  double left = -1, right = 1, bottom = -1, top = 1;
  std::vector<SceneShape> shapes;
};

// How an environment is drawn, from what the policy saw: observations (1, T + 1, observation size), the moment t, the
// task. One row per environment or family; what has none is drawn as bars, a bar per number of the observation.
struct Drawing {
  const char* env;  // the name, or how the names of the family begin
  Scene (*scene)(const Tensor& observations, int t, const envs::Task& task);
};
const Drawing& drawing_of(std::string_view env);
bool has_own_drawing(std::string_view env);

// One episode: a row of the strip.
struct Strip {
  std::string label;
  Tensor observations;  // (1, T + 1, observation size)
  envs::Task task;
};

// Writes folder/name.{dat,gp,png,svg}: each strip with so many frames, evenly spread from the first observation to the
// last, or to moment `until` if that is earlier and not 0; a shorter episode is shown moment by moment. Error for fewer
// than 2 frames.
Plotted plot_film(const std::string& folder, const std::string& name, std::string_view env,
                  const std::vector<Strip>& strips, int frames, int until = 0);

}  // namespace innerloop::app

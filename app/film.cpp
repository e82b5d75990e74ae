#include "app/film.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/gnuplot_script.h"
#include "kernels/require.h"

namespace innerloop::app {
namespace {

// How a shape is drawn by gnuplot.
std::string style(const SceneShape& shape) {
  switch (shape.kind) {
    case SceneShape::Kind::line: return fmt::format("with lines lw {} lc rgb '{}'", shape.size, shape.colour);
    case SceneShape::Kind::area:
      return fmt::format("with filledcurves closed lc rgb '{}' fs solid 1 noborder", shape.colour);
    case SceneShape::Kind::dot: return fmt::format("with points pt 7 ps {} lc rgb '{}'", shape.size, shape.colour);
    case SceneShape::Kind::star: break;
  }
  return fmt::format("with points pt 3 ps {} lw 2 lc rgb '{}'", shape.size, shape.colour);
}

}  // namespace

Plotted plot_film(const std::string& folder, const std::string& name, std::string_view env,
                  const std::vector<Strip>& strips, int frames, int until) {
  require(frames >= 2 && !strips.empty(), "a film-strip needs at least two frames of one episode");
  const Drawing& drawing = drawing_of(env);
  std::string data = "# x y\n";
  std::string script = fmt::format(
      "set multiplot layout {},{} title {}\nset size ratio -1\nunset key\nunset tics\nset border 15 lc rgb '#bbbbbb'\n"
      "set lmargin 0.5\nset rmargin 0.5\nset tmargin 1.6\nset bmargin 0.5\n",
      strips.size(), frames, quoted(std::string(env)));
  int block = 0;
  double aspect = 1;
  for (const Strip& strip : strips) {
    const int end = strip.observations.shape().rows - 1, last = until > 0 ? std::min(until, end) : end;
    for (int f = 0; f < frames; ++f) {
      const int t = last < frames ? std::min(f, last)
                                  : static_cast<int>(std::lround(static_cast<double>(f) * last / (frames - 1)));
      const Scene scene = drawing.scene(strip.observations, t, strip.task);
      aspect = (scene.top - scene.bottom) / (scene.right - scene.left);
      const std::string label = (f == 0 && !strip.label.empty() ? strip.label + ", " : "") + fmt::format("t = {}", t);
      script += fmt::format("set title {} offset 0,-0.8\nset xrange [{}:{}]\nset yrange [{}:{}]\nplot", quoted(label),
                            scene.left, scene.right, scene.bottom, scene.top);
      for (const SceneShape& shape : scene.shapes) {
        data += "# " + label + "\n";
        for (const auto& [x, y] : shape.points) data += cell(x) + " " + cell(y) + "\n";
        data += "\n\n";
        script += fmt::format(" '{}.dat' index {} using 1:2 {}, \\\n", name, block++, style(shape));
      }
      script += " NaN notitle\n";
    }
  }
  script += "unset multiplot\n";
  const int height = static_cast<int>(150 * std::clamp(aspect, 0.3, 2.0)) + 40;
  return draw(folder, name, data, script, 170 * frames, 30 + height * static_cast<int>(strips.size()));
}

}  // namespace innerloop::app

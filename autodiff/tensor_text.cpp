// std::cout << tensor.
#include <algorithm>
#include <array>
#include <cstdio>
#include <ostream>

#include "autodiff/tensor.h"

namespace innerloop {
namespace {

// Which of `count` tasks, rows or columns are shown: all of up to 8, else the first and the last three; −1 stands for
// those between.
std::vector<int> ends_of(int count) {
  constexpr int most = 8, at_each_end = 3;
  std::vector<int> indices;
  for (int i = 0; i < count; ++i)
    if (count <= most || i < at_each_end || i >= count - at_each_end) indices.push_back(i);
    else if (i == at_each_end) indices.push_back(-1);
  return indices;
}

std::string digits_of(double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6g", number);
  return text.data();
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  const Shape shape = tensor.shape();
  const Tensor here = tensor.to(Device::cpu);
  out << to_string(shape) << ' ' << name_of(tensor.dtype());
  if (tensor.device() != Device::cpu) out << " on " << name_of(tensor.device());

  // The numbers as text; columns are as wide as the widest of them. A lone row stays on the line of its task.
  const std::vector<int> tasks = ends_of(shape.tasks), rows = ends_of(shape.rows), cols = ends_of(shape.cols);
  const auto word = [&](int task, int row, int col) { return col < 0 ? "..." : digits_of(here.at(task, row, col)); };
  std::size_t width = 0;
  for (int task : tasks)
    for (int row : rows)
      for (int col : cols)
        if (task >= 0 && row >= 0 && shape.rows > 1) width = std::max(width, word(task, row, col).size());

  for (int task : tasks) {
    if (shape.tasks > 1) out << (task < 0 ? "\n..." : "\ntask " + std::to_string(task));
    for (int row : rows) {
      if (task < 0) break;
      if (shape.rows > 1) out << (row < 0 ? "\n  ..." : "\n");
      for (int col : cols)
        if (row >= 0) out << "  " << std::string(width - std::min(width, word(task, row, col).size()), ' ')
                          << word(task, row, col);
    }
  }
  return out;
}

}  // namespace innerloop

#include "kernels/shape.h"

namespace innerloop {

std::string to_string(Shape shape) {
  std::string text = "(";  // appended to: g++ 12 sees a false -Wrestrict in "(" + to_string(…)
  text += std::to_string(shape.tasks) + ", " + std::to_string(shape.rows) + ", " + std::to_string(shape.cols) + ")";
  return text;
}

}  // namespace innerloop

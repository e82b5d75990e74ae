#include <cstdio>

#include "kernels/shape.h"

int main() {
  const innerloop::Shape shape{20, 100, 2};
  std::puts(shape.size() == 4000 ? "ok" : "wrong");
}

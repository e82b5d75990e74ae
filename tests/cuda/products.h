// Instances of products, by their size.
#pragma once

#include "kernels/cuda/cublas.h"
#include "tests/cuda/device_instances.h"

namespace innerloop::kernels {

inline Instance product_instance(Op op, ProductSize size, Attr attr, unsigned seed) {
  Numbers numbers(seed);
  const bool dense = op == Op::dense;
  const Size a{size.rows, size.inner}, b{size.inner, size.cols};
  const auto turned = [](Size s, bool turn) { return turn ? Size{s.cols, s.rows} : s; };
  std::vector<Size> in{turned(a, !dense && attr.i == 1), turned(b, !dense && attr.j == 1)};
  if (dense) in.push_back({1, size.cols});
  return instances::plain(op, attr, in, {size.rows, size.cols}, numbers);
}

}  // namespace innerloop::kernels

// Calls of every operation at many shapes, with random inputs in the operation's domain, for tests and nothing else.
#pragma once

#include <cmath>
#include <cstddef>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "kernels/mlp_operands.h"
#include "kernels/ops.h"

namespace innerloop::kernels {

struct Size {
  int rows, cols;
  std::size_t count() const { return static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols); }
};

// One call: sizes, attributes, and the inputs as numbers that float represents exactly.
struct Instance {
  Op op;
  Attr attr;
  std::vector<Size> in;
  Size out;
  int tasks = 1;
  std::vector<std::vector<double>> values;

  std::string text() const {
    std::string result = "op " + std::to_string(static_cast<int>(op)) + ":";
    for (Size s : in) result += " (" + std::to_string(s.rows) + ", " + std::to_string(s.cols) + ")";
    return result + " -> (" + std::to_string(out.rows) + ", " + std::to_string(out.cols) +
           ")  i = " + std::to_string(attr.i) + ", j = " + std::to_string(attr.j);
  }
};

inline constexpr Op first_op = Op::neg;  // the leaves before it have no kernel
inline bool is_elementwise(Op op) { return op >= Op::neg && op <= Op::select; }

inline const std::vector<Size>& sizes() {
  static const std::vector<Size> all = {{1, 1},  {1, 7},   {7, 1},   {2, 3},    {5, 5},    {3, 129},
                                        {64, 2}, {33, 17}, {20, 64}, {1, 1500}, {257, 100}};
  return all;
}

class Numbers {
 public:
  explicit Numbers(unsigned seed) : engine_(seed) {}
  // Uniform in [low, high), rounded to float.
  double uniform(double low, double high) {
    return static_cast<double>(
        static_cast<float>(low + (high - low) * (static_cast<double>(engine_()) / 4294967296.0)));
  }
  int below(int n) { return static_cast<int>(engine_() % static_cast<unsigned>(n)); }
  std::vector<double> matrix(Size size, double low, double high) {
    std::vector<double> values(size.count());
    for (double& v : values) v = uniform(low, high);
    return values;
  }
  std::vector<double> indices(Size size, int n) {
    std::vector<double> values(size.count());
    for (double& v : values) v = below(n);
    return values;
  }
  // Whole numbers −2 … 2: they meet each other and every bound, which random numbers never do.
  std::vector<double> ties(Size size) {
    std::vector<double> values(size.count());
    for (double& v : values) v = below(5) - 2;
    return values;
  }

 private:
  std::mt19937 engine_;
};

namespace instances {

inline Instance elementwise(Op op, Size size, std::vector<Size> in, Numbers& numbers) {
  Instance result{op, {0.5, 1.5, 0, 0}, std::move(in), size, 1, {}};
  const bool positive = op == Op::log || op == Op::sqrt || op == Op::reciprocal;
  const bool piecewise = op == Op::relu || op == Op::abs || op == Op::minimum || op == Op::maximum || op == Op::clip ||
                         op == Op::relu_slope || op == Op::select || (op >= Op::step && op <= Op::less);
  if (piecewise) result.attr.x = -1, result.attr.y = 1;
  for (std::size_t k = 0; k < result.in.size(); ++k) {
    if (piecewise && k < 2)
      result.values.push_back(numbers.ties(result.in[k]));
    else if (positive || (op == Op::div && k == 1))
      result.values.push_back(numbers.matrix(result.in[k], 0.25, 4));
    else
      result.values.push_back(numbers.matrix(result.in[k], op == Op::log1p ? -0.9 : -4, 4));
  }
  return result;
}

// All ways in which operands of size 1 and of full size can stand together.
inline void add_elementwise(Op op, Size size, Numbers& numbers, std::vector<Instance>& all) {
  const int arity = op < Op::less ? 1 : op < Op::mul3 ? 2 : 3;
  for (int scalars = 0; scalars < (1 << arity) - 1 || scalars == 0; ++scalars) {
    std::vector<Size> in;
    for (int k = 0; k < arity; ++k) in.push_back((scalars >> k) % 2 == 1 ? Size{1, 1} : size);
    all.push_back(elementwise(op, size, in, numbers));
    if (size.count() == 1) break;
  }
}

inline Instance plain(Op op, Attr attr, std::vector<Size> in, Size out, Numbers& numbers) {
  Instance result{op, attr, std::move(in), out, 1, {}};
  for (Size size : result.in) result.values.push_back(numbers.matrix(size, -1, 1));
  return result;
}

inline Instance with_index(Op op, Attr attr, std::vector<Size> in, Size out, int bound, Numbers& numbers) {
  Instance result = plain(op, attr, std::move(in), out, numbers);
  result.values[1] = numbers.indices(result.in[1], bound);
  return result;
}

// T steps, N rows, H cells, with about one reset in four.
inline Instance lstm(Op op, int steps, int batch, int cells, Numbers& numbers) {
  const int rows = steps * batch;
  const Size state{batch, cells}, packed{6 * rows, cells}, u{cells, 4 * cells}, reset{rows, 1};
  const Size gates{rows, 4 * cells}, hidden{rows, cells}, swept{4 * rows + 2 * batch, cells};
  const auto make = [&](std::vector<Size> in, Size out) { return plain(op, {0, 0, steps, 0}, in, out, numbers); };
  Instance result = op == Op::lstm_sequence       ? make({gates, u, state, state, reset}, packed)
                    : op == Op::lstm_sequence_bwd ? make({packed, u, state, state, reset, packed}, swept)
                    : op == Op::lstm_sequence_jvp ? make({packed, u, state, reset, gates, state, state}, packed)
                                                  : make({packed, state, reset, packed, hidden, gates, hidden, state},
                                                         {6 * rows + batch, cells});
  const std::size_t mask = op == Op::lstm_sequence_jvp ? 3 : op == Op::lstm_sequence_curvature ? 2 : 4;
  for (double& r : result.values[mask]) r = numbers.below(4) == 0 ? 1 : 0;
  return result;
}

inline Instance gru(Op op, int steps, int batch, int cells, Numbers& numbers) {
  const int rows = steps * batch;
  const Size state{batch, cells}, packed{5 * rows, cells}, u{cells, 3 * cells}, reset{rows, 1};
  Instance result = op == Op::gru_sequence
                        ? plain(op, {0, 0, steps, 0}, {{rows, 3 * cells}, u, state, reset}, packed, numbers)
                        : plain(op, {0, 0, steps, 0}, {packed, u, state, reset, packed}, {4 * rows + batch, cells},
                                numbers);
  for (double& r : result.values[3]) r = numbers.below(4) == 0 ? 1 : 0;
  return result;
}

// A network of these widths (inputs, hidden layers, outputs), with and without the operands in brackets of
// kernels/mlp_operands.h.
inline Instance mlp(Op op, int rows, const std::vector<int>& widths, Activation activation, int sides,
                    Numbers& numbers) {
  const bool bar = op == Op::mlp_bwd || op == Op::mlp_hvp, dot = op == Op::mlp_jvp || op == Op::mlp_hvp;
  const Size x{rows, widths.front()}, y{rows, widths.back()};
  std::vector<Size> theta;
  Size packed{(sides & mlp_with_x) != 0 ? x.rows * x.cols : 0, 1};
  for (std::size_t l = 1; l < widths.size(); ++l) {
    theta.insert(theta.end(), {{widths[l - 1], widths[l]}, {1, widths[l]}});
    packed.rows += (widths[l - 1] + 1) * widths[l];
  }
  std::vector<Size> in{x};
  in.insert(in.end(), theta.begin(), theta.end());
  if (bar) in.push_back(y);
  if (dot && (sides & mlp_with_x) != 0) in.push_back(x);
  if (dot) in.insert(in.end(), theta.begin(), theta.end());
  if (op == Op::mlp_hvp) packed.rows += y.rows * y.cols;
  if (op == Op::mlp_hvp && (sides & mlp_with_y_bar_dot) != 0) in.push_back(y);
  return plain(op, {0, 0, static_cast<int>(activation), op == Op::mlp ? 0 : sides}, in, bar ? packed : y, numbers);
}

inline void add_networks(Op op, Numbers& numbers, std::vector<Instance>& all) {
  using enum Activation;
  const struct {
    int rows;
    std::vector<int> widths;
    Activation activation;
  } cases[] = {{1, {1, 1, 1}, tanh},        {1, {3, 2, 5, 2}, sigmoid}, {7, {4, 1, 9, 1}, relu},
               {33, {2, 17, 3}, tanh},      {64, {5, 8, 4}, relu},      {129, {3, 5, 7, 6, 2}, tanh},
               {130, {1, 33, 1}, sigmoid},  {31, {21, 64, 64, 6}, tanh}, {70, {20, 100, 100, 6}, tanh},
               {15, {111, 40, 24, 8}, relu}, {5, {2, 4, 4}, identity}};
  for (const auto& c : cases)
    for (int sides : {0, 1, 2, 3})
      if (sides == 0 || op == Op::mlp_hvp || (sides == 1 && op != Op::mlp))
        all.push_back(mlp(op, c.rows, c.widths, c.activation, sides, numbers));
}

inline void add_products(Op op, Size size, Numbers& numbers, std::vector<Instance>& all) {
  const auto [r, c] = size;
  for (int inner : {1, 5, 70}) {
    if (op == Op::dense)
      for (int activation = 0; activation < 4; ++activation)
        all.push_back(plain(op, {0, 0, activation, 0}, {{r, inner}, {inner, c}, {1, c}}, size, numbers));
    else
      for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 2; ++j)
          all.push_back(plain(op, {0, 0, i, j},
                              {i == 1 ? Size{inner, r} : Size{r, inner}, j == 1 ? Size{c, inner} : Size{inner, c}},
                              size, numbers));
  }
}

inline void add_moves(Op op, Size size, Numbers& numbers, std::vector<Instance>& all) {
  const auto [r, c] = size;
  const auto add = [&](Attr attr, std::vector<Size> in, Size out) { all.push_back(plain(op, attr, in, out, numbers)); };
  const Size column{r, 1};
  switch (op) {
    case Op::slice_rows: return add({0, 0, r / 3, (r + 1) / 2}, {size}, {(r + 1) / 2, c});
    case Op::slice_cols: return add({0, 0, c / 3, (c + 1) / 2}, {size}, {r, (c + 1) / 2});
    case Op::pad_rows: return add({0, 0, 2, r + 5}, {size}, {r + 5, c});
    case Op::pad_cols: return add({0, 0, 3, c + 4}, {size}, {r, c + 4});
    case Op::concat_rows: return add({}, {size, {1, c}, size, {3, c}}, {2 * r + 4, c});
    case Op::concat_cols: return add({}, {size, {r, 1}, size, {r, 3}}, {r, 2 * c + 4});
    case Op::shift_rows:
      for (int by : {0, 1, -1, 4, -4, 1000, -1000}) add({0, 0, by, 0}, {size}, size);
      return;
    case Op::windows:
    case Op::overlap_add:
      for (const auto& [kernel, stride] : {std::pair{1, 1}, {3, 2}, {2, 5}, {4, 4}, {6, 1}}) {
        if (op == Op::overlap_add) add({0, 0, kernel, stride}, {{r, kernel * c}}, {(r - 1) * stride + kernel, c});
        else if (kernel <= r) add({0, 0, kernel, stride}, {size}, {(r - kernel) / stride + 1, kernel * c});
      }
      return;
    case Op::gather_rows: all.push_back(with_index(op, {}, {size, {9, 1}}, {9, c}, r, numbers)); return;
    case Op::scatter_rows: all.push_back(with_index(op, {0, 0, 4, 0}, {size, column}, {4, c}, 4, numbers)); return;
    case Op::pick_cols: all.push_back(with_index(op, {}, {size, column}, column, c, numbers)); return;
    default: all.push_back(with_index(op, {0, 0, 0, c}, {column, column}, size, c, numbers)); return;
  }
}

inline void add_rest(Op op, Size size, Numbers& numbers, std::vector<Instance>& all) {
  const auto [r, c] = size;
  const auto add = [&](Attr attr, std::vector<Size> in, Size out) { all.push_back(plain(op, attr, in, out, numbers)); };
  switch (op) {
    case Op::transpose: return add({}, {size}, {c, r});
    case Op::add_row: return add({}, {size, {1, c}}, size);
    case Op::sum_rows: return add({}, {size}, {1, c});
    case Op::broadcast_rows: return add({0, 0, r, 0}, {{1, c}}, size);
    case Op::sum_cols:
    case Op::logsumexp: return add({}, {size}, {r, 1});
    case Op::broadcast_cols: return add({0, 0, 0, c}, {{r, 1}}, size);
    case Op::sum_all: return add({}, {size}, {1, 1});
    case Op::broadcast_all: return add({0, 0, r, c}, {{1, 1}}, size);
    case Op::reshape: return add({0, 0, c, r}, {size}, {c, r});
    case Op::gaussian_log_prob: return add({}, {size, {1, c}, size}, {r, 1});
    case Op::sum_tasks:  // five blocks, one after the other
      all.push_back(plain(op, {}, {{5 * r, c}}, size, numbers));
      all.back().tasks = 5;
      return;
    case Op::linear_recurrence:
      for (int j : {1, -1}) add({0, 0, r, j}, {size, size}, size), add({0, 0, 1, j}, {size, size}, size);
      if (r % 4 == 0) add({0, 0, r / 4, 1}, {size, size}, size), add({0, 0, r / 4, -1}, {size, size}, size);
      return;
    default: return add({}, {size}, size);  // softmax, broadcast_tasks, stop_gradient
  }
}

}  // namespace instances

// Ten shapes and more for every operation.
inline std::vector<Instance> instances_of(Op op) {
  std::vector<Instance> all;
  Numbers numbers(static_cast<unsigned>(op) + 1);
  if (op >= Op::mlp) {
    instances::add_networks(op, numbers, all);
    return all;
  }
  if (op == Op::gru_sequence || op == Op::gru_sequence_bwd) {
    const int shapes[][3] = {{1, 1, 1}, {1, 1, 7}, {3, 1, 1},  {1, 5, 3},  {2, 3, 5},   {4, 4, 16},
                             {7, 2, 9}, {5, 1, 33}, {6, 11, 8}, {20, 3, 17}, {20, 8, 70}};
    for (const auto& s : shapes) all.push_back(instances::gru(op, s[0], s[1], s[2], numbers));
    return all;
  }
  if (op >= Op::lstm_sequence) {
    const int shapes[][3] = {{1, 1, 1}, {1, 1, 7},  {3, 1, 1},  {1, 5, 3},   {2, 3, 5},  {4, 4, 16},
                             {7, 2, 9}, {5, 1, 33}, {6, 11, 8}, {20, 3, 17}, {3, 20, 64}, {20, 8, 70}};
    for (const auto& s : shapes) all.push_back(instances::lstm(op, s[0], s[1], s[2], numbers));
    return all;
  }
  for (Size size : sizes()) {
    if (is_elementwise(op))
      instances::add_elementwise(op, size, numbers, all);
    else if (op == Op::matmul || op == Op::dense)
      instances::add_products(op, size, numbers, all);
    else if (op >= Op::slice_rows && op <= Op::place_cols)
      instances::add_moves(op, size, numbers, all);
    else
      instances::add_rest(op, size, numbers, all);
  }
  return all;
}

}  // namespace innerloop::kernels

#include "autodiff/op_table.h"

#include <algorithm>

namespace innerloop {

const OpTable& op_table() {
  // Rows are put in the order of the enum, whatever file they come from; a missing or doubled row is a bug found here.
  static const OpTable table = [] {
    OpTable rows(static_cast<std::size_t>(Op::count_));
    for (std::span<const OpDef> family :
         {leaf_ops(), elementwise_ops(), linear_ops(), indexing_ops(), general_ops(), fused_ops(), lstm_ops(),
          lstm_second_order_ops(), gru_ops(), mlp_ops()})
      for (const OpDef& row : family) {
        OpDef& place = rows[static_cast<std::size_t>(row.op)];
        require(place.name == nullptr, [&] {
          return std::string("two rows of the operator table are for ") + row.name;
        });
        place = row;
      }
    for (const OpDef& row : rows) require(row.name != nullptr, "an operation has no row in the operator table");
    return rows;
  }();
  return table;
}

int RuleContext::tasks() const {
  int tasks = 1;
  for (Var input : x) tasks = std::max(tasks, input.shape().tasks);
  return tasks;
}

Shape same_shape(const ShapeRequest& r) { return r.shape(0); }

Shape broadcast_shape(const ShapeRequest& r) {
  Shape out{r.tasks(), 1, 1};
  const auto shape = [&](Var input) -> const Shape& { return r.graph.node(input.id).shape; };
  for (Var input : r.inputs)
    if (!shape(input).is_scalar()) out.rows = shape(input).rows, out.cols = shape(input).cols;
  for (Var input : r.inputs)
    r.check(shape(input).is_scalar() || (shape(input).rows == out.rows && shape(input).cols == out.cols),
            "rows and columns must agree (only a (·,1,1) scalar is broadcast; other broadcasts are named operations)");
  return out;
}

std::vector<Shape> example_shapes() {
  return {{1, 1, 1}, {1, 1, 7}, {1, 5, 1}, {1, 3, 4},  {1, 33, 17},
          {2, 1, 1}, {3, 4, 5}, {4, 7, 3}, {2, 16, 8}, {5, 2, 9}};
}

std::vector<Example> unary_examples(Domain domain) {
  std::vector<Example> examples;
  for (Shape shape : example_shapes()) examples.push_back({.shapes = {shape}, .attr = {}, .domains = {domain}});
  return examples;
}

void add_shared_and_per_task(std::vector<Example>& examples, const Example& per_task) {
  for (const bool shared : {true, false})
    for (std::size_t k = 0; k < per_task.shapes.size(); ++k) {
      Example example = per_task;
      for (std::size_t j = 0; j < example.shapes.size(); ++j)
        if ((j == k) == shared) example.shapes[j].tasks = 1;
      examples.push_back(example);
    }
}

Example with_equal_inputs(Example example) {
  for (std::size_t k = 0; k < example.shapes.size(); ++k) {
    const bool is_data = example.domains[k] == Domain::mask || example.domains[k] == Domain::index;
    std::size_t first = is_data ? k : 0;
    while (example.shapes[first] != example.shapes[k] || example.domains[first] != example.domains[k]) ++first;
    example.same_as.push_back(static_cast<int>(first));
  }
  return example;
}

}  // namespace innerloop

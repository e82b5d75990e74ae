// Leaves: nodes without inputs.
#include "autodiff/op_table.h"

namespace innerloop {

std::span<const OpDef> leaf_ops() {
  static const OpDef rows[] = {
      {.op = Op::input, .name = "input", .maths = "y = what is bound at every run", .arity = 0, .kind = Kind::leaf},
      {.op = Op::constant, .name = "constant", .maths = "y = numbers stored in the graph;  dy = 0",
       .arity = 0, .kind = Kind::leaf},
      {.op = Op::fill, .name = "fill", .maths = "y = c everywhere;  dy = 0", .arity = 0, .kind = Kind::leaf},
  };
  return rows;
}

}  // namespace innerloop

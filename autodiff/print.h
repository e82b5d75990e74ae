// Graphs for people: as text, one line per node, and for Graphviz.
#pragma once

#include <span>
#include <string>

#include "autodiff/graph.h"

namespace innerloop {

// "  4  h1 = tanh(z)              (1, 20, 64)   mlp.cpp:41", one line per node that `outputs` depend on, in the order
// of creation. An empty list means: all nodes.
std::string to_text(const Graph& graph, std::span<const Var> outputs = {});

// The same nodes as a Graphviz digraph: leaves as boxes, stop_gradient in red, edges from inputs to results.
// Render it with: dot -Tsvg graph.dot
std::string to_dot(const Graph& graph, std::span<const Var> outputs = {});

// The operator table as a Markdown table: name, kind, what it computes and its derivative.
std::string operator_table_markdown();

}  // namespace innerloop

#include "autodiff/print.h"

#include <fmt/format.h>

#include <vector>

#include "autodiff/interpreter.h"
#include "autodiff/op_table.h"

namespace innerloop {
namespace {

std::vector<char> shown(const Graph& graph, std::span<const Var> outputs) {
  return outputs.empty() ? std::vector<char>(graph.size(), 1) : ancestors(graph, outputs);
}

// The user's name, or the node's number.
std::string label(const Graph& graph, NodeId id) {
  return graph.node(id).name ? std::string(graph.name(id)) : "#" + std::to_string(id);
}

// What beside the inputs says what the node computes: "scale by 0.5", "rows 2, 3".
std::string attribute(const Node& node) {
  const Attr& a = node.attr;
  if (node.op == Op::input || node.op == Op::constant) return "";
  std::string text;
  if (a.x != 0 || a.y != 0) text += fmt::format("{:.6g}", a.x);
  if (a.y != 0) text += fmt::format(", {:.6g}", a.y);
  if (a.i != 0 || a.j != 0) text += fmt::format("{}{}, {}", text.empty() ? "" : ", ", a.i, a.j);
  return text.empty() ? "" : "[" + text + "]";
}

std::string file_and_line(const SourceLocation& where) {
  const std::string_view file = where.file_name();
  const std::size_t slash = file.rfind('/');
  return fmt::format("{}:{}", slash == std::string_view::npos ? file : file.substr(slash + 1), where.line());
}

// Quotes and backslashes would end a Graphviz label early.
std::string escaped(const std::string& text) {
  std::string result;
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

}  // namespace

std::string to_text(const Graph& graph, std::span<const Var> outputs) {
  const std::vector<char> show = shown(graph, outputs);
  std::string text;
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (!show[id]) continue;
    const Node& node = graph.node(id);
    std::string inputs;
    for (NodeId source : graph.inputs_of(id)) inputs += (inputs.empty() ? "" : ", ") + label(graph, source);
    const std::string left =
        label(graph, id) + " = " + op_def(node.op).name + attribute(node) + (node.arity ? "(" + inputs + ")" : "");
    text += fmt::format("{:>5}  {:<44} {:<16} {}\n", id, left, to_string(node.shape), file_and_line(node.where));
  }
  return text;
}

std::string to_dot(const Graph& graph, std::span<const Var> outputs) {
  const std::vector<char> show = shown(graph, outputs);
  std::string text = "digraph program {\n  rankdir=BT;\n  node [fontname=\"Helvetica\", fontsize=10];\n";
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (!show[id]) continue;
    const Node& node = graph.node(id);
    const char* style = node.op == Op::stop_gradient ? ", color=red" : node.arity == 0 ? ", shape=box" : "";
    text += fmt::format("  n{} [label=\"{}{}{}\\n{}\"{}];\n", id,
                        node.name ? escaped(std::string(graph.name(id))) + "\\n" : "", op_def(node.op).name,
                        attribute(node), to_string(node.shape), style);
    for (NodeId source : graph.inputs_of(id)) text += fmt::format("  n{} -> n{};\n", source, id);
  }
  return text + "}\n";
}

std::string operator_table_markdown() {
  static constexpr const char* kinds[] = {"leaf", "elementwise", "piecewise constant", "linear", "general"};
  std::string text = "| operator | kind | what it computes; its derivative |\n|---|---|---|\n";
  for (const OpDef& def : op_table()) {
    std::string maths;
    for (const char* c = def.maths; *c; ++c) maths += *c == '|' ? "\\|" : std::string(1, *c);
    text += fmt::format("| `{}` | {}{} | {} |\n", def.name, kinds[static_cast<std::size_t>(def.kind)],
                        def.expand ? ", fused" : "", maths);
  }
  return text;
}

}  // namespace innerloop

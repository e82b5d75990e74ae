// The reference interpreter: walks the nodes of a graph with kernels/reference.h, in any kind of number.
//
// It shares nothing with programs and fast kernels but the node list, so it can judge both. In long double it gives
// references to differences; in complex numbers it gives derivatives without differences (the complex step:
// f(x + ih·v) = f(x) + ih·∇f·v + O(h²), Squire and Trapp 1998). Nothing outside the verifier knows these types.
#pragma once

#include <complex>
#include <functional>
#include <span>
#include <vector>

#include "autodiff/graph.h"
#include "kernels/ops.h"

namespace innerloop {

template <class T>
using Numbers = std::vector<T>;  // of one node: tasks × rows × cols, row-major
template <class T>
using NodeNumbers = std::vector<Numbers<T>>;  // by node; empty where nothing was computed

// The numbers of every node that `wanted` depends on (wanted included), given those of the graph's inputs in order, as
// often as one likes: from one run to the next only what depends on an input that has changed is computed.
// T is float, double, long double or std::complex<double>.
template <class T>
class Interpreter {
 public:
  // Called after a node was computed; may write into its numbers.
  using After = std::function<void(NodeId, NodeNumbers<T>&)>;

  Interpreter(const Graph& graph, std::span<const Var> wanted);
  // frozen: if given, the output of a stop_gradient node is taken from there instead of being computed (where there is
  // one: an empty entry stays live). A derivative regards those outputs as constants, so whoever compares it with
  // differences must freeze them at the base point. It must not change between runs.
  // The result is there until the next run.
  const NodeNumbers<T>& run(std::span<const Numbers<T>> inputs, const NodeNumbers<long double>* frozen = nullptr,
                            const After& after = {});

 private:
  bool depends_on_changed(NodeId id) const;
  void compute(NodeId id);

  const Graph& graph_;
  std::vector<NodeId> nodes_;  // that `wanted` depends on, in order
  NodeNumbers<T> values_;
  std::vector<char> changed_;           // in this run, by node
  std::vector<kernels::Matrix> operands_;
  const NodeNumbers<long double>* frozen_ = nullptr;  // of the last run
  bool plain_ = false;                  // the last run ended, and nothing wrote into its numbers
};

// The same, once.
template <class T>
NodeNumbers<T> evaluate(const Graph& graph, std::span<const Numbers<T>> inputs, std::span<const Var> wanted,
                        const NodeNumbers<long double>* frozen = nullptr);

// The numbers of a tensor as T.
template <class T>
Numbers<T> numbers_of(const Tensor& tensor);

// Which nodes `wanted` depends on, wanted included.
std::vector<char> ancestors(const Graph& graph, std::span<const Var> wanted);

}  // namespace innerloop

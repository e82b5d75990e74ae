// The reference interpreter: walks the nodes of a graph with kernels/reference.h, in any kind of number.
//
// It shares nothing with programs and fast kernels but the node list, so it can judge both. In long double it gives
// references to differences; in complex numbers it gives derivatives without differences (the complex step:
// f(x + ih·v) = f(x) + ih·∇f·v + O(h²), Squire and Trapp 1998). Nothing outside the verifier knows these types.
#pragma once

#include <complex>
#include <span>
#include <vector>

#include "autodiff/graph.h"

namespace innerloop {

template <class T>
using Numbers = std::vector<T>;  // of one node: tasks × rows × cols, row-major
template <class T>
using NodeNumbers = std::vector<Numbers<T>>;  // by node; empty where nothing was computed

// The numbers of every node that `wanted` depends on (wanted included), given those of the graph's inputs in order.
// T is float, double, long double or std::complex<double>.
// frozen: if given, the output of a stop_gradient node is taken from there instead of being computed (where there is
// one: an empty entry stays live). A derivative regards those outputs as constants, so whoever compares it with
// differences must freeze them at the base point.
template <class T>
NodeNumbers<T> evaluate(const Graph& graph, std::span<const Numbers<T>> inputs, std::span<const Var> wanted,
                        const NodeNumbers<long double>* frozen = nullptr);

// The numbers of a tensor as T.
template <class T>
Numbers<T> numbers_of(const Tensor& tensor);

// Which nodes `wanted` depends on, wanted included.
std::vector<char> ancestors(const Graph& graph, std::span<const Var> wanted);

}  // namespace innerloop

// The reference kernels, compiled once for each kind of number; kernels/reference.h has the loops themselves.
#pragma once

#include "kernels/ops.h"

namespace innerloop::kernels {

// Computes call.out from call.in by the definition of `op`; every matrix holds numbers of type T: float, double,
// long double or std::complex<double>. Leaves (input, constant, fill) have no kernel: an error.
template <class T>
void run_reference(Op op, const Call& call);

}  // namespace innerloop::kernels

#include "kernels/reference_run.h"

#include <complex>

#include "kernels/reference.h"

namespace innerloop::kernels {

template <class T>
void run_reference(Op op, const Call& call) {
  reference::run<T>(op, call);
}

template void run_reference<float>(Op, const Call&);
template void run_reference<double>(Op, const Call&);
template void run_reference<long double>(Op, const Call&);
template void run_reference<std::complex<double>>(Op, const Call&);

}  // namespace innerloop::kernels

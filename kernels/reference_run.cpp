#include "kernels/reference_run.h"

#include <complex>
#include <cstdio>
#include <string>

#include "kernels/reference.h"

namespace innerloop::kernels {

void reference::refuse_index(double value, int row, int count) {
  char number[32];
  std::snprintf(number, sizeof number, "%.9g", value);
  throw Error("row " + std::to_string(row) + " of the index holds " + number +
              ", and must hold a whole number from 0 to " + std::to_string(count - 1));
}

template <class T>
void run_reference(Op op, const Call& call) {
  reference::run<T>(op, call);
}

template void run_reference<float>(Op, const Call&);
template void run_reference<double>(Op, const Call&);
template void run_reference<long double>(Op, const Call&);
template void run_reference<std::complex<double>>(Op, const Call&);

}  // namespace innerloop::kernels

// Where the steps of gemm.h are defined, once for each backend.
#pragma once

#include "kernels/cuda/ladder/gemm.h"

namespace innerloop::kernels {

namespace cuda {
void gemm_naive(const GemmCall& call);
void gemm_tiled(const GemmCall& call);
void gemm_registers(const GemmCall& call);
}  // namespace cuda

namespace simt_host {
void gemm_naive(const GemmCall& call);
void gemm_tiled(const GemmCall& call);
void gemm_registers(const GemmCall& call);
}  // namespace simt_host

}  // namespace innerloop::kernels

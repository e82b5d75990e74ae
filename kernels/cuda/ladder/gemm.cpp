#include "kernels/cuda/ladder/gemm.h"

#include "kernels/cuda/ladder/gemm_steps.h"

namespace innerloop::kernels {

std::span<const GemmStep> gemm_ladder(Device device) {
  static const GemmStep emulated[] = {{"naive", simt_host::gemm_naive},
                                      {"tiled", simt_host::gemm_tiled},
                                      {"registers", simt_host::gemm_registers}};
  if (device == Device::simt) return emulated;
#ifdef INNERLOOP_HAS_CUDA
  static const GemmStep real[] = {{"naive", cuda::gemm_naive},
                                  {"tiled", cuda::gemm_tiled},
                                  {"registers", cuda::gemm_registers}};
  if (device == Device::cuda) return real;
#endif
  return {};
}

}  // namespace innerloop::kernels

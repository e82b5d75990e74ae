#include "tests/cuda/collective_kernels.h"

#include "kernels/cuda/simt/simt.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

constexpr unsigned all_lanes = 0xFFFFFFFFu;

SIMT_KERNEL void collective_kernel(float* out) {
  const int lane = static_cast<int>(threadIdx.x);
  const float own = static_cast<float>(lane);
  const auto row = [&](CollectiveRow r) -> float& { return out[32 * r + lane]; };
  row(shuffle_lane_5) = __shfl_sync(all_lanes, own, 5);
  row(shuffle_up_3) = __shfl_up_sync(all_lanes, own, 3);
  row(shuffle_down_3) = __shfl_down_sync(all_lanes, own, 3);
  row(shuffle_xor_1) = __shfl_xor_sync(all_lanes, own, 1);
  row(shuffle_lane_1_of_8) = __shfl_sync(all_lanes, own, 1, 8);
  row(shuffle_up_3_of_8) = __shfl_up_sync(all_lanes, own, 3, 8);
  row(shuffle_down_3_of_8) = __shfl_down_sync(all_lanes, own, 3, 8);
  row(shuffle_xor_9_of_8) = __shfl_xor_sync(all_lanes, own, 9, 8);
  row(ballot_even) = static_cast<float>(__popc(__ballot_sync(all_lanes, lane % 2 == 0)));
  row(any_is_7) = static_cast<float>(__any_sync(all_lanes, lane == 7) ? 1 : 0);
  row(all_below_32) = static_cast<float>(__all_sync(all_lanes, lane < 32) ? 1 : 0);
  float sum = own;
  if (lane < 16)
    for (int o = 8; o > 0; o >>= 1) sum += __shfl_xor_sync(0xFFFFu, sum, o);
  row(half_warp_sum) = sum;
}

SIMT_KERNEL void tensor_core_kernel(const float* a, const float* b, float* d) {
  const int lane = static_cast<int>(threadIdx.x), g = lane / 4, q = lane % 4;
  const float a_part[4] = {simt::to_tf32(a[g * 8 + q]), simt::to_tf32(a[(g + 8) * 8 + q]),
                           simt::to_tf32(a[g * 8 + q + 4]), simt::to_tf32(a[(g + 8) * 8 + q + 4])};
  const float b_part[2] = {simt::to_tf32(b[q * 8 + g]), simt::to_tf32(b[(q + 4) * 8 + g])};
  float d_part[4];
  for (int i = 0; i < 4; ++i) d_part[i] = d[(g + 8 * (i / 2)) * 8 + 2 * q + i % 2];
  simt::mma_m16n8k8_tf32(d_part, a_part, b_part);
  for (int i = 0; i < 4; ++i) d[(g + 8 * (i / 2)) * 8 + 2 * q + i % 2] = d_part[i];
}

SIMT_KERNEL void bits_kernel(float* out) {
  out[0] = static_cast<float>(__popc(0xF0F0u));
  out[1] = static_cast<float>(__clz(1));
  out[2] = static_cast<float>(__clz(0));
  out[3] = static_cast<float>(__ffs(0));
  out[4] = static_cast<float>(__ffs(8));
  out[5] = static_cast<float>(__umulhi(0x80000000u, 6u));
  out[6] = __uint_as_float(0x40490FDBu);
  out[7] = static_cast<float>(__float_as_uint(1.0f) >> 20);
  out[8] = simt::to_tf32(1.0f + 0x1p-11f);           // a tie goes away from zero
  out[9] = simt::to_tf32(-1.0f - 0x1p-11f);
  out[10] = simt::to_tf32(1.0f + 0x1p-11f - 0x1p-23f);  // just below the tie
  out[11] = rsqrtf(4.0f);
  out[12] = static_cast<float>(simt::carved<float>(5));  // 20 bytes, rounded up
  SIMT_SHARED(int, count, [2]);
  count[0] = 5;
  count[1] = 5;
  // One statement each, since the operands of + have no order.
  const int before = atomicAdd(&count[0], 3), largest = atomicMax(&count[1], 9);
  out[13] = static_cast<float>(100 * before + 10 * largest + count[0] + count[1]);  // 500 + 50 + 8 + 9
  const int compared = atomicCAS(&count[0], 8, 1);
  out[14] = static_cast<float>(10 * compared + count[0]);  // 81
  const int smallest = atomicMin(&count[1], 2), exchanged = atomicExch(&count[1], 4);
  out[15] = static_cast<float>(10 * smallest + exchanged);  // 92
}

}  // namespace

void collectives(float* out, void* stream) { simt::launch(simt::Launch{1, 32, 0, stream}, collective_kernel, out); }
void tensor_core(const float* a, const float* b, float* d, void* stream) {
  simt::launch(simt::Launch{1, 32, 0, stream}, tensor_core_kernel, a, b, d);
}
void bits(float* out, void* stream) { simt::launch(simt::Launch{1, 1, 0, stream}, bits_kernel, out); }

}  // namespace innerloop::kernels::SIMT_BACKEND

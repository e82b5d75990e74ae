// Kernels that show what the collectives of a warp, the tensor core and the small functions compute.
#pragma once

namespace innerloop::kernels {

// One warp. Each row of `out` has 32 numbers, one per lane.
enum CollectiveRow {
  shuffle_lane_5,
  shuffle_up_3,
  shuffle_down_3,
  shuffle_xor_1,
  shuffle_lane_1_of_8,  // within segments of 8 lanes, as the next three
  shuffle_up_3_of_8,
  shuffle_down_3_of_8,
  shuffle_xor_9_of_8,  // reaches out of the segment
  ballot_even,
  any_is_7,
  all_below_32,
  half_warp_sum,  // lanes 0–15 by themselves
  collective_rows
};

namespace cuda {
void collectives(float* out, void* stream);
void tensor_core(const float* a, const float* b, float* d, void* stream);  // d (16,8) += a (16,8) · b (8,8), tf32
void bits(float* out, void* stream);                // 16 numbers: __popc, __clz, __ffs and others of fixed arguments
}  // namespace cuda
namespace simt_host {
void collectives(float* out, void* stream);
void tensor_core(const float* a, const float* b, float* d, void* stream);
void bits(float* out, void* stream);
}  // namespace simt_host
}  // namespace innerloop::kernels

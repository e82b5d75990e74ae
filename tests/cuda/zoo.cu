#include "tests/cuda/zoo.h"

#include "kernels/cuda/simt/simt.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

constexpr unsigned all_lanes = 0xFFFFFFFFu;

// ---- Right kernels -------------------------------------------------------------------------------------------------
SIMT_KERNEL void reversed(float* y) {
  SIMT_SHARED(float, s, [64]);
  s[threadIdx.x] = static_cast<float>(threadIdx.x);
  __syncthreads();
  y[threadIdx.x] = s[63 - threadIdx.x];
}

SIMT_KERNEL void warp_sum(float* y) {
  float v = static_cast<float>(threadIdx.x);
  for (int o = 16; o > 0; o >>= 1) v += __shfl_xor_sync(all_lanes, v, o);
  y[threadIdx.x] = v;
}

SIMT_KERNEL void warp_tree(float* y) {
  SIMT_SHARED(float, s, [64]);
  const unsigned t = threadIdx.x;
  s[t] = static_cast<float>(t);
  __syncthreads();
  for (unsigned o = 32; t < 32 && o > 0; o >>= 1) {
    const float v = s[t + o];
    __syncwarp();
    s[t] += v;
    __syncwarp();
  }
  if (t == 0) y[0] = s[0];
}

SIMT_KERNEL void grid_exchange(float* y) {
  const unsigned i = threadIdx.x + 64 * blockIdx.x;
  y[i] = static_cast<float>(i);
  simt::grid_sync();
  const float other = y[(i + 64) % 128];
  simt::grid_sync();
  y[i] = other;
}

SIMT_KERNEL void integer_count(float* y) {
  SIMT_SHARED(int, count, [4]);
  if (threadIdx.x < 4) count[threadIdx.x] = 0;
  __syncthreads();
  atomicAdd(&count[threadIdx.x % 4], 1);
  __syncthreads();
  if (threadIdx.x < 4) y[threadIdx.x] = static_cast<float>(count[threadIdx.x]);
}

// ---- Memory --------------------------------------------------------------------------------------------------------
SIMT_KERNEL void past_an_array(float* y) {
  SIMT_SHARED(float, s, [64]);
  float* p = s;
  p[threadIdx.x + 1] = 1;
  y[threadIdx.x] = 0;
}

SIMT_KERNEL void past_a_carved_piece(float* y) {
  SIMT_DYN_SHARED(raw);
  simt::Carver cv{raw};
  float* s = cv.take<float>(64);
  s[threadIdx.x + 1] = 1;
  y[threadIdx.x] = 0;
}

SIMT_KERNEL void carves_more_than_declared(float* y) {
  SIMT_DYN_SHARED(raw);
  simt::Carver cv{raw};
  y[threadIdx.x] = cv.take<float>(65)[threadIdx.x];
}

SIMT_KERNEL void carves_differently(float* y) {
  SIMT_DYN_SHARED(raw);
  simt::Carver cv{raw};
  y[threadIdx.x] = cv.take<float>(threadIdx.x == 9 ? 8 : 16)[0];
}

// 12 KB, beside what the launch brings.
SIMT_KERNEL void large_array(float* y) {
  SIMT_SHARED(float, s, [3072]);
  s[threadIdx.x] = static_cast<float>(threadIdx.x);
  y[threadIdx.x] = s[threadIdx.x];
}

SIMT_KERNEL void reads_what_nobody_wrote(float* y) {
  SIMT_SHARED(float, s, [65]);
  s[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = s[threadIdx.x + 1];
}

// ---- Missing barriers ----------------------------------------------------------------------------------------------
SIMT_KERNEL void reads_before_the_write(float* y) {
  SIMT_SHARED(float, s, [64]);
  s[threadIdx.x] = static_cast<float>(threadIdx.x);
  y[threadIdx.x] = s[63 - threadIdx.x];
}

SIMT_KERNEL void writes_before_the_read(float* y) {
  SIMT_SHARED(float, s, [64]);
  float sum = 0;
  for (int k = 0; k < 4; ++k) {
    s[threadIdx.x] = static_cast<float>(100 * k) + static_cast<float>(threadIdx.x);
    __syncthreads();
    sum += s[(threadIdx.x + 1) % 64];  // and here a barrier is missing
  }
  y[threadIdx.x] = sum;
}

// The last steps of a sum as they were written before warps could diverge.
SIMT_KERNEL void warp_tree_without_barriers(float* y) {
  SIMT_SHARED(float, s, [64]);
  const unsigned t = threadIdx.x;
  s[t] = static_cast<float>(t);
  __syncthreads();
  for (unsigned o = 32; t < 32 && o > 0; o >>= 1) s[t] += s[t + o];
  if (t == 0) y[0] = s[0];
}

SIMT_KERNEL void blocks_write_the_same(float* y) { y[threadIdx.x] = static_cast<float>(blockIdx.x); }

SIMT_KERNEL void block_reads_the_other(float* y) {
  if (blockIdx.x == 0)
    y[threadIdx.x] = 7;
  else
    y[64 + threadIdx.x] = y[threadIdx.x];
}

// One thread of a block waits for its own block, where the whole grid must be waited for.
SIMT_KERNEL void block_barrier_for_a_grid(float* y) {
  const unsigned i = threadIdx.x + 64 * blockIdx.x;
  y[i] = static_cast<float>(i);
  __syncthreads();
  const float other = y[(i + 64) % 128];
  simt::grid_sync();
  y[i] = other;
}

SIMT_KERNEL void atomic_against_plain(float* y) {
  int* count = reinterpret_cast<int*>(y);
  if (threadIdx.x == 5)
    *count = 3;
  else
    atomicAdd(count, 1);
}

// ---- Barriers that not all reach -----------------------------------------------------------------------------------
SIMT_KERNEL void barriers_in_branches(float* y) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    y[threadIdx.x] = 0;
    __syncthreads();
  }
}

SIMT_KERNEL void early_return(float* y) {
  if (threadIdx.x >= 60) return;
  __syncthreads();
  y[threadIdx.x] = 1;
}

SIMT_KERNEL void barrier_against_warp(float*) {
  if (threadIdx.x == 0)
    __syncthreads();
  else
    __syncwarp();
}

SIMT_KERNEL void barrier_against_grid(float*) {
  if (threadIdx.x < 32)
    __syncthreads();
  else
    simt::grid_sync();
}

SIMT_KERNEL void block_skips_the_grid(float* y) {
  if (blockIdx.x == 0) simt::grid_sync();
  y[threadIdx.x + 64 * blockIdx.x] = 1;
}

// ---- Collectives of warps ------------------------------------------------------------------------------------------
SIMT_KERNEL void half_a_warp_shuffles(float* y) {
  float v = static_cast<float>(threadIdx.x);
  if (threadIdx.x % 2) v = __shfl_xor_sync(all_lanes, v, 1);
  y[threadIdx.x] = v;
}

SIMT_KERNEL void shuffle_from_outside(float* y) {
  float v = static_cast<float>(threadIdx.x);
  if (threadIdx.x % 32 < 16) v = __shfl_xor_sync(0xFFFFu, v, 16);
  y[threadIdx.x] = v;
}

SIMT_KERNEL void not_in_its_own_mask(float* y) {
  y[threadIdx.x] = static_cast<float>(__ballot_sync(0xFFFFu, threadIdx.x > 3));
}

SIMT_KERNEL void masks_disagree(float* y) {
  y[threadIdx.x] = static_cast<float>(__ballot_sync(threadIdx.x % 32 < 16 ? 0xFFFFu : all_lanes, threadIdx.x > 3));
}

template <void (*kernel)(float*), unsigned blocks = 1, std::size_t shared_bytes = 0, bool cooperative = false>
void run(float* y) {
  simt::launch(simt::Launch{blocks, 64, shared_bytes, nullptr, cooperative}, kernel, y);
}

std::vector<Exhibit> exhibits() {
  return {
      {.name = "reversed", .run = run<reversed>},
      {.name = "warp_sum", .run = run<warp_sum>},
      {.name = "warp_tree", .run = run<warp_tree>},
      {.name = "grid_exchange", .run = run<grid_exchange, 2, 0, true>},
      {.name = "integer_count", .run = run<integer_count>},
      {.name = "past_an_array",
       .run = run<past_an_array>,
       .complaint = "past the end of the shared array of zoo.cu:",
       .race = "write-write race in shared",
       .address_error = true},
      {.name = "past_a_carved_piece",
       .run = run<past_a_carved_piece, 1, 256>,
       .complaint = "past the end of carved piece 0 (256 bytes)",
       .race = "write-write",
       .address_error = true},
      {.name = "carves_more_than_declared",
       .run = run<carves_more_than_declared, 1, 256>,
       .complaint = "more shared memory is carved than the launch declared: piece 1 of 260 bytes, declared 256 "
                    "[block (0,0,0) thread ("},
      {.name = "carves_differently",
       .run = run<carves_differently, 1, 256>,
       .complaint = "carve shared memory differently"},
      {.name = "array_and_36_kb", .run = run<large_array, 1, 36 * 1024>},
      {.name = "array_and_40_kb",
       .run = run<large_array, 1, 40 * 1024>,
       .complaint = "need more than 48 KB, for which a launch asks only if its own part is above 40 KB"},
      {.name = "array_and_41_kb", .run = run<large_array, 1, 41 * 1024>},
      {.name = "array_and_all_there_is",
       .run = run<large_array, 1, 232448>,
       .complaint = "are more than a block can have"},
      {.name = "reads_what_nobody_wrote", .run = run<reads_what_nobody_wrote>, .not_a_number = true},
      {.name = "reads_before_the_write",
       .run = run<reads_before_the_write>,
       .orders_differ = true,
       .not_a_number = true,
       .race = "race in shared memory"},
      {.name = "writes_before_the_read",
       .run = run<writes_before_the_read>,
       .orders_differ = true,
       .race = "race in shared memory"},
      {.name = "warp_tree_without_barriers",
       .run = run<warp_tree_without_barriers>,
       .orders_differ = true,
       .race = "race in shared memory"},
      {.name = "blocks_write_the_same",
       .run = run<blocks_write_the_same, 2>,
       .orders_differ = true,
       .race = "write-write race in global memory"},
      {.name = "block_reads_the_other",
       .run = run<block_reads_the_other, 2>,
       .orders_differ = true,
       .race = "race in global memory"},
      {.name = "block_barrier_for_a_grid",
       .run = run<block_barrier_for_a_grid, 2, 0, true>,
       .orders_differ = true,
       .race = "race in global memory"},
      {.name = "atomic_against_plain",
       .run = run<atomic_against_plain>,
       .orders_differ = true,
       .race = "write-write race in global memory"},
      {.name = "barriers_in_branches",
       .run = run<barriers_in_branches>,
       .complaint = "threads of one block wait at different __syncthreads, some at zoo.cu:"},
      {.name = "early_return", .run = run<early_return>, .complaint = "__syncthreads"},
      {.name = "barrier_against_warp", .run = run<barrier_against_warp>, .complaint = "__syncthreads"},
      {.name = "barrier_against_grid",
       .run = run<barrier_against_grid, 2, 0, true>,
       .complaint = "deadlock: 64 threads wait at __syncthreads, 0 in collectives of warps, 64 at simt::grid_sync"},
      {.name = "block_skips_the_grid", .run = run<block_skips_the_grid, 2, 0, true>, .complaint = "simt::grid_sync"},
      {.name = "grid_sync_without_grid", .run = run<grid_exchange, 2>, .complaint = "launch that is not cooperative"},
      {.name = "half_a_warp_shuffles", .run = run<half_a_warp_shuffles>, .complaint = "warp"},
      {.name = "shuffle_from_outside", .run = run<shuffle_from_outside>, .complaint = "not in its mask"},
      {.name = "not_in_its_own_mask", .run = run<not_in_its_own_mask>, .complaint = "without being in its mask"},
      {.name = "masks_disagree", .run = run<masks_disagree>, .complaint = "mask"},
      {.name = "block_of_1025",
       .run =
           [](float* y) {
             simt::launch(simt::Launch{1, 1025}, reversed, y);
           },
       .complaint = "a block has 1 to 1024 threads"},
      {.name = "too_much_shared", .run = run<reversed, 1, 232449>, .complaint = "at most 232448 bytes"},
  };
}

}  // namespace

const std::vector<Exhibit>& zoo() {
  static const std::vector<Exhibit> all = exhibits();
  return all;
}

}  // namespace innerloop::kernels::SIMT_BACKEND

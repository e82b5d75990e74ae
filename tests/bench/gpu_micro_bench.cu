// What one GPU needs for the smallest things: starting a kernel, a node of a graph, a barrier; and its rates of
// arithmetic and of memory. The floors of kernels/cuda/README.md are made of these. The table is Markdown.
//
// Medians of nine repetitions, after two that do not count. Needs a GPU of compute capability 9.0.
#include <cooperative_groups.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

namespace cg = cooperative_groups;

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  std::fprintf(stderr, "gpu_micro_bench: %s: %s\n", what, cudaGetErrorString(status));
  std::exit(2);
}

// ---- Kernels -------------------------------------------------------------------------------------------------------
__global__ void nothing() {}

__global__ void block_barriers(int count) {
  for (int i = 0; i < count; ++i) __syncthreads();
}

__global__ void grid_barriers(int count) {
  for (int i = 0; i < count; ++i) cg::this_grid().sync();
}

__global__ void cluster_barriers(int count) {
  for (int i = 0; i < count; ++i) cg::this_cluster().sync();
}

// Eight independent chains a thread, so that the latency of one is hidden.
__global__ void multiply_add(float* out, int count) {
  float x[8];
  for (int j = 0; j < 8; ++j) x[j] = static_cast<float>(threadIdx.x + j);
  const float a = 0.999f, b = 1e-3f;
  for (int i = 0; i < count; ++i)
#pragma unroll
    for (int j = 0; j < 8; ++j) x[j] = fmaf(x[j], a, b);
  float sum = 0;
  for (int j = 0; j < 8; ++j) sum += x[j];
  if (sum == -1.0f) out[0] = sum;  // never, but the compiler cannot know
}

__global__ void copy_all(const float4* from, float4* to, std::size_t count) {
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = blockIdx.x * static_cast<std::size_t>(blockDim.x) + threadIdx.x; i < count; i += step)
    to[i] = from[i];
}

__global__ void read_shared(float* out, int count) {
  __shared__ float4 s[1024];
  for (int i = static_cast<int>(threadIdx.x); i < 1024; i += static_cast<int>(blockDim.x)) s[i] = {1, 2, 3, 4};
  __syncthreads();
  float4 sum{0, 0, 0, 0};
  for (int i = 0; i < count; ++i) {
    const float4 v = s[(threadIdx.x + 32 * i) % 1024];
    sum.x += v.x, sum.y += v.y, sum.z += v.z, sum.w += v.w;
  }
  if (sum.x + sum.y + sum.z + sum.w == -1.0f) out[0] = sum.x;
}

// ---- Measuring -----------------------------------------------------------------------------------------------------
cudaStream_t stream;

// Milliseconds that the stream needs for what `work` puts on it.
template <class F>
double milliseconds(F work) {
  cudaEvent_t begin, end;
  check(cudaEventCreate(&begin), "event");
  check(cudaEventCreate(&end), "event");
  std::vector<float> times;
  for (int repetition = 0; repetition < 11; ++repetition) {
    check(cudaEventRecord(begin, stream), "record");
    work();
    check(cudaGetLastError(), "launch");
    check(cudaEventRecord(end, stream), "record");
    check(cudaEventSynchronize(end), "kernels");
    float elapsed = 0;
    check(cudaEventElapsedTime(&elapsed, begin, end), "time");
    if (repetition >= 2) times.push_back(elapsed);
  }
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return static_cast<double>(times[times.size() / 2]);
}

void row(const char* what, double value, const char* unit) { std::printf("| %s | %.3g | %s |\n", what, value, unit); }

// A kernel of `barriers` barriers against one of none: the time of one barrier, in ns.
template <class F>
double nanoseconds_per_barrier(F launch) {
  const int barriers = 2000;
  return (milliseconds([&] { launch(barriers); }) - milliseconds([&] { launch(0); })) * 1e6 / barriers;
}

void launch_with(void (*kernel)(int), int count, unsigned blocks, unsigned threads, cudaLaunchAttribute attribute) {
  cudaLaunchConfig_t config{};
  config.gridDim = blocks;
  config.blockDim = threads;
  config.stream = stream;
  config.attrs = &attribute;
  config.numAttrs = 1;
  check(cudaLaunchKernelEx(&config, kernel, count), "launch");
}

void measure_launches() {
  const int count = 2000;
  row("kernel after kernel, one stream", milliseconds([&] {
        for (int i = 0; i < count; ++i) nothing<<<1, 32, 0, stream>>>();
      }) * 1e3 / count, "µs");
  cudaGraph_t recorded;
  cudaGraphExec_t graph;
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "capture");
  for (int i = 0; i < count; ++i) nothing<<<1, 32, 0, stream>>>();
  check(cudaStreamEndCapture(stream, &recorded), "capture");
  check(cudaGraphInstantiate(&graph, recorded, 0), "graph");
  row("node after node of a CUDA graph",
      milliseconds([&] { check(cudaGraphLaunch(graph, stream), "graph"); }) * 1e3 / count, "µs");
  check(cudaGraphExecDestroy(graph), "graph");
  check(cudaGraphDestroy(recorded), "graph");
}

void measure_barriers(unsigned multiprocessors) {
  row("__syncthreads, 256 threads", nanoseconds_per_barrier([](int n) { block_barriers<<<1, 256, 0, stream>>>(n); }),
      "ns");
  cudaLaunchAttribute cooperative{};
  cooperative.id = cudaLaunchAttributeCooperative;
  cooperative.val.cooperative = 1;
  row("grid barrier, one block of 256 per multiprocessor",
      nanoseconds_per_barrier([&](int n) { launch_with(grid_barriers, n, multiprocessors, 256, cooperative); }), "ns");
  for (unsigned size : {2u, 4u, 8u}) {
    cudaLaunchAttribute cluster{};
    cluster.id = cudaLaunchAttributeClusterDimension;
    cluster.val.clusterDim.x = size;
    cluster.val.clusterDim.y = cluster.val.clusterDim.z = 1;
    char name[64];
    std::snprintf(name, sizeof name, "cluster barrier, %u blocks of 256", size);
    row(name, nanoseconds_per_barrier([&](int n) { launch_with(cluster_barriers, n, size, 256, cluster); }), "ns");
  }
}

void measure_rates(unsigned multiprocessors) {
  const unsigned blocks = 4 * multiprocessors, threads = 512;
  float* out = nullptr;
  check(cudaMalloc(&out, 256), "memory");
  const int steps = 20000;
  const double flops = 2.0 * 8 * steps * blocks * threads;
  row("fp32 multiply-add",
      flops / milliseconds([&] { multiply_add<<<blocks, threads, 0, stream>>>(out, steps); }) / 1e9, "TFLOP/s");
  const double shared_bytes = 16.0 * steps * blocks * threads;
  row("shared memory, 16-byte loads",
      shared_bytes / milliseconds([&] { read_shared<<<blocks, threads, 0, stream>>>(out, steps); }) / 1e9, "TB/s");
  const std::size_t bytes = std::size_t{1} << 30;
  float4 *from = nullptr, *to = nullptr;
  check(cudaMalloc(&from, bytes), "memory");
  check(cudaMalloc(&to, bytes), "memory");
  check(cudaMemset(from, 0, bytes), "memory");
  row("global memory, copy of 1 GiB, read + written",
      2.0 * static_cast<double>(bytes) /
          milliseconds([&] { copy_all<<<blocks, threads, 0, stream>>>(from, to, bytes / sizeof(float4)); }) / 1e9,
      "TB/s");
}

}  // namespace

int main() {
  cudaDeviceProp gpu{};
  int driver = 0, runtime = 0;
  check(cudaGetDeviceProperties(&gpu, 0), "no GPU can be used");
  check(cudaDriverGetVersion(&driver), "driver");
  check(cudaRuntimeGetVersion(&runtime), "runtime");
  check(cudaStreamCreate(&stream), "stream");
  std::printf("%s, %d multiprocessors, driver %d.%d, runtime %d.%d\n\n| | | |\n|---|---|---|\n", gpu.name,
              gpu.multiProcessorCount, driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
  measure_launches();
  measure_barriers(static_cast<unsigned>(gpu.multiProcessorCount));
  measure_rates(static_cast<unsigned>(gpu.multiProcessorCount));
  return 0;
}

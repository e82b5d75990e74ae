// The steps of the matrix product's ladder, naive to registers, on a GPU and emulated; on a GPU also the batched kernel
// of gemm.cu beside cuBLAS, which shows from which size on cuBLAS should be taken. The tables are Markdown.
//
// On a GPU: medians of nine repetitions and the share of the fp32 rate (multiprocessors · 128 · 2 · clock). Emulated
// times say nothing of a GPU; what carries over is how often the threads of a block wait for each other, and how much
// arithmetic lies between two waits.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "kernels/cuda/cublas.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/ladder/gemm.h"
#include "kernels/cuda/simt/engine.h"
#include "kernels/cuda/slices.h"
#include "kernels/cuda/table.h"
#include "tests/bench/gpu_timing.h"

namespace {

using namespace innerloop;
using kernels::DeviceApi;
using kernels::GemmCall;
using kernels::GemmStep;

struct Size {
  int m, n, k;
};
struct Batch {
  int tasks;
  Size size;
};

struct Matrices {
  Matrices(const DeviceApi& device, Size s) : api(device) {
    for (float** x : {&a, &b, &c}) *x = nullptr;
    const auto filled = [&](int count) {
      auto* x = static_cast<float*>(api.allocate(sizeof(float) * static_cast<std::size_t>(count)));
      const std::vector<float> ones(static_cast<std::size_t>(count), 1.0f);
      api.copy_to_device(x, ones.data(), sizeof(float) * ones.size(), nullptr);
      return x;
    };
    a = filled(s.m * s.k), b = filled(s.k * s.n), c = filled(s.m * s.n);
  }
  ~Matrices() {
    for (float* x : {a, b, c}) api.free(x);
  }
  Matrices(const Matrices&) = delete;
  Matrices& operator=(const Matrices&) = delete;
  const DeviceApi& api;
  float *a, *b, *c;
};

void measure_on_gpu() {
  const DeviceApi& api = kernels::device_api(Device::cuda);
  const kernels::DeviceProperties gpu = api.properties();
  print_gpu(gpu);
  fmt::print("| m × n × k | step | ms | TFLOP/s | share of fp32 |\n|---|---|---|---|---|\n");
  for (const Size s : {Size{1024, 1024, 1024}, Size{4096, 4096, 4096}, Size{80000, 64, 64}}) {
    const Matrices x(api, s);
    for (const GemmStep& step : kernels::gemm_ladder(Device::cuda)) {
      const double ms = median_milliseconds(api, [&] { step.multiply({x.a, x.b, x.c, s.m, s.n, s.k}); });
      fmt::print("| {} × {} × {} | {} | {} |\n", s.m, s.n, s.k, step.name,
                 time_and_rate(gpu, ms, 2.0 * s.m * s.n * s.k));
    }
  }
}

// Products of 40 tasks, each with its own matrices, and of one task, by gemm.cu and by cuBLAS. The last rows are an
// LSTM's Ū and W̄: few tiles, and sums over all rows.
void compare_with_library() {
  const kernels::GemmLibrary* library = kernels::gemm_library(Device::cuda);
  if (!library) return fmt::print("\nNo cuBLAS here: gemm.cu does all products.\n");
  const DeviceApi& api = kernels::device_api(Device::cuda);
  void* workspace = api.allocate(library->workspace_bytes);
  fmt::print("\n| products, m × n × k | gemm.cu ms | slices | {} ms | taken |\n|---|---|---|---|---|\n", library->name);
  for (const auto& [tasks, s] : {Batch{40, {64, 64, 64}}, {40, {2000, 64, 64}}, {40, {2000, 100, 100}},
                                 {40, {100, 100, 2000}}, {40, {128, 128, 64}}, {40, {2000, 128, 64}},
                                 {40, {256, 256, 256}}, {40, {2000, 300, 300}}, {40, {300, 300, 2000}},
                                 {1, {48, 192, 102400}}, {1, {20, 192, 102400}}, {1, {128, 512, 102400}}}) {
    const Matrices x(api, {tasks * s.m, s.n, s.k}), y(api, {s.m, s.n, tasks * s.k});
    const auto matrix = [](float* data, int rows, int cols) {
      const kernels::DeviceMatrix m{data, rows, cols, 0};
      return kernels::DeviceMatrix{data, rows, cols, m.size()};
    };
    const kernels::DeviceMatrix in[] = {matrix(x.a, s.m, s.k), matrix(y.b, s.k, s.n)};
    kernels::DeviceCall call{.out = matrix(x.c, s.m, s.n), .in = in, .arity = 2, .tasks = tasks, .attr = {}};
    // With memory for its slices, which is less than the library wants, gemm.cu does the product itself.
    call.workspace = workspace, call.workspace_bytes = kernels::slices_workspace(Op::matmul, Dtype::f32, call);
    const kernels::DeviceKernel own = kernels::find_device_kernel(Device::cuda, Dtype::f32, Op::matmul);
    const kernels::CublasArguments arguments = kernels::cublas_arguments(Op::matmul, call);
    const kernels::ProductSize size = kernels::product_size(Op::matmul, call);
    fmt::print("| {} of {} × {} × {} | {:.4f} | {} | {:.4f} | {} |\n", tasks, s.m, s.n, s.k,
               median_milliseconds(api, [&] { own(call); }), kernels::plan_product(size, tasks).slices,
               median_milliseconds(api, [&] { library->multiply(Dtype::f32, arguments, nullptr, workspace); }),
               kernels::is_large(size) ? "cuBLAS" : "gemm.cu");
  }
  api.free(workspace);
}

void count_emulated() {
  const DeviceApi& api = kernels::device_api(Device::simt);
  const Size s{130, 130, 130};
  const Matrices x(api, s);
  fmt::print(
      "\nEmulated, {} × {} × {}:\n\n| step | blocks · threads | barriers a block | multiply-adds a thread between "
      "barriers | ms |\n|---|---|---|---|---|\n",
      s.m, s.n, s.k);
  for (const GemmStep& step : kernels::gemm_ladder(Device::simt)) {
    simt::statistics() = {};
    step.multiply({x.a, x.b, x.c, s.m, s.n, s.k});
    const simt::Statistics counted = simt::statistics();
    const double ms = median_milliseconds(api, [&] { step.multiply({x.a, x.b, x.c, s.m, s.n, s.k}); });
    const std::uint64_t blocks = counted.threads / 256, barriers = counted.barriers / blocks;
    const double work = static_cast<double>(s.m) * s.n * s.k / static_cast<double>(counted.threads);
    fmt::print("| {} | {} · 256 | {} | {} | {:.1f} |\n", step.name, blocks, barriers,
               barriers ? fmt::format("{:.0f}", work / static_cast<double>(barriers / 2)) : "–", ms);
  }
}

}  // namespace

int main() {
  const std::string reason = kernels::why_unavailable(Device::cuda);
  if (reason.empty()) {
    measure_on_gpu();
    compare_with_library();
  } else {
    fmt::print("No GPU: {}\n", reason);
  }
  count_emulated();
}

// The GPU: CUDA's runtime, every call checked. Compiled where there is an nvcc only.
#include <cuda_runtime_api.h>

#include <atomic>
#include <cstdio>
#include <string>

#include "kernels/cuda/device_tables.h"
#include "kernels/require.h"

namespace innerloop::kernels {
namespace {

// Throws Error with what was asked and CUDA's words, unless the call succeeded.
void check(cudaError_t status, const std::string& what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // the error is reported here, and not once more by the next call
  throw Error("device cuda: " + what + ": " + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) + ")");
}

// The same for what destructors call: nothing may be thrown there, and one line on stderr says enough. When the program
// ends, CUDA may be gone before the last of them.
void tell(cudaError_t status, const char* what) noexcept {
  if (status == cudaSuccess || status == cudaErrorCudartUnloading) return;
  cudaGetLastError();
  static std::atomic_flag told;
  if (!told.test_and_set())
    std::fprintf(stderr, "device cuda: %s: %s (%s)\n", what, cudaGetErrorString(status), cudaGetErrorName(status));
}

cudaStream_t stream_of(void* stream) { return static_cast<cudaStream_t>(stream); }
std::string megabytes(std::size_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

DeviceProperties find_properties() {
  cudaDeviceProp found{};
  int device = 0, driver = 0, runtime = 0, clock_khz = 0;
  check(cudaGetDevice(&device), "which GPU is used");
  check(cudaGetDeviceProperties(&found, device), "properties of the GPU");
  check(cudaDriverGetVersion(&driver), "version of the driver");
  check(cudaRuntimeGetVersion(&runtime), "version of the runtime");
  if (cudaDeviceGetAttribute(&clock_khz, cudaDevAttrClockRate, device) != cudaSuccess) cudaGetLastError();
  return {found.name,         found.major,
          found.minor,        found.multiProcessorCount,
          clock_khz / 1000,   found.totalGlobalMem,
          found.sharedMemPerBlockOptin, cuda_version_text(driver),
          cuda_version_text(runtime)};
}

// Asked for often, by every plan; CUDA takes a while to answer.
DeviceProperties properties() {
  static const DeviceProperties found = find_properties();
  return found;
}

void* allocate(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  void* memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    std::size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total), "free memory");
    throw Error("device cuda: out of memory: " + megabytes(bytes) + " were asked for, " + megabytes(free) + " of " +
                megabytes(total) + " are free. Use fewer tasks or smaller batches, or f32");
  }
  check(status, "allocation of " + std::to_string(bytes) + " bytes");
  return memory;
}

void free_memory(void* memory) noexcept { tell(cudaFree(memory), "freeing memory"); }

template <cudaMemcpyKind kind>
void copy(void* to, const void* from, std::size_t bytes, void* stream) {
  check(cudaMemcpyAsync(to, from, bytes, kind, stream_of(stream)), "copy of " + std::to_string(bytes) + " bytes");
}

void fill_bytes(void* to, int byte, std::size_t bytes, void* stream) {
  check(cudaMemsetAsync(to, byte, bytes, stream_of(stream)), "filling " + std::to_string(bytes) + " bytes");
}

void* create_stream() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "creating a stream");
  return stream;
}
void destroy_stream(void* stream) noexcept { tell(cudaStreamDestroy(stream_of(stream)), "destroying a stream"); }
void synchronize(void* stream) { check(cudaStreamSynchronize(stream_of(stream)), "work on a stream"); }

void begin_capture(void* stream) {
  check(cudaStreamBeginCapture(stream_of(stream), cudaStreamCaptureModeThreadLocal), "begin of a capture");
}

void* end_capture(void* stream) {
  cudaGraph_t recorded = nullptr;
  check(cudaStreamEndCapture(stream_of(stream), &recorded), "end of a capture");
  cudaGraphExec_t graph = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&graph, recorded, 0);
  cudaGraphDestroy(recorded);
  check(status, "making a graph of what was captured");
  return graph;
}

void launch_graph(void* graph, void* stream) {
  check(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), stream_of(stream)), "launch of a graph");
}
void destroy_graph(void* graph) noexcept {
  if (graph) tell(cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph)), "destroying a graph");
}

void* create_event() {
  cudaEvent_t event = nullptr;
  check(cudaEventCreate(&event), "creating an event");
  return event;
}
void destroy_event(void* event) noexcept {
  tell(cudaEventDestroy(static_cast<cudaEvent_t>(event)), "destroying an event");
}
void record_event(void* event, void* stream) {
  check(cudaEventRecord(static_cast<cudaEvent_t>(event), stream_of(stream)), "recording an event");
}
double milliseconds(void* begin, void* end) {
  float elapsed = 0;
  check(cudaEventSynchronize(static_cast<cudaEvent_t>(end)), "waiting for an event");
  check(cudaEventElapsedTime(&elapsed, static_cast<cudaEvent_t>(begin), static_cast<cudaEvent_t>(end)), "time");
  return static_cast<double>(elapsed);
}

CudaState find_state() {
  CudaState state{.needed = CUDART_VERSION, .lowest_capability = INNERLOOP_HAS_CUDA};
  const cudaError_t status = cudaGetDeviceCount(&state.gpus);
  cudaGetLastError();
  state.insufficient_driver = status == cudaErrorInsufficientDriver;
  if (status != cudaSuccess && status != cudaErrorInsufficientDriver && status != cudaErrorNoDevice)
    state.error = cudaGetErrorString(status);
  if (cudaDriverGetVersion(&state.driver) != cudaSuccess) state.driver = 0;
  int major = 0, minor = 0;
  if (status == cudaSuccess && cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0) == cudaSuccess &&
      cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0) == cudaSuccess)
    state.capability = 10 * major + minor;
  cudaGetLastError();
  return state;
}

}  // namespace

std::string why_cuda_is_unavailable() {
  static const std::string reason = what_is_missing(find_state());
  return reason;
}

const DeviceApi cuda_device_api = {.properties = properties,
                                   .allocate = allocate,
                                   .free = free_memory,
                                   .copy_to_device = copy<cudaMemcpyHostToDevice>,
                                   .copy_to_host = copy<cudaMemcpyDeviceToHost>,
                                   .copy_within = copy<cudaMemcpyDeviceToDevice>,
                                   .fill_bytes = fill_bytes,
                                   .create_stream = create_stream,
                                   .destroy_stream = destroy_stream,
                                   .synchronize = synchronize,
                                   .begin_capture = begin_capture,
                                   .end_capture = end_capture,
                                   .launch_graph = launch_graph,
                                   .destroy_graph = destroy_graph,
                                   .create_event = create_event,
                                   .destroy_event = destroy_event,
                                   .record_event = record_event,
                                   .milliseconds = milliseconds};

}  // namespace innerloop::kernels

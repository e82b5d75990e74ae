// What a device cannot do: plans for GPUs with less shared memory, and the messages for what is too large or missing.
#include <sstream>

#include "kernels/cuda/device_tables.h"
#include "kernels/cuda/mlp.h"
#include "kernels/cuda/simt/engine.h"
#include "tests/cuda/device_instances.h"

namespace innerloop::kernels {
namespace {

using Catch::Matchers::ContainsSubstring;

// The emulator is a GPU whose blocks have this much shared memory, while this lives.
struct SmallerDevice {
  simt::Options before = simt::options();
  explicit SmallerDevice(std::size_t bytes) { simt::options().shared_bytes = bytes; }
  ~SmallerDevice() { simt::options() = before; }
};

// Calls a kernel with operands of these sizes and no memory: it must refuse them before it looks.
void call_without_memory(Op op, Dtype dtype, const std::vector<Size>& sizes, Size out, Attr attr = {}) {
  std::vector<DeviceMatrix> in;
  for (const Size size : sizes) in.push_back({nullptr, size.rows, size.cols, size.count()});
  find_device_kernel(Device::simt, dtype, op)({.out = {nullptr, out.rows, out.cols, out.count()},
                                               .in = in.data(),
                                               .arity = static_cast<int>(in.size()),
                                               .tasks = 1,
                                               .attr = attr});
}

}  // namespace

TEST_CASE("fused networks fit a GPU with 99 KB of shared memory a block, or 163: other plans, right numbers",
          "[simt]") {
  for (std::size_t bytes : {std::size_t{101376}, std::size_t{166912}}) {
    const SmallerDevice device(bytes);
    CHECK(device_api(Device::simt).properties().shared_bytes_per_block == bytes);
    for (Op op : {Op::mlp, Op::mlp_bwd, Op::mlp_jvp, Op::mlp_hvp}) {
      Numbers numbers(5);
      const Instance one = instances::mlp(op, 9, {20, 100, 100, 6}, Activation::tanh, 0, numbers);
      INFO(one.text() << ", " << bytes << " bytes");
      const auto want = exact(one);
      CHECK(worst(run_on<float>(Device::simt, {one, 1, 0}), want, magnitude(one, want), 1e-5L) <= 1);
    }
    for (Op op : {Op::lstm_sequence, Op::lstm_sequence_bwd}) {
      Numbers numbers(5);
      const Instance one = instances::lstm(op, 2, 5, 96, numbers);  // 147 KB of U: in one block on the larger alone
      INFO(one.text() << ", " << bytes << " bytes");
      const auto want = exact(one);
      CHECK(worst(run_on<float>(Device::simt, {one, 1, 0}), want, magnitude(one, want), 1e-5L) <= 1);
    }
  }
}

TEST_CASE("whether a network is one operation depends on the shared memory of the device", "[simt]") {
  const std::vector<int> widths{20, 100, 100, 6};
  CHECK(mlp_fits(Device::simt, widths, Dtype::f32));
  CHECK(!mlp_fits(Device::simt, widths, Dtype::f64));
  CHECK(!mlp_fits(Device::simt, std::vector<int>{20, 300, 300, 300, 6}, Dtype::f32));
  const SmallerDevice device(101376);
  CHECK(!mlp_fits(Device::simt, widths, Dtype::f32));
  CHECK(mlp_fits(Device::simt, std::vector<int>{20, 64, 64, 6}, Dtype::f32));
}

TEST_CASE("what is too large for a device is refused, saying what, how large, and what to do", "[simt]") {
  CHECK_THROWS_WITH(call_without_memory(Op::mlp, Dtype::f32, {{5, 8000}, {8000, 10}, {1, 10}}, {5, 10}),
                    ContainsSubstring("mlp: the layers are too wide") && ContainsSubstring("231424 bytes") &&
                        ContainsSubstring("layers one by one"));
  CHECK_THROWS_WITH(call_without_memory(Op::matmul, Dtype::f32, {{5000000, 2}, {2, 3}}, {5000000, 3}),
                    ContainsSubstring("at most 4 million rows a task; use smaller batches"));
  CHECK_THROWS_WITH(call_without_memory(Op::tanh, Dtype::f32, {{65536, 32768}}, {65536, 32768}),
                    ContainsSubstring("at most 2³¹ − 1 numbers a task; use smaller batches"));
}

TEST_CASE("why CUDA cannot be used: no driver, an old one, no GPU, too old a GPU, any other error", "[device]") {
  struct Case {
    CudaState state;
    std::string text;
  };
  const Case cases[] = {
      {{.insufficient_driver = true, .needed = 13000, .lowest_capability = 90},
       "there is no NVIDIA driver on this machine; install one for CUDA 13.0"},
      {{.needed = 12080, .lowest_capability = 90},
       "there is no NVIDIA driver on this machine; install one for CUDA 12.8"},
      {{.insufficient_driver = true, .driver = 12040, .needed = 13000, .lowest_capability = 90},
       "the NVIDIA driver serves CUDA 12.4, and this build needs 13.0; update the driver"},
      {{.driver = 13000, .needed = 13000, .lowest_capability = 90}, "the driver finds no GPU"},
      {{.gpus = 1, .driver = 13000, .needed = 13000, .lowest_capability = 90}, "does not tell its compute capability"},
      {{.gpus = 1, .driver = 13000, .needed = 13000, .capability = 86, .lowest_capability = 90},
       "the GPU has compute capability 8.6, and this build's kernels need 9.0; configure with -D "
       "CMAKE_CUDA_ARCHITECTURES=86"},
      {{.gpus = 2, .driver = 13000, .needed = 13000, .lowest_capability = 90, .error = "system not yet initialized"},
       "device cuda: system not yet initialized"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const std::string reason = what_is_missing(c.state);
    CHECK_THAT(reason, ContainsSubstring("device cuda: ") && ContainsSubstring(c.text) &&
                           ContainsSubstring("or use device simt"));
  }
  for (int capability : {90, 100, 120})
    CHECK(what_is_missing({.gpus = 1, .driver = 13010, .needed = 13000, .capability = capability,
                           .lowest_capability = 90}) == "");
}

TEST_CASE("what destructors ask of a device never throws, whatever it is given", "[device]") {
  static_assert(noexcept(simt_device_api.free(nullptr)) && noexcept(simt_device_api.destroy_stream(nullptr)) &&
                noexcept(simt_device_api.destroy_graph(nullptr)) && noexcept(simt_device_api.destroy_event(nullptr)));
  CHECK_NOTHROW(simt_device_api.destroy_graph(nullptr));
#ifdef INNERLOOP_HAS_CUDA
  int not_of_a_gpu = 0;
  CHECK_NOTHROW(cuda_device_api.free(&not_of_a_gpu));  // told on stderr
  CHECK_NOTHROW(cuda_device_api.destroy_graph(nullptr));
#endif
}

TEST_CASE("a capture in which memory was asked for fails at its end too, and leaves nothing behind", "[device]") {
  const DeviceApi& api = device_api(Device::simt);
  void* stream = api.create_stream();
  api.begin_capture(stream);
  CHECK_THROWS_WITH(api.allocate(8), ContainsSubstring("while a graph is being captured"));
  CHECK_THROWS_WITH(api.end_capture(stream), ContainsSubstring("the capture failed"));
  api.begin_capture(stream);
  api.destroy_graph(api.end_capture(stream));
  api.destroy_stream(stream);
}

}  // namespace innerloop::kernels

// Products by a library: what cuBLAS is asked for, when, and what is said when it cannot be used. Without a GPU a
// library of plain loops stands in for it.
#include "kernels/cuda/cublas.h"

#include <cmath>

#include "autodiff/device.h"
#include "autodiff/ops.h"
#include "autodiff/program.h"
#include "kernels/cuda/simt/engine.h"
#include "kernels/cuda/simt/race.h"
#include "tests/cuda/products.h"

namespace innerloop::kernels {
namespace {

using Catch::Matchers::ContainsSubstring;

// cublas<t>gemmStridedBatched as its documentation defines it: matrices lie column by column, ld numbers apart.
template <class T>
void column_major_gemm(const CublasArguments& p) {
  const T *a = static_cast<const T*>(p.a), *b = static_cast<const T*>(p.b);
  T* c = static_cast<T*>(p.c);
  for (int t = 0; t < p.batch; ++t, a += p.stride_a, b += p.stride_b, c += p.stride_c)
    for (int j = 0; j < p.n; ++j)
      for (int i = 0; i < p.m; ++i) {
        T sum = 0;
        for (int l = 0; l < p.k; ++l)
          sum += (p.transpose_a ? a[i * p.lda + l] : a[l * p.lda + i]) *
                 (p.transpose_b ? b[l * p.ldb + j] : b[j * p.ldb + l]);
        c[j * p.ldc + i] = (p.accumulate ? c[j * p.ldc + i] : T(0)) + sum;
      }
}

constexpr std::size_t stand_in_workspace = 512;
int products = 0;
bool allocates = false;  // does what no capture allows

void multiply(Dtype dtype, const CublasArguments& p, void*, void* workspace) {
  REQUIRE(workspace != nullptr);
  ++products;
  if (allocates) {
    const DeviceApi& api = device_api(Device::simt);
    api.free(api.allocate(256));
  }
  const auto work = [dtype, p] { dtype == Dtype::f32 ? column_major_gemm<float>(p) : column_major_gemm<double>(p); };
  if (simt::Recorder* recorder = simt::recorder()) recorder->push_back(work);
  else work();
}

// The emulated device has a library while this lives.
struct StandIn {
  GemmLibrary library{"column-major loops", stand_in_workspace, multiply};
  StandIn() { products = 0, set_emulated_gemm_library(&library); }
  ~StandIn() { allocates = false, set_emulated_gemm_library(nullptr); }
};

}  // namespace

TEST_CASE("what cuBLAS is asked for, column-major, is the row-major product: every transpose, stride and odd shape",
          "[device]") {
  for (ProductSize size : {ProductSize{1, 1, 1}, {3, 5, 7}, {17, 2, 9}, {1, 8, 3}, {6, 1, 4}})
    for (int transposes = 0; transposes < 4; ++transposes)
      for (unsigned shared = 0; shared < 4; ++shared)
      {
        const Attr attr{.i = transposes % 2, .j = transposes / 2};
        const TaskInstance instance{product_instance(Op::matmul, size, attr, 3), 3, shared};
        INFO(instance.text());

        // The operands as a device would have them.
        std::vector<std::vector<double>> numbers(2);
        std::vector<DeviceMatrix> in;
        for (std::size_t k = 0; k < 2; ++k) {
          const Size s = instance.base.in[k];
          for (int t = 0; t < (instance.is_shared(k) ? 1 : 3); ++t) {
            const std::vector<double> block = instance.of(t).values[k];
            numbers[k].insert(numbers[k].end(), block.begin(), block.end());
          }
          in.push_back({numbers[k].data(), s.rows, s.cols, instance.is_shared(k) ? 0 : s.count()});
        }
        const Size c = instance.base.out;
        std::vector<double> out(3 * c.count(), NAN), sum(3 * c.count(), 0.25);
        DeviceCall call{.out = {out.data(), c.rows, c.cols, c.count()},
                        .in = in.data(),
                        .arity = 2,
                        .tasks = 3,
                        .attr = attr};
        column_major_gemm<double>(cublas_arguments(Op::matmul, call));
        CHECK(worst_error(instance, out, 2e-15L) <= 1);

        call.out.data = sum.data(), call.attr.x = 1;
        column_major_gemm<double>(cublas_arguments(Op::matmul, call));
        for (double& y : out) y += 0.25;
        CHECK(same_bits(sum, out));
      }
}

TEST_CASE("products from 128 × 128, 64 deep, are the library's, smaller ones the kernel's; both are right",
          "[device]") {
  if (simt::race::active()) return;  // the loops are not a kernel
  const StandIn stand_in;
  struct Case {
    ProductSize size;
    bool large;
  };
  for (const auto& [size, large] : {Case{{128, 128, 64}, true}, {{130, 129, 67}, true}, {{127, 128, 64}, false},
                                    {{128, 127, 64}, false}, {{128, 128, 63}, false}})
    for (int transposes = 0; transposes < 4; ++transposes) {
      const TaskInstance instance{product_instance(Op::matmul, size, {0, 0, transposes % 2, transposes / 2}, 5), 2,
                                  static_cast<unsigned>(transposes)};
      INFO(instance.text());
      for (Device device : devices()) {
        products = 0;
        CHECK(worst_error(instance, run_on<double>(device, instance), 1e-11L) <= 1);
        CHECK(worst_error(instance, run_on<float>(device, instance), 1e-5L) <= 1);
        if (device == Device::simt) CHECK(products == (large ? 2 : 0));
      }
    }
}

TEST_CASE("a large product adds to what C holds, and without workspace or library the kernel does it", "[device]") {
  if (simt::race::active()) return;
  const TaskInstance sum{product_instance(Op::matmul, {128, 131, 70}, {1, 0, 1, 0}, 6), 2, 1};
  const TaskInstance plain{product_instance(Op::matmul, {128, 131, 70}, {0, 0, 1, 0}, 6), 2, 1};
  for (Device device : devices()) {
    INFO(name_of(device));
    std::vector<double> added, own;
    {
      const StandIn stand_in;
      added = run_on<double>(device, sum, -1, std::vector<double>(2 * sum.base.out.count(), 0.5));
      if (device == Device::simt) CHECK(products == 1);
      own = run_on<double>(device, plain, -1, {}, false);
      if (device == Device::simt) CHECK(products == 1);
    }
    CHECK(worst_error(plain, own, 1e-11L) <= 1);
    for (double& y : added) y -= 0.5;
    CHECK(worst_error(plain, added, 1e-11L) <= 1);
    if (device == Device::simt) CHECK(same_bits(run_on<double>(device, plain), own));
  }
}

TEST_CASE("a large dense layer is the library's product, then bias and activation", "[device]") {
  if (simt::race::active()) return;
  const StandIn stand_in;
  for (int activation = 0; activation < 4; ++activation)
    for (unsigned shared : {0U, 2U, 4U, 7U}) {
      const TaskInstance instance{product_instance(Op::dense, {129, 130, 65}, {0, 0, activation, 0}, 7), 2, shared};
      INFO(instance.text());
      for (Device device : devices()) {
        products = 0;
        const auto f64 = run_on<double>(device, instance);
        CHECK(worst_error(instance, f64, 1e-11L) <= 1);
        CHECK(worst_error(instance, run_on<float>(device, instance), 1e-5L) <= 1);
        if (device == Device::simt) CHECK(products == 2);
        else CHECK(same_bits(f64, run_on<double>(device, instance)));
      }
    }
}

namespace {

// y = A·B of 128 × 128 × 64 on the emulated device, run again and again.
struct LargeProgram {
  std::shared_ptr<Graph> graph = std::make_shared<Graph>(Dtype::f64);
  Tensor a = numbers({1, 128, 64}, 1), b = numbers({1, 64, 128}, 2), y{{1, 128, 128}, Dtype::f64, Device::simt};
  std::unique_ptr<Program> program;

  LargeProgram() {
    graph->set_device(Device::simt);
    const Var product = matmul(graph->input(a.shape(), "A"), graph->input(b.shape(), "B"));
    program = std::make_unique<Program>(graph, std::span(&product, 1), std::span<const char>{}, Device::simt);
  }
  static Tensor numbers(Shape shape, unsigned seed) {
    Numbers random(seed);
    return Tensor::from(shape, random.matrix({shape.rows, shape.cols}, -1, 1)).to(Device::simt);
  }
  Tensor run() {
    const void* in[] = {a.data(), b.data()};
    void* out[] = {y.mutable_data()};
    program->run(in, out, {});
    return y.to(Device::cpu);
  }
};

}  // namespace

TEST_CASE("a program's large products are captured with the rest: the library is asked twice, however often it runs",
          "[device]") {
  const StandIn stand_in;
  LargeProgram large;
  const std::uint64_t captures = device_statistics().captures;
  const Tensor first = large.run();
  CHECK(products == 1);
  CHECK(device_statistics().captures == captures);  // what is met once is not worth a graph
  for (int run = 0; run < 4; ++run) CHECK(bitwise_equal(large.run(), first));
  CHECK(products == 2);
  CHECK(device_statistics().captures == captures + 1);
}

TEST_CASE("of a capture that fails, the first error is told, and the next capture works", "[device]") {
  const StandIn stand_in;
  LargeProgram large;
  const Tensor first = large.run();
  allocates = true;
  CHECK_THROWS_WITH(large.run(), ContainsSubstring("memory is allocated while a graph is being captured"));
  allocates = false;
  CHECK(bitwise_equal(large.run(), first));
  CHECK(products == 3);
}

TEST_CASE("cuBLAS is opened by name: off, nowhere, another library and a wrong path each say or do what they should",
          "[device]") {
  CHECK(!open_cublas("off", 13).has_value());
  CHECK_THROWS_WITH(open_cublas("/nowhere/libcublas.so", 13),
                    ContainsSubstring("INNERLOOP_CUBLAS") && ContainsSubstring("/nowhere/libcublas.so") &&
                        ContainsSubstring("set it to off"));
  std::string complaint;
  CHECK(!SharedLibrary::open({"libinnerloop_is_not_here.so.1", "libnor_this.so"}, complaint).has_value());
  CHECK_THAT(complaint, ContainsSubstring("libinnerloop_is_not_here.so.1") && ContainsSubstring("libnor_this.so"));

  const auto maths = SharedLibrary::open({"libinnerloop_is_not_here.so", "libm.so.6"}, complaint);
  REQUIRE(maths.has_value());
  CHECK(maths->name() == "libm.so.6");
  CHECK(reinterpret_cast<double (*)(double)>(maths->symbol("cos"))(0.0) == 1);
  CHECK_THROWS_WITH(maths->symbol("cublasCreate_v2"),
                    ContainsSubstring("libm.so.6 has no function 'cublasCreate_v2'"));
}

TEST_CASE("a status of cuBLAS other than success becomes an error that names it", "[device]") {
  CHECK_NOTHROW(check_cublas(0, "CUBLAS_STATUS_SUCCESS", "2 products"));
  CHECK_THROWS_WITH(check_cublas(13, "CUBLAS_STATUS_EXECUTION_FAILED", "2 products"),
                    ContainsSubstring("2 products: CUBLAS_STATUS_EXECUTION_FAILED (13)") &&
                        ContainsSubstring("INNERLOOP_CUBLAS=off"));
  CHECK(gemm_library(Device::cpu) == nullptr);
  CHECK(gemm_library(Device::simt) == nullptr);
}

#ifdef INNERLOOP_HAS_CUDA
TEST_CASE("without a GPU cuBLAS itself says that it cannot start, and that is told", "[device]") {
  if (why_unavailable(Device::cuda).empty()) {  // there is one: where there is a cuBLAS too, it starts
    if (const GemmLibrary* library = gemm_library(Device::cuda))
      CHECK_THAT(library->name, ContainsSubstring("cuBLAS 1"));
    return;
  }
  bool opened = true;
  try {
    opened = cuda_gemm_library() != nullptr;
  } catch (const Error& error) {
    CHECK_THAT(error.what(), ContainsSubstring("cuBLAS: start of ") && ContainsSubstring("CUBLAS_STATUS_"));
    opened = false;
  }
  CHECK(!opened);
}
#endif

}  // namespace innerloop::kernels

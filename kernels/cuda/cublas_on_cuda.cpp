// cuBLAS, opened while the program runs. Compiled where there is an nvcc only; what it is asked is in cublas.cpp.
#include "kernels/cuda/cublas.h"

#if __has_include(<cublas_v2.h>)

#include <cublas_v2.h>

#include <cstdlib>
#include <memory>
#include <mutex>

#include "kernels/require.h"

namespace innerloop::kernels {
namespace {

// What cuBLAS would take for itself on compute capability 9.0.
constexpr std::size_t workspace_bytes = std::size_t{32} << 20;

class Cublas {
 public:
  explicit Cublas(const SharedLibrary& library) {
    get(library, "cublasCreate_v2", create_);
    get(library, "cublasGetVersion_v2", version_);
    get(library, "cublasGetStatusName", status_name_);
    get(library, "cublasSetMathMode", set_math_mode_);
    get(library, "cublasSetStream_v2", set_stream_);
    get(library, "cublasSetWorkspace_v2", set_workspace_);
    get(library, "cublasSgemmStridedBatched", multiply_f32_);
    get(library, "cublasDgemmStridedBatched", multiply_f64_);
    check(create_(&handle_), "start of " + library.name());
    // No TF32, and no emulation of one format by another: products are rounded as the types say.
    check(set_math_mode_(handle_, CUBLAS_PEDANTIC_MATH), "setting of the arithmetic");
  }

  std::string name() {
    int version = 0;
    check(version_(handle_, &version), "version");
    return "cuBLAS " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100);
  }

  // Which memory a product works in decides how cuBLAS splits it, and so in which order it adds. The workspace is set
  // each time: a new stream resets it.
  void multiply(Dtype dtype, const CublasArguments& p, void* stream, void* workspace) {
    const std::lock_guard lock(mutex_);
    check(set_stream_(handle_, static_cast<cudaStream_t>(stream)), "choosing a stream");
    check(set_workspace_(handle_, workspace, workspace_bytes), "choosing a workspace");
    if (dtype == Dtype::f32) multiply<float>(multiply_f32_, p);
    else multiply<double>(multiply_f64_, p);
  }

 private:
  template <class F>
  static void get(const SharedLibrary& library, const char* symbol, F& function) {
    function = reinterpret_cast<F>(library.symbol(symbol));
  }

  void check(cublasStatus_t status, const std::string& what) const {
    if (status != CUBLAS_STATUS_SUCCESS) check_cublas(static_cast<int>(status), status_name_(status), what);
  }

  template <class T, class F>
  void multiply(F function, const CublasArguments& p) {
    const auto operation = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
    const T alpha = 1, beta = p.accumulate ? T(1) : T(0);
    const cublasStatus_t status =
        function(handle_, operation(p.transpose_a), operation(p.transpose_b), p.m, p.n, p.k, &alpha,
                 static_cast<const T*>(p.a), p.lda, p.stride_a, static_cast<const T*>(p.b), p.ldb, p.stride_b, &beta,
                 static_cast<T*>(p.c), p.ldc, p.stride_c, p.batch);
    if (status != CUBLAS_STATUS_SUCCESS)
      check(status, std::to_string(p.batch) + " products of " + std::to_string(p.n) + " × " + std::to_string(p.k) +
                        " and " + std::to_string(p.k) + " × " + std::to_string(p.m));
  }

  decltype(&cublasCreate_v2) create_;
  decltype(&cublasGetVersion_v2) version_;
  decltype(&cublasGetStatusName) status_name_;
  decltype(&cublasSetMathMode) set_math_mode_;
  decltype(&cublasSetStream_v2) set_stream_;
  decltype(&cublasSetWorkspace_v2) set_workspace_;
  decltype(&cublasSgemmStridedBatched) multiply_f32_;
  decltype(&cublasDgemmStridedBatched) multiply_f64_;
  cublasHandle_t handle_ = nullptr;
  std::mutex mutex_;
};

// Never destroyed: CUDA may be gone when static objects are.
Cublas* cublas = nullptr;

std::unique_ptr<GemmLibrary> open_library() {
  const std::optional<SharedLibrary> library = open_cublas(std::getenv("INNERLOOP_CUBLAS"), CUBLAS_VER_MAJOR);
  if (!library) return nullptr;
  cublas = new Cublas(*library);
  return std::make_unique<GemmLibrary>(
      GemmLibrary{cublas->name(), workspace_bytes,
                  [](Dtype dtype, const CublasArguments& arguments, void* stream, void* workspace) {
                    cublas->multiply(dtype, arguments, stream, workspace);
                  }});
}

}  // namespace

const GemmLibrary* cuda_gemm_library() {
  static const std::unique_ptr<GemmLibrary> library = open_library();
  return library.get();
}

}  // namespace innerloop::kernels

#else  // a toolkit without cuBLAS

const innerloop::kernels::GemmLibrary* innerloop::kernels::cuda_gemm_library() { return nullptr; }

#endif

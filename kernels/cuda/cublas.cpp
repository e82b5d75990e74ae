#include "kernels/cuda/cublas.h"

#include <dlfcn.h>

#include "kernels/require.h"

namespace innerloop::kernels {
namespace {

const GemmLibrary* emulated_library = nullptr;

bool is_product(Op op) { return op == Op::matmul || op == Op::dense; }
bool transposes_a(Op op, const DeviceCall& call) { return op == Op::matmul && call.attr.i == 1; }
bool transposes_b(Op op, const DeviceCall& call) { return op == Op::matmul && call.attr.j == 1; }

}  // namespace

ProductSize product_size(Op op, const DeviceCall& call) {
  return {call.out.rows, call.out.cols, transposes_a(op, call) ? call.in[0].rows : call.in[0].cols};
}

bool is_large(ProductSize size) {
  constexpr ProductSize least = smallest_large_product;
  return size.rows >= least.rows && size.cols >= least.cols && size.inner >= least.inner;
}

// A row-major matrix, read as column-major, is its transpose. So cuBLAS sees Aᵀ and Bᵀ, and is asked for Cᵀ, which is
// op(B)ᵀ·op(A)ᵀ: the factors change places, and each is transposed if it was to be.
CublasArguments cublas_arguments(Op op, const DeviceCall& call) {
  const DeviceMatrix &a = call.in[0], &b = call.in[1], &c = call.out;
  return {.transpose_a = transposes_b(op, call),
          .transpose_b = transposes_a(op, call),
          .m = c.cols,
          .n = c.rows,
          .k = product_size(op, call).inner,
          .a = b.data,
          .lda = b.cols,
          .stride_a = static_cast<std::int64_t>(b.stride),
          .b = a.data,
          .ldb = a.cols,
          .stride_b = static_cast<std::int64_t>(a.stride),
          .accumulate = op == Op::matmul && call.attr.x == 1,
          .c = c.data,
          .ldc = c.cols,
          .stride_c = static_cast<std::int64_t>(c.stride),
          .batch = call.tasks};
}

const GemmLibrary* gemm_library(Device device) {
  if (device == Device::simt) return emulated_library;
#ifdef INNERLOOP_HAS_CUDA
  if (device == Device::cuda) return cuda_gemm_library();
#endif
  return nullptr;
}

std::string large_products_by(Device device) {
  const GemmLibrary* library = gemm_library(device);
  return library ? library->name : "own kernel";
}

void set_emulated_gemm_library(const GemmLibrary* library) { emulated_library = library; }

std::size_t gemm_workspace(Device device, Op op, const DeviceCall& call) {
  if (!is_product(op) || !is_large(product_size(op, call))) return 0;
  const GemmLibrary* library = gemm_library(device);
  return library ? library->workspace_bytes : 0;
}

bool multiply_by_library(Device device, Dtype dtype, Op op, const DeviceCall& call) {
  const std::size_t bytes = gemm_workspace(device, op, call);
  if (bytes == 0 || call.workspace_bytes < bytes) return false;
  gemm_library(device)->multiply(dtype, cublas_arguments(op, call), call.stream, call.workspace);
  return true;
}

std::optional<SharedLibrary> SharedLibrary::open(const std::vector<std::string>& names, std::string& complaint) {
  for (const std::string& name : names) {
    if (void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) return SharedLibrary(name, handle);
    const char* reason = dlerror();
    complaint += (complaint.empty() ? "" : "; ") + std::string(reason ? reason : "cannot be opened");
  }
  return {};
}

void* SharedLibrary::symbol(const char* symbol_name) const {
  void* address = dlsym(handle_, symbol_name);
  require(address != nullptr, [&] {
    return "the library " + name_ + " has no function '" + symbol_name +
           "'; another version? Name the right file in INNERLOOP_CUBLAS, or set it to off";
  });
  return address;
}

std::optional<SharedLibrary> open_cublas(const char* environment, int major) {
  const std::string asked = environment ? environment : "";
  std::string complaint;
  if (asked == "off") return {};
  if (asked.empty()) return SharedLibrary::open({"libcublas.so." + std::to_string(major), "libcublas.so"}, complaint);
  std::optional<SharedLibrary> library = SharedLibrary::open({asked}, complaint);
  require(library.has_value(), [&] {
    return "INNERLOOP_CUBLAS names a library that cannot be opened: " + complaint +
           "; name cuBLAS's file (libcublas.so), or set it to off";
  });
  return library;
}

void check_cublas(int status, const char* name, const std::string& what) {
  if (status == 0) return;
  throw Error("device cuda: cuBLAS: " + what + ": " + name + " (" + std::to_string(status) +
              "); INNERLOOP_CUBLAS=off does without cuBLAS");
}

}  // namespace innerloop::kernels

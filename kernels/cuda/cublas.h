// Large products by a library: cuBLAS on a GPU, where the machine has it.
//
// The program does not link cuBLAS, it opens it when the first large product is planned: so it starts on machines that
// have none, where gemm.cu's own kernel does all products. The environment variable INNERLOOP_CUBLAS names the file to
// open instead of the usual one; "off" opens none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/cuda/call.h"

namespace innerloop::kernels {

// ---- Which products ------------------------------------------------------------------------------------------------

// Of a matmul or a dense layer: C is rows × cols, every number of it a sum of `inner` products.
struct ProductSize {
  int rows, cols, inner;
};
ProductSize product_size(Op op, const DeviceCall& call);

// From here on the library is taken: a task fills several of its tiles, and its sums are long enough to be worth them.
// A prediction, until it is measured (3 × 300 units and 2000 rows lie far above, 2 × 100 below).
constexpr ProductSize smallest_large_product{128, 128, 64};
bool is_large(ProductSize size);

// ---- In the library's words ----------------------------------------------------------------------------------------

// What cublas<t>gemmStridedBatched takes: C = op(A)·op(B), or C + op(A)·op(B), for every task. All of it column-major:
// C is m × n, the sums have k terms, number (r, c) of A lies at a[c·lda + r].
struct CublasArguments {
  bool transpose_a, transpose_b;
  int m, n, k;
  const void* a;
  int lda;
  std::int64_t stride_a;  // from task to task; 0: shared by all
  const void* b;
  int ldb;
  std::int64_t stride_b;
  bool accumulate;
  void* c;
  int ldc;
  std::int64_t stride_c;
  int batch;
};

// The product of a matmul or of a dense layer (without bias and activation).
CublasArguments cublas_arguments(Op op, const DeviceCall& call);

// ---- The library ---------------------------------------------------------------------------------------------------

struct GemmLibrary {
  std::string name;             // "cuBLAS 13.0"
  std::size_t workspace_bytes;  // of every call: memory of its own choosing would not be the same from run to run
  void (*multiply)(Dtype dtype, const CublasArguments& arguments, void* stream, void* workspace);
};

// The device's library, or null. Opened by the first call, which must not come during a capture; throws Error where
// the library is there, but cannot be used.
const GemmLibrary* gemm_library(Device device);
std::string large_products_by(Device device);  // what to tell a reader: the library's name, or "own kernel"
void set_emulated_gemm_library(const GemmLibrary* library);  // of Device::simt, for tests; null: none, as at first

// The bytes of workspace with which the product is the library's: 0 where it will be the kernel's own.
std::size_t gemm_workspace(Device device, Op op, const DeviceCall& call);
// Does the product if it is the library's; else false.
bool multiply_by_library(Device device, Dtype dtype, Op op, const DeviceCall& call);

// ---- Opening it ----------------------------------------------------------------------------------------------------

// A library opened while the program runs. It stays open until the program ends.
class SharedLibrary {
 public:
  // The first of these names that can be opened; the reasons why none can are added to `complaint`.
  static std::optional<SharedLibrary> open(const std::vector<std::string>& names, std::string& complaint);
  const std::string& name() const { return name_; }
  void* symbol(const char* symbol_name) const;  // Error if it has none of this name

 private:
  SharedLibrary(std::string name, void* handle) : name_(std::move(name)), handle_(handle) {}
  std::string name_;
  void* handle_;
};

// environment: the value of INNERLOOP_CUBLAS, or null. major: of the toolkit that the program was built with. None if
// cuBLAS is off or nowhere; Error if the environment names a file that cannot be opened.
std::optional<SharedLibrary> open_cublas(const char* environment, int major);

// Throws Error unless the status is success (0). name: cuBLAS's own name of the status.
void check_cublas(int status, const char* name, const std::string& what);

const GemmLibrary* cuda_gemm_library();  // in builds with nvcc only

}  // namespace innerloop::kernels

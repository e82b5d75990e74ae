// Tensor owns numbers: a shape, a dtype, a device. Tensors (plural) is a named list of them. Neither knows a graph.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/philox.h"
#include "kernels/require.h"
#include "kernels/shape.h"

namespace innerloop {

// A value: copies share storage until one of them is written through mutable access (copy on write).
//
// Numbers of a tensor on a device are read by .to(Device::cpu); what reads few of them (at, item) or is for tests
// (to_vector, all_finite, bitwise_equal, relative_error) does so by itself.
class Tensor {
 public:
  Tensor() = default;  // empty: shape (0, 0, 0)
  explicit Tensor(Shape shape, Dtype dtype = Dtype::f64, Device device = Device::cpu);  // zeros
  // For whoever writes every number at once: until then they are anything.
  static Tensor uninitialised(Shape shape, Dtype dtype, Device device);
  static Tensor full(Shape shape, double value, Dtype dtype = Dtype::f64);
  static Tensor scalar(double value, Dtype dtype = Dtype::f64) { return full({1, 1, 1}, value, dtype); }
  static Tensor from(Shape shape, std::span<const double> values, Dtype dtype = Dtype::f64);
  static Tensor from(Shape shape, std::initializer_list<double> values, Dtype dtype = Dtype::f64) {
    return from(shape, std::span(values.begin(), values.size()), dtype);
  }

  Shape shape() const { return shape_; }
  Dtype dtype() const { return dtype_; }
  Device device() const { return device_; }
  bool empty() const { return shape_.size() == 0; }
  std::size_t size() const { return shape_.size(); }
  std::size_t bytes() const { return size() * size_of(dtype_); }

  const void* data() const { return storage_.get(); }  // an address of the tensor's own device
  void* mutable_data();                                // unshares first
  template <class T> std::span<const T> values() const;  // T must match the dtype, the device be the cpu, else Error
  template <class T> std::span<T> mutable_values();
  bool is_unique() const { return storage_.use_count() == 1; }

  double at(int task, int row, int col) const;  // slow, for tests and printing
  double item() const { return at(0, 0, 0); }   // the number of a (1,1,1) tensor
  void set(int task, int row, int col, double value);
  void set_row(int task, int row, std::span<const double> numbers);  // all of its columns
  void assign(std::span<const double> values);       // all numbers, in order, as the tensor's dtype
  void copy_to(std::span<double> values) const;      // and back, without an allocation
  std::vector<double> to_vector() const;
  Tensor to(Dtype dtype) const;
  Tensor to(Device device) const;  // the same storage if it is there already
  Tensor reshaped(Shape shape) const;  // same numbers, shared storage
  bool all_finite() const;

 private:
  std::size_t index_of(int task, int row, int col) const;  // in the storage; an Error where there is no such number

  Shape shape_{0, 0, 0};
  Dtype dtype_ = Dtype::f64;
  Device device_ = Device::cpu;
  std::shared_ptr<std::byte[]> storage_;  // 64-byte aligned
};

// "(1, 2, 3) f64" and the numbers to 6 digits, a line a row; of many tasks, rows or columns the first and the last few.
std::ostream& operator<<(std::ostream& out, const Tensor& tensor);

// Normal numbers N(0, 1), in order; a place gives 8192 of them, so its trajectory counts those before it.
void fill_normal(Tensor& tensor, std::uint64_t seed, Place place);

// Same shape, dtype and bits.
bool bitwise_equal(const Tensor& a, const Tensor& b);
// max |a − b| / max(‖a‖∞, ‖b‖∞, tiny): the project's measure of error.
double relative_error(const Tensor& a, const Tensor& b);

// A named, ordered list of tensors: parameters, batches, gradients. Names are unique ("policy/W1").
class Tensors {
 public:
  Tensors() = default;
  Tensors(std::initializer_list<std::pair<std::string, Tensor>> entries);  // Tensors{{"W", W}, {"b", b}}
  void add(std::string name, Tensor value);
  std::size_t count() const { return values_.size(); }
  bool contains(std::string_view name) const;
  // Error with the nearest name if absent. Of a list that is about to go (what a call returned) the tensor itself.
  Tensor& operator[](std::string_view name) &;
  const Tensor& operator[](std::string_view name) const&;
  Tensor operator[](std::string_view name) && { return std::move((*this)[name]); }
  Tensor& operator[](std::size_t index) & { return values_[index]; }
  const Tensor& operator[](std::size_t index) const& { return values_[index]; }
  Tensor operator[](std::size_t index) && { return std::move(values_[index]); }
  const std::string& name(std::size_t index) const { return names_[index]; }
  std::size_t number_count() const;  // elements in all tensors together

  // The flat view: all numbers one after the other, in list order, as f64; and back into the same list.
  std::vector<double> flat() const;
  Tensors with_flat(std::span<const double> numbers) const;
  Tensors to(Dtype dtype) const;
  Tensors to(Device device) const;
  bool all_finite() const;

 private:
  std::vector<std::string> names_;
  std::vector<Tensor> values_;
};

using ParamValues = Tensors;
using BatchValues = Tensors;

// Error unless two lists, of Tensors or of Vars, have the same names in the same order. Allocates nothing if they do.
template <class List>
void require_same_names(std::string_view what, const List& a, const List& b) {
  std::size_t same = 0;
  while (same < a.count() && same < b.count() && a.name(same) == b.name(same)) ++same;
  if (same == a.count() && same == b.count()) [[likely]]
    return;
  const std::string rule = std::string(what) + " need the same names in the same order, but ";
  if (a.count() != b.count())
    throw Error(rule + "one holds " + std::to_string(a.count()) + ", the other " + std::to_string(b.count()));
  throw Error(rule + "number " + std::to_string(same + 1) + " is '" + a.name(same) + "' in one and '" + b.name(same) +
              "' in the other");
}

// Arithmetic by position; names and shapes must agree. Computed in the tensors' own dtype, and on the device where one
// of the two is; the result stays there.
Tensors operator+(const Tensors& a, const Tensors& b);
Tensors operator-(const Tensors& a, const Tensors& b);
Tensors operator-(const Tensors& a);
Tensors operator*(double factor, const Tensors& a);
Tensors operator*(const Tensors& a, double factor);
double dot(const Tensors& a, const Tensors& b);  // Σ aᵢbᵢ accumulated in f64, in order (on a device: a fixed tree)
double norm(const Tensors& a);
bool bitwise_equal(const Tensors& a, const Tensors& b);

}  // namespace innerloop

#include "autodiff/tensor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "autodiff/device.h"
#include "kernels/cuda/table.h"
#include "kernels/nearest.h"
#include "kernels/require.h"

namespace innerloop {
namespace {

// Calls body(a typed pointer's zero value) so that one lambda serves both dtypes.
template <class Body>
decltype(auto) with_type(Dtype dtype, Body&& body) {
  if (dtype == Dtype::f32) return body(float{});
  return body(double{});
}

template <class T> constexpr Dtype dtype_of() { return sizeof(T) == 4 ? Dtype::f32 : Dtype::f64; }

void require_same_list(const Tensors& a, const Tensors& b) {
  if (&a == &b) return;
  require_same_names("two lists of tensors", a, b);
  for (std::size_t i = 0; i < a.count(); ++i)
    if (a[i].shape() != b[i].shape() || a[i].dtype() != b[i].dtype()) [[unlikely]]
      require(false, "lists of tensors do not match at '" + a.name(i) + "': " + to_string(a[i].shape()) + " " +
                         name_of(a[i].dtype()) + " and " + to_string(b[i].shape()) + " " + name_of(b[i].dtype()));
}

// out = op(a, b), or op(a) where b is null, by a kernel of the device on which all of them are.
void run_on_device(Op op, Attr attr, Tensor& out, const Tensor& a, const Tensor* b) {
  const auto matrix = [](const Tensor& t, const void* data) {
    return kernels::DeviceMatrix{const_cast<void*>(data), 1, static_cast<int>(t.size()), t.size()};
  };
  const kernels::DeviceMatrix in[] = {matrix(a, a.data()), b ? matrix(*b, b->data()) : kernels::DeviceMatrix{}};
  const kernels::DeviceKernel kernel = kernels::find_device_kernel(out.device(), out.dtype(), op);
  require(kernel != nullptr, [&] { return std::string("there is no kernel of device ") + name_of(out.device()); });
  kernel({matrix(out, out.mutable_data()), in, b ? 2 : 1, 1, attr, stream_of(out.device())});
}

// The device on which two tensors meet: the one that is not the CPU.
Device common_device(const Tensor& a, const Tensor& b) { return a.device() == Device::cpu ? b.device() : a.device(); }

// Applies combine(a, b) to every pair of numbers; on a device, the operation `op`.
template <class Combine>
Tensors zip(const Tensors& a, const Tensors& b, Combine combine, Op op, Attr attr = {}) {
  require_same_list(a, b);
  Tensors result;
  for (std::size_t i = 0; i < a.count(); ++i) {
    const Device device = common_device(a[i], b[i]);
    Tensor out = Tensor::uninitialised(a[i].shape(), a[i].dtype(), device);
    if (device != Device::cpu) {
      const Tensor x = a[i].to(device), y = b[i].to(device);
      run_on_device(op, attr, out, x, op == Op::scale ? nullptr : &y);
    } else {
      with_type(out.dtype(), [&](auto zero) {
        using T = decltype(zero);
        auto x = a[i].values<T>();
        auto y = b[i].values<T>();
        auto z = out.mutable_values<T>();
        for (std::size_t n = 0; n < z.size(); ++n) z[n] = combine(x[n], y[n]);
      });
    }
    result.add(a.name(i), std::move(out));
  }
  return result;
}

// Σ aᵢbᵢ of two tensors on a device. One number comes back.
double dot_on_device(const Tensor& a, const Tensor& b) {
  const Device device = common_device(a, b);
  const Tensor x = a.to(device), y = b.to(device);
  Tensor products = Tensor::uninitialised(x.shape(), x.dtype(), device);
  Tensor sum = Tensor::uninitialised({1, 1, 1}, x.dtype(), device);
  run_on_device(Op::mul, {}, products, x, &y);
  run_on_device(Op::sum_all, {}, sum, products, nullptr);
  return sum.item();
}

}  // namespace

Tensor::Tensor(Shape shape, Dtype dtype, Device device) : shape_(shape), dtype_(dtype), device_(device) {
  require(shape.tasks >= 0 && shape.rows >= 0 && shape.cols >= 0, [&] {
    return "a tensor cannot have the shape " + to_string(shape);
  });
  storage_ = allocate(device, bytes());
  clear_bytes(storage_.get(), device, bytes());
}

Tensor Tensor::uninitialised(Shape shape, Dtype dtype, Device device) {
  Tensor t;
  t.shape_ = shape, t.dtype_ = dtype, t.device_ = device;
  t.storage_ = allocate(device, t.bytes());
  return t;
}

Tensor Tensor::full(Shape shape, double value, Dtype dtype) {
  Tensor t(shape, dtype);
  with_type(dtype, [&](auto zero) {
    std::ranges::fill(t.mutable_values<decltype(zero)>(), static_cast<decltype(zero)>(value));
  });
  return t;
}

Tensor Tensor::from(Shape shape, std::span<const double> values, Dtype dtype) {
  require(values.size() == shape.size(), [&] {
    return std::to_string(values.size()) + " numbers given for a tensor of shape " + to_string(shape);
  });
  Tensor t(shape, dtype);
  with_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    std::ranges::transform(values, t.mutable_values<T>().begin(), [](double v) { return static_cast<T>(v); });
  });
  return t;
}

void* Tensor::mutable_data() {
  if (storage_ && !is_unique()) {
    auto copy = allocate(device_, bytes());
    copy_bytes(copy.get(), device_, storage_.get(), device_, bytes());
    storage_ = std::move(copy);
  }
  return storage_.get();
}

// Why values<T>() is refused; empty if it is not.
static std::string refusal(Dtype held, Dtype asked, Device device) {
  if (held != asked) return std::string("this tensor holds ") + name_of(held) + ", asked for the other dtype";
  if (device == Device::cpu) return "";
  return std::string("this tensor is on the device ") + name_of(device) + "; read a copy made by .to(Device::cpu)";
}

template <class T>
std::span<const T> Tensor::values() const {
  const std::string why_not = refusal(dtype_, dtype_of<T>(), device_);
  require(why_not.empty(), why_not);
  return {reinterpret_cast<const T*>(storage_.get()), size()};
}

template <class T>
std::span<T> Tensor::mutable_values() {
  const std::string why_not = refusal(dtype_, dtype_of<T>(), device_);
  require(why_not.empty(), why_not);
  return {static_cast<T*>(mutable_data()), size()};
}

template std::span<const float> Tensor::values() const;
template std::span<const double> Tensor::values() const;
template std::span<float> Tensor::mutable_values();
template std::span<double> Tensor::mutable_values();

std::size_t Tensor::index_of(int task, int row, int col) const {
  require(task >= 0 && task < shape_.tasks && row >= 0 && row < shape_.rows && col >= 0 && col < shape_.cols, [&] {
    return "element (" + std::to_string(task) + ", " + std::to_string(row) + ", " + std::to_string(col) +
           ") is outside a tensor of shape " + to_string(shape_);
  });
  return (static_cast<std::size_t>(task) * shape_.rows + row) * shape_.cols + col;
}

double Tensor::at(int task, int row, int col) const {
  const std::size_t index = index_of(task, row, col);
  return with_type(dtype_, [&](auto number) {
    copy_bytes(&number, Device::cpu, storage_.get() + index * sizeof number, device_, sizeof number);
    return static_cast<double>(number);
  });
}

void Tensor::set(int task, int row, int col, double value) {
  const std::size_t index = index_of(task, row, col);
  with_type(dtype_, [&](auto zero) { mutable_values<decltype(zero)>()[index] = static_cast<decltype(zero)>(value); });
}

void Tensor::set_row(int task, int row, std::span<const double> numbers) {
  require(numbers.size() == static_cast<std::size_t>(shape_.cols), [&] {
    return "set_row: the tensor is " + to_string(shape_) + ", there are " + std::to_string(numbers.size()) + " numbers";
  });
  if (numbers.empty()) return;
  const std::size_t first = index_of(task, row, 0);
  with_type(dtype_, [&](auto zero) {
    std::ranges::transform(numbers, mutable_values<decltype(zero)>().begin() + static_cast<std::ptrdiff_t>(first),
                           [](double x) { return static_cast<decltype(zero)>(x); });
  });
}

void Tensor::assign(std::span<const double> numbers) {
  require(numbers.size() == size(), [&] {
    return "assign: the tensor is " + to_string(shape_) + ", there are " + std::to_string(numbers.size()) + " numbers";
  });
  with_type(dtype_, [&](auto zero) {
    std::ranges::transform(numbers, mutable_values<decltype(zero)>().begin(),
                           [](double x) { return static_cast<decltype(zero)>(x); });
  });
}

void Tensor::copy_to(std::span<double> numbers) const {
  require(numbers.size() == size(), [&] {
    return "copy_to: the tensor is " + to_string(shape_) + ", there is room for " + std::to_string(numbers.size()) +
           " numbers";
  });
  with_type(dtype_, [&](auto zero) { std::ranges::copy(values<decltype(zero)>(), numbers.begin()); });
}

void fill_normal(Tensor& tensor, std::uint64_t seed, Place place) {
  constexpr std::size_t of_a_place = 8192;
  with_type(tensor.dtype(), [&](auto zero) {
    const auto numbers = tensor.mutable_values<decltype(zero)>();
    for (std::size_t first = 0; first < numbers.size(); first += of_a_place) {
      place.trajectory = static_cast<std::uint32_t>(first / of_a_place);
      Philox random(seed, place);
      const std::size_t last = std::min(numbers.size(), first + of_a_place);
      for (std::size_t k = first; k < last; ++k) numbers[k] = static_cast<decltype(zero)>(random.normal());
    }
  });
}

std::vector<double> Tensor::to_vector() const {
  if (device_ != Device::cpu) return to(Device::cpu).to_vector();
  return with_type(dtype_, [&](auto zero) {
    auto v = values<decltype(zero)>();
    return std::vector<double>(v.begin(), v.end());
  });
}

Tensor Tensor::to(Dtype dtype) const {
  return dtype == dtype_ ? *this : from(shape_, to_vector(), dtype).to(device_);
}

Tensor Tensor::to(Device device) const {
  if (device == device_ || empty()) return *this;
  const Tensor copy = uninitialised(shape_, dtype_, device);
  copy_bytes(copy.storage_.get(), device, storage_.get(), device_, bytes());
  return copy;
}

Tensor Tensor::reshaped(Shape shape) const {
  require(shape.size() == size(), [&] { return "cannot reshape " + to_string(shape_) + " to " + to_string(shape); });
  Tensor t = *this;
  t.shape_ = shape;
  return t;
}

bool Tensor::all_finite() const {
  if (device_ != Device::cpu) return to(Device::cpu).all_finite();
  return with_type(dtype_, [&](auto zero) {
    return std::ranges::all_of(values<decltype(zero)>(), [](auto v) { return std::isfinite(v); });
  });
}

bool bitwise_equal(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  const Tensor x = a.to(Device::cpu), y = b.to(Device::cpu);
  return std::memcmp(x.data(), y.data(), a.bytes()) == 0;
}

double relative_error(const Tensor& a, const Tensor& b) {
  require(a.shape() == b.shape(), [&] {
    return "comparing tensors of shapes " + to_string(a.shape()) + " and " + to_string(b.shape());
  });
  std::vector<double> x = a.to_vector(), y = b.to_vector();
  double difference = 0, size = 1e-300;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!(std::isfinite(x[i]) && std::isfinite(y[i]))) return INFINITY;
    difference = std::max(difference, std::abs(x[i] - y[i]));
    size = std::max({size, std::abs(x[i]), std::abs(y[i])});
  }
  return difference / size;
}

Tensors::Tensors(std::initializer_list<std::pair<std::string, Tensor>> entries) {
  for (const auto& [name, tensor] : entries) add(name, tensor);
}

void Tensors::add(std::string name, Tensor value) {
  require(!contains(name), [&] { return "a list of tensors already holds '" + name + "'"; });
  names_.push_back(std::move(name));
  values_.push_back(std::move(value));
}

bool Tensors::contains(std::string_view name) const { return std::ranges::find(names_, name) != names_.end(); }

const Tensor& Tensors::operator[](std::string_view name) const& {
  auto found = std::ranges::find(names_, name);
  require(found != names_.end(), [&] {
    return "there is no tensor '" + std::string(name) + "'" + did_you_mean(name, names_);
  });
  return values_[static_cast<std::size_t>(found - names_.begin())];
}

Tensor& Tensors::operator[](std::string_view name) & { return const_cast<Tensor&>(std::as_const(*this)[name]); }

std::size_t Tensors::number_count() const {
  std::size_t total = 0;
  for (const Tensor& t : values_) total += t.size();
  return total;
}

std::vector<double> Tensors::flat() const {
  std::vector<double> numbers;
  numbers.reserve(number_count());
  for (const Tensor& t : values_) {
    std::vector<double> v = t.to_vector();
    numbers.insert(numbers.end(), v.begin(), v.end());
  }
  return numbers;
}

Tensors Tensors::with_flat(std::span<const double> numbers) const {
  require(numbers.size() == number_count(), [&] {
    return std::to_string(numbers.size()) + " numbers given for a list that holds " + std::to_string(number_count());
  });
  Tensors result;
  std::size_t used = 0;
  for (std::size_t i = 0; i < count(); ++i) {
    result.add(names_[i],
               Tensor::from(values_[i].shape(), numbers.subspan(used, values_[i].size()), values_[i].dtype()));
    used += values_[i].size();
  }
  return result;
}

Tensors Tensors::to(Dtype dtype) const {
  Tensors result;
  for (std::size_t i = 0; i < count(); ++i) result.add(names_[i], values_[i].to(dtype));
  return result;
}

Tensors Tensors::to(Device device) const {
  Tensors result;
  for (std::size_t i = 0; i < count(); ++i) result.add(names_[i], values_[i].to(device));
  return result;
}

bool Tensors::all_finite() const {
  return std::ranges::all_of(values_, [](const Tensor& t) { return t.all_finite(); });
}

Tensors operator+(const Tensors& a, const Tensors& b) {
  return zip(a, b, [](auto x, auto y) { return x + y; }, Op::add);
}

Tensors operator-(const Tensors& a, const Tensors& b) {
  return zip(a, b, [](auto x, auto y) { return x - y; }, Op::sub);
}

Tensors operator*(double factor, const Tensors& a) {
  return zip(a, a, [factor](auto x, auto) { return static_cast<decltype(x)>(factor) * x; }, Op::scale, {.x = factor});
}

Tensors operator*(const Tensors& a, double factor) { return factor * a; }
Tensors operator-(const Tensors& a) { return -1.0 * a; }

namespace {

// sum + Σ xₙyₙ, in order. Inlined, the sum would live across calls, and GCC puts it into memory at every element.
template <class T>
[[gnu::noinline]] double add_products(double sum, std::span<const T> x, std::span<const T> y) {
  for (std::size_t n = 0; n < x.size(); ++n) sum += static_cast<double>(x[n]) * static_cast<double>(y[n]);
  return sum;
}

}  // namespace

double dot(const Tensors& a, const Tensors& b) {
  require_same_list(a, b);
  double sum = 0;
  for (std::size_t i = 0; i < a.count(); ++i) {
    if (common_device(a[i], b[i]) != Device::cpu) {
      sum += dot_on_device(a[i], b[i]);
      continue;
    }
    sum = with_type(a[i].dtype(), [&](auto zero) {
      using T = decltype(zero);
      return add_products<T>(sum, a[i].values<T>(), b[i].values<T>());
    });
  }
  return sum;
}

double norm(const Tensors& a) { return std::sqrt(dot(a, a)); }

bool bitwise_equal(const Tensors& a, const Tensors& b) {
  if (a.count() != b.count()) return false;
  for (std::size_t i = 0; i < a.count(); ++i)
    if (a.name(i) != b.name(i) || !bitwise_equal(a[i], b[i])) return false;
  return true;
}

}  // namespace innerloop

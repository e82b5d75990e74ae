#include "rl/training/checkpoint.h"

#include <cmath>

#include "kernels/nearest.h"
#include "kernels/require.h"

namespace innerloop::rl {

void Checkpoint::operator()(std::string_view name, Tensor& tensor) {
  if (saving()) return save(name, tensor);
  const Tensor& value = saved(name, tensor.shape(), tensor.dtype());
  if (assigning()) tensor = value;
}

void Checkpoint::operator()(std::string_view prefix, Tensors& list) {
  const std::string before = prefix.empty() ? "" : std::string(prefix) + "/";
  for (std::size_t k = 0; k < list.count(); ++k) (*this)(before + list.name(k), list[k]);
}

void Checkpoint::operator()(std::string_view prefix, nn::AdamState& moments) {
  const std::string before = prefix.empty() ? "" : std::string(prefix) + "/";
  for (std::size_t k = 0; k < moments.m.count(); ++k) {
    (*this)(before + "m/" + moments.m.name(k), moments.m[k]);
    (*this)(before + "v/" + moments.v.name(k), moments.v[k]);
  }
  numbers(before + "steps", moments.steps);
}

void Checkpoint::operator()(std::string_view name, std::vector<double>& numbers) {
  if (saving()) return pack(name, numbers);
  std::vector<double> value = unpacked(name, numbers.size());
  if (assigning()) numbers = std::move(value);
}

void Checkpoint::operator()(std::string_view name, std::vector<std::uint64_t>& words) {
  if (saving()) {
    std::vector<double> pieces;
    for (const std::uint64_t word : words)
      for (int shift = 0; shift < 64; shift += 16) pieces.push_back(static_cast<double>(word >> shift & 0xffff));
    return pack(name, pieces);
  }
  const std::vector<double> pieces = unpacked(name, 4 * words.size());
  for (const double piece : pieces)
    if (!(piece >= 0 && piece <= 0xffff && piece == std::floor(piece))) refuse(name, "is not made of 16 bits a number");
  for (std::size_t n = 0; assigning() && n < words.size(); ++n) {
    words[n] = 0;
    for (std::size_t k = 0; k < 4; ++k) words[n] |= static_cast<std::uint64_t>(pieces[4 * n + k]) << (16 * k);
  }
}

void Checkpoint::from_first_iteration(std::string_view name, Tensor& tensor, Shape shape, Dtype dtype) {
  if (saving()) return tensor.empty() ? void() : save(name, tensor);
  const Tensor* value = iteration_ == 0 ? find(name) : &saved(name);
  if (value != nullptr) value = &saved(name, shape, dtype);
  if (assigning()) tensor = value != nullptr ? *value : Tensor();
}

void Checkpoint::save(std::string_view name, const Tensor& tensor) { into_->add(full_name(name), tensor); }

const Tensor* Checkpoint::find(std::string_view name) {
  const std::string full = full_name(name);
  visited_.insert(full);
  return from_->contains(full) ? &(*from_)[full] : nullptr;
}

const Tensor& Checkpoint::saved(std::string_view name) {
  const Tensor* tensor = find(name);
  if (tensor == nullptr) refuse(name, "is missing");
  return *tensor;
}

const Tensor& Checkpoint::saved(std::string_view name, Shape shape, Dtype dtype) {
  const Tensor& tensor = saved(name);
  if (tensor.shape() != shape || tensor.dtype() != dtype)
    refuse(name, "is " + to_string(tensor.shape()) + " " + name_of(tensor.dtype()) + ", this run needs " +
                     to_string(shape) + " " + name_of(dtype));
  return tensor;
}

void Checkpoint::refuse(std::string_view name, const std::string& what) const {
  throw Error("checkpoint: " + full_name(name) + " " + what + "; use the options of the run that wrote it");
}

void Checkpoint::require_all_visited() const {
  for (std::size_t k = 0; k < from_->count(); ++k)
    require(visited_.contains(from_->name(k)), [&] {
      return "checkpoint: " + from_->name(k) +
             " is nothing that this run remembers; use the options of the run that wrote it";
    });
}

void Checkpoint::pack(std::string_view name, std::span<const double> numbers) {
  save(name, Tensor::from({1, 1, static_cast<int>(numbers.size())}, numbers));
}

std::vector<double> Checkpoint::unpacked(std::string_view name, std::size_t count) {
  return saved(name, {1, 1, static_cast<int>(count)}, Dtype::f64).to_vector();
}

}  // namespace innerloop::rl

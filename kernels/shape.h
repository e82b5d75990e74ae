// Shape, Dtype and Device: the three properties of every block of numbers in innerloop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "kernels/words.h"

namespace innerloop {

enum class Dtype : std::uint8_t { f32, f64 };
// simt: the kernels of device cuda, emulated on the CPU (kernels/cuda/README.md).
enum class Device : std::uint8_t { cpu, cuda, simt };

// Bytes of one element.
constexpr std::size_t size_of(Dtype dtype) { return dtype == Dtype::f32 ? 4 : 8; }
constexpr auto words_of(Dtype) { return std::to_array<Word<Dtype>>({{"f32", Dtype::f32}, {"f64", Dtype::f64}}); }
constexpr const char* name_of(Dtype dtype) { return word_for(dtype); }
constexpr const char* name_of(Device device) {
  return device == Device::cpu ? "cpu" : device == Device::cuda ? "cuda" : "simt";
}

// Every tensor has the same three axes. The first counts tasks: tasks == 1 means "shared by all tasks".
// Numbers lie row-major: element (t, r, c) is number (t·rows + r)·cols + c.
struct Shape {
  int tasks = 1;
  int rows = 1;
  int cols = 1;

  constexpr Shape() = default;
  constexpr Shape(int r, int c) : rows(r), cols(c) {}  // a matrix: {3, 4} is (1, 3, 4)
  constexpr Shape(int t, int r, int c) : tasks(t), rows(r), cols(c) {}

  constexpr std::size_t per_task() const { return static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols); }
  constexpr std::size_t size() const { return static_cast<std::size_t>(tasks) * per_task(); }
  constexpr bool is_scalar() const { return rows == 1 && cols == 1; }  // one number per task
  friend constexpr bool operator==(const Shape&, const Shape&) = default;
};

// "(20, 2000, 64)"
std::string to_string(Shape shape);

}  // namespace innerloop

#include "rl/experience/replay_tasks.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>

#include "kernels/philox.h"
#include "kernels/require.h"
#include "rl/experience/trajectory.h"

namespace innerloop::rl {
namespace {

// The six tensors of a batch, in order.
enum class Part { observations, actions, rewards, next_observations, terminated, mask };

template <class T>
T* first_row(BatchValues& batch, Part part, int slot) {
  Tensor& tensor = batch[static_cast<std::size_t>(part)];
  return static_cast<T*>(tensor.mutable_data()) + static_cast<std::size_t>(slot) * tensor.shape().per_task();
}

void require_finite(std::span<const double> numbers, const char* part, int task) {
  for (const double x : numbers)
    if (!std::isfinite(x)) [[unlikely]]
      throw NonFiniteError("replay, task " + std::to_string(task) + ": " + part +
                           " is not finite; look at the environment and the policy");
}

// So many of 0 … size − 1: independent draws, or each at most once.
std::vector<int> draw_places(Philox& random, int size, int count, bool replacement) {
  const auto below = [&](int n) { return static_cast<int>(random.below(static_cast<std::uint32_t>(n))); };
  std::vector<int> places;
  if (replacement) {
    for (int k = 0; k < count; ++k) places.push_back(below(size));
    return places;
  }
  // The first steps of a shuffle.
  places.resize(static_cast<std::size_t>(size));
  std::iota(places.begin(), places.end(), 0);
  for (int k = 0; k < count; ++k)
    std::swap(places[static_cast<std::size_t>(k)], places[static_cast<std::size_t>(k + below(size - k))]);
  places.resize(static_cast<std::size_t>(count));
  return places;
}

}  // namespace

TaskReplay::TaskReplay(int tasks, int obs_size, int action_size, int capacity, Dtype dtype)
    : obs_size_(obs_size), action_size_(action_size), capacity_(capacity) {
  require(tasks >= 1 && obs_size >= 1 && action_size >= 1 && capacity >= 1, [&] {
    return "replay: " + std::to_string(tasks) + " tasks, sizes " + std::to_string(obs_size) + " and " +
           std::to_string(action_size) + ", capacity " + std::to_string(capacity) + "; each must be at least 1";
  });
  rows_ = Tensor({tasks, capacity, width()}, dtype);
  size_.resize(static_cast<std::size_t>(tasks));
  next_ = size_;
}

template <class T>
void TaskReplay::write(int task, const Transition& t) {
  const auto k = static_cast<std::size_t>(task);
  T* to = static_cast<T*>(rows_.mutable_data()) +
          (k * static_cast<std::size_t>(capacity_) + static_cast<std::size_t>(next_[k])) *
              static_cast<std::size_t>(width());
  const auto append = [&to](double x) { *to++ = static_cast<T>(x); };
  std::ranges::for_each(t.observation, append);
  std::ranges::for_each(t.action, append);
  append(t.reward);
  std::ranges::for_each(t.next_observation, append);
  append(static_cast<double>(t.end));
}

void TaskReplay::add(int task, const Transition& t) {
  require(task >= 0 && task < tasks(), [&] { return "replay: there is no task " + std::to_string(task); });
  require(t.observation.size() == static_cast<std::size_t>(obs_size_) &&
              t.next_observation.size() == t.observation.size() &&
              t.action.size() == static_cast<std::size_t>(action_size_),
          "replay: a transition of other sizes than the buffer's");
  require_finite(t.observation, "an observation", task);
  require_finite(t.action, "an action", task);
  require_finite({&t.reward, 1}, "a reward", task);
  require_finite(t.next_observation, "an observation", task);

  // Over the oldest, once the task's ring is full.
  rows_.dtype() == Dtype::f32 ? write<float>(task, t) : write<double>(task, t);
  const auto k = static_cast<std::size_t>(task);
  next_[k] = next_[k] + 1 == capacity_ ? 0 : next_[k] + 1;
  size_[k] = std::min(size_[k] + 1, capacity_);
}

void TaskReplay::clear(int task) {
  size_.at(static_cast<std::size_t>(task)) = 0;
  next_.at(static_cast<std::size_t>(task)) = 0;
}

BatchValues TaskReplay::make_batch(int tasks, int rows) const {
  BatchValues batch;
  const auto add = [&](const char* name, int cols) { batch.add(name, Tensor({tasks, rows, cols}, rows_.dtype())); };
  add("observations", obs_size_);
  add("actions", action_size_);
  add("rewards", 1);
  add("next_observations", obs_size_);
  add("terminated", 1);
  add("mask", 1);
  return batch;
}

// The rows of one task in a batch: those at `places`, then zeros.
template <class T>
void TaskReplay::fill(BatchValues& batch, int slot, int task, std::span<const int> places) const {
  T *s = first_row<T>(batch, Part::observations, slot), *a = first_row<T>(batch, Part::actions, slot),
    *r = first_row<T>(batch, Part::rewards, slot), *s_next = first_row<T>(batch, Part::next_observations, slot),
    *d = first_row<T>(batch, Part::terminated, slot), *mask = first_row<T>(batch, Part::mask, slot);
  const T* memory = static_cast<const T*>(rows_.data()) + static_cast<std::ptrdiff_t>(task) * capacity_ * width();
  for (const int place : places) {
    const T* from = memory + static_cast<std::ptrdiff_t>(place) * width();
    s = std::copy_n(from, obs_size_, s);
    a = std::copy_n(from + obs_size_, action_size_, a);
    *r++ = from[obs_size_ + action_size_];
    s_next = std::copy_n(from + obs_size_ + action_size_ + 1, obs_size_, s_next);
    *d++ = from[width() - 1] == static_cast<T>(End::terminated) ? T(1) : T(0);
    *mask++ = 1;
  }
  const int left = batch["mask"].shape().rows - static_cast<int>(places.size());
  std::fill_n(s, left * obs_size_, T(0));
  std::fill_n(a, left * action_size_, T(0));
  std::fill_n(r, left, T(0));
  std::fill_n(s_next, left * obs_size_, T(0));
  std::fill_n(d, left, T(0));
  std::fill_n(mask, left, T(0));
}

void TaskReplay::sample(std::uint64_t seed, Place place, std::span<const int> which, const Draw& draw,
                        BatchValues& batch) const {
  const Shape shape = batch["mask"].shape();
  require(static_cast<std::size_t>(shape.tasks) == which.size(), [&] {
    return "replay: a batch of " + std::to_string(shape.tasks) + " tasks for " + std::to_string(which.size());
  });
  for (int slot = 0; slot < shape.tasks; ++slot) {
    const int task = which[static_cast<std::size_t>(slot)], here = size(task);
    place.task = static_cast<std::uint32_t>(slot);
    Philox random(seed, place);
    int count = here == 0 ? 0 : draw.replacement ? shape.rows : std::min(shape.rows, here);
    if (draw.random_size && count > 0) count = 1 + static_cast<int>(random.below(static_cast<std::uint32_t>(count)));
    const std::vector<int> places = draw_places(random, here, count, draw.replacement);
    rows_.dtype() == Dtype::f32 ? fill<float>(batch, slot, task, places) : fill<double>(batch, slot, task, places);
  }
}

BatchValues TaskReplay::contents() const {
  BatchValues batch = make_batch(tasks(), padded_rows(std::max(1, *std::ranges::max_element(size_))));
  for (int task = 0; task < tasks(); ++task) {
    std::vector<int> places(static_cast<std::size_t>(size(task)));
    std::iota(places.begin(), places.end(), 0);
    rows_.dtype() == Dtype::f32 ? fill<float>(batch, task, task, places) : fill<double>(batch, task, task, places);
  }
  return batch;
}

void TaskReplay::visit(Checkpoint& c) {
  // What is saved, or what was.
  const auto list = [&](const char* name, const std::vector<int>& own) {
    std::vector<double> numbers(own.begin(), own.end());
    const Shape shape{1, 1, static_cast<int>(numbers.size())};
    if (!c.saving()) return c.saved(name, shape, Dtype::f64).to_vector();
    c.save(name, Tensor::from(shape, numbers));
    return numbers;
  };
  const std::vector<double> size = list("size", size_), next = list("next", next_);

  // The filled part of every ring, as long as the longest. Either side's ring may be the longer one.
  const auto copy_rows = [&](Tensor& to, const Tensor& from) {
    const std::size_t row = static_cast<std::size_t>(width()) * size_of(rows_.dtype());
    const auto task_bytes = [&](const Tensor& t) { return static_cast<std::size_t>(t.shape().rows) * row; };
    for (std::size_t k = 0; k < size.size(); ++k)
      std::memcpy(static_cast<std::byte*>(to.mutable_data()) + k * task_bytes(to),
                  static_cast<const std::byte*>(from.data()) + k * task_bytes(from),
                  static_cast<std::size_t>(size[k]) * row);
  };
  const int longest = std::max(1, static_cast<int>(*std::ranges::max_element(size)));
  if (c.saving()) {
    Tensor filled({tasks(), longest, width()}, rows_.dtype());
    copy_rows(filled, rows_);
    return c.save("rows", filled);
  }
  if (longest > capacity_) c.refuse("size", "is more than this run's buffers hold");
  for (std::size_t k = 0; k < size.size(); ++k)
    if (!(size[k] >= 0 && size[k] == std::floor(size[k]) && next[k] >= 0 && next[k] == std::floor(next[k]) &&
          (size[k] < capacity_ ? next[k] == size[k] : next[k] < capacity_)))
      c.refuse("next", "does not fit the sizes");
  const Tensor& filled = c.saved("rows", {tasks(), longest, width()}, rows_.dtype());
  if (!c.assigning()) return;
  copy_rows(rows_, filled);
  size_.assign(size.begin(), size.end());
  next_.assign(next.begin(), next.end());
}

}  // namespace innerloop::rl

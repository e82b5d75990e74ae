#include "rl/experience/replay.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "kernels/philox.h"
#include "kernels/require.h"

namespace innerloop::rl {
namespace {

// Numbers that the buffer can hold: finite, and not beyond f32 if it is of that.
void check_numbers(std::span<const double> numbers, const char* part, Dtype dtype) {
  const double most = dtype == Dtype::f32 ? std::numeric_limits<float>::max() : std::numeric_limits<double>::max();
  for (const double x : numbers) {
    if (std::abs(x) <= most) [[likely]]
      continue;
    if (!std::isfinite(x))
      throw NonFiniteError(std::string("replay: ") + part + " is not finite; look at the environment and the policy");
    throw Error(std::string("replay: ") + part + " of " + std::to_string(x) + " is beyond f32; use --dtype f64");
  }
}

// The places of the five tensors in a batch.
enum Column { observations, actions, rewards, next_observations, terminated };

}  // namespace

ReplayBuffer::ReplayBuffer(int obs_size, int action_size, int capacity, Dtype dtype)
    : obs_size_(obs_size), action_size_(action_size), capacity_(capacity) {
  require(obs_size >= 1 && action_size >= 1 && capacity >= 1, [&] {
    return "replay: sizes are " + std::to_string(obs_size) + ", " + std::to_string(action_size) + ", capacity " +
           std::to_string(capacity) + "; each must be at least 1";
  });
  rows_ = Tensor({1, capacity, width()}, dtype);
}

template <class T>
void ReplayBuffer::write(const Transition& t) {
  T* to = static_cast<T*>(rows_.mutable_data()) + static_cast<std::ptrdiff_t>(next_) * width();
  const auto append = [&to](double x) { *to++ = static_cast<T>(x); };
  std::ranges::for_each(t.observation, append);
  std::ranges::for_each(t.action, append);
  append(t.reward);
  std::ranges::for_each(t.next_observation, append);
  append(static_cast<double>(t.end));
}

void ReplayBuffer::add(const Transition& t) {
  require(t.observation.size() == static_cast<std::size_t>(obs_size_) &&
              t.next_observation.size() == t.observation.size() &&
              t.action.size() == static_cast<std::size_t>(action_size_),
          "replay: a transition of other sizes than the buffer's");
  check_numbers(t.observation, "an observation", rows_.dtype());
  check_numbers(t.action, "an action", rows_.dtype());
  check_numbers({&t.reward, 1}, "a reward", rows_.dtype());
  check_numbers(t.next_observation, "an observation", rows_.dtype());

  // Over the oldest, once the ring is full.
  rows_.dtype() == Dtype::f32 ? write<float>(t) : write<double>(t);
  next_ = next_ + 1 == capacity_ ? 0 : next_ + 1;
  size_ = std::min(size_ + 1, capacity_);
}

BatchValues ReplayBuffer::make_batch(int rows) const {
  BatchValues batch;
  batch.add("observations", Tensor({1, rows, obs_size_}, rows_.dtype()));
  batch.add("actions", Tensor({1, rows, action_size_}, rows_.dtype()));
  batch.add("rewards", Tensor({1, rows, 1}, rows_.dtype()));
  batch.add("next_observations", Tensor({1, rows, obs_size_}, rows_.dtype()));
  batch.add("terminated", Tensor({1, rows, 1}, rows_.dtype()));
  return batch;
}

// Row by row of the batch, the transition at a random place.
template <class T>
void ReplayBuffer::fill(BatchValues& batch, Philox random) const {
  const auto begin = [&](Column column) { return static_cast<T*>(batch[column].mutable_data()); };
  T *s = begin(observations), *a = begin(actions), *r = begin(rewards), *s_next = begin(next_observations),
    *d = begin(terminated);
  const T* memory = static_cast<const T*>(rows_.data());
  const int rows = batch[rewards].shape().rows;
  for (int row = 0; row < rows; ++row) {
    const T* from = memory + static_cast<std::ptrdiff_t>(random.below(static_cast<std::uint32_t>(size_))) * width();
    s = std::copy_n(from, obs_size_, s);
    a = std::copy_n(from + obs_size_, action_size_, a);
    *r++ = from[obs_size_ + action_size_];
    s_next = std::copy_n(from + obs_size_ + action_size_ + 1, obs_size_, s_next);
    *d++ = from[width() - 1] == static_cast<T>(End::terminated) ? T(1) : T(0);
  }
}

void ReplayBuffer::sample(std::uint64_t seed, std::uint32_t draw, BatchValues& batch) const {
  require(size_ > 0, "replay: nothing to sample yet");
  const Philox random(seed, {.purpose = Purpose::minibatch, .iteration = draw});
  rows_.dtype() == Dtype::f32 ? fill<float>(batch, random) : fill<double>(batch, random);
}

void ReplayBuffer::visit(Checkpoint& c) {
  if (c.saving()) {
    c.save("replay/next", Tensor::scalar(next_));
    if (size_ > 0) c.save("replay/rows", filled());
    return;
  }
  // Any number of rows up to the capacity, none before the first iteration.
  int next = 0;
  c.numbers("replay/next", next);  // refuses what is no whole number
  next = static_cast<int>(c.saved("replay/next").item());
  const Tensor* rows = c.iteration() == 0 ? c.find("replay/rows") : &c.saved("replay/rows");
  const int size = rows == nullptr ? 0 : rows->shape().rows;
  if (size > capacity_) c.refuse("replay/rows", "holds " + std::to_string(size) + " transitions, this run's buffer " +
                                                    std::to_string(capacity_));
  if (rows != nullptr) c.saved("replay/rows", {1, size, width()}, rows_.dtype());
  if (next != (size < capacity_ ? size : next) || next >= capacity_ + (size == 0))
    c.refuse("replay/next", "= " + std::to_string(next) + " does not fit a buffer of " + std::to_string(size));

  if (!c.assigning()) return;
  if (size == capacity_) rows_ = *rows;
  else if (size > 0) std::memcpy(rows_.mutable_data(), rows->data(), rows->bytes());
  size_ = size;
  next_ = next;
}

// The filled part; a full ring shares its memory with a checkpoint until the next transition.
Tensor ReplayBuffer::filled() const {
  if (size_ == capacity_) return rows_;
  Tensor part({1, size_, width()}, rows_.dtype());
  std::memcpy(part.mutable_data(), rows_.data(), part.bytes());
  return part;
}

}  // namespace innerloop::rl

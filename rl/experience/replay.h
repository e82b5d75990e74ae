// The replay buffer: what happened, kept to be learned from many times.
#pragma once

#include <cstdint>
#include <span>

#include "autodiff/tensor.h"
#include "envs/spec.h"
#include "kernels/philox.h"
#include "rl/training/checkpoint.h"

namespace innerloop::rl {

using envs::End;  // how a step ended

// One step of one environment. next_observation is what was seen after the action, also at an end: never the first
// observation of the next episode.
struct Transition {
  std::span<const double> observation, action;
  double reward = 0;
  std::span<const double> next_observation;
  End end = End::running;
};

// The last `capacity` transitions, as rows [s | a | r | s' | end] of one dtype. The newest replaces the oldest.
// Memory: capacity · (2·obs + act + 2) numbers, taken once when it is made (10⁶ transitions of Pendulum in f32: 36 MB).
// No transition takes more. While a checkpoint lives, more is held: a full ring lends it its memory, and would have to
// copy it for a transition added meanwhile; one that is not full yet gives it a copy of the filled part. So a run holds
// at most twice the memory while it saves, and three times while it resumes: the file, its tensors, the new ring.
class ReplayBuffer {
 public:
  ReplayBuffer(int obs_size, int action_size, int capacity, Dtype dtype = Dtype::f32);

  void add(const Transition& transition);  // NonFiniteError naming the part that is not finite
  int size() const { return size_; }       // transitions in it
  int capacity() const { return capacity_; }
  std::size_t bytes() const { return rows_.bytes(); }

  // A batch of `rows` transitions: observations (1, rows, O), actions (1, rows, A), rewards, next_observations,
  // terminated (1, rows, 1): 1 or 0.
  BatchValues make_batch(int rows) const;
  // Fills it with transitions drawn independently and with replacement: a pure function of the contents and of
  // (seed, draw). draw numbers the batches of a run.
  void sample(std::uint64_t seed, std::uint32_t draw, BatchValues& batch) const;

  // In a checkpoint: "replay/rows" (1, size, width), the rows as they lie in memory; "replay/next", where the next one
  // goes.
  void visit(Checkpoint& c);  // a full ring becomes the checkpoint's own memory

 private:
  template <class T>
  void write(const Transition& transition);
  template <class T>
  void fill(BatchValues& batch, Philox random) const;
  Tensor filled() const;
  int width() const { return 2 * obs_size_ + action_size_ + 2; }

  int obs_size_, action_size_, capacity_;
  Tensor rows_;  // (1, capacity, width)
  int size_ = 0, next_ = 0;
};

}  // namespace innerloop::rl

// The replay of many tasks: the transitions of each kept apart, batches that hold several tasks side by side.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "rl/experience/replay.h"
#include "rl/training/checkpoint.h"

namespace innerloop::rl {

// For each task the last `capacity` transitions, as ReplayBuffer keeps them.
// Memory: tasks · capacity · (2·obs + act + 2) numbers, taken once when it is made.
class TaskReplay {
 public:
  TaskReplay(int tasks, int obs_size, int action_size, int capacity, Dtype dtype = Dtype::f32);

  void add(int task, const Transition& transition);  // NonFiniteError naming the part that is not finite
  void clear(int task);                              // its transitions, not those of the others
  int tasks() const { return static_cast<int>(size_.size()); }
  int size(int task) const { return size_.at(static_cast<std::size_t>(task)); }

  // A batch of `rows` transitions for each of T tasks: observations (T, rows, O), actions (T, rows, A), rewards,
  // next_observations, terminated and mask (T, rows, 1): 1 where the row is a transition.
  BatchValues make_batch(int tasks, int rows) const;

  // How the rows of one task of a batch are drawn.
  struct Draw {
    bool replacement = true;   // false: each transition at most once, so min(rows, size) of them
    bool random_size = false;  // a number of rows uniform in 1 … what it would be; fixed: exactly that
  };
  // Fills the batch with transitions of the tasks `which`, one after another: a pure function of the contents, the seed
  // and `place` (its task is overwritten). A task without transitions gets a mask of zeros. What the mask leaves out is
  // zero.
  void sample(std::uint64_t seed, Place place, std::span<const int> which, const Draw& draw, BatchValues& batch) const;

  // All transitions of every task, in the order of the rings' memory; the mask ends where a task has no more. As many
  // rows as the longest has, rounded up to padded_rows().
  BatchValues contents() const;

  // In a checkpoint: "rows" (tasks, longest, width), "size" and "next", (1, 1, tasks).
  void visit(Checkpoint& c);

 private:
  template <class T>
  void write(int task, const Transition& transition);
  template <class T>
  void fill(BatchValues& batch, int slot, int task, std::span<const int> places) const;
  int width() const { return 2 * obs_size_ + action_size_ + 2; }

  int obs_size_, action_size_, capacity_;
  Tensor rows_;                   // (tasks, capacity, width): [s | a | r | s' | end]
  std::vector<int> size_, next_;  // per task
};

}  // namespace innerloop::rl

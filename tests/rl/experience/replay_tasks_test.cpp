// The replay of many tasks: what is drawn, what is forgotten, what a checkpoint holds.
#include "rl/experience/replay_tasks.h"

#include <algorithm>
#include <map>
#include <set>

#include "kernels/require.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::rl;

namespace {

// Transition number k of a task: its reward says which it is.
void add_numbered(TaskReplay& replay, int task, int k, End end = End::running) {
  const double s[] = {static_cast<double>(task)}, a[] = {0.5}, s_next[] = {task + 0.25};
  replay.add(task, {.observation = s, .action = a, .reward = 100.0 * task + k, .next_observation = s_next, .end = end});
}

TaskReplay three_tasks(Dtype dtype = Dtype::f64) {
  TaskReplay replay(3, 1, 1, 8, dtype);
  for (int k = 0; k < 5; ++k) add_numbered(replay, 0, k);
  for (int k = 0; k < 11; ++k) add_numbered(replay, 2, k, k == 10 ? End::terminated : End::truncated);
  return replay;
}

std::vector<double> rewards_of(const BatchValues& batch, int slot) {
  std::vector<double> found;
  for (int row = 0; row < batch["rewards"].shape().rows; ++row)
    if (batch["mask"].at(slot, row, 0) != 0) found.push_back(batch["rewards"].at(slot, row, 0));
  return found;
}

constexpr Place here{.purpose = Purpose::minibatch, .inner_step = 4, .iteration = 7};

}  // namespace

TEST_CASE("task replay: a ring for each task; a batch holds the asked tasks side by side, and only their own rows") {
  const TaskReplay replay = three_tasks();
  CHECK(replay.size(0) == 5);
  CHECK(replay.size(1) == 0);
  CHECK(replay.size(2) == 8);
  BatchValues batch = replay.make_batch(3, 40);
  replay.sample(1, here, std::vector{2, 0, 2}, {}, batch);
  for (const int slot : {0, 2})
    for (const double r : rewards_of(batch, slot)) CHECK((r >= 203 && r <= 210));  // the last eight
  for (const double r : rewards_of(batch, 1)) CHECK((r >= 0 && r <= 4));
  CHECK(rewards_of(batch, 0) != rewards_of(batch, 2));  // drawn independently
  for (int row = 0; row < 40; ++row) {
    CHECK(batch["observations"].at(0, row, 0) == 2);
    CHECK(batch["next_observations"].at(1, row, 0) == 0.25);
    CHECK(batch["terminated"].at(0, row, 0) == (batch["rewards"].at(0, row, 0) == 210));  // a time limit is no end
  }
  // A pure function of seed and place.
  BatchValues again = replay.make_batch(3, 40), other = again;
  replay.sample(1, here, std::vector{2, 0, 2}, {}, again);
  CHECK(bitwise_equal(batch, again));
  replay.sample(2, here, std::vector{2, 0, 2}, {}, other);
  CHECK_FALSE(bitwise_equal(batch, other));
}

TEST_CASE("task replay: without replacement each transition stands once, and no more of them than there are") {
  const TaskReplay replay = three_tasks();
  BatchValues batch = replay.make_batch(2, 20);
  replay.sample(1, here, std::vector{0, 2}, {.replacement = false}, batch);
  std::vector<double> first = rewards_of(batch, 0), second = rewards_of(batch, 1);
  std::ranges::sort(first);
  std::ranges::sort(second);
  CHECK(first == std::vector<double>{0, 1, 2, 3, 4});
  CHECK(second == std::vector<double>{203, 204, 205, 206, 207, 208, 209, 210});
  // With replacement a context of 20 from 5 counts some of them more than once.
  replay.sample(1, here, std::vector{0, 2}, {}, batch);
  CHECK(rewards_of(batch, 0).size() == 20);

  // Fewer than there are: every one is as likely as the others.
  std::map<double, int> times;
  BatchValues two = replay.make_batch(1, 2);
  for (std::uint32_t draw = 0; draw < 5000; ++draw) {
    replay.sample(1, {.purpose = Purpose::minibatch, .iteration = draw}, std::vector{0}, {.replacement = false}, two);
    const std::vector<double> drawn = rewards_of(two, 0);
    REQUIRE(drawn.size() == 2);
    CHECK(drawn[0] != drawn[1]);
    for (const double r : drawn) ++times[r];
  }
  for (const auto& [r, count] : times) CHECK(std::abs(count - 2000) < 175);  // five standard errors
}

TEST_CASE("task replay: sizes of a context drawn between one and all of it; a task without data has an empty mask") {
  const TaskReplay replay = three_tasks();
  BatchValues batch = replay.make_batch(1, 6);
  std::set<std::size_t> sizes;
  for (std::uint32_t draw = 0; draw < 200; ++draw) {
    replay.sample(1, {.purpose = Purpose::minibatch, .iteration = draw}, std::vector{2}, {.random_size = true}, batch);
    sizes.insert(rewards_of(batch, 0).size());
  }
  CHECK(sizes == std::set<std::size_t>{1, 2, 3, 4, 5, 6});
  replay.sample(1, here, std::vector{1}, {}, batch);
  CHECK(rewards_of(batch, 0).empty());
  for (const double x : batch["rewards"].to_vector()) CHECK(x == 0);
}

TEST_CASE("task replay: clear forgets one task; contents shows all that is there") {
  TaskReplay replay = three_tasks();
  BatchValues all = replay.contents();
  CHECK(all["mask"].shape() == Shape{3, 256, 1});
  CHECK(rewards_of(all, 0).size() == 5);
  CHECK(rewards_of(all, 1).empty());
  CHECK(rewards_of(all, 2).size() == 8);
  replay.clear(2);
  CHECK(replay.size(2) == 0);
  CHECK(replay.size(0) == 5);
  add_numbered(replay, 2, 99);
  CHECK(rewards_of(replay.contents(), 2) == std::vector<double>{299});
}

TEST_CASE("task replay: a checkpoint restores it to the bit, and one that does not fit is refused") {
  for (const Dtype dtype : {Dtype::f32, Dtype::f64}) {
    TaskReplay saved = three_tasks(dtype), loaded(3, 1, 1, 8, dtype);
    const Tensors state = save(saved);
    add_numbered(loaded, 1, 5);
    load(loaded, state);
    for (TaskReplay* replay : {&saved, &loaded})
      for (int k = 0; k < 4; ++k) add_numbered(*replay, 2, 50 + k);
    CHECK(bitwise_equal(saved.contents(), loaded.contents()));

    TaskReplay small(3, 1, 1, 7, dtype), fewer(2, 1, 1, 8, dtype), other(3, 2, 1, 8, dtype);
    for (TaskReplay* replay : {&small, &fewer, &other}) CHECK_THROWS_AS(load(*replay, state), Error);
    CHECK(small.size(0) == 0);
  }
}

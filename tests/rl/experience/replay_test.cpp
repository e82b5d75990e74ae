// The replay buffer, against a plain list.
#include "rl/experience/replay.h"

#include <cmath>
#include <set>
#include <vector>

#include "kernels/require.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::rl;

namespace {

// Transition number i: every number of it says which one it is.
struct Numbered {
  std::vector<double> s, a, s_next;
  double r;
  End end;
  explicit Numbered(int i)
      : s{1.0 * i, i + 0.25}, a{-1.0 * i}, s_next{i + 0.5, i + 0.75}, r(10.0 * i), end(static_cast<End>(i % 3)) {}
  Transition view() const {
    return {.observation = s, .action = a, .reward = r, .next_observation = s_next, .end = end};
  }
};

ReplayBuffer filled(int count, int capacity, Dtype dtype = Dtype::f64) {
  ReplayBuffer buffer(2, 1, capacity, dtype);
  for (int i = 0; i < count; ++i) buffer.add(Numbered(i).view());
  return buffer;
}

// Which transition a row of a batch is, after checking that all its parts are of the same one.
int number_of(const BatchValues& batch, int row) {
  const int i = static_cast<int>(batch["rewards"].at(0, row, 0)) / 10;
  const Numbered expected(i);
  CHECK(batch["observations"].at(0, row, 0) == expected.s[0]);
  CHECK(batch["observations"].at(0, row, 1) == expected.s[1]);
  CHECK(batch["actions"].at(0, row, 0) == expected.a[0]);
  CHECK(batch["next_observations"].at(0, row, 0) == expected.s_next[0]);
  CHECK(batch["next_observations"].at(0, row, 1) == expected.s_next[1]);
  CHECK(batch["terminated"].at(0, row, 0) == (expected.end == End::terminated ? 1.0 : 0.0));
  return i;
}

}  // namespace

TEST_CASE("replay: holds the newest transitions, whole, and only a termination is one") {
  for (const Dtype dtype : {Dtype::f32, Dtype::f64}) {
    const ReplayBuffer buffer = filled(11, 7, dtype);
    CHECK(buffer.size() == 7);
    BatchValues batch = buffer.make_batch(400);
    buffer.sample(1, 0, batch);
    // The oldest four are gone.
    std::set<int> held;
    for (int row = 0; row < 400; ++row) held.insert(number_of(batch, row));
    CHECK(held == std::set<int>{4, 5, 6, 7, 8, 9, 10});
  }
}

TEST_CASE("replay: draws are uniform with replacement, and a pure function of contents, seed and number") {
  const ReplayBuffer buffer = filled(5, 100);
  BatchValues batch = buffer.make_batch(4000), again = buffer.make_batch(4000), other = buffer.make_batch(4000);
  buffer.sample(3, 17, batch);
  buffer.sample(3, 17, again);
  buffer.sample(3, 18, other);
  CHECK(bitwise_equal(batch, again));
  CHECK_FALSE(bitwise_equal(batch, other));

  // χ² with 4 degrees of freedom: 18.5 is exceeded once in a thousand.
  std::vector<int> counts(5);
  for (int row = 0; row < 4000; ++row) ++counts[static_cast<std::size_t>(number_of(batch, row))];
  double chi2 = 0;
  for (const int n : counts) chi2 += (n - 800.0) * (n - 800.0) / 800;
  CHECK(chi2 < 18.5);
}

TEST_CASE("replay: a buffer of 10⁶ transitions takes the memory that it states, and comes back bit for bit") {
  const int capacity = 1000000;
  ReplayBuffer buffer(3, 1, capacity);
  CHECK(buffer.bytes() == std::size_t{36} * capacity);
  std::vector<double> s(3), s_next(3), a(1);
  for (int i = 0; i < capacity + 1234; ++i) {
    s = {1.0 * i, 2.0 * i, 0.5};
    s_next = {i + 1.0, 2.0 * i, 0.5};
    a = {1e-3 * i};
    buffer.add({.observation = s, .action = a, .reward = -1.0 * i, .next_observation = s_next});
  }
  CHECK(buffer.bytes() == std::size_t{36} * capacity);
  CHECK(buffer.size() == capacity);

  const Tensors checkpoint = save(buffer);
  ReplayBuffer restored(3, 1, capacity);
  load(restored, checkpoint);
  // Both go on alike: the same next transition in the same place, the same batch.
  for (ReplayBuffer* b : {&buffer, &restored})
    b->add({.observation = s, .action = a, .reward = 7, .next_observation = s_next, .end = End::terminated});
  BatchValues one = buffer.make_batch(256), two = restored.make_batch(256);
  for (std::uint32_t draw = 0; draw < 20; ++draw) {
    buffer.sample(1, draw, one);
    restored.sample(1, draw, two);
    REQUIRE(bitwise_equal(one, two));
  }
  CHECK(bitwise_equal(save(buffer), save(restored)));
}

TEST_CASE("replay: a part filled or empty buffer comes back; one of other sizes is refused") {
  for (const int count : {0, 3, 7, 9}) {
    ReplayBuffer restored(2, 1, 7, Dtype::f64);
    load(restored, save(filled(count, 7)));
    CHECK(restored.size() == std::min(count, 7));
    restored.add(Numbered(count).view());
    ReplayBuffer straight = filled(count + 1, 7);
    CHECK(bitwise_equal(save(restored), save(straight)));
  }
  const Tensors checkpoint = save(filled(9, 7));
  for (ReplayBuffer other : {ReplayBuffer(2, 1, 6, Dtype::f64), ReplayBuffer(2, 1, 7, Dtype::f32),
                             ReplayBuffer(3, 1, 7, Dtype::f64)}) {
    CHECK_THROWS_AS(load(other, checkpoint), Error);
    CHECK(other.size() == 0);
  }
}

TEST_CASE("replay: a number beyond f32 does not become infinite in an f32 buffer") {
  ReplayBuffer single(2, 1, 5, Dtype::f32), wide(2, 1, 5, Dtype::f64);
  Numbered t(1);
  t.r = 1e300;
  CHECK_THROWS_WITH(single.add(t.view()), Catch::Matchers::ContainsSubstring("beyond f32; use --dtype f64"));
  CHECK(single.size() == 0);
  wide.add(t.view());
  CHECK(wide.size() == 1);
}

TEST_CASE("replay: what is not finite, or of another size, does not get in") {
  ReplayBuffer buffer(2, 1, 5);
  Numbered t(1);
  t.r = std::nan("");
  CHECK_THROWS_AS(buffer.add(t.view()), NonFiniteError);
  t = Numbered(1);
  t.s_next[1] = INFINITY;
  CHECK_THROWS_AS(buffer.add(t.view()), NonFiniteError);
  t = Numbered(1);
  t.a.push_back(0);
  CHECK_THROWS_AS(buffer.add(t.view()), Error);
  CHECK(buffer.size() == 0);
  BatchValues batch = buffer.make_batch(2);
  CHECK_THROWS_AS(buffer.sample(1, 0, batch), Error);
}

// Training and test tasks do not overlap, or it is said.
#include "envs/held_out.h"

#include "envs/maml_goals.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::envs;

TEST_CASE("held out: goals on the plane are new; one that was drawn in training is found", "[envs][held-out]") {
  const EnvRow& env = find_env("point-nav-v1");
  std::vector<Task> tests = reference_tasks(env);
  const HeldOut fresh = held_out(env, tests, {1, 50, 20});
  CHECK(fresh.tested == 40);
  CHECK(fresh.trained == 0);
  CHECK(fresh.drawn == 1000);
  CHECK(held_out_text(fresh) == "new: none of the 40 test tasks is among the 1000 of training");

  // The last task of training stands among the tests; with one iteration less it is new again.
  tests[7] = sample_task(env, 1, Purpose::task, 49, 19);
  CHECK(held_out(env, tests, {1, 50, 20}).trained == 1);
  CHECK(held_out(env, tests, {1, 49, 20}).trained == 0);
  CHECK(held_out(env, tests, {2, 50, 20}).trained == 0);
  CHECK(held_out_text(held_out(env, tests, {1, 50, 20})) == "not all new: 1 of the 40 test tasks were also trained on");
}

TEST_CASE("held out: a test task drawn with the seed of training is another one", "[envs][held-out]") {
  const EnvRow& env = find_env("point-nav-v1");
  std::vector<Task> tests;
  for (std::uint32_t i = 0; i < 100; ++i) tests.push_back(sample_task(env, 5, Purpose::test_task, 0, i));
  CHECK(held_out(env, tests, {5, 10, 100}).trained == 0);
}

TEST_CASE("held out: a learner that draws a task per episode has drawn these at most", "[envs][held-out]") {
  const EnvRow& env = find_env("four-state-v1");
  const TrainingDraws draws{.seed = 1, .iterations = 50, .tasks = 3, .at_most = true};
  CHECK(held_out_text(held_out(env, reference_tasks(env), draws)) ==
        "not all new: 4 of the 4 test tasks may have been trained on");
  const EnvRow& plane = find_env("point-nav-v1");
  CHECK(held_out_text(held_out(plane, reference_tasks(plane), draws)) ==
        "new: none of the 40 test tasks is among the at most 150 of training");
  const HeldOut long_run = held_out(plane, reference_tasks(plane), {.iterations = 3'000'000, .tasks = 1});
  CHECK(held_out_text(long_run) == "new: none of the 40 test tasks is among the first 2000000 of training");
}

TEST_CASE("held out: an environment of four tasks has no new ones once all are drawn", "[envs][held-out]") {
  const EnvRow& env = find_env("four-state-v1");
  CHECK(held_out(env, reference_tasks(env), {1, 0, 20}).trained == 0);
  CHECK(held_out(env, reference_tasks(env), {1, 3, 20}).trained == 4);
}

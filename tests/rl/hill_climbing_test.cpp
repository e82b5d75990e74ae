// The algorithm of the page "How to add an algorithm" is one: it learns, resumes, and its table reads and shows.
#include "tests/rl/hill_climbing.h"

#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::rl;

namespace {

std::unique_ptr<Trainer> climber(double step, std::uint64_t seed) {
  OptionValues values = default_values(hill_climbing::row.options);
  values.set("step", step);
  return hill_climbing::row.make(values, seed);
}

double best_of(Trainer& trainer) {
  double best = 0;
  while (trainer.iteration() < trainer.iterations()) best = trainer.iterate().back().value;
  return best;
}

}  // namespace

// [plain] trains
TEST_CASE("the toy algorithm: the pole stands 200 steps on three seeds of three; with step 0 it falls before 100",
          "[learning][plain]") {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const double learned = best_of(*climber(2, seed)), still = best_of(*climber(0, seed));
    INFO("seed " << seed << ": " << learned << ", with step 0 " << still);
    CHECK(still < 100);  // what the start earns: 83, 25, 23
    CHECK(learned > 200);  // 305, 500, 316
  }
}

TEST_CASE("the toy algorithm: a restored trainer goes on bit for bit; its table reads and shows every row") {
  const auto whole = climber(2, 1), resumed = climber(2, 1);
  for (int k = 0; k < 3; ++k) whole->iterate();
  resumed->restore(whole->state(), 3);
  whole->iterate();
  resumed->iterate();
  CHECK(bitwise_equal(whole->state(), resumed->state()));

  OptionValues values = default_values(hill_climbing::row.options);
  CHECK(values.text("env") == "cartpole-v1");
  values.set("step", 0.5);
  CHECK(hill_climbing::row.options.read_and_shown(values).all() == values.all());
}

// What every algorithm's table of options and checkpoint promise, for all algorithms that there are.
#include <cmath>
#include <string>
#include <vector>

#include "envs/table.h"
#include "kernels/threads.h"
#include "tests/app/smoke.h"

using namespace innerloop;
using namespace innerloop::rl;
using Catch::Matchers::ContainsSubstring;

namespace {

// Another legal value than this one; the same if there is no other.
OptionValue another(const Option& option, const OptionValue& value) {
  switch (option.type) {
    case OptionType::boolean: return !std::get<bool>(value);
    case OptionType::text: return std::get<std::string>(value) + "-other";
    case OptionType::integer: {
      const std::int64_t n = std::get<std::int64_t>(value);
      return static_cast<double>(n + 1) <= option.high ? n + 1 : n - 1;
    }
    case OptionType::real: {
      const double x = std::get<double>(value), other = 0.5 * (x + option.high);
      return other != x ? other : 0.5 * (x + option.low);
    }
    case OptionType::integers: {
      auto list = std::get<std::vector<std::int64_t>>(value);
      list.push_back(static_cast<std::int64_t>(option.low));
      return list;
    }
    case OptionType::reals: {
      auto list = std::get<std::vector<double>>(value);
      list.push_back(option.low);
      return list;
    }
    case OptionType::choice: break;
  }
  const std::string words = option.choices, now = std::get<std::string>(value);
  const std::string first = words.substr(0, words.find(' ')), last = words.substr(words.rfind(' ') + 1);
  return first != now ? first : last;
}

}  // namespace

TEST_CASE("every algorithm's table: the defaults are legal, and what its Config shows", "[app][options]") {
  for (const AlgorithmRow* algorithm : app::all_algorithms()) {
    INFO(algorithm->name);
    const OptionValues values = default_values(algorithm->options);  // throws where one is out of range
    CHECK(algorithm->options.read_and_shown(values).all() == values.all());
  }
}

TEST_CASE("every algorithm's table: another value of a row, read and shown, changes this row and no other",
          "[app][options]") {
  for (const AlgorithmRow* algorithm : app::all_algorithms())
    for (const Option& option : algorithm->options) {
      INFO(algorithm->name << ": " << option.name);
      OptionValues values = default_values(algorithm->options);
      const OptionValue changed = checked_value(option, another(option, values[option.name]));
      const std::string words = option.choices;
      const bool has_one_word = option.type == OptionType::choice && words.find(' ') == std::string::npos;
      CHECK((changed == values[option.name]) == has_one_word);
      values.set(option.name, changed);
      CHECK(algorithm->options.read_and_shown(values).all() == values.all());
    }
}

namespace {

// What a trainer did: its metrics, its state at the end, and what adapt says of it.
struct TrainedRun {
  std::vector<double> metrics;
  Tensors state;
  AdaptReport adapted;
};

TrainedRun run_smoke(const AlgorithmRow& algorithm, const SmokeRun& smoke, int threads, int resume_after = 0) {
  set_thread_count(threads);
  const OptionValues values = smoke_values(algorithm, smoke);
  auto trainer = algorithm.make(values, 5);
  TrainedRun run;
  for (int k = 0; k < 3; ++k) {
    for (const Metric& metric : trainer->iterate()) run.metrics.push_back(metric.value);
    if (k + 1 != resume_after) continue;
    auto resumed = algorithm.make(values, 5);
    resumed->restore(trainer->state(), trainer->iteration());
    trainer = std::move(resumed);
  }
  run.state = trainer->state();
  const envs::EnvRow& env = envs::find_env(values.text("env"));
  std::vector<double> tasks;
  for (std::uint32_t n = 0; n < 2; ++n) {
    const envs::Task task = envs::sample_task(env, 1, Purpose::test_task, 0, n);
    tasks.insert(tasks.end(), task.begin(), task.end());
  }
  const int numbers = static_cast<int>(tasks.size()) / 2;
  run.adapted = trainer->adapt({.tasks = Tensor::from({1, 2, numbers}, tasks), .steps = 1, .trajectories = 2});
  return run;
}

}  // namespace

TEST_CASE("every algorithm: 1, 2 and 4 threads, and a run restored on the way, leave the same bytes and adapt alike",
          "[app]") {
  const int before = thread_count();
  for_every_smoke_run([](const AlgorithmRow& algorithm, const SmokeRun& smoke) {
    const TrainedRun one = run_smoke(algorithm, smoke, 1);
    for (const double x : one.metrics) CHECK(std::isfinite(x));
    CHECK(one.adapted.returns.all_finite());
    for (const TrainedRun& other : {run_smoke(algorithm, smoke, 2), run_smoke(algorithm, smoke, 4),
                                    run_smoke(algorithm, smoke, 1, 1), run_smoke(algorithm, smoke, 2, 2)}) {
      CHECK(other.metrics == one.metrics);
      CHECK(bitwise_equal(other.state, one.state));
      CHECK(bitwise_equal(other.adapted.returns, one.adapted.returns));
      CHECK(bitwise_equal(other.adapted.env_steps, one.adapted.env_steps));
    }
  });
  set_thread_count(before);
}

TEST_CASE("every algorithm: a checkpoint with a tensor too few, too many or of another shape is refused by name, and "
          "changes nothing",
          "[app][checkpoint]") {
  for_every_smoke_run([](const AlgorithmRow& algorithm, const SmokeRun& smoke) {
    const auto trained = algorithm.make(smoke_values(algorithm, smoke), 5);
    for (int k = 0; k < 2; ++k) trained->iterate();
    const Tensors good = trained->state();

    const auto fresh = algorithm.make(smoke_values(algorithm, smoke), 5);
    const Tensors before = fresh->state();
    const auto refused = [&](const Tensors& state, const std::string& name) {
      INFO(name);
      CHECK_THROWS_WITH(fresh->restore(state, 2), ContainsSubstring("checkpoint: " + name) &&
                                                      ContainsSubstring("use the options of the run that wrote it"));
      CHECK(fresh->iteration() == 0);
      CHECK(bitwise_equal(fresh->state(), before));
    };
    for (std::size_t bad = 0; bad < good.count(); ++bad) {
      Tensors missing, misshapen;
      for (std::size_t k = 0; k < good.count(); ++k) {
        const Shape s = good[k].shape();
        if (k != bad) missing.add(good.name(k), good[k]);
        misshapen.add(good.name(k), k == bad ? Tensor({s.tasks, s.rows, s.cols + 1}, good[k].dtype()) : good[k]);
      }
      refused(missing, good.name(bad));
      refused(misshapen, good.name(bad));
    }
    Tensors extra = good;
    extra.add("something/else", Tensor::scalar(1));
    refused(extra, "something/else");

    // And the good one fits.
    fresh->restore(good, 2);
    CHECK(fresh->iteration() == 2);
    CHECK(bitwise_equal(fresh->state(), good));
  });
}

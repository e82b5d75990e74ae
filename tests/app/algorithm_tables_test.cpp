// What every algorithm's table of options and checkpoint promise, for all algorithms that there are.
#include <string>
#include <vector>

#include "app/algorithms.h"
#include "tests/catch.h"

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

// Small settings of every algorithm.
const std::pair<const char*, OptionValue> small_options[] = {
    {"tasks", std::int64_t{2}},           {"trajectories", std::int64_t{2}}, {"hidden", std::vector<std::int64_t>{4}},
    {"iterations", std::int64_t{2}},      {"steps", std::int64_t{20}},       {"batch", std::int64_t{4}},
    {"learning_starts", std::int64_t{8}}, {"capacity", std::int64_t{15}},    {"evaluation_episodes", std::int64_t{1}},
    {"updates", std::int64_t{2}},         {"train_tasks", std::int64_t{3}},  {"initial_episodes", std::int64_t{1}},
    {"prior_episodes", std::int64_t{1}},  {"extra_episodes", std::int64_t{1}}};

std::unique_ptr<Trainer> small_trainer(const AlgorithmRow& algorithm) {
  OptionValues values = default_values(algorithm.options);
  for (const auto& [name, value] : small_options)
    if (values.contains(name)) values.set(name, value);
  if (algorithm.name == std::string("meta_gradient")) values.set("updates", std::int64_t{1});  // with the trace, one
  return algorithm.make(values, 5);
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

TEST_CASE("every algorithm: a checkpoint with a tensor too few, too many or of another shape is refused by name, and "
          "changes nothing",
          "[app][checkpoint]") {
  for (const AlgorithmRow* algorithm : app::all_algorithms()) {
    const auto trained = small_trainer(*algorithm);
    for (int k = 0; k < 2; ++k) trained->iterate();
    const Tensors good = trained->state();

    const auto fresh = small_trainer(*algorithm);
    const Tensors before = fresh->state();
    const auto refused = [&](const Tensors& state, const std::string& name) {
      INFO(algorithm->name << ": " << name);
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
  }
}

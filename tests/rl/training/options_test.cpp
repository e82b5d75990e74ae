// Options: every text that is no value of its option is refused, and what is written reads back as the same value.
#include "rl/training/options.h"

#include <limits>

#include "rl/policy_gradient.h"
#include "rl/trpo.h"
#include "tests/catch.h"

using namespace innerloop::rl;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr Option alpha{
    .name = "alpha", .type = OptionType::real, .value = "0.1", .low = 0, .high = 10, .help = "step size"};
constexpr Option steps{.name = "steps", .type = OptionType::integer, .value = "1", .low = 0};
constexpr Option hidden{.name = "hidden", .type = OptionType::integers, .value = "[100, 100]", .low = 1, .high = 4096};
constexpr Option rates{.name = "rates", .type = OptionType::reals, .value = "[]", .low = 0, .high = 1};
constexpr Option act{.name = "activation", .type = OptionType::choice, .value = "relu", .choices = "relu tanh"};
constexpr Option second{.name = "second_order", .type = OptionType::boolean, .value = "true"};
constexpr Option env{.name = "env", .type = OptionType::text, .value = "point-nav-v1"};

}  // namespace

TEST_CASE("options: values of each type are read from text", "[rl][options]") {
  CHECK(parse_value(alpha, "1e-3") == OptionValue(1e-3));
  CHECK(parse_value(alpha, " 2 ") == OptionValue(2.0));
  CHECK(parse_value(steps, "+3") == OptionValue(std::int64_t{3}));
  CHECK(parse_value(hidden, "[64, 32]") == OptionValue(std::vector<std::int64_t>{64, 32}));
  CHECK(parse_value(hidden, "64,32") == OptionValue(std::vector<std::int64_t>{64, 32}));
  CHECK(parse_value(hidden, "64") == OptionValue(std::vector<std::int64_t>{64}));
  CHECK(parse_value(rates, "[]") == OptionValue(std::vector<double>{}));
  CHECK(parse_value(rates, "0.5,0.25") == OptionValue(std::vector<double>{0.5, 0.25}));
  CHECK(parse_value(act, "tanh") == OptionValue(std::string("tanh")));
  CHECK(parse_value(second, "false") == OptionValue(false));
  CHECK(parse_value(env, "\"a b\"") == OptionValue(std::string("a b")));
}

TEST_CASE("options: what does not fit is refused, naming option, value and range", "[rl][options]") {
  CHECK_THROWS_WITH(parse_value(alpha, "11"), ContainsSubstring("alpha = 11: must be a number, 0 to 10 (step size)"));
  CHECK_THROWS_WITH(parse_value(steps, "-1"), ContainsSubstring("steps = -1: must be a whole number, at least 0"));
  CHECK_THROWS_WITH(parse_value(act, "tahn"), ContainsSubstring("must be one of relu, tanh. Did you mean 'tanh'?"));
  CHECK_THROWS_WITH(parse_value(second, "yes"), ContainsSubstring("must be true or false"));
  for (const char* text : {"", "x", "1x", "1 2", "nan", "inf", "-inf", "1e999", "0x10", "--1"})
    CHECK_THROWS_AS(parse_value(alpha, text), UsageError);
  for (const char* text : {"", "1.5", "1e3", "99999999999999999999"})
    CHECK_THROWS_AS(parse_value(steps, text), UsageError);
  for (const char* text : {"[64", "64]", "64,,32", "[0]", "[64, x]", "[5000]", ",64"})
    CHECK_THROWS_AS(parse_value(hidden, text), UsageError);
}

TEST_CASE("options: a word with underscores is the word with dashes, which is what is kept", "[rl][options]") {
  const Option weighting{.name = "weighting", .type = OptionType::choice, .value = "flat-mean",
                         .choices = "flat-mean trajectory-sum"};
  CHECK(parse_value(weighting, "flat_mean") == OptionValue(std::string("flat-mean")));
  CHECK(checked_value(weighting, std::string("trajectory_sum")) == OptionValue(std::string("trajectory-sum")));
  CHECK_THROWS_WITH(parse_value(weighting, "flat_maen"), ContainsSubstring("Did you mean 'flat-mean'?"));
}

TEST_CASE("options: every algorithm spells its choices with dashes", "[rl][options]") {
  for (const AlgorithmRow* row : {&trpo, &policy_gradient})
    for (const Option& option : row->options) {
      INFO(row->name << ": " << option.name);
      CHECK(std::string(option.choices).find('_') == std::string::npos);
    }
}

TEST_CASE("options: a whole number may stand for a real, not the reverse", "[rl][options]") {
  CHECK(checked_value(alpha, std::int64_t{2}) == OptionValue(2.0));
  CHECK(checked_value(rates, std::vector<std::int64_t>{1, 0}) == OptionValue(std::vector<double>{1, 0}));
  CHECK_THROWS_AS(checked_value(steps, 2.0), UsageError);
  CHECK_THROWS_AS(checked_value(alpha, std::string("2")), UsageError);
  CHECK_THROWS_AS(checked_value(alpha, std::numeric_limits<double>::quiet_NaN()), UsageError);
}

TEST_CASE("options: written values read back as the same values", "[rl][options]") {
  for (const double x : {0.1, 1.0 / 3, 1e-5, 5.0, 9.999999999999998})
    CHECK(parse_value(alpha, to_text(x)) == OptionValue(x));
  for (const Option& option : {alpha, steps, hidden, rates, act, second, env}) {
    const OptionValue value = parse_value(option, option.value);
    CHECK(parse_value(option, to_text(value)) == value);
  }
  CHECK(to_text(std::string("a\"b\\c\n")) == R"("a\"b\\c\u000a")");
}

TEST_CASE("options: typed getters, presets and defaults", "[rl][options]") {
  const Option table[] = {alpha, hidden, act};
  OptionValues values = default_values(table);
  CHECK(values.real("alpha") == 0.1);
  CHECK(values.integers("hidden") == std::vector<int>{100, 100});
  apply_preset({"official", "", "# as in the code\nalpha = 0.5\n\n hidden = [8]\nactivation = \"tanh\""}, table,
               values);
  CHECK(values.real("alpha") == 0.5);
  CHECK(values.integers("hidden") == std::vector<int>{8});
  CHECK(values.text("activation") == "tanh");
  CHECK_THROWS_WITH(values.real("alhpa"), ContainsSubstring("Did you mean 'alpha'?"));
  CHECK_THROWS_WITH(values.real("hidden"), ContainsSubstring("hidden is not a number"));
  CHECK_THROWS_WITH(apply_preset({"bad", "", "alpa = 1"}, table, values), ContainsSubstring("Did you mean 'alpha'?"));
}

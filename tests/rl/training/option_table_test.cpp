// Option tables: a row is a field of the Config, with its default; a part's rows show what the whole gives the part.
#include "rl/training/option_table.h"

#include "kernels/shape.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::rl;
using Catch::Matchers::ContainsSubstring;

namespace {

enum class Colour { red, blue_green, white };
constexpr auto words_of(Colour) {
  return std::to_array<Word<Colour>>(
      {{"red", Colour::red}, {"blue-green", Colour::blue_green}, {"white", Colour::white}});
}

struct PaintConfig {
  int size = 64;
  Colour colour = Colour::red;
};
struct PartConfig {
  std::string env = "cartpole-v1";
  std::vector<int> hidden = {64, 64};
  double rate = 3e-4;
  PaintConfig paint = {.size = 32};
};
struct WholeConfig {
  PartConfig part = {.env = "pendulum-v1", .rate = 2.5e-4, .paint = {.size = 16, .colour = Colour::blue_green}};
  bool anneal = false;
  std::vector<double> factors = {0.5, 0.25};
  Dtype dtype = Dtype::f32;
};

Options<PaintConfig> paint_options() {
  return Options<PaintConfig>()
      .add("size", &PaintConfig::size, {1, 100}, "width")
      .add("colour", &PaintConfig::colour, "paint", "red");
}
Options<PartConfig> part_options() {
  return Options<PartConfig>()
      .add("env", &PartConfig::env, "environment")
      .add("hidden", &PartConfig::hidden, {1, 4096}, "widths")
      .add("rate", &PartConfig::rate, {0, 1}, "step size", "0.1")
      .include(&PartConfig::paint, paint_options());
}
Options<WholeConfig> whole_options() {
  return Options<WholeConfig>()
      .include(&WholeConfig::part, part_options())
      .add("anneal", &WholeConfig::anneal, "fall to 0")
      .add("factors", &WholeConfig::factors, {0, 10}, "per step")
      .add("dtype", &WholeConfig::dtype, "of numbers");
}

std::vector<std::string> defaults_of(const OptionTable& table) {
  std::vector<std::string> all;
  for (const Option& option : table) all.push_back(std::string(option.name) + " = " + option.value);
  return all;
}

}  // namespace

TEST_CASE("option table: rows keep their order, and a part shows the defaults that the whole gives it",
          "[rl][options]") {
  CHECK(defaults_of(part_options()) == std::vector<std::string>{"env = cartpole-v1", "hidden = [64, 64]", "rate = 3e-4",
                                                                "size = 32", "colour = red"});
  CHECK(defaults_of(whole_options()) ==
        std::vector<std::string>{"env = pendulum-v1", "hidden = [64, 64]", "rate = 2.5e-4", "size = 16",
                                 "colour = blue-green", "anneal = false", "factors = [0.5, 0.25]", "dtype = f32"});
}

TEST_CASE("option table: type, range, words, help and paper of a row", "[rl][options]") {
  const Options<WholeConfig> table = whole_options();
  const Option& colour = *find_option(table, "colour");
  CHECK(colour.type == OptionType::choice);
  CHECK(std::string(colour.choices) == "red blue-green white");
  CHECK(std::string(colour.paper) == "red");
  const Option& size = *find_option(table, "size");
  CHECK(size.type == OptionType::integer);
  CHECK(allowed(size) == "1 to 100");
  CHECK(std::string(size.help) == "width");
  CHECK(find_option(table, "factors")->type == OptionType::reals);
  CHECK(find_option(table, "anneal")->type == OptionType::boolean);
}

TEST_CASE("option table: what was read is shown again, and the defaults are the Config's own", "[rl][options]") {
  const Options<WholeConfig> table = whole_options();
  CHECK(table.show(WholeConfig()).all() == default_values(table).all());
  OptionValues values = default_values(table);
  values.set("colour", std::string("white"));
  values.set("hidden", std::vector<std::int64_t>{8});
  values.set("size", std::int64_t{5});
  values.set("dtype", std::string("f64"));
  const WholeConfig whole = table.read(values);
  CHECK(whole.part.paint.colour == Colour::white);
  CHECK(whole.part.paint.size == 5);
  CHECK(whole.part.hidden == std::vector<int>{8});
  CHECK(whole.part.rate == 2.5e-4);
  CHECK(whole.dtype == Dtype::f64);
  CHECK(table.read_and_shown(values).all() == values.all());
}

TEST_CASE("option table: small numbers are shown as short as they read", "[rl][options]") {
  struct Numbers {
    double a = 3e-4, b = 1e-12, c = 0.001, d = 0, e = -1.25e-5, f = 1000000, g = 0.1;
  };
  const Options<Numbers> table = Options<Numbers>()
                                     .add("a", &Numbers::a, {-1, 1e9}, "")
                                     .add("b", &Numbers::b, {-1, 1e9}, "")
                                     .add("c", &Numbers::c, {-1, 1e9}, "")
                                     .add("d", &Numbers::d, {-1, 1e9}, "")
                                     .add("e", &Numbers::e, {-1, 1e9}, "")
                                     .add("f", &Numbers::f, {-1, 1e9}, "")
                                     .add("g", &Numbers::g, {-1, 1e9}, "");
  CHECK(defaults_of(table) == std::vector<std::string>{"a = 3e-4", "b = 1e-12", "c = 0.001", "d = 0", "e = -1.25e-5",
                                                       "f = 1e+06", "g = 0.1"});
  CHECK(table.show(Numbers()).all() == default_values(table).all());
}

TEST_CASE("option table: a row may be edited, but for its default; an unknown name or word is refused",
          "[rl][options]") {
  Options<WholeConfig> table = whole_options();
  table.edit("colour", {.words = "white blue-green", .help = "of the wall"});
  table.edit("size", {.range = OptionRange{2, 20}});
  CHECK(allowed(*find_option(table, "colour")) == "white, blue-green");
  CHECK(std::string(find_option(table, "colour")->help) == "of the wall");
  CHECK(std::string(find_option(table, "colour")->paper) == "red");
  CHECK(allowed(*find_option(table, "size")) == "2 to 20");
  CHECK_THROWS_AS(parse_value(*find_option(table, "colour"), "red"), UsageError);
  CHECK_THROWS_WITH(table.edit("colours", {}), ContainsSubstring("Did you mean 'colour'?"));
  CHECK_THROWS_WITH(table.edit("colour", {.words = "blue-green black"}), ContainsSubstring("has no word 'black'"));
  CHECK_THROWS_WITH(table.edit("colour", {.words = "white"}), ContainsSubstring("blue-green, must be allowed"));
  CHECK_THROWS_WITH(table.add("size", &WholeConfig::anneal, ""), ContainsSubstring("two options are called 'size'"));
}

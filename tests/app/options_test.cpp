// Settings: defaults < preset < config < flags; every mistake is named with its place and the nearest right word.
#include "app/options.h"

#include <iostream>

#include "app/command_line.h"
#include "tests/app/toy.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::app;
using Catch::Matchers::ContainsSubstring;

namespace {

const Context context{toy::rows, std::cout, std::cerr};

RunSettings resolve(const std::string& config, const std::vector<std::string>& flags = {},
                    const std::string& preset = "") {
  const auto options = run_options(toy::row);
  return resolve_settings(context, "toy", preset, parse_config(config, "c.toml"),
                          parse_arguments(options, flags, 0).given);
}

std::string refusal(const std::string& config, const std::vector<std::string>& flags = {},
                    const std::string& preset = "") {
  try {
    resolve(config, flags, preset);
  } catch (const rl::UsageError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("settings: defaults, then preset, then config, then flags", "[app][options]") {
  CHECK(resolve("").values.real("rate") == 0.1);
  CHECK(resolve("", {}, "fast").values.real("rate") == 0.4);
  CHECK(resolve("preset = \"fast\"").values.integers("hidden") == std::vector<int>{8});
  CHECK(resolve("rate = 0.2", {}, "fast").values.real("rate") == 0.2);
  CHECK(resolve("rate = 0.2", {"--rate", "0.3"}, "fast").values.real("rate") == 0.3);
  CHECK(resolve("rate = 0.2", {"--rate=0.3", "--rate", "0.5"}).values.real("rate") == 0.5);
}

TEST_CASE("settings: flags of every type, with dashes or underscores", "[app][options]") {
  const RunSettings s = resolve("", {"--no-second-order", "--hidden", "[16, 8]", "--alphas", "1,0.5", "--mode=momentum",
                                     "--nan_at", "4", "--note", "two words"});
  CHECK_FALSE(s.values.boolean("second_order"));
  CHECK(s.values.integers("hidden") == std::vector<int>{16, 8});
  CHECK(s.values.reals("alphas") == std::vector<double>{1, 0.5});
  CHECK(s.values.text("mode") == "momentum");
  CHECK(s.values.integer("nan_at") == 4);
  CHECK(s.values.text("note") == "two words");
  CHECK(resolve("", {"--second-order=false"}).values.boolean("second_order") == false);
  CHECK(resolve("", {"--second-order"}).values.boolean("second_order") == true);
}

TEST_CASE("settings: mistakes are named with their place and the nearest word", "[app][options]") {
  CHECK(refusal("") == "accepted");
  CHECK_THAT(refusal("", {"--raet", "1"}), ContainsSubstring("unknown flag --raet. Did you mean '--rate'?"));
  CHECK_THAT(refusal("", {"--rate"}), ContainsSubstring("--rate"));
  CHECK_THAT(refusal("", {"--rate", "2"}), ContainsSubstring("rate = 2: must be a number, 0 to 1"));
  CHECK_THAT(refusal("", {"--rate", "-1"}), ContainsSubstring("rate = -1: must be a number, 0 to 1"));
  CHECK_THAT(refusal("", {"surplus"}), ContainsSubstring("unexpected argument 'surplus'"));
  CHECK_THAT(refusal("", {}, "fats"), ContainsSubstring("toy has no preset 'fats'. Did you mean 'fast'?"));
  CHECK_THAT(refusal("rate = 0.1\nraet = 1\n"),
             ContainsSubstring("c.toml:2:1: unknown key 'raet'. Did you mean 'rate'?"));
  CHECK_THAT(refusal("\n  rate = 7"), ContainsSubstring("c.toml:2:3: rate = 7: must be a number, 0 to 1"));
  CHECK_THAT(refusal("rate = \"x\""), ContainsSubstring("c.toml:1:1: rate = \"x\": must be a number"));
  CHECK_THAT(refusal("mode = \"plan\""), ContainsSubstring("Did you mean 'plain'?"));
  CHECK_THAT(refusal("hidden = [1, \"x\"]"), ContainsSubstring("c.toml:1:1: a list may hold numbers only"));
  CHECK_THAT(refusal("[training]\nrate = 0.1"), ContainsSubstring("c.toml:1:2: config files have no [tables]"));
  CHECK_THAT(refusal("rate = 0.1\nrate = 0.2"), ContainsSubstring("c.toml:2:"));
  CHECK_THAT(refusal("rate = = 0.1"), ContainsSubstring("c.toml:1:8: "));
  CHECK_THAT(refusal("rate = 0.1\nhidden = [1,\n"), ContainsSubstring("c.toml:"));
  CHECK_THAT(refusal("algorithm = \"maml\""), ContainsSubstring("the config is for maml, but toy was asked for"));
  CHECK_THROWS_WITH(resolve_settings(context, "toi", "", {}, {}), ContainsSubstring("Did you mean 'toy'?"));
  CHECK_THROWS_WITH(resolve_settings(context, "", "", {}, {}), ContainsSubstring("no algorithm given"));
}

TEST_CASE("settings: the resolved config reads back as the same settings", "[app][options]") {
  const RunSettings s = resolve("note = \"a \\\"b\\\" \\u0007 θ\"",
                                {"--rate", "0.30000000000000004", "--seed", "9007199254740991"}, "fast");
  const RunSettings again = resolve(config_text(s));
  CHECK(again.preset == "fast");
  CHECK(again.values.all() == s.values.all());
  CHECK(config_text(again) == config_text(s));
}

TEST_CASE("settings: the chapter's table comes from the same rows", "[app][options]") {
  CHECK_THAT(options_markdown(toy::options), ContainsSubstring("| `rate` | `0.1` | 0 to 1 | 0.1 (A.2) | step size |"));
  CHECK_THAT(options_markdown(toy::options),
             ContainsSubstring("| `mode` | `plain` | plain, momentum |  | of descent |"));
}

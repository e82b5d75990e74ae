// Patterns: what is found, where, and what groups hold that took no part.
// [plain] of the lints' own tool
#include "tests/lint/pattern.h"

#include "tests/catch.h"

using innerloop::lint::Match;
using innerloop::lint::Pattern;

TEST_CASE("A pattern is searched for within a text, or matches the whole of it", "[plain]") {
  const Pattern number("([0-9]+)(e[0-9]+)?");
  const auto found = number.search("from 12 to 3e4");
  REQUIRE(found);
  CHECK(found->begin == 5);
  CHECK(found->end == 7);
  CHECK(found->groups == std::vector<std::string>{"12", "12", ""});  // the exponent took no part
  CHECK_FALSE(number.search("from here"));

  const auto whole = number.match("3e4");
  REQUIRE(whole);
  CHECK(whole->groups == std::vector<std::string>{"3e4", "3", "e4"});
  CHECK_FALSE(number.match("3e4 "));
}

TEST_CASE("All matches of a pattern come in order, with their places in the text", "[plain]") {
  const std::string text = "b=2\nab=3, c";
  const std::vector<Match> found = Pattern(R"(\b([a-z])(=(\d))?)").all(text);
  REQUIRE(found.size() == 3);  // in "ab=3" no word begins before b, though a match ends there
  CHECK(found[0].groups == std::vector<std::string>{"b=2", "b", "=2", "2"});
  CHECK(found[1].groups == std::vector<std::string>{"a", "a", "", ""});
  CHECK(found[2][1] == "c");
  for (const Match& match : found) CHECK(text.substr(match.begin, match.end - match.begin) == match[0]);

  // ^ is the beginning of the text alone, and a match may be empty.
  CHECK(Pattern("^a").all("aa").size() == 1);
  CHECK(Pattern("x*").all("axx").size() == 3);
}

TEST_CASE("All matches of a pattern are replaced", "[plain]") {
  CHECK(Pattern(R"(\s+)").replace("one\n  two three", " ") == "one two three");
  CHECK(Pattern("(a)(b)").replace("ab-ab", "$2$1") == "ba-ba");
  CHECK(Pattern("x").replace("none", "y") == "none");
}

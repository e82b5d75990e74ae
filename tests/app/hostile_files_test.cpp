// Checkpoints that are cut short or lie about themselves, through the built program: one line with the file, what is
// wrong and the way back, exit code 1, and that way works.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <sstream>
#include <vector>

#include "tests/app/built_program.h"

using Catch::Matchers::ContainsSubstring;

namespace {

const std::string tiny_maml = "train maml --tasks 2 --trajectories 2 --hidden 4 --checkpoint-every 2 --quiet ";

// A file with this header, its length in front, and that many zero bytes of numbers.
std::string file_of(const std::string& header, std::size_t numbers = 0) {
  std::string bytes(8, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + std::string(numbers, '\0');
}
std::string with_length(std::uint64_t length, std::string bytes) {
  std::memcpy(bytes.data(), &length, 8);
  return bytes;
}
// One tensor, or two.
std::string tensor(const char* name, const char* dtype, const char* shape, const char* offsets) {
  return std::string("\"") + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
         offsets + "}";
}

struct Hostile {
  std::string name, bytes, message;
};

// Lies of every kind, and a dozen places to cut a good file short: in its length, its header and its numbers.
std::vector<Hostile> hostile_files(const std::string& good) {
  std::uint64_t header = 0;
  std::memcpy(&header, good.data(), 8);
  const std::string whole = "{" + tensor("a", "F32", "[2]", "[0,8]");
  std::vector<Hostile> files = {
      {"header beyond the file", with_length(good.size() + 1, good), "is it cut short?"},
      {"header of 2^63 bytes", with_length(1ull << 63, good), "claims 9223372036854775808 bytes; at most 100000000"},
      {"overlapping offsets", file_of(whole + "," + tensor("b", "F32", "[2]", "[4,12]") + "}", 12),
       "tensor \"b\": its numbers begin at byte 4, inside another tensor's"},
      {"size overflow", file_of("{" + tensor("a", "F64", "[2147483647,2147483647,2]", "[0,8]") + "}", 8),
       "tensor \"a\": shape times element size overflows"},
      {"unknown dtype", file_of("{" + tensor("a", "BF16", "[2]", "[0,4]") + "}", 4),
       "tensor \"a\": unknown dtype \"BF16\"; F32 and F64 can be read"},
      {"offsets beyond the file", file_of("{" + tensor("a", "F32", "[4]", "[0,16]") + "}", 8), "end beyond the file"},
      {"no JSON", file_of("{hello}"), "not valid JSON at byte"},
      {"another kind of file", "PK\3\4 a zip archive, not ours", "at most 100000000"},
      {"no iteration", file_of(whole + "}", 8), "its metadata has no iteration number"},
      {"one byte too many", good + '\0', "1 bytes at its end belong to no tensor"}};
  const std::size_t data = 8 + static_cast<std::size_t>(header);
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{8}, std::size_t{9},
                                   data / 2, data - 1, data, data + 1, data + 4, good.size() - 4, good.size() - 1})
    files.push_back({"the first " + std::to_string(length) + " bytes", good.substr(0, length), ""});
  return files;
}

}  // namespace

TEST_CASE("the program: a hostile or truncated checkpoint is refused with the way back, which works", "[app][runs]") {
  TestFolder folder;
  const std::string run = folder / "run", checkpoints = run + "/checkpoints/";
  REQUIRE(run_innerloop(folder, tiny_maml + "--iterations 4 --out " + run).code == 0);
  const std::string file = checkpoints + "iteration-000004.safetensors", good = contents(file);
  const std::string metrics = contents(run + "/metrics.csv");
  const std::vector<Hostile> files = hostile_files(good);
  REQUIRE(files.size() == 22);
  for (const auto& [name, bytes, message] : files) {
    INFO(name);
    write_file(file, bytes);
    for (const std::string words : {"train --quiet --iterations 6 --resume ", "adapt --quiet --tasks 2 "}) {
      const Outcome refused = run_innerloop(folder, words + run);
      INFO(words << refused.err);
      CHECK(refused.code == 1);
      CHECK(refused.out.empty());
      CHECK(std::ranges::count(refused.err, '\n') == 1);
      CHECK(refused.err.starts_with("innerloop: " + file + ": "));
      CHECK_THAT(refused.err, ContainsSubstring(message));
      CHECK(refused.err.ends_with(". Put the name of an earlier one, iteration-000002.safetensors, into " +
                                  checkpoints + "LATEST\n"));
    }
    CHECK(contents(run + "/metrics.csv") == metrics);  // refused before anything is changed
  }

  // As the messages say: back to the second iteration, and on to the bytes of before.
  write_file(checkpoints + "LATEST", "iteration-000002.safetensors\n");
  CHECK(run_innerloop(folder, "adapt --quiet --tasks 2 " + run).code == 0);
  CHECK(run_innerloop(folder, "train --quiet --resume " + run).code == 0);
  CHECK(contents(file) == good);
  CHECK(contents(run + "/metrics.csv") == metrics);
}

TEST_CASE("the program: without an earlier checkpoint the way back is to train anew; a name in LATEST must be a file's",
          "[app][runs]") {
  TestFolder folder;
  const std::string run = folder / "run", latest = run + "/checkpoints/LATEST";
  REQUIRE(run_innerloop(folder, tiny_maml + "--iterations 2 --out " + run).code == 0);
  const auto refusal = [&](const std::string& name) {
    write_file(latest, name);
    const Outcome refused = run_innerloop(folder, "train --quiet --iterations 4 --resume " + run);
    CHECK(refused.code == 1);
    CHECK(std::ranges::count(refused.err, '\n') == 1);
    return refused.err;
  };
  const std::string there = "iteration-000002.safetensors, into " + latest + "\n";
  CHECK(refusal("iteration-000003.safetensors\n") ==
        "innerloop: cannot read " + run + "/checkpoints/iteration-000003.safetensors: No such file or directory. "
        "Put the name of an earlier one, " + there);
  for (const char* none : {"", "\n", "../../secret\n", "/etc/passwd\n"})
    CHECK(refusal(none) == "innerloop: " + latest + " must hold the name of a checkpoint in its folder. " +
                               "Put the name of a checkpoint, " + there);
  write_file(run + "/checkpoints/iteration-000000.safetensors", "");
  CHECK(refusal("iteration-000000.safetensors\n") ==
        "innerloop: " + run + "/checkpoints/iteration-000000.safetensors: it has 0 bytes; a safetensors file has at "
        "least 8. There is no earlier one: innerloop train --config " + run +
        "/config.toml --out <another folder> trains anew\n");
  CHECK(run_innerloop(folder, "train --quiet --config " + run + "/config.toml --out " + (folder / "anew")).code == 0);
  CHECK(contents(folder / "anew/metrics.csv") == contents(run + "/metrics.csv"));
}

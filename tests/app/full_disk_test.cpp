// A disk that fills up under the built program (preload/full_disk.cpp): one line says what, where and the fix, what was
// saved before is whole, and the run goes on as if there had always been room.
#include <algorithm>
#include <sstream>
#include <utility>
#include <vector>

#include "nn/safetensors.h"
#include "tests/app/built_program.h"
#include "tests/sanitized.h"

using namespace innerloop;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

const std::string tiny_four =
    "train maml --tasks 2 --trajectories 2 --hidden 4 --iterations 4 --checkpoint-every 2 --quiet";

// The program on a disk that takes `room` bytes of the files below `place`.
Outcome run_on_full_disk(const TestFolder& folder, const std::string& words, const std::string& place, long room) {
  const char* build = ::getenv("INNERLOOP_BUILD");
  const std::string library = fs::absolute(std::string(build ? build : "build") + "/libfull_disk.so").string();
  REQUIRE(fs::exists(library));
  return run_innerloop(folder, words, "",
                       "LD_PRELOAD=" + library + " FULL_DISK_FOLDER=" + fs::canonical(folder.path).string() + "/" +
                           place + " FULL_DISK_BYTES=" + std::to_string(room));
}

struct Written {
  std::string file;
  long bytes;
};

// What a run of `tiny_four` writes, in order, by the sizes in the folder of one that has ended.
std::vector<Written> writes_of(const std::string& run) {
  const auto size = [&](const std::string& file) { return static_cast<long>(fs::file_size(run + file)); };
  std::vector<Written> writes{{"/run.json", size("/run.json")}, {"/config.toml", size("/config.toml")}};
  const auto checkpoint = [&](int iteration) {
    const std::string name = "/checkpoints/iteration-00000" + std::to_string(iteration) + ".safetensors";
    writes.push_back({name, size(name)});
    writes.push_back({"/checkpoints/LATEST", size("/checkpoints/LATEST")});
  };
  checkpoint(0);
  std::istringstream metrics(contents(run + "/metrics.csv")), timing(contents(run + "/timing.csv"));
  const auto next_line = [](std::istringstream& text) {
    std::string line;
    REQUIRE(std::getline(text, line));
    return static_cast<long>(line.size() + 1);
  };
  long metrics_header = next_line(metrics), timing_header = next_line(timing);  // go with the first row
  for (int row = 1; row <= 4; ++row) {
    writes.push_back({"/metrics.csv", next_line(metrics) + std::exchange(metrics_header, 0)});
    writes.push_back({"/timing.csv", next_line(timing) + std::exchange(timing_header, 0)});
    if (row % 2 == 0) checkpoint(row);
  }
  return writes;
}

// The tensors of the checkpoint that LATEST names; none if there is no LATEST.
Tensors newest_state(const std::string& run) {
  const std::string name = contents(run + "/checkpoints/LATEST");
  return name.empty() ? Tensors() : nn::load_safetensors(run + "/checkpoints/" + name.substr(0, name.size() - 1));
}

}  // namespace

TEST_CASE("the program: a disk full at any file of a run is named with the fix; resumed, the run leaves the same bytes",
          "[app][runs]") {
  if (sanitized) {
    WARN("not under sanitizers: their libraries must be loaded first");
    return;
  }
  TestFolder folder;
  const std::string whole = folder / "whole", run = folder / "run";
  REQUIRE(run_innerloop(folder, tiny_four + " --out " + whole).code == 0);
  const std::vector<Written> writes = writes_of(whole);
  REQUIRE(writes.size() == 16);

  // Each file in turn gets half of its bytes, and one gets none.
  long before = 0;
  for (std::size_t i = 0; i < writes.size(); before += writes[i++].bytes) {
    const auto& [file, bytes] = writes[i];
    INFO("write " << i << ", " << file);
    fs::remove_all(run);
    const Outcome full =
        run_on_full_disk(folder, tiny_four + " --out " + run, "run", before + (i == 7 ? 0 : bytes / 2));
    CHECK(full.code == 1);
    CHECK(full.out.empty());
    CHECK(std::ranges::count(full.err, '\n') == 1);
    CHECK_THAT(full.err, ContainsSubstring("innerloop: cannot write " + run + file + ": ") &&
                             ContainsSubstring("No space left on device; free some space"));
    for (const auto& item : fs::recursive_directory_iterator(run)) CHECK(item.path().extension() != ".tmp");

    // Before the config there is no run yet, and the same command makes it.
    if (i < 2) {
      CHECK_FALSE(fs::exists(run + "/config.toml"));
      CHECK(run_innerloop(folder, tiny_four + " --out " + run).code == 0);
    } else {
      CHECK(full.err.ends_with(". To go on: innerloop train --resume " + run + "\n"));
      CHECK(newest_state(run).all_finite());
      CHECK((newest_state(run).count() > 0) == (i > 3));
      CHECK(run_innerloop(folder, "train --quiet --resume " + run).code == 0);
    }
    for (const char* same : {"/config.toml", "/metrics.csv", "/checkpoints/LATEST",
                             "/checkpoints/iteration-000002.safetensors", "/checkpoints/iteration-000004.safetensors"})
      CHECK(contents(run + same) == contents(whole + same));
  }
}

TEST_CASE("the program: a disk full under adapt is named; the run it read is unchanged and adapts once there is room",
          "[app][runs]") {
  if (sanitized) return;
  TestFolder folder;
  const std::string run = folder / "run", adapt = "adapt " + run + " --tasks 2 --steps 1 --quiet";
  REQUIRE(run_innerloop(folder, tiny_four + " --out " + run).code == 0);
  const Outcome full = run_on_full_disk(folder, adapt, "run", 10);
  CHECK(full.code == 1);
  CHECK_THAT(full.err, ContainsSubstring("cannot write " + run + "/adapt/adapt.csv: writing: No space left on device"));
  CHECK(std::ranges::count(full.err, '\n') == 1);
  CHECK_FALSE(fs::exists(run + "/adapt/adapt.csv"));
  const Outcome room = run_innerloop(folder, adapt);
  CHECK(room.code == 0);
  CHECK(room.out == full.out);  // the table was told before the file failed
  CHECK(fs::exists(run + "/adapt/adapt.csv"));
}

TEST_CASE("the program: a run that ended before its first checkpoint begins when it is resumed, and adapt says so",
          "[app][runs]") {
  TestFolder folder;
  const std::string run = folder / "run", whole = folder / "whole";
  for (const std::string& out : {run, whole}) REQUIRE(run_innerloop(folder, tiny_four + " --out " + out).code == 0);
  // The first checkpoint stands before the first row.
  for (const char* made : {"/checkpoints", "/metrics.csv", "/timing.csv"}) fs::remove_all(run + made);
  fs::create_directory(run + "/checkpoints");
  CHECK(run_innerloop(folder, "adapt " + run).err ==
        "innerloop: " + run + " has no checkpoint yet. To go on: innerloop train --resume " + run + "\n");
  CHECK(run_innerloop(folder, "train --quiet --resume " + run).code == 0);
  for (const char* same : {"/metrics.csv", "/checkpoints/LATEST", "/checkpoints/iteration-000004.safetensors"})
    CHECK(contents(run + same) == contents(whole + same));

  // With later checkpoints there, LATEST was lost by other hands: their newest is suggested, nothing is begun anew.
  fs::remove(run + "/checkpoints/LATEST");
  for (const char* words : {"train --quiet --resume ", "adapt "})
    CHECK(run_innerloop(folder, words + run).err ==
          "innerloop: " + run + "/checkpoints/LATEST is missing. Put the name of a checkpoint, "
          "iteration-000004.safetensors, into " + run + "/checkpoints/LATEST\n");
}

// A sweep of real algorithms, killed without warning: it goes on where it was, and ends with the bytes of one that
// never stopped.
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "tests/app/built_program.h"
#include "tests/app/folder.h"
#include "tests/catch.h"

namespace {

namespace fs = std::filesystem;

// The newest checkpoint's name in each run folder below `path` that has one.
std::vector<std::string> newest_checkpoints(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::recursive_directory_iterator item(path, error), end; !error && item != end; item.increment(error))
    if (item->path().filename() == "LATEST") names.push_back(contents(item->path().string()));
  return names;
}

// Starts the sweep and ends it by SIGKILL once so many of its runs have finished and another one is under way.
void kill_after(int finished, const std::string& words, const std::string& out, const std::string& last) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/bin/sh", "sh", "-c", ("exec " + built_program() + " " + words + " > /dev/null 2>&1").c_str(), nullptr);
    ::_exit(127);
  }
  for (int i = 0; i < 5000; ++i, ::usleep(2000)) {
    const std::vector<std::string> names = newest_checkpoints(out);
    const auto ended = std::ranges::count(names, last);
    if (ended >= finished && static_cast<std::size_t>(ended) < names.size()) break;
  }
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));  // it was still at work: a sweep that had ended would prove nothing
}

}  // namespace

TEST_CASE("sweep: killed twice and run again it leaves the same bytes, and leaves alone what had finished",
          "[app][sweep][runs]") {
  TestFolder folder;
  const std::string words =
      "sweep --methods \"policy_gradient trpo\" --envs two-state-v1 --seeds 3 --quiet --set \"iterations=40 tasks=1 "
      "trajectories=20 hidden=[8] checkpoint_every=5\" --out ";
  REQUIRE(exit_status(folder, words + (folder / "whole")) == 0);

  const std::string killed = folder / "killed", last = "iteration-000040.safetensors\n";
  kill_after(1, words + killed + " --parallel 2", killed, last);
  std::vector<std::pair<std::string, fs::file_time_type>> finished;
  for (const auto& item : fs::recursive_directory_iterator(killed))
    if (item.path().filename() == "LATEST" && contents(item.path().string()) == last) {
      const std::string metrics = (item.path().parent_path().parent_path() / "metrics.csv").string();
      finished.emplace_back(metrics, fs::last_write_time(metrics));
    }
  REQUIRE(finished.size() >= 1);
  REQUIRE(finished.size() < 6);
  CHECK_FALSE(fs::exists(killed + "/sweep.csv"));
  kill_after(static_cast<int>(finished.size()) + 1, "sweep --config " + killed + "/sweep.toml --parallel 1 --quiet",
             killed, last);
  REQUIRE(exit_status(folder, "sweep --config " + killed + "/sweep.toml --quiet") == 0);

  for (const auto& [metrics, time] : finished) CHECK(fs::last_write_time(metrics) == time);
  for (const char* method : {"policy_gradient", "trpo"})
    for (const char* seed : {"1", "2", "3"})
      for (const char* file : {"config.toml", "metrics.csv", "checkpoints/iteration-000040.safetensors"}) {
        const std::string path = std::string("/") + method + "/two-state-v1/seed-" + seed + "/" + file;
        INFO(path);
        CHECK_FALSE(contents((folder / "whole") + path).empty());
        CHECK(contents((folder / "whole") + path) == contents(killed + path));
      }
  for (const char* file : {"/sweep.csv", "/sweep.json", "/sweep.txt"})
    CHECK(contents((folder / "whole") + file) == contents(killed + file));
}

// --device, through the built program.
#include <cmath>
#include <sstream>
#include <vector>

#include "kernels/cuda/device.h"
#include "tests/app/built_program.h"
#include "tests/catch.h"

using namespace innerloop;
using Catch::Matchers::ContainsSubstring;

namespace {

// The numbers of a metrics.csv, its header left out.
std::vector<double> numbers_in(const std::string& csv) {
  std::vector<double> numbers;
  std::istringstream lines(csv.substr(csv.find('\n') + 1));
  for (std::string cell; std::getline(lines, cell, ',');) {
    std::istringstream parts(cell);
    for (double number; parts >> number;) numbers.push_back(number);
  }
  return numbers;
}

}  // namespace

TEST_CASE("the program: check passes for every operation and maml on the emulated CUDA kernels", "[app][slow]") {
  TestFolder folder;
  for (const char* what : {"ops", "maml"}) {
    const Outcome outcome = run_innerloop(folder, std::string("check ") + what + " --device simt");
    INFO(what << "\n" << outcome.out << outcome.err);
    CHECK(outcome.code == 0);
    CHECK_THAT(outcome.out, ContainsSubstring("hold"));
  }
}

TEST_CASE("the program: training and adapting on the emulated device agree with the CPU", "[app]") {
  TestFolder folder;
  const std::string train =
      "train maml --tasks 3 --trajectories 2 --hidden 8 --quiet --iterations 2 --dtype f64 --out ";
  for (const char* outer : {"trpo", "adam"}) {
    const std::string cpu = folder / (std::string("cpu-") + outer), simt = folder / (std::string("simt-") + outer);
    const std::string choice = std::string(" --outer ") + outer;
    REQUIRE(run_innerloop(folder, train + cpu + choice).code == 0);
    const Outcome outcome = run_innerloop(folder, train + simt + choice + " --device simt");
    INFO(outcome.err);
    REQUIRE(outcome.code == 0);
    const auto here = numbers_in(contents(cpu + "/metrics.csv")), there = numbers_in(contents(simt + "/metrics.csv"));
    REQUIRE(here.size() == there.size());
    for (std::size_t n = 0; n < here.size(); ++n) CHECK(there[n] == Approx(here[n]).epsilon(1e-6).margin(1e-9));
    CHECK_THAT(contents(simt + "/run.json"), ContainsSubstring("\"device\": \"simt\""));

    // A run of one device is gone on with on another.
    CHECK(run_innerloop(folder, "train --resume " + simt + " --iterations 3 --quiet").code == 0);
    CHECK(run_innerloop(folder, "adapt " + simt + " --tasks 2 --pictures 0 --device simt").code == 0);
  }
}

TEST_CASE("the program: a device that is not there is refused with what is missing", "[app]") {
  TestFolder folder;
  const std::string reason = kernels::why_unavailable(Device::cuda);
  CHECK(run_innerloop(folder, "check tanh --device gpu").code == 2);
  if (reason.empty()) return;  // there is a GPU here
  for (const char* command : {"train maml --out x", "check tanh", "bench ops"}) {
    const Outcome outcome = run_innerloop(folder, std::string(command) + " --device cuda");
    INFO(outcome.err);
    CHECK(outcome.code == 1);
    CHECK_THAT(outcome.err, ContainsSubstring(reason.substr(0, 60)));
  }
}

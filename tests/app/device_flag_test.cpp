// --device, through the built program.
#include <cmath>
#include <sstream>
#include <vector>

#include <nlohmann/json.hpp>

#include "app/checks.h"
#include "autodiff/device.h"
#include "kernels/cuda/device.h"
#include "tests/app/built_program.h"
#include "tests/app/smoke.h"
#include "tests/catch.h"
#include "tests/sanitized.h"

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

// Every instance of every operation at orders 0, 1 and 2, against the CPU: tests/cuda/device_programs_test.cpp.
// [plain] a minute for what tests/cuda, tests/autodiff and tests/meta run under the sanitizers: these kernels and cases
TEST_CASE("check passes for every operation, and for maml, on the emulated CUDA kernels", "[app][slow][simt][plain]") {
  struct Emulated {
    Emulated() { set_compute_device(Device::simt); }
    ~Emulated() { set_compute_device(Device::cpu); }
  };
  for (const CheckCase& c : one_of_a_kind(app::find_check_cases("ops"), &CheckCase::subject)) {
    const Emulated here;
    const CheckReport report = run_check(c);
    INFO(to_text(report));
    CHECK(report.ok);
  }
  TestFolder folder;
  const Outcome outcome = run_innerloop(folder, "check maml --device simt");
  INFO(outcome.out << outcome.err);
  CHECK(outcome.code == 0);
  CHECK_THAT(outcome.out, ContainsSubstring("hold"));
}

// Damped: ten iterations of conjugate gradients on a nearly singular matrix would make the last digits of a product,
// which two devices round in different ways, visible in the step.
TEST_CASE("the program: training and adapting on the emulated device agree with the CPU", "[app][simt]") {
  TestFolder folder;
  const std::string train =
      "train maml --tasks 3 --trajectories 2 --hidden 8 --quiet --iterations 2 --dtype f64 --cg-damping 0.1 --out ";
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

TEST_CASE("the program: every algorithm trains and adapts on the emulated device as on the CPU",
          "[app][slow][simt]") {
  TestFolder folder;
  int number = 0;
  for_every_smoke_run([&](const rl::AlgorithmRow& algorithm, const rl::SmokeRun& smoke) {
    const std::string here = folder / ("cpu" + std::to_string(number));
    const std::string there = folder / ("simt" + std::to_string(number));
    ++number;
    // The first setting of each algorithm twice, and adapted; the others once: emulated kernels are slow.
    const bool first = &smoke == &algorithm.smoke.front();
    const std::string iterations = first ? "iterations = 2" : "iterations = 1";
    const std::string run = "train" + smoke_flags(folder, algorithm, smoke, iterations + "\ndtype = f64") + "--out ";
    REQUIRE(run_innerloop(folder, run + here).code == 0);
    const Outcome outcome = run_innerloop(folder, run + there + " --device simt");
    INFO(outcome.err);
    REQUIRE(outcome.code == 0);
    const auto mine = numbers_in(contents(here + "/metrics.csv")), its = numbers_in(contents(there + "/metrics.csv"));
    REQUIRE(mine.size() == its.size());
    for (std::size_t n = 0; n < mine.size(); ++n) CHECK(its[n] == Approx(mine[n]).epsilon(1e-6).margin(1e-8));
    if (!first) return;
    const std::string adapt = "adapt " + there + " --steps 1 --trajectories 2 --pictures 0 --json";
    const Outcome on_cpu = run_innerloop(folder, adapt), on_device = run_innerloop(folder, adapt + " --device simt");
    REQUIRE(on_device.code == 0);
    const auto cpu_json = nlohmann::json::parse(on_cpu.out), simt_json = nlohmann::json::parse(on_device.out);
    CHECK(simt_json["learners"][0]["mean"][0].get<double>() ==
          Approx(cpu_json["learners"][0]["mean"][0].get<double>()).epsilon(1e-6));
  });
}

TEST_CASE("the program: a device that is not there is refused with what is missing", "[app]") {
  TestFolder folder;
  CHECK(run_innerloop(folder, "check tanh --device gpu").code == 2);
  for (const Device device : {Device::cuda, Device::simt}) {
    const std::string reason = kernels::why_unavailable(device);
    if (reason.empty()) continue;  // there is a GPU here, or the emulator
    for (const char* command : {"train maml --out x", "check tanh", "bench ops"}) {
      const Outcome outcome = run_innerloop(folder, std::string(command) + " --device " + name_of(device));
      INFO(outcome.err);
      CHECK(outcome.code == 1);
      CHECK_THAT(outcome.err, ContainsSubstring(reason.substr(0, 60)));
    }
  }
}

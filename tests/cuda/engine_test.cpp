#include "kernels/cuda/simt/engine.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstring>

#include "kernels/cuda/simt/race.h"
#include "kernels/cuda/simt/sanitizer.h"
#include "tests/catch.h"
#include "tests/cuda/schedules.h"
#include "tests/cuda/zoo.h"

using namespace innerloop;
using kernels::simt_host::Exhibit;
using kernels::simt_host::zoo;

namespace {

struct Outcome {
  std::vector<std::vector<float>> numbers;  // per schedule
  std::vector<std::string> complaints;
};

Outcome observe(const Exhibit& exhibit) {
  Outcome outcome;
  simt::for_each_schedule([&](const std::string&) {
    std::vector<float> y(128, -1.0f);
    std::string complaint;
    try {
      exhibit.run(y.data());
    } catch (const simt::KernelError& error) {
      complaint = error.what();
    }
    outcome.numbers.push_back(y);
    outcome.complaints.push_back(complaint);
  }, simt::schedules());
  return outcome;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("Each kernel of the zoo is diagnosed as it should be", "[simt]") {
  for (const Exhibit& exhibit : zoo()) {
    if (exhibit.address_error && simt::sanitizer::active)
      continue;  // it would stop this program
    INFO(exhibit.name);
    const Outcome outcome = observe(exhibit);
    // A complaint comes under every schedule; a race is seen under every one too, in the build that can see it.
    const std::string expected = !exhibit.complaint.empty() ? exhibit.complaint
                                 : simt::race::active()     ? exhibit.race
                                                            : "";
    bool not_a_number = false, differ = false;
    for (std::size_t i = 0; i < outcome.complaints.size(); ++i) {
      INFO("schedule " << simt::schedules()[i].name << ": " << outcome.complaints[i]);
      if (expected.empty())
        CHECK(outcome.complaints[i].empty());
      else
        CHECK_THAT(outcome.complaints[i], Catch::Matchers::ContainsSubstring(expected));
      for (float v : outcome.numbers[i]) not_a_number |= std::isnan(v);
      differ |= !same_bits(outcome.numbers[0], outcome.numbers[i]);
    }
    if (!exhibit.complaint.empty()) continue;  // a launch that failed leaves what it likes
    CHECK(not_a_number == exhibit.not_a_number);
    CHECK(differ == exhibit.orders_differ);
  }
}

TEST_CASE("The address sanitizer finds stores outside of shared arrays, at their line of the kernel", "[simt]") {
  if (!simt::sanitizer::active) return;  // the case above has seen them by the filling of the red zones
  for (const Exhibit& exhibit : zoo()) {
    if (!exhibit.address_error) continue;
    INFO(exhibit.name);
    // The sanitizer ends the program: a child runs the kernel, and what it printed comes through a pipe.
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      dup2(ends[1], STDERR_FILENO);
      std::vector<float> y(128);
      exhibit.run(y.data());
      _exit(0);
    }
    close(ends[1]);
    std::string printed;
    char buffer[4096];
    for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
      printed.append(buffer, static_cast<std::size_t>(n));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(status != 0);
    CHECK_THAT(printed, Catch::Matchers::ContainsSubstring("AddressSanitizer: use-after-poison"));
    CHECK_THAT(printed, Catch::Matchers::ContainsSubstring("tests/cuda/zoo.cu:"));
  }
}

TEST_CASE("After a failed launch the engine runs the next one as if nothing had been", "[simt]") {
  std::vector<float> fresh(128, -1.0f), after(128, -1.0f);
  const Exhibit& right = zoo()[0];
  right.run(fresh.data());
  for (const Exhibit& exhibit : zoo()) {
    if (exhibit.complaint.empty() || exhibit.address_error) continue;
    std::vector<float> y(128);
    CHECK_THROWS_AS(exhibit.run(y.data()), simt::KernelError);
    right.run(after.data());
    CHECK(same_bits(fresh, after));
  }
}

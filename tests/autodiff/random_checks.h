// Random right programs as cases for the verifier, at points where one may look at them: ordinary ones, and those on
// which a verifier stumbles (zeros, ties, bounds, numbers far from 1).
#pragma once

#include "autodiff/check.h"
#include "tests/autodiff/random_programs.h"

namespace innerloop::tests {

inline CheckCase random_check(std::uint64_t seed) {
  enum Point { ordinary, zeros, whole, bounds, large, small, count };
  const auto point = static_cast<Point>(seed % count);
  Philox random(seed, {.purpose = Purpose::check, .iteration = 1});
  const auto number = [&](double x) {
    switch (point) {
      case zeros: return 0.0;
      case whole: return static_cast<double>(random.below(3)) - 1;
      case bounds: return random.below(2) ? 0.5 : -0.5;  // where the programs clip
      case large: return 30 * x;
      case small: return 0.01 * x;
      default: return x;
    }
  };
  CheckCase c{.name = "program " + std::to_string(seed), .subject = "random", .inputs = {}, .build = {}};
  for (Tensor& t : Generator(seed).inputs()) {
    for (double& x : t.mutable_values<double>()) x = number(x);
    c.inputs.push_back({"x" + std::to_string(c.inputs.size()), t});
  }
  c.build = [seed](const Vars& in) {
    Generator generator(seed);
    generator.inputs();
    std::vector<Var> have(in.all().begin(), in.all().end());
    const int length = 4 + static_cast<int>(seed % 9);
    for (int i = 0; i < length; ++i) have.push_back(generator.grow(have));
    return std::vector<Var>{sum_tasks(sum_all(tanh(have.back()))) + sum_tasks(sum_all(sin(have[have.size() - 2])))};
  };
  return c;
}

}  // namespace innerloop::tests

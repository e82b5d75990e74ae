// Catch2, version 2 (Debian 12) or 3: what both offer, under the names of version 3.
//
// Tests run from the repository's root. The environment variable INNERLOOP_BUILD names the build folder; the program
// is $INNERLOOP_BUILD/innerloop. Tags with a meaning outside, each also a ctest label: [learning] trains something,
// [slow] takes over two seconds, [timing] measures time and runs alone; [plain] and [threads] decide under which
// sanitizers a test runs, [simt] and [device] that it needs the emulated CUDA kernels (tests/README.md).
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
namespace Catch::Matchers {
// Version 3 names of the string matchers.
inline auto ContainsSubstring(const std::string& text) { return Contains(text); }
}  // namespace Catch::Matchers
#endif

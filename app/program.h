// The program: verbs, and what each of them is given.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

#include "rl/training/trainer.h"

namespace innerloop::app {

inline constexpr const char* version = "0.1.0";

// Exit codes: part of the interface, since scripts read them.
inline constexpr int success = 0;
inline constexpr int failure = 1;        // it went wrong: a file, a disk, a check that failed
inline constexpr int usage = 2;          // the command line or the config asks for something that does not exist
inline constexpr int non_finite = 3;     // a NaN or an infinity
inline constexpr int interrupted = 130;  // Ctrl-C

using Arguments = std::span<const std::string>;

// The world a verb lives in. Tests put their own algorithms and streams here.
struct Context {
  std::span<const rl::AlgorithmRow* const> algorithms;
  std::ostream& out;      // results
  std::ostream& err;      // messages and progress
  bool terminal = false;  // err is a terminal whose last line may be written again
};

// One verb; each stands in its own file, app/<verb>.cpp.
struct Verb {
  const char* name;
  const char* arguments;  // "<algorithm> [flags]"
  const char* summary;
  int (*command)(const Context& context, Arguments arguments);
};
std::span<const Verb> all_verbs();

// Runs one command line (without the program's own name) and returns the exit code. Errors are printed, never thrown.
int run_program(const Context& context, Arguments arguments);

int adapt_command(const Context& context, Arguments arguments);
int bench_command(const Context& context, Arguments arguments);
int check_command(const Context& context, Arguments arguments);
int explain_command(const Context& context, Arguments arguments);
int list_command(const Context& context, Arguments arguments);
int plot_command(const Context& context, Arguments arguments);
int run_command(const Context& context, Arguments arguments);
int sweep_command(const Context& context, Arguments arguments);
int train_command(const Context& context, Arguments arguments);

// The algorithm of this name; UsageError with the nearest name otherwise.
const rl::AlgorithmRow& find_algorithm(const Context& context, std::string_view name);

}  // namespace innerloop::app

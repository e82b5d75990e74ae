// innerloop: the command-line program. What it does stands in program.cpp and in one file per verb.
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "app/algorithms.h"
#include "app/program.h"
#include "app/progress.h"

int main(int count, char** words) {
  using namespace innerloop::app;
  std::signal(SIGPIPE, SIG_IGN);  // `innerloop list | head` is an error of the stream, not a death
  const std::vector<std::string> arguments(words + 1, words + count);
  const Context context{all_algorithms(), std::cout, std::cerr, error_stream_is_live()};
  return run_program(context, arguments);
}

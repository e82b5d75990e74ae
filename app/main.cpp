// innerloop: the command-line program. What it does stands in program.cpp and in one file per verb.
#include <csignal>
#include <iostream>
#include <streambuf>
#include <string>
#include <vector>

#include "app/algorithms.h"
#include "app/program.h"
#include "app/progress.h"
#include "kernels/ranks.h"

namespace {

// Takes everything and keeps nothing.
class SilentBuffer : public std::streambuf {
  int overflow(int c) override { return traits_type::not_eof(c); }
};
class SilentStream : private SilentBuffer, public std::ostream {
 public:
  SilentStream() : std::ostream(this) {}
};

// Joins the ranks that mpirun started, if it did. Whoever fails takes the others along: they would wait for it.
template <class Body>
int run_on_ranks(Body body) {
  using namespace innerloop;
  try {
    start_ranks();
  } catch (const Error& error) {
    std::cerr << "innerloop: " << error.what() << std::endl;
    return app::failure;
  }
  const int code = body();
  if (code != app::success && code != app::interrupted) abort_ranks(code);
  end_ranks();
  return code;
}

}  // namespace

int main(int count, char** words) {
  using namespace innerloop;
  using namespace innerloop::app;
  std::signal(SIGPIPE, SIG_IGN);  // `innerloop list | head` is an error of the stream, not a death
  const std::vector<std::string> arguments(words + 1, words + count);
  return run_on_ranks([&] {
    // Of several ranks the first speaks.
    SilentStream silent;
    std::ostream& out = rank() == 0 ? std::cout : silent;
    std::ostream& err = rank() == 0 ? std::cerr : silent;
    const Context context{all_algorithms(), out, err, rank() == 0 && error_stream_is_live()};
    return run_program(context, arguments);
  });
}

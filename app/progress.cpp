#include "app/progress.h"

#include <signal.h>
#include <unistd.h>

#include <fmt/format.h>
#include <cmath>
#include <cstdlib>
#include <ostream>
#include <string_view>

namespace innerloop::app {
namespace {

constexpr double live_interval = 0.2, plain_interval = 10;  // seconds
constexpr std::size_t shown_metrics = 3;
constexpr int bar_width = 20;

volatile sig_atomic_t stop_requested = 0;  // a signal handler can reach nothing else
struct sigaction previous_int, previous_term;

std::string bar(double fraction) {
  std::string text;
  const int full = static_cast<int>(fraction * bar_width);
  for (int i = 0; i < bar_width; ++i) text += i < full ? "█" : "·";
  return text;
}

}  // namespace

std::string duration_text(double seconds) {
  const long whole = std::lround(std::max(seconds, 0.0));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  return fmt::format("{}:{:02} h", whole / 3600, whole % 3600 / 60);
}

Progress::Progress(std::ostream& stream, bool terminal, bool quiet, std::string label, int done, int total,
                   int unit)
    : stream_(stream),
      terminal_(terminal),
      quiet_(quiet),
      label_(std::move(label)),
      first_(done),
      total_(total),
      unit_(unit),
      start_(Clock::now()),
      last_(start_ - std::chrono::hours(1)) {}

Progress::~Progress() {
  if (open_line_) stream_ << std::endl;
}

void Progress::update(int done, const rl::Metrics& metrics, Clock::time_point now) {
  const auto seconds = [](Clock::duration d) { return std::chrono::duration<double>(d).count(); };
  const double interval = terminal_ ? live_interval : plain_interval;
  if (quiet_ || (done < total_ && seconds(now - last_) < interval)) return;
  last_ = now;

  // Time remaining: at the mean speed of this session.
  const double elapsed = seconds(now - start_);
  const int here = done - first_;
  const double left = here > 0 ? elapsed / here * (total_ - done) : 0;
  std::string line = fmt::format("{}  {}/{}", label_, done / unit_, total_ / unit_);
  if (terminal_) line += "  " + bar(total_ > 0 ? static_cast<double>(done) / total_ : 1);
  for (std::size_t i = 0; i < metrics.size() && i < shown_metrics; ++i)
    line += fmt::format("  {} {:.4g}", metrics[i].name, metrics[i].value);
  line += done < total_ ? "  " + duration_text(left) + " left" : "  in " + duration_text(elapsed);

  // "\r" goes to the start of the line, "\x1b[K" clears what was there.
  if (terminal_)
    stream_ << "\r\x1b[K" << line << std::flush;
  else
    stream_ << line << std::endl;
  open_line_ = terminal_;
}

InterruptGuard::InterruptGuard() {
  stop_requested = 0;
  struct sigaction action {};
  action.sa_handler = [](int) { stop_requested = 1; };
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  ::sigaction(SIGINT, &action, &previous_int);
  ::sigaction(SIGTERM, &action, &previous_term);
  // Who started the program with a signal ignored, as nohup and a shell's & do, wants it ignored.
  if (previous_int.sa_handler == SIG_IGN) ::sigaction(SIGINT, &previous_int, nullptr);
  if (previous_term.sa_handler == SIG_IGN) ::sigaction(SIGTERM, &previous_term, nullptr);
}

InterruptGuard::~InterruptGuard() {
  ::sigaction(SIGINT, &previous_int, nullptr);
  ::sigaction(SIGTERM, &previous_term, nullptr);
}

bool InterruptGuard::requested() const { return stop_requested != 0; }

bool error_stream_is_live() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) && term && std::string_view(term) != "dumb";
}

}  // namespace innerloop::app

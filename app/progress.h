// What a reader sees while it works, and what Ctrl-C does.
#pragma once

#include <chrono>
#include <iosfwd>
#include <string>

#include "rl/training/trainer.h"

namespace innerloop::app {

// On a terminal: one line, written again at most five times a second, with the time remaining. Elsewhere: a plain line
// every ten seconds, so that a log stays readable. Nothing if quiet.
class Progress {
 public:
  using Clock = std::chrono::steady_clock;
  // What is shown is done / unit of total / unit: a sweep counts thousandths of its runs.
  Progress(std::ostream& stream, bool terminal, bool quiet, std::string label, int done, int total, int unit = 1);
  ~Progress();  // ends the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void update(int done, const rl::Metrics& metrics, Clock::time_point now = Clock::now());

 private:
  std::ostream& stream_;
  bool terminal_, quiet_, open_line_ = false;
  std::string label_;
  int first_, total_, unit_;
  Clock::time_point start_, last_;
};

// "42 s", "3:07 min", "2:05 h"
std::string duration_text(double seconds);

// While one lives, Ctrl-C (and SIGTERM) only asks: the loop finishes its iteration, saves and leaves. A second Ctrl-C
// ends the program at once. Only one may live at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  bool requested() const;
};

// Whether the error stream is a terminal whose last line can be written again. Not under TERM=dumb; and
// no colours are used, so NO_COLOR has nothing to switch off.
bool error_stream_is_live();

}  // namespace innerloop::app

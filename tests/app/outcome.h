// What a call of the program gives: its exit status, and all that it writes.
#pragma once

#include <string>

struct Outcome {
  int code;
  std::string out, err;
};

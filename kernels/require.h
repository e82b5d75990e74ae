// require(): every precondition in innerloop. A violated one throws Error: its message names what, where and the fix.
#pragma once

#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>

#include "kernels/source_location.h"

namespace innerloop {

// Anything that is the caller's to mend: wrong shapes, wrong options, unreadable files.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A number that is NaN or infinite where a finite one is needed (exit code 3 of the program).
class NonFiniteError : public Error {
 public:
  using Error::Error;
};

// Throws Error(message + the place that asked) unless `condition` holds.
inline void require(bool condition, std::string_view message, SourceLocation where = SourceLocation::current()) {
  if (condition) [[likely]]
    return;
  std::string file = where.file_name();
  if (std::size_t slash = file.rfind('/'); slash != std::string::npos)
    if (std::size_t folder = file.rfind('/', slash - 1); folder != std::string::npos) file = file.substr(folder + 1);
  throw Error(std::string(message) + "  [" + file + ":" + std::to_string(where.line()) + "]");
}

// The same, with a message that is built only if it is needed: require(n > 0, [&] { return "n is " + to_string(n); }).
template <std::invocable Message>
void require(bool condition, const Message& message, SourceLocation where = SourceLocation::current()) {
  if (!condition) [[unlikely]]
    require(false, std::string_view(message()), where);
}

}  // namespace innerloop

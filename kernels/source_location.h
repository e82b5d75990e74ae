// SourceLocation: where in the source a call stands, as a default argument. It is std::source_location where the
// compiler knows it; clang up to 14 does not, and gets the two members that innerloop reads.
#pragma once

#include <source_location>

namespace innerloop {

#ifdef __cpp_lib_source_location
using SourceLocation = std::source_location;
#else
class SourceLocation {
 public:
  static constexpr SourceLocation current(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    SourceLocation where;
    where.file_ = file;
    where.line_ = line;
    return where;
  }
  constexpr const char* file_name() const { return file_; }
  constexpr unsigned line() const { return line_; }

 private:
  const char* file_ = "";
  unsigned line_ = 0;
};
#endif

}  // namespace innerloop

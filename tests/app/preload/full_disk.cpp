// A disk that is full, for a program that knows nothing of it. Loaded before it (LD_PRELOAD) it takes the place of
// write(): files below the folder $FULL_DISK_FOLDER take $FULL_DISK_BYTES bytes together, and then no more.
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>

namespace {

std::string variable(const char* name) {
  const char* value = ::getenv(name);
  return value ? value : "";
}

// The file behind a descriptor, as the kernel names it.
std::string path_of(int fd) {
  char path[4096];
  const ssize_t length = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
  return {path, static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
}

}  // namespace

extern "C" ssize_t write(int fd, const void* bytes, std::size_t count) {
  static const std::string folder = variable("FULL_DISK_FOLDER") + "/";
  static std::atomic<long> room = std::stol("0" + variable("FULL_DISK_BYTES"));
  if (count > 0 && folder.size() > 1 && std::string_view(path_of(fd)).starts_with(folder)) {
    // As a disk does it: what still fits is taken, and only the next call fails.
    const long left = room;
    if (left <= 0) return errno = ENOSPC, -1;
    count = std::min(count, static_cast<std::size_t>(left));
    room = left - static_cast<long>(count);
  }
  return ::syscall(SYS_write, fd, bytes, count);
}

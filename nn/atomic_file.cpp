#include "nn/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "kernels/require.h"

namespace innerloop::nn {
namespace {

// Closes what it opened, however the function is left.
struct Descriptor {
  const FileCalls& calls;
  int fd;
  ~Descriptor() {
    if (fd >= 0) calls.close(fd);
  }
  int close() {
    const int closing = fd;
    fd = -1;
    return calls.close(closing);
  }
};

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

[[noreturn]] void fail(const std::string& path, const char* doing, int error, const char* temporary) {
  if (temporary) ::unlink(temporary);
  throw Error("cannot write " + path + ": " + doing + ": " + std::strerror(error) +
              (error == ENOSPC ? "; free some space and try again" : "") +
              (temporary ? " (a previous file of this name is unchanged)" : ""));
}

// write() may take fewer bytes than offered, and signals may interrupt it: neither is an error.
bool write_all(const FileCalls& calls, int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t taken = calls.write(fd, bytes.data(), bytes.size());
    if (taken < 0 && errno == EINTR) continue;
    if (taken == 0) errno = ENOSPC;
    if (taken <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(taken));
  }
  return true;
}

}  // namespace

const FileCalls& system_calls() {
  static const FileCalls calls{[](const char* path, int flags, unsigned mode) { return ::open(path, flags, mode); },
                               ::write, ::fsync, ::close, std::rename};
  return calls;
}

void write_file_atomically(const std::string& path, std::string_view bytes, const FileCalls& calls) {
  write_file_atomically(path, std::span(&bytes, 1), calls);
}

void write_file_atomically(const std::string& path, std::span<const std::string_view> parts, const FileCalls& calls) {
  // Only a plain file may be replaced: renaming over a device would destroy it.
  struct stat existing {};
  if (::stat(path.c_str(), &existing) == 0 && !S_ISREG(existing.st_mode))
    throw Error("cannot write " + path + ": it exists and is not a regular file");

  // The new bytes reach the disk under another name first …
  const std::string temporary = path + ".tmp";
  Descriptor file{calls, calls.open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
  if (file.fd < 0) fail(path, "opening a temporary file beside it", errno, nullptr);
  for (const std::string_view bytes : parts)
    if (!write_all(calls, file.fd, bytes)) fail(path, "writing", errno, temporary.c_str());
  if (calls.fsync(file.fd) != 0) fail(path, "forcing it to the disk", errno, temporary.c_str());
  if (file.close() != 0) fail(path, "closing", errno, temporary.c_str());

  // … and take the old name in one step, which also survives a power cut once the folder is on the disk.
  if (calls.rename(temporary.c_str(), path.c_str()) != 0) fail(path, "renaming", errno, temporary.c_str());
  const std::string folder = folder_of(path);
  Descriptor directory{calls, calls.open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)};
  if (directory.fd < 0) fail(path, "opening its folder", errno, nullptr);
  if (calls.fsync(directory.fd) != 0 && errno != EINVAL) fail(path, "forcing its folder to the disk", errno, nullptr);
}

std::string read_file(const std::string& path) {
  const auto reason = [&](const std::string& why) { return Error("cannot read " + path + ": " + why); };
  // O_NONBLOCK: opening a pipe must not wait for a writer.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throw reason(std::strerror(errno));
  Descriptor file{system_calls(), fd};
  struct stat info {};
  if (::fstat(fd, &info) != 0) throw reason(std::strerror(errno));
  if (S_ISDIR(info.st_mode)) throw reason("it is a folder");
  if (!S_ISREG(info.st_mode)) throw reason("it is not a regular file");

  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t used = 0;
  while (used < bytes.size()) {
    const ssize_t got = ::read(fd, bytes.data() + used, bytes.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw reason(std::strerror(errno));
    if (got == 0) throw reason("it became shorter while being read");
    used += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace innerloop::nn

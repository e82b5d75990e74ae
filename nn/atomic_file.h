// Files that are either the old ones or the new ones, never something in between: what checkpoints are written with.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace innerloop::nn {

// The system calls that writing a file makes. Tests put failing ones in their place: a full disk, a short write.
struct FileCalls {
  int (*open)(const char* path, int flags, unsigned mode);
  ssize_t (*write)(int fd, const void* bytes, std::size_t count);
  int (*fsync)(int fd);
  int (*close)(int fd);
  int (*rename)(const char* from, const char* to);
};
const FileCalls& system_calls();

// Writes `bytes` to a temporary file in the folder of `path`, forces it to the disk, renames it to `path`, and forces
// the folder to the disk. Error naming the path and the reason if any of that fails; whatever stood at `path` then
// still stands.
void write_file_atomically(const std::string& path, std::string_view bytes, const FileCalls& calls = system_calls());
// The same for bytes that lie in several places, one part after the other: nobody has to copy them together.
void write_file_atomically(const std::string& path, std::span<const std::string_view> parts,
                           const FileCalls& calls = system_calls());

// All bytes of a regular file; Error naming the path and the reason otherwise (a folder, a pipe, no permission).
std::string read_file(const std::string& path);

}  // namespace innerloop::nn

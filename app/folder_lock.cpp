#include "app/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace innerloop::app {

struct FolderLock::File {
  std::string name;
  int fd;
  bool taken = false;
  ~File() {
    if (taken) ::unlink(name.c_str());
    ::close(fd);
  }
  // False if the file was removed, by the process that had it, after it had been opened here.
  bool is_in_place() const {
    struct stat opened {}, there {};
    return ::fstat(fd, &opened) == 0 && ::stat(name.c_str(), &there) == 0 && opened.st_ino == there.st_ino &&
           opened.st_dev == there.st_dev;
  }
};

FolderLock::FolderLock(const std::string& folder) {
  const std::string name = folder + "/lock";
  do {
    const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
      throw Error("cannot write " + name + ": " + std::strerror(errno) + ". Choose another folder with --out");
    file_ = std::make_shared<File>(name, fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) continue;
    if (errno != EWOULDBLOCK) throw Error("cannot lock " + name + ": " + std::strerror(errno));
    char owner[32] = {};
    const ssize_t length = ::pread(fd, owner, sizeof owner - 1, 0);
    const std::string who(owner, length > 0 ? std::strcspn(owner, "\n") : 0);
    throw FolderInUse(folder + " is in use by process " + (who.empty() ? "(unknown)" : who) +
                      ". Wait until it has ended, or choose another folder");
  } while (!file_->is_in_place());
  file_->taken = true;

  // Whom the next one is told of. A full disk costs the number, not the lock.
  const std::string self = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file_->fd, 0) != 0 || ::pwrite(file_->fd, self.data(), self.size(), 0) < 0) errno = 0;
}

}  // namespace innerloop::app

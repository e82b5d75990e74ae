// Who is at work in a folder: one process at a time, so that no two runs mix their files.
#pragma once

#include <memory>
#include <string>

#include "kernels/require.h"

namespace innerloop::app {

class FolderInUse : public Error {
 public:
  using Error::Error;
};

// Held as long as it lives, by a file `lock` that names the process. However the process ends, the operating system
// gives the lock back: a file that is left behind blocks nobody.
class FolderLock {
 public:
  // Takes the folder. FolderInUse at once, naming the process that has it; nothing in the folder is changed then.
  explicit FolderLock(const std::string& folder);

 private:
  struct File;
  std::shared_ptr<File> file_;
};

}  // namespace innerloop::app

// The shared memory of one emulated block: pieces filled with NaN, each between two red zones.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "kernels/cuda/simt/engine.h"

namespace innerloop::simt {

class SharedMemory {
 public:
  SharedMemory();
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  void begin_block(std::size_t declared_bytes);
  // The array of a place in the source: the same for all threads of the block. nullptr: a complaint, and no array.
  void* array(const Site& site, std::size_t bytes, const char*& complaint);
  // The piece that a thread takes as its `index`-th; empty `complaint` and a piece, or a complaint and nullptr.
  void* carve(std::size_t index, std::size_t bytes, const char*& complaint);
  // Empty, or which piece's red zone was written into (where the address sanitizer did not already stop the program).
  std::string damage() const;
  bool holds(const void* address) const;

 private:
  struct Piece {
    const Site* site;  // nullptr: carved
    std::size_t offset, bytes;
  };
  unsigned char* take(const Site* site, std::size_t bytes);

  unsigned char* bytes_;
  std::size_t top_ = 0, declared_ = 0, carved_ = 0, static_ = 0;
  std::vector<Piece> arrays_, carved_pieces_;
};

}  // namespace innerloop::simt

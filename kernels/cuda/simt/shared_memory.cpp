#include "kernels/cuda/simt/shared_memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "kernels/cuda/simt/race.h"
#include "kernels/cuda/simt/sanitizer.h"

namespace innerloop::simt {
namespace {

constexpr std::size_t alignment = 128, red_zone = 64, most_pieces = 256;
constexpr std::size_t capacity = most_dynamic_shared + most_static_shared + most_pieces * (alignment + 2 * red_zone);
constexpr int filling = 0xFF;  // as a float or double: NaN; as an integer: −1

constexpr std::size_t rounded_up(std::size_t bytes, std::size_t multiple) {
  return (bytes + multiple - 1) / multiple * multiple;
}

}  // namespace

SharedMemory::SharedMemory() : bytes_(static_cast<unsigned char*>(std::aligned_alloc(alignment, capacity))) {
  require(bytes_ != nullptr, "no memory for the shared memory of one more emulated block");
  sanitizer::forbid(bytes_, capacity);
}

SharedMemory::~SharedMemory() {
  sanitizer::allow(bytes_, capacity);
  std::free(bytes_);
}

void SharedMemory::begin_block(std::size_t declared_bytes) {
  sanitizer::forbid(bytes_, top_);
  top_ = carved_ = static_ = 0;
  declared_ = declared_bytes;
  arrays_.clear();
  carved_pieces_.clear();
}

unsigned char* SharedMemory::take(const Site* site, std::size_t bytes) {
  const std::size_t offset = rounded_up(top_ + red_zone, alignment), end = offset + bytes + red_zone;
  if (end > capacity) return nullptr;
  // The piece and its red zones are filled; the red zones then become forbidden, or are compared when the block ends.
  sanitizer::allow(bytes_ + top_, end - top_);
  std::memset(bytes_ + top_, filling, end - top_);
  sanitizer::forbid(bytes_ + top_, offset - top_);
  sanitizer::forbid(bytes_ + offset + bytes, red_zone);
  top_ = end;
  race::forget(bytes_ + offset, bytes);
  (site ? arrays_ : carved_pieces_).push_back({site, offset, bytes});
  return bytes_ + offset;
}

void* SharedMemory::array(const Site& site, std::size_t bytes, const char*& complaint) {
  for (const Piece& piece : arrays_)
    if (piece.site == &site) return bytes_ + piece.offset;
  static_ += bytes;
  const std::size_t all = static_ + declared_;
  void* piece = nullptr;
  if (static_ > most_static_shared)
    complaint = "the shared arrays of a block need more than 48 KB; carve them from the launch's memory";
  else if (declared_ <= most_unasked_shared && all > most_static_shared)
    complaint = "the shared arrays of a block and the launch's memory need more than 48 KB, for which a launch asks "
                "only if its own part is above 40 KB";
  else if (all > options().shared_bytes)
    complaint = "the shared arrays of a block and the launch's memory are more than a block can have";
  else if (piece = take(&site, bytes); !piece)
    complaint = "a block has too many shared arrays";
  return piece;
}

void* SharedMemory::carve(std::size_t index, std::size_t bytes, const char*& complaint) {
  if (index < carved_pieces_.size()) {
    if (carved_pieces_[index].bytes == bytes) return bytes_ + carved_pieces_[index].offset;
    complaint = "the threads of a block carve shared memory differently";
    return nullptr;
  }
  if (carved_ + bytes > declared_) {
    complaint = "more shared memory is carved than the launch declared";
    return nullptr;
  }
  carved_ += rounded_up(bytes, 16);
  void* piece = take(nullptr, bytes);
  if (!piece) complaint = "shared memory is carved into too many pieces";
  return piece;
}

std::string SharedMemory::damage() const {
  if (sanitizer::active) return "";
  const auto intact = [](unsigned char byte) { return byte == filling; };
  for (const auto* pieces : {&arrays_, &carved_pieces_})
    for (std::size_t i = 0; i < pieces->size(); ++i) {
      const Piece& piece = (*pieces)[i];
      const unsigned char *begin = bytes_ + piece.offset, *end = begin + piece.bytes;
      const bool before = !std::all_of(begin - red_zone, begin, intact),
                 after = !std::all_of(end, end + red_zone, intact);
      if (!before && !after) continue;
      const std::string what = piece.site ? "the shared array of " + to_string(*piece.site)
                                          : "carved piece " + std::to_string(i);
      return std::string("a thread wrote ") + (before ? "before the start" : "past the end") + " of " + what + " (" +
             std::to_string(piece.bytes) + " bytes)";
    }
  return "";
}

bool SharedMemory::holds(const void* address) const {
  const unsigned char* byte = static_cast<const unsigned char*>(address);
  return byte >= bytes_ && byte < bytes_ + capacity;
}

}  // namespace innerloop::simt

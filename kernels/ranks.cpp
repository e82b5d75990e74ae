#include "kernels/ranks.h"

#include <dlfcn.h>
#include <unistd.h>

#include <bit>
#include <climits>
#include <cstdlib>
#include <string>
#include <vector>

#include "kernels/require.h"

namespace innerloop {
namespace {

constexpr RankCalls alone{.rank = 0, .count = 1, .gather = nullptr, .end = nullptr, .abort = nullptr};
RankCalls calls = alone;
bool on_our_own = false;  // inside OneRank

// Open MPI and MPICH tell a program how many it is.
bool started_by_mpirun() { return std::getenv("OMPI_COMM_WORLD_SIZE") || std::getenv("PMI_SIZE"); }

// Beside the program, or where `cmake --install` puts it.
std::string library_path() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  const std::string program(path, length > 0 ? static_cast<std::size_t>(length) : 0);
  const std::string folder = program.substr(0, program.rfind('/') + 1);
  for (const char* place : {"", "../lib/", "../lib/innerloop/"})
    if (const std::string file = folder + place + "libinnerloop_mpi.so"; access(file.c_str(), R_OK) == 0) return file;
  return "";
}

// The first number of rank r's share, and of r = count of ranks the end.
int first_of(int count, int r) {
  return static_cast<int>(static_cast<std::int64_t>(count) * r / rank_count());
}

}  // namespace

void start_ranks() {
  if (!started_by_mpirun()) return;
  const std::string file = library_path();
  require(!file.empty(),
          "started by mpirun, but this innerloop was built without MPI: install libopenmpi-dev, then `make` again");
  // Open MPI's own parts look for its symbols among those of the program.
  void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
  require(library != nullptr, [&] { return "cannot load " + file; });
  const auto start = reinterpret_cast<RankCalls (*)()>(dlsym(library, "innerloop_start_mpi"));
  require(start != nullptr, [&] { return file + " is of another version of innerloop"; });
  calls = start();
}

void end_ranks() {
  if (calls.end) calls.end();
  calls = alone;
}

void abort_ranks(int code) {
  if (calls.abort) calls.abort(code);
}

int rank() { return on_our_own ? 0 : calls.rank; }
int rank_count() { return on_our_own ? 1 : calls.count; }

Share share_of(int count) { return {first_of(count, rank()), first_of(count, rank() + 1)}; }

void gather(std::span<double> numbers, int count) {
  require(count > 0 && numbers.size() % static_cast<std::size_t>(count) == 0,
          "gather: rows of equal length are needed");
  require(numbers.size() <= INT_MAX, "gather: more than 2³¹ numbers at once");
  if (rank_count() == 1) return;
  const int width = static_cast<int>(numbers.size()) / count;
  std::vector<int> counts, firsts;
  for (int r = 0; r < rank_count(); ++r) {
    firsts.push_back(first_of(count, r) * width);
    counts.push_back((first_of(count, r + 1) - first_of(count, r)) * width);
  }
  calls.gather(numbers.data(), counts.data(), firsts.data());
}

bool any_rank(bool here) {
  std::vector<double> all(static_cast<std::size_t>(rank_count()), 0.0);
  all[static_cast<std::size_t>(rank())] = here;
  gather(all, rank_count());
  for (const double there : all)
    if (there != 0) return true;
  return false;
}

void require_same(std::span<const double> numbers, const char* what) {
  if (rank_count() == 1) return;
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, by words
  for (const double number : numbers) hash = (hash ^ std::bit_cast<std::uint64_t>(number)) * 0x100000001b3;
  // Two halves, each of which a double holds.
  std::vector<double> all(static_cast<std::size_t>(rank_count()) * 2, 0.0);
  all[static_cast<std::size_t>(rank()) * 2] = static_cast<double>(hash >> 32);
  all[static_cast<std::size_t>(rank()) * 2 + 1] = static_cast<double>(hash & 0xFFFFFFFF);
  gather(all, rank_count());
  for (std::size_t r = 1; r < all.size() / 2; ++r)
    require(all[2 * r] == all[0] && all[2 * r + 1] == all[1], [&] {
      return std::string(what) + " of rank " + std::to_string(r) + " is not that of rank 0: the ranks have drifted " +
             "apart. They need the same build and the same kind of processor.";
    });
}

OneRank::OneRank() : before_(on_our_own) { on_our_own = true; }
OneRank::~OneRank() { on_our_own = before_; }

}  // namespace innerloop

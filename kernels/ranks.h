// Ranks: the same program on several processes, of one machine or of many, each doing its share of a numbered list of
// things. MPI carries the results (Open MPI: `mpirun -n 4 innerloop train …`); nothing else is needed of it.
//
// What comes out is the same for every number of ranks, bit for bit: results are gathered by their number, and whoever
// needs their sum adds them in the order of the numbers. (MPI_Allreduce adds partial sums, which are other numbers for
// every number of ranks.) So every rank goes through the whole program, and only the lists are shared out.
//
// MPI is loaded when a program was started by mpirun, and only then: starting it takes most of a second.
#pragma once

#include <cstdint>
#include <span>

namespace innerloop {

// Joins the others if mpirun started this program; otherwise there is one rank, number 0. Error if this innerloop was
// built without MPI. Call once, at the start of main.
void start_ranks();
// Waits for the others, and leaves. Call at the end of main, where all has gone well everywhere.
void end_ranks();
// Ends the program on every rank with this exit code, where this one cannot go on. Returns if there is one rank.
void abort_ranks(int code);

int rank();
int rank_count();

// The numbers first … last − 1 of `count` that this rank does: a stretch of the list, as long as the others' or one
// more.
struct Share { int first, last; };
Share share_of(int count);

// numbers: `count` rows of equal length, of which this rank has written those of its share. Afterwards all are there,
// on every rank.
void gather(std::span<double> numbers, int count);
// Whether any rank says so.
bool any_rank(bool here);
inline void wait_for_ranks() { any_rank(false); }
// Error on every rank if these numbers are not the same everywhere: ranks that drifted apart (another processor,
// another build) are an error, not a surprise. `what` names them.
void require_same(std::span<const double> numbers, const char* what);

// While one lives, there is this one rank: a list that is shared out contains lists that are not.
class OneRank {
 public:
  OneRank();
  ~OneRank();
  OneRank(const OneRank&) = delete;
  OneRank& operator=(const OneRank&) = delete;

 private:
  bool before_;
};

// What the library that knows MPI offers (ranks_mpi.cpp).
struct RankCalls {
  int rank, count;
  void (*gather)(double* numbers, const int* counts, const int* firsts);  // of each rank, in numbers
  void (*end)();
  void (*abort)(int code);
};

}  // namespace innerloop

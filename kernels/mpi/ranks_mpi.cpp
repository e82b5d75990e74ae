// All that innerloop says to MPI. A library of its own, which kernels/ranks.cpp loads under mpirun.
#include <mpi.h>

#include "kernels/ranks.h"

extern "C" innerloop::RankCalls innerloop_start_mpi() {
  MPI_Init(nullptr, nullptr);
  innerloop::RankCalls calls{};
  MPI_Comm_rank(MPI_COMM_WORLD, &calls.rank);
  MPI_Comm_size(MPI_COMM_WORLD, &calls.count);
  calls.gather = [](double* numbers, const int* counts, const int* firsts) {
    MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, numbers, counts, firsts, MPI_DOUBLE, MPI_COMM_WORLD);
  };
  calls.end = [] { MPI_Finalize(); };
  calls.abort = [](int code) { MPI_Abort(MPI_COMM_WORLD, code); };
  return calls;
}

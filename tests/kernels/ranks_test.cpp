// Ranks, seen from a program that nobody started by mpirun; what several ranks do: tests/app/ranks_test.cpp.
#include "kernels/ranks.h"

#include <vector>

#include "kernels/require.h"
#include "tests/catch.h"

using namespace innerloop;

TEST_CASE("without mpirun there is one rank, which has every share, and gathering changes nothing") {
  start_ranks();
  CHECK(rank() == 0);
  CHECK(rank_count() == 1);
  const Share all = share_of(7);
  CHECK(all.first == 0);
  CHECK(all.last == 7);
  std::vector<double> numbers{1, 2, 3, 4};
  gather(numbers, 2);
  CHECK(numbers == std::vector<double>{1, 2, 3, 4});
  CHECK(any_rank(true));
  CHECK_FALSE(any_rank(false));
  require_same(numbers, "numbers");
  abort_ranks(3);  // nobody to take along
  end_ranks();
  CHECK_THROWS_AS(gather(numbers, 3), Error);
  CHECK_THROWS_AS(gather(numbers, 0), Error);
}

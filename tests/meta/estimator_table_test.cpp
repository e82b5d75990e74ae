// The table of estimators against the known numbers, and against the derivative of J_E.
#include "meta/estimator_table.h"

#include <cmath>

#include "tests/catch.h"
#include "tests/meta/explorations.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

const EstimatorRow& row_of(const EstimatorTable& table, const std::string& estimator) {
  for (const EstimatorRow& row : table.rows)
    if (row.estimator == estimator) return row;
  FAIL("no row " << estimator);
  return table.rows[0];
}

}  // namespace

TEST_CASE("the table of estimators: exact for 1, 2 and 3 inner trajectories, and E-MAML's row is the truth") {
  struct Row {
    int N;
    double first_order, log_likelihood, likelihood_ratio, dice;
  };
  for (const Row row : {Row{1, .224, .458, .174, .235}, Row{2, .262, .501, .179, .098}, Row{3, .274, .518, .185, .060},
                        Row{0, .2816, .5643, .1875, 0}}) {
    const EstimatorTable table = estimator_table(row.N);
    INFO("N = " << row.N);
    CHECK(std::abs(row_of(table, "first-order").bias - row.first_order) < 1e-3);
    CHECK(std::abs(row_of(table, "log-likelihood").bias - row.log_likelihood) < 1e-3);
    CHECK(std::abs(row_of(table, "likelihood-ratio").bias - row.likelihood_ratio) < 1e-3);
    CHECK(std::abs(row_of(table, "dice").bias - row.dice) < 1e-3);
    CHECK(std::abs(row_of(table, "taypo-2").bias - row_of(table, "dice").bias) < 1e-12);
  }
  for (const int N : {1, 2}) {
    const EstimatorTable table = estimator_table(N);
    const std::array<double, 4> exact = tests::exact_J_E_gradient(N, estimator_table_alpha);
    for (std::size_t k = 0; k < 4; ++k)
      CHECK(std::abs(row_of(table, "log-likelihood + credit").mean[k] - exact[k]) < 1e-8);
  }
  CHECK(std::abs(row_of(estimator_table(3), "log-likelihood + credit").mean[0] - .259684) < 1e-6);
  CHECK(std::abs(row_of(estimator_table(3), "log-likelihood + credit").mean[2] + .249740) < 1e-6);
}

TEST_CASE("the table of estimators: drawn explorations agree with the trend of the exact ones") {
  // DiCE's bias falls with N, log-likelihood's does not; likelihood ratio's stays below first order's.
  const EstimatorTable three = estimator_table(3), ten = estimator_table(10, 4000);
  CHECK(row_of(ten, "dice").bias < row_of(three, "dice").bias + 3 * row_of(ten, "dice").bias_error);
  CHECK(row_of(ten, "log-likelihood").bias > 0.4);
  CHECK(row_of(ten, "dice").bias_error > 0);
  CHECK(row_of(ten, "dice").spread < row_of(three, "dice").spread);
  // The credit's price is its spread.
  CHECK(row_of(ten, "log-likelihood + credit").spread > row_of(ten, "likelihood-ratio").spread);
}

TEST_CASE("the table of estimators: shifting every reward moves log-likelihood and leaves the others") {
  const EstimatorTable plain = estimator_table(0), shifted = estimator_table(0, 0, 5);
  for (const char* estimator : {"first-order", "likelihood-ratio", "dice", "loaded-dice"})
    CHECK(std::abs(row_of(plain, estimator).bias - row_of(shifted, estimator).bias) < 1e-10);
  CHECK(std::abs(row_of(plain, "log-likelihood").bias - row_of(shifted, "log-likelihood").bias) > 1);
}

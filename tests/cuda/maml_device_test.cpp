// MAML on a device: the numbers of the CPU.
#include "autodiff/device.h"
#include "kernels/cuda/simt/race.h"
#include "meta/check_cases.h"
#include "tests/catch.h"
#include "tests/cuda/devices.h"

using namespace innerloop;
using namespace innerloop::meta;

TEST_CASE("the meta-gradient on the device is that of the CPU, for every estimator and K = 1, 2, 3", "[device]") {
  for (Device device : devices()) {
    const MamlFunctions maml;
    for (int inner_steps = 1; inner_steps <= (simt::race::active() ? 1 : 3); ++inner_steps)
      for (InnerEstimator estimator : {InnerEstimator::first_order, InnerEstimator::log_likelihood,
                                       InnerEstimator::likelihood_ratio, InnerEstimator::dice}) {
        INFO(name_of(device) << ", " << name_of(estimator) << ", K = " << inner_steps);
        const MamlProblem p = make_maml_problem(estimator, inner_steps);
        const ParamValues theta = p.theta.to(device);
        const auto here = maml.meta_gradient(p.spec, {p.theta, p.supports, p.alpha, p.query});
        const auto there = maml.meta_gradient(p.spec, {theta, p.supports, p.alpha, p.query});
        for (std::size_t i = 0; i < here[0].count(); ++i) {
          CHECK(there[0][i].device() == device);
          CHECK(relative_error(there[0][i], here[0][i]) < 1e-9);
        }
        const auto product = maml.curvature(p.spec, {p.theta, p.supports, p.alpha, p.query, here[0]});
        const auto product_there = maml.curvature(p.spec, {theta, p.supports, p.alpha, p.query, there[0]});
        CHECK(dot(product_there[0], here[0]) == Approx(dot(product[0], here[0])).epsilon(1e-9));
      }
  }
}

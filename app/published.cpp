#include "app/published.h"

namespace innerloop::app {

// The 40 goals of the MAML authors, from the result files in their repository (cbfinn/maml_rl, folder icml): the
// numbers behind the curves of the paper's figure for 2-D navigation.
std::span<const PublishedReturns> published_returns() {
  static const std::vector<PublishedReturns> rows = {
      {"point-nav-v1", "MAML (published)", "cbfinn/maml_rl", {-40.41, -11.68, -3.33, -3.23}, {4.0, 2.2, 0.55, 0.58}},
      {"point-nav-v1", "pretrained (published)", "cbfinn/maml_rl", {-40.81, -19.73, -11.72, -8.47}, {}},
      {"point-nav-v1", "random init (published)", "cbfinn/maml_rl", {-82.66, -57.96, -53.84, -46.81}, {}},
      {"point-nav-v1", "oracle (published)", "cbfinn/maml_rl", {-2.29, -2.29, -2.29, -2.29}, {0.14, 0.14, 0.14, 0.14}},
  };
  return rows;
}

}  // namespace innerloop::app

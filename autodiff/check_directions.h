// A check along many random directions: one may miss what another sees.
#pragma once

#include "autodiff/check.h"

namespace innerloop {

// run_check, and then its first-order levels along `directions` − 1 more directions, those of the seeds that follow: a
// level "directions" of the same report, which names the first seed that fails. Error for directions < 1.
CheckReport run_check_along(const CheckCase& subject, int directions, const CheckOptions& options = {});

}  // namespace innerloop

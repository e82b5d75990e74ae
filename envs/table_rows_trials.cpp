// The rows of the environments for learners with a memory (list.h).
#include "envs/list.h"

namespace innerloop::envs {

std::vector<EnvRow> trial_rows() { return rows_of(TrialEnvs{}); }

}  // namespace innerloop::envs

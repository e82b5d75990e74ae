// Two parts of the table's rows (list.h).
#include "envs/list.h"

namespace innerloop::envs {

std::vector<EnvRow> control_rows() { return rows_of(ControlEnvs{}); }
std::vector<EnvRow> further_rows() { return rows_of(FurtherEnvs{}); }

}  // namespace innerloop::envs

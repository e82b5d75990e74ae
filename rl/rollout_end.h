// How an episode's step ended (envs/spec.h), for whoever sees transitions but not environments.
#pragma once

#include "envs/spec.h"

namespace innerloop::rl {

using envs::End;

}  // namespace innerloop::rl

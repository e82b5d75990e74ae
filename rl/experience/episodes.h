// Whole episodes of given tasks with any actor, all of them side by side: what the adaptation protocol explores and
// evaluates.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "kernels/philox.h"
#include "rl/experience/protocol.h"
#include "rl/experience/replay.h"

namespace innerloop::rl {

// Actions (lanes, action size), in the environment's units, of lanes that see (lanes, observation size). `random` holds
// each lane's own numbers for this step. Lanes that have finished are asked too, and not listened to.
using EpisodeActor =
    std::function<std::vector<double>(std::span<const double> observations, std::span<const Philox> random)>;

// What each of the lanes earned by the actions just taken, for an actor that looks at it.
using EpisodeRewards = std::function<void(std::span<const double> rewards)>;

// One episode for each of the tasks and of `episodes`: starts, noise and actions drawn at `place`, as Rollout draws
// them.
Trajectories play_episodes(const envs::EnvRow& env, const std::vector<envs::Task>& tasks, int episodes,
                           const RolloutPlace& place, Dtype dtype, const EpisodeActor& act,
                           const EpisodeRewards& earned = {});

// The same episodes with the rewards of another environment of the same tasks, states and starts: what was done in
// `played` is done again there. Error if its states are others.
Tensor rewards_in(const envs::EnvRow& other, const std::vector<envs::Task>& tasks, const Trajectories& played,
                  const RolloutPlace& place);

// One transition after another, task by task and trajectory by trajectory. Its views hold for the call.
void for_each_transition(const Trajectories& played, const std::function<void(int task, const Transition&)>& take);

// The protocol with a learner that does not adapt: `knowledge`, its parameters, is the same after every update.
AdaptReport adapt_unchanged(const AdaptRequest& request, const Tensors& knowledge,
                            decltype(AdaptiveLearner::act) act);

}  // namespace innerloop::rl

// The adaptation protocol: how a learner is tested on a task it has never seen. One object for every meta-learner.
//
// A learner carries its knowledge of the task at hand: adapted parameters, a belief, a hidden state. It explores, an
// update takes in what was explored, and after each update the learner is evaluated:
//
//   start ──► knowledge 0 ──explore, update──► knowledge 1 ──explore, update──► … knowledge K
//                │                                │                                 │
//            evaluate: zero-shot              evaluate: one-shot                evaluate: K-shot
//
// The returns against k, and against the environment steps explored in the task until then, are the result.
#pragma once

#include <functional>
#include <vector>

#include "rl/experience/rollout.h"
#include "rl/training/trainer.h"

namespace innerloop::rl {

// When an update takes in what was explored.
enum class UpdateTime : std::uint8_t {
  after_batch,    // once per point of the curve, with all its episodes: a gradient step (MAML)
  after_episode,  // after each episode, so that the next one is explored knowing more: a belief, a memory (PEARL, RL²).
                  // What moves within an episode is the business of `act`, which starts from the given knowledge.
};

// What a learner brings. Its knowledge holds all tasks side by side on the first axis; none of the functions may keep
// anything.
struct AdaptiveLearner {
  UpdateTime update_time = UpdateTime::after_batch;
  // Whether it explores with the mean or the likeliest action: one whose exploration is in its knowledge (PEARL's z).
  bool explores_with_mean = false;
  // The knowledge before any data.
  std::function<Tensors(int tasks)> start;
  // So many episodes of each task with this knowledge: a pure function of its arguments.
  std::function<Trajectories(const Tensors& knowledge, const std::vector<envs::Task>& tasks, int episodes,
                             const RolloutPlace& place, bool deterministic)> act;
  // The knowledge after update number k = 0, 1, … with what was explored since the last one.
  std::function<Tensors(const Tensors& knowledge, const Trajectories& explored, int k)> update;
};

struct AdaptationProtocol {
  AdaptRequest request;

  // Adapts to each of the request's tasks and evaluates at every k. On exploration, a learner that updates after
  // each episode is evaluated on the first one of each k, which knowledge k explores. Exploration of point k draws its
  // random numbers at {iteration 0, inner step k}, evaluation at {iteration 1, inner step 0}: the same starts and noise
  // at every k, so that a difference between two points is the knowledge's. Error for steps < 0, trajectories < 1 or no
  // task.
  AdaptReport run(const AdaptiveLearner& learner) const;
};

// The tasks of a request, as environments take them.
std::vector<envs::Task> tasks_of(const AdaptRequest& request);

}  // namespace innerloop::rl

// A plan for the pendulum, torque by torque, and the best plan near it.
//
// Differential dynamic programming (Jacobson and Mayne 1970): the cost to go is expanded to second order along the
// plan, from its last step to its first; every step gets a better torque and a feedback for leaving the plan; the
// pendulum is then stepped with both. Two numbers are the state and one the action, so the algebra is written out.
#pragma once

#include <vector>

namespace innerloop::envs {

struct PendulumPlan {
  double theta = 0, omega = 0;  // where it starts
  std::vector<double> torques;  // one a step
  double earned = 0;            // what the environment pays for it
};

// What the environment pays for these torques from there.
PendulumPlan pendulum_plan(double theta, double omega, std::vector<double> torques);

// The plan after so many rounds of improvement, or when none is found any more. Never worse: a round is kept only if
// the environment pays more for it.
PendulumPlan improved(PendulumPlan plan, int rounds = 30);

}  // namespace innerloop::envs

// What `innerloop check maml` checks: the derivatives of the meta-objective and of the KL between adapted policies, for
// every estimator and K = 1, 2, 3 inner steps.
#pragma once

#include <vector>

#include "autodiff/check.h"
#include "meta/epg_inner_loop.h"
#include "meta/maesn.h"
#include "meta/maml.h"

namespace innerloop::meta {

// A small fixed problem: three tasks, a tanh policy, eight rows of data per step.
struct MamlProblem {
  ParamValues theta;
  BatchValues supports;  // "0/observations", …
  Tensor alpha;          // (1, K, 1)
  BatchValues query;     // with the old policy's data at θ'
  MamlSpec spec;
};
MamlProblem make_maml_problem(InnerEstimator estimator, int inner_steps, std::uint64_t seed = 7);

std::vector<CheckCase> maml_check_cases();
std::vector<CheckCase> meta_sgd_check_cases();  // learned step sizes
std::vector<CheckCase> e_maml_check_cases();
std::vector<CheckCase> promp_check_cases();

// Three of five tasks, a policy that sees two numbers and z.
struct MaesnProblem {
  ParamValues theta;     // policy, latents of five tasks, step sizes
  Tensor task;           // (3, 1, 5): tasks 0, 2 and 4
  Tensor factor;         // (1, 1, 1)
  BatchValues supports;  // "0/observations", …
  BatchValues query;     // with the old policy's data at the adapted latents
  MaesnSpec spec;
};
MaesnProblem make_maesn_problem(const MaesnSpec& spec, std::uint64_t seed = 7);
std::vector<CheckCase> maesn_check_cases();
std::vector<CheckCase> pearl_check_cases();  // the belief, and every loss of both versions
std::vector<CheckCase> varibad_check_cases();  // the ELBO, and the loss of labels
// What `innerloop check meta_gradient` checks: J̄ after K updates as a function of η and θ, and the trace, in all
// modes.
std::vector<CheckCase> meta_gradient_check_cases();
// EPG's: two tasks, a buffer of nine rows of which some are padding, minibatches of four.
struct EpgProblem {
  EpgProgram spec;
  ParamValues phi, theta;
  BatchValues buffer;
  Tensor index, weights, alpha;
};
EpgProblem make_epg_problem(bool discrete, int memory, bool learned, bool ppo);
std::vector<CheckCase> epg_check_cases();
const char* name_of(InnerEstimator estimator);

}  // namespace innerloop::meta

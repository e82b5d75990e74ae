// A small fixed problem for checks and tests of the meta-gradient: two learners' worth of numbers, drawn once.
#pragma once

#include "meta/meta_gradient.h"

namespace innerloop::meta {

struct MetaGradientProblemConfig {
  bool control = true, gaussian = false;
  bool tables = false;              // γ and λ by state: one-hot observations
  bool gamma = true, lambda = true;  // which of them η holds
  bool outer_critic = false, full_derivative = false;
  int embedding = 0;
  int updates = 1;  // K
};

// Two sequences of four steps per experience: episodes end inside, are cut, and terminate. η holds "gamma" near
// σ(0.8), "lambda" near σ(0.3); K experiences and scales, the experience that judges, and a trace with a column for
// each number of η.
struct MetaGradientProblem {
  MetaGradientSpec spec;
  ParamValues theta;
  Tensors eta;
  BatchValues taus;     // "0/observations", …
  ParamValues scales;   // "0/value/W1", …
  BatchValues tau_next;
  ParamValues z;        // (n, in, out)
};
MetaGradientProblem make_meta_gradient_problem(const MetaGradientProblemConfig& config, std::uint64_t seed = 5);

// {"0/…", …}: list number k of several, under its number; and back.
void add_numbered(Tensors& lists, int k, const Tensors& list);

}  // namespace innerloop::meta

// What `innerloop check varibad` verifies: the ELBO as a function of encoder and decoder, through the memory of a trial
// and the beliefs' KLs from step to step; and the loss of the encoder that is told the tasks.
#include "autodiff/ops.h"
#include "meta/check_cases.h"
#include "meta/varibad.h"
#include "rl/check_cases.h"

namespace innerloop::meta {
namespace {

// Two trials of three steps, the second one step short.
constexpr int kBeliefSteps = 3, kBeliefTrials = 2, kBeliefInputs = 4, kBeliefCells = 3;

void add_trials(CheckCase& c, std::uint32_t& id, int memory) {
  const Shape rows{1, kBeliefSteps * kBeliefTrials, 1};
  Tensor mask = Tensor::full(rows, 1), reset(rows);
  mask.set(0, 2 * kBeliefTrials + 1, 0, 0);
  for (int n = 0; n < kBeliefTrials; ++n) reset.set(0, n, 0, 1);
  c.inputs.push_back({"inputs", rl::check_normals({1, rows.rows, kBeliefInputs}, id++), false});
  c.inputs.push_back({"reset", reset, false});
  c.inputs.push_back({"mask", mask, false});
  c.inputs.push_back({"memory", Tensor({1, kBeliefTrials, memory}), false});
}

void add_parameters(CheckCase& c, std::uint32_t& id, const ParamValues& theta) {
  for (std::size_t k = 0; k < theta.count(); ++k)
    c.inputs.push_back({theta.name(k), rl::check_normals(theta[k].shape(), id++, 0.6), true});
}

CheckCase elbo_case() {
  VaribadSpec spec{.memory = {.inputs = kBeliefInputs, .hidden = 3}, .latent_size = 2, .decoder = {}, .kl_weight = 0.3,
                   .time_steps = kBeliefSteps};
  spec.decoder = {.inputs = 2, .hidden = {4}, .outputs = kBeliefCells, .activation = Activation::tanh};
  CheckCase c{.name = "varibad, ELBO", .subject = "varibad", .inputs = {}, .build = [spec](const Vars& in) {
                return std::vector<Var>{elbo(in, spec, in, in["noise"]).total};
              }};
  std::uint32_t id = 400;
  add_parameters(c, id, init_varibad(spec, 1, Dtype::f64));
  add_trials(c, id, spec.memory.hidden);
  c.inputs.push_back({"noise", rl::check_normals({1, kBeliefSteps * kBeliefTrials, 2}, id++), false});
  Tensor paid({1, kBeliefTrials, kBeliefCells}), unpaid = paid;
  paid.set(0, 0, 1, 2), unpaid.set(0, 0, 0, 1), unpaid.set(0, 1, 2, 1), paid.set(0, 1, 0, 1);
  c.inputs.push_back({"paid", paid, false});
  c.inputs.push_back({"unpaid", unpaid, false});
  c.cut = CheckCase::Cut::nothing;
  return c;
}

CheckCase labels_case() {
  const TaskLabelSpec spec{.memory = {.inputs = kBeliefInputs, .hidden = 3}, .labels = 4, .time_steps = kBeliefSteps};
  CheckCase c{.name = "varibad, labels", .subject = "varibad", .inputs = {}, .build = [spec](const Vars& in) {
                return std::vector<Var>{label_loss(in, spec, in)};
              }};
  std::uint32_t id = 500;
  add_parameters(c, id, init_task_labels(spec, 1, Dtype::f64));
  add_trials(c, id, spec.memory.hidden);
  Tensor label({1, kBeliefSteps * kBeliefTrials, 1});
  for (int t = 0; t < kBeliefSteps; ++t)
    for (int n = 0; n < kBeliefTrials; ++n) label.set(0, t * kBeliefTrials + n, 0, n == 0 ? 3 : 1);
  c.inputs.push_back({"label", label, false});
  c.cut = CheckCase::Cut::nothing;
  return c;
}

}  // namespace

std::vector<CheckCase> varibad_check_cases() { return {elbo_case(), labels_case()}; }

}  // namespace innerloop::meta

#include "meta/varibad.h"

#include "autodiff/ops.h"
#include "autodiff/transforms.h"

namespace innerloop::meta {
namespace {

// What one trial of a batch counts in an average over trials.
double share_of(const Batch& batch, int time_steps) {
  const Shape rows = batch["inputs"].shape();
  return static_cast<double>(time_steps) / (static_cast<double>(rows.tasks) * rows.rows);
}

void append(ParamValues& to, const ParamValues& from) {
  for (std::size_t k = 0; k < from.count(); ++k) to.add(from.name(k), from[k]);
}

}  // namespace

ParamValues init_varibad(const VaribadSpec& spec, std::uint64_t seed, Dtype dtype) {
  ParamValues theta = nn::init_gru(spec.memory, seed, "encoder/gru", dtype);
  append(theta, nn::init_mlp({.inputs = spec.memory.hidden, .hidden = {}, .outputs = 2 * spec.latent_size}, seed,
                             "encoder/belief", dtype));
  append(theta, nn::init_mlp(spec.decoder, seed, "decoder", dtype));
  return theta;
}

// region: equations
// [VariBAD eq. encoder]  h_t = GRU(h_{t−1}, x_t),  q(m|τ_{:t}) = N(μ_t, σ_t²) with (μ_t, log σ_t²) = W h_t + b
BeliefSequence beliefs(const Params& theta, const VaribadSpec& spec, Var inputs, Var reset, Var memory) {
  const nn::GruOutput h = nn::gru(theta, spec.memory, "encoder/gru", inputs, memory, reset, spec.time_steps);
  const int L = spec.latent_size;
  const nn::MlpSpec linear{.inputs = spec.memory.hidden, .hidden = {}, .outputs = 2 * L};
  const Var head = nn::mlp(theta, linear, "encoder/belief", h.h);
  return {{slice_cols(head, 0, L), 0.5 * slice_cols(head, L, L)}, h.last};
}

// [VariBAD eq. reconstruction]  log p(r_{1:H}|m) = Σ_c n⁺_c log σ(z_c) + n⁻_c log σ(−z_c),  z = decoder(m);
//                               summed over all m_t
Var reconstruction(const Params& theta, const VaribadSpec& spec, Var m, const Batch& batch) {
  const Var z = nn::mlp(theta, spec.decoder, "decoder", m);  // (B, H·N, C)
  const int C = spec.decoder.outputs, N = z.shape().rows / spec.time_steps;
  const Var mask = broadcast_cols(batch["mask"], C);
  const auto over_time = [&](Var x) {  // (B, H·N, C) → (B, N, C)
    return reshape(sum_rows(reshape(mask * x, spec.time_steps, N * C)), N, C);
  };
  return -sum_cols(batch["paid"] * over_time(softplus(-z)) + batch["unpaid"] * over_time(softplus(z)));
}

// [VariBAD eq. KL]  KL(q(m|τ_{:t})‖q(m|τ_{:t−1})): a belief is the prior of the next one; the first one's is N(0, 1)
Var kl_to_belief_before(const nn::Gaussian& q, int trials) {
  return nn::kl(q, {shift_rows(q.mean, trials), shift_rows(q.log_sigma, trials)});
}

// [VariBAD eq. ELBO]  Σ_t E_{m ~ q_t} [log p(r_{1:H}|m)] − β KL(q_t‖q_{t−1}),  m_t = μ_t + σ_t ε_t
Elbo elbo(const Params& theta, const VaribadSpec& spec, const Batch& batch, Var noise) {
  const nn::Gaussian q = beliefs(theta, spec, batch["inputs"], batch["reset"], batch["memory"]).q;
  const Var told = reconstruction(theta, spec, nn::sample(q, noise), batch);
  const Var moved = batch["mask"] * kl_to_belief_before(q, batch["paid"].shape().rows);
  const double share = share_of(batch, spec.time_steps);
  const Var likelihood = share * sum_tasks(sum_all(told)), kl = share * sum_tasks(sum_all(moved));
  return {likelihood - spec.kl_weight * kl, likelihood, kl};
}
// endregion

ParamValues init_task_labels(const TaskLabelSpec& spec, std::uint64_t seed, Dtype dtype) {
  ParamValues theta = nn::init_gru(spec.memory, seed, "encoder/gru", dtype);
  append(theta, nn::init_mlp({.inputs = spec.memory.hidden, .hidden = {}, .outputs = spec.labels}, seed,
                             "encoder/label", dtype));
  return theta;
}

// region: labels
LabelSequence label_logits(const Params& theta, const TaskLabelSpec& spec, Var inputs, Var reset, Var memory) {
  const nn::GruOutput h = nn::gru(theta, spec.memory, "encoder/gru", inputs, memory, reset, spec.time_steps);
  return {nn::mlp(theta, {.inputs = spec.memory.hidden, .hidden = {}, .outputs = spec.labels}, "encoder/label", h.h),
          h.last};
}

// [VariBAD eq. labels]  −Σ_t log p_φ(k|τ_{:t}), k the task that the trial is in
Var label_loss(const Params& theta, const TaskLabelSpec& spec, const Batch& batch) {
  const Var logits = label_logits(theta, spec, batch["inputs"], batch["reset"], batch["memory"]).logits;
  const Var log_p = batch["mask"] * nn::log_prob(nn::Categorical{logits}, batch["label"]);
  return -share_of(batch, spec.time_steps) * sum_tasks(sum_all(log_p));
}
// endregion

VaribadFunctions::VaribadFunctions()
    : step("varibad/step",
           [](Inputs& in, const VaribadSpec& spec) -> std::vector<Vars> {
             const Params theta = in.next("theta");
             const Batch seen = in.next("seen");
             const BeliefSequence now =
                 beliefs(theta, spec, seen["inputs"], seen["reset"], in.next_var("memory"));
             Vars q("mean", now.q.mean);
             q.add("log_sigma", now.q.log_sigma);
             q.add("paid", sigmoid(nn::mlp(theta, spec.decoder, "decoder", now.q.mean)));
             return {q, Vars("memory", now.memory)};
           }),
      gradient("varibad/gradient",
               [](Inputs& in, const VaribadSpec& spec) -> std::vector<Vars> {
                 const Params theta = in.next("theta");
                 const Batch batch = in.next("batch");
                 const Elbo bound = elbo(theta, spec, batch, in.next_var("noise"));
                 Vars parts("elbo", bound.total);
                 parts.add("reconstruction", bound.reconstruction);
                 parts.add("belief_kl", bound.kl);
                 return {grad(-bound.total, theta), parts};
               }),
      label_step("varibad/label_step",
                 [](Inputs& in, const TaskLabelSpec& spec) -> std::vector<Vars> {
                   const Params theta = in.next("theta");
                   const Batch seen = in.next("seen");
                   const LabelSequence now =
                       label_logits(theta, spec, seen["inputs"], seen["reset"], in.next_var("memory"));
                   return {Vars("probabilities", softmax(now.logits)), Vars("memory", now.memory)};
                 }),
      label_gradient("varibad/label_gradient", [](Inputs& in, const TaskLabelSpec& spec) -> std::vector<Vars> {
        const Params theta = in.next("theta");
        const Var loss = label_loss(theta, spec, in.next("batch"));
        return {grad(loss, theta), Vars("label_loss", loss)};
      }) {
  step.set_device(Device::cpu);  // where the environments are
  label_step.set_device(Device::cpu);
}

}  // namespace innerloop::meta

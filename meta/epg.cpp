#include "meta/epg.h"

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "nn/init.h"
#include "nn/temporal_conv.h"

namespace innerloop::meta {

// region: parameters
ParamValues init_loss(const LossSpec& spec, std::uint64_t seed, Dtype dtype) {
  ParamValues phi;
  const auto add = [&](const std::string& layer, int inputs, int outputs) {
    phi.add("loss/" + layer + "/W", nn::xavier_uniform("loss/" + layer + "/W", inputs, outputs, seed, dtype));
    phi.add("loss/" + layer + "/b", Tensor({1, 1, outputs}, dtype));
  };
  add("conv1", spec.kernel1 * spec.features, spec.channels1);
  add("conv2", spec.kernel2 * spec.channels1, spec.channels2);
  add("context", spec.channels2, spec.context);
  add("hidden", spec.features + spec.context, spec.hidden);
  add("out", spec.hidden, 1);
  return phi;
}
// endregion

int loss_features(const nn::PolicySpec& policy, int inputs, int memory) {
  const bool gaussian = policy.head == nn::PolicySpec::Head::gaussian;
  return inputs + (gaussian ? 2 : 1) * policy.net.outputs + memory;
}

// region: equations
// [EPG eq. inputs]  x_t = [s̃_t, ã_t, r̃_t, d_t, parameters of π_θ(·|s_t), m],  m = tanh c;  0 on padding
Var loss_inputs(const Params& theta, const EpgProgram& spec, const Batch& buffer, bool detach_memory) {
  const Var observations = buffer["observations"];
  const int N = observations.shape().rows;
  std::vector<Var> parts{buffer["inputs"]};
  const nn::DistributionVars policy = nn::distribution(theta, spec.policy, observations);
  if (spec.policy.head == nn::PolicySpec::Head::gaussian) {
    parts.push_back(policy["mean"]);                            // (B, N, A)
    parts.push_back(broadcast_rows(policy["log_sigma"], N));
  } else {
    parts.push_back(log_softmax(policy["logits"]));
  }
  if (spec.memory > 0) {
    const Var m = tanh(theta["memory"]);                        // (B, 1, memory)
    parts.push_back(broadcast_rows(detach_memory ? stop_gradient(m) : m, N));
  }
  const Var x = concat_cols(parts);                             // (B, N, F)
  return select(broadcast_cols(buffer["mask"], x.shape().cols), x, zeros_like(x));
}

namespace {

Var layer(const Params& phi, const std::string& name, Var x) {
  return dense(x, phi["loss/" + name + "/W"], phi["loss/" + name + "/b"], Activation::identity);
}

// Rows `index` of a column of the buffer.
Var rows_of(const Batch& buffer, const char* name, Var index) { return gather_rows(buffer[name], index); }

}  // namespace

// [EPG eq. context]  C = W_c · (1/L) Σ_k lrelu(conv₂(lrelu(conv₁(x))))_k + c_c
Var loss_context(const Params& phi, const LossSpec& spec, Var x) {
  const auto convolved = [&](const std::string& name, Var rows, int kernel, int stride) {
    const Var W = phi["loss/" + name + "/W"], b = phi["loss/" + name + "/b"];
    return nn::leaky_relu(nn::temporal_conv(rows, W, b, kernel, stride), spec.leak);
  };
  const Var first = convolved("conv1", x, spec.kernel1, spec.stride1);
  const Var second = convolved("conv2", first, spec.kernel2, spec.stride2);
  return layer(phi, "context", sum_rows(second) * (1.0 / second.shape().rows));
}

// [EPG eq. loss]  L_φ = Σ_t w_t (wᵀ lrelu(W_0 [x_t; C] + c_0) + c_1)
Var learned_loss(const Params& phi, const LossSpec& spec, Var x, Var context, Var weights) {
  const Var seen = concat_cols(std::vector<Var>{x, broadcast_rows(context, x.shape().rows)});
  const Var each = layer(phi, "out", nn::leaky_relu(layer(phi, "hidden", seen), spec.leak));  // (B, n, 1)
  return sum_all(weights * each);
}

// [EPG eq. mix]  L = (1 − α) L_φ + α L_PPO
Var epg_loss(const Params& phi, const Params& theta, const EpgProgram& spec, const Batch& buffer, Var index,
             Var weights, Var alpha) {
  Var loss = alpha.graph->fill({1, 1, 1}, 0);
  if (spec.learned) {
    // θ is reached twice: through the rows of the minibatch, and through the context of the whole buffer. The memory
    // is cut out of the context.
    const Var x = loss_inputs(theta, spec, buffer);
    const Var of_context = spec.memory > 0 ? loss_inputs(theta, spec, buffer, true) : x;
    const Var context = loss_context(phi, spec.loss, of_context);
    loss = (1.0 - alpha) * learned_loss(phi, spec.loss, gather_rows(x, index), context, weights);
  }
  if (spec.ppo) {
    // PPO's clipped objective on the same minibatch, with the log-probabilities of the policy that acted.
    const Var all = nn::log_prob(theta, spec.policy, buffer["observations"], buffer["actions"]);  // (B, N, 1)
    const Var log_prob = gather_rows(all, index);
    const Var ratio = exp(log_prob - rows_of(buffer, "old_log_prob", index));
    const Var advantages = rows_of(buffer, "advantages", index);
    const Var clipped = clip(ratio, 1 - spec.clip, 1 + spec.clip);
    loss = loss - alpha * sum_all(weights * minimum(ratio * advantages, clipped * advantages));
  }
  return loss;
}
// endregion

EpgFunctions::EpgFunctions()
    : gradient("epg/gradient",
               [](Inputs& in, const EpgProgram& spec) -> std::vector<Vars> {
                 const Params phi = in.next("phi"), theta = in.next("theta");
                 const Batch buffer = in.next("buffer");
                 const Var index = in.next_var("index"), weights = in.next_var("weights");
                 const Var loss = epg_loss(phi, theta, spec, buffer, index, weights, in.next_var("alpha"));
                 return {grad(loss, theta)};
               }),
      log_prob("epg/log_prob", [](Inputs& in, const EpgProgram& spec) -> std::vector<Vars> {
        const Params theta = in.next("theta");
        const Var observations = in.next_var("observations");
        const Var actions = in.next_var("actions");
        return {Vars("log_prob", nn::log_prob(theta, spec.policy, observations, actions))};
      }) {}

}  // namespace innerloop::meta

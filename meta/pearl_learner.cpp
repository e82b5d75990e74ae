#include "meta/pearl_learner.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "kernels/philox.h"
#include "kernels/require.h"
#include "nn/optimizer.h"

namespace innerloop::meta {
namespace {

// The critics of SAC come as one list; PEARL moves its value network at another time than the action values.
ParamValues part_of(const ParamValues& critics, bool value) {
  ParamValues part;
  for (std::size_t k = 0; k < critics.count(); ++k)
    if (critics.name(k).starts_with("v/") == value) part.add(critics.name(k), critics[k]);
  return part;
}

}  // namespace

Pearl::Pearl(const PearlLearnerConfig& config, std::uint64_t seed)
    : encoder(init_encoder(config.spec, seed, config.dtype)),
      actor(rl::init_actor(config.spec.sac, seed, config.dtype)),
      critics(rl::init_critics(config.spec.sac, seed, config.dtype)),
      value(part_of(critics, true)),
      targets(rl::targeted(critics, config.spec.sac)),
      config_(config),
      seed_(seed),
      encoder_moments_(nn::adam_start(encoder)),
      actor_moments_(nn::adam_start(actor)),
      critic_moments_(nn::adam_start(part_of(critics, false))),
      value_moments_(nn::adam_start(value)) {
  critics = part_of(critics, false);
  log_alpha.add("log_alpha", Tensor::scalar(std::log(config.temperature), config.dtype));
  temperature_moments_ = nn::adam_start(log_alpha);
}

double Pearl::alpha() const { return std::exp(log_alpha[0].item()); }

// Normal numbers: those of a task at a place of its own, 8192 to a place.
Tensor Pearl::noise(Shape shape, const Place& place) const {
  std::vector<double> numbers(shape.size());
  const std::size_t per_task = shape.per_task();
  for (std::size_t k = 0; k < numbers.size();) {
    Place here = place;
    here.task = static_cast<std::uint32_t>(k / per_task);
    here.trajectory = static_cast<std::uint32_t>(k % per_task / 8192);
    Philox random(seed_, here);
    const std::size_t end = std::min((k / per_task + 1) * per_task, k + 8192);
    for (; k < end; ++k) numbers[k] = random.normal();
  }
  return Tensor::from(shape, numbers, config_.dtype);
}

// A NaN gradient would stay in the moments for ever.
void Pearl::check(const Tensors& info, const char* whose, std::uint32_t number) const {
  for (std::size_t k = 0; k < info.count(); ++k)
    if (!info[k].all_finite())
      throw NonFiniteError("pearl, update " + std::to_string(number) + ": " + info.name(k) + " of the " + whose +
                           " is not finite. Try smaller learning rates.");
}

void Pearl::step(ParamValues& theta, const Tensors& gradient, nn::AdamState& moments, std::uint32_t number) const {
  const double left = config_.annealed_over > 0 ? 1 - static_cast<double>(number) / config_.annealed_over : 1;
  nn::adam_step(theta, gradient, moments, {.learning_rate = std::max(0.0, left) * config_.learning_rate});
}

// region: update
void Pearl::update(const BatchValues& batch, const BatchValues& context, std::uint32_t number) {
  const PearlSpec& spec = config_.spec;
  const int T = config_.tasks, B = config_.batch, A = spec.sac.action_size;
  const auto drawn = [&](Shape shape, std::uint32_t which) {
    return noise(shape, {.purpose = Purpose::minibatch, .inner_step = which, .iteration = number});
  };

  // The critics and the encoder, from one z per task.
  const double way = config_.kl_rises_over > 0 ? std::min(1.0, static_cast<double>(number) / config_.kl_rises_over) : 1;
  const Tensor kl_share = Tensor::scalar(std::max(0.1, way * way * way), config_.dtype);
  const std::vector<Tensors> first = functions_.critic_gradient(
      spec, {encoder, critics, actor, targets, log_alpha[0], context, drawn({T, 1, spec.latent_size}, 1), kl_share,
             batch, drawn({T, B, A}, 2)});
  check(first[3], "critics and the encoder", number);
  step(encoder, first[0], encoder_moments_, number);
  step(critics, first[1], critic_moments_, number);

  // The policy, and what depends on it, by the new critics, with the z of the old encoder.
  const std::vector<Tensors> second = functions_.actor_gradient(
      spec, {actor, critics, value, log_alpha[0], first[2][0], batch, drawn({T, B, A}, 3)});
  check(second[3], "actor", number);
  step(actor, second[0], actor_moments_, number);
  if (spec.sac.value_network) step(value, second[1], value_moments_, number);
  if (spec.sac.temperature_loss != rl::TemperatureLoss::fixed) step(log_alpha, second[2], temperature_moments_, number);

  // The targets take a small step.
  nn::polyak_update(targets, spec.sac.value_network ? value : critics, config_.tau);
  critic_loss_ = first[3]["critic_loss"].item();
  kl_ = first[3]["kl"].item();
  target_ = first[3]["target"].item();
  entropy_ = second[3]["entropy"].item();
}
// endregion

Tensors Pearl::evidence(const BatchValues& context) const {
  return functions_.encode(config_.spec, {encoder, context})[0].to(Device::cpu);
}

Tensors Pearl::no_evidence(int tasks) const {
  Tensors nothing;
  for (const char* name : {"precision", "weighted_mean"})
    nothing.add(name, Tensor({tasks, 1, config_.spec.latent_size}, config_.dtype));
  return nothing;
}

Tensor Pearl::draw(const Tensors& evidence, const Tensor& latent_noise) const {
  return functions_.draw(config_.spec, {evidence["precision"], evidence["weighted_mean"], latent_noise})[0][0].to(
      Device::cpu);
}

Tensor Pearl::act(const Tensor& seen, const Tensor& noise) const {
  return functions_.act(config_.spec, {actor, seen, noise})[0][0].to(Device::cpu);
}

void Pearl::visit(rl::Checkpoint& c) {
  const bool v1 = config_.spec.sac.value_network;
  c("", encoder);
  c("", actor);
  c("critics", critics);
  if (v1) c("value", value);
  c("targets", targets);
  c("", log_alpha);
  c("adam_encoder", encoder_moments_);
  c("adam_actor", actor_moments_);
  c("adam_critics", critic_moments_);
  if (v1) c("adam_value", value_moments_);
  if (config_.spec.sac.temperature_loss != rl::TemperatureLoss::fixed) c("adam_temperature", temperature_moments_);
  c.numbers("last", critic_loss_, kl_, target_, entropy_);
}

}  // namespace innerloop::meta

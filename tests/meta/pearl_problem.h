// A small PEARL problem: three tasks of six transitions, a context of five rows of which the last is empty in task 1.
#pragma once

#include "kernels/philox.h"
#include "meta/pearl.h"
#include "rl/check_cases.h"

namespace innerloop::meta {

struct PearlProblem {
  static constexpr int tasks = 3, rows = 6, context_rows = 5, observations = 2, actions = 2;
  PearlSpec spec;
  ParamValues encoder, actor, critics, value, targets;
  Tensor log_alpha = Tensor::scalar(-0.7), context, mask, latent_noise, noise, noise_next;
  BatchValues batch;

  // official: SAC v1 with a value network; else v2.
  explicit PearlProblem(bool official) {
    spec.latent_size = 3;
    spec.sac.value_network = official;
    spec.sac.critic_factor = official ? 1 : 0.5;
    spec.sac.temperature_loss = official ? rl::TemperatureLoss::fixed : rl::TemperatureLoss::log_alpha;
    spec.sac.gamma = 0.9;
    spec.sac.target_entropy = -actions;
    spec.kl_weight = 0.3;
    spec = fitted(spec, observations, actions, {4}, {4}, Activation::tanh);
    encoder = init_encoder(spec, 1, Dtype::f64);
    actor = rl::init_actor(spec.sac, 1, Dtype::f64);
    const ParamValues all = rl::init_critics(spec.sac, 1, Dtype::f64);
    for (std::size_t k = 0; k < all.count(); ++k)
      (all.name(k).starts_with("v/") ? value : critics).add(all.name(k), all[k]);
    const ParamValues others = rl::init_critics(spec.sac, 2, Dtype::f64);
    targets = rl::targeted(others, spec.sac);
    auto drawn = [id = 1000u](Shape shape) mutable { return rl::check_normals(shape, id++); };
    context = drawn({tasks, context_rows, spec.context_size()});
    mask = Tensor::full({tasks, context_rows, 1}, 1);
    mask.set(1, context_rows - 1, 0, 0);
    latent_noise = drawn({tasks, 1, spec.latent_size});
    noise = drawn({tasks, rows, actions});
    noise_next = drawn({tasks, rows, actions});
    batch.add("observations", drawn({tasks, rows, observations}));
    batch.add("actions", drawn({tasks, rows, actions}));
    batch.add("rewards", drawn({tasks, rows, 1}));
    batch.add("next_observations", drawn({tasks, rows, observations}));
    batch.add("terminated", Tensor({tasks, rows, 1}));
    batch["terminated"].set(0, 2, 0, 1);
  }
};

}  // namespace innerloop::meta

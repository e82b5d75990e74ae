// One header for whoever links the library: tensors, graphs, derivatives, Functions, the verifier, networks,
// distributions, optimisers, checkpoints. Installed as <innerloop.h>; the chapter is nn/library.md.
//
// Environments and algorithms stand on this and have headers of their own: <envs/…>, <rl/…>, <meta/…>.
#pragma once

#include "autodiff/check.h"
#include "autodiff/device.h"
#include "autodiff/function.h"
#include "autodiff/ops.h"
#include "autodiff/print.h"
#include "autodiff/transforms.h"
#include "kernels/threads.h"
#include "nn/actor_critic.h"
#include "nn/distributions.h"
#include "nn/gru.h"
#include "nn/init.h"
#include "nn/lstm.h"
#include "nn/mlp.h"
#include "nn/optimizer.h"
#include "nn/policy.h"
#include "nn/safetensors.h"

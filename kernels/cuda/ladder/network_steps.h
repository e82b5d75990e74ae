// Where the steps of networks.h are defined, once for each backend.
#pragma once

#include "kernels/cuda/ladder/networks.h"

namespace innerloop::kernels {

namespace cuda {
void mlp_naive(const DeviceCall& call);
void mlp_tiled(const DeviceCall& call);
void lstm_naive(const DeviceCall& call);
void lstm_one_launch(const DeviceCall& call);
void mlp_backward_naive(const DeviceCall& call);
void lstm_backward_naive(const DeviceCall& call);
}  // namespace cuda

namespace simt_host {
void mlp_naive(const DeviceCall& call);
void mlp_tiled(const DeviceCall& call);
void lstm_naive(const DeviceCall& call);
void lstm_one_launch(const DeviceCall& call);
void mlp_backward_naive(const DeviceCall& call);
void lstm_backward_naive(const DeviceCall& call);
}  // namespace simt_host

}  // namespace innerloop::kernels

// Convolution over time: the same small network on every window of a sequence.
#pragma once

#include "autodiff/graph.h"

namespace innerloop::nn {

// Valid convolution over the rows, which are time, of x (tasks, T, C). Window k is rows k·stride … k·stride+kernel−1;
// y_k = (window k as one row)·W + b. weights (·, kernel·C, outputs), the first C rows for the earliest step; bias
// (·, 1, outputs). Returns (tasks, (T − kernel)/stride + 1, outputs); what does not fill a window is left out. Error if
// T is less than kernel.
Var temporal_conv(At x, At weights, At bias, int kernel, int stride);

// max(a, slope·a), for a slope between 0 and 1. At 0 the derivative is the mean of both.
Var leaky_relu(At a, double slope);

}  // namespace innerloop::nn

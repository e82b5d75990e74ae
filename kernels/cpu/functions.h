// exp, log, tanh and their kin as the kernels call them: functions::exp(x, y, n) writes exp(x[i]) to y[i]; y may be x.
// They are those of kernels/cpu/vecmath.h. Internal to kernels/cpu.
#pragma once

#include "kernels/cpu/vecmath.h"

namespace innerloop::kernels::cpu::functions {

using vecmath::cos;
using vecmath::exp;
using vecmath::expm1;
using vecmath::log;
using vecmath::log1p;
using vecmath::sigmoid;
using vecmath::sin;
using vecmath::softplus;
using vecmath::tanh;

}  // namespace innerloop::kernels::cpu::functions

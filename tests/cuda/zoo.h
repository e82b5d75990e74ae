// The zoo: small kernels, most of them wrong in one way each, and what the engine must say of them.
#pragma once

#include <string>
#include <vector>

namespace innerloop::kernels::simt_host {

struct Exhibit {
  std::string name;
  void (*run)(float* y);  // y: 128 numbers, −1 before
  std::string complaint = "";  // part of the KernelError that every schedule ends with; empty: none
  bool orders_differ = false;  // the numbers depend on the schedule
  bool not_a_number = false;   // a NaN comes out: the filling of shared memory was read
  std::string race = "";       // part of the race build's complaint; empty: none
  bool address_error = false;  // the address sanitizer stops the program
};

const std::vector<Exhibit>& zoo();

}  // namespace innerloop::kernels::simt_host

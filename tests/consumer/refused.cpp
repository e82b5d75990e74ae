// Does not compile, and the compiler says why: what the lambda captured would be a constant of the traced program.
#include <innerloop.h>

int main() {
  using namespace innerloop;
  double rate = 0.1;
  const Function step("step", [rate](Inputs& in) -> std::vector<Vars> { return {rate * in.next("theta")}; });
}

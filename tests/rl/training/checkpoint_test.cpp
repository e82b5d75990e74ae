// Checkpoints: one list saves, checks and loads; what does not fit is refused by name and changes nothing.
#include "rl/training/checkpoint.h"

#include "nn/mlp.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::rl;
using Catch::Matchers::ContainsSubstring;

namespace {

struct InnerPart {
  std::vector<double> numbers{1, 2, 3};
  std::vector<std::uint64_t> words{0xfedcba9876543210, 7};
  void visit(Checkpoint& c) {
    c("numbers", numbers);
    c("words", words);
  }
};

struct OuterPart {
  Tensor one = Tensor::scalar(0.5, Dtype::f32);
  ParamValues theta = nn::init_mlp({.inputs = 2, .hidden = {3}, .outputs = 1}, 1, "policy", Dtype::f32);
  nn::AdamState adam = nn::adam_start(theta);
  double loss = 0.25;
  int count = 3;
  std::int64_t steps = std::int64_t{1} << 40;
  Tensor later;
  InnerPart inner;
  void visit(Checkpoint& c) {
    c("one", one);
    c("", theta);
    c("adam", adam);
    c.numbers("last", loss, count, steps);
    c.from_first_iteration("later", later, {1, 2, 1}, Dtype::f64);
    c("inner", inner);
  }
};

// Another one of the same shapes.
OuterPart changed() {
  OuterPart x;
  x.one.set(0, 0, 0, -1);
  x.theta = 2.0 * x.theta;
  x.adam = nn::adam(x.theta, x.theta, x.adam, {}).state;
  x.loss = 9, x.count = 8, x.steps = 7;
  x.later = Tensor::from({1, 2, 1}, std::vector{1.0, 2.0});
  x.inner.numbers = {4, 5, 6};
  x.inner.words = {1, ~std::uint64_t{0}};
  return x;
}

}  // namespace

TEST_CASE("checkpoint: what one part saves makes another the same; names nest", "[rl][checkpoint]") {
  const OuterPart from = changed();
  const Tensors state = save(from);
  const std::vector<std::string> names = {
      "one", "policy/W1", "policy/b1", "policy/W2", "policy/b2", "adam/m/policy/W1", "adam/v/policy/W1",
      "adam/m/policy/b1", "adam/v/policy/b1", "adam/m/policy/W2", "adam/v/policy/W2", "adam/m/policy/b2",
      "adam/v/policy/b2", "adam/steps", "last", "later", "inner/numbers", "inner/words"};
  REQUIRE(state.count() == names.size());
  for (std::size_t k = 0; k < names.size(); ++k) CHECK(state.name(k) == names[k]);
  OuterPart to;
  load(to, state, 1);
  CHECK(bitwise_equal(save(to), state));
  CHECK(to.loss == 9);
  CHECK(to.count == 8);
  CHECK(to.inner.words == from.inner.words);
}

TEST_CASE("checkpoint: saving and loading share storage", "[rl][checkpoint]") {
  const OuterPart from = changed();
  const Tensors state = save(from);
  CHECK(state["policy/W1"].data() == from.theta["policy/W1"].data());
  OuterPart to;
  load(to, state, 1);
  CHECK(to.adam.m[0].data() == from.adam.m[0].data());
}

TEST_CASE("checkpoint: an entry too few, too many or of another shape is refused by name and changes nothing",
          "[rl][checkpoint]") {
  const Tensors good = save(changed());
  const Tensors before = save(OuterPart());
  const auto refused = [&](const Tensors& state, const std::string& name, const std::string& what) {
    OuterPart to;
    CHECK_THROWS_WITH(load(to, state, 1), ContainsSubstring("checkpoint: " + name + " " + what) &&
                                              ContainsSubstring("use the options of the run that wrote it"));
    CHECK(bitwise_equal(save(to), before));
  };
  for (std::size_t bad = 0; bad < good.count(); ++bad) {
    Tensors missing, misshapen, other_dtype;
    for (std::size_t k = 0; k < good.count(); ++k) {
      const Shape s = good[k].shape();
      if (k != bad) missing.add(good.name(k), good[k]);
      misshapen.add(good.name(k), k == bad ? Tensor({s.tasks, s.rows, s.cols + 1}, good[k].dtype()) : good[k]);
      other_dtype.add(good.name(k), k == bad ? good[k].to(good[k].dtype() == Dtype::f32 ? Dtype::f64 : Dtype::f32)
                                             : good[k]);
    }
    refused(missing, good.name(bad), "is missing");
    refused(misshapen, good.name(bad), "is ");
    refused(other_dtype, good.name(bad), "is ");
  }
  Tensors extra = good;
  extra.add("inner/more", Tensor::scalar(1));
  refused(extra, "inner/more", "is nothing that this run remembers");
}

TEST_CASE("checkpoint: where a whole number is needed no other is taken, nor one out of range", "[rl][checkpoint]") {
  for (const auto& [place, value] : {std::pair{1, 2.5}, std::pair{1, 3e9}, std::pair{1, -1.0}, std::pair{2, 1e19}}) {
    Tensors state = save(changed());
    state["last"].set(0, 0, place, value);
    OuterPart to;
    CHECK_THROWS_WITH(load(to, state, 1), ContainsSubstring("checkpoint: last holds"));
  }
  Tensors state = save(changed());
  state["inner/words"].set(0, 0, 2, 65536);
  OuterPart to;
  CHECK_THROWS_WITH(load(to, state, 1), ContainsSubstring("checkpoint: inner/words"));
}

TEST_CASE("checkpoint: what the first iteration makes is absent before it, and needed after it", "[rl][checkpoint]") {
  const Tensors state = save(OuterPart());
  CHECK_FALSE(state.contains("later"));
  OuterPart to = changed();
  load(to, state, 0);
  CHECK(to.later.empty());
  CHECK_THROWS_WITH(load(to, state, 1), ContainsSubstring("checkpoint: later is missing"));
}

TEST_CASE("Adam: a saved and loaded state continues bit for bit", "[rl][checkpoint]") {
  OuterPart whole, resumed;
  const ParamValues gradient = nn::init_mlp({.inputs = 2, .hidden = {3}, .outputs = 1}, 2, "policy", Dtype::f32);
  nn::adam_step(whole.theta, gradient, whole.adam, {});
  load(resumed, save(whole), 0);
  for (OuterPart* x : {&whole, &resumed}) nn::adam_step(x->theta, gradient, x->adam, {});
  CHECK(bitwise_equal(whole.theta, resumed.theta));
  CHECK(whole.adam.steps == 2);
  CHECK(resumed.adam.steps == 2);
}

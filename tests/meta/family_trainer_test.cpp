// The trainers around MAML: the same bits for every thread count and after a restart; at a step of 0 nothing moves.
#include "kernels/threads.h"
#include "meta/e_maml.h"
#include "meta/maesn_trainer.h"
#include "meta/maml_trainer.h"
#include "meta/promp.h"
#include "meta/reptile.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

struct Setting {
  const rl::AlgorithmRow* row;
  std::vector<std::pair<const char*, rl::OptionValue>> values;
};

// A path through each algorithm and option, small.
std::vector<Setting> settings() {
  return {{&reptile, {{"inner_steps", std::int64_t{2}}}},
          {&e_maml, {{"credit", std::string("sum")}, {"inner_steps", std::int64_t{2}}}},
          {&e_maml, {{"credit", std::string("mean")}, {"outer", std::string("adam")}}},
          {&promp, {{"inner_steps", std::int64_t{2}}, {"adaptive_eta", true}}},
          {&maml, {{"step_sizes", std::string("learned")}, {"inner_steps", std::int64_t{2}}}},
          {&maml, {{"step_sizes", std::string("learned")}, {"outer", std::string("adam")}}},
          {&maml, {{"estimator", std::string("loaded-dice")}}},
          {&maml, {{"estimator", std::string("taypo-2")}}},
          {&maesn, {{"task_list", std::int64_t{5}}}},
          {&maesn, {{"task_list", std::int64_t{5}}, {"latents", std::string("point")}, {"adapt_policy", true}}}};
}

rl::OptionValues small(const Setting& setting) {
  rl::OptionValues values = rl::default_values(setting.row->options);
  values.set("hidden", std::vector<std::int64_t>{6});
  values.set("tasks", std::int64_t{3});
  values.set("trajectories", std::int64_t{3});
  values.set("dtype", std::string("f64"));
  for (const auto& [name, value] : setting.values) values.set(name, value);
  return values;
}

}  // namespace

TEST_CASE("the relatives of MAML train to the same bits for 1, 2 and 4 threads, and after a restart") {
  for (const Setting& setting : settings()) {
    INFO(setting.row->name);
    const rl::OptionValues values = small(setting);
    Tensors expected;
    for (const int threads : {1, 2, 4}) {
      set_thread_count(threads);
      const auto trainer = setting.row->make(values, 5);
      for (int i = 0; i < 3; ++i) trainer->iterate();
      if (threads == 1) expected = trainer->state();
      CHECK(bitwise_equal(trainer->state(), expected));
    }
    set_thread_count(2);
    const auto first = setting.row->make(values, 5), second = setting.row->make(values, 5);
    first->iterate();
    second->restore(first->state(), first->iteration());
    second->iterate();
    second->iterate();
    CHECK(bitwise_equal(second->state(), expected));
  }
}

TEST_CASE("with a step of size 0 the relatives of MAML stay where they are") {
  for (Setting setting : settings()) {
    INFO(setting.row->name);
    const bool by_adam = setting.row == &promp;
    if (setting.row == &reptile) setting.values.emplace_back("epsilon", 0.0);
    else if (!by_adam) setting.values.emplace_back("outer", std::string("adam"));
    if (setting.row != &reptile) setting.values.emplace_back("learning_rate", 0.0);
    const auto trainer = setting.row->make(small(setting), 5);
    const Tensors before = trainer->state();
    trainer->iterate();
    const Tensors after = trainer->state();
    for (std::size_t i = 0; i < before.count(); ++i)
      if (before.name(i).starts_with("policy/") || before.name(i).starts_with("alpha/"))
        CHECK(bitwise_equal(before[i], after[i]));
  }
}

TEST_CASE("[MAML eq. step-sizes] learned step sizes begin as plain MAML, and then move") {
  Setting plain{&maml, {}}, learned{&maml, {{"step_sizes", std::string("learned")}}};
  const auto a = maml.make(small(plain), 5), b = maml.make(small(learned), 5);
  const rl::Metrics first = a->iterate(), second = b->iterate();
  for (std::size_t m = 0; m < 3; ++m) CHECK(first[m].value == Approx(second[m].value).epsilon(1e-9));
  int moved = 0;
  const Tensors state = b->state();
  for (std::size_t i = 0; i < state.count(); ++i)
    if (state.name(i).starts_with("alpha/"))
      for (double alpha : state[i].to_vector()) moved += alpha != 0.5;
  CHECK(moved > 10);
}

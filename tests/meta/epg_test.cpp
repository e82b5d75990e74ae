// The learned loss and the lifetimes on it: sizes, padding, the two ways to θ, and what the official code gets wrong.
#include "meta/epg.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "autodiff/check.h"
#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "envs/table.h"
#include "meta/check_cases.h"
#include "meta/epg_inner_loop.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;
using Catch::Matchers::ContainsSubstring;

namespace {

// A list as inputs of a graph, under their own names.
Vars epg_inputs(Graph& graph, const Tensors& list) {
  Vars vars;
  for (std::size_t k = 0; k < list.count(); ++k) vars.add(list.name(k), graph.input(list[k], list.name(k)));
  return vars;
}

Tensors epg_gradient(const EpgProblem& p) {
  return EpgFunctions().gradient(p.spec, {p.phi, p.theta, p.buffer, p.index, p.weights, p.alpha})[0];
}

// Small and quick: a mass, one episode of 32 steps per update.
EpgInnerConfig small_lifetime() {
  EpgInnerConfig config;
  config.updates = 3;
  config.episodes = 1;
  config.buffer = 64;
  config.minibatch = 16;
  config.hidden = {4};
  config.loss_channels = {3, 3};
  config.loss_context = 3, config.loss_hidden = 4;
  config.dtype = Dtype::f64;
  return config;
}

std::vector<envs::Task> epg_tasks(const char* env, int count) {
  std::vector<envs::Task> tasks;
  for (int j = 0; j < count; ++j)
    tasks.push_back(envs::sample_task(envs::find_env(env), 1, Purpose::task, 0, static_cast<std::uint32_t>(j)));
  return tasks;
}

// Update number `update` of a lifetime; what was explored.
rl::Trajectories live_on(const EpgInnerLoop& loop, EpgState& state, const ParamValues& phi,
                         const std::vector<envs::Task>& tasks, double alpha, int update, int episodes = 1) {
  const rl::Rollout rollout(loop.env(), loop.spec().policy);
  const rl::Trajectories explored =
      rollout.collect(state.theta, tasks, episodes, {.seed = 1, .inner_step = static_cast<std::uint32_t>(update)});
  loop.learn(state, phi, explored, alpha, 0, update);
  return explored;
}

}  // namespace

TEST_CASE("the loss of the official code's Hopper has 9 857 numbers") {
  nn::PolicySpec hopper;
  hopper.net = {.inputs = 11, .hidden = {64, 64}, .outputs = 3};
  const InputColumns columns{.observations = 11, .actions = 3, .discrete = false, .bonus = true};
  LossSpec spec;
  spec.features = loss_features(hopper, columns.all(), 32);
  CHECK(spec.features == 55);
  CHECK(init_loss(spec, 1).number_count() == 9857);
  // 512 steps become 102, and 102 become 50.
  CHECK((512 - spec.kernel1) / spec.stride1 + 1 == 102);
  CHECK((102 - spec.kernel2) / spec.stride2 + 1 == 50);
  CHECK(spec.shortest_buffer() == 21);
}

TEST_CASE("[EPG eq. inputs] rows of padding are exactly zero, whatever stands there, and carry no gradient") {
  for (const bool discrete : {false, true}) {
    EpgProblem problem = make_epg_problem(discrete, 2, true, true);
    Graph graph(Dtype::f64, Graph::Mode::eager);
    const Tensor x =
        loss_inputs(epg_inputs(graph, problem.theta), problem.spec, epg_inputs(graph, problem.buffer)).value();
    for (int b = 0; b < 2; ++b)
      for (int r = 0; r < 9; ++r) {
        double sum = 0;
        for (int c = 0; c < x.shape().cols; ++c) sum += std::abs(x.at(b, r, c));
        CHECK((sum == 0) == (problem.buffer["mask"].at(b, r, 0) == 0));
      }

    // Other numbers on padding: the same gradient, bit for bit.
    const Tensors before = epg_gradient(problem);
    problem.buffer["inputs"].set(0, 1, 0, std::numeric_limits<double>::quiet_NaN());
    for (const char* name : {"inputs", "observations"})
      for (int c = 0; c < 2; ++c) {
        problem.buffer[name].set(0, 0, c, 1e6);
        problem.buffer[name].set(1, 0, c, -3);
      }
    CHECK(bitwise_equal(epg_gradient(problem), before));
    // On a row that is a step they matter.
    problem.buffer["inputs"].set(0, 5, 0, 1e3);
    CHECK(!bitwise_equal(epg_gradient(problem), before));
  }
}

TEST_CASE("[EPG eq. loss] [EPG eq. context] θ is reached by two ways, each as its differences say, and they add up") {
  const EpgProblem problem = make_epg_problem(false, 0, true, false);
  // One way at a time: the other sees the same numbers as data.
  const auto case_of = [&](const char* name, bool rows, bool context) {
    CheckCase c{.name = name, .subject = "epg", .inputs = {}, .build = {}};
    for (std::size_t k = 0; k < problem.theta.count(); ++k)
      c.inputs.push_back({"theta/" + problem.theta.name(k), problem.theta[k], true});
    for (const auto& [prefix, list] : {std::pair{"phi/", &problem.phi}, {"buffer/", &problem.buffer},
                                       {"data/", &problem.theta}})
      for (std::size_t k = 0; k < list->count(); ++k) c.inputs.push_back({prefix + list->name(k), (*list)[k], false});
    c.inputs.push_back({"index", problem.index, false});
    c.inputs.push_back({"weights", problem.weights, false});
    c.every_input_matters = true;
    c.build = [spec = problem.spec, rows, context](const Vars& in) {
      const auto x = [&](bool live) {
        return loss_inputs(in.below(live ? "theta/" : "data/"), spec, in.below("buffer/"));
      };
      const Var C = loss_context(in.below("phi/"), spec.loss, x(context));
      return std::vector<Var>{sum_tasks(learned_loss(in.below("phi/"), spec.loss, gather_rows(x(rows), in["index"]),
                                                     C, in["weights"]))};
    };
    return c;
  };
  const auto gradient_of = [&](const CheckCase& c) {
    Graph graph(Dtype::f64, Graph::Mode::eager);
    Vars in;
    std::vector<Var> wrt;
    for (const CheckInput& input : c.inputs) {
      in.add(input.name, graph.input(input.value, input.name));
      if (input.differentiated) wrt.push_back(in[input.name]);
    }
    Tensors g;
    const std::vector<Var> out = grad(c.build(in)[0], wrt);
    for (std::size_t k = 0; k < out.size(); ++k) g.add(std::to_string(k), out[k].value());
    return g;
  };
  const CheckCase rows = case_of("rows", true, false), context = case_of("context", false, true),
                  both = case_of("both", true, true);
  for (const CheckCase* c : {&rows, &context}) {
    const CheckReport report = run_check(*c, {.second_order = false, .f32 = false});
    CAPTURE(report.sentence);
    CHECK(report.ok);
  }
  const Tensors sum = gradient_of(rows) + gradient_of(context), whole = gradient_of(both);
  for (std::size_t k = 0; k < whole.count(); ++k) CHECK(relative_error(sum[k], whole[k]) < 1e-12);
  CHECK(norm(gradient_of(rows)) > 1e-3);
  CHECK(norm(gradient_of(context)) > 1e-3);
}

TEST_CASE("the memory reaches the loss through the rows alone; in the context it is data") {
  EpgProblem problem = make_epg_problem(false, 2, true, false);
  CHECK(norm([&] {
          Tensors t;
          t.add("m", epg_gradient(problem)["memory"]);
          return t;
        }()) > 1e-3);
  // A head that does not look at the memory of a row: the context still does, but nothing flows back.
  Tensor& W = problem.phi["loss/hidden/W"];
  const int first = problem.spec.loss.features - 2;
  for (int c = 0; c < W.shape().cols; ++c) W.set(0, first, c, 0), W.set(0, first + 1, c, 0);
  const Tensor blind = epg_gradient(problem)["memory"];
  for (int b = 0; b < 2; ++b)
    for (int k = 0; k < 2; ++k) CHECK(blind.at(b, 0, k) == 0);
  const auto value = [&] {
    Graph graph(Dtype::f64, Graph::Mode::eager);
    return epg_loss(epg_inputs(graph, problem.phi), epg_inputs(graph, problem.theta), problem.spec,
                    epg_inputs(graph, problem.buffer), graph.constant(problem.index), graph.constant(problem.weights),
                    graph.constant(problem.alpha)).value();
  };
  const Tensor before = value();
  problem.theta["memory"].set(0, 0, 0, 2);
  CHECK(!bitwise_equal(value(), before));
}

TEST_CASE("[EPG eq. mix] the gradient is (1 − α) times that of L_φ and α times that of PPO's loss") {
  for (const bool discrete : {false, true}) {
    EpgProblem problem = make_epg_problem(discrete, 0, true, true);
    const auto at = [&](double alpha) {
      problem.alpha = Tensor::scalar(alpha);
      return epg_gradient(problem);
    };
    const Tensors learned = at(0), ppo = at(1), mixed = at(0.3);
    const Tensors expected = 0.7 * learned + 0.3 * ppo;
    for (std::size_t k = 0; k < mixed.count(); ++k) CHECK(relative_error(mixed[k], expected[k]) < 1e-12);
    // The ends are what the programs without the other part compute.
    for (const bool only_learned : {true, false}) {
      EpgProblem alone = make_epg_problem(discrete, 0, only_learned, !only_learned);
      alone.alpha = Tensor::scalar(only_learned ? 0 : 1);
      const Tensors one = epg_gradient(alone);
      for (std::size_t k = 0; k < one.count(); ++k)
        CHECK(relative_error(one[k], (only_learned ? learned : ppo)[k]) < 1e-12);
    }
  }
}

TEST_CASE("minibatches are the new steps, each once in a pass, and never padding") {
  // Two tasks: seven new steps and four, in a buffer of ten, in two parts.
  const std::vector<std::vector<int>> order{{6, 0, 3, 1, 5, 2, 4}, {2, 0, 3, 1}};
  std::vector<std::vector<int>> met(2);
  for (int part = 0; part < 2; ++part) {
    const Minibatch batch = minibatch_of(order, part, 2, 10, Dtype::f64);
    CHECK(batch.index.shape() == Shape{2, 4, 1});
    for (int b = 0; b < 2; ++b) {
      double sum = 0;
      for (int k = 0; k < 4; ++k) {
        const int row = static_cast<int>(batch.index.at(b, k, 0));
        CHECK(row >= (b == 0 ? 3 : 6));  // the new steps end the buffer
        sum += batch.weights.at(b, k, 0);
        if (batch.weights.at(b, k, 0) > 0) met[static_cast<std::size_t>(b)].push_back(row);
      }
      CHECK(sum == Approx(1));
    }
  }
  for (std::size_t b = 0; b < 2; ++b) {
    std::ranges::sort(met[b]);
    std::vector<int> all(order[b].size());
    std::iota(all.begin(), all.end(), 10 - static_cast<int>(all.size()));
    CHECK(met[b] == all);
  }
}

TEST_CASE("a buffer of 512 and 64 steps per update: the first update works, the newest steps last, in order") {
  // In the official code, at its defaults, rewards of 64 steps are written into a column of 512, and the run ends.
  EpgInnerConfig config = small_lifetime();
  config.buffer = 512;
  config.episodes = 2;
  const EpgInnerLoop loop(config, 1);
  const ParamValues phi = init_loss(loop.spec().loss, 1);
  const std::vector<envs::Task> tasks = epg_tasks("mass-right-v1", 2);
  EpgState state = loop.start(0, 2);
  for (int u = 0; u < 2; ++u) {
    const rl::Trajectories explored = live_on(loop, state, phi, tasks, 0, u, 2);
    for (int b = 0; b < 2; ++b) {
      for (int r = 0; r < 64; ++r) {
        CHECK(state.buffer["rewards"].at(b, 448 + r, 0) == explored.rewards.at(b, r, 0));
        CHECK(state.buffer["observations"].at(b, 448 + r, 3) == explored.observations.at(b, r, 3));
        CHECK(state.buffer["ends"].at(b, 448 + r, 0) == (r % 32 == 31 ? 1 : 0));
      }
      for (int r = 0; r < 512; ++r) CHECK(state.buffer["mask"].at(b, r, 0) == (r >= 512 - 64 * (u + 1) ? 1 : 0));
    }
  }
}

TEST_CASE("every step is counted once by the normaliser, and what the loss sees of rewards is normalised") {
  // The official code counts the whole buffer at every update, and writes rewards back as they were.
  const EpgInnerConfig config = small_lifetime();  // the buffer holds two updates
  const EpgInnerLoop loop(config, 1);
  const ParamValues phi = init_loss(loop.spec().loss, 1);
  const std::vector<envs::Task> tasks = epg_tasks("mass-right-v1", 2);
  EpgState state = loop.start(0, 2);
  std::vector<double> rewards;
  for (int u = 0; u < 4; ++u) {
    const rl::Trajectories explored = live_on(loop, state, phi, tasks, 0, u);
    for (int r = 0; r < 32; ++r) rewards.push_back(explored.rewards.at(1, r, 0));
  }
  const Tensor moments = rl::save(state.normalisers[1])["normaliser"];
  const int last = moments.shape().cols - 1;  // the reward
  CHECK(moments.at(0, 0, last) == 4 * 32);
  const double mean = std::accumulate(rewards.begin(), rewards.end(), 0.0) / 128;
  CHECK(moments.at(0, 1, last) == Approx(mean));

  const BatchValues seen = loop.loss_batch(state, loop.spec());
  double squares = 0;
  for (const double r : rewards) squares += (r - mean) * (r - mean) / 128;
  for (int r = 0; r < 64; ++r) {
    const double normalised = (rewards[static_cast<std::size_t>(64 + r)] - mean) / std::sqrt(squares);
    CHECK(seen["inputs"].at(1, r, last) == Approx(normalised).margin(1e-6));
    CHECK(seen["inputs"].at(1, r, last + 1) == (r % 32 == 31 ? 1 : 0));  // the flag is as it is
  }
}

TEST_CASE("PPO's old policy is the one that acted") {
  // The official code asks the policy again, after its normaliser has moved.
  const EpgInnerLoop loop(small_lifetime(), 1);
  const ParamValues phi = init_loss(loop.spec().loss, 1);
  const std::vector<envs::Task> tasks = epg_tasks("mass-right-v1", 1);
  EpgState state = loop.start(0, 1);
  for (int u = 0; u < 3; ++u) {
    const ParamValues acted = state.theta;
    const rl::Trajectories explored = live_on(loop, state, phi, tasks, 1, u);
    const EpgFunctions functions;
    const auto log_prob = [&](const ParamValues& theta) {
      return functions.log_prob(loop.spec(), {theta, explored.observations, explored.actions})[0][0];
    };
    const Tensor then = log_prob(acted), now = log_prob(state.theta);
    double moved = 0;
    for (int r = 0; r < 32; ++r) {
      CHECK(state.buffer["old_log_prob"].at(0, 32 + r, 0) == then.at(0, r, 0));
      moved += std::abs(now.at(0, r, 0) - then.at(0, r, 0));
    }
    CHECK(moved > 1e-3);
  }
}

TEST_CASE("goals are drawn on both sides of the circle, or on the one that the name says") {
  // The official code's directions are randint(0, 1): always the same one.
  const auto count_right = [](const char* env) {
    int right = 0;
    for (std::uint32_t i = 0; i < 400; ++i)
      right += envs::sample_task(envs::find_env(env), 1, Purpose::task, 0, i)[0] > 0;
    return right;
  };
  CHECK(count_right("mass-right-v1") == 400);
  CHECK(count_right("mass-left-v1") == 0);
  CHECK(std::abs(count_right("mass-circle-v1") - 200) < 40);  // four deviations
  CHECK(count_right("unicycle-right-v1") == 400);
  CHECK(count_right("unicycle-left-v1") == 0);
}

TEST_CASE("any number of actions, and episodes of any length, learn on both losses") {
  // The official code's discrete policies have four actions, whatever the environment.
  for (const char* env : {"cartpole-v1", "acrobot-v1"}) {
    EpgInnerConfig config = small_lifetime();
    config.env = env;
    config.episodes = 2;
    const EpgInnerLoop loop(config, 1);
    CHECK(loop.spec().policy.net.outputs == (std::string_view(env) == "cartpole-v1" ? 2 : 3));
    const ParamValues phi = init_loss(loop.spec().loss, 1);
    const std::vector<envs::Task> tasks = epg_tasks(env, 2);
    for (const double alpha : {0.0, 0.5, 1.0}) {
      EpgState state = loop.start(0, 2);
      const ParamValues before = state.theta;
      live_on(loop, state, phi, tasks, alpha, 0, 2);
      CHECK(norm(state.theta - before) > 1e-3);
      // One column of the action's is 1.
      const BatchValues seen = loop.loss_batch(state, loop.spec());
      const int O = loop.env().spec.obs_size, A = loop.env().spec.action_count;
      double ones = 0;
      for (int a = 0; a < A; ++a) ones += seen["inputs"].at(0, 63, O + 1 + a);
      CHECK(ones == 1);
    }
  }
}

TEST_CASE("a lifetime is a function of its loss alone: same tasks, same beginnings, same noise for every individual") {
  // In the official code every perturbation has other tasks, and seeds come from the clock.
  const EpgInnerLoop loop(small_lifetime(), 1), again(small_lifetime(), 1);
  const std::vector<envs::Task> tasks = epg_tasks("mass-right-v1", 3);
  const ParamValues one = init_loss(loop.spec().loss, 1), other = init_loss(loop.spec().loss, 2);
  const auto live = [&](const EpgInnerLoop& on, const ParamValues& phi, std::uint32_t iteration) {
    return on.live(phi, tasks, 0, 2, iteration, on.settings());
  };
  const auto a = live(loop, one, 5), b = live(again, one, 5), c = live(loop, other, 5);
  CHECK(a.returns == b.returns);
  CHECK(a.last == b.last);
  CHECK(a.returns[0] == c.returns[0]);  // nobody has learned yet
  CHECK(a.returns[2] != c.returns[2]);
  CHECK(live(loop, one, 6).returns[0] != a.returns[0]);
  // Policies of one iteration begin apart.
  const EpgState state = loop.start(5, 2);
  CHECK(state.theta["policy/W1"].at(0, 0, 0) != state.theta["policy/W1"].at(1, 0, 0));
}

TEST_CASE("a learner within a lifetime is packed and unpacked without loss") {
  const EpgInnerConfig config = [] {
    EpgInnerConfig c = small_lifetime();
    c.memory = 3;
    c.dtype = Dtype::f32;
    return c;
  }();
  const EpgInnerLoop loop(config, 1);
  const ParamValues phi = init_loss(loop.spec().loss, 1, Dtype::f32);
  const std::vector<envs::Task> tasks = epg_tasks("mass-right-v1", 2);
  EpgState state = loop.start(0, 2);
  live_on(loop, state, phi, tasks, 0.5, 0);
  EpgState back = EpgState::unpacked(state.packed());
  CHECK(bitwise_equal(back.packed(), state.packed()));
  live_on(loop, state, phi, tasks, 0.5, 1), live_on(loop, back, phi, tasks, 0.5, 1);
  CHECK(bitwise_equal(back.packed(), state.packed()));
}

TEST_CASE("what the loss is shown: nothing but the sign of the rewards differs; shown nothing, they do not matter") {
  const auto seen = [](RewardInput shown) {
    EpgInnerConfig config = small_lifetime();
    config.reward_input = shown;
    const EpgInnerLoop loop(config, 1);
    EpgState state = loop.start(0, 1);
    live_on(loop, state, init_loss(loop.spec().loss, 1), epg_tasks("mass-right-v1", 1), 0, 0);
    return loop.loss_batch(state, loop.spec())["inputs"];
  };
  const Tensor plain = seen(RewardInput::plain), negated = seen(RewardInput::negated), zero = seen(RewardInput::zero);
  const int reward = 6;  // after four numbers of the state and two of the action
  for (int r = 32; r < 64; ++r)
    for (int c = 0; c < plain.shape().cols; ++c) {
      CHECK(negated.at(0, r, c) == (c == reward ? -plain.at(0, r, c) : plain.at(0, r, c)));
      CHECK(zero.at(0, r, c) == (c == reward ? 0 : plain.at(0, r, c)));
    }
  CHECK(std::abs(plain.at(0, 40, reward)) > 1e-3);
}

TEST_CASE("settings that evolve: learning rate and σ by factors, γ and λ by their odds") {
  const EpgInnerLoop loop(small_lifetime(), 1);
  const LearnerSettings base = loop.settings();
  const LearnerSettings moved = base.moved(std::vector{std::log(2.0), std::log(0.5), std::log(3.0), 0.0});
  CHECK(moved.learning_rate == Approx(2 * base.learning_rate));
  CHECK(moved.sigma == Approx(base.sigma / 2));
  CHECK(moved.gamma / (1 - moved.gamma) == Approx(3 * 0.99 / 0.01));
  CHECK(moved.lambda == Approx(base.lambda));
  CHECK_THROWS_WITH(base.moved(std::vector{0.0}), ContainsSubstring("four numbers"));
  const EpgState state = loop.start(0, 1, moved);
  CHECK(state.theta["policy/log_sigma"].at(0, 0, 1) == Approx(std::log(moved.sigma)));
}

TEST_CASE("epg refuses buffers shorter than a window, and environments that do not fit") {
  EpgInnerConfig config = small_lifetime();
  config.buffer = 20;
  CHECK_THROWS_WITH(EpgInnerLoop(config, 1), ContainsSubstring("buffer of 20 steps") && ContainsSubstring("21"));
  config.buffer = 64;
  config.test_env = "cartpole-v1";
  CHECK_THROWS_WITH(EpgInnerLoop(config, 1), ContainsSubstring("test_env"));
  config.test_env = "";
  config.loss_channels = {3};
  CHECK_THROWS_WITH(EpgInnerLoop(config, 1), ContainsSubstring("two numbers"));
}

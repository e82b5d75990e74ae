// The adaptation protocol: what is read, what is evaluated, and what is counted.
#include "rl/experience/protocol.h"

#include <cmath>

#include "envs/table.h"
#include "nn/policy.h"
#include "rl/dqn.h"
#include "rl/experience/on_policy.h"
#include "rl/policy_gradient.h"
#include "rl/ppo.h"
#include "rl/q_learning.h"
#include "rl/sac_trainer.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::rl;

namespace {

constexpr Evaluation evaluations[] = {Evaluation::exploration, Evaluation::sampled, Evaluation::deterministic};

AdaptRequest small_request(Evaluation evaluation) {
  return {.tasks = Tensor::from({1, 2, 2}, std::vector<double>{0.3, 0.2, -0.4, 0.1}),
          .steps = 2,
          .trajectories = 6,
          .paths = 1,
          .seed = 3,
          .evaluation = evaluation,
          .evaluation_trajectories = 4};
}

// A policy that adapts by gradient steps, in double precision.
struct Plain {
  OnPolicyConfig config = [] {
    OnPolicyConfig c;
    c.hidden = {8};
    c.adapt_rate = 0.5;
    c.dtype = Dtype::f64;
    return c;
  }();
  OnPolicySource source{config, 1};
  ParamValues theta = nn::init_policy(source.policy(), 1, Dtype::f64);
  AdaptiveLearner learner = policy_gradient_learner(source, theta);
};

// The same learner, which writes down every call.
struct Recorded {
  AdaptiveLearner learner;
  std::vector<Tensors> known;  // after each update
  std::vector<std::uint32_t> explorations, evaluations;  // inner step of each call of act
  std::vector<bool> deterministic;
  std::vector<int> updates;  // k of each call
  explicit Recorded(const AdaptiveLearner& inner, bool poison = false) : learner(inner) {
    learner.act = [this, inner, poison](const Tensors& knowledge, const std::vector<envs::Task>& tasks, int episodes,
                                        const RolloutPlace& place, bool mean) {
      Trajectories all = inner.act(knowledge, tasks, episodes, place, mean);
      (place.iteration == 1 ? evaluations : explorations).push_back(place.inner_step);
      if (place.iteration == 1) deterministic.push_back(mean);
      if (poison && place.iteration == 1) {
        for (double& r : all.returns) r = std::nan("");
        for (Tensor* t : {&all.rewards, &all.actions, &all.observations})
          *t = Tensor::full(t->shape(), std::nan(""), t->dtype());
      }
      return all;
    };
    learner.update = [this, inner](const Tensors& knowledge, const Trajectories& explored, int k) {
      updates.push_back(k);
      known.push_back(inner.update(knowledge, explored, k));
      return known.back();
    };
  }
};

// A learner that is nothing but the protocol: its knowledge counts the episodes it has seen, and is what it earns.
// Episodes have 10 steps in task 0 and 20 in task 1.
AdaptiveLearner counting_learner() {
  AdaptiveLearner learner;
  learner.update_time = UpdateTime::after_episode;
  learner.start = [](int tasks) {
    Tensors knowledge;
    knowledge.add("episodes", Tensor({tasks, 1, 1}));
    return knowledge;
  };
  learner.act = [](const Tensors& knowledge, const std::vector<envs::Task>& tasks, int episodes, const RolloutPlace&,
                   bool) {
    Trajectories all;
    all.tasks = static_cast<int>(tasks.size());
    all.per_task = episodes;
    for (int task = 0; task < all.tasks; ++task)
      for (int n = 0; n < episodes; ++n) {
        all.lengths.push_back(10 * (task + 1));
        all.returns.push_back(knowledge[0].at(task, 0, 0));
      }
    all.mask = Tensor({all.tasks, 256, 1});
    return all;
  };
  learner.update = [](const Tensors& knowledge, const Trajectories& explored, int) {
    REQUIRE(explored.per_task == 1);
    Tensors next = knowledge;
    for (int task = 0; task < explored.tasks; ++task) next[0].set(task, 0, 0, knowledge[0].at(task, 0, 0) + 1);
    return next;
  };
  return learner;
}

}  // namespace

TEST_CASE("protocol: evaluation is a function of the knowledge and nothing else", "[rl][protocol]") {
  // A learner that learns nothing is evaluated the same at every k, though it explores anew each time; what it explores
  // differs from k to k.
  Plain plain;
  AdaptiveLearner idle = plain.learner;
  idle.update = [](const Tensors& knowledge, const Trajectories&, int) { return knowledge; };
  for (const Evaluation evaluation : {Evaluation::sampled, Evaluation::deterministic}) {
    const AdaptReport report = AdaptationProtocol{small_request(evaluation)}.run(idle);
    for (int task : {0, 1})
      for (int k : {1, 2}) CHECK(report.returns.at(0, task, k) == report.returns.at(0, task, 0));
  }
  const AdaptReport explored = AdaptationProtocol{small_request(Evaluation::exploration)}.run(idle);
  CHECK(explored.returns.at(0, 0, 1) != explored.returns.at(0, 0, 0));

  // What was explored, and how much of it, does not matter either: the zero-shot point is the same for all.
  AdaptRequest longer = small_request(Evaluation::sampled);
  const double zero_shot = AdaptationProtocol{longer}.run(plain.learner).returns.at(0, 1, 0);
  longer.trajectories = 11;
  CHECK(AdaptationProtocol{longer}.run(plain.learner).returns.at(0, 1, 0) == zero_shot);
  longer.steps = 0;
  CHECK(AdaptationProtocol{longer}.run(plain.learner).returns.at(0, 1, 0) == zero_shot);
}

TEST_CASE("protocol: adaptation reads exploration data only: poisoned evaluation changes nothing", "[rl][protocol]") {
  Plain plain;
  for (const Evaluation evaluation : {Evaluation::sampled, Evaluation::deterministic}) {
    Recorded clean(plain.learner), poisoned(plain.learner, true);
    const AdaptReport good = AdaptationProtocol{small_request(evaluation)}.run(clean.learner);
    const AdaptReport bad = AdaptationProtocol{small_request(evaluation)}.run(poisoned.learner);
    CHECK(good.returns.all_finite());
    CHECK(std::isnan(bad.returns.at(0, 0, 0)));  // the poison was there to be read
    CHECK(std::isnan(bad.returns.at(0, 1, 2)));
    REQUIRE(clean.known.size() == 2);
    REQUIRE(poisoned.known.size() == 2);
    for (std::size_t k : {0, 1}) {
      CHECK(bitwise_equal(clean.known[k], poisoned.known[k]));
      CHECK(clean.known[k].all_finite());
    }
    CHECK_FALSE(bitwise_equal(clean.known[0], clean.known[1]));
  }
}

TEST_CASE("protocol: the knowledge is the same however it is evaluated", "[rl][protocol]") {
  Plain plain;
  Recorded first(plain.learner);
  AdaptationProtocol{small_request(Evaluation::exploration)}.run(first.learner);
  CHECK(first.evaluations.empty());
  CHECK(first.explorations == std::vector<std::uint32_t>{0, 1, 2});  // the last one is evaluated and teaches nothing
  for (const Evaluation evaluation : {Evaluation::sampled, Evaluation::deterministic}) {
    Recorded other(plain.learner);
    AdaptationProtocol{small_request(evaluation)}.run(other.learner);
    REQUIRE(other.known.size() == 2);
    for (std::size_t k : {0, 1}) CHECK(bitwise_equal(first.known[k], other.known[k]));
    CHECK(other.updates == std::vector<int>{0, 1});
    CHECK(other.explorations == std::vector<std::uint32_t>{0, 1});
    CHECK(other.evaluations == std::vector<std::uint32_t>{0, 0, 0});  // the same starts and noise at every k
    CHECK(other.deterministic == std::vector<bool>(3, evaluation == Evaluation::deterministic));
  }
}

TEST_CASE("protocol: environment steps are those explored before each point, evaluation costs none", "[rl][protocol]") {
  Plain plain;
  for (const Evaluation evaluation : evaluations) {
    Recorded recorded(plain.learner);
    std::vector<double> lengths(2, 0);
    const auto act = recorded.learner.act;
    AdaptRequest request = small_request(evaluation);
    int batches = 0;
    recorded.learner.act = [&](const Tensors& knowledge, const std::vector<envs::Task>& tasks, int episodes,
                               const RolloutPlace& place, bool mean) {
      Trajectories all = act(knowledge, tasks, episodes, place, mean);
      if (place.iteration == 0 && batches++ < request.steps)
        for (int task : {0, 1})
          for (int n = 0; n < episodes; ++n)
            lengths[static_cast<std::size_t>(task)] += all.lengths[static_cast<std::size_t>(all.lane(task, n))];
      return all;
    };
    const AdaptReport report = AdaptationProtocol{request}.run(recorded.learner);
    for (int task : {0, 1}) {
      CHECK(report.env_steps.at(0, task, 0) == 0);
      CHECK(report.env_steps.at(0, task, 1) > 0);
      CHECK(report.env_steps.at(0, task, 1) <= 6 * 100);
      CHECK(report.env_steps.at(0, task, 2) == lengths[static_cast<std::size_t>(task)]);
    }
    CHECK(report.paths.size() == 2 * 3);  // two tasks, K = 0, 1, 2
  }
}

TEST_CASE("protocol: a learner that updates after each episode explores the next one knowing more", "[rl][protocol]") {
  // Three episodes between points: the knowledge has seen 0, 3, 6 of them, of 10 steps in task 0 and 20 in task 1.
  AdaptRequest request = small_request(Evaluation::sampled);
  request.trajectories = 3;
  request.paths = 0;
  for (const Evaluation evaluation : evaluations) {
    request.evaluation = evaluation;
    const AdaptReport report = AdaptationProtocol{request}.run(counting_learner());
    for (int task : {0, 1})
      for (int k : {0, 1, 2}) {
        CHECK(report.returns.at(0, task, k) == 3 * k);
        CHECK(report.env_steps.at(0, task, k) == 30 * k * (task + 1));
      }
  }
}

TEST_CASE("protocol: a deterministic policy earns the same in one episode and in many where nothing else is random",
          "[rl][protocol]") {
  Plain plain;
  AdaptRequest request = small_request(Evaluation::deterministic);
  const AdaptReport many = AdaptationProtocol{request}.run(plain.learner);
  request.evaluation_trajectories = 1;
  const AdaptReport one = AdaptationProtocol{request}.run(plain.learner);
  for (int k : {0, 1, 2}) CHECK(many.returns.at(0, 0, k) == Approx(one.returns.at(0, 0, k)).epsilon(1e-12));
}

namespace {

std::unique_ptr<Trainer> untrained(const AlgorithmRow& row,
                                   std::initializer_list<std::pair<const char*, OptionValue>> settings) {
  OptionValues values = default_values(row.options);
  for (const auto& [name, value] : settings) values.set(name, value);
  return row.make(values, 1);
}

}  // namespace

TEST_CASE("protocol: algorithms that do not adapt go through it too, from the same starts", "[rl][protocol]") {
  const OptionValue narrow = std::vector<std::int64_t>{8}, half = 0.5;
  struct Instance { const AlgorithmRow* row; const char* env; int horizon; };
  for (const auto& [row, env, horizon] : {Instance{&sac, "pendulum-v1", 200}, Instance{&dqn, "cartpole-v1", 500},
                                          Instance{&q_learning, "gridworld-v1", 100}}) {
    CAPTURE(row->name);
    const OptionValue name = std::string(env);
    std::unique_ptr<Trainer> trainer =
        row == &sac   ? untrained(*row, {{"env", name}, {"hidden", narrow}})
        : row == &dqn ? untrained(*row, {{"env", name}, {"hidden", narrow}, {"epsilon", half}})
                      : untrained(*row, {{"env", name}, {"epsilon", half}});
    const std::unique_ptr<Trainer> other =
        untrained(ppo, {{"env", name}, {"hidden", narrow}, {"dtype", std::string("f64")}});

    // Two tasks, K = 2, three episodes explored for each point and four evaluated.
    AdaptRequest request = small_request(Evaluation::sampled);
    std::vector<double> tasks;
    for (std::uint32_t n : {0, 1})
      for (double x : envs::sample_task(envs::find_env(env), 2, Purpose::test_task, 0, n)) tasks.push_back(x);
    request.tasks = Tensor::from({1, 2, static_cast<int>(tasks.size() / 2)}, tasks);
    request.trajectories = request.paths = 3;
    AdaptReport reports[3];
    for (const Evaluation evaluation : evaluations) {
      request.evaluation = evaluation;
      AdaptReport& report = reports[static_cast<int>(evaluation)];
      report = trainer->adapt(request);

      // The same starts as another learner's.
      const AdaptReport theirs = other->adapt(request);
      REQUIRE(report.paths.size() == theirs.paths.size());
      for (std::size_t n = 0; n < report.paths.size(); ++n)
        for (int k = 0; k < report.paths[n].observations.shape().cols; ++k)
          REQUIRE(report.paths[n].observations.at(0, 0, k) == theirs.paths[n].observations.at(0, 0, k));

      // What was explored is counted: episodes of the pendulum last 200 steps, the others end by themselves.
      REQUIRE(report.env_steps.shape() == Shape{1, 2, 3});
      for (int task : {0, 1}) {
        CHECK(report.env_steps.at(0, task, 0) == 0);
        for (int k : {1, 2}) {
          const double steps = report.env_steps.at(0, task, k) - report.env_steps.at(0, task, k - 1);
          if (row == &sac) CHECK(steps == 3 * 200);
          CHECK((steps >= 3 && steps <= 3 * horizon));
        }
        // Nothing is learned: evaluated on fresh episodes, all points are the same; explored ones differ.
        const bool same = report.returns.at(0, task, 2) == report.returns.at(0, task, 0);
        if (evaluation != Evaluation::exploration) CHECK(same);
      }
    }
    const auto at = [&](Evaluation e, int k) { return reports[static_cast<int>(e)].returns.at(0, 0, k); };
    CHECK(at(Evaluation::sampled, 0) != at(Evaluation::deterministic, 0));
    CHECK(at(Evaluation::exploration, 0) != at(Evaluation::exploration, 1));
  }
}

TEST_CASE("protocol: nothing to adapt to, or no data, is an error", "[rl][protocol]") {
  AdaptRequest request = small_request(Evaluation::sampled);
  request.trajectories = 0;
  CHECK_THROWS_WITH(AdaptationProtocol{request}.run(counting_learner()),
                    Catch::Matchers::ContainsSubstring("trajectories"));
  request = small_request(Evaluation::sampled);
  request.tasks = Tensor({1, 0, 2});
  CHECK_THROWS_WITH(AdaptationProtocol{request}.run(counting_learner()), Catch::Matchers::ContainsSubstring("no task"));
}

TEST_CASE("protocol: who reached the goal is counted by where the judged episodes end", "[rl][protocol]") {
  // Six episodes of each task. Task 0: as many end 0.5 to the right of the goal as updates were made, the others 0.6;
  // task 1: all end on the goal.
  AdaptiveLearner learner;
  learner.start = [](int) {
    Tensors latent;
    latent.add("updates", Tensor::scalar(0));
    return latent;
  };
  learner.act = [](const Tensors& latent, const std::vector<envs::Task>& tasks, int episodes, const RolloutPlace&,
                   bool) {
    Trajectories all;
    all.tasks = static_cast<int>(tasks.size());
    all.per_task = episodes;
    all.last_observations = Tensor({all.tasks, episodes, 3});
    for (int task = 0; task < all.tasks; ++task)
      for (int n = 0; n < episodes; ++n) {
        all.lengths.push_back(1);
        all.returns.push_back(0);
        const double off = task == 1 ? 0 : (n < latent[0].item() ? 0.5 : 0.6);
        all.last_observations.set(task, n, 0, tasks[static_cast<std::size_t>(task)][0] + off);
        all.last_observations.set(task, n, 1, tasks[static_cast<std::size_t>(task)][1]);
        all.last_observations.set(task, n, 2, 77);  // no part of a position
      }
    return all;
  };
  learner.update = [](const Tensors& latent, const Trajectories&, int) {
    Tensors next = latent;
    next[0] = Tensor::scalar(latent[0].item() + 1);
    return next;
  };
  AdaptRequest request = small_request(Evaluation::exploration);
  request.tasks = Tensor::from({1, 2, 2}, std::vector<double>{0.25, 0.5, -0.5, 0.25});
  request.paths = 0;
  CHECK(AdaptationProtocol{request}.run(learner).reached.empty());
  request.goal_radius = 0.5;
  const AdaptReport report = AdaptationProtocol{request}.run(learner);
  for (int k = 0; k <= 2; ++k) {
    CHECK(report.reached.at(0, 0, k) == k / 6.0);
    CHECK(report.reached.at(0, 1, k) == 1);
  }
}

#include "meta/mdp_baselines.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "envs/table.h"
#include "kernels/require.h"
#include "kernels/threads.h"

namespace innerloop::meta {
namespace {

constexpr int S = mdp_states, A = mdp_actions, H = mdp_horizon;

// Gamma(shape, 1) for a whole shape ≥ 1: a sum of exponentials, or Marsaglia and Tsang 2000 where that takes long.
double draw_gamma(int shape, Philox& random) {
  if (shape <= 8) {
    double product = 1;
    for (int i = 0; i < shape; ++i) product *= 1 - random.uniform();
    return -std::log(product);
  }
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = random.normal(), root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

// Runs body(s, a) for all pairs.
template <class Body>
void for_each_pair(Body body) {
  for (int s = 0; s < S; ++s)
    for (int a = 0; a < A; ++a) body(s, a);
}

}  // namespace

// ---- Posterior and planning

void MdpPosterior::observe(int s, int a, double reward, int next) {
  ++visits[s][a];
  ++transitions[s][a][next];
  reward_sum[s][a] += reward;
}

MdpModel MdpPosterior::mean_model() const {
  MdpModel model{};
  for_each_pair([&](int s, int a) {
    model.reward[s][a] = mean_reward(s, a);
    for (int next = 0; next < S; ++next)
      model.transition[s][a][next] = (1.0 + transitions[s][a][next]) / (S + visits[s][a]);
  });
  return model;
}

MdpModel MdpPosterior::sample_model(Philox& random) const {
  MdpModel model{};
  for_each_pair([&](int s, int a) {
    model.reward[s][a] = mean_reward(s, a) + random.normal() / std::sqrt(1.0 + visits[s][a]);
    // Dirichlet(α): independent Gamma(α_i), divided by their sum.
    double sum = 0;
    for (int next = 0; next < S; ++next)
      sum += model.transition[s][a][next] = draw_gamma(1 + transitions[s][a][next], random);
    for (double& p : model.transition[s][a]) p /= sum;
  });
  return model;
}

int MdpPlan::best(int t, int s) const {
  return static_cast<int>(std::max_element(q[t][s], q[t][s] + A) - q[t][s]);
}
double MdpPlan::value(int t, int s) const { return *std::max_element(q[t][s], q[t][s] + A); }

namespace {

// [MDP-baselines eq. induction]  Q_t(s, a) = R(s, a) + Σ_s' P(s'|s, a)·max_a' Q_{t+1}(s', a'),  Q_H = 0
// `expected(s, a, v)` gives the sum over s'.
template <class Expected>
MdpPlan induce(const double (&reward)[S][A], int from, Expected expected) {
  MdpPlan plan;
  std::array<double, S> v{};
  for (int t = H - 1; t >= from; --t) {
    for_each_pair([&](int s, int a) { plan.q[t][s][a] = reward[s][a] + (t + 1 < H ? expected(s, a, v) : 0); });
    for (int s = 0; s < S; ++s) v[static_cast<std::size_t>(s)] = plan.value(t, s);
  }
  return plan;
}

}  // namespace

MdpPlan plan_for(const MdpModel& model, int from) {
  return induce(model.reward, from, [&](int s, int a, const std::array<double, S>& v) {
    double sum = 0;
    for (int next = 0; next < S; ++next) sum += model.transition[s][a][next] * v[static_cast<std::size_t>(next)];
    return sum;
  });
}

// ---- The agents

Philox MdpLuck::draw(int k) const {
  Place own = place;
  own.trajectory = static_cast<std::uint32_t>(k);
  return Philox(seed, own);
}

MdpAgent random_agent() {
  return {.plan = [](const MdpPosterior&, int, int, const MdpLuck&) { return MdpPlan{}; }, .epsilon = 1};
}

MdpAgent greedy_agent(bool every_step) {
  return {.plan = [](const MdpPosterior& known, int, int from, const MdpLuck&) {
            return plan_for(known.mean_model(), from);
          },
          .every_step = every_step};
}

MdpAgent epsilon_greedy_agent(double epsilon) {
  MdpAgent agent = greedy_agent();
  agent.epsilon = epsilon;
  return agent;
}

MdpAgent psrl() { return opsrl(1); }

MdpAgent opsrl(int draws) {
  return {.plan = [draws](const MdpPosterior& known, int, int, const MdpLuck& luck) {
    MdpPlan highest;
    for (int k = 0; k < draws; ++k) {
      Philox random = luck.draw(k);
      const MdpPlan plan = plan_for(known.sample_model(random));
      for (int t = 0; t < H; ++t)
        for_each_pair([&](int s, int a) {
          highest.q[t][s][a] = k == 0 ? plan.q[t][s][a] : std::max(highest.q[t][s][a], plan.q[t][s][a]);
        });
    }
    return highest;
  }};
}

MdpAgent ucrl2(double scale) {
  return {.plan = [scale](const MdpPosterior& known, int done, int from, const MdpLuck&) {
    // [UCRL2 eq. radius]  r: √(7 log(2SAt/δ)/(2N)),  P: ‖P̃ − P‖₁ ≤ √(14 S log(2At/δ)/N),  δ = 0.05, N at least 1
    MdpModel model = known.mean_model();
    const double delta = 0.05, t = done + 1;
    double radius[S][A];
    for_each_pair([&](int s, int a) {
      const double n = std::max(1, known.visits[s][a]);
      model.reward[s][a] += scale * std::sqrt(3.5 * std::log(2 * S * A * t / delta) / n);
      radius[s][a] = scale * std::sqrt(14 * S * std::log(2 * A * t / delta) / n);
    });

    // The best transition row within the radius: half of it to the best state, taken from the worst ones.
    return induce(model.reward, from, [&](int s, int a, const std::array<double, S>& v) {
      std::array<int, S> order;
      std::iota(order.begin(), order.end(), 0);
      std::sort(order.begin(), order.end(), [&](int x, int y) { return v[x] != v[y] ? v[x] < v[y] : x < y; });
      std::array<double, S> p;
      std::copy_n(model.transition[s][a], S, p.begin());
      const int top = order.back();
      double surplus = std::min(1.0, p[top] + radius[s][a] / 2) - p[top];
      p[top] += surplus;
      for (int i = 0; surplus > 0 && i < S - 1; ++i) {
        const double taken = std::min(surplus, p[order[i]]);
        p[order[i]] -= taken;
        surplus -= taken;
      }
      return std::inner_product(p.begin(), p.end(), v.begin(), 0.0);
    });
  }};
}

MdpAgent beb(double beta, bool every_step) {
  return {.plan = [beta](const MdpPosterior& known, int, int from, const MdpLuck&) {
            // [BEB eq. bonus]  R̂(s, a) + β/(1 + Σ_s' α(s, a, s'))
            MdpModel model = known.mean_model();
            for_each_pair([&](int s, int a) { model.reward[s][a] += beta / (1.0 + S + known.visits[s][a]); });
            return plan_for(model, from);
          },
          .every_step = every_step};
}

// ---- Scoring

namespace {

// One instance: the total reward at each checkpoint, and the optimal policy's expected one.
struct PlayedMdp {
  std::vector<double> total;
  double optimal_value = 0;  // of one episode
};

PlayedMdp play(const MdpAgent& agent, double prior_mean, std::span<const int> checkpoints, std::uint32_t instance,
               std::uint64_t seed) {
  MdpModel task;
  Philox drawn(seed, {.purpose = Purpose::test_task, .task = instance});
  task = RandomMdp::sample_task(drawn);
  PlayedMdp played{{}, plan_for(task).value(0, 0)};

  MdpPosterior known{.prior_mean = prior_mean};
  double total = 0;
  int done = 0;
  for (int episode = 1; episode <= checkpoints.back(); ++episode) {
    MdpPlan plan;
    RandomMdp::State state{0, 0};
    for (int t = 0; t < H; ++t, ++done) {
      const MdpLuck luck{seed, {.purpose = Purpose::test_action,
                                .iteration = static_cast<std::uint32_t>(episode),
                                .task = instance,
                                .time_step = static_cast<std::uint32_t>(t)}};
      if (t == 0 || agent.every_step) plan = agent.plan(known, done, t, luck);
      int a = plan.best(t, state.s);
      if (agent.epsilon > 0) {
        Philox choice = luck.draw(65535);  // no agent draws so many models
        if (choice.uniform() < agent.epsilon) a = static_cast<int>(choice.below(A));
      }
      Philox world(seed, {.purpose = Purpose::test_env,
                          .iteration = static_cast<std::uint32_t>(episode),
                          .task = instance,
                          .time_step = static_cast<std::uint32_t>(t)});
      const int s = state.s;
      const double reward = RandomMdp::step(task, state, {a}, world).reward;
      known.observe(s, a, reward, state.s);
      total += reward;
    }
    if (std::find(checkpoints.begin(), checkpoints.end(), episode) != checkpoints.end()) played.total.push_back(total);
  }
  return played;
}

// Mean and standard error of value(instance).
template <class Value>
void add_column(MdpScore& score, int instances, Value value) {
  double mean = 0, squares = 0;
  for (int i = 0; i < instances; ++i) mean += value(i) / instances;
  for (int i = 0; i < instances; ++i) squares += (value(i) - mean) * (value(i) - mean);
  score.mean.push_back(mean);
  score.standard_error.push_back(std::sqrt(squares / (instances - 1) / instances));
}

}  // namespace

MdpScores score_mdp(const MdpAgent& agent, double prior_mean, std::span<const int> checkpoints, int instances,
                    std::uint64_t seed) {
  require(!checkpoints.empty() && checkpoints[0] >= 1 && std::is_sorted(checkpoints.begin(), checkpoints.end()) &&
              std::adjacent_find(checkpoints.begin(), checkpoints.end()) == checkpoints.end(),
          "score_mdp: checkpoints are numbers of episodes in rising order");
  require(instances >= 2 && instances <= 65536, "score_mdp: from 2 to 65536 instances");
  std::vector<PlayedMdp> all(static_cast<std::size_t>(instances));
  parallel_for(instances, [&](int i, int) {
    all[static_cast<std::size_t>(i)] = play(agent, prior_mean, checkpoints, static_cast<std::uint32_t>(i), seed);
  });
  MdpScores scores;
  for (std::size_t c = 0; c < checkpoints.size(); ++c) {
    add_column(scores.agent, instances, [&](int i) { return all[static_cast<std::size_t>(i)].total[c]; });
    add_column(scores.optimum, instances,
               [&](int i) { return all[static_cast<std::size_t>(i)].optimal_value * checkpoints[c]; });
  }
  return scores;
}

TunedMdpScore tuned_mdp(const std::function<MdpAgent(double)>& agent, std::span<const double> settings,
                        double prior_mean, std::span<const int> checkpoints, int instances, std::uint64_t seed) {
  require(!settings.empty(), "tuned_mdp: no setting to try");
  TunedMdpScore best;
  for (double setting : settings) {
    const MdpScore score = score_mdp(agent(setting), prior_mean, checkpoints, instances, seed).agent;
    if (best.setting.empty()) {
      best = {score, std::vector<double>(checkpoints.size(), setting)};
      continue;
    }
    for (std::size_t c = 0; c < checkpoints.size(); ++c) {
      if (score.mean[c] <= best.score.mean[c]) continue;
      best.score.mean[c] = score.mean[c];
      best.score.standard_error[c] = score.standard_error[c];
      best.setting[c] = setting;
    }
  }
  return best;
}

}  // namespace innerloop::meta

#include "meta/bandit_baselines.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "envs/table.h"
#include "kernels/require.h"
#include "kernels/threads.h"

namespace innerloop::meta {
namespace {

// The arm with the largest value; the first of equals.
template <class Value>
int largest(std::span<const Arm> arms, Value value) {
  int best = 0;
  double highest = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < arms.size(); ++i) {
    const double v = value(arms[i]);
    if (v > highest) highest = v, best = static_cast<int>(i);
  }
  return best;
}

double draw_posterior(const Arm& arm, Philox& random) {
  return draw_beta(1 + arm.successes, 1 + arm.failures, random);
}

}  // namespace

// ---- The policies

BanditPolicy random_arm() {
  return [](const BanditHistory& h, Philox& random) {
    return static_cast<int>(random.below(static_cast<std::uint32_t>(h.arms.size())));
  };
}

BanditPolicy greedy_arm() {
  return [](const BanditHistory& h, Philox&) { return largest(h.arms, [](const Arm& arm) { return arm.mean(); }); };
}

BanditPolicy epsilon_greedy(double epsilon) {
  return [epsilon](const BanditHistory& h, Philox& random) {
    const bool explore = random.uniform() < epsilon;
    return explore ? random_arm()(h, random) : greedy_arm()(h, random);
  };
}

// [UCB1 eq. bound]  μ + c·√(2 log(1 + t)/(m + 2))
BanditPolicy ucb1(double c) {
  return [c](const BanditHistory& h, Philox&) {
    const double width = c * std::sqrt(2 * std::log(1.0 + h.done));
    return largest(h.arms, [&](const Arm& arm) { return arm.mean() + width / std::sqrt(arm.pulls() + 2.0); });
  };
}

// [Thompson eq. draw]  argmax θ_i,  θ_i ~ Beta(1 + s_i, 1 + f_i)
BanditPolicy thompson() {
  return [](const BanditHistory& h, Philox& random) {
    return largest(h.arms, [&](const Arm& arm) { return draw_posterior(arm, random); });
  };
}

BanditPolicy optimistic_thompson() {
  return [](const BanditHistory& h, Philox& random) {
    return largest(h.arms, [&](const Arm& arm) { return std::max(draw_posterior(arm, random), arm.mean()); });
  };
}

BanditPolicy densest_thompson(int draws) {
  return [draws](const BanditHistory& h, Philox& random) {
    int best = 0;
    double highest = -std::numeric_limits<double>::infinity();
    for (int k = 0; k < draws; ++k) {
      // log density Σ_i s_i log θ_i + f_i log(1 − θ_i), up to a constant, and the arm that this draw would choose.
      double density = 0;
      const int arm = largest(h.arms, [&](const Arm& a) {
        const double theta = draw_posterior(a, random);
        if (a.successes > 0) density += a.successes * std::log(theta);
        if (a.failures > 0) density += a.failures * std::log1p(-theta);
        return theta;
      });
      if (density > highest) highest = density, best = arm;
    }
    return best;
  };
}

// [Whittle eq. index]  μ + μ(1 − μ)/(ν√(μ(1 − μ)/ν) + μ − ½),  ν = m + 2
BanditPolicy whittle_arm() {
  return [](const BanditHistory& h, Philox&) {
    return largest(h.arms, [](const Arm& arm) {
      const double mu = arm.mean(), nu = arm.pulls() + 2.0, variance = mu * (1 - mu);
      return mu + variance / (nu * std::sqrt(variance / nu) + mu - 0.5);
    });
  };
}

BanditPolicy gittins_arm(const GittinsTable& table) {
  return [&table](const BanditHistory& h, Philox&) {
    require(h.n == table.n(), "gittins_arm: the table is for trials of another length");
    return largest(h.arms, [&](const Arm& a) { return table.index(a.successes, a.failures, h.n - h.done); });
  };
}

// ---- The finite-horizon Gittins index

// States with m pulls done and h left lie together, m + 1 of them, by successes. Rows are ordered by h, then by m.
std::size_t GittinsTable::place(int pulls, int pulls_left) const {
  // Σ_{j<h} Σ_{m ≤ n−j} (m + 1) states come before h; m(m + 1)/2 of h itself come before m.
  const auto tetrahedral = [](long k) { return k * (k + 1) * (k + 2) / 6; };
  const long before_h = tetrahedral(n_) - tetrahedral(n_ + 1 - pulls_left);
  return static_cast<std::size_t>(before_h + static_cast<long>(pulls) * (pulls + 1) / 2);
}

GittinsTable::GittinsTable(int n, int grid) : n_(n), grid_(grid) {
  require(n >= 1 && n <= 1000 && grid >= 2 && grid <= 10000, "GittinsTable: n in [1, 1000], grid in [2, 10000]");
  const auto row = [](int m) { return static_cast<std::size_t>(m) * static_cast<std::size_t>(m + 1) / 2; };
  const auto count = static_cast<std::size_t>(n_);
  index_.assign(count * (count + 1) * (count + 2) / 6, 0);

  // For every λ: what is gained over λ by playing on, W(s, m, h), from the last pull backwards.
  // [Gittins eq. gain]  W(s, m, h) = max(0, μ − λ + μ·W(s + 1, m + 1, h − 1) + (1 − μ)·W(s, m + 1, h − 1))
  // The index is where the second term of the maximum passes 0; it falls as λ grows, so counting the λ where it is
  // positive finds the place.
  std::vector<float> gain(row(n + 2)), mean(row(n + 2));
  for (int m = 0; m <= n; ++m)
    for (int s = 0; s <= m; ++s) mean[row(m) + s] = static_cast<float>((1.0 + s) / (2.0 + m));
  for (int k = 0; k < grid; ++k) {
    const float lambda = (static_cast<float>(k) + 0.5F) / static_cast<float>(grid);
    std::fill(gain.begin(), gain.end(), 0.0F);
    for (int h = 1; h <= n; ++h)
      for (int m = 0; m <= n - h; ++m) {
        // Row m is overwritten after row m − 1 was, and only row m + 1 of h − 1 is read.
        float* own = gain.data() + row(m);
        const float *next = gain.data() + row(m + 1), *mu = mean.data() + row(m);
        std::uint16_t* worth = index_.data() + place(m, h);
        for (int s = 0; s <= m; ++s) {
          const float on = mu[s] - lambda + mu[s] * next[s + 1] + (1 - mu[s]) * next[s];
          own[s] = on > 0 ? on : 0;
          worth[s] = static_cast<std::uint16_t>(worth[s] + (on > 0));
        }
      }
  }
}

double GittinsTable::index(int successes, int failures, int pulls_left) const {
  require(pulls_left >= 1 && successes >= 0 && failures >= 0 && successes + failures + pulls_left <= n_,
          "GittinsTable: an arm cannot have had so many pulls with so many left of its trial");
  return index_[place(successes + failures, pulls_left) + static_cast<std::size_t>(successes)] /
         static_cast<double>(grid_);
}

// ---- Scoring

ArmsOf uniform_arms(int k, std::uint64_t seed) {
  return [k, seed](int instance) {
    Philox random(seed, {.purpose = Purpose::test_task, .task = static_cast<std::uint32_t>(instance)});
    std::vector<double> p(static_cast<std::size_t>(k));
    for (double& odds : p) odds = random.uniform();
    return p;
  };
}

bool tasks_are_arms(std::string_view env) {
  const envs::Spec& spec = envs::find_env(env).spec;
  const bool bandit = env.starts_with("wang-") || env.starts_with("rl2-bandit-") || env.starts_with("gaussian-bandit-");
  return bandit && spec.task_size == spec.action_count && env != "wang-restless-v1";
}

ArmsOf arms_of(std::string_view env, std::uint64_t seed) {
  const envs::EnvRow& row = envs::find_env(env);
  require(tasks_are_arms(env), [&] {
    return "arms_of: a task of '" + std::string(env) + "' is not the odds of its arms";
  });
  return [&row, seed](int instance) {
    return envs::sample_task(row, seed, Purpose::test_task, 0, static_cast<std::uint32_t>(instance));
  };
}

namespace {

// One instance: total reward, and what every pull was worth and missed.
struct Played {
  double total = 0;
  std::vector<double> worth, missed;
};

Played play(const BanditPolicy& policy, const std::vector<double>& p, int n, std::uint32_t instance,
            std::uint64_t seed) {
  Played played{0, std::vector<double>(static_cast<std::size_t>(n)), std::vector<double>(static_cast<std::size_t>(n))};
  std::vector<Arm> arms(p.size());
  const double best = *std::max_element(p.begin(), p.end());
  for (int t = 0; t < n; ++t) {
    const auto now = static_cast<std::uint32_t>(t);
    Philox choice(seed, {.purpose = Purpose::test_action, .task = instance, .time_step = now});
    const auto i = static_cast<std::size_t>(policy({arms, t, n}, choice));

    // Payment number m of this arm, whoever pulls it.
    Philox luck(seed, {.purpose = Purpose::test_env,
                       .task = instance,
                       .trajectory = static_cast<std::uint32_t>(i),
                       .time_step = static_cast<std::uint32_t>(arms[i].pulls())});
    const bool paid = luck.uniform() < p[i];
    ++(paid ? arms[i].successes : arms[i].failures);
    played.total += paid;
    played.worth[static_cast<std::size_t>(t)] = p[i];
    played.missed[static_cast<std::size_t>(t)] = best - p[i];
  }
  return played;
}

}  // namespace

BanditScore score_bandit(const BanditPolicy& policy, const ArmsOf& arms, int n, int instances, std::uint64_t seed) {
  require(n >= 1 && instances >= 2, "score_bandit: at least one pull and two instances");
  std::vector<Played> all(static_cast<std::size_t>(instances));
  parallel_for(instances, [&](int i, int) {
    all[static_cast<std::size_t>(i)] = play(policy, arms(i), n, static_cast<std::uint32_t>(i), seed);
  });

  // Added up in the order of the instances.
  BanditScore score{0, 0, std::vector<double>(static_cast<std::size_t>(n)),
                    std::vector<double>(static_cast<std::size_t>(n))};
  for (const Played& played : all) {
    score.mean += played.total / instances;
    for (std::size_t t = 0; t < score.curve.size(); ++t) {
      score.curve[t] += played.worth[t] / instances;
      score.regret[t] += played.missed[t] / instances;
    }
  }
  double squares = 0;
  for (const Played& played : all) squares += (played.total - score.mean) * (played.total - score.mean);
  score.standard_error = std::sqrt(squares / (instances - 1) / instances);
  for (std::size_t t = 1; t < score.regret.size(); ++t) score.regret[t] += score.regret[t - 1];
  return score;
}

TunedScore tuned(const std::function<BanditPolicy(double)>& policy, std::span<const double> settings,
                 const ArmsOf& arms, int n, int instances, std::uint64_t seed) {
  require(!settings.empty(), "tuned: no setting to try");
  TunedScore best;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    BanditScore score = score_bandit(policy(settings[i]), arms, n, instances, seed);
    if (i == 0 || score.mean > best.score.mean) best = {settings[i], std::move(score)};
  }
  return best;
}

double draw_beta(double a, double b, Philox& random) {
  if (a == 1 && b == 1) return random.uniform();
  if (a == 1) return 1 - std::pow(1 - random.uniform(), 1 / b);
  if (b == 1) return std::pow(random.uniform(), 1 / a);

  // Cheng: W = small·(u/(1 − u))^β is compared with the target's density by a rejection that is rarely needed.
  const double small = std::min(a, b), large = std::max(a, b), sum = a + b;
  const double beta = std::sqrt((sum - 2) / (2 * a * b - sum)), gamma = small + 1 / beta;
  while (true) {
    const double u1 = 1 - random.uniform(), u2 = 1 - random.uniform();
    const double v = beta * std::log(u1 / (1 - u1)), w = small * std::exp(v);
    if (!std::isfinite(w)) continue;  // u1 = 1: once in 2⁵³ draws
    const double z = u1 * u1 * u2, r = gamma * v - std::log(4.0), s = small + r - w;
    if (s + 1 + std::log(5.0) >= 5 * z || r + sum * std::log(sum / (large + w)) >= std::log(z))
      return a == small ? w / (large + w) : large / (large + w);
  }
}

}  // namespace innerloop::meta

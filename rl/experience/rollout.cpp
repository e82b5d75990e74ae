#include "rl/experience/rollout.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "autodiff/ops.h"
#include "envs/vector_env.h"
#include "kernels/philox.h"
#include "kernels/threads.h"
#include "rl/experience/draw_action.h"

namespace innerloop::rl {
namespace {

using nn::PolicySpec;

// What the sampler needs of the policy in each state: {"mean", "sigma"} or {"probabilities"}.
std::vector<Vars> trace_forward(Inputs& in, const PolicySpec& spec) {
  const Params theta = in.next("theta");
  const nn::DistributionVars p = nn::distribution(theta, spec, in.next_var("observations"));
  Vars out;
  if (spec.head == PolicySpec::Head::gaussian) {
    out.add("mean", p["mean"]);             // (B, R, A)
    out.add("sigma", exp(p["log_sigma"]));  // (B or 1, 1, A)
  } else {
    out.add("probabilities", softmax(p["logits"]));  // (B, R, A)
  }
  return {out};
}

template <class T>
void read(const Tensor& tensor, std::vector<double>& numbers) {
  const auto values = tensor.values<T>();
  numbers.assign(values.begin(), values.end());
}
void read(const Tensor& tensor, std::vector<double>& numbers) {
  tensor.dtype() == Dtype::f32 ? read<float>(tensor, numbers) : read<double>(tensor, numbers);
}

// One rollout at work: the lanes that still run, and what they have seen so far.
class Collector {
 public:
  Collector(envs::VectorEnv& env, const PolicySpec& policy, Dtype dtype, const RolloutPlace& place, bool deterministic,
            const Tensor& context)
      : env_(env),
        policy_(policy),
        spec_(env.env().spec),
        dtype_(dtype),
        place_(place),
        deterministic_(deterministic),
        tasks_(static_cast<int>(env.tasks().size())),
        per_task_(env.trajectories()),
        running_(static_cast<std::size_t>(tasks_)),
        context_size_(context.empty() ? 0 : context.shape().cols) {
    record_.lengths.assign(lanes(), 0);
    record_.truncated.assign(lanes(), 0);
    if (!context.empty()) record_.context = context.to_vector();
  }

  bool gather_running();
  const Tensor& observations() const { return compact_; }
  void act(const Tensors& distribution);
  void step();
  Trajectories trajectories() const {
    return packed(record_, tasks_, per_task_, spec_.action_size, env_.observations(), dtype_);
  }

 private:
  std::size_t lanes() const { return static_cast<std::size_t>(tasks_) * static_cast<std::size_t>(per_task_); }
  void act_in_task(int task);
  void check_observations() const;
  std::string where(int task, int n) const;

  envs::VectorEnv& env_;
  const PolicySpec& policy_;
  const envs::Spec& spec_;
  Dtype dtype_;
  RolloutPlace place_;
  bool deterministic_;
  int tasks_, per_task_;

  std::vector<std::vector<int>> running_;  // of each task: the trajectories that still run
  int context_size_;                       // C: of what the policy sees beside the observation, record_.context
  Tensor compact_;                         // (B, R, O): their observations, one below the other, then zeros
  std::vector<double> centre_, sigma_;     // the distribution's numbers, as double
  std::vector<double> action_;             // (B, N, A)
  StepRecord record_;
};

// Puts the observations of running trajectories one below the other. The number of rows takes few values, so that few
// plans are made. False if nothing runs any more.
bool Collector::gather_running() {
  if (env_.all_finished()) return false;
  check_observations();
  int most = 0;
  for (int task = 0; task < tasks_; ++task) {
    std::vector<int>& list = running_[static_cast<std::size_t>(task)];
    list.clear();
    for (int n = 0; n < per_task_; ++n)
      if (!env_.finished()[static_cast<std::size_t>(task * per_task_ + n)]) list.push_back(n);
    most = std::max(most, static_cast<int>(list.size()));
  }
  const int unit = std::max(4, (per_task_ + 7) / 8);
  const int rows = std::min(per_task_, (most + unit - 1) / unit * unit), size = spec_.obs_size;

  const Shape shape{tasks_, rows, size + context_size_};
  if (compact_.shape() != shape) compact_ = Tensor(shape, dtype_);
  const auto fill = [&](auto numbers) {
    std::ranges::fill(numbers, 0);
    for (int task = 0; task < tasks_; ++task) {
      auto out = numbers.begin() + static_cast<std::ptrdiff_t>(task) * rows * shape.cols;
      for (int n : running_[static_cast<std::size_t>(task)]) {
        const double* from = env_.observations().data() + static_cast<std::ptrdiff_t>(task * per_task_ + n) * size;
        for (int k = 0; k < size; ++k) *out++ = static_cast<typename decltype(numbers)::value_type>(from[k]);
        const double* context =
            record_.context.data() + static_cast<std::ptrdiff_t>(task * per_task_ + n) * context_size_;
        for (int k = 0; k < context_size_; ++k)
          *out++ = static_cast<typename decltype(numbers)::value_type>(context[k]);
      }
    }
  };
  if (dtype_ == Dtype::f32)
    fill(compact_.mutable_values<float>());
  else
    fill(compact_.mutable_values<double>());
  return true;
}

void Collector::check_observations() const {
  const auto numbers = env_.observations();
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    if (std::isfinite(numbers[k])) [[likely]]
      continue;
    const int lane = static_cast<int>(k) / spec_.obs_size;
    throw NonFiniteError(where(lane / per_task_, lane % per_task_) + ": observation " +
                         std::to_string(static_cast<int>(k) % spec_.obs_size) +
                         " is not finite; look at the environment's step and at the actions before it");
  }
}

// "two-state-v1, task 3, trajectory 5, step 17".
std::string Collector::where(int task, int n) const {
  return std::string(spec_.name) + ", task " + std::to_string(place_.first_task + static_cast<std::uint32_t>(task)) +
         ", trajectory " + std::to_string(place_.first_trajectory + static_cast<std::uint32_t>(n)) + ", step " +
         std::to_string(env_.time_step());
}

// Draws an action for every running trajectory of every task.
void Collector::act(const Tensors& distribution) {
  read(distribution[0], centre_);
  if (distribution.count() > 1) read(distribution[1], sigma_);
  action_.assign(lanes() * static_cast<std::size_t>(spec_.action_size), 0);
  parallel_for(tasks_, [&](int task, int) { act_in_task(task); });
}

void Collector::act_in_task(int task) {
  const int A = policy_.net.outputs, rows = compact_.shape().rows;
  const double* centre = centre_.data() + static_cast<std::ptrdiff_t>(task) * rows * A;
  const double* sigma = sigma_.data() + (sigma_.size() > static_cast<std::size_t>(A) ? task * A : 0);
  for (int n : running_[static_cast<std::size_t>(task)]) {
    const Philox random(place_.seed, {.purpose = place_.test ? Purpose::test_action : Purpose::action,
                                      .inner_step = place_.inner_step,
                                      .iteration = place_.iteration,
                                      .task = place_.first_task + static_cast<std::uint32_t>(task),
                                      .trajectory = place_.first_trajectory + static_cast<std::uint32_t>(n),
                                      .time_step = static_cast<std::uint32_t>(env_.time_step())});
    const auto here = [this, task, n] { return where(task, n); };
    double* action = action_.data() + static_cast<std::ptrdiff_t>(task * per_task_ + n) * spec_.action_size;
    draw_action(policy_, centre, sigma, random, deterministic_, dtype_, here, action);
    centre += A;
  }
}

// Moves the environment and writes down what was seen, done and earned.
void Collector::step() {
  record_.observations.emplace_back(env_.observations().begin(), env_.observations().end());
  record_.actions.push_back(action_);
  for (int task = 0; task < tasks_; ++task)
    for (int n : running_[static_cast<std::size_t>(task)])
      ++record_.lengths[static_cast<std::size_t>(task * per_task_ + n)];
  env_.step(action_);
  record_.rewards.emplace_back(env_.rewards().begin(), env_.rewards().end());
  for (std::size_t lane = 0; lane < lanes(); ++lane)
    record_.truncated[lane] |= env_.ends()[lane] == envs::End::truncated;
}

}  // namespace

Rollout::Rollout(const envs::EnvRow& env, PolicySpec policy, int horizon, int context_size)
    : env_(&env),
      policy_(std::move(policy)),
      horizon_(horizon),
      context_size_(context_size),
      forward_("rollout/forward", &trace_forward) {
  forward_.set_device(Device::cpu);  // where the environments are; parameters on a device are copied once per rollout
  const envs::Spec& spec = env.spec;
  const bool discrete = spec.action_kind == envs::ActionKind::discrete;
  const std::string name(spec.name);
  require(discrete == (policy_.head == PolicySpec::Head::categorical), [&] {
    return name + " has " +
           (discrete ? "discrete actions; use a categorical policy" : "continuous actions; use a gaussian policy");
  });
  const int outputs = discrete ? spec.action_count : spec.action_size;
  const int inputs = spec.obs_size + context_size;
  require(policy_.net.inputs == inputs && policy_.net.outputs == outputs, [&] {
    return name + " needs a policy with " + std::to_string(inputs) + " inputs and " + std::to_string(outputs) +
           " outputs; this one has " + std::to_string(policy_.net.inputs) + " and " +
           std::to_string(policy_.net.outputs);
  });
}

Trajectories Rollout::collect(const ParamValues& theta, const std::vector<envs::Task>& tasks, int trajectories,
                              const RolloutPlace& place, bool deterministic, const Tensor& context) const {
  const int B = theta[0].shape().tasks;
  require(B == 1 || B == static_cast<int>(tasks.size()), [&] {
    return "rollout: parameters of " + std::to_string(B) + " policies for " + std::to_string(tasks.size()) +
           " tasks; give one policy, or one per task";
  });
  const Shape needed{static_cast<int>(tasks.size()), trajectories, context_size_};
  require(context.empty() == (context_size_ == 0) && (context.empty() || context.shape() == needed), [&] {
    return "rollout: the context must be " + to_string(needed) + ", a row for each episode";
  });
  envs::VectorEnv env(*env_, tasks, trajectories, place.seed, horizon_);
  env.reset({.purpose = place.test ? Purpose::test_reset : Purpose::reset,
             .inner_step = place.inner_step,
             .iteration = place.iteration,
             .task = place.first_task,
             .trajectory = place.first_trajectory});

  // Until every trajectory has ended: policy, action, environment.
  Collector collector(env, policy_, theta[0].dtype(), place, deterministic, context);
  while (collector.gather_running()) {
    collector.act(forward_(policy_, {theta, collector.observations()})[0]);
    collector.step();
  }
  return collector.trajectories();
}

}  // namespace innerloop::rl

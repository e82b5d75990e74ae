// innerloop bench: how long an iteration of an algorithm takes, an element of each kernel, or a network's gradient; and
// what the baselines of bandits and small decision processes earn.
// (Comparisons with other programs stand in tests/bench.)
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/bench_baselines.h"
#include "app/bench_networks.h"
#include "app/command_line.h"
#include "app/device.h"
#include "app/options.h"
#include "app/statistics.h"
#include "autodiff/device.h"
#include "autodiff/op_table.h"
#include "kernels/cuda/cublas.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/table.h"
#include "kernels/threads.h"

namespace innerloop::app {
namespace {

using nlohmann::ordered_json;
using rl::Option;
using rl::OptionType;
using Clock = std::chrono::steady_clock;
using Rows = std::vector<std::vector<std::string>>;

constexpr Option bench_flags[] = {
    {.name = "preset", .type = OptionType::text, .help = "of the algorithm"},
    {.name = "repeats",
     .type = OptionType::integer,
     .value = "5",
     .low = 1,
     .high = 1000,
     .help = "iterations measured"},
    device_flag,
    {.name = "json", .type = OptionType::boolean, .value = "false", .help = "for machines"},
};

// Of `bench networks` alone.
constexpr Option network_flags[] = {
    {.name = "only",
     .type = OptionType::text,
     .help = "cases with this in their name, as mlp or \"H64 T100\"; of bench bandits: rows, as \"10, 5\""},
    {.name = "tiny", .type = OptionType::boolean, .value = "false", .help = "small cases, for the emulator"},
    {.name = "csv", .type = OptionType::text, .help = "file that the times go to as well, line by line"},
    {.name = "from", .type = OptionType::text, .help = "such a file: measure nothing, print its table"},
    {.name = "peers", .type = OptionType::text, .help = "such a file of tests/bench/peers/gpu_*.py, printed beside"},
    {.name = "problems", .type = OptionType::text, .help = "folder: write MAML's problems and gradients for peers"},
};

// Of `bench bandits` and `bench mdps`, which know --only and --json too.
constexpr Option baseline_flags[] = {
    {.name = "instances",
     .type = OptionType::integer,
     .value = "1000",
     .low = 2,
     .high = 65536,
     .help = "bandits, mdps: instances of every cell"},
};
bool of_baselines(const std::string& what) { return what == "bandits" || what == "mdps"; }

constexpr const char* bench_examples =
    "  innerloop bench ops\n  innerloop bench maml --repeats 10\n"
    "  innerloop bench networks --device cuda --csv ours.csv\n"
    "  innerloop bench networks --from ours.csv --peers peers.csv\n"
    "  innerloop bench bandits --only \"10, 5\"\n  innerloop bench mdps";

std::vector<Option> all_flags() {
  std::vector<Option> all(std::begin(bench_flags), std::end(bench_flags));
  all.insert(all.end(), std::begin(network_flags), std::end(network_flags));
  all.insert(all.end(), std::begin(baseline_flags), std::end(baseline_flags));
  return all;
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Median, and median absolute deviation: a busy machine disturbs them little.
struct Timing {
  double median = 0, deviation = 0;
};
Timing timing_of(std::vector<double> samples) {
  const auto median = [](std::vector<double>& values) {
    std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
    return values[values.size() / 2];
  };
  Timing timing{median(samples), 0};
  for (double& sample : samples) sample = std::abs(sample - timing.median);
  timing.deviation = median(samples);
  return timing;
}

double seconds_of_iteration(rl::Trainer& trainer) {
  const Clock::time_point start = Clock::now();
  trainer.iterate();
  return seconds_since(start);
}

// Actors on one thread and on two, measured in turn, so that a busy machine disturbs both alike.
ordered_json bench_actors(const RunSettings& settings, int repeats) {
  std::unique_ptr<rl::Trainer> trainers[2];
  std::vector<double> samples[2];
  for (int k = 0; k < 2; ++k) {
    rl::OptionValues values = settings.values;
    values.set("actor_threads", std::int64_t{k + 1});
    trainers[k] = settings.algorithm->make(values, 1);
    trainers[k]->iterate();
  }
  for (int i = 0; i < repeats; ++i)
    for (int k = 0; k < 2; ++k) samples[k].push_back(seconds_of_iteration(*trainers[k]));
  const Timing timing[2] = {timing_of(samples[0]), timing_of(samples[1])};
  ordered_json list = ordered_json::array();
  for (int k = 0; k < 2; ++k)
    list.push_back({{"name", fmt::format("{}, actors on {} thread{}, {:.2f} times the steps a second",
                                         settings.algorithm->name, k + 1, k == 0 ? "" : "s",
                                         timing[0].median / timing[k].median)},
                    {"device", name_of(compute_device())},
                    {"threads", k + 1},
                    {"seconds", timing[k].median},
                    {"deviation", timing[k].deviation},
                    {"repeats", repeats}});
  return list;
}

// Seconds per iteration of training, on one thread and on all. The first iteration, which makes the plans, is not
// counted.
ordered_json bench_algorithm(const Context& context, const std::string& name, const std::string& preset, int repeats) {
  ordered_json list = ordered_json::array();
  const RunSettings settings = resolve_settings(context, name, preset, {}, {});
  const int all = thread_count();
  const bool on_cpu = compute_device() == Device::cpu;
  for (int threads = on_cpu ? 1 : all; threads <= all; threads += std::max(1, all - 1)) {
    set_thread_count(threads);
    const std::unique_ptr<rl::Trainer> trainer = settings.algorithm->make(settings.values, 1);
    trainer->iterate();
    std::vector<double> samples;
    for (int i = 0; i < repeats; ++i) samples.push_back(seconds_of_iteration(*trainer));
    const Timing timing = timing_of(samples);
    list.push_back({{"name", name + ", one iteration"},
                    {"device", name_of(compute_device())},
                    {"threads", threads},
                    {"seconds", timing.median},
                    {"deviation", timing.deviation},
                    {"repeats", repeats}});
  }
  set_thread_count(all);
  if (settings.values.contains("actor_threads"))
    for (const ordered_json& row : bench_actors(settings, repeats)) list.push_back(row);
  return list;
}

// Nanoseconds per output element of one kernel, called with matrices of 0.5, in the middle of every domain.
template <class T>
Timing time_kernel(const OpDef& op, Dtype dtype, int repeats) {
  constexpr int rows = 256, cols = 64, calls = 50;
  std::vector<T> numbers(rows * cols, T(0.5)), out(rows * cols);
  kernels::Matrix inputs[3];
  for (kernels::Matrix& input : inputs) input = {numbers.data(), rows, cols};
  const kernels::Call call{{out.data(), rows, cols}, inputs, op.arity, 1, {.x = 0.25, .y = 0.75}};
  const kernels::Kernel kernel = kernels::find_kernel(Device::cpu, dtype, op.op);
  std::vector<double> samples;
  for (int i = 0; i <= repeats; ++i) {
    const Clock::time_point start = Clock::now();
    for (int k = 0; k < calls; ++k) kernel(call);
    if (i > 0) samples.push_back(seconds_since(start) * 1e9 / (calls * rows * cols));
  }
  return timing_of(samples);
}

// The same on a device: 40 tasks, so that a GPU has enough to do. A kernel's launch is part of its time.
Timing time_device_kernel(const OpDef& op, Dtype dtype, Device device, int repeats) {
  constexpr int rows = 256, cols = 64;
  const int tasks = device == Device::simt ? 1 : 40, calls = device == Device::simt ? 2 : 50;
  const Shape shape{tasks, rows, cols};
  const Tensor numbers = Tensor::full(shape, 0.5, dtype).to(device);
  Tensor out(shape, dtype, device);
  const kernels::DeviceMatrix input{const_cast<void*>(numbers.data()), rows, cols, shape.per_task()};
  const kernels::DeviceMatrix inputs[] = {input, input, input};
  const kernels::DeviceCall call{.out = {out.mutable_data(), rows, cols, shape.per_task()},
                                 .in = inputs,
                                 .arity = op.arity,
                                 .tasks = tasks,
                                 .attr = {.x = 0.25, .y = 0.75},
                                 .stream = stream_of(device)};
  const kernels::DeviceKernel kernel = kernels::find_device_kernel(device, dtype, op.op);
  std::vector<double> samples;
  for (int i = 0; i <= repeats; ++i) {
    const Clock::time_point start = Clock::now();
    for (int k = 0; k < calls; ++k) kernel(call);
    kernels::device_api(device).synchronize(stream_of(device));
    if (i > 0) samples.push_back(seconds_since(start) * 1e9 / (static_cast<double>(shape.size()) * calls));
  }
  return timing_of(samples);
}

ordered_json bench_ops(int repeats) {
  ordered_json list = ordered_json::array();
  const Device device = compute_device();
  for (const OpDef& op : op_table()) {
    const bool elementwise = op.kind == Kind::elementwise && op.arity >= 1 && op.arity <= 3;
    if (!elementwise || !kernels::find_kernel(Device::cpu, Dtype::f64, op.op)) continue;
    const auto time = [&](auto zero, Dtype dtype) {
      return device == Device::cpu ? time_kernel<decltype(zero)>(op, dtype, repeats)
                                   : time_device_kernel(op, dtype, device, repeats);
    };
    list.push_back({{"name", op.name},
                    {"f32_ns", time(0.0F, Dtype::f32).median},
                    {"f64_ns", time(0.0, Dtype::f64).median}});
  }
  return list;
}

// On a device every measurement says what did the large products.
ordered_json with_large_products(ordered_json list) {
  if (compute_device() != Device::cpu)
    for (ordered_json& item : list) item["large_products"] = kernels::large_products_by(compute_device());
  return list;
}

void print(const Context& context, const ordered_json& list) {
  if (compute_device() != Device::cpu) context.out << large_products_line();
  Rows rows;
  for (const ordered_json& item : list) {
    if (rows.empty())
      for (const auto& [key, value] : item.items()) rows.resize(1), rows[0].push_back(key);
    auto& row = rows.emplace_back();
    for (const auto& [key, value] : item.items())
      row.push_back(value.is_string()         ? value.get<std::string>()
                    : value.is_number_float() ? fmt::format("{:.4g}", value.get<double>())
                                              : value.dump());
  }
  context.out << text_table(rows);
}

}  // namespace

int bench_command(const Context& context, Arguments arguments) {
  const std::vector<Option> flags = all_flags();
  const ParsedArguments parsed = parse_arguments(flags, arguments, 1);
  if (parsed.help) {
    for (const Verb& verb : all_verbs())
      if (verb.command == bench_command) context.out << help_text(verb, bench_examples, flags);
    return success;
  }
  if (parsed.words.empty())
    throw rl::UsageError("innerloop bench <algorithm> | ops | networks | bandits | mdps: which one?");
  const std::string& what = parsed.words[0];
  for (const Option& flag : network_flags) {
    const bool rows_of_bandits = what == "bandits" && flag.name == std::string("only");
    if (what != "networks" && parsed.given.contains(flag.name) && !rows_of_bandits)
      throw rl::UsageError(flag_of(flag.name) + " belongs to innerloop bench networks, and this is bench " + what);
  }
  for (const Option& flag : baseline_flags)
    if (!of_baselines(what) && parsed.given.contains(flag.name))
      throw rl::UsageError(flag_of(flag.name) + " belongs to innerloop bench bandits and mdps, and this is " + what);
  rl::OptionValues values = rl::default_values(flags);
  for (const auto& [name, value] : parsed.given.all()) values.set(name, value);
  const int repeats = values.integer("repeats");
  const UseDevice device(values);
  if (what == "networks") return bench_networks(context, values);
  if (of_baselines(what)) return bench_baselines(context, what, values);
  const ordered_json list =
      what == "ops" ? bench_ops(repeats) : bench_algorithm(context, what, values.text("preset"), repeats);
  if (values.boolean("json")) context.out << with_large_products(list).dump(1) << "\n";
  else print(context, list);
  return success;
}

}  // namespace innerloop::app

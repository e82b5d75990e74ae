#include "app/bench_networks.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <sstream>

#include "app/meta_gradient_case.h"
#include "app/network_cases.h"
#include "autodiff/device.h"
#include "kernels/cuda/cublas.h"

namespace innerloop::app {
namespace {

using rl::UsageError;

// A measured time, ours or a peer's: one line of the CSV files.
struct NetworkTime {
  std::string name, way;
  double ms = std::nan(""), floor_ms = std::nan("");
  std::string remark;  // why there is no time; what a peer used
};

constexpr const char* our_way = "innerloop";
constexpr const char* csv_header = "case,way,ms,floor_ms,remark";

// So many digits that count, and no exponent; a dash for what is not known.
std::string shown(double x, int digits = 3) {
  if (!std::isfinite(x)) return "–";
  const int whole = x == 0 ? 1 : static_cast<int>(std::floor(std::log10(std::abs(x)))) + 1;
  return fmt::format("{:.{}f}", x, std::clamp(digits - whole, 0, 9));
}

// ---- Measuring ------------------------------------------------------------------------------------------------------

// Milliseconds of what `work` starts: between two events of a device's stream, or by the CPU's clock.
class Stopwatch {
 public:
  explicit Stopwatch(Device device) : device_(device) {
    if (device != Device::cpu) begin_ = api().create_event(), end_ = api().create_event();
  }
  ~Stopwatch() {
    for (void* event : {begin_, end_})
      if (event) api().destroy_event(event);
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

  template <class F>
  double milliseconds(F work) const {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point start = Clock::now();
    if (device_ != Device::cpu) api().record_event(begin_, stream_of(device_));
    work();
    if (device_ == Device::cpu) return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    api().record_event(end_, stream_of(device_));
    return api().milliseconds(begin_, end_);
  }

 private:
  const kernels::DeviceApi& api() const { return kernels::device_api(device_); }
  Device device_;
  void *begin_ = nullptr, *end_ = nullptr;
};

// The median of nine samples, or of as many as fit into a second; short cases are repeated within a sample, so that
// their launches follow each other without a pause. Two calls and 20 ms of calls go before, which plan and capture.
double median_ms(const NetworkCase& c, Device device) {
  const NetworkInputs numbers = network_inputs(c);
  const ParamValues theta = numbers.theta.to(device), v = numbers.v.to(device);
  const BatchValues data = numbers.data.to(device);
  const Function<NetworkCase> program("bench/" + c.name(), network_program);
  const auto run = [&] { return c.hessian ? program(c, {theta, data, v}) : program(c, {theta, data}); };
  require(run()[0].all_finite(), "the result is not finite");

  const Stopwatch stopwatch(device);
  const double once = std::max(1e-3, stopwatch.milliseconds(run));
  const int calls = std::clamp(static_cast<int>(5 / once), 1, 20);
  for (double spent = 2 * once; spent < 20; spent += once) run();
  std::vector<double> samples;
  double spent = 0;
  while (samples.empty() || (samples.size() < 9 && spent < 1000)) {
    const double sample = stopwatch.milliseconds([&] {
      for (int i = 0; i < calls; ++i) run();
    });
    spent += sample;
    samples.push_back(sample / calls);
  }
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  return *middle;
}

// A case that cannot be run, for want of memory perhaps, does not stop the others.
NetworkTime measured(const NetworkCase& c, Device device) {
  NetworkTime timing{.name = c.name(), .way = our_way, .remark = {}};
  if (device != Device::cpu) {
    const kernels::DeviceProperties gpu = kernels::device_api(device).properties();
    const double flops_per_second = fp32_flops_per_second(gpu.multiprocessors, gpu.clock_mhz * 1e-3);
    if (gpu.clock_mhz > 0) timing.floor_ms = c.least_flops() / flops_per_second * 1e3;
  }
  try {
    timing.ms = median_ms(c, device);
  } catch (const std::exception& error) {
    timing.remark = error.what();
    std::ranges::replace(timing.remark, ',', ';');
    std::ranges::replace(timing.remark, '\n', ' ');
  }
  return timing;
}

// ---- Files ----------------------------------------------------------------------------------------------------------

std::string csv_line(const NetworkTime& t) {
  const auto text = [](double x) { return std::isfinite(x) ? fmt::format("{:.6g}", x) : ""; };
  return t.name + "," + t.way + "," + text(t.ms) + "," + text(t.floor_ms) + "," + t.remark + "\n";
}

// Lines that begin with '#', and the header, are left out.
std::vector<NetworkTime> read_csv(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Error("cannot read " + path + "; it is written by --csv, and by tests/bench/peers/gpu_*.py");
  std::vector<NetworkTime> timings;
  std::string line;
  for (int n = 1; std::getline(file, line); ++n) {
    if (line.empty() || line[0] == '#' || line == csv_header) continue;
    std::istringstream words(line);
    std::string field[5];
    for (int k = 0; k < 5; ++k) std::getline(words, field[k], k < 4 ? ',' : '\n');
    try {
      const auto value = [](const std::string& text) { return text.empty() ? std::nan("") : std::stod(text); };
      timings.push_back({field[0], field[1], value(field[2]), value(field[3]), field[4]});
    } catch (const std::exception&) {
      throw Error(fmt::format("{}:{}: '{}' is not a line of {}", path, n, line, csv_header));
    }
  }
  return timings;
}

std::vector<NetworkTime> measure_all(const Context& context, const std::vector<NetworkCase>& cases,
                                const std::string& path) {
  const Device device = compute_device();
  std::ofstream file;
  if (!path.empty()) {
    file.open(path);
    if (!file) throw Error("cannot write " + path);
    file << csv_header << std::endl;
  }
  std::vector<NetworkTime> timings;
  for (const NetworkCase& c : cases) {
    timings.push_back(measured(c, device));
    file << csv_line(timings.back()) << std::flush;  // what is cut off later is not lost
    context.err << timings.back().name << ": "
                << (timings.back().remark.empty() ? shown(timings.back().ms) + " ms" : timings.back().remark)
                << std::endl;
  }
  if (!path.empty() && !file) throw Error("cannot write " + path);
  return timings;
}

// The problems of kind maml, with our gradients: what the programs in tests/bench/peers compare theirs with.
void write_problems(const std::vector<NetworkCase>& cases, const std::string& folder) {
  const meta::MamlFunctions maml;
  for (const NetworkCase& c : cases) {
    if (c.kind != NetworkCase::Kind::maml) continue;
    const bench::Case problem = bench::make_case(c.width, Dtype::f32, c.steps, c.tasks, c.rows);
    const ParamValues gradient =
        maml.meta_gradient(problem.spec, {problem.theta, problem.supports, problem.alpha, problem.query})[0];
    std::string file = c.name();
    std::ranges::replace(file, ' ', '_');
    bench::write_case(problem, gradient, folder + "/" + file + ".bin");
  }
}

// ---- Tables ---------------------------------------------------------------------------------------------------------

const NetworkTime* fastest_peer(const std::vector<NetworkTime>& peers, const std::string& name) {
  const NetworkTime* best = nullptr;
  for (const NetworkTime& peer : peers)
    if (peer.name == name && std::isfinite(peer.ms) && (!best || peer.ms < best->ms)) best = &peer;
  return best;
}

void print_measured(std::ostream& out, const std::vector<NetworkTime>& ours, const std::vector<NetworkTime>& peers) {
  out << "| case | fp32 floor ms | innerloop ms | × floor | fastest peer | ms | peer / innerloop |\n"
         "|---|---|---|---|---|---|---|\n";
  for (const NetworkTime& t : ours) {
    const NetworkTime* peer = fastest_peer(peers, t.name);
    out << fmt::format("| {} | {} | {} | {} | {} | {} | {} |\n", t.name, shown(t.floor_ms),
                       t.remark.empty() ? shown(t.ms) : t.remark, shown(t.ms / t.floor_ms), peer ? peer->way : "–",
                       peer ? shown(peer->ms) : "–", peer ? shown(peer->ms / t.ms) : "–");
  }
  if (peers.empty()) return;
  out << "\n| case | way | ms | × innerloop | remark |\n|---|---|---|---|---|\n";
  for (const NetworkTime& peer : peers) {
    const auto mine = std::ranges::find(ours, peer.name, &NetworkTime::name);
    out << fmt::format("| {} | {} | {} | {} | {} |\n", peer.name, peer.way, shown(peer.ms),
                       mine == ours.end() ? "–" : shown(peer.ms / mine->ms), peer.remark);
  }
}

// measured: our times are of now, not of a file.
nlohmann::ordered_json as_json(const std::vector<NetworkTime>& ours, const std::vector<NetworkTime>& peers,
                               bool measured) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  const auto value = [](double x) { return std::isfinite(x) ? nlohmann::ordered_json(x) : nullptr; };
  for (const std::vector<NetworkTime>* timings : {&ours, &peers})
    for (const NetworkTime& t : *timings)
      list.push_back({{"name", t.name}, {"way", t.way}, {"ms", value(t.ms)}, {"floor_ms", value(t.floor_ms)},
                      {"remark", t.remark}});
  if (measured && compute_device() != Device::cpu)
    for (std::size_t k = 0; k < ours.size(); ++k)
      list[k]["large_products"] = kernels::large_products_by(compute_device());
  return list;
}

}  // namespace

std::string large_products_line() {
  return "Large products: " + kernels::large_products_by(compute_device()) + "\n\n";
}

int bench_networks(const Context& context, const rl::OptionValues& values) {
  std::vector<NetworkCase> cases = network_cases(values.boolean("tiny"));
  const std::string only = values.text("only");
  std::erase_if(cases, [&](const NetworkCase& c) { return c.name().find(only) == std::string::npos; });
  if (cases.empty()) throw UsageError("--only " + only + ": no case has this in its name, such as 'mlp 2x64 gradient'");
  if (!values.text("problems").empty()) {
    write_problems(cases, values.text("problems"));
  } else {
    const std::vector<NetworkTime> ours =
        values.text("from").empty() ? measure_all(context, cases, values.text("csv")) : read_csv(values.text("from"));
    const std::vector<NetworkTime> peers =
        values.text("peers").empty() ? std::vector<NetworkTime>{} : read_csv(values.text("peers"));
    if (values.boolean("json")) {
      context.out << as_json(ours, peers, values.text("from").empty()).dump(1) << "\n";
    } else {
      if (compute_device() != Device::cpu) {
        const kernels::DeviceProperties gpu = kernels::device_api(compute_device()).properties();
        context.out << fmt::format("{}, {} multiprocessors, {} MHz, driver {}, runtime {}\n", gpu.name,
                                   gpu.multiprocessors, gpu.clock_mhz, gpu.driver, gpu.runtime)
                    << large_products_line();
      }
      print_measured(context.out, ours, peers);
    }
  }
  return success;
}

}  // namespace innerloop::app

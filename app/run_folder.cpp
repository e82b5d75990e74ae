#include "app/run_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "autodiff/device.h"
#include "kernels/ranks.h"
#include "kernels/require.h"
#include "kernels/threads.h"
#include "nn/safetensors.h"

namespace innerloop::app {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kept_checkpoints = 3;

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(std::min(line.find(':') + 2, line.size()));
  return "unknown";
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string run_description(const RunSettings& settings) {
  nlohmann::ordered_json run;
  run["innerloop"] = version;
  run["algorithm"] = settings.algorithm->name;
  run["seed"] = std::get<std::int64_t>(settings.values["seed"]);
#ifdef __clang__
  run["compiler"] = "clang " __clang_version__;
#else
  run["compiler"] = "gcc " __VERSION__;
#endif
  run["processor"] = processor_name();
  run["threads"] = thread_count();
  run["device"] = name_of(compute_device());
  if (settings.values.contains("actor_threads") && settings.values.integer("actor_threads") > 0)
    run["repeatable"] = "no: actors on threads of their own hand in when they are ready";
  run["started"] = utc_now();
  return run.dump(2) + "\n";
}

// A checkpoint with a NaN in it is of no use to anybody: it is neither written nor taken up.
void require_finite(const Tensors& state, const std::string& place, const std::string& fix) {
  for (std::size_t i = 0; i < state.count(); ++i)
    if (!state[i].all_finite())
      throw NonFiniteError(place + ": '" + state.name(i) + "' holds a NaN or an infinity. " + fix +
                           ", or train anew with a smaller step size");
}

std::string checkpoint_name(int iteration) { return fmt::format("iteration-{:06}.safetensors", iteration); }

// The number in a checkpoint's name; −1 if it is no such name. Names of more than six digits do not sort as texts.
long iteration_in(std::string_view name) {
  constexpr std::string_view before = "iteration-", after = ".safetensors";
  if (!name.starts_with(before) || !name.ends_with(after)) return -1;
  long iteration = -1;
  const char* end = name.data() + name.size() - after.size();
  const auto [stop, error] = std::from_chars(name.data() + before.size(), end, iteration);
  return error == std::errc() && stop == end ? iteration : -1;
}

}  // namespace

std::string number_text(double number) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number);
  return {buffer, end.ptr};
}

std::string default_folder(const RunSettings& settings) {
  std::string name = settings.algorithm->name;
  if (settings.values.contains("env")) name += "-" + settings.values.text("env");
  if (!settings.preset.empty()) name += "-" + settings.preset;
  return "runs/" + name + "-seed" + rl::to_text(settings.values["seed"]);
}

void make_output_folder(const std::string& path) {
  const auto refuse = [&](const std::string& what, const std::string& why) {
    throw Error("cannot " + what + " " + path + ": " + why + ". Choose another one with --out");
  };
  std::error_code error;
  fs::create_directories(path, error);
  if (error) refuse("make the folder", error.message());
  if (!fs::is_directory(path)) refuse("make the folder", "there is a file of that name");
  if (::access(path.c_str(), W_OK | X_OK) != 0) refuse("write into the folder", std::strerror(errno));
}

RunFolder RunFolder::create(const std::string& path, const RunSettings& settings, const nn::FileCalls& calls) {
  if (rank() != 0) return RunFolder(path, calls);
  const auto refuse_used = [&path, &calls] {
    // Settings alone, of a run that ended before it had done anything, are nothing to lose.
    const bool begun = fs::exists(path + "/metrics.csv") || fs::exists(path + "/checkpoints/LATEST") ||
                       !RunFolder(path, calls).checkpoints().empty();
    if (begun && fs::exists(path + "/config.toml"))
      throw Error(path + " holds a run already. Continue it with: innerloop train --resume " + path +
                  "   or choose another folder with --out");
  };
  refuse_used();
  std::error_code error;
  fs::create_directories(path, error);
  if (error)
    throw Error("cannot make the run folder " + path + ": " + error.message() + ". Choose another one with --out");
  RunFolder folder(path, calls);
  folder.lock();
  refuse_used();  // somebody may have been faster

  // What another run has left would be mixed with this one's.
  std::string left;
  for (const char* file : {"metrics.csv", "timing.csv"})
    if (fs::exists(path + "/" + file)) left = file;
  if (!folder.checkpoints().empty()) left = "checkpoints/" + folder.checkpoint_before("");
  if (!left.empty())
    throw Error(path + " holds " + left + " of a run whose config.toml is gone. Choose another folder with --out, or " +
                "remove what is left");
  fs::create_directories(path + "/checkpoints", error);
  if (error)
    throw Error("cannot make the run folder " + path + ": " + error.message() + ". Choose another one with --out");
  nn::write_file_atomically(path + "/run.json", run_description(settings), calls);
  folder.write_config(settings);
  return folder;
}

void RunFolder::lock() {
  if (rank() == 0) lock_.emplace(path_);
}

RunFolder RunFolder::open(const std::string& path, const nn::FileCalls& calls) {
  if (!fs::is_directory(path)) throw Error("there is no run folder " + path);
  if (!fs::exists(path + "/config.toml")) throw Error(path + " is not a run folder: it has no config.toml");
  return RunFolder(path, calls);
}

std::vector<ConfigEntry> RunFolder::config() const { return read_config(path_ + "/config.toml"); }

void RunFolder::write_config(const RunSettings& settings) const {
  if (rank() != 0) return;
  nn::write_file_atomically(path_ + "/config.toml", config_text(settings), *calls_);
}

void RunFolder::append_line(const char* file, const std::string& header, const std::string& line) const {
  const std::string name = path_ + "/" + file;
  const auto fail = [&] {
    throw Error("cannot write " + name + ": " + std::strerror(errno) + (errno == ENOSPC ? "; free some space" : "") +
                ". The last checkpoint is unchanged" + to_go_on());
  };
  const int fd = calls_->open(name.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) fail();
  std::string_view rest = line;
  std::string first;
  if (::lseek(fd, 0, SEEK_END) == 0) rest = first = header + line;
  while (!rest.empty()) {
    const ssize_t taken = calls_->write(fd, rest.data(), rest.size());
    if (taken < 0 && errno == EINTR) continue;
    if (taken <= 0) {
      const int why = taken == 0 ? ENOSPC : errno;
      calls_->close(fd);
      errno = why;
      fail();
    }
    rest.remove_prefix(static_cast<std::size_t>(taken));
  }
  if (calls_->close(fd) != 0) fail();
}

void RunFolder::append(int iteration, const rl::Metrics& metrics, double seconds) {
  // The first row fixes the columns.
  std::string header = "iteration", line = std::to_string(iteration);
  for (const rl::Metric& metric : metrics) {
    header += "," + metric.name;
    line += "," + number_text(metric.value);
  }
  require(header_.empty() || header_ == header,
          "the metrics' names changed from '" + header_ + "' to '" + header + "'");
  header_ = header;
  if (rank() != 0) return;
  append_line("metrics.csv", header + "\n", line + "\n");
  append_line("timing.csv", "iteration,seconds\n", fmt::format("{},{:.6f}\n", iteration, seconds));
}

void RunFolder::save_checkpoint(const rl::Trainer& trainer) const {
  if (rank() != 0) return;
  // A checkpoint promises that the metrics up to it are on the disk.
  if (const int fd = calls_->open((path_ + "/metrics.csv").c_str(), O_WRONLY | O_CLOEXEC, 0); fd >= 0) {
    const bool synced = calls_->fsync(fd) == 0;
    const int why = errno;
    calls_->close(fd);
    if (!synced) throw Error("cannot write " + path_ + "/metrics.csv: " + std::strerror(why) + to_go_on());
  }
  const std::string name = checkpoint_name(trainer.iteration());
  const Tensors state = trainer.state();
  require_finite(state, "iteration " + std::to_string(trainer.iteration()),
                 "The checkpoint before it is unchanged: look at it with innerloop adapt " + path_);
  try {
    nn::save_safetensors(path_ + "/checkpoints/" + name, state,
                         {{"iteration", std::to_string(trainer.iteration())}, {"innerloop", version}}, *calls_);
    nn::write_file_atomically(path_ + "/checkpoints/LATEST", name + "\n", *calls_);
  } catch (const Error& error) {
    throw Error(error.what() + to_go_on());
  }

  // What is newer than this one belongs to a future that a resume has undone. Of the others the last few are kept.
  std::map<long, std::string> files = checkpoints();
  std::error_code ignored;
  const auto remove = [&](auto file) {
    fs::remove(path_ + "/checkpoints/" + file->second, ignored);
    return files.erase(file);
  };
  for (auto file = files.upper_bound(trainer.iteration()); file != files.end();) file = remove(file);
  while (files.size() > kept_checkpoints) remove(files.begin());
}

std::string RunFolder::to_go_on() const { return ". To go on: innerloop train --resume " + path_; }

std::map<long, std::string> RunFolder::checkpoints() const {
  std::map<long, std::string> files;
  std::error_code ignored;
  for (const auto& item : fs::directory_iterator(path_ + "/checkpoints", ignored)) {
    const std::string file = item.path().filename().string();
    if (const long iteration = iteration_in(file); iteration >= 0) files[iteration] = file;
  }
  return files;
}

std::string RunFolder::checkpoint_before(const std::string& name) const {
  const std::map<long, std::string> files = checkpoints();
  const long iteration = iteration_in(name);
  const auto end = iteration < 0 ? files.end() : files.lower_bound(iteration);
  return end == files.begin() ? "" : std::prev(end)->second;
}

std::string RunFolder::way_back(const std::string& name) const {
  const std::string earlier = checkpoint_before(name);
  if (earlier.empty())
    return "There is no earlier one: innerloop train --config " + path_ +
           "/config.toml --out <another folder> trains anew";
  return "Put the name of " + std::string(name.empty() ? "a checkpoint" : "an earlier one") + ", " + earlier +
         ", into " + path_ + "/checkpoints/LATEST";
}

std::string RunFolder::newest_checkpoint() const {
  const std::string file = path_ + "/checkpoints/LATEST";
  if (!fs::exists(file))
    throw Error(not_begun() ? path_ + " has no checkpoint yet" + to_go_on() : file + " is missing. " + way_back(""));
  std::string name = nn::read_file(file);
  while (!name.empty() && (name.back() == '\n' || name.back() == '\r' || name.back() == ' ')) name.pop_back();
  if (name.empty() || name.find('/') != std::string::npos)
    throw Error(file + " must hold the name of a checkpoint in its folder. " + way_back(""));
  return name;
}

bool RunFolder::not_begun() const {
  const std::map<long, std::string> files = checkpoints();
  return !fs::exists(path_ + "/checkpoints/LATEST") && (files.empty() || files.rbegin()->first == 0);
}

int RunFolder::saved_iteration() const {
  if (!fs::exists(path_ + "/checkpoints/LATEST")) return -1;
  return static_cast<int>(iteration_in(newest_checkpoint()));
}

void RunFolder::restore(rl::Trainer& trainer) const {
  const std::string name = newest_checkpoint();
  const std::string file = path_ + "/checkpoints/" + name;
  nn::Metadata metadata;
  Tensors state;
  try {
    state = nn::load_safetensors(file, &metadata);
  } catch (const Error& error) {
    throw Error(std::string(error.what()) + ". " + way_back(name));
  }
  const std::string& text = metadata["iteration"];
  int iteration = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), iteration);
  if (error != std::errc() || end != text.data() + text.size() || iteration < 0)
    throw Error(file + ": its metadata has no iteration number. " + way_back(name));
  require_finite(state, file, way_back(name));
  try {
    trainer.restore(state, iteration);
  } catch (const Error& e) {
    throw Error(file + " does not fit this run: " + e.what());
  }
}

void RunFolder::cut(const char* file, int rows, bool lost) const {
  const std::string name = path_ + "/" + file;
  const std::string text = fs::exists(name) ? nn::read_file(name) : "";
  std::size_t end = 0;
  for (int line = 0; rows > 0 && line <= rows; ++line) {
    const std::size_t next = text.find('\n', end);
    if (next == std::string::npos && lost) return;
    if (next == std::string::npos)
      throw Error(name + " has only " + std::to_string(std::max(line - 1, 0)) +
                  " rows, but the checkpoint was made after " + std::to_string(rows) + ". " +
                  way_back(newest_checkpoint()));
    end = next + 1;
  }
  if (end != text.size()) nn::write_file_atomically(name, std::string_view(text).substr(0, end), *calls_);
}

void RunFolder::resume(rl::Trainer& trainer) {
  // Ended before its first checkpoint, which stands before the first row: as if it had never begun.
  const std::string metrics = path_ + "/metrics.csv";
  if (not_begun()) {
    const std::string begun = fs::exists(metrics) ? nn::read_file(metrics) : "";
    const bool lost = std::ranges::count(begun, '\n') > 1;  // a row below the header
    wait_for_ranks();  // until all have seen that there is none
    if (lost)
      throw Error(path_ + "/checkpoints holds none, though metrics.csv has rows: they are lost. " + way_back(""));
    if (rank() == 0) {
      for (const char* file : {"metrics.csv", "timing.csv"}) fs::remove(path_ + "/" + file);
      fs::create_directories(path_ + "/checkpoints");
    }
    return save_checkpoint(trainer);
  }
  restore(trainer);
  wait_for_ranks();  // until all have read it
  if (rank() != 0) return;
  cut("metrics.csv", trainer.iteration());
  cut("timing.csv", trainer.iteration(), true);  // nothing depends on it
  const std::string text = trainer.iteration() > 0 ? nn::read_file(metrics) : "";
  header_ = text.substr(0, text.find('\n'));
}

NumberTable read_numbers(const std::string& path) {
  const std::string text = nn::read_file(path);
  NumberTable table;
  std::size_t line_number = 0;
  for (std::size_t begin = 0; begin < text.size(); ++line_number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    const auto fail = [&] {
      throw Error(path + ":" + std::to_string(line_number + 1) + ": expected " + std::to_string(table.names.size()) +
                  " numbers separated by commas");
    };
    std::size_t column = 0;
    for (bool more = true; more; ++column) {
      const std::size_t comma = line.find(',');
      const std::string_view cell = line.substr(0, comma);
      more = comma != std::string_view::npos;
      line.remove_prefix(more ? comma + 1 : line.size());
      if (line_number == 0) {
        table.names.emplace_back(cell);
        continue;
      }
      double number = 0;
      const auto [stop, error] = std::from_chars(cell.data(), cell.data() + cell.size(), number);
      if (column >= table.names.size() || error != std::errc() || stop != cell.data() + cell.size()) fail();
      table.columns[column].push_back(number);
    }
    if (column != table.names.size()) fail();
    table.columns.resize(table.names.size());
  }
  return table;
}

}  // namespace innerloop::app

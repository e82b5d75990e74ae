#include "app/gnuplot_script.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <iterator>

#include "app/run_folder.h"
#include "nn/atomic_file.h"

namespace innerloop::app {
namespace {

// Colours that readers with any kind of colour vision can tell apart (Okabe and Ito).
constexpr const char* colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"};

// Runs "gnuplot <script>" inside the folder, its messages into <script>.log. Returns the exit code; 127: no gnuplot.
int run_gnuplot(const std::string& folder, const std::string& script) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, (script + ".log").c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     0666);
  char program[] = "gnuplot";
  std::string argument = script;
  char* arguments[] = {program, argument.data(), nullptr};
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, program, &actions, nullptr, arguments, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return 127;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace

const char* colour(std::size_t i) { return colours[i % std::size(colours)]; }

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? "''" : std::string(1, c);
  return result + "'";
}

Plotted draw(const std::string& folder, const std::string& name, const std::string& data, const std::string& script,
             int width, int height) {
  make_output_folder(folder);
  const std::string base = folder + "/" + name;
  nn::write_file_atomically(base + ".dat", data);
  const std::string sizes = fmt::format("size {},{}", width, height);
  nn::write_file_atomically(
      base + ".gp", "# Draws " + name + ".png and " + name + ".svg from " + name + ".dat:  gnuplot " + name + ".gp\n" +
                        "set encoding utf8\nset terminal pngcairo noenhanced " + sizes + "\nset output '" + name +
                        ".png'\n" + script + "\nset terminal svg noenhanced background '#ffffff' " + sizes +
                        "\nset output '" + name + ".svg'\n" + script + "\nset output\n");
  const int code = run_gnuplot(folder, name + ".gp");
  const std::string log = base + ".gp.log";
  if (code == 127) {
    std::error_code ignored;
    std::filesystem::remove(log, ignored);
    return {"", "",
            "gnuplot is not installed, so there is no picture. The numbers are in " + base +
                ".dat; install gnuplot and run: (cd " + folder + " && gnuplot " + name + ".gp)"};
  }
  if (code != 0) return {"", "", "gnuplot failed: see " + log + "; the numbers are in " + base + ".dat"};
  std::filesystem::remove(log);
  return {base + ".png", base + ".svg", ""};
}

std::string cell(double number) { return std::isfinite(number) ? number_text(number) : "NaN"; }

}  // namespace innerloop::app

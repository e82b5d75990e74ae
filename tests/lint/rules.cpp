// The lints that are a pattern for each line: what is included, which words and which places stand in the text.
#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>

#include "tests/lint/lint.h"
#include "tests/lint/pattern.h"

namespace innerloop::lint {
namespace {

bool ends_with_any(const std::string& text, std::initializer_list<const char*> endings) {
  return std::any_of(endings.begin(), endings.end(), [&](const char* ending) { return text.ends_with(ending); });
}
bool is_code(const std::string& path) { return ends_with_any(path, {".h", ".cpp", ".cu", ".cuh"}); }
bool is_header(const std::string& path) { return ends_with_any(path, {".h", ".cuh"}); }
// Which room of rl/ a file is in, or "rl" itself: training <- experience <- rl.
std::string room_of(const std::string& path) {
  for (const char* room : {"rl/training", "rl/experience"})
    if (path.starts_with(std::string(room) + "/")) return room;
  return "rl";
}
std::string folder_of(const std::string& path) { return path.substr(0, path.find('/')); }

// A rule that is one pattern: every line of the given files that matches it is a finding.
void find_pattern(const File& file, const std::string& text, const Pattern& pattern, const std::string& what,
                  std::vector<Finding>& findings) {
  int number = 0;
  for (const std::string& line : lines_of(text)) {
    ++number;
    if (const auto match = pattern.search(line)) findings.push_back({file.path, number, what + ": " + (*match)[0]});
  }
}

}  // namespace

// ---- Includes -------------------------------------------------------------------------------------------------------
namespace {

// What the file at `path` may not include, in words; empty if this include is fine.
std::string complaint_about(const std::string& path, const std::string& included, bool quoted) {
  static const std::map<std::string, std::set<std::string>> may_see = {
      {"kernels", {"kernels"}},
      {"autodiff", {"kernels", "autodiff"}},
      {"nn", {"kernels", "autodiff", "nn"}},
      {"envs", {"kernels", "envs"}},
      {"rl", {"kernels", "autodiff", "nn", "rl"}},
      {"meta", {"kernels", "autodiff", "nn", "envs", "rl", "meta"}},
      {"app", {"kernels", "autodiff", "nn", "envs", "rl", "meta", "app"}}};
  const std::string folder = folder_of(path), other = folder_of(included);
  if (quoted) {
    if (included.find('/') == std::string::npos) return "an include path starts at the repository's root";
    if (folder == "rl" && other == "envs" && room_of(path) == "rl/experience") return "";
    if (folder == "rl" && other == "rl") {
      const std::string room = room_of(path), of_included = room_of(included);
      if (room == "rl/training" && of_included != room) return room + " may not see " + of_included;
      if (room == "rl/experience" && of_included == "rl") return room + " may not see the algorithms";
    }
    return may_see.at(folder).contains(other) ? "" : folder + " may not see " + other;
  }
  if (other == "Eigen" || other == "unsupported" || other == "eigen3")
    return "Eigen is an oracle of the tests; the library does without it";
  if (other == "CLI" || other == "toml++") return folder == "app" ? "" : other + " belongs to app";
  if ((other == "fmt" || other == "nlohmann") && is_header(path)) return other + " belongs into .cpp files";
  return "";
}

}  // namespace

std::vector<Finding> check_includes(const std::vector<File>& files) {
  static const Pattern include(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::vector<Finding> findings;
  for (const File& file : files) {
    if (!is_code(file.path) || folder_of(file.path) == "tests") continue;
    int number = 0;
    for (const std::string& line : lines_of(file.text)) {
      ++number;
      const auto match = include.search(line);
      if (!match) continue;
      const std::string& included = (*match)[2];
      const std::string complaint = complaint_about(file.path, included, (*match)[1] == "\"");
      if (!complaint.empty()) findings.push_back({file.path, number, included + ": " + complaint});
    }
  }
  return findings;
}

// Headers that include each other in a circle: the first file of each circle, with its way around.
std::vector<Finding> check_circles(const std::vector<File>& files) {
  static const Pattern include(R"re(^\s*#\s*include\s*"([^"]+)")re");
  std::map<std::string, std::vector<std::string>> included;
  for (const File& file : files)
    if (is_header(file.path))
      for (const std::string& line : lines_of(file.text))
        if (const auto match = include.search(line)) included[file.path].push_back((*match)[1]);
  // Depth first; a file met again on the way that led to it closes a circle.
  std::vector<Finding> findings;
  std::set<std::string> done;
  std::vector<std::string> way;
  const std::function<void(const std::string&)> visit = [&](const std::string& path) {
    if (const auto again = std::ranges::find(way, path); again != way.end()) {
      std::string circle;
      for (auto at = again; at != way.end(); ++at) circle += *at + " -> ";
      findings.push_back({path, 0, "a circle: " + circle + path});
      return;
    }
    if (done.contains(path)) return;
    way.push_back(path);
    for (const std::string& next : included[path]) visit(next);
    way.pop_back();
    done.insert(path);
  };
  for (const File& file : files) visit(file.path);
  return findings;
}

// ---- Words ----------------------------------------------------------------------------------------------------------
std::vector<Finding> check_forbidden(const std::vector<File>& files) {
  static const Pattern comment("#[^\n]*");  // of CMake, make and the shell
  static const Pattern macro(R"(^\s*#\s*define\b.*)");
  static const Pattern relaxed(
      "-f"
      "fast-math|-O"
      "fast|-funsafe-"
      "math|fast-"
      "math");
  static const Pattern random(R"(std::(normal|uniform_real|uniform_int)_distribution|std::random_device|\brand\s*\()");
  static const Pattern unfinished(
      "\\b(TO"
      "DO|FIX"
      "ME|XX"
      "X|HA"
      "CK)\\b");
  // What the emulator of CUDA kernels cannot see (kernels/cuda/simt/simt.h says what to write instead).
  static const Pattern not_emulated(R"(\b__shared__\b|\bvolatile\b|\basm\b|\bclock64\b|#\s*include\s*<cu)");
  std::vector<Finding> findings;
  for (const File& file : files) {
    // The shim of the test framework and the SIMT kernels are the two places that need macros.
    const bool may_define = file.path.starts_with("kernels/cuda/") || file.path == "tests/catch_main.cpp";
    if (is_code(file.path)) {
      const std::string code = code_only(file.text);
      if (!may_define) find_pattern(file, code, macro, "a macro", findings);
      const bool is_kernel = ends_with_any(file.path, {".cu", ".cuh"}) || file.path.starts_with("kernels/cuda/");
      const bool is_cuda_itself = file.path.starts_with("kernels/cuda/simt/") || file.path.ends_with("_on_cuda.cpp") ||
                                  file.path.starts_with("tests/bench/");
      if (is_kernel && !is_cuda_itself) find_pattern(file, code, not_emulated, "what is not emulated", findings);
      find_pattern(file, code, random, "numbers that differ between machines", findings);
      find_pattern(file, code, relaxed, "relaxed floating point", findings);
    } else if (ends_with_any(file.path, {"CMakeLists.txt", ".cmake", ".json", "Makefile", ".sh"})) {
      find_pattern(file, comment.replace(file.text, ""), relaxed, "relaxed floating point", findings);
    }
    find_pattern(file, file.text, unfinished, "a mark of unfinished work", findings);
  }
  return findings;
}

std::vector<Finding> check_words(const std::vector<File>& files) {
  // The house's word, where it may stand all the same, and the field's.
  static const struct {
    Pattern word, allowed;
    const char* instead;
  } words[] = {
      {Pattern(R"(\bfollow(ed|ers?)?\(|\bfollowers?\b|\btargets? (that )?follows?\b)"), Pattern("^$"),
       "polyak_update, target networks"},
      {Pattern(R"(\b[Jj]udg)"), Pattern("^(meta/meta_gradient|autodiff/)"), "evaluate, check"},
      {Pattern(R"(\bgoes_on\b)"), Pattern("^$"), "not_done"},
      {Pattern(R"(\b([Cc]hosen|[Cc]hoose[sd]?)\b.*\baway\b)"), Pattern("^$"), "masked"},
      {Pattern("^## (The equations|Details and departures)$"), Pattern("^$"),
       "Key equations, Implementation details and departures: one set of titles"},
      {Pattern(R"(\b[Ll]atents?\b)"), Pattern("^meta/"), "the learner's knowledge; a method's z stands in meta/"},
  };
  static const std::set<std::string> folders = {"nn", "rl", "meta"};
  std::vector<Finding> findings;
  for (const File& file : files) {
    if (!folders.contains(folder_of(file.path)) || !(is_code(file.path) || file.path.ends_with(".md"))) continue;
    for (const auto& [word, allowed, instead] : words)
      if (!allowed.search(file.path)) find_pattern(file, file.text, word, std::string("say ") + instead, findings);
  }
  return findings;
}

std::vector<Finding> check_tables(const std::vector<File>& files) {
  static const Pattern default_in_a_row(R"(\.value\s*=\s*")");
  static const Pattern value_by_name(R"((\.|->)(boolean|integer|real|text|integers|reals)\(\s*")");
  static const Pattern word_to_enum(R"(==\s*"[a-z0-9_-]+"\s*\?)");
  static const Pattern shape_check("use the options of the run that wrote it");
  std::vector<Finding> findings;
  for (const File& file : files) {
    if (!is_code(file.path) || (folder_of(file.path) != "rl" && folder_of(file.path) != "meta")) continue;
    find_pattern(file, file.text, default_in_a_row, "a default stands in the Config, not in a row", findings);
    find_pattern(file, file.text, value_by_name, "values are read by a table", findings);
    find_pattern(file, file.text, word_to_enum, "words stand beside their enum", findings);
    if (!file.path.ends_with("/checkpoint.cpp") && !file.path.ends_with("/checkpoint.h"))
      find_pattern(file, file.text, shape_check, "checkpoints are checked in one place", findings);
  }
  return findings;
}

std::vector<Finding> check_places(const std::vector<File>& files) {
  static const Pattern path(
      R"((^|[^A-Za-z0-9_.~/}-])/(home|root|work|tmp|mnt|srv|Users|scratch|workspace|private)/[^\s"'`)]*)");
  static const Pattern host(R"(\b[a-z0-9][a-z0-9-]*\.(internal|lan|corp|intranet|localdomain)\b|\blocalhost\b)");
  static const Pattern link(R"(\b(?:https?|ftp|ssh|git)://([A-Za-z0-9.-]+))");
  // Papers, public code, standards. Another one may join if it will stand for as long as a paper does.
  static const std::set<std::string> lasting = {"arxiv.org",
                                                "doi.org",
                                                "github.com",
                                                "openreview.net",
                                                "proceedings.mlr.press",
                                                "jmlr.org",
                                                "www.jmlr.org",
                                                "papers.nips.cc",
                                                "proceedings.neurips.cc",
                                                "incompleteideas.net",
                                                "eigen.tuxfamily.org",
                                                "en.wikipedia.org",
                                                "huggingface.co",
                                                "json.schemastore.org",
                                                "bair.berkeley.edu",
                                                "distill.pub",
                                                "www.nature.com",
                                                "no-color.org"};
  std::vector<Finding> findings;
  for (const File& file : files) {
    find_pattern(file, file.text, path, "the path of a machine", findings);
    find_pattern(file, file.text, host, "the name of a host", findings);
    int number = 0;
    for (const std::string& line : lines_of(file.text)) {
      ++number;
      for (const Match& match : link.all(line))
        if (!lasting.contains(match[1])) findings.push_back({file.path, number, "a link to " + match[1]});
    }
  }
  return findings;
}

}  // namespace innerloop::lint

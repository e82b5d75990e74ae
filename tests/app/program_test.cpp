// The verbs that only tell: help, list, explain, plot; and the statistics they print.
#include "app/program.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "app/checks.h"
#include "app/equations.h"
#include "app/gnuplot.h"
#include "app/statistics.h"
#include "autodiff/op_table.h"
#include "kernels/cuda/cublas.h"
#include "tests/app/folder.h"
#include "tests/app/toy.h"
#include "tests/bench/network_model.h"
#include "tests/catch.h"
#include "tests/kernels/thread_count.h"
#include "tests/sanitized.h"

using namespace innerloop;
using namespace innerloop::app;
using toy::program;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("program: without arguments it helps, with examples first", "[app]") {
  const Outcome help = program({});
  CHECK(help.code == success);
  CHECK(help.out.find("Examples:") < help.out.find("Verbs"));
  CHECK(program({"--version"}).out == "innerloop 0.1.0\n");
  for (const Verb& verb : all_verbs()) {
    INFO(verb.name);
    const Outcome outcome = program({verb.name, "--help"});
    CHECK(outcome.code == success);
    CHECK_THAT(outcome.out, ContainsSubstring("usage: innerloop " + std::string(verb.name)));
    CHECK(program({verb.name, "--no-such-flag"}).code == usage);
  }
  CHECK_THAT(program({"train", "toy", "--help"}).out, ContainsSubstring("--rate 0.1"));
  CHECK_THAT(program({"train", "toy", "--help"}).out, ContainsSubstring("--no-second-order"));  // on by default
}

TEST_CASE("list: the same facts as text, JSON and Markdown", "[app]") {
  CHECK_THAT(program({"list", "algorithms"}).out, ContainsSubstring("toy"));
  CHECK_THAT(program({"list", "presets", "toy"}).out, ContainsSubstring("large steps"));
  CHECK_THAT(program({"list", "options", "toy", "--markdown"}).out, ContainsSubstring("| `rate` | `0.1` |"));
  const auto options = nlohmann::json::parse(program({"list", "options", "toy", "--json"}).out);
  CHECK(options[1]["flag"] == "--rate");
  CHECK(options[1]["paper"] == "0.1 (A.2)");
  CHECK(nlohmann::json::parse(program({"list", "algorithms", "--json"}).out)[0]["name"] == "toy");
  CHECK(nlohmann::json::parse(program({"list", "envs", "--json"}).out)[0]["name"] == "point-nav-v1");
  CHECK_THAT(program({"list", "option"}).err, ContainsSubstring("Did you mean 'options'?"));
  CHECK_THAT(program({"list", "options"}).err, ContainsSubstring("which one?"));
}

TEST_CASE("explain: a tag, its text, its line, and the tests whose names contain it", "[app]") {
  const SourceText sources[] = {
      {"meta/toy.h", "#pragma once\n// [Toy section 2]\n"},
      {"meta/toy.cpp",
       "// Not tagged: [brackets] in a comment.\n"
       "  // [Toy eq. 1]  x' = x - rate f'(x)\n  // with f' noisy\n  double step();\n  // apart\n// [Toy alg. 1]\n"},
      {"meta/other.cpp", "// [Other eq. 1] nothing\n"},
      {"meta/toys.cpp", "// [Toys eq. 1] nothing\n"},
      {"meta/toy_trainer.cpp", "// [Toy eq. 7] more of the same\n"},
      {"tests/meta/toy_test.cpp",
       "\nTEST_CASE(\"[Toy eq. 1] one step by hand\", \"[toy]\") {}\nTEST_CASE(\n    \"converges \"\n    \"[Toy eq. "
       "1]\") {}\n"},
  };
  const std::vector<Equation> found = find_equations("meta/toy.cpp", sources);
  REQUIRE(found.size() == 4);
  CHECK(found[0].tag == "Toy section 2");
  CHECK(found[1].tag == "Toy eq. 1");
  CHECK(found[1].text == "x' = x - rate f'(x)\nwith f' noisy");
  CHECK(found[1].file == "meta/toy.cpp");
  CHECK(found[1].line == 2);
  CHECK(found[1].tests == std::vector<std::string>{"tests/meta/toy_test.cpp:2 [Toy eq. 1] one step by hand",
                                                   "tests/meta/toy_test.cpp:3 converges [Toy eq. 1]"});
  CHECK(found[2].tag == "Toy alg. 1");
  CHECK(found[2].text.empty());
  CHECK(found[2].tests.empty());
  CHECK(found[3].file == "meta/toy_trainer.cpp");
  REQUIRE(find_folder_equations("meta", sources).size() == 6);
  CHECK(find_folder_equations("meta", sources)[1].tests.size() == 2);
  CHECK(find_folder_equations("rl", sources).empty());
  CHECK(program({"explain", "toy"}).code == success);
  CHECK(program({"explain", "toi"}).code == usage);
}

TEST_CASE("explain: the equations of a folder that holds no algorithm", "[app]") {
  const Outcome nn = program({"explain", "nn"});
  CHECK(nn.code == success);
  CHECK_THAT(nn.out, ContainsSubstring("[Adam eq. step]  nn/optimizer.cpp:"));
  CHECK_THAT(nn.out, ContainsSubstring("    test: tests/nn/networks_test.cpp:"));
  CHECK_THAT(nn.out, !ContainsSubstring("test: none"));
}

TEST_CASE("explain: the sources are compiled in as they are", "[app]") {
  for (const SourceText& source : embedded_sources())
    if (source.path == "rl/training/options.h") {
      CHECK(source.text == contents("rl/training/options.h"));
      return;
    }
  FAIL("rl/training/options.h is not embedded");
}

TEST_CASE("statistics: Student's intervals against tables and by hand [Student eq. interval]", "[app]") {
  // Quantiles as printed in any table, to three digits.
  const std::pair<std::size_t, double> table[] = {{1, 12.706}, {2, 4.303},  {3, 3.182},   {4, 2.776},
                                                  {9, 2.262},  {39, 2.023}, {1000, 1.962}};
  for (const auto& [degrees, quantile] : table) {
    INFO(degrees << " degrees of freedom");
    CHECK(student_t_975(degrees) == Approx(quantile).margin(degrees == 3 ? 0.004 : 0.0011));
  }
  // 1, 2, 3, 4: mean 2.5, s² = 5/3, half width 3.182·√(5/12).
  const double values[] = {1, 2, 3, 4};
  CHECK(mean_interval(values).mean == Approx(2.5));
  CHECK(mean_interval(values).half_width == Approx(3.182 * std::sqrt(5.0 / 12)).epsilon(2e-3));
  CHECK(std::isnan(mean_interval(std::span(values, 1)).half_width));
  CHECK(text_table({{"name", "r"}, {"θ", "-40"}}) == "name    r\n----  ---\nθ     -40\n");
}

TEST_CASE("plot: curves of runs with the same settings are averaged; the numbers stay beside the picture", "[app]") {
  TestFolder folder;
  for (const char* seed : {"1", "2", "3"})
    REQUIRE(program({"train", "toy", "--seed", seed, "--out", folder / seed, "--quiet"}).code == success);
  const Outcome plotted = program({"plot", folder / "1", folder / "2", folder / "3", "--out", folder / "plots"});
  const std::string data = contents(folder / "plots/loss.dat");
  CHECK_THAT(data, ContainsSubstring("# toy, 3 seeds\n1 9 9 9\n"));  // all start at (0 − 3)²
  CHECK_THAT(contents(folder / "plots/loss.gp"), ContainsSubstring("filledcurves"));
  if (plotted.code == success) {
    CHECK(contents(folder / "plots/loss.png").substr(1, 3) == "PNG");
    CHECK_THAT(contents(folder / "plots/loss.svg"), ContainsSubstring("</svg>"));
  } else {
    CHECK_THAT(plotted.err, ContainsSubstring("gnuplot is not installed"));  // the only excuse
  }
  CHECK_THAT(program({"plot", folder / "1", "--metric", "lsos"}).err, ContainsSubstring("Did you mean 'loss'?"));
}

TEST_CASE("plot: without gnuplot the numbers and the script are written, and the message says so", "[app]") {
  TestFolder folder;
  const std::string path = ::getenv("PATH");
  ::setenv("PATH", folder.path.c_str(), 1);
  const Plotted plotted = plot_paths(folder / "p", "paths", "it's a title",
                                     {{"task 0", {{"before", {{0, 0}, {0.1, 0.2}}}}, true, {0.3, 0.4}}});
  ::setenv("PATH", path.c_str(), 1);
  CHECK_THAT(plotted.problem, ContainsSubstring("gnuplot is not installed"));
  CHECK_THAT(contents(folder / "p/paths.dat"), ContainsSubstring("# task 0, before\n0 0\n0.1 0.2\n"));
  CHECK_THAT(contents(folder / "p/paths.gp"), ContainsSubstring("'it''s a title'"));
}

TEST_CASE("check: operations hold, in text and in JSON, and an unknown one is named", "[app]") {
  const Outcome text = program({"check", "tanh"});
  CHECK(text.code == success);
  CHECK_THAT(text.out, ContainsSubstring("cases hold"));
  const auto json = nlohmann::json::parse(program({"check", "tanh", "--json"}).out);
  CHECK(json["ok"] == true);
  CHECK(json["reports"][0]["subject"] == "tanh");
  CHECK(json["reports"][0]["levels"].size() >= 5);
  CHECK_THAT(program({"check", "tahn"}).err, ContainsSubstring("Did you mean 'tanh'?"));
  CHECK(program({"check", "tahn"}).code == usage);
  if (sanitized) return;  // the cases of maml are checked under the sanitizers in tests/meta
  // "Is it really second order?": first-order MAML cuts gradient, log-likelihood MAML cuts none.
  const Outcome maml = program({"check", "maml"});
  CHECK(maml.code == success);
  const std::string gaps = maml.out.substr(maml.out.find("Cut by stop_gradient"));
  CHECK_THAT(gaps, ContainsSubstring("maml, log-likelihood, K = 1              nothing\n"));
  CHECK(gaps.find("maml, first-order, K = 1                 nothing") == std::string::npos);
}

// [threads] app/check.cpp
TEST_CASE("check: cases that threads share give the same table as one thread", "[app][threads]") {
  const auto reports = [](int threads) {
    const ThreadCount count(threads);
    return nlohmann::json::parse(program({"check", "square", "--json"}).out)["reports"].dump();
  };
  const std::string one = reports(1);
  CHECK_THAT(one, ContainsSubstring("square"));
  CHECK(reports(3) == one);
}

TEST_CASE("check: a wrong rule gives exit code 1 and is named, with its line, in text and in JSON", "[app]") {
  OpTable wrong = op_table();
  wrong[static_cast<std::size_t>(Op::tanh)].vjp_factor[0] = 1.001;
  std::vector<CheckCase> cases = find_check_cases("tanh"), other = find_check_cases("sin");
  const std::size_t wrong_cases = cases.size();
  std::ranges::move(other, std::back_inserter(cases));
  const auto outcome = [&](bool json, bool full) {
    std::ostringstream out, err;
    const int code = report_checks({toy::rows, out, err}, cases, {.table = &wrong, .elements = 12}, json, full);
    return Outcome{code, out.str(), err.str()};
  };
  for (const bool full : {false, true}) {
    const Outcome text = outcome(false, full);
    CHECK(text.code == failure);
    CHECK_THAT(text.out, ContainsSubstring("FAILS at 'duality'") && ContainsSubstring("fails by itself is tanh #") &&
                             ContainsSubstring("(1 − y²)") && ContainsSubstring(".cpp:"));
    CHECK_THAT(text.out, ContainsSubstring(std::to_string(wrong_cases) + " of " + std::to_string(cases.size()) +
                                           " cases FAIL"));
  }
  const Outcome text = outcome(true, false);
  CHECK(text.code == failure);
  const auto json = nlohmann::json::parse(text.out);
  CHECK(json["ok"] == false);
  REQUIRE(json["reports"].size() == cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto& report = json["reports"][i];
    INFO(report["name"]);
    CHECK(report["ok"] == (i >= wrong_cases));
    for (const auto& level : report["levels"])
      if (level["name"] == "duality") CHECK(level["ok"] == (i >= wrong_cases));
  }

  // The same cases hold with the rules as they are.
  std::ostringstream out, err;
  CHECK(report_checks({toy::rows, out, err}, cases, {.elements = 12}, true, false) == success);
  CHECK(nlohmann::json::parse(out.str())["ok"] == true);
}

TEST_CASE("bench: an algorithm and the kernels, as JSON too", "[app]") {
  const auto iterations = nlohmann::json::parse(program({"bench", "toy", "--repeats", "3", "--json"}).out);
  CHECK(iterations[0]["threads"] == 1);
  CHECK(iterations[0]["seconds"] > 0);
  const auto kernels = nlohmann::json::parse(program({"bench", "ops", "--repeats", "1", "--json"}).out);
  CHECK(kernels.size() > 20);
  for (const auto& kernel : kernels) CHECK(kernel["f64_ns"] > 0);
}

TEST_CASE("bench networks: every kind is measured on a device; files are read again beside a peer's", "[app][simt]") {
  TestFolder folder;
  const std::string ours = folder / "ours.csv", peers = folder / "peers.csv";
  const Outcome run = program({"bench", "networks", "--tiny", "--device", "simt", "--csv", ours, "--json"});
  REQUIRE(run.code == success);
  const auto timings = nlohmann::json::parse(run.out);
  CHECK(timings.size() == 8);
  for (const auto& timing : timings) {
    INFO(timing.dump());
    CHECK(timing["ms"] > 0);
    CHECK(timing["large_products"] == "own kernel");
  }

  // A peer of twice our time, and a case that it has not.
  const auto first = timings[0]["name"].get<std::string>();
  std::ofstream(peers) << "# PyTorch\ncase,way,ms,floor_ms,remark\n"
                       << first << ",eager," << 2 * timings[0]["ms"].get<double>() << ",,by hand\n";
  const Outcome table = program({"bench", "networks", "--from", ours, "--peers", peers});
  REQUIRE(table.code == success);
  CHECK_THAT(table.out, ContainsSubstring("| eager |") && ContainsSubstring("| 2.00 |"));
  CHECK(std::ranges::count(table.out, '\n') == 2 + 8 + 1 + 2 + 1);

  // MAML's problems for peers: 5 numbers, θ and its gradient, the data of K steps and of the query (2 tasks × 3 rows).
  std::filesystem::create_directory(folder / "problems");
  REQUIRE(program({"bench", "networks", "--tiny", "--problems", folder / "problems"}).code == success);
  for (const std::uintmax_t steps : {1, 3}) {
    const std::string file = folder / "problems/maml_2x4_K" + std::to_string(steps) + "_2_tasks.bin";
    CHECK(std::filesystem::file_size(file) == 8 * (5 + 2 * (3 * 4 + 5 * 4 + 5 * 2 + 2) + 6 * (6 * steps + 7)));
  }

  // What is wrong is said.
  std::ofstream(peers) << "mlp,eager,fast\n";
  CHECK_THAT(program({"bench", "networks", "--from", ours, "--peers", peers}).err, ContainsSubstring("peers.csv:1"));
  CHECK_THAT(program({"bench", "networks", "--only", "cnn"}).err, ContainsSubstring("--only cnn"));
  CHECK_THAT(program({"bench", "ops", "--tiny"}).err, ContainsSubstring("belongs to innerloop bench networks"));
}

TEST_CASE("bench says what does a device's large products: its own kernel, or a library and its version",
          "[app][simt]") {
  const auto lines = [](const std::string& what) {
    const Outcome text = program({"bench", what, "--repeats", "1", "--device", "simt"});
    REQUIRE(text.code == success);
    return text.out;
  };
  CHECK_THAT(lines("ops"), Catch::Matchers::StartsWith("Large products: own kernel\n"));
  const std::vector<std::string> networks{"bench", "networks", "--tiny", "--only", "mlp", "--device", "simt"};
  CHECK_THAT(program(networks).out, ContainsSubstring("\nLarge products: own kernel\n"));

  // No product here is large, so it is not called.
  const kernels::GemmLibrary library{"cuBLAS 99.1", 512, nullptr};
  kernels::set_emulated_gemm_library(&library);
  const std::string text = lines("ops"), table = program(networks).out;
  const Outcome measured = program({"bench", "ops", "--repeats", "1", "--device", "simt", "--json"});
  kernels::set_emulated_gemm_library(nullptr);
  CHECK_THAT(text, Catch::Matchers::StartsWith("Large products: cuBLAS 99.1\n"));
  CHECK_THAT(table, ContainsSubstring("\nLarge products: cuBLAS 99.1\n"));
  for (const auto& item : nlohmann::json::parse(measured.out)) CHECK(item["large_products"] == "cuBLAS 99.1");

  // The CPU has one way only.
  const Outcome cpu = program({"bench", "toy", "--repeats", "1", "--json"});
  CHECK(cpu.out.find("large_products") == std::string::npos);
}

TEST_CASE("network_prediction: predictions stay above the floor, and the least arithmetic is that of the facts",
          "[app][simt]") {
  for (const NetworkCase& c : network_cases(false)) {
    INFO(c.name());
    const GpuModel gpu = h200();
    const PlanCost cost = predicted_cost(c, gpu);
    CHECK(cost.flops >= c.least_flops() * 0.999);
    CHECK(cost.ms > c.least_flops() / gpu.flops_per_second() * 1e3);
    CHECK(cost.waiting_ms < cost.ms);
  }
  // 40 × 2000 rows, 20·64 + 64·64 + 64·6 products a layer, three times, but for x̄.
  CHECK(network_cases(false)[0].least_flops() == 2.0 * 80000 * (3 * 5760 - 1280));
}

TEST_CASE("adapt: the table, the JSON and the files agree; published figures stand beside", "[app]") {
  TestFolder folder;
  for (const char* seed : {"1", "2"})
    REQUIRE(program({"train", "toy", "--seed", seed, "--out", folder / seed, "--quiet"}).code == success);
  const Outcome text = program({"adapt", folder / "1", folder / "2", "--random", "--steps", "2", "--pictures", "2"});
  REQUIRE(text.code == success);
  // 40 goals, 0.4008 from the origin on average (the authors' goals); the untrained toy has x = 0.
  CHECK_THAT(text.out, ContainsSubstring("return on 40 new tasks"));
  CHECK_THAT(text.out, ContainsSubstring("-0.40 ± 0.0"));
  CHECK_THAT(text.out, ContainsSubstring("time-optimal"));
  CHECK_THAT(text.out, ContainsSubstring("-40.41 ± 4.00"));
  const std::string csv = contents(folder / "1/adapt/adapt.csv");
  CHECK(std::ranges::count(csv, '\n') == 1 + 3 * 40);
  CHECK_THAT(csv, ContainsSubstring("learner,task,step0,step1,step2\n"));
  // Standing still, random, time-optimal: each in each of the tasks.
  const std::string references = contents(folder / "1/adapt/references.csv");
  CHECK(std::ranges::count(references, '\n') == 1 + 3 * 40);
  CHECK_THAT(references, ContainsSubstring("policy,task,return\n"));
  CHECK_THAT(references, ContainsSubstring("\ntime-optimal,39,-"));
  CHECK_THAT(contents(folder / "1/adapt/paths.dat"), ContainsSubstring("# task 1, after 2 steps"));

  const auto json = nlohmann::json::parse(
      program({"adapt", folder / "1", "--random", "--tasks", "5", "--steps", "1", "--json", "--out", folder / "j"})
          .out);
  CHECK(json["tasks"].size() == 5);
  CHECK(json["learners"][1]["label"] == "random init");
  CHECK(json["learners"][1]["mean"][1].get<double>() == Approx(json["learners"][1]["mean"][0].get<double>() / 2));
  // The published figures are for the 40 goals: beside other tasks they would mislead.
  CHECK(json["published"].empty());
  const Outcome five = program({"adapt", folder / "1", "--tasks", "5", "--out", folder / "five"});
  CHECK_THAT(five.out, ContainsSubstring("return on 5 new tasks"));
  CHECK(five.out.find("published") == std::string::npos);
  CHECK(contents(folder / "five/adapt.gp").find("published") == std::string::npos);
  const auto forty = nlohmann::json::parse(program({"adapt", folder / "1", "--json"}).out);
  CHECK(forty["published"][0]["mean"][1] == -11.68);
  CHECK(program({"adapt", folder / "none"}).code == failure);
  CHECK(program({"adapt"}).code == usage);
}

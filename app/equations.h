// The equations of an algorithm: where each stands in the source and which test holds it.
//
// A source line "// [MAML eq. 1]  theta_i = …" tags an equation; the comment lines after it belong to its text. A test
// whose name contains "[MAML eq. 1]" is a test of it. The sources are compiled into the program
// (app/embed_sources.cmake), so that this works wherever the program is.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace innerloop::app {

struct SourceText {
  std::string_view path;  // "meta/maml.cpp"
  std::string_view text;
};
std::span<const SourceText> embedded_sources();  // those that hold equations, and their tests

struct Equation {
  std::string tag;   // "MAML eq. 1"
  std::string text;  // what the comment says, without slashes; lines separated by '\n'
  std::string file;
  int line = 0;
  std::vector<std::string> tests;  // "tests/meta/maml_test.cpp:41 name of the test"
};

// The equations of `source` ("meta/maml.cpp") and of its companions (maml.h, maml_trainer.cpp), headers first.
std::vector<Equation> find_equations(std::string_view source, std::span<const SourceText> sources);
// The equations of all sources of a folder ("nn").
std::vector<Equation> find_folder_equations(std::string_view folder, std::span<const SourceText> sources);

}  // namespace innerloop::app

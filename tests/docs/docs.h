// Chapters stay true: parts of the Markdown files are generated, and a test compares them with what they are made of.
//
//   <!-- code: meta/maml.cpp#adapt -->       then a fenced block: what stands between "// region: adapt" and its end
//   <!-- run: innerloop explain maml -->     then a fenced block: the command and what it prints
//   <!-- table: innerloop list options maml --markdown -->   then the table that the command prints
//   <!-- equations: meta/maml.cpp -->        then a table: equation tag, source line, test
//
// Any other block says what it is instead: see check_blocks in tests/lint/lint.h.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/lint/lint.h"

namespace innerloop::docs {

// Runs "innerloop ..." and returns what it printed.
using Console = std::function<std::string(const std::string& command)>;

// The lines of a region of a source, without the indentation they share. No name: the whole text. Throws if there is
// none.
std::string region(const std::string& text, const std::string& name);

// Whether two outputs of one command say the same. Words must be equal (blanks may differ in number) and so must whole
// numbers. Times (a number and a unit) may differ. Other numbers agree to 3 digits. A number such as 3.1e-12 is an
// error: it may change as long as it stays at or below the largest such number that did not change, the tolerance, on
// its line or on a line above.
bool same_console(const std::string& recorded, const std::string& now);

// The chapter with its generated blocks made anew. A console block that says the same as before is left as it is.
// What cannot be made (no such file, region or command) is added to `findings`.
std::string rewritten(const lint::File& chapter, const std::vector<lint::File>& files, const Console& console,
                      std::vector<lint::Finding>& findings);

// Runs the program in the build folder that INNERLOOP_BUILD names ("build" if it names none).
std::string run_program(const std::string& command);

}  // namespace innerloop::docs

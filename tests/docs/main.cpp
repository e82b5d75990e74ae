// docs_tool write: makes the generated blocks of every chapter anew. Run from the repository's root (make docs).
#include <cstdio>
#include <fstream>

#include "tests/docs/docs.h"

using namespace innerloop;

int main(int count, char** arguments) {
  if (count != 2 || std::string(arguments[1]) != "write") {
    std::fputs("usage: docs_tool write   (from the repository's root)\n", stderr);
    return 2;
  }
  const std::vector<lint::File> files = lint::read_repository(".");
  std::vector<lint::Finding> findings;
  for (const lint::File& file : files) {
    if (!file.path.ends_with(".md")) continue;
    const std::string text = docs::rewritten(file, files, docs::run_program, findings);
    if (text == file.text) continue;
    std::ofstream(file.path, std::ios::binary) << text;
    std::printf("rewrote %s\n", file.path.c_str());
  }
  std::fputs(lint::to_string(findings).c_str(), stderr);
  return findings.empty() ? 0 : 1;
}

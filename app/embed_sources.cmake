# Writes OUTPUT, a C++ file with the text of the given sources (SOURCES, relative to ROOT, separated by '|'):
# what `innerloop explain` reads. Run at build time, whenever one of them changes.
string(REPLACE "|" ";" sources "${SOURCES}")
set(code "// Written by app/embed_sources.cmake.\n#include \"app/equations.h\"\n\nnamespace innerloop::app {\nnamespace {\n")
string(APPEND code "const SourceText sources[] = {\n    {\"\", \"\"},\n")
foreach(source IN LISTS sources)
  file(READ "${ROOT}/${source}" text)
  string(APPEND code "    {\"${source}\", R\"innerloop(${text})innerloop\"},\n")
endforeach()
string(APPEND code "};\n}  // namespace\n\nstd::span<const SourceText> embedded_sources() { return sources; }\n\n}  // namespace innerloop::app\n")
file(WRITE "${OUTPUT}" "${code}")

# Writes the ctest script `listing` with one test per TEST_CASE of `program`; called after each link of a test program.
# Names may hold [ ] ; and commas, which both CMake's lists and Catch's test specifications would take for syntax.
cmake_minimum_required(VERSION 3.25)

# names(variable specification...): the test names that match, with [ ] ; replaced by words that lists leave alone.
function(names variable)
  execute_process(COMMAND ${program} ${list_tests} ${ARGN} OUTPUT_VARIABLE text WORKING_DIRECTORY ${root})
  string(REPLACE "[" "<open>" text "${text}")
  string(REPLACE "]" "<close>" text "${text}")
  string(REPLACE ";" "<semicolon>" text "${text}")
  string(REGEX REPLACE "\n+" ";" text "${text}")
  list(FILTER text EXCLUDE REGEX "^$")
  set(${variable} "${text}" PARENT_SCOPE)
endfunction()

names(all)
names(learning "[learning]")
names(slow "[slow]")
names(timing "[timing]")

set(script "")
foreach(name IN LISTS all)
  set(labels ${folder})
  set(alone OFF)
  foreach(tag learning slow timing)
    if(name IN_LIST ${tag})
      list(APPEND labels ${tag})
    endif()
  endforeach()
  if(name IN_LIST timing)
    set(alone ON)
  endif()
  string(REPLACE "<open>" "[" name "${name}")
  string(REPLACE "<close>" "]" name "${name}")
  string(REPLACE "<semicolon>" ";" name "${name}")
  string(REGEX REPLACE "([][,\\\"])" "\\\\\\1" specification "${name}")
  string(APPEND script
    "add_test([==[${folder}: ${name}]==] [==[${program}]==] [==[${specification}]==])\n"
    "set_tests_properties([==[${folder}: ${name}]==] PROPERTIES WORKING_DIRECTORY [==[${root}]==]\n"
    "  ENVIRONMENT [==[INNERLOOP_BUILD=${build}]==] TIMEOUT 1200 RUN_SERIAL ${alone} LABELS [==[${labels}]==])\n")
endforeach()
file(WRITE ${listing} "${script}")

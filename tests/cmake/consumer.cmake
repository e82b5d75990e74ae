# Installs the build into <build>/consumer/prefix, then configures, builds and runs the project in tests/consumer on it.
cmake_minimum_required(VERSION 3.25)

set(place ${build}/consumer)
file(REMOVE_RECURSE ${place})

function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${result}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

step(${CMAKE_COMMAND} --install ${build} --prefix ${place}/prefix)
step(${CMAKE_COMMAND} -S ${source} -B ${place}/build -D CMAKE_PREFIX_PATH=${place}/prefix
     -D CMAKE_CXX_COMPILER=${compiler})
step(${CMAKE_COMMAND} --build ${place}/build)
step(${place}/build/consumer)
if(NOT output STREQUAL "y' = 27, y'' = 18\n")
  message(FATAL_ERROR "the consumer printed something else:\n${output}")
endif()

# Every installed header compiles with nothing but the other installed headers and the standard library.
file(GLOB_RECURSE headers RELATIVE ${place}/prefix/include/innerloop ${place}/prefix/include/innerloop/*.h)
list(TRANSFORM headers REPLACE "(.+)" "#include \"\\1\"\n")
string(CONCAT all ${headers})
file(WRITE ${place}/all_headers.cpp "${all}")
step(${compiler} -std=c++20 -fsyntax-only -I ${place}/prefix/include/innerloop ${place}/all_headers.cpp)

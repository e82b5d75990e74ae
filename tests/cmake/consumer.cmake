# Installs the build into <build>/consumer/prefix, then configures, builds and runs the project in tests/consumer on it:
# the programs of nn/library.md.
cmake_minimum_required(VERSION 3.25)

set(place ${build}/consumer)
file(REMOVE_RECURSE ${place})

function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output
                  WORKING_DIRECTORY ${place})
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${result}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(MAKE_DIRECTORY ${place})
step(${CMAKE_COMMAND} --install ${build} --prefix ${place}/prefix)
step(${CMAKE_COMMAND} -S ${source} -B ${place}/build -D CMAKE_PREFIX_PATH=${place}/prefix
     -D CMAKE_CXX_COMPILER=${compiler})
step(${CMAKE_COMMAND} --build ${place}/build)

# What the chapter says that its blocks print.
step(${place}/build/tour)
set(expected "y' = 27, y'' = 18
(1, 1, 2) f64  0  -3.84
(1, 1, 3) f64  -0.916667  0.0833333  1.14
(1, 1, 2) f64  0.875  1.375
the same numbers came back
right
the values follow x where the derivative does not
")
string(FIND "${output}" "${expected}" at)
if(NOT at EQUAL 0)
  message(FATAL_ERROR "tests/consumer/tour.cpp printed something else than\n${expected}\nnamely\n${output}")
endif()
foreach(part "shape error: matmul, at consumer/tour.cpp:" "A = x (1, 256, 2)  made at consumer/tour.cpp:"
        "B = W (1, 3, 64)  made at consumer/tour.cpp:" "A has 2 columns but B has 3 rows.")
  string(FIND "${output}" "${part}" at)
  if(at LESS 0)
    message(FATAL_ERROR "the error that tests/consumer/tour.cpp prints does not say '${part}':\n${output}")
  endif()
endforeach()

# The network learns (the loss falls to a hundredth), and the two routes to the Hessian-vector product agree to 1e-12.
step(${place}/build/sine)
set(learned "step 0: loss 0\\.[1-9].*step 1000: loss (0\\.00[0-9]*|[0-9.]*e-[0-9]*)\n")
if(NOT output MATCHES "${learned}.*differ by ([0-9.]*e-1[2-9]|0)\n$")
  message(FATAL_ERROR "tests/consumer/sine.cpp printed something else:\n${output}")
endif()

# It compiles in at most 5 s of processor time.
set(compile ${compiler} -std=c++20 -I ${place}/prefix/include/innerloop)
step(sh -c "\"$@\" && times" sh ${compile} -O2 -c ${source}/sine.cpp -o ${place}/sine.o)
if(NOT output MATCHES "\n0m([0-9]+)\\.[0-9]+s 0m[0-9.]+s\n$" OR CMAKE_MATCH_1 GREATER_EQUAL 5)
  message(FATAL_ERROR "tests/consumer/sine.cpp took too long to compile; the shell's times:\n${output}")
endif()

# What must not compile says why.
execute_process(COMMAND ${compile} -fsyntax-only ${source}/refused.cpp RESULT_VARIABLE result ERROR_VARIABLE error)
if(result EQUAL 0 OR NOT error MATCHES "a lambda that captures nothing" OR NOT error MATCHES "pass what varies")
  message(FATAL_ERROR "tests/consumer/refused.cpp was to be refused with a reason, but:\n${error}")
endif()

# The three lines of Python, where there is one with numpy and safetensors (the tests install neither).
find_program(python python3)
set(modules 1)
if(python)
  execute_process(COMMAND ${python} -c "import numpy, safetensors.numpy" RESULT_VARIABLE modules ERROR_QUIET)
endif()
if(modules EQUAL 0)
  step(${CMAKE_COMMAND} -E chdir ${golden}/runs/maml-point-nav-v1-theta ${python} -c
       "exec(open('${source}/load.py').read())\nassert metrics['iteration'].max() == 60 and theta['policy/W1'].shape == (1, 2, 100)")
else()
  message("python3, numpy or safetensors is not there: tests/consumer/load.py was not run")
endif()

# Every installed header compiles with nothing but the other installed headers and the standard library.
file(GLOB_RECURSE headers RELATIVE ${place}/prefix/include/innerloop ${place}/prefix/include/innerloop/*.h)
list(TRANSFORM headers REPLACE "(.+)" "#include \"\\1\"\n")
string(CONCAT all ${headers})
file(WRITE ${place}/all_headers.cpp "${all}")
step(${compile} -fsyntax-only ${place}/all_headers.cpp)

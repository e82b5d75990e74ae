# innerloop: the short commands. CMake does the work; CMakePresets.json names the kinds of build.
#
#   make run      install what is missing, build, run the main job: meta-train MAML, adapt to goals it has never seen
#   make test     install what is missing, build, run every test
#   make check    verify every gradient                make bench   build and run the benchmarks
#   make docs     rewrite the generated parts of the chapters
#   make asan     the tests that train nothing, under the address and undefined-behaviour sanitizers;  make tsan: thread
#   make mutate   take away every barrier of every CUDA kernel in turn: the tests must notice
#   make cuda-all compile the CUDA kernels for compute capability 8.0 and 12.0 too, and compare what they need with its budget
#   make gpu-kit  a folder to carry to a machine with a GPU: tests and benchmarks, run by one script
#   make compile-times   seconds per source file at -O2, slowest first
#   make format   fold lines over 120 characters (needs clang-format)
#   make build    build only                           make clean   remove all that was built
#
# Options: PORTABLE=1 (any processor of the last ten years), CUDA=AUTO|ON|OFF, JOBS=n, ARGS="..." (for run and check).
JOBS     ?= $(shell nproc 2>/dev/null || echo 2)
CUDA     ?= AUTO
ARGS     ?=
OPTIONS   = -D INNERLOOP_PORTABLE=$(if $(filter-out 0,$(PORTABLE)),ON,OFF) -D INNERLOOP_CUDA=$(CUDA)
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := build
.PHONY: help format run test check bench docs asan tsan mutate cuda-all gpu-kit compile-times record configure build tools clean

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | sed '/^Tests tagged/d'

tools:
	@sh tests/tools/bootstrap.sh

configure: tools
	@mkdir -p build
	@cmake --preset release $(OPTIONS) > build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@grep 'CUDA:' build/configure.log

build: configure
	@cmake --build build -j $(JOBS)

run: configure
	@cmake --build build -j $(JOBS) --target innerloop
	@build/innerloop run $(ARGS)

test: build
	@sh tests/tools/run_tests.sh build $(JOBS)

check: build
	@build/innerloop check all $(ARGS)

bench: build
	@cmake --build build -j $(JOBS) --target benches
	@for program in build/bench/*; do echo "== $$program"; $$program || exit 1; done

record: build
	@sh tests/tools/record_run.sh build/innerloop
	@sh tests/tools/record_maml.sh build/innerloop
	@sh tests/tools/record_films.sh build/innerloop

docs: build
	@build/docs_tool write

# Tests tagged [learning] train, those tagged [timing] measure: neither says more under a sanitizer.
asan tsan: tools
	@cmake --preset $@ -D INNERLOOP_CUDA=OFF > /dev/null
	@cmake --build build-$@ -j $(JOBS)
	@sh tests/tools/run_tests.sh build-$@ $(JOBS) -LE 'learning|timing'

mutate cuda-all gpu-kit: build
	@cmake --build build -j $(JOBS) --target $@

compile-times: tools
	@sh tests/tools/compile_times.sh build-times

format:
	@sh tests/tools/format.sh

clean:
	rm -rf build build-asan build-tsan build-times

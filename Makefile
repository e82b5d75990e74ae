# innerloop: the short commands. CMake does the work; CMakePresets.json names the kinds of build.
#
#   make run      install what is missing, build, run the main job: meta-train MAML, adapt to goals it has never seen
#   make test     install what is missing, build, run every test
#   make check    verify every gradient                make bench   build and run the benchmarks
#   make check-seeds   50 seeds of that and 1000 random right programs: no false alarm (half an hour; resumable)
#   make docs     rewrite the generated parts of the chapters
#   make asan     all tests but those tagged [plain], under the address and undefined-behaviour sanitizers
#   make tsan     the tests tagged [threads], under the thread sanitizer (tests/README.md)
#   make mutate   take away every barrier of every CUDA kernel in turn: the tests must notice
#   make main-job the main job as long as `make run` trains, held to its promises;  make record: record all runs anew
#   make cuda-all compile the CUDA kernels for compute capability 8.0 and 12.0 too, and compare what they need with its budget
#   make gpu-kit  a folder to carry to a machine with a GPU: tests and benchmarks, run by one script
#   make compile-times   seconds per source file at -O2, slowest first
#   make format   fold lines over 120 characters (needs clang-format)
#   make build    build only                           make clean   remove all that was built
#
# Options: PORTABLE=1 (any processor of the last ten years), CUDA=AUTO|ON|OFF, EMULATOR=ON|OFF (the CUDA kernels on the
# CPU), JOBS=n, ARGS="..." (for run and check).
JOBS     ?= $(shell nproc 2>/dev/null || echo 2)
CUDA     ?= AUTO
EMULATOR ?= ON
ARGS     ?=
OPTIONS   = -D INNERLOOP_PORTABLE=$(if $(filter-out 0,$(PORTABLE)),ON,OFF) -D INNERLOOP_CUDA=$(CUDA) \
            -D INNERLOOP_EMULATOR=$(EMULATOR)
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := build
.PHONY: help format run test check check-seeds bench docs asan tsan mutate cuda-all gpu-kit compile-times main-job record configure build tools clean

help:
	@sed -n '/^JOBS/q; s/^# \{0,1\}//p' Makefile

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

# The test of `make test` trains two iterations; this one trains them all.
main-job: build
	@INNERLOOP_BUILD=build build/tests_app "[whole]"

record: main-job
	@sh tests/tools/record_run.sh build/innerloop
	@sh tests/tools/record_maml.sh build/innerloop
	@sh tests/tools/record_films.sh build/innerloop

check-seeds: build
	@cmake --build build -j $(JOBS) --target bench_check_programs
	@sh tests/tools/record_check.sh build

docs: build
	@build/docs_tool write

# Which tests run here is said by their tags; their programs alone are built.
asan tsan: tools
	@cmake --preset $@ > /dev/null
	@cmake --build build-$@ -j $(JOBS)
	@sh tests/tools/run_tests.sh build-$@ $(JOBS) -L $@

mutate cuda-all gpu-kit: build
	@cmake --build build -j $(JOBS) --target $@

compile-times: tools
	@sh tests/tools/compile_times.sh build-times

format:
	@sh tests/tools/format.sh

clean:
	rm -rf build build-asan build-tsan build-times

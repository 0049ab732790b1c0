# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of what is shown, who may ask, and what can be switched off.
EXTRA_DIST += tests/truth-subr.sh
dist_check_SCRIPTS += tests/truth-status.sh tests/truth-rights.sh tests/truth-hardened.sh
if RUNTIME_ARCH
TESTS += tests/truth-status.sh tests/truth-rights.sh tests/truth-hardened.sh
endif

# Benchmarks of the runtime: `make bench-runtime` prints the table of doc/performance.md.
EXTRA_PROGRAMS += tests/bench/runtime/bench
tests_bench_runtime_bench_SOURCES = tests/bench/runtime/bench.c
tests_bench_runtime_bench_CFLAGS = $(runtime_libdaemon_a_CFLAGS)
tests_bench_runtime_bench_LDADD = $(LIBDAEMON_LIBS)
CLEANFILES += tests/bench/runtime/bench
EXTRA_DIST += tests/bench/runtime/run.sh tests/bench/runtime/bench-target.c \
  tests/bench/runtime/bench-patch.c tests/bench/runtime/bench-many.S
.PHONY: bench-runtime
bench-runtime: all tests/bench/runtime/bench tests/daemon-patch-info
	$(AM_TESTS_ENVIRONMENT) bash $(srcdir)/tests/bench/runtime/run.sh

# Storms and servers under load, for long: `make soak SOAK_SECONDS=… SOAK_CYCLES=…`.
EXTRA_DIST += tests/soak/storm.c tests/soak/storm.sh tests/soak/servers.sh tests/soak/detour.py \
  tests/soak/load.py
.PHONY: soak
soak: all tests/daemon-patch-info
	$(AM_TESTS_ENVIRONMENT) bash $(srcdir)/tests/soak/storm.sh
	$(AM_TESTS_ENVIRONMENT) bash $(srcdir)/tests/soak/servers.sh

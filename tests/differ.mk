# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of syscare-diff on small programs that are built on the spot.
differ_tests = tests/objects-run.sh tests/differ-changes.sh tests/differ-nothing.sh tests/differ-refusals.sh \
  tests/differ-flags.sh tests/differ-cxx.sh \
  tests/differ-cxx-process.sh tests/differ-lto.sh tests/old-calls-differ.sh tests/old-calls-run.sh
if RUNTIME_ARCH
TESTS += $(differ_tests)
endif
EXTRA_DIST += tests/differ-subr.sh tests/pair-subr.sh tests/differ-loader.c
dist_check_SCRIPTS += $(differ_tests)

# Object pairs: tests/objects/CASE has both versions, and golden/ what is extracted from them by each compiler at each
# level. `make check-objects` has all levels and the compilers named; `make update-objects` writes what it finds to
# golden/ in the source directory, to be read before it is kept.
OBJECTS_GCCS = -11 -12
OBJECTS_ALL = OBJECTS_GCCS='$(OBJECTS_GCCS)' OBJECTS_LEVELS='-O0 -O1 -O2 -O3 -Os'
check_PROGRAMS += tests/objects-dump
tests_objects_dump_SOURCES = tests/objects-dump.c
tests_objects_dump_CFLAGS = $(AM_CFLAGS) $(ELF_CFLAGS)
tests_objects_dump_LDADD = $(ELF_LIBS)
EXTRA_DIST += tests/objects tests/objects-case.sh tests/differ-scenarios.md
.PHONY: check-objects update-objects
check-objects: all tests/objects-dump
	$(AM_TESTS_ENVIRONMENT) $(OBJECTS_ALL) bash $(srcdir)/tests/objects-run.sh
update-objects: all tests/objects-dump
	-$(AM_TESTS_ENVIRONMENT) $(OBJECTS_ALL) OBJECTS_UPDATE=1 bash $(srcdir)/tests/objects-run.sh

# What holds for the objects of real packages: `make check-properties CORPUS=dir`, PACKAGES='…' for some of them.
CORPUS = $(SYSCARE_CORPUS)
properties_files = tests/properties/package.py tests/properties/edits.py tests/properties/properties.py
EXTRA_DIST += $(properties_files)
dist_check_SCRIPTS += tests/properties-sample.sh
TESTS += tests/properties-sample.sh
.PHONY: check-properties
check-properties: all tests/package-tool
	test -d '$(CORPUS)'
	$(AM_TESTS_ENVIRONMENT) python3 -B $(srcdir)/tests/properties/properties.py '$(CORPUS)' \
	  '$(abs_top_builddir)/tests/properties.work' $(or $(PACKAGES),cjson expat tinyproxy tinyxml zlib mosquitto)

# Benchmarks of the build side: `make bench-build CORPUS=dir` prints the table of doc/performance.md.
EXTRA_DIST += tests/bench/build/run.py tests/bench/build/scale.py
.PHONY: bench-build
bench-build: all
	test -d '$(CORPUS)'
	$(AM_TESTS_ENVIRONMENT) python3 -B $(srcdir)/tests/bench/build/run.py '$(CORPUS)' \
	  '$(abs_top_builddir)/tests/bench-build.work'

# Random programs, edited at random: `make check-random`. Needs csmith.
RANDOM_FIRST = 1
RANDOM_COUNT = 100
random_files = tests/random/run.sh tests/random/edit.py
EXTRA_DIST += $(random_files) tests/differ-lto-subr.sh
.PHONY: check-random
check-random: all
	$(AM_TESTS_ENVIRONMENT) bash $(srcdir)/tests/random/run.sh '$(RANDOM_FIRST)' '$(RANDOM_COUNT)'

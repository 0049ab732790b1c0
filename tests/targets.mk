# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the daemon and the injector with every kind of process.
TARGETS_FILES = tests/targets-target.h tests/targets-target.c tests/targets-stacks.c \
  tests/targets-threads.c tests/targets-limits.c tests/targets-libraries.c tests/targets-calls.c \
  tests/targets-look.c tests/targets-bare.S tests/targets-bits32.S tests/targets-strike.c tests/targets-parameters.c \
  tests/targets-parameters.h tests/targets-parameters-functions.c tests/targets-subr.sh tests/targets-scenarios.md
EXTRA_DIST += $(TARGETS_FILES)
dist_check_SCRIPTS += tests/targets-run.sh tests/targets-faults.sh
if RUNTIME_ARCH
TESTS += tests/targets-run.sh tests/targets-faults.sh
endif

# Every system call instead of a sample; hours instead of minutes.
check-faults: all $(check_PROGRAMS) $(check_DATA)
	$(AM_TESTS_ENVIRONMENT) SYSCARE_FAULTS=all; export SYSCARE_FAULTS; \
	  $(top_srcdir)/tests/targets-faults.sh
.PHONY: check-faults

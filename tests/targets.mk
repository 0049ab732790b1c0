# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the daemon and the injector with every kind of process.
TARGETS_FILES = tests/targets-target.h tests/targets-target.c tests/targets-stacks.c \
  tests/targets-threads.c tests/targets-limits.c tests/targets-libraries.c tests/targets-calls.c \
  tests/targets-look.c tests/targets-bare.S tests/targets-subr.sh
EXTRA_DIST += $(TARGETS_FILES)
dist_check_SCRIPTS += tests/targets-run.sh
TESTS += tests/targets-run.sh

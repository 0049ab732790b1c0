# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of jumps at the entry of functions: which are made, and that they do no harm.
EXTRA_DIST += tests/entry-target.c
entry_tests = tests/entry-differ.sh tests/entry-run.sh tests/entry-short.sh
dist_check_SCRIPTS += $(entry_tests)
TESTS += $(entry_tests)

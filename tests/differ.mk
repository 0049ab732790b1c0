# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of syscare-diff on small programs that are built on the spot.
differ_tests = tests/differ-changes.sh tests/differ-nothing.sh tests/differ-refusals.sh \
  tests/differ-flags.sh tests/differ-cxx.sh \
  tests/differ-cxx-process.sh tests/differ-lto.sh
if RUNTIME_ARCH
TESTS += $(differ_tests)
endif
EXTRA_DIST += tests/differ-subr.sh tests/differ-loader.c
dist_check_SCRIPTS += $(differ_tests)

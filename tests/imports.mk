# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of how references of a patch are bound, on programs that are built on the spot and run.
imports_tests = tests/imports-new.sh tests/imports-scope.sh tests/imports-tls.sh tests/imports-symbols.sh \
  tests/imports-fixed.sh tests/imports-first.sh tests/imports-hostile.sh
if RUNTIME_ARCH
TESTS += $(imports_tests)
endif
check_PROGRAMS += tests/imports-tool
tests_imports_tool_SOURCES = tests/imports-tool.c
EXTRA_DIST += tests/imports-subr.sh tests/imports-harness.c
dist_check_SCRIPTS += $(imports_tests)

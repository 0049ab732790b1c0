# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of what the author of a patch sees: reasons, places in the source, refusals, hooks.
check_PROGRAMS += tests/author-edits tests/author-tool
tests_author_edits_SOURCES = tests/author-edits.c
tests_author_edits_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JSON_CFLAGS)
tests_author_edits_LDADD = $(LIBRPMTOOLS_LIBS) $(CMOCKA_LIBS)
tests_author_tool_SOURCES = tests/author-tool.c
tests_author_tool_CFLAGS = $(AM_CFLAGS) $(ELF_CFLAGS)
tests_author_tool_LDADD = $(LIBSYSCARE_LIBS)
author_tests = tests/author-explain.sh tests/author-hooks.sh tests/author-initialised.sh tests/author-kvd.sh tests/author-marks.sh tests/author-refusals.sh tests/author-warnings.sh
TESTS += tests/author-edits
if RUNTIME_ARCH
TESTS += $(author_tests)
endif
dist_check_SCRIPTS += $(author_tests)
EXTRA_DIST += tests/author-target.c

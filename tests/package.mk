# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of packages, metadata and line numbers.
check_PROGRAMS += tests/package-info tests/package-linekeep tests/package-tool
TESTS += tests/package-info tests/package-linekeep tests/package-rpm.sh tests/package-make.sh
EXTRA_DIST += tests/package-rpm.sh tests/package-make.sh
tests_package_info_SOURCES = tests/package-info.c
tests_package_info_CFLAGS = $(AM_CFLAGS) $(JSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_package_info_LDADD = $(LIBSYSCARE_LIBS) $(CMOCKA_LIBS)
tests_package_linekeep_SOURCES = tests/package-linekeep.c
tests_package_linekeep_CFLAGS = $(AM_CFLAGS) $(JSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_package_linekeep_LDADD = $(LIBRPMTOOLS_LIBS) $(CMOCKA_LIBS)
tests_package_tool_SOURCES = tests/package-tool.c
tests_package_tool_CFLAGS = $(AM_CFLAGS) $(JSON_CFLAGS) $(ELF_CFLAGS)
tests_package_tool_LDADD = $(LIBRPMTOOLS_LIBS)

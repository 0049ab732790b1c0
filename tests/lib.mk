# SPDX-License-Identifier: GPL-2.0-or-later
# Unit tests of lib/.
check_PROGRAMS += tests/lib-unit
tests_lib_unit_SOURCES = tests/lib-unit.c
tests_lib_unit_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(ELF_CFLAGS) $(JSON_CFLAGS)
tests_lib_unit_LDADD = $(LIBSYSCARE_LIBS) $(CMOCKA_LIBS)
TESTS += tests/lib-unit

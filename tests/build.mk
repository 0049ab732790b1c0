# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of `syscare build`, the driver.
check_PROGRAMS += tests/build-capture
tests_build_capture_SOURCES = tests/build-capture.c rpmtools/capture.c
tests_build_capture_CFLAGS = $(AM_CFLAGS) $(JSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_build_capture_LDADD = $(LIBSYSCARE_LIBS) $(CMOCKA_LIBS)
dist_check_SCRIPTS += tests/build-tiny.sh tests/build-bad-input.sh tests/build-configure.sh tests/build-official.sh tests/build-cumulative.sh tests/build-two-gccs.sh
TESTS += tests/build-capture tests/build-tiny.sh tests/build-bad-input.sh tests/build-configure.sh tests/build-official.sh tests/build-cumulative.sh tests/build-two-gccs.sh
EXTRA_DIST += tests/build-subr.sh

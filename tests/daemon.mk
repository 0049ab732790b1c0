# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the daemon and the command: parts by themselves, then whole with real processes.
check_PROGRAMS += tests/daemon-unit tests/daemon-probes tests/daemon-patch-info \
  tests/daemon-filter
tests_daemon_unit_SOURCES = tests/daemon-unit.c
tests_daemon_unit_CFLAGS = $(runtime_libdaemon_a_CFLAGS) $(CMOCKA_CFLAGS)
tests_daemon_unit_LDADD = $(LIBDAEMON_LIBS) $(CMOCKA_LIBS)
tests_daemon_probes_SOURCES = tests/daemon-probes.c
tests_daemon_probes_CFLAGS = $(runtime_libdaemon_a_CFLAGS) $(CMOCKA_CFLAGS)
tests_daemon_probes_LDADD = $(LIBDAEMON_LIBS) $(CMOCKA_LIBS)
TESTS += tests/daemon-unit tests/daemon-probes

# Writes the patch_info of patch objects that were made without the differ.
tests_daemon_patch_info_SOURCES = tests/daemon-patch-info.c
tests_daemon_patch_info_CFLAGS = $(AM_CFLAGS) $(ELF_CFLAGS) $(JSON_CFLAGS)
tests_daemon_patch_info_LDADD = $(LIBSYSCARE_LIBS)

# Takes system calls away from a daemon, as older kernels do.
tests_daemon_filter_SOURCES = tests/daemon-filter.c

# The program to be patched is compiled by the tests themselves, in several variants.
EXTRA_DIST += tests/daemon-target.c tests/daemon-several.c tests/daemon-subr.sh tests/world-subr.sh
dist_check_SCRIPTS += tests/daemon-run.sh tests/daemon-ways.sh tests/daemon-several.sh
if RUNTIME_ARCH
TESTS += tests/daemon-run.sh tests/daemon-ways.sh tests/daemon-several.sh
endif

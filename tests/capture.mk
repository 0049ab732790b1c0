# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the plugin, the shims and the replay.
capture_tests = tests/capture-identity.sh tests/capture-record.sh tests/capture-compilers.sh \
  tests/capture-replay.sh
EXTRA_DIST += tests/capture-subr.sh $(capture_tests)
TESTS += $(capture_tests) tests/capture-unit

check_PROGRAMS += tests/capture-unit
tests_capture_unit_SOURCES = tests/capture-unit.c \
  wrappers/as_options.c wrappers/as_source.c wrappers/ld_options.c wrappers/link_map.c \
  wrappers/response_file.c wrappers/layout.c wrappers/object_note.c
tests_capture_unit_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(ELF_CFLAGS) $(JSON_CFLAGS)
tests_capture_unit_LDADD = $(LIBSYSCARE_LIBS) $(CMOCKA_LIBS)

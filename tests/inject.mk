# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the injector and of what it shares with the daemon.
INJECT_FIXTURE_FILES = tests/inject-target.c tests/inject-target.h tests/inject-functions.S \
  tests/inject-patch.c tests/inject-make-patch.sh tests/inject-fixtures.sh
EXTRA_DIST += $(INJECT_FIXTURE_FILES)

# Targets and patch objects are made once for all tests.
tests/inject-fixtures/done: $(addprefix $(top_srcdir)/,$(INJECT_FIXTURE_FILES))
	$(AM_V_GEN)CC='$(CC)' $(SHELL) $(top_srcdir)/tests/inject-fixtures.sh \
	  '$(abs_top_srcdir)' '$(abs_top_builddir)/tests/inject-fixtures'
if RUNTIME_ARCH
check_DATA = tests/inject-fixtures/done
endif
clean-local: clean-inject-fixtures
clean-inject-fixtures:
	rm -rf tests/inject-fixtures

inject_tests = tests/inject-object tests/inject-apply tests/inject-faults tests/inject-uprobe
if RUNTIME_ARCH
check_PROGRAMS += $(inject_tests) tests/inject-faulty
TESTS += $(inject_tests)
else
EXTRA_PROGRAMS += $(inject_tests) tests/inject-faulty
endif

INJECT_SUPPORT = tests/inject-support.c tests/inject-support.h
tests_inject_apply_SOURCES = tests/inject-apply.c $(INJECT_SUPPORT)
tests_inject_apply_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_inject_apply_LDADD = $(CMOCKA_LIBS)

tests_inject_faults_SOURCES = tests/inject-faults.c $(INJECT_SUPPORT)
tests_inject_faults_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_inject_faults_LDADD = $(CMOCKA_LIBS)

tests_inject_uprobe_SOURCES = tests/inject-uprobe.c $(INJECT_SUPPORT)
tests_inject_uprobe_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_inject_uprobe_LDADD = $(CMOCKA_LIBS)
tests_inject_object_SOURCES = tests/inject-object.c
tests_inject_object_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JSON_CFLAGS)
tests_inject_object_LDADD = $(LIBPROCESS) $(LIBSYSCARE) $(CMOCKA_LIBS)

# The injector as it is, but it can be killed at a step that the request names.
tests_inject_faulty_SOURCES = $(INJECT_SOURCES)
tests_inject_faulty_CPPFLAGS = $(AM_CPPFLAGS) -DINJECT_FAULTS
tests_inject_faulty_CFLAGS = $(AM_CFLAGS) $(JSON_CFLAGS)
tests_inject_faulty_LDFLAGS = -static
tests_inject_faulty_LDADD = $(LIBPROCESS) $(LIBSYSCARE)

# Ten times the cycles under load; minutes instead of seconds.
soak-inject: $(check_PROGRAMS) $(syscarelibexec_PROGRAMS) $(check_DATA)
	$(AM_TESTS_ENVIRONMENT) INJECT_SOAK=1; export INJECT_SOAK; tests/inject-apply && tests/inject-faults
.PHONY: soak-inject

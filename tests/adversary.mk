# SPDX-License-Identifier: GPL-2.0-or-later
# Changes that look harmless and are not: patched programs against rebuilt ones.
adversary_tests = tests/adversary-state.sh tests/adversary-code.sh tests/adversary-shapes.sh tests/adversary-linkers.sh
TESTS += $(adversary_tests)
EXTRA_DIST += tests/adversary-subr.sh
dist_check_SCRIPTS += $(adversary_tests)

# The same under many compilers and options: `make check-adversary`.
.PHONY: check-adversary
check-adversary: all
	for test in $(adversary_tests); do $(AM_TESTS_ENVIRONMENT) \
	  SYSCARE_ADVERSARY=full bash $(srcdir)/$$test || exit 1; done

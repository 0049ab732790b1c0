# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of `syscare build`, the driver.
dist_check_SCRIPTS += tests/build-tiny.sh tests/build-bad-input.sh tests/build-configure.sh
TESTS += tests/build-tiny.sh tests/build-bad-input.sh tests/build-configure.sh
EXTRA_DIST += tests/build-subr.sh

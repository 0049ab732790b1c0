# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of `syscare build`, the driver.
dist_check_SCRIPTS += tests/build-bad-input.sh
TESTS += tests/build-bad-input.sh
EXTRA_DIST += tests/build-subr.sh

# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the product as a whole.
EXTRA_DIST += tests/tap-subr.sh

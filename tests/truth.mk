# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of what is shown, who may ask, and what can be switched off.
EXTRA_DIST += tests/truth-subr.sh
dist_check_SCRIPTS += tests/truth-status.sh tests/truth-rights.sh tests/truth-hardened.sh
TESTS += tests/truth-status.sh tests/truth-rights.sh tests/truth-hardened.sh

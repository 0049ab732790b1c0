# shellcheck shell=bash
# The start of a test with a daemon and real processes in a world of its own. Sourced first: it starts the
# test again in a mount namespace.
# SPDX-License-Identifier: GPL-2.0-or-later
set -uo pipefail
srcdir=${top_srcdir:?} builddir=${top_builddir:?}
# shellcheck source=tests/tap-subr.sh
. "$srcdir/tests/tap-subr.sh"
# shellcheck source=tests/daemon-subr.sh
. "$srcdir/tests/daemon-subr.sh"
[ "$(id -u)" -eq 0 ] || tap_skip_all "needs root: it attaches to processes"
unshare --mount true 2> /dev/null || tap_skip_all "needs a mount namespace of its own"
command -v rpmbuild > /dev/null || tap_skip_all "needs rpmbuild"
world_namespace "$0" "$@"

#!/bin/bash
# The properties of tests/properties on one real package, where there is a corpus of them.
# SPDX-License-Identifier: GPL-2.0-or-later
set -u
: "${top_srcdir:?}" "${top_builddir:?}"
. "$top_srcdir/tests/tap-subr.sh"
[ -d "${SYSCARE_CORPUS:-}" ] || tap_skip_all "SYSCARE_CORPUS names no directory of real packages"
[ "${SYSCARE_TESTS:-}" != quick ] || tap_skip_all "a quick run was asked for (SYSCARE_TESTS=quick)"
for tool in rpmbuild python3 "${CXX:-g++}"; do
    command -v "$tool" > /dev/null || tap_skip_all "needs $tool"
done
work=$(mktemp -d "${TMPDIR:-/tmp}/properties.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
PROPERTIES_ROUNDS=1 python3 -B "$top_srcdir/tests/properties/properties.py" "$SYSCARE_CORPUS" "$work" \
    "${PROPERTIES_SAMPLE:-tinyxml}"

#!/bin/bash
# Seeds of the fuzz targets, and inputs that once did harm, do none.
# SPDX-License-Identifier: GPL-2.0-or-later
set -uo pipefail
srcdir=${top_srcdir:?} builddir=${top_builddir:?}
# shellcheck source=tests/tap-subr.sh
. "$srcdir/tests/tap-subr.sh"

# Usage: replay NAME
replay() {
    local files=()
    mapfile -t files < <(find "$srcdir/tests/fuzz/seeds/$1" "$srcdir/tests/fuzz/found/$1" -type f 2> /dev/null)
    # Targets that read ELF files start from one that is at hand.
    [ "${#files[@]}" -gt 0 ] || files=("$builddir/tests/fuzz/replay-$1")
    timeout 60 "$builddir/tests/fuzz/replay-$1" "${files[@]}"
}

for target in "$builddir"/tests/fuzz/replay-*; do
    [ -x "$target" ] && [[ $target != *.* ]] || continue
    name=${target##*/replay-}
    tap_that "inputs_of_fuzz_target_${name}_do_no_harm" replay "$name"
done
[ "$tap_count" -gt 0 ] || tap_bail "no fuzz target was built"
tap_done

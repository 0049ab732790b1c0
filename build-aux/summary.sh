#!/bin/sh
# Adds up test results: those in a list and those that automake left in *.trs files of the build.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: summary.sh LIST BUILD_DIR
# Prints failures and skips with their reasons, then "N passed, N failed, N skipped".
# Exit status 1 when a test failed or none ran.
set -u
list=$1 build=$2
{
    cat "$list"
    find "$build/tests" -maxdepth 1 -name '*.trs' 2> /dev/null | sort | while read -r file; do
        name=$(basename "$file" .trs)
        # A test program that never said anything has no result: that is a failure, too.
        if ! grep -q '^:test-result:' "$file"; then
            echo "ERROR $name: no result"
        fi
        sed -n "s|^:test-result: *\([A-Z]*\) *\(.*\)|\1 $name: \2|p" "$file"
    done
} | awk '
    $1 == "PASS" || $1 == "XFAIL" { passed++; next }
    $1 == "SKIP" { skipped++; print; next }
    { failed++; print }
    END {
        printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
        exit failed > 0 || passed == 0
    }'

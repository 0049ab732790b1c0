#!/bin/sh
# Adds up test results: those in a list and those that automake left in *.trs files of the build.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: summary.sh LIST BUILD_DIR
# Prints failures and skips with their reasons (as far as the tests tell them), then "N passed, N failed, N skipped".
# Exit status 1 when a test failed or none ran.
set -u
list=$1 build=$2
# "count RESULT" for every result, "show TEXT" for what a reader must see.
{
    sed -n 's/^\([A-Z]*\) .*/count \1/p' "$list"
    sed -n '/^PASS /!s/^/show /p' "$list"
    find "$build/tests" -maxdepth 1 -name '*.trs' 2> /dev/null | sort | while read -r file; do
        # A test program that never said anything has no result: that is a failure, too.
        if ! grep -q '^:test-result:' "$file"; then
            printf 'count ERROR\nshow ERROR %s: no result\n' "$(basename "$file" .trs)"
        fi
        sed -n 's/^:test-result: *\([A-Z]*\).*/count \1/p' "$file"
        # The .trs file counts results, their names and reasons are in the log: comments before the
        # result (shell) or behind it (cmocka).
        awk '
            /^#/ { if (failed) print "show     " $0; else why = why "show     " $0 "\n"; next }
            { failed = /^(FAIL|XPASS|ERROR): / }
            failed || /^SKIP: / { printf "%s", failed ? why : ""; sub(/: /, " "); print "show " $0 }
            { why = "" }' "${file%.trs}.log" | cut -c 1-300
    done
} | awk '
    $1 == "show" { sub(/^show /, ""); print; next }
    $2 == "PASS" || $2 == "XFAIL" { passed++; next }
    $2 == "SKIP" { skipped++; next }
    { failed++ }
    END {
        printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
        exit failed > 0 || passed == 0
    }'

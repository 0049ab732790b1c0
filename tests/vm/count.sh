#!/bin/bash
# Counts the results of one guest: failures are shown, the last line has the numbers.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: count.sh KERNEL RESULTS TEST...
# RESULTS has TEST.tap and TEST.status for each test that ran. One that did not run, did not say
# all that it had planned, or ended with an error without a failure of its own, is a failure.
# What the kernel complained of in RESULTS/dmesg is one, too.
set -uo pipefail
kernel=$1 results=$2
shift 2

# The results of one test as "PASS|FAIL|SKIP text". Usage: results_of TEST
results_of() {
    local out=$results/${1//\//_}
    if [ ! -f "$out.status" ]; then
        echo "FAIL $1 did not run to its end"
        return
    fi
    awk -v test="$1" -v status="$(cat "$out.status")" '
        { sub(/\r$/, "") }
        /^1\.\.[0-9]+/ {
            planned = substr($1, 4) + 0; plan = 1
            if (planned == 0) print "SKIP " test ": " $0
        }
        /^(not )?ok / {
            seen++
            text = $0; sub(/^(not )?ok [0-9]* *-? */, "", text)
            if ($0 ~ /# *(SKIP|skip)/) print "SKIP " test ": " text
            else if ($1 == "ok") print "PASS " test ": " text
            else { print "FAIL " test ": " text; failed = 1 }
        }
        /^Bail out!/ { print "FAIL " test ": " $0; failed = 1; bailed = 1 }
        END {
            if (!bailed && (!plan || planned != seen))
                print "FAIL " test ": " seen + 0 " results of " (plan ? planned : "an unknown number")
            else if (status != 0 && !failed)
                print "FAIL " test ": ended with " status
        }' "$out.tap"
}

# What a kernel says when something is wrong with it; that it was slow is not.
complaints() {
    grep -E 'WARNING: CPU|BUG: |Oops|general protection|possible deadlock' "$results/dmesg" \
        2> /dev/null | grep -v 'soft lockup'
}

kernel_results() {
    local said
    if [ ! -f "$results/dmesg" ]; then
        echo "FAIL the guest went off by itself"
    elif said=$(complaints); then
        echo "FAIL the kernel had nothing to complain of: ${said%%$'\n'*}"
    else
        echo "PASS the kernel had nothing to complain of"
    fi
}

{
    for test in "$@"; do
        results_of "$test"
    done
    kernel_results
} | awk -v kernel="$kernel" '
    $1 == "PASS" { passed++; next }
    { print kernel ": " $0 }
    $1 == "SKIP" { skipped++; next }
    { failed++ }
    END {
        printf "%s: %d passed, %d failed, %d skipped\n", kernel, passed, failed, skipped
        exit failed > 0 || passed == 0
    }'

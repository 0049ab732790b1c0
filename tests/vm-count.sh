#!/bin/bash
# The numbers that `make vmtest` prints are those of its guests: nothing that failed, or did not run, is lost.
# SPDX-License-Identifier: GPL-2.0-or-later
set -uo pipefail
srcdir=${top_srcdir:?}
# shellcheck source=tests/tap-subr.sh
. "$srcdir/tests/tap-subr.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/vm-count.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT

# The results of a test in the guest. Usage: ran TEST STATUS LINE...
ran() {
    local test=$1
    echo "$2" > "$work/$test.status"
    shift 2
    printf '%s\n' "$@" > "$work/$test.tap"
}

# Usage: counted TEST...
counted() {
    "$srcdir/tests/vm/count.sh" k "$work" "$@"
    echo "status $?"
}

: > "$work/dmesg"
ran good 0 'ok 1 - a' 'ok 2 - b # SKIP no c' '1..2'
ran none 0 '1..0 # SKIP no root'
ran bad 1 '1..2' 'ok 1 - a' 'not ok 2 - b'
ran short 0 '1..3' 'ok 1 - a'
ran killed 124 'ok 1 - a'
ran quiet 1 '1..1' 'ok 1 - a'
ran bailed 1 'ok 1 - a' 'Bail out! no daemon'
tap_prints "passed_and_skipped_are_counted" "k: SKIP good: b # SKIP no c
k: SKIP none: 1..0 # SKIP no root
k: 2 passed, 0 failed, 2 skipped
status 0" counted good none
tap_prints "failure_is_shown" "k: FAIL bad: b
k: 2 passed, 1 failed, 0 skipped
status 1" counted bad
tap_prints "results_that_were_planned_and_are_missing_are_a_failure" "k: FAIL short: 1 results of 3
k: 2 passed, 1 failed, 0 skipped
status 1" counted short
tap_prints "test_that_was_ended_is_a_failure" "k: FAIL killed: 1 results of an unknown number
k: 2 passed, 1 failed, 0 skipped
status 1" counted killed
tap_prints "error_without_a_failure_is_one" "k: FAIL quiet: ended with 1
k: 2 passed, 1 failed, 0 skipped
status 1" counted quiet
tap_prints "test_that_gave_up_is_a_failure" "k: FAIL bailed: Bail out! no daemon
k: 2 passed, 1 failed, 0 skipped
status 1" counted bailed
tap_prints "test_that_did_not_run_is_a_failure" "k: FAIL vm/other.sh did not run to its end
k: 1 passed, 1 failed, 0 skipped
status 1" counted vm/other.sh
echo '[ 1.0] WARNING: CPU: 0 PID: 1 at mm/slub.c:1' > "$work/dmesg"
tap_prints "complaint_of_the_kernel_is_a_failure" \
    "k: SKIP good: b # SKIP no c
k: FAIL the kernel had nothing to complain of: [ 1.0] WARNING: CPU: 0 PID: 1 at mm/slub.c:1
k: 1 passed, 1 failed, 1 skipped
status 1" counted good
rm "$work/dmesg"
tap_prints "guest_that_went_off_by_itself_is_a_failure" "k: SKIP good: b # SKIP no c
k: FAIL the guest went off by itself
k: 1 passed, 1 failed, 1 skipped
status 1" counted good
tap_done

#!/bin/bash
# Functions that are shorter than the jump, in real processes: it takes the room behind them.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source=tests/pair-subr.sh
. "${top_srcdir:?}/tests/pair-subr.sh"
# shellcheck disable=SC2034
pair_source=main.c

# They follow each other; `beside` stays as it is.
write_source() {
    cat << 'EOF'
#include <stdio.h>
#include <stdlib.h>
#define PART __attribute__((noipa))
PART int nothing(int *p) { return 0; } /* v0 */
PART int load(int *p) { return *p; } /* v0 */
PART int pass(int *p) { return (int)(long)p; } /* v0 */
PART int beside(int *p) { return 1; }
int main(void)
{
    char line[80];
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin)) {
        int n = atoi(line);
        printf("%d %d %d %d\n", nothing(&n), beside(&n), load(&n), pass((int *)(long)n));
    }
    return 0;
}
EOF
}

# Their new code looks at what they are given, which their first instruction must have left alone.
edit='/v0/{s/return 0/return *p * 3/; s/return \*p;/return p ? *p * 5 : 0;/; s/return (int)(long)p;/return (int)(long)p * 7;/}'

# Usage: whole_way NAME COMPILE
whole_way() {
    # shellcheck disable=SC2034
    pair_compile="${CC:-gcc} -g -O2 $2"
    world_begin "$builddir/tests/entry-short.world" > /dev/null 2>&1 || tap_bail "no world"
    tap_that "$1_target_is_built" make_target || tap_bail "no target"
    tap_that "$1_patch_is_made" make_pair_patch FIX1 11 "$edit" || tap_bail "no patch"
    target_start running
    tap_that "$1_daemon_starts" daemon_start || tap_bail "no daemon"
    tap_prints "$1_old_code_runs_before" '0 1 4 4' ask running 4
    tap_that "$1_apply_succeeds" ctl apply FIX1
    tap_prints "$1_new_code_runs" '12 1 20 28' ask running 4
    target_start later
    tap_prints "$1_and_in_a_process_that_starts_later" '12 1 20 28' ask later 4
    tap_that "$1_remove_succeeds" ctl remove FIX1
    tap_prints "$1_old_code_runs_after" '0 1 4 4' ask running 4
    tap_prints "$1_in_the_later_one_too" '0 1 4 4' ask later 4
    target_end running
    target_end later
    daemon_stop
    world_end
    rm -rf --one-file-system "$world"
}

whole_way branch_target '-fcf-protection=full'
whole_way bare '-fcf-protection=none'
tap_done

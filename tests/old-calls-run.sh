#!/bin/bash
# Functions that are never left, in real processes: their old code goes on calling old functions, whatever is applied
# and taken back, and everything else runs new code.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source=tests/pair-subr.sh
. "${top_srcdir:?}/tests/pair-subr.sh"
# shellcheck disable=SC2034
pair_source=main.c

# Three functions that main calls, each of which begins otherwise (a load by %rip, a short jump, pushes), one that is
# called through one that stays, and one that its callee calls. An edit gives them their two parameters the other way
# round: a mixture of versions shows in what they return.
write_source() {
    cat << 'EOF'
#include <stdio.h>
#include <stdlib.h>
static volatile int limit = 1000, sum;
#define PART __attribute__((noinline, noclone))
PART int inner(int x, int y) { if (x > limit) puts("much"); return 10 * x + y; } /* v0 */
PART int load(int x, int y) { int r; if (limit < y) abort(); r = inner(x, y); sum += r; return r; } /* v0 */
PART int jump(int x, int y) { if (x < 0) return y; sum += x; printf("[%d]", 10 * x + y); return 10 * x + y; } /* v0 */
PART int push(int x, int y) { int a[40] = {x, y}; for (int i = 2; i < 40; i++) a[i] = a[i - 1] + a[i - 2]; sum += a[39]; puts(""); return sum ? 10 * x + y : 0; } /* v0 */
PART int stays(int x) { return jump(x, x) + 1; }
int main(void)
{
    char line[80];
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin)) {
        int n = atoi(line);
        int a = load(n, 1), b = jump(n, 2), c = stays(n); /* v0 */
        printf("%d %d %d ", a, b, c);
        push(n, 3);
    }
    return 0;
}
EOF
}

# Another meaning of the parameters in all functions; each version shows what it is.
swap='/v[0]/{s/PART int \([a-z]*\)(int x, int y)/PART int \1(int y, int x)/; s/r = inner(x, y)/r = inner(y, x)/; s/load(n, 1), b = jump(n, 2)/load(1, n), b = jump(2, n)/}; s/push(n, 3)/push(3, n)/'
newer="$swap; s/\\(return\\|,\\) 10 \\* x + y/\\1 1000 + 10 * x + y/g"
newest="$swap; s/\\(return\\|,\\) 10 \\* x + y/\\1 2000 + 10 * x + y/g"

patched_count() {
    ctl -v status "$1" | grep -c 'sctarget: patched'
}

# Everything, for a program that is linked in one way. Usage: whole_way NAME LINK COMPILE
whole_way() {
    # shellcheck disable=SC2034
    pair_link=$2 pair_compile="${CC:-gcc} -g -O2 -fcf-protection=full $3"
    world_begin "$builddir/tests/old-calls-run.world" > /dev/null 2>&1 || tap_bail "no world"
    tap_that "$1_target_is_built" make_target || tap_bail "no target"
    tap_that "$1_patch_is_made" make_pair_patch FIX1 11 "$newer" || tap_bail "no patch"
    tap_that "$1_its_newer_version_is_made" make_pair_patch FIX2 21 "$newest" || tap_bail "no patch"
    tap_that "$1_the_author_is_told_what_stays" grep -q 'main is called once: .* stays as it was for it: .*load' "$world/FIX1/report.json"
    local old='[72][77]71 72 78 ' mixed='[72][1077]71 72 1078 ' new='[1072][1077]1071 1072 1078 '
    target_start running
    tap_that "$1_daemon_starts" daemon_start || tap_bail "no daemon"
    tap_prints "$1_old_code_runs_before" "$old" ask running 7
    tap_that "$1_apply_succeeds_though_main_is_never_left" ctl apply FIX1
    tap_prints "$1_main_calls_old_functions_and_others_call_new_ones" "$mixed" ask running 7
    target_start later
    tap_prints "$1_a_process_that_starts_later_runs_new_code_alone" "$new" ask later 7
    tap_that "$1_status_names_what_is_never_left" grep -q '^  goes on calling old functions where it runs: .*main' <(ctl -v status FIX1)
    tap_that "$1_info_does_as_well" grep -q '^  goes on calling old functions where it runs: .*main' <(ctl info FIX1)
    tap_prints "$1_status_shows_both_as_patched" 2 patched_count FIX1
    tap_that "$1_deactive_succeeds" ctl deactive FIX1
    tap_prints "$1_old_code_runs_again" "$old" ask running 7
    tap_prints "$1_main_of_the_later_one_keeps_to_new_functions" '[1072][77]1071 1072 78 ' ask later 7
    tap_that "$1_active_succeeds" ctl active FIX1
    tap_prints "$1_main_keeps_to_old_functions_again" "$mixed" ask running 7
    tap_that "$1_a_newer_patch_is_put_on_top" ctl apply FIX2
    tap_prints "$1_main_keeps_to_old_functions_under_two_patches" '[72][2077]71 72 2078 ' ask running 7
    tap_that "$1_the_newer_one_is_removed" ctl remove FIX2
    tap_prints "$1_the_one_below_takes_over" "$mixed" ask running 7
    tap_that "$1_it_is_put_on_top_again" ctl apply FIX2
    tap_that "$1_the_one_below_is_removed_first" ctl remove FIX1
    tap_prints "$1_the_one_on_top_stays_right" '[72][2077]71 72 2078 ' ask running 7
    daemon_kill
    tap_that "$1_daemon_starts_again" daemon_start
    tap_prints "$1_and_after_the_daemon_was_killed" '[72][2077]71 72 2078 ' ask running 7
    tap_that "$1_the_last_one_is_removed" ctl remove FIX2
    tap_prints "$1_old_code_runs_after" "$old" ask running 7
    tap_prints "$1_nothing_stays_mapped" 0 patch_mappings "${target_pid[running]}"
    target_end running
    target_end later
    daemon_stop
    world_end
    rm -rf --one-file-system "$world"
}

whole_way pie '' -fPIE
whole_way fixed -no-pie -fno-pie
whole_way static '-static -no-pie' -fno-pie
whole_way static_pie -static-pie -fPIE
tap_done

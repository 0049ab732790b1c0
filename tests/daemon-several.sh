#!/bin/bash
# Several patches of one program: over each other, forced, taken away in any order, seen by calls
# that never pause.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source=tests/world-subr.sh
. "${top_srcdir:?}/tests/world-subr.sh"
trap world_end EXIT

# The world's program replaced by ours.
compile_several() {
    "${CC:-gcc}" -O2 "$(fresh_build_id)" -o "$root/usr/bin/sctarget" "$srcdir/tests/daemon-several.c" \
        "$srcdir/tests/inject-functions.S" -lpthread
}

# A patch whose functions add GENERATION thousands. Usage: make_generation NAME GENERATION FUNCTION...
make_generation() {
    local name=$1 generation=$2
    shift 2
    cat > "$world/generation.c" << END
#define new_answer0 other0
#define new_answer1 other1
#define new_answer2 other2
#include "$srcdir/tests/inject-patch.c"
#undef new_answer0
#undef new_answer1
#undef new_answer2
int new_answer0(int x) { return other0(x) + 1000 * ($generation - 1); }
int new_answer1(int x) { return other1(x) + 1000 * ($generation - 1); }
int new_answer2(int x) { return other2(x) + 1000 * ($generation - 1); }
END
    PATCH_SOURCE=$world/generation.c make_patch "$name" "${generation}0" "$*"
}

# What the process that runs, and one that starts now, get from the three functions.
all_call() {
    local running fresh
    running=$(ask running call)
    target_start fresh
    fresh=$(ask fresh call)
    target_end fresh
    [ "$running" = "$fresh" ] && echo "$running" || echo "running: $running, fresh: $fresh"
}

seen() {
    sleep 0.05
    ask running seen
}

state_in_process() {
    ctl -v status "$1" | sed -n "s/^  ${target_pid[running]} [a-z]*: //p"
}

tap_section_refused() {
    tap_that "first_patch_is_applied" ctl apply ONE
    tap_refuses "patch_of_some_of_its_functions_is_refused" 3 'conflict.*answer1.*--force' ctl apply TWO
    tap_refuses "check_says_the_same" 3 'conflict' ctl check TWO
    tap_prints "first_one_stays_in_force" "1 1 0" all_call
    ask running seen > /dev/null
}

# ONE has 0 and 1, TWO has 1 and 2.
tap_section_forced() {
    tap_that "force_skips_the_check" ctl apply --force --dry-run TWO
    tap_that "it_is_forced" ctl apply --force TWO
    tap_prints "each_function_is_the_newest_one" "1 2 2" all_call
    tap_prints "no_call_met_anything_else_meanwhile" "11 12" seen
    tap_prints "older_one_says_what_it_lost" \
        "patched: 1 of 2 functions are those of a newer patch" state_in_process ONE
    tap_prints "newer_one_is_patched" patched state_in_process TWO
    daemon_kill
    tap_that "daemon_starts_with_a_forced_patch" daemon_start --audit-interval 1 --hold-limit 1000
    sleep 1.5
    tap_prints "no_audit_changes_what_is_forced" "12" seen
    tap_prints "processes_that_start_get_the_same" "1 2 2" all_call
    tap_that "newer_one_is_taken_away" ctl remove TWO
    tap_prints "older_one_has_all_its_functions_again" "1 1 0" all_call
    tap_prints "no_call_met_the_old_code" "11 12" seen
    ctl apply --force TWO > /dev/null
    tap_that "older_one_is_taken_away" ctl remove ONE
    tap_prints "newer_one_keeps_its_functions" "0 2 2" all_call
    tap_that "older_one_is_forced_over_the_newer" ctl apply --force ONE
    tap_prints "what_was_applied_last_wins" "1 1 2" all_call
    tap_that "states_are_saved" ctl save
    ctl remove ONE TWO > /dev/null
    tap_prints "nothing_is_left_of_them" "0 0 0" all_call
    tap_that "states_are_restored_with_what_was_forced" ctl restore
    tap_prints "order_is_restored_too" "1 1 2" all_call
    ctl remove ONE TWO > /dev/null
}

# A cumulative patch over two others comes and goes in one step.
tap_section_cumulative() {
    ctl apply FOUR FIVE > /dev/null
    tap_prints "two_patches_are_applied" "4 5 0" all_call
    ask running seen > /dev/null
    tap_that "cumulative_one_comes_over_them" ctl apply ALL
    tap_prints "it_has_all_functions" "6 6 6" all_call
    tap_prints "it_came_in_one_step" "45 66" seen
    tap_that "cumulative_one_goes" ctl remove ALL
    tap_prints "both_are_back" "4 5 0" all_call
    tap_prints "it_went_in_one_step" "45 66" seen
    cycles_in_one_step
    tap_prints "it_comes_and_goes_in_one_step_always" "45 66" seen
    tap_that "one_below_is_taken_away" eval 'ctl apply ALL && ctl remove FOUR'
    tap_prints "nothing_changes_by_that" "6 6 6" all_call
    tap_that "cumulative_one_goes_then" ctl remove ALL
    tap_prints "only_the_other_is_left" "0 5 0" all_call
    ctl remove FIVE > /dev/null
}

cycles_in_one_step() {
    for _ in 1 2 3 4 5; do
        ctl apply ALL > /dev/null
        ctl deactive ALL > /dev/null
    done
}

# Threads that are held for one patch are stopped for another, and sent back (runtime/inject/cut.c).
race_is_won() {
    "$root/usr/bin/sctarget" race 40 | tee "$world/race"
    grep -qx '0 of 120 first calls ran old code' "$world/race"
}

tap_section_race() {
    ctl apply FOUR FIVE SEVEN > /dev/null
    tap_that "threads_that_are_held_for_three_patches_at_once_run_new_code" race_is_won
    ctl remove FOUR FIVE SEVEN > /dev/null
}

# What fails leaves in force what was there.
tap_section_bad() {
    local object
    object=$patches/$(uuid_of 60)/sctarget
    ctl remove ALL > /dev/null
    ctl apply FOUR FIVE > /dev/null
    ask running seen > /dev/null
    printf 'x' | dd of="$object" bs=1 seek=4000 conv=notrunc 2> /dev/null
    tap_refuses "damaged_patch_over_others_is_refused" 3 'damaged-patch' ctl apply ALL
    tap_prints "they_stay_in_force" "4 5 0" all_call
    tap_prints "no_call_met_anything_else" "45" seen
}

world_begin "$builddir/tests/daemon-several.world" > "$builddir/tests/daemon-several.begin" 2>&1 &&
    compile_several && make_generation ONE 1 answer0 answer1 && make_generation TWO 2 answer1 answer2 &&
    make_generation FOUR 4 answer0 && make_generation FIVE 5 answer1 &&
    make_generation ALL 6 answer0 answer1 answer2 && make_generation SEVEN 7 answer2 ||
    { sed 's/^/# /' "$builddir/tests/daemon-several.begin"; tap_bail "no world"; }
rm -f "$builddir/tests/daemon-several.begin"
target_start running
tap_that "daemon_starts" daemon_start --audit-interval 1 --hold-limit 1000 || tap_bail "no daemon"
tap_section_refused
tap_section_forced
tap_section_cumulative
tap_section_race
tap_section_bad
tap_that "daemon_ends" daemon_stop
tap_done

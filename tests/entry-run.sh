#!/bin/bash
# Jumps at the entry of functions, with a real daemon: processes are met where they begin; uprobes
# of other tools are found before they do harm, and what they did is repaired.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source=tests/world-subr.sh
. "${top_srcdir:?}/tests/world-subr.sh"
# shellcheck source=tests/truth-subr.sh
. "$srcdir/tests/truth-subr.sh"

tracefs=/sys/kernel/tracing group=syscareentry$$ events=''

finish() {
    probe_remove
    world_end
}
trap finish EXIT

# In place of daemon-subr.sh's: three functions are called, not one.
compile_targets() {
    local cc=${CC:-gcc} functions=$srcdir/tests/inject-functions.S
    local target=$srcdir/tests/entry-target.c
    mkdir -p "$root/usr/bin" "$root/usr/lib64" &&
        $cc -O2 ${ENTRY_CFLAGS:-} "$(fresh_build_id)" -o "$root/usr/bin/sctarget" "$target" \
            "$functions" -ldl -lpthread &&
        $cc -O2 -shared -fPIC "$(fresh_build_id)" -o "$root/usr/lib64/libsct.so" "$functions" \
            -Wl,--unresolved-symbols=ignore-all &&
        $cc -O2 -DFUNCTIONS_BY_DLOPEN -Wl,--build-id -rdynamic -o "$world/opener" "$target" -ldl \
            -lpthread
}

# The limit of a hold is not what is tested here: on a busy machine 50 ms are soon over.
start_daemon() {
    daemon_start --hold-limit 1000 "$@"
}

children() {
    "$root/usr/bin/sctarget" start "$1"
}

# A uprobe of tracefs on answer0 of the program. Usage: probe_add
probe_add() {
    local offset
    offset=$(nm "$root/usr/bin/sctarget" | awk '$3 == "answer0" { print "0x" $1 }')
    echo "p:$group/a $root/usr/bin/sctarget:$offset" >> "$tracefs/uprobe_events" || return
    events=yes
    echo 1 > "$tracefs/events/$group/a/enable"
}

probe_remove() {
    [ "$events" ] || return 0
    echo 0 > "$tracefs/events/$group/a/enable"
    echo "-:$group/a" >> "$tracefs/uprobe_events"
    events=''
}

logged() {
    local end=$((SECONDS + 10))
    until grep -q "$1" "$world/syscared.log"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

status_line() {
    ctl -v status "$1" > "$world/status" && grep -qE "$2" "$world/status"
}

alive() {
    kill -0 "${target_pid[$1]}"
}

tap_section_processes() {
    target_start running && target_start opener "$world/opener" && target_start threads
    ask threads "threads 4" > /dev/null
    ask opener "open $root/usr/lib64/libsct.so" > /dev/null
    tap_that "daemon_starts" start_daemon --audit-interval 2 || tap_bail "no daemon"
    tap_that "check_warns_of_the_entry_jump" eval 'ctl check E1 | grep -q "warning: the jump into answer0 stands at its first byte"'
    tap_that "info_names_it" eval 'ctl info E1 | grep -q "jump at the entry (fragile): answer0$"'
    tap_that "apply_succeeds" ctl apply E1
    tap_prints "running_process_runs_new_code" nnn ask running call
    tap_prints "library_that_was_open_runs_new_code" nnn ask opener call
    ask threads count > /dev/null
    sleep 0.2
    tap_prints "all_threads_run_new_code_only" "old 0 new some wrong 0" ask threads count
    tap_prints "forked_child_runs_new_code" nnn ask running fork
    tap_prints "forty_processes_started_later_run_new_code_only" "new 40 old 0 mixed 0 crashed 0 stopped 0" \
        children 40
    target_start later "$world/opener"
    ask later "open $root/usr/lib64/libsct.so" > /dev/null
    tap_prints "library_opened_later_runs_new_code_on_its_first_calls" nnn ask later call
    ask later close > /dev/null
    ask later "open $root/usr/lib64/libsct.so" > /dev/null
    tap_prints "library_opened_again_runs_new_code" nnn ask later call
    tap_prints "protection_of_the_text_can_change" protected ask running protect
    tap_prints "and_new_code_runs_on" nnn ask running call
    tap_that "status_says_how_each_function_is_entered" eval \
        'status_line E1 "^  jump at the entry: answer0$" && status_line E1 "^  jump behind the first instruction: answer1, answer2$"'
    tap_that "status_shows_the_processes" status_line E1 "^  ${target_pid[running]} sctarget: patched$"
}

# The daemon is killed while processes start, and started again.
tap_section_kill() {
    children 60 > "$world/children" &
    sleep 0.05
    daemon_kill
    wait $!
    tap_that "no_process_is_harmed_when_the_daemon_is_killed" \
        grep -q 'crashed 0 stopped 0' "$world/children"
    tap_prints "patched_process_runs_on" nnn ask running call
    tap_that "daemon_starts_again" start_daemon --audit-interval 2
    tap_prints "state_is_kept" ACTIVED states E1
    tap_prints "later_processes_run_new_code_again" "new 20 old 0 mixed 0 crashed 0 stopped 0" children 20
}

tap_section_revert() {
    tap_that "deactive_succeeds" ctl deactive E1
    tap_prints "running_process_runs_old_code" ooo ask running call
    tap_prints "library_runs_old_code" ooo ask opener call
    tap_prints "later_processes_run_old_code" "new 0 old 5 mixed 0 crashed 0 stopped 0" children 5
    tap_that "no_probe_is_pinned" no_pins
    tap_that "many_rounds_succeed" rounds "${SYSCARE_ENTRY_ROUNDS:-100}"
    ask threads count > /dev/null
    sleep 0.1
    tap_prints "threads_saw_nothing_wrong" "old some new 0 wrong 0" ask threads count
    tap_that "remove_succeeds" ctl remove E1
}

rounds() {
    local _
    for _ in $(seq "$1"); do
        ctl active E1 > /dev/null && [ "$(ask running call)" = nnn ] &&
            ctl deactive E1 > /dev/null && [ "$(ask running call)" = ooo ] || return
    done
}

# Two patches of different functions are due at the same point of each process.
tap_section_two() {
    tap_that "two_patches_are_applied" ctl apply A1 A2
    tap_prints "running_process_runs_both" nnn ask running call
    tap_prints "later_processes_run_both_from_their_first_call" "new 40 old 0 mixed 0 crashed 0 stopped 0" \
        children 40
    tap_refuses "another_way_into_the_same_function_is_refused" 3 \
        'conflict: .* enter function answer0 in different ways' ctl apply --force P1
    tap_prints "and_what_was_there_stays" nnn ask running call
    tap_refuses "check_says_so_too" 3 'deactivate the other one first' ctl check P1
    tap_that "both_are_removed" ctl remove A1 A2
    tap_that "then_it_is_no_conflict" ctl apply P1
    tap_prints "and_runs" noo ask running call
    tap_refuses "the_other_way_round_is_refused" 3 'in different ways' ctl apply --force A1
    tap_that "it_is_removed" ctl remove P1
}

tap_section_foreign() {
    if [ ! -w "$tracefs/uprobe_events" ] && ! mount -t tracefs tracefs "$tracefs" 2> /dev/null; then
        echo "# no tracefs: uprobes of others are not tested"
        return
    fi
    tap_that "another_tool_sets_a_uprobe" probe_add
    tap_refuses "patch_is_refused_with_the_uprobe_there" 3 \
        "foreign-probe: another tool has a uprobe on function answer0 \(perhaps the event $group/a" \
        ctl apply E1
    tap_refuses "check_says_so_as_well" 3 foreign-probe ctl check E1
    tap_prints "nothing_has_changed" ooo ask running call
    probe_remove
    tap_that "without_it_the_patch_is_applied" ctl apply E1
    tap_prints "and_runs_then" nnn ask running call

    # Nobody calls the function until the audit has been: threads and running only wait.
    target_end threads
    tap_that "another_tool_sets_a_uprobe_afterwards" probe_add
    tap_that "audit_reports_it" logged "another tool has put a uprobe on function answer0"
    tap_that "audit_repairs_the_process" logged "had broken 1 jumps"
    tap_prints "repaired_process_runs_new_code" nnn ask running call
    tap_that "status_warns" status_line E1 "warning: another tool has a uprobe on answer0"
    target_start probed
    tap_prints "new_process_under_the_uprobe_is_left_alone" ooo ask probed call
    tap_that "with_the_reason" status_line E1 \
        "^  ${target_pid[probed]} sctarget: cannot: mismatch in answer0: a uprobe or breakpoint of another tool"
    probe_remove
    tap_that "it_is_switched_when_the_tool_has_gone" becomes probed nnn
    tap_prints "others_were_not_hurt_by_its_going" nnn ask running call
    tap_that "the_end_is_reported" logged "the uprobe of another tool is gone"

    # It comes and goes between two audits: what stays are the old first byte and our operand.
    kill -STOP "$daemon_pid"
    probe_add
    probe_remove
    kill -CONT "$daemon_pid"
    sleep 3
    tap_prints "damage_of_a_uprobe_that_came_and_went_is_repaired" nnn ask running call
    probe_add
    tap_that "deactive_under_a_uprobe_succeeds" ctl deactive E1
    tap_prints "old_code_runs_under_it" ooo ask running call
    probe_remove
    tap_prints "and_without_it" ooo ask running call
    tap_that "all_are_alive" eval 'alive running && alive opener && alive probed'
}

tap_section_forbidden() {
    tap_that "daemon_ends" daemon_stop
    tap_that "daemon_starts_without_entry_jumps" start_daemon --entry-jumps no
    tap_refuses "patch_with_one_is_refused" 3 'entry-jumps: the jump into function answer0' ctl apply A1
    tap_refuses "check_says_that_it_would_be" 3 'entry-jumps = no' ctl check A1
    tap_that "others_are_applied" ctl apply P1
    tap_that "and_removed" ctl remove P1 E1
    tap_that "nothing_is_left" no_pins
}

world_begin "${TMPDIR:-/tmp}/syscare-entry.$$" || tap_bail "no world"
make_patch E1 10 "answer0:entry answer1 answer2" "answer0:entry answer1 answer2" &&
    make_patch A1 20 answer0:entry && make_patch A2 30 "answer1:entry answer2" &&
    make_patch P1 40 answer0 || tap_bail "no patches"
tap_section_processes
tap_section_kill
tap_section_revert
tap_section_two
tap_section_foreign
tap_section_forbidden
daemon_stop
target_end running
target_end opener
target_end later
world_end
rm -rf --one-file-system "$world"
tap_done

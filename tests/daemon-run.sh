#!/bin/bash
# The daemon with real processes: every promise of ACTIVED, crashes, bad input, nothing left behind.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source=tests/world-subr.sh
. "${top_srcdir:?}/tests/world-subr.sh"
trap world_end EXIT

# A name must be one of all: every target of both files.
all_targets() {
    local target
    for target in running second opener; do
        [ "$(ask "$target" call)" = "$1" ] || { echo "$target does not run $1 code"; return 1; }
    done
}

many_first_calls() {
    "$root/usr/bin/sctarget" parent 100
}

tap_section_first_apply() {
    target_start running && target_start opener "$world/opener" && target_start threads
    ask threads "threads 4" > /dev/null
    tap_prints "running_process_runs_old_code_before" old ask running call
    tap_that "daemon_starts" daemon_start --audit-interval 2 || tap_bail "no daemon"
    tap_prints "patch_is_listed_as_not_applied" NOT-APPLIED states FIX1
    tap_that "list_has_its_header_and_one_line_for_each_file" list_is_as_promised
    tap_that "check_says_that_it_can_be_applied" ctl check FIX1
    tap_that "dry_run_changes_nothing" ctl apply --dry-run FIX1
    tap_prints "dry_run_has_changed_nothing" old ask running call
    tap_that "apply_succeeds" ctl apply FIX1
    tap_prints "apply_makes_both_files_active" ACTIVED states FIX1
    tap_prints "running_process_runs_new_code" new ask running call
    ask threads count > /dev/null
    sleep 0.2
    tap_prints "all_threads_run_new_code_only" "old 0 new some wrong 0" ask threads count
    tap_that "no_thread_is_left_stopped" target_threads_run "${target_pid[threads]}"
    target_start second
    tap_prints "process_started_later_runs_new_code_on_its_first_call" new ask second call
    tap_prints "hundred_first_calls_run_new_code_and_no_parent_sees_a_stop" \
        "old 0 new 100 wrong 0 stopped 0" many_first_calls
    tap_prints "library_is_opened_after_apply" opened ask opener "open $root/usr/lib64/libsct.so"
    tap_prints "library_opened_after_apply_runs_new_code_on_its_first_call" new ask opener call
    tap_that "status_shows_each_process" status_shows_processes
    tap_prints "apply_of_what_is_active_says_so" 2 already_count apply FIX1
}

list_is_as_promised() {
    ctl list > "$world/list" && head -n 1 "$world/list" | grep -qx 'Uuid  *Name  *Status' &&
        [ "$(grep -c FIX1-1-1 "$world/list")" -eq 2 ] &&
        grep -qE '^[0-9a-f-]{36} +sctarget-1\.0-1/FIX1-1-1/libsct\.so +NOT-APPLIED$' "$world/list"
}

already_count() {
    ctl "$@" | grep -c already
}

status_shows_processes() {
    ctl -v status FIX1 > "$world/status" &&
        grep -q "^  ${target_pid[running]} sctarget: patched$" "$world/status" &&
        grep -q "^  ${target_pid[opener]} opener: patched$" "$world/status"
}

tap_section_deactive() {
    tap_that "deactive_succeeds" ctl deactive FIX1
    tap_prints "deactive_is_shown" DEACTIVED states FIX1
    tap_that "all_processes_run_old_code_after_deactive" all_targets old
    tap_that "no_probe_is_pinned_after_deactive" no_pins
    tap_prints "deactive_again_says_so" 2 already_count deactive FIX1
    tap_refuses "accept_of_what_is_not_active_is_refused" 1 'not active' ctl accept FIX1
    tap_that "active_succeeds" ctl active FIX1
    tap_that "all_processes_run_new_code_after_active" all_targets new
    tap_that "accept_succeeds" ctl accept FIX1
    tap_prints "accepted_is_shown" ACCEPTED states FIX1
    tap_that "apply_leaves_accepted_alone" ctl apply FIX1
    tap_prints "still_accepted" ACCEPTED states FIX1
}

tap_section_restart() {
    tap_that "daemon_ends_by_itself" daemon_stop
    tap_prints "processes_stay_patched_without_a_daemon" new ask running call
    tap_that "daemon_starts_again" daemon_start
    tap_prints "restart_keeps_the_state" ACCEPTED states FIX1
    tap_that "all_processes_run_new_code_after_a_restart" all_targets new
    tap_prints "first_calls_run_new_code_after_a_restart" "old 0 new 100 wrong 0 stopped 0" \
        many_first_calls
    daemon_kill
    target_start orphan
    ask orphan call > /dev/null
    tap_that "daemon_starts_after_a_kill" daemon_start
    tap_prints "kill_keeps_the_state" ACCEPTED states FIX1
    tap_prints "process_that_began_without_a_daemon_is_patched_by_the_next" new ask orphan call
    target_end orphan
}

# A call in a new process takes at most this long, in microseconds. Usage: call_is_quick NAME LIMIT
call_is_quick() {
    local reply
    target_start "$1"
    reply=$(ask "$1" time)
    echo "$reply"
    [ "${reply%% *}" = old ] && [ "${reply##* }" -lt "$2" ]
}

tap_section_no_daemon() {
    # 50 ms, with room for a busy machine.
    kill -STOP "$daemon_pid"
    tap_that "hold_ends_when_the_daemon_is_stopped" call_is_quick stopped1 400000
    sleep 1.2
    tap_that "nobody_is_held_when_the_heartbeat_has_ended" call_is_quick stopped2 20000
    kill -CONT "$daemon_pid"
    sleep 1
    tap_that "daemon_that_goes_on_patches_what_it_missed" becomes_new stopped1
    target_end stopped1
    target_end stopped2
    daemon_kill
    tap_that "hold_ends_when_the_daemon_is_killed" call_is_quick killed1 400000
    sleep 1.2
    tap_that "nobody_is_held_long_after_the_daemon_was_killed" call_is_quick killed2 20000
    tap_that "daemon_starts_after_that" daemon_start
    tap_prints "missed_process_runs_new_code" new ask killed1 call
    target_end killed1
    target_end killed2
}

# Usage: becomes_new_within SECONDS NAME
becomes_new_within() {
    local end=$((SECONDS + $1))
    until [ "$(ask "$2" call)" = new ]; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

# Within the time of an audit. Usage: becomes_new NAME
becomes_new() {
    becomes_new_within 15 "$1"
}

tap_section_several_patches() {
    tap_that "second_patch_of_other_functions_is_applied" ctl apply FIX2
    tap_prints "both_are_active" ACTIVED states FIX2
    tap_prints "process_runs_on" new ask running call
    tap_refuses "patch_of_some_of_the_functions_that_another_has_is_refused" 3 'conflict.*answer0' \
        ctl apply FIX3
    tap_refuses "unknown_patch_is_named" 1 'NOSUCH' ctl apply NOSUCH
    tap_refuses "all_or_none" 3 'conflict' ctl apply FIX2 FIX3
    tap_refuses "keep_going_does_what_can_be_done" 5 'conflict' ctl apply --keep-going FIX2 FIX3
    tap_that "second_patch_is_removed" ctl remove FIX2
    ctl apply FIX2 > /dev/null
    tap_prints "first_patch_is_not_affected" new ask running call
}

# FIX4 replaces what FIX1 and FIX2 replace in the program, as a cumulative patch does.
tap_section_cumulative_patch() {
    tap_that "patch_that_covers_another_is_applied" ctl apply FIX4
    tap_prints "both_are_shown_as_active" ACTIVED states 'FIX4|FIX2'
    tap_prints "process_runs_new_code" new ask running call
    ctl -v status FIX4 > "$world/status"
    tap_that "processes_run_the_newer_patch" grep -q "^  ${target_pid[running]} sctarget: patched$" \
        "$world/status"
    ctl -v status '*/FIX1*/sctarget' > "$world/status"
    tap_that "the_older_one_is_superseded" \
        grep -q "^  ${target_pid[running]} sctarget: superseded: " "$world/status"
    tap_prints "first_calls_run_new_code_with_two_patches" "old 0 new 100 wrong 0 stopped 0" \
        many_first_calls
    daemon_kill
    tap_that "daemon_starts_with_patches_over_each_other" daemon_start
    ctl -v status FIX4 > "$world/status"
    tap_that "processes_still_run_the_newer_patch" \
        grep -q "^  ${target_pid[running]} sctarget: patched$" "$world/status"
    ask threads count > /dev/null
    tap_that "newer_patch_is_removed" ctl remove FIX4
    tap_prints "no_call_ran_old_code_while_it_fell_back" "old 0 new some wrong 0" ask threads count
    ctl -v status '*/FIX1*/sctarget' > "$world/status"
    tap_that "processes_run_the_older_patch_again" \
        grep -q "^  ${target_pid[running]} sctarget: patched$" "$world/status"
    tap_prints "first_calls_run_the_older_patch" "old 0 new 100 wrong 0 stopped 0" many_first_calls
    tap_that "other_patch_is_removed" ctl remove FIX2
}

# Files are found by their build-id, whatever and wherever they are.
tap_section_other_files() {
    cp "$root/usr/bin/sctarget" "$world/copy"
    target_start copied "$world/copy"
    ctl deactive FIX1 > /dev/null
    tap_that "patch_is_activated_with_a_copy_running" ctl active FIX1
    tap_prints "copy_of_the_file_is_patched_too" new ask copied call
    tap_prints "later_process_of_the_copy_is_patched_on_its_first_call" \
        "old 0 new 5 wrong 0 stopped 0" "$world/copy" parent 5
    target_end copied
    cp "$root/usr/bin/sctarget" "$world/deleted"
    target_start deleted "$world/deleted"
    ask deleted count > /dev/null # it runs: now the file can go
    rm "$world/deleted"
    tap_that "new_file_that_was_deleted_meanwhile_is_found" becomes_new_within 3 deleted
    # Mapped and called later by the same process: the file is known by then.
    cp "$root/usr/lib64/libsct.so" "$world/libcopy.so"
    target_start fresh "$world/opener"
    ask fresh "open $world/libcopy.so" > /dev/null
    tap_that "new_copy_of_a_library_is_found_when_it_is_mapped" becomes_new_within 3 fresh
    target_end fresh
    target_end deleted
    rm "$world/copy"
}

tap_section_opt_out() {
    daemon_stop
    tap_that "daemon_starts_with_a_program_left_out" daemon_start --skip-path "$world/opener"
    ctl deactive FIX1 > /dev/null
    tap_that "being_left_out_is_no_failure" ctl active FIX1
    tap_prints "program_that_is_left_out_runs_old_code" old ask opener call
    tap_prints "others_run_new_code" new ask running call
    daemon_stop
    tap_that "daemon_starts_without_that" daemon_start
    tap_prints "program_is_not_left_out_any_more" new ask opener call
}

tap_section_save_restore() {
    tap_that "patch_is_accepted" ctl accept FIX1
    tap_that "states_are_saved" ctl save
    tap_that "patch_is_removed" ctl remove FIX1
    tap_that "all_processes_run_old_code_after_remove" all_targets old
    tap_that "no_probe_is_pinned_after_remove" no_pins
    tap_that "no_copy_is_left_after_remove" sh -c "! find '$world/state/patches' -type f | grep ."
    tap_that "states_are_restored" ctl restore
    tap_prints "restored_state_is_the_saved_one" ACCEPTED states FIX1
    tap_that "all_processes_run_new_code_after_restore" all_targets new
    mv "$patches" "$patches.away" && mkdir "$patches"
    tap_that "rescan_after_the_package_was_erased" ctl rescan
    tap_prints "active_patch_is_still_there_without_its_package" ACCEPTED states FIX1
    tap_that "patch_without_its_package_can_be_removed" ctl remove FIX1
    tap_that "all_processes_run_old_code_then" all_targets old
    rmdir "$patches" && mv "$patches.away" "$patches"
    tap_that "rescan_finds_the_package_again" ctl rescan
}

flip_byte() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    printf '%b' "\\x$(printf '%02x' $((byte ^ 1)))" |
        dd of="$1" bs=1 seek="$2" conv=notrunc 2> /dev/null
}

tap_section_bad_input() {
    local object elf=$root/usr/bin/sctarget
    object=$patches/$(uuid_of 10)/sctarget
    cp "$object" "$world/object.good"
    flip_byte "$object" 4000
    tap_refuses "patch_object_with_a_flipped_byte_is_refused" 3 'damaged-patch' ctl apply FIX1
    truncate -s 1000 "$object"
    tap_refuses "truncated_patch_object_is_refused" 3 'damaged-patch' ctl apply FIX1
    cp "$world/object.good" "$object"
    chmod 0666 "$object"
    tap_refuses "patch_object_that_others_can_write_is_refused" 3 'untrusted-file' ctl apply FIX1
    chmod 0644 "$object"
    install_package none
    tap_refuses "target_that_is_not_installed_is_named" 3 'not-installed.*sctarget-1\.0-1' \
        ctl apply FIX1
    install_package 2.0
    tap_refuses "other_version_is_named_with_ours" 3 'sctarget-1\.0-1.*sctarget-2\.0-1' ctl apply FIX1
    install_package 1.0
    cp -a "$elf" "$world/elf.good"
    objcopy --update-section .note.gnu.build-id=<(build_id_note) "$elf" "$elf.other" &&
        mv "$elf.other" "$elf"
    tap_refuses "target_with_another_build_id_is_refused" 3 'target-build-id' ctl apply FIX1
    cp -a "$world/elf.good" "$elf.new"
    flip_byte "$elf.new" "$(answer3_offset)"
    mv "$elf.new" "$elf"
    tap_refuses "target_with_other_contents_is_refused" 3 'target-digest' ctl apply FIX1
    cp -a "$world/elf.good" "$elf.new" && mv "$elf.new" "$elf"
    tap_prints "nothing_of_that_changed_a_process" old ask running call
    tap_that "good_patch_on_good_target_can_be_checked" ctl check FIX1
}

build_id_note() {
    printf '\4\0\0\0\24\0\0\0\3\0\0\0GNU\0abcdefghijklmnopqrst'
}

answer3_offset() {
    printf '%d' $((0x$(nm "$root/usr/bin/sctarget" | awk '$3 == "answer3" { print $1 }') + 6))
}

# Processes whose callers are not held for some patch.
count_verdicts() {
    local map count=0
    while read -r map; do
        count=$((count + $(bpftool map dump pinned "$map" | grep -c '"tgid"')))
    done < <(find "$world/bpffs" -name map_verdicts)
    echo "$count"
}

# A process that gdb or strace holds: applied to the others, told, repaired later.
tap_section_traced() {
    local tracer
    target_start traced
    "$world/tracer" "${target_pid[traced]}" &
    tracer=$!
    world_pids+=("$tracer")
    sleep 0.3
    tap_refuses "traced_process_is_listed_with_its_reason" 5 \
        "process ${target_pid[traced]} .*traced by $tracer" ctl apply FIX1
    tap_prints "traced_process_is_unharmed" old ask traced call
    tap_prints "other_processes_are_patched" new ask running call
    ctl -v status FIX1 > "$world/status"
    tap_that "status_names_the_reason" grep -q "${target_pid[traced]} .*cannot: traced by" \
        "$world/status"
    # Its callers are not held while that lasts: by a decision of this daemon, and of no other.
    if command -v bpftool > /dev/null; then
        tap_that "its_callers_are_not_held_meanwhile" [ "$(count_verdicts)" -gt 0 ]
        daemon_kill
        tap_that "another_daemon_starts" daemon_start
        tap_prints "what_the_first_had_decided_is_forgotten" 0 count_verdicts
    fi
    kill "$tracer"
    wait "$tracer" 2> /dev/null
    tap_that "process_is_patched_when_it_is_free" becomes_new traced
    target_end traced
    tap_that "remove_ends_it" ctl remove FIX1
}

compile_tracer() {
    cat > "$world/tracer.c" << 'END'
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    if (argc != 2 || ptrace(PTRACE_SEIZE, atoi(argv[1]), 0, 0) < 0)
        return 1;
    pause();
    return 0;
}
END
    "${CC:-gcc}" -o "$world/tracer" "$world/tracer.c"
}

# The daemon is killed while it applies; the next one must make it right.
crash_round() {
    local state target
    ctl apply FIX1 > /dev/null 2>&1 &
    sleep "0.0$((RANDOM % 90 + 10))"
    daemon_kill
    wait $! 2> /dev/null
    for target in running second opener threads; do
        kill -0 "${target_pid[$target]}" || { echo "$target is dead"; return 1; }
        target_threads_run "${target_pid[$target]}" || return
    done
    daemon_start || { echo "no daemon"; return 1; }
    state=$(states FIX1)
    case $state in
    ACTIVED) all_targets new ;;
    NOT-APPLIED) all_targets old ;;
    *) echo "state $state"; return 1 ;;
    esac || { echo "but the daemon says $state"; return 1; }
    ctl remove FIX1 && all_targets old
}

tap_section_crashes() {
    local round
    RANDOM=${SYSCARE_CRASH_SEED:-$$}
    echo "# SYSCARE_CRASH_SEED=${SYSCARE_CRASH_SEED:-$$}"
    for ((round = 1; round <= 20; round++)); do
        tap_that "kill_${round}_during_apply_harms_nobody_and_is_made_right" crash_round
    done
    ask threads count > /dev/null
    sleep 0.2
    tap_prints "threads_went_on_through_all_that" "old some new 0 wrong 0" ask threads count
}

tap_section_end() {
    local injectors
    injectors=$(pgrep -P "$daemon_pid" | tr '\n' ' ')
    tap_that "daemon_ends" daemon_stop
    tap_that "no_injector_is_left" no_process "$injectors"
    tap_that "no_pin_is_left" sh -c "! find '$world/bpffs' -mindepth 1 ! -name '*.debug' | grep ."
    tap_that "nothing_is_left_in_the_run_directory" sh -c "! ls -A '$world/run' | grep ."
}

no_process() {
    local pid
    for pid in $1; do
        ! kill -0 "$pid" 2> /dev/null || return 1
    done
}

world_begin "$builddir/tests/daemon-run.world" > "$builddir/tests/daemon-run.begin" 2>&1 ||
    { sed 's/^/# /' "$builddir/tests/daemon-run.begin"; tap_bail "no world"; }
rm -f "$builddir/tests/daemon-run.begin"
tap_that "patches_are_made" eval 'make_patch FIX1 10 "answer0 answer1" "answer0" &&
    make_patch FIX2 20 "answer2" && make_patch FIX3 30 "answer0" &&
    make_patch FIX4 40 "answer0 answer1 answer2" && compile_tracer' ||
    tap_bail "no patches"
world_made
tap_section_first_apply
tap_section_deactive
tap_section_restart
tap_section_no_daemon
tap_section_several_patches
tap_section_cumulative_patch
tap_section_other_files
tap_section_opt_out
tap_section_save_restore
tap_section_bad_input
tap_section_traced
tap_section_crashes
tap_section_end
tap_done

#!/bin/bash
# What is shown is what is so: states of processes, lost patches, updates of package and daemon.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source=tests/world-subr.sh
. "${top_srcdir:?}/tests/world-subr.sh"
# shellcheck source=tests/truth-subr.sh
. "$srcdir/tests/truth-subr.sh"
trap world_end EXIT

tap_section_states() {
    target_start running && target_start other
    tap_that "daemon_starts" daemon_start --audit-interval 3600 || tap_bail "no daemon"
    tap_prints "process_of_a_patch_that_is_not_applied_is_unpatched" unpatched state_of running FIX1
    ctl apply FIX1 > /dev/null
    tap_prints "patched_process_is_shown_as_patched" patched state_of running FIX1
    tap_that "status_stops_no_process" status_stops_nobody
    tap_that "status_as_json_has_every_process" json_has_processes
    tap_prints "status_is_answered_while_a_pass_waits_for_a_busy_process" patched status_in_between
}

# All threads of the target run on while status is asked a hundred times: it counts no stop.
status_stops_nobody() {
    local before after
    before=$(awk '/nonvoluntary/ { print $2 }' "/proc/${target_pid[running]}/status")
    for _ in $(seq 20); do
        ctl -v status FIX1 > /dev/null || return
        grep -q '^TracerPid:.0$' "/proc/${target_pid[running]}/status" || return
    done
    after=$(awk '/nonvoluntary/ { print $2 }' "/proc/${target_pid[running]}/status")
    echo "$before $after"
    [ "$before" = "$after" ]
}

json_has_processes() {
    ctl --json -v status '*/FIX1*/sctarget' > "$world/json" &&
        python3 - "$world/json" "${target_pid[running]}" "${target_pid[other]}" << 'END'
import json, sys
patch, = json.load(open(sys.argv[1]))["data"]["patches"]
states = {str(p["pid"]): p["state"] for p in patch["processes"]}
assert patch["status"] == "ACTIVED" and patch["superseded"] is None, patch
assert all(states[pid] == "patched" for pid in sys.argv[2:]), states
END
}

# A process that is stopped for good in the old code of a function would keep a pass waiting.
status_in_between() {
    ctl apply --timeout 5 FIX2 > /dev/null &
    state_of running FIX1
    wait $!
    ctl remove FIX2 > /dev/null
}

# The audit looks through /proc once more before it says what it did. Usage: log_says PATTERN
log_says() {
    local end=$((SECONDS + 10))
    until grep -q "$1" "$world/syscared.log"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

tap_section_lost() {
    daemon_stop
    tap_that "daemon_starts_with_an_audit_each_second" daemon_start --audit-interval 1
    tap_prints "process_that_is_to_lose_its_patch_runs_it" new ask running call
    tap_prints "text_is_thrown_away" dropped ask running drop
    tap_prints "lost_patch_is_lost" old ask running call
    tap_that "audit_puts_it_back" becomes running new
    kill -STOP "$daemon_pid"
    ask running drop > /dev/null
    kill -CONT "$daemon_pid"
    tap_that "audit_puts_it_back_again" becomes running new
    tap_that "and_says_so_in_the_log" log_says 'audit: .*were not as they should be'
    tap_prints "one_mapping_of_the_patch_is_enough" 1 count_mappings running 10
}

# Without the page that the kernel makes for the first trap. Usage: own_maps NAME
own_maps() {
    grep -v '\[uprobes\]' "/proc/${target_pid[$1]}/maps"
}

tap_section_daemon_updates() {
    own_maps running > "$world/maps"
    daemon_kill
    mv "$world/bpffs/syscare/v"* "$world/bpffs/syscare/v99"
    tap_that "daemon_starts_on_pins_of_another_version" daemon_start --audit-interval 1
    tap_prints "state_is_as_before" ACTIVED states FIX1
    tap_prints "process_runs_on" new ask running call
    tap_that "pins_of_another_version_are_gone" sh -c "! ls -d '$world/bpffs/syscare/v99'"
    tap_prints "first_calls_are_held_again" "old 0 new 20 wrong 0 stopped 0" \
        "$root/usr/bin/sctarget" parent 20
    daemon_kill
    sed -i 's/"format":1/"format":7/; s/"format": *1/"format":7/' "$world/state/state"
    tap_that "daemon_starts_on_a_state_file_of_another_version" daemon_start --audit-interval 1
    tap_prints "state_is_what_the_pins_say" ACTIVED states FIX1
    tap_prints "process_runs_on_after_that" new ask running call
    daemon_kill
    echo damaged > "$world/state/state"
    rm -rf "$world"/bpffs/syscare/v*
    tap_that "daemon_starts_without_state_and_pins" daemon_start --audit-interval 1
    tap_prints "state_is_what_the_processes_say" ACTIVED states FIX1
    tap_prints "process_runs_on_with_that" new ask running call
    tap_that "nothing_was_applied_twice" diff "$world/maps" <(own_maps running)
}

tap_section_package_updates() {
    local elf=$root/usr/bin/sctarget
    cp -a "$elf" "$world/elf.good"
    install_package 2.0
    objcopy --update-section .note.gnu.build-id=<(build_id_note) "$elf" "$elf.new" &&
        mv "$elf.new" "$elf"
    tap_prints "old_process_keeps_its_patch_after_an_update" new ask running call
    target_start updated
    tap_prints "process_of_the_new_file_is_not_touched" old ask updated call
    ctl -v status FIX1 > "$world/status"
    tap_that "patch_is_shown_as_superseded" grep -q '^  superseded: .*sctarget-2\.0-1' \
        "$world/status"
    tap_prints "old_process_is_still_shown" patched state_of running FIX1
    tap_that "new_one_is_not" sh -c "! grep '^  ${target_pid[updated]} ' '$world/status'"
    daemon_kill
    tap_that "daemon_starts_after_the_update" daemon_start --audit-interval 1
    tap_prints "state_is_as_before_the_update" ACTIVED states FIX1
    tap_prints "old_process_runs_on_after_the_update" new ask running call
    tap_prints "new_file_is_not_touched_by_the_next_daemon" old ask updated call
    install_package none && rm "$elf"
    tap_that "patch_of_an_erased_package_is_removed" ctl remove FIX1
    tap_prints "old_process_runs_old_code_again" old ask running call
    cp -a "$world/elf.good" "$elf" && install_package 1.0
}

# The state with which a boot of the machine finds things: only the file is there.
tap_section_boot() {
    ctl apply FIX1 > /dev/null && ctl accept FIX1 > /dev/null && ctl apply FIX2 > /dev/null
    daemon_stop
    rm -rf "$world"/bpffs/syscare
    target_end running
    target_end other
    tap_that "state_file_is_of_another_boot" other_boot
    tap_that "daemon_starts_after_a_boot" daemon_start
    tap_prints "accepted_patch_is_there_after_a_boot" ACCEPTED states FIX1
    tap_prints "other_patch_is_not" NOT-APPLIED states FIX2
    target_start running
    tap_prints "first_call_after_a_boot_runs_new_code" new ask running call
    tap_that "dry_run_of_restore_says_what_it_would_do" dry_restore
    tap_prints "dry_run_of_restore_does_nothing" NOT-APPLIED states FIX2
    tap_that "restore_of_accepted_ones_leaves_others_alone" ctl restore --accepted
    tap_prints "other_patch_is_still_not_applied" NOT-APPLIED states FIX2
    tap_that "restore_brings_back_what_the_last_boot_ended_with" ctl restore
    tap_prints "other_patch_is_back" ACTIVED states FIX2
    ctl remove FIX1 FIX2 > /dev/null
}

dry_restore() {
    ctl restore --dry-run | grep -q 'FIX2.*ACTIVED .*nothing was changed'
}

# The digest covers the boot id, so it is made again.
other_boot() {
    python3 - "$world/state/state" << 'END'
import hashlib, json, sys
state = json.load(open(sys.argv[1]))
state["boot_id"], state["digest"] = "00000000-0000-0000-0000-000000000001", ""
text = json.dumps(state, separators=(",", ":"), ensure_ascii=False)
state["digest"] = hashlib.sha256(text.encode()).hexdigest()
json.dump(state, open(sys.argv[1], "w"))
END
}

world_begin "$builddir/tests/truth-status.world" > "$builddir/tests/truth-status.begin" 2>&1 ||
    { sed 's/^/# /' "$builddir/tests/truth-status.begin"; tap_bail "no world"; }
rm -f "$builddir/tests/truth-status.begin"
tap_that "patches_are_made" eval 'make_patch FIX1 10 "answer0 answer1" &&
    make_patch FIX2 20 "answer2"' || tap_bail "no patches"
world_made
tap_section_states
tap_section_lost
tap_section_daemon_updates
tap_section_package_updates
tap_section_boot
tap_that "daemon_ends" daemon_stop
tap_done

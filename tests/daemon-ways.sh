#!/bin/bash
# The ways to notice first callers that other kernels need, forced one after the other.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# WAYS="perf-async sample" takes only those: what the running kernel can.
# shellcheck source=tests/world-subr.sh
. "${top_srcdir:?}/tests/world-subr.sh"
trap world_end EXIT
ways=${WAYS:-multi-hold perf-hold perf-async perf-plain sample}

# No audit comes to help. Usage: start WAY [OPTION]...
start() {
    local way=$1
    shift
    : > "$world/syscared.log"
    daemon_start --audit-interval 3600 --uprobes "$way" "$@"
}

# Callers wait in that way.
holds() {
    [[ $1 = *-hold ]]
}

log_names_the_way() {
    grep "uprobes = $1: " "$world/syscared.log" || return
    holds "$1" || grep "uprobes = $1: .*may run old code" "$world/syscared.log"
}

# Usage: becomes STATE NAME
becomes() {
    local end=$((SECONDS + 30))
    until [ "$(ask "$2" call)" = "$1" ]; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.01
    done
}

# A process started now runs new code: at once where callers are held. Usage: later WAY NAME
later() {
    local first
    target_start "$2" || return
    first=$(ask "$2" call)
    ! holds "$1" || [ "$first" = new ] || { echo "its first call ran $first code"; return 1; }
    becomes new "$2"
}

apply_tells_what_is_missing() {
    ctl apply FIX1 > "$world/apply" || return
    if holds "$1"; then
        ! grep '^note:' "$world/apply"
    else
        grep "^note: first calls .* may run old code" "$world/apply"
    fi
}

status_tells_what_is_missing() {
    ctl -v status FIX1 > "$world/status" && ctl -v --json status FIX1 > "$world/status.json" ||
        return
    grep -q "\"way\": *\"$1\"" "$world/status.json" || { cat "$world/status.json"; return 1; }
    if holds "$1"; then
        ! grep 'may run old code' "$world/status"
    else
        grep -q "^uprobes = $1: first calls .* may run old code" "$world/status" ||
            { cat "$world/status"; return 1; }
    fi
}

# The first bytes of answer0 in a process that was just started, as hexadecimal digits.
first_bytes() {
    local start offset address
    target_start bare && ask bare count > /dev/null || return # it has been mapped
    address=0x$(nm "$root/usr/bin/sctarget" | awk '$3 == "answer0" { print $1 }')
    start=$(awk '/sctarget$/ { sub("-.*", "", $1); print "0x" $1; exit }' \
        "/proc/${target_pid[bare]}/maps")
    offset=$((start + address))
    dd if="/proc/${target_pid[bare]}/mem" bs=1 skip="$offset" count=8 2> /dev/null |
        od -An -tx1 | tr -d ' \n'
    target_end bare
}

# A breakpoint is there, or none. Probes of single functions take 0.1 s each to go.
probed() {
    [[ $(first_bytes) = cc* ]]
}

unprobed() {
    local end=$((SECONDS + 60))
    while probed; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
    [ "$(first_bytes)" = "$original_bytes" ]
}

section_way() {
    local way=$1 seen
    target_start running && target_start opener "$world/opener"
    tap_that "${way}_daemon_starts" start "$way" || return
    tap_that "${way}_is_logged_with_what_is_missing" log_names_the_way "$way"
    tap_that "${way}_apply" apply_tells_what_is_missing "$way"
    tap_prints "${way}_running_process_runs_new_code" new ask running call
    tap_that "${way}_function_is_probed" probed
    tap_that "${way}_process_started_later_is_switched" later "$way" later
    if holds "$way"; then
        seen="old 0 new 20 wrong 0 stopped 0"
        tap_prints "${way}_first_calls_run_new_code" "$seen" "$root/usr/bin/sctarget" parent 20
    fi
    ask opener "open $root/usr/lib64/libsct.so" > /dev/null
    tap_that "${way}_library_opened_later_is_switched" becomes new opener
    cp "$root/usr/bin/sctarget" "$world/copy"
    target_start copy "$world/copy"
    tap_that "${way}_new_copy_of_the_file_is_switched" becomes new copy
    target_end copy
    tap_that "${way}_status_tells_what_is_missing" status_tells_what_is_missing "$way"
    tap_that "${way}_deactive" ctl deactive FIX1
    for target in running later opener; do
        tap_prints "${way}_${target}_runs_old_code_after_deactive" old ask "$target" call
    done
    tap_that "${way}_no_probe_is_left_after_deactive" unprobed
    section_restart "$way"
    target_end running
    target_end later
    target_end opener
}

# The daemon is killed and comes again, ends and comes again, ends for good.
section_restart() {
    local way=$1
    tap_that "${way}_active_again" ctl active FIX1
    daemon_kill
    if holds "$way"; then
        tap_that "${way}_probe_outlives_the_daemon" probed
    else
        tap_that "${way}_probe_ends_with_the_daemon" unprobed
    fi
    tap_prints "${way}_process_goes_on_without_the_daemon" new ask running call
    target_start orphan
    ask orphan call > /dev/null
    tap_that "${way}_daemon_starts_after_a_kill" start "$way"
    tap_prints "${way}_kill_keeps_the_state" ACTIVED states FIX1
    tap_prints "${way}_process_that_was_missed_is_switched" new ask orphan call
    tap_that "${way}_later_process_is_switched_after_a_kill" later "$way" second
    tap_that "${way}_daemon_ends" daemon_stop
    tap_that "${way}_daemon_starts_again" start "$way"
    tap_that "${way}_later_process_is_switched_after_a_restart" later "$way" third
    target_end orphan
    target_end second
    target_end third
    tap_that "${way}_remove" ctl remove FIX1
    tap_prints "${way}_process_runs_old_code_after_remove" old ask running call
    tap_that "${way}_daemon_ends_with_nothing_active" daemon_stop
    tap_that "${way}_no_pin_is_left" sh -c \
        "! find '$world/bpffs' -mindepth 1 ! -name '*.debug' | grep ."
    tap_that "${way}_no_probe_is_left" unprobed
}

# A daemon that was killed while it made, or took away, the links of a file one by one.
section_half_linked() {
    local pins=$world/bpffs/syscare pin
    tap_that "perf-hold_starts_before_it_is_killed" start perf-hold || return
    tap_that "perf-hold_applies_before_it_is_killed" ctl apply FIX1
    daemon_kill
    pin=$(find "$pins" -name 'link-*' -path "*$(uuid_of 11)*")
    tap_prints "there_is_a_link_for_each_function" 2 eval "find '$pin' -type f | wc -l"
    tap_that "half_of_the_links_is_taken_away" rm "$pin/0"
    tap_that "half_a_set_is_left_of_another_file" mkdir "${pin%/link-*}/part"
    tap_that "perf-hold_starts_with_half_the_links" start perf-hold
    tap_that "half_a_set_is_removed" test ! -e "${pin%/link-*}/part"
    # In another slot, where the old links are still being closed.
    tap_prints "all_links_are_there_again" 2 eval \
        "find '$pins' -name 'link-*' -path '*$(uuid_of 11)*' -exec find {} -type f \\; | wc -l"
    tap_that "perf-hold_later_process_is_switched_then" later perf-hold halved
    target_end halved
    tap_that "perf-hold_removes_after_that" ctl remove FIX1
    daemon_stop
    tap_that "perf-hold_leaves_no_probe_after_that" unprobed
}

# Nothing is forced: the best way is taken that is left without some system calls.
# Usage: section_without WAY RULE...
section_without() {
    local way=$1
    shift
    daemon_wrapper=("$builddir/tests/daemon-filter" "$@" --)
    tap_that "daemon_starts_without_${1}_and_chooses_${way}" start auto || return
    tap_that "${way}_is_named_without_${1}" grep "uprobes = $way: " "$world/syscared.log"
    tap_that "patch_is_applied_without_${1}" ctl apply FIX1
    tap_that "later_process_is_switched_without_${1}" later "$way" filtered
    tap_that "patch_is_removed_without_${1}" ctl remove FIX1
    target_end filtered
    daemon_stop
    daemon_wrapper=()
    tap_that "no_probe_is_left_without_${1}" unprobed
}

# Where nothing is left, or what is forced is not there, nothing is promised.
section_refused() {
    daemon_wrapper=("$builddir/tests/daemon-filter" bpf perf --)
    tap_that "daemon_starts_without_bpf_and_perf" start auto
    tap_refuses "patch_is_refused_where_later_processes_cannot_be_noticed" 3 \
        'unsupported-kernel' ctl apply FIX1
    tap_prints "refused_patch_is_not_applied" NOT-APPLIED states FIX1
    daemon_stop
    daemon_wrapper=("$builddir/tests/daemon-filter" bpf --)
    tap_that "daemon_starts_without_what_is_forced" start perf-async
    tap_that "log_names_what_is_forced" grep 'cannot be activated here: uprobes = perf-async: ' \
        "$world/syscared.log"
    tap_refuses "what_is_forced_is_not_replaced_by_another_way" 3 'unsupported-kernel' \
        ctl apply FIX1
    daemon_stop
    tap_that "nothing_is_left_in_the_run_directory" sh -c "! ls -A '$world/run' | grep ."
    daemon_wrapper=()
}

# A daemon takes over from one that worked in another way.
section_change() {
    local from=$1 to=$2
    tap_that "${from}_starts_before_${to}" start "$from" || return
    tap_that "${from}_applies_before_${to}" ctl apply FIX1
    daemon_kill
    tap_that "${to}_takes_over_from_${from}" start "$to"
    tap_prints "${to}_keeps_the_state_of_${from}" ACTIVED states FIX1
    tap_that "${to}_switches_later_processes_after_${from}" later "$to" changed
    target_end changed
    tap_that "${to}_removes_what_${from}_applied" ctl remove FIX1
    tap_that "${to}_leaves_no_pin_of_${from}" no_pins
    tap_that "${to}_leaves_no_probe_of_${from}" unprobed
    daemon_stop
}

is_stopped() {
    local end=$((SECONDS + 30))
    until grep -q '^State:.*T (stopped' "/proc/$1/status"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.01
    done
}

# A stop that is over before the parent looks is not seen. Usage: seen_by_parent COUNT
seen_by_parent() {
    "$root/usr/bin/sctarget" parent "$1" | sed 's/stopped [1-9][0-9]*$/stopped some/'
}

# SIGSTOP on request: every first call is caught, and parents see it.
section_signal() {
    local way=$1
    tap_that "${way}_starts_with_signals" start "$way" --hold signal || return
    tap_that "${way}_log_names_the_signal" grep "uprobes = $way: .*SIGSTOP" "$world/syscared.log"
    tap_that "${way}_applies_with_signals" ctl apply FIX1
    tap_prints "${way}_stops_first_callers_until_they_are_switched" \
        "old 0 new 20 wrong 0 stopped some" seen_by_parent 20
    # Nobody answers: the process waits, for the next daemon if need be.
    kill -STOP "$daemon_pid"
    target_start stopped
    echo call >&"${target_in[stopped]}"
    tap_that "${way}_caller_waits_for_the_daemon" is_stopped "${target_pid[stopped]}"
    daemon_kill
    tap_that "${way}_daemon_starts_after_it_stopped_a_process" start "$way" --hold signal
    tap_prints "${way}_process_goes_on" new read_answer stopped
    target_end stopped
    tap_that "${way}_removes_with_signals" ctl remove FIX1
    daemon_stop
    tap_that "${way}_no_probe_is_left_with_signals" unprobed
}

read_answer() {
    local reply
    IFS= read -r -t 10 -u "${target_out[$1]}" reply && echo "$reply"
}

world_begin "$builddir/tests/daemon-ways.world" > "$builddir/tests/daemon-ways.begin" 2>&1 ||
    { sed 's/^/# /' "$builddir/tests/daemon-ways.begin"; tap_bail "no world"; }
rm -f "$builddir/tests/daemon-ways.begin"
tap_that "patch_is_made" make_patch FIX1 10 "answer0 answer1" "answer0" || tap_bail "no patch"
world_made
original_bytes=$(first_bytes)
tap_that "function_is_not_probed_before" unprobed
for way in $ways; do
    section_way "$way"
done
[[ " $ways " != *" multi-hold "*" sample "* ]] || {
    section_change multi-hold sample
    section_change sample perf-hold
}
[[ " $ways " != *" perf-hold "* ]] || section_half_linked
for way in perf-async perf-plain; do
    [[ " $ways " != *" $way "* ]] || section_signal "$way"
done
[ -n "${WAYS:-}" ] || {
    section_without perf-plain bpf=28 # BPF_LINK_CREATE
    section_without sample bpf
    section_without multi-hold perf
    section_refused
}
tap_refuses "way_that_there_is_not_is_a_usage_error" 2 'uprobes: "kprobes" is none of' \
    "$builddir/runtime/syscared" --uprobes kprobes
tap_done

# shellcheck shell=bash
# One case of the corpus: its patch is built, installed, applied, observed and taken back.
# SPDX-License-Identifier: GPL-2.0-or-later

: "${out:?}" "${srcdir:?}" "${corpus:?}" "${world=}" "${repo=}" "${daemon_pid=}" "${syscare_command=}"
report=$srcdir/tests/corpus/report.py
watched=()

# Runs a step of the case; what it says goes to the case's log. Usage: must TEXT COMMAND...
must() {
    local text=$1
    shift
    echo "== $text" >> "$log"
    "$@" >> "$log" 2>&1 || fault "$text"
}

# The step whose output, one line, is what counts. Usage: must_match TEXT PATTERN COMMAND...
must_match() {
    local text=$1 wanted=$2 got
    shift 2
    got=$("$@" 2>> "$log" | paste -sd ' ')
    echo "== $text: $got" >> "$log"
    grep -qxE -- "$wanted" <<< "$got" || fault "$text: wanted $wanted, got ${got:-nothing}"
}

# The first thing that is wrong is the verdict.
fault() {
    [ -n "$verdict" ] || verdict="FAILED: $1"
    return 1
}

# --- build ----------------------------------------------------------------------------------------

# `syscare build` from the capture; its status is the status. Usage: case_build PACKAGE CVE
case_build() {
    local from=$EPOCHREALTIME status
    rm -rf "$world/patch" "$world/build"
    mkdir -p "$world/patch" "$world/build"
    "$syscare_command" build -n "$(patch_name_of "$2")" -s "$(srpm_of "$1")" --capture "$(capture_of "$1")" \
        -p "$corpus/$1/$2.patch" --cve "$2" --json --nodeps \
        --build-root "$world/build" -o "$world/patch" < /dev/null > "$dir/build.json" 2> "$dir/build.log"
    status=$?
    build_seconds=$(seconds_since "$from")
    return "$status"
}

# --- processes ------------------------------------------------------------------------------------

# What status says of one process: one word for each patched file that it maps. Usage: process_state PID
process_state() {
    syscare --json -v status "$name" > "$dir/status.json" &&
        "$report" processes < "$dir/status.json" | awk -v pid="$1" '$1 == pid { print $2 }' | sort -u
}

# Processes of the case that still live. Usage: all_alive
all_alive() {
    local pid
    for pid in "${watched[@]}"; do
        kill -0 "$pid" || return
    done
}

# Starts a process for each patched file. Usage: watch_files PACKAGE PREFIX
watch_files() {
    local file number=0 status
    while read -r file; do
        number=$((number + 1))
        mapping_start "$1" "$file" "$2$number" >> "$log" 2>&1
        status=$?
        [ "$status" -ne 77 ] || continue
        [ "$status" -eq 0 ] || fault "a process that maps $file starts" || return
        watched+=("$spawned")
    done < "$dir/targets"
}

# All of them are so; a process that started later may not have called anything yet.
# Usage: watched_are PATTERN
watched_are() {
    local pid
    for pid in "${watched[@]}"; do
        must_match "state of process $pid" "$1" process_state "$pid" || return
    done
}

# --- with a probe -----------------------------------------------------------------------------------

# Usage: start_probed CVE NAME
start_probed() {
    must "the program of the probe starts ($2)" probe_start "$1" "$2" && watched+=("$spawned")
}

# A probe that ends the vulnerable process is tried on one of its own. Usage: probe_before CVE KIND
probe_before() {
    start_probed "$1" running || return
    case $2 in
    crash*)
        must "the program of the probe starts (before)" probe_start "$1" before &&
            must_match "before" VULNERABLE probe_check before
        ;;
    *) must_match "before" VULNERABLE probe_check running ;;
    esac
}

probe_applied() {
    must_match "the running process after apply" FIXED probe_check running &&
        start_probed "$1" later && must_match "a process started after apply" FIXED probe_check later
}

# What the probe says of a process whose patch was removed; then crash kinds have ended it.
probe_removed() {
    must "all processes live after remove" all_alive &&
        must_match "the running process after remove" VULNERABLE probe_check running &&
        must_match "the later process after remove" VULNERABLE probe_check later
}

# --- the whole way --------------------------------------------------------------------------------

patch_states_are() {
    must_match "state of the patch" "$1" patch_states
}

# Usage: timed VARIABLE COMMAND...
timed() {
    local variable=$1 from=$EPOCHREALTIME status
    shift
    "$@"
    status=$?
    printf -v "$variable" '%s' "$(seconds_since "$from")"
    return "$status"
}

patch_apply() {
    must "check says that it can be applied" syscare check "$name" &&
        must "apply" timed apply_seconds syscare apply "$name" && patch_states_are ACTIVED &&
        watched_are patched && must "all processes live" all_alive
}

# Erases the patch package as a user does, and ends all processes. Usage: case_clean
case_clean() {
    probes_end >> "$log" 2>&1
    for pid in "${world_pids[@]}"; do
        [ "$pid" = "$daemon_pid" ] || world_reap "$pid"
    done
    world_pids=("$daemon_pid")
    watched=()
    if [ -n "$(patch_rpm)" ]; then
        syscare remove "$name" >> "$log" 2>&1
        root_dnf remove "$(rpm -qp --qf '%{NAME}' "$(patch_rpm)" 2> /dev/null)" >> "$log" 2>&1
        rm -f "$repo/$(basename "$(patch_rpm)")"
    fi
    syscare rescan >> "$log" 2>&1
}

# Usage: case_run PACKAGE CVE
case_run() {
    local kind
    kind=$(probe_kind "$2")
    must "the patch package is published" patch_publish || return
    [ -z "$kind" ] || probe_before "$2" "$kind" || return
    watch_files "$1" file || return
    [ "${#watched[@]}" -ne 0 ] || fault "no process runs any of the files" || return
    must "dnf installs the patch package" patch_install && must "rescan" syscare rescan &&
        patch_states_are NOT-APPLIED && patch_apply || return
    [ -z "$kind" ] || probe_applied "$2" || return
    watch_files "$1" after && watched_are "patched|pending" || return
    must "remove" timed remove_seconds syscare remove "$name" && patch_states_are NOT-APPLIED || return
    watched_are unpatched || return
    [ -z "$kind" ] || probe_removed || return
    must "dnf erases the patch package" root_dnf remove "$(rpm -qp --qf '%{NAME}' "$(patch_rpm)" 2> /dev/null)"
}

# Is the verdict one that the case may have? Usage: verdict_fits EXPECTED
verdict_fits() {
    case $1:$verdict in
    works:works | works+:works | careful:refused\ * | refused:refused\ * | nothing:nothing) return 0 ;;
    careful:works) [ -n "$warnings" ] ;;
    *) return 1 ;;
    esac
}

# Tries the case and writes its result to FILE. Usage: case_try PACKAGE CVE EXPECTED FILE
case_try() {
    local dir=$out/log/$1/$2 log name verdict='' files='' functions='' warnings='' status
    local build_seconds='' apply_seconds='' remove_seconds=''
    log=$dir/log name=$(patch_name_of "$2")
    rm -rf "$dir"
    mkdir -p "$dir"
    : > "$log"
    watched=()
    case_build "$1" "$2"
    status=$?
    IFS=$'\t' read -r files functions warnings <<< "$("$report" summary "$dir/build.json" 2>> "$log" | tr -s ' ')"
    case $status in
    0)
        "$report" targets "$dir/build.json" > "$dir/targets"
        case_run "$1" "$2" && verdict=works
        case_clean
        ;;
    3) verdict="refused $("$report" codes "$dir/build.json")" ;;
    4) verdict=nothing ;;
    *) verdict="FAILED: syscare build ended with $status" ;;
    esac
    local result=ok
    verdict_fits "$3" || result=NOT-OK
    printf '%s\t%s\n' package "$1" case "$2" expected "$3" verdict "$verdict${warnings:+ (warns: $warnings)}" \
        ELF "$files" functions "$functions" build "$build_seconds" apply "$apply_seconds" \
        remove "$remove_seconds" result "$result" > "$4"
    printf '%-6s %-10s %-15s %-8s %s  [build %s s, apply %s s]\n' "$result" "$1" "$2" "$3" "$verdict" \
        "$build_seconds" "${apply_seconds:--}"
    [ "$result" = ok ]
}

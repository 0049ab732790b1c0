#!/bin/bash
# Measures the runtime on this machine: a table in Markdown on stdout. Usage: make bench-runtime
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every figure is a ratio to something that is measured beside it, in the same run. BENCH_PROCESSES
# (1000) and BENCH_ROUNDS (200) make it shorter. BENCH_REALTIME=1 runs all of it with real-time
# priority, for machines that others use meanwhile.
set -uo pipefail
srcdir=${top_srcdir:?} builddir=${top_builddir:?}
# shellcheck source=tests/daemon-subr.sh
. "$srcdir/tests/daemon-subr.sh"
[ "$(id -u)" -eq 0 ] || { echo "needs root: it attaches to processes" >&2; exit 1; }
if [ -n "${BENCH_REALTIME:-}" ]; then
    unset BENCH_REALTIME
    exec chrt --rr 1 "${BASH:-bash}" "$0" "$@"
fi
world_namespace "$0" "$@"
trap world_end EXIT
rounds=${BENCH_ROUNDS:-200} processes=${BENCH_PROCESSES:-1000}
bench=$builddir/tests/bench/runtime/bench here=$srcdir/tests/bench/runtime

# "median p99" of numbers on stdin, one a line, divided by the first argument (1).
spread() {
    sort -n | awk -v unit="${1:-1}" '{ x[NR] = $1 / unit } END {
        if (!NR) { print "- -"; exit }
        p = int(NR * 0.99); if (p < 1) p = 1
        printf "%.4g %.4g\n", x[int((NR + 1) / 2)], x[p] }'
}

# One row. Usage: row WHAT MEASURED REFERENCE RATIO TARGET
row() {
    printf '| %s | %s | %s | %s | %s |\n' "$@"
}

ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b; else print "-" }'
}

# Names of "median p99" for a row. Usage: both "MEDIAN P99" UNIT
both() {
    # shellcheck disable=SC2086 # two numbers
    set -- $1 "$2"
    echo "$1 $3 (p99 $2)"
}

first() {
    echo "${1%% *}"
}

bench_begin() {
    world_begin "$builddir/tests/bench-runtime.world" || return
    "${CC:-gcc}" -O2 "$(fresh_build_id)" -o "$root/usr/bin/sctarget" "$here/bench-target.c" \
        "$srcdir/tests/inject-functions.S" -lpthread || return
    "${CC:-gcc}" -O2 -shared -fPIC -nostdlib "$(fresh_build_id)" -o "$world/many.so" "$here/bench-many.S" ||
        return
    export PATCH_SOURCE=$here/bench-patch.c
    # BIG has 256 kB of code. Only the first function counts.
    make_patch SMALL 10 "answer0" && PATCH_FILLER=262144 make_patch BIG 20 "answer0 answer1" &&
        daemon_start --audit-interval 600 && target=$root/usr/bin/sctarget
}

bench_calls() {
    local lines patched fixed
    ctl apply SMALL > /dev/null
    lines=$("$target" calls)
    grep -q old <<< "$lines" && echo "calls ran old code" >&2
    patched=$(awk '{ print $1 }' <<< "$lines" | spread) fixed=$(awk '{ print $2 }' <<< "$lines" | spread)
    row "patched call, against the fix compiled in" "$(both "$patched" ns)" "$(both "$fixed" ns)" \
        "+$(awk -v a="${patched%% *}" -v b="${fixed%% *}" 'BEGIN { printf "%.2f", a - b }') ns" "≤ +1.5 ns"
    ctl remove SMALL > /dev/null
}

bench_first_call() {
    local calls base
    ctl apply SMALL > /dev/null
    base=$("$bench" new "$rounds" "$target" wait | spread 1000)
    for _ in $(seq "$rounds"); do "$target" once; done > "$world/first"
    calls=$(awk '{ print $1 }' "$world/first" | spread 1000)
    row "first call in a new process ($(grep -c new "$world/first") of $rounds ran new code), against a bare ptrace round" \
        "$(both "$calls" µs)" "$(both "$base" µs)" "$(ratio "$(first "$calls")" "$(first "$base")")" "≤ 10"
    ctl remove SMALL > /dev/null
}

bench_eager() {
    local pids=() base begin end eager again revert
    for _ in $(seq "$processes"); do
        "$target" wait &
        pids+=("$!")
    done
    sleep 2
    printf '%s\n' "${pids[@]}" | "$bench" rounds > "$world/rounds"
    base=$(awk '{ s += $1 } END { printf "%.1f", s / 1e6 }' "$world/rounds")
    begin=$(date +%s%N)
    ctl apply --timeout 300 SMALL > /dev/null
    end=$(date +%s%N) eager=$(((end - begin) / 1000000))
    [ "$(ctl -v status SMALL | grep -c ': patched')" -eq "$processes" ] ||
        echo "not all of $processes are patched" >&2
    row "apply with $processes running processes, against a bare ptrace round of each" "$eager ms" \
        "$base ms" "$(ratio "$eager" "$base")" "≤ 5"
    begin=$(date +%s%N)
    ctl deactive SMALL > /dev/null
    end=$(date +%s%N) revert=$(((end - begin) / 1000000))
    begin=$(date +%s%N)
    ctl active SMALL > /dev/null
    end=$(date +%s%N) again=$(((end - begin) / 1000000))
    row "deactive, then active again, the same" "$revert ms, $again ms" "$base ms" \
        "$(ratio "$revert" "$base"), $(ratio "$again" "$base")" "-"
    begin=$(date +%s%N)
    ctl -v status SMALL > /dev/null
    end=$(date +%s%N)
    row "status -v of $processes processes" "$(((end - begin) / 1000000)) ms" "-" "-" "-"
    ctl remove SMALL > /dev/null
    kill "${pids[@]}"
    wait "${pids[@]}" 2> /dev/null
}

# Private kB of a process.
private_kb() {
    awk '/^Private_(Clean|Dirty)/ { s += $2 } END { print s }' "/proc/$1/smaps_rollup"
}

bench_memory() {
    local pids=() before=0 after=0 pid
    for _ in $(seq 20); do
        "$target" wait &
        pids+=("$!")
    done
    sleep 0.5
    for pid in "${pids[@]}"; do before=$((before + $(private_kb "$pid"))); done
    ctl apply BIG > /dev/null
    for pid in "${pids[@]}"; do after=$((after + $(private_kb "$pid"))); done
    row "private memory per process, patch of 256 kB" "$(((after - before) / 20)) kB" "-" "-" "≤ 12 kB"
    ctl remove BIG > /dev/null
    kill "${pids[@]}"
    wait "${pids[@]}" 2> /dev/null
}

# The longest pause while the patch comes, for so many threads: median of several times.
bench_pause() {
    local count idle pause one=''
    for count in 1 8 64 512; do
        rm -f "$world/threads.in" "$world/threads.out"
        mkfifo "$world/threads.in" "$world/threads.out"
        "$target" threads "$count" < "$world/threads.in" > "$world/threads.out" &
        world_pids+=("$!")
        exec {to}> "$world/threads.in" {from}< "$world/threads.out"
        read -r -u "$from"
        sleep 1
        : > "$world/idle"
        : > "$world/gaps"
        for _ in $(seq 20); do
            gap_of sleep 0.05 >> "$world/idle"
            gap_of ctl apply SMALL >> "$world/gaps"
            ctl deactive SMALL > /dev/null
        done
        idle=$(spread 1000 < "$world/idle") pause=$(spread 1000 < "$world/gaps")
        [ -n "$one" ] || one=$(first "$pause")
        row "longest pause of a thread, process of $count threads" "$(both "$pause" µs)" \
            "$(both "$idle" µs) without" \
            "$(awk -v p="$(first "$pause")" -v o="$one" -v n="$count" 'BEGIN { if (n > 1) printf "+%.1f µs per thread", (p - o) / (n - 1); else print "-" }')" \
            "$([ "$count" = 1 ] && echo '≤ 300 µs' || echo '≤ +10 µs per thread')"
        ctl remove SMALL > /dev/null
        exec {to}>&- {from}<&-
        kill "${world_pids[-1]}"
        wait "${world_pids[-1]}" 2> /dev/null
    done
}

# The longest gap that the target sees while the command runs, ns. Usage: gap_of COMMAND...
gap_of() {
    echo gap >&"$to"
    read -r -u "$from" _
    "$@" > /dev/null
    echo gap >&"$to"
    read -r -u "$from" gap
    echo "$gap"
}

bench_exec() {
    local without with idle
    daemon_stop
    without=$("$bench" exec "$rounds" "$target" never | spread 1000)
    daemon_start --audit-interval 600
    idle=$("$bench" exec "$rounds" "$target" never | spread 1000)
    ctl apply SMALL > /dev/null
    with=$("$bench" exec "$rounds" "$target" never | spread 1000)
    row "start and end of a program that never calls a patched function" "$(both "$with" µs)" \
        "$(both "$without" µs) without a daemon" "$(ratio "$(first "$with")" "$(first "$without")")" "1"
    row "the same with a daemon and no patch" "$(both "$idle" µs)" "$(both "$without" µs)" \
        "$(ratio "$(first "$idle")" "$(first "$without")")" "1"
}

# Clock ticks of the daemon and its injectors so far.
daemon_ticks() {
    local pid sum=0
    for pid in "$daemon_pid" $(pgrep -P "$daemon_pid"); do
        sum=$((sum + $(awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$pid/stat")))
    done
    echo "$sum"
}

bench_cpu() {
    local before after count=$((rounds * 5)) ms
    before=$(daemon_ticks)
    "$bench" exec "$count" "$target" once > "$world/once"
    after=$(daemon_ticks)
    ms=$(awk -v t=$((after - before)) -v n="$count" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f", t * 1000 / hz / n }')
    row "CPU of syscared for each of $count execs that call a patched function" "$ms ms" \
        "100,000 an hour are $(awk -v ms="$ms" 'BEGIN { printf "%.1f", ms * 100000 / 3600 / 10 }') % of a processor" "-" "reported"
    ctl remove SMALL > /dev/null
}

# Voluntary and other switches of all threads of the daemon and its injectors.
daemon_switches() {
    local pid
    for pid in "$daemon_pid" $(pgrep -P "$daemon_pid"); do
        cat /proc/"$pid"/task/*/status
    done | awk '/^voluntary_ctxt_switches/ { s += $2 } END { print s }'
}

bench_idle() {
    local before after seconds=${BENCH_IDLE:-20}
    daemon_stop
    daemon_start --audit-interval 600
    ctl apply SMALL > /dev/null
    sleep 2
    before=$(daemon_switches)
    sleep "$seconds"
    after=$(daemon_switches)
    row "wake-ups of syscared with an active patch in $seconds s (other programs may start meanwhile)" "$((after - before))" "-" "-" \
        "0 between audits"
    ctl remove SMALL > /dev/null
}

bench_attach() {
    local on off
    for _ in $(seq 10); do "$bench" attach "$world/bpffs/bench" "$world/many.so" 1000; done > "$world/attach"
    on=$(awk '{ print $1 }' "$world/attach" | spread 1000000) off=$(awk '{ print $2 }' "$world/attach" | spread 1000000)
    row "attach 1,000 functions; detach them" "$(both "$on" ms); $(both "$off" ms)" "-" "-" "< 200 ms together"
}

bench_begin > "$builddir/tests/bench-runtime.log" 2>&1 ||
    { tail -n 20 "$builddir/tests/bench-runtime.log" >&2; exit 1; }
echo "Linux $(uname -r), $(nproc) processors ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), load $(cut -d' ' -f1 /proc/loadavg) at the start."
echo
echo "| what | measured: median | beside it | ratio or difference | target |"
echo "|---|---|---|---|---|"
for part in ${BENCH_PARTS:-calls first_call eager memory pause exec cpu idle attach}; do
    "bench_$part"
done
daemon_stop

#!/bin/bash
# Redis under load: patched, unpatched and patched again while redis-benchmark talks to it.
# SPDX-License-Identifier: GPL-2.0-or-later
set -uo pipefail
srcdir=${top_srcdir:?} builddir=${top_builddir:?}
# shellcheck source=tests/tap-subr.sh
. "$srcdir/tests/tap-subr.sh"
# shellcheck source=scripts/lib.sh
. "$srcdir/scripts/lib.sh"
tap_need_machine
if [ -z "${SYSCARE_CORPUS:-}" ]; then
    tap_skip_all "SYSCARE_CORPUS does not name a corpus of packages"
fi
corpus=$SYSCARE_CORPUS
fix=$corpus/redis/CVE-2025-32023.patch
srpm=$(find "$corpus/redis" -name '*.src.rpm' | head -n 1)
export SYSCARE_RPM_MACROS=$corpus/rpmmacros.fedora
is_debian || unset SYSCARE_RPM_MACROS
cycles=20
world_namespace "$0" "$@"

# Servers are started by the corpus's probe, in sessions of their own.
finish() {
    local name
    touch "$world/stop"
    for name in first second; do
        if [ -f "$world/$name/state.json" ]; then
            "$corpus/probe.py" stop CVE-2025-32023 --root "$root" --work "$world/$name" > /dev/null 2>&1
        fi
    done
    world_end
}
trap finish EXIT

# The RPMs as a distribution would ship them: two minutes, so kept while the input is the same.
ship_redis() {
    local key cache=$builddir/tests/redis.cache
    key=$({ cat "$srpm" "${SYSCARE_RPM_MACROS:-/dev/null}" && declare -f shipped_build; } | sha256sum)
    if [ "$(cat "$cache/key" 2> /dev/null)" != "$key" ]; then
        rm -rf "$cache"
        shipped_build "$srpm" "$cache" || return
        rm -rf "$cache/BUILD" "$cache/BUILDROOT"
        echo "$key" > "$cache/key"
    fi
    mkdir -p "$world/shipped"
    cp -r "$cache/RPMS" "$world/shipped/"
}

redis_start() {
    mkdir -p "$world/$1"
    "$corpus/probe.py" start CVE-2025-32023 --root "$root" --work "$world/$1"
}

# What the corpus's probe says of a running server; its exit status only repeats the word.
redis_state() {
    "$corpus/probe.py" check CVE-2025-32023 --root "$root" --work "$world/$1" || true
}

redis_port() {
    sed -n 's/.*"port": *\([0-9]*\).*/\1/p' "$world/$1/state.json"
}

redis_info() {
    root_run /usr/bin/redis-cli -p "$(redis_port first)" info | tr -d '\r' | sed -n "s/^$1://p"
}

# redis-benchmark round after round until the file "stop" is there; notes each round that failed.
# HyperLogLog commands are among it: those run through the functions that the patch replaces.
load_run() {
    local port=$1
    while [ ! -e "$world/stop" ]; do
        root_run /usr/bin/redis-benchmark -p "$port" -c 10 -n 20000 -q -t ping,set,get,incr,lpush ||
            echo "FAILED $?"
        root_run /usr/bin/redis-benchmark -p "$port" -c 10 -n 5000 -r 1000 -q PFADD hll __rand_int__ ||
            echo "FAILED $?"
        root_run /usr/bin/redis-benchmark -p "$port" -c 5 -n 1000 -q PFMERGE merged hll ||
            echo "FAILED $?"
    done
}

load_start() {
    load_run "$(redis_port first)" > "$world/log/load.log" 2>&1 &
    load_pid=$!
    world_pids+=("$load_pid")
}

load_stop() {
    touch "$world/stop"
    wait "$load_pid"
}

# Rounds that failed, and what a server said instead of an answer.
load_failures() {
    tr '\r' '\n' < "$world/log/load.log" | grep -ciE 'failed|error|reset|refused|closed'
}

cycle_all() {
    local i
    for ((i = 1; i <= cycles; i++)); do
        syscare deactive HP1 || { echo "deactive $i failed"; return 1; }
        syscare apply HP1 || { echo "apply $i failed"; return 1; }
    done
}

world_begin "$builddir/tests/e2e-redis.world"
tap_that "make_install_lays_out_all_commands" stage_make "$builddir" "$world/stage" ||
    tap_bail "there is nothing to test"
tap_that "redis_is_shipped" ship_redis || tap_bail "no target"
tap_that "syscare_build_makes_a_patch_rpm" patch_build HP1 "$srpm" "$fix" "$world/shipped" ||
    tap_bail "no patch"
tap_that "repository_holds_the_shipped_rpms" repo_make "$world/shipped"
tap_that "repository_holds_the_patch_rpm" patch_publish
tap_that "dnf_installs_redis_into_the_root" root_dnf install redis || tap_bail "no target"
tap_that "server_starts" redis_start first || tap_bail "no server"
server_pid=$(sed -n 's/.*"target": *\([0-9]*\).*/\1/p' "$world/first/state.json")
tap_prints "server_is_vulnerable_before" VULNERABLE redis_state first
tap_that "dnf_installs_the_patch_rpm" patch_install || tap_bail "not installed"
tap_that "daemon_starts" daemon_start || tap_bail "no daemon"
load_start
errors_before=$(redis_info total_error_replies)
tap_that "apply_succeeds_under_load" syscare apply HP1
tap_prints "running_server_is_fixed" FIXED redis_state first
tap_that "server_starts_after_apply" redis_start second
tap_prints "server_started_after_apply_is_fixed" FIXED redis_state second
tap_that "deactive_succeeds_under_load" syscare deactive HP1
tap_prints "running_server_is_vulnerable_after_deactive" VULNERABLE redis_state first
tap_prints "second_server_is_vulnerable_after_deactive" VULNERABLE redis_state second
tap_that "apply_succeeds_again" syscare apply HP1
tap_prints "running_server_is_fixed_again" FIXED redis_state first
tap_that "patch_goes_off_and_on_${cycles}_times_under_load" cycle_all
tap_prints "running_server_is_fixed_after_the_cycles" FIXED redis_state first
load_stop
tap_prints "no_request_of_the_load_failed" 0 load_failures
# Each FIXED of the first server above was one error reply, which is what the fix is.
tap_prints "server_gave_no_error_but_to_the_probe" $((errors_before + 3)) \
    redis_info total_error_replies
tap_prints "server_rejected_no_connection" 0 redis_info rejected_connections
tap_prints "server_is_the_same_process" "$server_pid" redis_info process_id
tap_that "remove_succeeds" syscare remove HP1
tap_prints "running_server_is_vulnerable_after_remove" VULNERABLE redis_state first
tap_done

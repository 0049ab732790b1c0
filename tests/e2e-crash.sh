#!/bin/bash
# syscared and its injector are killed at random points while processes are being patched.
# SPDX-License-Identifier: GPL-2.0-or-later
set -uo pipefail
srcdir=${top_srcdir:?} builddir=${top_builddir:?}
# shellcheck source=tests/tap-subr.sh
. "$srcdir/tests/tap-subr.sh"
# shellcheck source=scripts/lib.sh
. "$srcdir/scripts/lib.sh"
tap_need_machine
world_namespace "$0" "$@"
trap world_end EXIT

rounds=30
servers=6
pids=() ports=()

start_servers() {
    local i pid='' port=''
    for ((i = 0; i < servers; i++)); do
        kvd_start "$world/log/server$i.log" pid port || return
        pids+=("$pid")
        ports+=("$port")
    done
}

# Every server answers, and each with old or new code, nothing else.
servers_answer() {
    local port state
    for port in "${ports[@]}"; do
        for state in "$(kvd_library_state "$port")" "$(kvd_server_state "$port")"; do
            case $state in
            fixed | vulnerable) ;;
            *)
                echo "port $port: $state"
                return 1
                ;;
            esac
        done
    done
}

servers_live() {
    local pid
    for pid in "${pids[@]}"; do
        kill -0 "$pid" 2> /dev/null || { echo "server $pid is dead"; return 1; }
        if grep -q '^State:.*[Tt] (' /proc/"$pid"/task/*/status; then
            echo "a thread of server $pid is stopped"
            return 1
        fi
    done
}

# One state for all servers, executable and library.
servers_state() {
    local port
    for port in "${ports[@]}"; do
        kvd_library_state "$port"
        kvd_server_state "$port"
    done | sort -u
}

# What the daemon says is what the servers do.
daemon_tells_the_truth() {
    local said did
    said=$(patch_states)
    did=$(servers_state)
    case $said/$did in
    ACTIVED/fixed | DEACTIVED/vulnerable | NOT-APPLIED/vulnerable) ;;
    *)
        echo "the daemon says '$said', the servers run the '${did//$'\n'/ and }' code"
        syscare -v status FIX1
        cat "$world/log/verb.log"
        return 1
        ;;
    esac
}

# The injector is a child of the daemon. Usage: kill_one daemon|injector
kill_one() {
    case $1 in
    daemon) kill -9 "$daemon_pid" ;;
    injector) pkill -9 -P "$daemon_pid" ;;
    esac
}

# One round: a verb begins, the victim is killed a moment later.
# Usage: crash_round VICTIM VERB MILLISECONDS
crash_round() {
    local verb_pid
    timeout 60 "$syscare_command" --run-dir "$world/run" "$2" FIX1 > "$world/log/verb.log" 2>&1 &
    verb_pid=$!
    sleep "$(awk -v ms="$3" 'BEGIN { printf "%.3f", ms / 1000 }')"
    kill_one "$1" 2> /dev/null
    wait "$verb_pid"
    [ $? -ne 124 ] || { echo "the command hangs"; return 1; }
    servers_live && servers_answer
}

# After any crash: a daemon is there, tells the truth, and can bring about what is asked for.
recover() {
    if ! kill -0 "$daemon_pid" 2> /dev/null; then
        wait "$daemon_pid" 2> /dev/null
        daemon_start || return
    fi
    daemon_tells_the_truth && syscare "$1" FIX1 && daemon_tells_the_truth &&
        servers_live
}

world_begin "$builddir/tests/e2e-crash.world"
tap_that "make_install_lays_out_all_commands" stage_make "$builddir" "$world/stage" ||
    tap_bail "there is nothing to test"
tap_that "example_is_shipped_and_installed_by_dnf" example_ship || tap_bail "no target"
tap_that "syscare_build_makes_a_patch_rpm" \
    patch_build FIX1 "$(example_srpm)" "$(example_fix)" "$world/shipped" || tap_bail "no patch"
tap_that "patch_rpm_is_published" patch_publish
tap_that "dnf_installs_the_patch_rpm_into_the_root" patch_install || tap_bail "not installed"
tap_that "servers_start" start_servers || tap_bail "no servers"
root_spawn "$world/log/load.log" /usr/bin/kvtool load "${ports[0]}"
load_pid=$spawned
tap_that "daemon_starts" daemon_start || tap_bail "no daemon"
# A round that is told by its number can be played again: SYSCARE_CRASH_SEED is printed.
seed=${SYSCARE_CRASH_SEED:-$(date +%s)}
RANDOM=$seed
echo "# SYSCARE_CRASH_SEED=$seed"
verbs=(apply deactive)
victims=(daemon injector)
for ((round = 0; round < rounds; round++)); do
    verb=${verbs[round % 2]}
    victim=${victims[(round / 2) % 2]}
    delay=$((RANDOM % 120))
    tap_that "round_${round}: no server dies when the $victim is killed $delay ms into $verb" \
        crash_round "$victim" "$verb" "$delay"
    tap_that "round_${round}: all is right again, and $verb can be done" recover "$verb"
done
tap_that "remove_succeeds" syscare remove FIX1
tap_prints "all_servers_run_the_old_code" vulnerable servers_state
world_reap "$load_pid"
tap_prints "client_that_talked_all_the_time_saw_no_failure" "failed 0" \
    sed -n 's/^requests [1-9][0-9]* //p' "$world/log/load.log"
tap_done

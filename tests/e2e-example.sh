#!/bin/bash
# The whole way on the example package: source RPM, patch RPM, dnf, running processes, and back.
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
first_pid='' first_port='' second_port='' third_port=''

start_first() {
    kvd_start "$world/log/first.log" first_pid first_port
}

start_load() {
    root_spawn "$world/log/load.log" /usr/bin/kvtool load "$first_port"
    load_pid=$spawned
}

load_result() {
    world_reap "$load_pid"
    # In a subshell the wait for it is none.
    wait_until 10 grep -q '^requests' "$world/log/load.log"
    sed -n 's/^requests [1-9][0-9]* //p' "$world/log/load.log"
}

# The state of each process that was started before or after, executable and library.
all_states() {
    local port
    for port in "$@"; do
        kvd_library_state "$port"
        kvd_server_state "$port"
    done | sort -u
}

# Threads that a debugger or an injector left stopped.
stopped_threads() {
    cat /proc/"$first_pid"/task/*/stat | awk '{ print $3 }' | grep -c '[Tt]'
}

pins() {
    find "$world/bpffs" -type f -name '*link*' | wc -l
}

# A process writes code and runs it only through us; and even then never both at once.
writable_code() {
    grep -c '^[^ ]* .wx' "/proc/$first_pid/maps"
}

world_begin "$builddir/tests/e2e-example.world"
tap_that "make_install_lays_out_all_commands" stage_make "$builddir" "$world/stage" ||
    tap_bail "there is nothing to test"
tap_that "example_is_shipped_and_installed_by_dnf" example_ship || tap_bail "no target"
tap_that "syscare_build_makes_a_patch_rpm" \
    patch_build FIX1 "$(example_srpm)" "$(example_fix)" "$world/shipped" || tap_bail "no patch"
tap_that "patch_rpm_requires_exactly_the_shipped_package" \
    sh -c "rpm -qp --requires '$(patch_rpm)' | grep -q '^kvd = 1.0-1'"
tap_that "patch_source_rpm_lies_beside_it" test -n "$(find "$world/patch" -name '*.src.rpm')"
tap_that "server_starts" start_first
tap_that "program_that_will_load_the_library_starts" late_start
start_load
tap_prints "unpatched_server_is_vulnerable" vulnerable all_states "$first_port"
tap_that "daemon_starts" daemon_start || tap_bail "no daemon"
tap_that "patch_rpm_is_published" patch_publish
tap_that "dnf_installs_the_patch_rpm_into_the_root" patch_install || tap_bail "not installed"
tap_that "rescan_sees_the_patch" syscare rescan
tap_prints "installed_patch_is_not_applied" NOT-APPLIED patch_states
tap_that "check_finds_no_obstacle" syscare check FIX1
tap_that "apply_succeeds" syscare apply FIX1
tap_prints "applied_patch_is_actived" ACTIVED patch_states
tap_prints "running_server_is_fixed" fixed all_states "$first_port"
tap_that "server_starts_while_the_patch_is_active" \
    kvd_start "$world/log/second.log" second_pid second_port
tap_prints "server_started_later_is_fixed" fixed all_states "$second_port"
tap_prints "program_loads_the_library_after_apply" opened late_ask open
tap_prints "library_loaded_after_apply_is_fixed" fixed late_state
tap_prints "no_memory_is_writable_and_executable" 0 writable_code
tap_prints "no_thread_is_left_stopped" 0 stopped_threads
tap_that "second_apply_is_success" syscare apply FIX1
tap_prints "second_apply_changes_nothing" ACTIVED patch_states
tap_that "daemon_stops" sh -c "kill $daemon_pid"
wait_until 10 sh -c "! kill -0 $daemon_pid"
tap_prints "patched_processes_do_not_need_the_daemon" fixed all_states "$first_port" "$second_port"
tap_that "daemon_starts_again" daemon_start
tap_prints "state_is_kept_over_a_restart" ACTIVED patch_states
tap_that "server_starts_after_the_restart" kvd_start "$world/log/third.log" third_pid third_port
tap_prints "server_started_after_the_restart_is_fixed" fixed all_states "$third_port"
tap_that "accept_succeeds" syscare accept FIX1
tap_prints "accepted_patch_is_accepted" ACCEPTED patch_states
tap_that "deactive_succeeds" syscare deactive FIX1
tap_prints "deactived_patch_is_deactived" DEACTIVED patch_states
tap_prints "all_servers_are_vulnerable_after_deactive" vulnerable \
    all_states "$first_port" "$second_port" "$third_port"
tap_prints "loaded_library_is_vulnerable_after_deactive" vulnerable late_state
tap_that "active_succeeds" syscare active FIX1
tap_prints "all_servers_are_fixed_after_active" fixed \
    all_states "$first_port" "$second_port" "$third_port"
tap_prints "loaded_library_is_fixed_after_active" fixed late_state
tap_that "remove_succeeds" syscare remove FIX1
tap_prints "removed_patch_is_not_applied" NOT-APPLIED patch_states
tap_prints "all_servers_are_vulnerable_after_remove" vulnerable \
    all_states "$first_port" "$second_port" "$third_port"
tap_prints "no_probe_is_left_after_remove" 0 pins
tap_prints "client_that_talked_all_the_time_saw_no_failure" "failed 0" load_result
tap_done

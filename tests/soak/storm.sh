#!/bin/bash
# Everything at once, for SOAK_SECONDS (600): no wrong result, nothing dies, nothing is left.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# First calls may wait for a second: a machine that all this keeps busy would let some go otherwise.
set -uo pipefail
srcdir=${top_srcdir:?} builddir=${top_builddir:?}
# shellcheck source=tests/tap-subr.sh
. "$srcdir/tests/tap-subr.sh"
# shellcheck source=tests/daemon-subr.sh
. "$srcdir/tests/daemon-subr.sh"
[ "$(id -u)" -eq 0 ] || tap_skip_all "needs root: it attaches to processes"
world_namespace "$0" "$@"
trap world_end EXIT
seconds=${SOAK_SECONDS:-600} storms=${SOAK_STORMS:-2}

# Starts a storm; its descriptors are kept under its number. Usage: storm_start NUMBER
declare -A storm_to storm_from storm_pid
storm_start() {
    local to from line
    mkfifo "$world/storm$1.in" "$world/storm$1.out" || return
    "$root/usr/bin/sctarget" "$root/usr/lib64/libsct.so" < "$world/storm$1.in" > "$world/storm$1.out" &
    storm_pid[$1]=$!
    world_pids+=("$!")
    exec {to}> "$world/storm$1.in" {from}< "$world/storm$1.out"
    storm_to[$1]=$to storm_from[$1]=$from
    read -r -t 20 -u "$from" line && [ "$line" = ready ]
}

# Usage: storm_counts NUMBER
storm_counts() {
    local line
    echo count >&"${storm_to[$1]}"
    IFS= read -r -t 30 -u "${storm_from[$1]}" line || line="no answer"
    echo "$line"
}

# After the last change has settled, only this word's counter counts. Usage: all_run old|new
all_run() {
    local number line other=new
    [ "$1" = old ] || other=old
    for number in "${!storm_pid[@]}"; do storm_counts "$number" > /dev/null; done
    sleep 1
    for number in "${!storm_pid[@]}"; do
        line=$(storm_counts "$number")
        grep -q "$1 [1-9]" <<< "$line" && grep -q "$other 0 " <<< "$line" || {
            echo "storm $number: $line"
            return 1
        }
    done
}

no_wrong_result() {
    local number
    for number in "${!storm_pid[@]}"; do
        kill -0 "${storm_pid[$number]}" || { echo "storm $number is dead"; return 1; }
        storm_counts "$number" | tee -a "$world/counts"
    done
    ! tail -n "$storms" "$world/counts" | grep -v ' wrong 0 '
}

# apply, deactive, active, remove as fast as they go, and the daemon is killed now and then.
cycle() {
    local end=$((SECONDS + seconds)) done=0 partial=0 status
    while [ "$SECONDS" -lt "$end" ]; do
        for verb in apply deactive active remove; do
            ctl "$verb" FIX1 > /dev/null 2>> "$world/errors"
            status=$?
            [ "$status" -eq 0 ] || [ "$status" -eq 5 ] || { echo "$verb ended with $status"; return 1; }
            partial=$((partial + (status == 5)))
        done
        done=$((done + 1))
        if [ $((done % 50)) -eq 0 ]; then
            daemon_kill
            daemon_start --audit-interval 1 --hold-limit 1000 || { echo "no daemon"; return 1; }
            for number in "${!storm_pid[@]}"; do
                kill -0 "${storm_pid[$number]}" || { echo "storm $number is dead"; return 1; }
            done
        fi
    done
    echo "# $done cycles, $partial done in part" >&3
}

exec 3>&1
world_begin "$builddir/tests/soak-storm.world" > "$builddir/tests/soak-storm.log" 2>&1 ||
    { sed 's/^/# /' "$builddir/tests/soak-storm.log"; tap_bail "no world"; }
"${CC:-gcc}" -O2 -D_GNU_SOURCE "$(fresh_build_id)" -o "$root/usr/bin/sctarget" "$srcdir/tests/soak/storm.c" \
    "$srcdir/tests/inject-functions.S" -ldl -lpthread || tap_bail "no storm"
tap_that "patch_is_made" make_patch FIX1 10 "answer0 answer1 answer2" "answer0" ||
    tap_bail "no patch"
tap_that "daemon_starts" daemon_start --audit-interval 1 --hold-limit 1000 || tap_bail "no daemon"
for number in $(seq "$storms"); do
    tap_that "storm_${number}_starts" storm_start "$number"
done
tap_that "patches_come_and_go_for_$seconds""_seconds" cycle
tap_that "no_result_was_wrong_and_nothing_died" no_wrong_result
ctl apply FIX1 > /dev/null 2>&1
sleep 3
tap_that "all_run_new_code_after_the_last_apply" all_run new
ctl remove FIX1 > /dev/null 2>&1
sleep 3
tap_that "all_run_old_code_after_the_last_remove" all_run old
tap_that "no_result_was_wrong_at_the_end" no_wrong_result
tap_that "daemon_ends" daemon_stop
tap_done

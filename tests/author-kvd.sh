#!/bin/bash
# A source patch with hooks and shadow variables, the whole way: syscare build, daemon, processes.
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
first_port='' second_port='' third_port='' fourth_port=''

wrong_password() {
    kvd_ask "$1" 'AUTH wrong' | tail -n 1
}

# Attempts until the server has had enough; then what it says.
exhaust() {
    local i
    for i in 1 2 3; do
        [ "$(wrong_password "$1")" = "-ERR wrong password" ] || { echo "attempt $i"; return; }
    done
    wrong_password "$1"
}

build_explained() {
    patch_build LIMIT "$(example_srpm)" "$srcdir/examples/kvd/limit.patch" "$world/shipped" \
        --explain --json > "$world/build.json"
}

report() {
    python3 - "$world/build.json" "$1" << 'END'
import json, sys
report = [t["report"] for t in json.load(open(sys.argv[1]))["targets"] if t["report"]][0]
for f in report["functions"]:
    if f["name"] == sys.argv[2]:
        print(f["change"], f["place"], " ".join(w["kind"] for w in f["why"]))
END
}

patch_hooks() {
    local file
    rpm2cpio "$(patch_rpm)" | (cd "$world/tmp" && cpio -idm --quiet)
    file=$(find "$world/tmp" -type f -name kvd)
    readelf -SW "$file" | grep -c ' \.syscare\.hooks '
}

world_begin "$builddir/tests/author-kvd.world"
tap_that "make_install_lays_out_all_commands" stage_make "$builddir" "$world/stage" ||
    tap_bail "there is nothing to test"
tap_that "example_is_shipped_and_installed_by_dnf" example_ship || tap_bail "no target"
tap_that "a_patch_that_includes_the_header_is_built" build_explained || tap_bail "no patch"
tap_prints "the_patch_has_a_table_of_hooks" 1 patch_hooks
tap_prints "a_hook_is_explained" "new session.c:16 source hook" report hook_before
tap_prints "so_is_the_function_that_the_fix_changes" "changed session.c:58 inlines" \
    report session_answer
tap_that "a_server_starts" kvd_start "$world/log/first.log" first_pid first_port
tap_prints "it_never_has_enough" "-ERR wrong password" exhaust "$first_port"
tap_that "daemon_starts" daemon_start || tap_bail "no daemon"
tap_that "the_patch_is_installed" eval 'patch_publish && patch_install && syscare rescan'
tap_that "apply_succeeds" syscare apply LIMIT
tap_prints "a_running_server_counts_from_then_on" "-ERR too many attempts (2 hooks)" \
    exhaust "$first_port"
tap_that "a_server_starts_later" kvd_start "$world/log/second.log" second_pid second_port
tap_prints "it_has_its_own_count_and_ran_its_hooks" "-ERR too many attempts (2 hooks)" \
    exhaust "$second_port"
tap_that "the_daemon_is_killed" sh -c "kill -9 $daemon_pid"
wait_until 10 sh -c "! kill -0 $daemon_pid"
tap_that "and_starts_again" daemon_start
tap_prints "hooks_and_shadows_are_as_they_were" "-ERR too many attempts (2 hooks)" \
    wrong_password "$first_port"
tap_that "deactive_succeeds" syscare deactive LIMIT
tap_prints "then_the_server_never_has_enough" "-ERR wrong password" exhaust "$first_port"
tap_that "active_succeeds" syscare active LIMIT
tap_prints "shadows_begin_anew" "-ERR too many attempts (2 hooks)" exhaust "$first_port"
tap_that "a_third_server_starts" kvd_start "$world/log/third.log" third_pid third_port
tap_prints "and_is_patched_with_its_hooks" "-ERR too many attempts (2 hooks)" exhaust "$third_port"
tap_that "remove_succeeds" syscare remove LIMIT
tap_prints "all_is_as_before" "-ERR wrong password" exhaust "$third_port"

# A patch whose hook does not want any process.
refuse_build() {
    sed '/^+static int hook_before/,/^+}/ s/return 0/return 7/' "$srcdir/examples/kvd/limit.patch" \
        > "$world/refuse.patch"
    patch_build REFUSE "$(example_srpm)" "$world/refuse.patch" "$world/shipped"
}

refuse_status() {
    syscare -v status REFUSE | grep "hook hook_before does not want this process (it returned 7)" |
        grep -c cannot
}
tap_that "a_patch_that_refuses_is_built" refuse_build || tap_bail "no patch"
tap_that "it_is_installed" eval 'patch_publish && patch_install && syscare rescan'
tap_refuses "apply_says_that_processes_are_left_out" 5 "hook_before does not want" \
    syscare apply REFUSE
tap_prints "status_lists_all_three_with_the_reason" 3 refuse_status
tap_prints "they_run_the_old_code" "-ERR wrong password" exhaust "$third_port"
tap_that "a_server_starts_while_it_is_active" \
    kvd_start "$world/log/fourth.log" fourth_pid fourth_port
tap_prints "it_runs_the_old_code_too" "-ERR wrong password" exhaust "$fourth_port"
tap_that "the_patch_can_be_removed" syscare remove REFUSE
tap_prints "and_nothing_is_left_of_it" "-ERR wrong password" exhaust "$fourth_port"
tap_done

#!/bin/bash
# Who may ask for what, whose files are trusted, and what can be switched off.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source=tests/world-subr.sh
. "${top_srcdir:?}/tests/world-subr.sh"
# shellcheck source=tests/truth-subr.sh
. "$srcdir/tests/truth-subr.sh"
trap world_end EXIT

# The command as a user with these groups: the program and the socket have to be within reach.
# Usage: ctl_as USER GROUPS ARGUMENT...
ctl_as() {
    local user=$1 groups=$2
    shift 2
    setpriv --reuid "$user" --regid "$user" --groups "$groups" --inh-caps=-all \
        "$reach/syscare" --run-dir "$reach/run" "$@"
}

tap_section_peers() {
    local verb
    tap_that "daemon_starts_with_a_group_that_may_ask" daemon_start_reachable --query-group daemon
    tap_that "root_may_do_everything" "$reach/syscare" --run-dir "$reach/run" apply FIX1
    for verb in list "info FIX1" "target FIX1" "status FIX1" "check FIX2"; do
        # shellcheck disable=SC2086 # a verb with its arguments
        tap_that "member_of_the_group_may_${verb%% *}" ctl_as 4711 "$(id_of_group daemon)" $verb
    done
    for verb in "apply FIX2" "active FIX1" "deactive FIX1" "accept FIX1" "remove FIX1" save restore \
        rescan "apply --dry-run FIX2"; do
        # shellcheck disable=SC2086
        tap_refuses "member_of_the_group_may_not_${verb// /_}" 1 "only root may ${verb%% *}" \
            ctl_as 4711 "$(id_of_group daemon)" $verb
    done
    tap_prints "nothing_of_that_changed_a_state" ACTIVED states_reachable FIX1
    tap_refuses "others_may_not_even_connect" 1 'only root|cannot reach' ctl_as 4711 4712 list
    chmod 0666 "$reach/run/syscared.sock"
    tap_refuses "others_get_no_answer_if_they_connect" 1 'ended before it answered|cannot send' \
        ctl_as 4711 4712 list
    daemon_stop
    tap_that "daemon_starts_without_group" daemon_start
    tap_prints "its_socket_is_root_s" "600 0 0" stat -c '%a %u %g' "$reach/run/syscared.sock"
}

id_of_group() {
    getent group "$1" | cut -d: -f3
}

states_reachable() {
    "$reach/syscare" --run-dir "$reach/run" list | awk '$2 ~ "FIX1" { print $3 }' | sort -u
}

# Everything on the way is readable for everybody, wherever the build is. Usage: as daemon_start
daemon_start_reachable() {
    reach=$(mktemp -d /tmp/truth-rights.XXXXXX) || return
    mkdir "$reach/run" && chmod 0755 "$reach" "$reach/run" &&
        cp "$builddir/runtime/syscare" "$reach/syscare" && chmod 0755 "$reach/syscare" || return
    ln -sfn "$reach/run" "$world/run.link"
    rmdir "$world/run" && mv "$world/run.link" "$world/run"
    daemon_start "$@"
}

tap_section_files() {
    local dir
    dir=$patches/$(uuid_of 20)
    ctl remove FIX1 > /dev/null
    chown 4711 "$dir"
    ctl rescan > "$world/rescan" 2>&1
    tap_that "directory_of_another_user_is_refused" grep -q 'untrusted-file: .*can be written' \
        "$world/rescan"
    chown 0 "$dir"
    chmod 0775 "$dir"
    tap_refuses "directory_that_a_group_can_write_is_refused" 5 'untrusted-file' ctl rescan
    chmod 0755 "$dir"
    mv "$dir/sctarget" "$dir/elsewhere" && ln -s elsewhere "$dir/sctarget"
    tap_that "rescan_finds_the_directory_good_again" ctl rescan
    tap_refuses "object_behind_a_link_is_refused" 3 'untrusted-file: .*symbolic link' ctl apply FIX2
    mv "$dir/elsewhere" "$dir/sctarget"
    mv "$dir" "$world/away" && ln -s "$world/away" "$dir"
    tap_refuses "directory_behind_a_link_is_refused" 5 'untrusted-file: .*symbolic link' ctl rescan
    rm "$dir" && mv "$world/away" "$dir"
    tap_that "good_files_are_taken" eval 'ctl rescan && ctl apply FIX2 && ctl remove FIX2'
    daemon_stop
    chown 4711 "$world"
    tap_refuses "directory_above_that_is_another_user_s_is_refused" 1 'untrusted-file' \
        strict_daemon
    chown 0 "$world"
}

# A daemon that trusts nobody above its directories either.
strict_daemon() {
    timeout 20 "$builddir/runtime/syscared" --foreground --run-dir "$world/run" \
        --state-dir "$world/state" --patch-dir "$patches" --bpffs "$world/bpffs/syscare"
}

tap_section_switches() {
    local conf=$world/syscared.conf
    target_start patched
    daemon_start && ctl apply FIX1 > /dev/null
    daemon_kill
    echo 'enable = no' > "$conf"
    tap_prints "daemon_that_is_switched_off_says_so" \
        "syscared: switched off by enable = no in its configuration" switched_off "$conf"
    tap_that "no_probe_of_the_daemon_before_is_left" no_pins
    tap_prints "process_that_was_patched_stays_so" new ask patched call
    echo 'enable = perhaps' > "$conf"
    tap_refuses "switch_that_is_neither_on_nor_off_is_refused" 2 'neither yes nor no' \
        switched_off "$conf"
    printf 'enable = yes\nskip_user = 4711\n' > "$conf"
    target_end patched
    daemon_start && ctl remove FIX1 > /dev/null && daemon_stop
    target_start mine
    target_start theirs "$world/as-user"
    target_start late "$world/as-user"
    tap_that "daemon_starts_with_a_user_left_out" daemon_start --config "$conf"
    tap_that "user_that_is_left_out_is_no_failure" ctl apply FIX1
    tap_prints "process_of_the_user_runs_old_code" old ask theirs call
    tap_prints "process_of_others_runs_new_code" new ask mine call
    tap_prints "it_is_shown_as_left_out" opted-out state_of theirs FIX1
    ctl -v status FIX1 > "$world/status"
    tap_that "status_says_by_what" grep -q "${target_pid[theirs]} .*skip-user" "$world/status"
    target_start never "$world/as-user"
    tap_prints "later_process_of_the_user_runs_old_code" old ask never call
    kill -STOP "$daemon_pid"
    tap_prints "none_of_his_processes_is_held" 0 count_held "$world/as-user"
    tap_prints "process_of_others_is_held" held count_held_of_others
    kill -CONT "$daemon_pid"
    daemon_stop
    tap_refuses "user_that_does_not_exist_is_refused" 2 'no user nosuchuser' \
        "$builddir/runtime/syscared" --skip-user nosuchuser
    tap_that "daemon_starts_with_a_program_left_out" daemon_start --skip-path "$root/usr/bin/sct*"
    kill -STOP "$daemon_pid"
    tap_prints "program_that_is_left_out_is_not_held" 0 count_held "$root/usr/bin/sctarget"
    kill -CONT "$daemon_pid"
    daemon_stop
    tap_that "daemon_starts_without_that" daemon_start
    tap_prints "process_of_the_user_is_patched_then" new ask theirs call
    ctl remove FIX1 > /dev/null
}

# Usage: switched_off CONFIG
switched_off() {
    timeout 20 "$builddir/runtime/syscared" --foreground --config "$1" --run-dir "$world/run" \
        --state-dir "$world/state" --patch-dir "$patches" --bpffs "$world/bpffs/syscare"
}

# While the daemon is stopped, a call that is held waits for the limit of 50 ms. Prints how many of
# twenty were. Usage: count_held COMMAND...
count_held() {
    local held=0 time
    for _ in $(seq 20); do
        time=$(echo time | "$@" | awk '{ print $2 }')
        [ "$time" -lt 45000 ] || held=$((held + 1))
    done
    echo "$held"
}

# One that is held, after all: the stopped daemon's heartbeat ends soon after it.
count_held_of_others() {
    local time
    time=$(echo time | "$root/usr/bin/sctarget" | awk '{ print $2 }')
    [ "$time" -ge 45000 ] && echo held
}

tap_section_report() {
    local dir
    SYSCARE_RUN_DIR=$world/run SYSCARE_LIBEXECDIR=$srcdir/packaging SYSCARE=$builddir/runtime/syscare \
        "$builddir/runtime/syscare" report -o "$world" --config "$world/syscared.conf" \
        --state-dir "$world/state" --patch-dir "$patches" > "$world/report.name"
    tap_that "report_names_its_archive" test -f "$(cat "$world/report.name")"
    tar -C "$world" -xzf "$(cat "$world/report.name")"
    dir=$(basename "$(cat "$world/report.name")" .tar.gz)
    tap_prints "report_is_root_s" "600 0" stat -c '%a %u' "$world/$dir.tar.gz"
    tap_that "report_has_states_and_processes" grep -q "^  ${target_pid[mine]} sctarget: patched$" \
        "$world/$dir/status"
    tap_that "report_has_descriptions_of_patches" \
        test -s "$world/$dir/patches/$(uuid_of 10).patch_info"
    tap_that "report_has_state_settings_and_kernel" \
        test -s "$world/$dir/state" -a -s "$world/$dir/syscared.conf" -a -s "$world/$dir/kernel"
    tap_that "report_has_nothing_of_what_programs_were_started_with" \
        sh -c "! grep -r 'argument-of-a-user\|environment-of-a-user' '$world/$dir'"
}

# The target as user 4711: everything on the way is readable.
make_user_program() {
    chmod 0755 "$root" "$root/usr" "$root/usr/bin" "$world"
    printf '#!/bin/sh\nexec setpriv --reuid 4711 --regid 4711 --clear-groups "%s" "$@"\n' \
        "$root/usr/bin/sctarget" > "$world/as-user" && chmod 0755 "$world/as-user"
}

end_all() {
    world_end
    rm -rf "${reach:-/nonexistent}"
}

trap end_all EXIT
world_begin "$builddir/tests/truth-rights.world" > "$builddir/tests/truth-rights.begin" 2>&1 ||
    { sed 's/^/# /' "$builddir/tests/truth-rights.begin"; tap_bail "no world"; }
rm -f "$builddir/tests/truth-rights.begin"
tap_that "patches_are_made" eval 'make_patch FIX1 10 "answer0 answer1" &&
    make_patch FIX2 20 "answer2" && make_user_program' || tap_bail "no patches"
tap_section_peers
tap_section_files
tap_section_switches
SECRET=environment-of-a-user bash -c 'exec -a argument-of-a-user sleep 300' > /dev/null &
world_pids+=("$!")
target_start mine
ctl apply FIX1 > /dev/null
tap_section_report
ctl remove FIX1 > /dev/null
tap_that "daemon_ends" daemon_stop
tap_done

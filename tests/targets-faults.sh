#!/bin/bash
# syscared and its injectors are killed at their system calls, or the calls fail: one by one.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A sample by default; all of them with SYSCARE_FAULTS=all (make check-faults).
# shellcheck source=tests/world-subr.sh
. "${top_srcdir:?}/tests/world-subr.sh"
# shellcheck source=tests/targets-subr.sh
. "$srcdir/tests/targets-subr.sh"
trap targets_end EXIT

names=(plain threads library)
# How many rounds a sample has for each victim and verb; all steps otherwise.
sample=${SYSCARE_FAULTS_SAMPLE:-2}

strike() {
    "$world/strike" "$world/strikes" "$@"
}

# The injector that the daemon finds is the real one below the striker.
make_strikers() {
    ${CC:-gcc} -O2 -std=gnu11 -D_GNU_SOURCE -o "$world/strike" "$srcdir/tests/targets-strike.c" &&
        mkdir -p "$world/libexec" && strike count &&
        printf '#!/bin/sh\nexec %s %s run %s "$@"\n' "$world/strike" "$world/strikes" \
            "$builddir/runtime/syscare-inject" > "$world/libexec/syscare-inject" &&
        chmod +x "$world/libexec/syscare-inject"
}

# Usage: start_daemon injector|daemon|none: who can be struck
start_daemon() {
    daemon_wrapper=()
    case $1 in
    injector) daemon_start --audit-interval 3600 --libexec-dir "$world/libexec" ;;
    daemon)
        daemon_wrapper=("$world/strike" "$world/strikes" run /usr/bin/env)
        daemon_start --audit-interval 3600
        ;;
    none) daemon_start --audit-interval 3600 ;;
    esac
}

targets_live() {
    local name pid
    for name in "${names[@]}"; do
        pid=$(look get pid "${slot_of[$name]}")
        kill -0 "$pid" 2> /dev/null || { echo "$name is dead"; return 1; }
    done
}

start_targets() {
    target plain pie plain
    target threads static threads 6
    target library host open "$root/usr/lib64/libsct.so"
    begun "${names[@]}"
}

# What is said is what is so: at once, or after the tries that the daemon makes by itself.
is_true() {
    local name code=old
    [ "$(states T1)" != ACTIVED ] || code=new
    for name in "${names[@]}"; do
        comes_to_run "$code" "$name" || { echo "$name does not come to run $code code"; return 1; }
    done
    none_stopped "${names[@]}"
}

# Brings about where a verb begins. Usage: prepare VERB
prepare() {
    case $1 in
    apply) states T1 | grep -q NOT-APPLIED || ctl remove T1 ;;
    remove | first-call | restart) states T1 | grep -qx ACTIVED || ctl apply T1 ;;
    esac
}

# What is struck. Usage: perform VERB VICTIM
perform() {
    case $1 in
    apply | remove) timeout 30 "$builddir/runtime/syscare" --run-dir "$world/run" "$1" T1 ;;
    first-call)
        target newcomer pie plain
        begun newcomer
        ;;
    restart)
        daemon_stop
        start_daemon "$2"
        ;;
    esac
}

# After a strike: nobody is harmed, a daemon can be started, tells the truth, and does what it is
# asked for. Usage: recovers VERB VICTIM
recovers() {
    local name
    targets_live || return
    for name in "${names[@]}"; do
        look runs old "$name=${slot_of[$name]}" > "$world/code" && continue
        ! grep 'none\|wrong [1-9]\|mixed [1-9]\|lost [1-9]\|failed [1-9]' "$world/code" || return
    done
    strike count
    if [ "$2" = daemon ] || ! kill -0 "$daemon_pid" 2> /dev/null; then
        daemon_kill
        start_daemon "$2" || { echo "no daemon"; return 1; }
    fi
    is_true || return
    ctl apply T1 && is_true && ctl remove T1 && is_true && targets_live
    [ "$1" != first-call ] || all_end newcomer
}

# Usage: round VERB VICTIM STRIKE...
round() {
    local verb=$1 victim=$2
    shift 2
    prepare "$verb"
    strike "$@"
    perform "$verb" "$victim" > "$world/verb.log" 2>&1
    recovers "$verb" "$victim" || { tail -n 3 "$world/verb.log"; return 1; }
}

# How many calls the victim makes for the verb.
calls_of() {
    prepare "$1" > /dev/null 2>&1
    strike count
    perform "$1" "$2" > /dev/null 2>&1
    sleep 0.1
    strike calls
    [ "$1" != first-call ] || all_end newcomer
}

# Usage: kill_everywhere VERB VICTIM
kill_everywhere() {
    local verb=$1 victim=$2 calls step stride=1
    calls=$(calls_of "$verb" "$victim")
    echo "# $victim makes $calls system calls for $verb"
    [ "${SYSCARE_FAULTS:-}" = all ] || stride=$((calls / sample + 1))
    for ((step = 1 + RANDOM % stride; step <= calls; step += stride)); do
        tap_that "$victim killed at call $step of $verb harms nobody and is made right" \
            round "$verb" "$victim" kill "$step"
    done
}

# Usage: fail_everywhere VERB VICTIM NAME NUMBER ERRNO COUNT: the first COUNT calls, or all
fail_everywhere() {
    local verb=$1 victim=$2 name=$3 number=$4 error=$5 count=$6 step
    [ "${SYSCARE_FAULTS:-}" != all ] || count=200
    for ((step = 1; step <= count; step++)); do
        tap_that "$name that fails for the ${step}th time in $verb of $victim harms nobody" \
            round "$verb" "$victim" fail "$number" "$error" "$step"
    done
}

# Usage: victim_begin VICTIM
victim_begin() {
    strike count
    tap_that "daemon_starts_with_${1}_to_be_struck" start_daemon "$1" || tap_bail "no daemon"
}

victim_end() {
    tap_that "daemon_ends" daemon_stop
}

# No room for the state: asked for in vain, nothing changed; and done when there is room again.
disk_full() {
    mount -t tmpfs -o size=400k,mode=0755 tmpfs "$world/state" || return
    extra_mounts+=("$world/state")
    start_daemon none || return
    dd if=/dev/zero of="$world/state/fill" bs=1k 2> /dev/null
    ! ctl apply T1 && states T1 | grep -qx NOT-APPLIED && all_run old "${names[@]}" || return
    rm "$world/state/fill"
    ctl apply T1 && all_run new "${names[@]}" || return
    dd if=/dev/zero of="$world/state/fill" bs=1k 2> /dev/null
    # Done, or refused and nothing changed: what is freed by the old state may be room enough.
    if ctl remove T1; then
        all_run old "${names[@]}" || return
    else
        states T1 | grep -qx ACTIVED && all_run new "${names[@]}" || return
    fi
    targets_live && rm "$world/state/fill" && ctl remove T1 && all_run old "${names[@]}" || return
    daemon_stop && start_daemon none && is_true && daemon_stop
    umount "$world/state"
}

targets_begin "$builddir/tests/targets-faults.world" > "$builddir/tests/targets-faults.begin" 2>&1 ||
    { sed 's/^/# /' "$builddir/tests/targets-faults.begin"; tap_bail "no world"; }
rm -f "$builddir/tests/targets-faults.begin"
tap_that "strikers_are_made" make_strikers || tap_bail "no strikers"
RANDOM=${SYSCARE_CRASH_SEED:-$$}
echo "# SYSCARE_CRASH_SEED=${SYSCARE_CRASH_SEED:-$$}"
tap_that "targets_start" start_targets || tap_bail "no targets"
for victim in injector daemon; do
    victim_begin "$victim"
    for verb in apply remove first-call restart; do
        kill_everywhere "$verb" "$victim"
    done
    if [ "$victim" = injector ]; then
        # /usr/include/asm/unistd_64.h and errno.h: ptrace EPERM, pwrite64 EIO, openat ENOENT,
        # recvmsg ENOMEM, kcmp EPERM, prlimit64 EPERM
        fail_everywhere apply injector ptrace 101 1 3
        fail_everywhere remove injector ptrace 101 3 2
        fail_everywhere apply injector pwrite64 18 5 2
        fail_everywhere apply injector openat 257 2 2
        fail_everywhere apply injector sendmsg 46 12 1
        fail_everywhere apply injector sendto 44 104 1
    else
        # openat EMFILE, write ENOSPC, rename EIO, fsync EIO, bpf ENOMEM, sendmsg ECONNRESET
        fail_everywhere apply daemon openat 257 24 2
        fail_everywhere apply daemon write 1 28 2
        fail_everywhere apply daemon rename 82 5 1
        fail_everywhere apply daemon fsync 74 5 1
        fail_everywhere apply daemon bpf 321 12 2
        fail_everywhere apply daemon sendmsg 46 104 2
        fail_everywhere remove daemon write 1 28 1
        fail_everywhere apply daemon mmap 9 12 1
    fi
    victim_end
done
tap_that "full_disk_changes_nothing_and_is_got_over" disk_full
tap_done

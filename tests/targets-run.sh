#!/bin/bash
# Every kind of process, patched by a real daemon: what it runs before, while and after.
# SPDX-License-Identifier: GPL-2.0-or-later
set -uo pipefail
srcdir=${top_srcdir:?} builddir=${top_builddir:?}
# shellcheck source=tests/tap-subr.sh
. "$srcdir/tests/tap-subr.sh"
# shellcheck source=tests/daemon-subr.sh
. "$srcdir/tests/daemon-subr.sh"
# shellcheck source=tests/targets-subr.sh
. "$srcdir/tests/targets-subr.sh"
[ "$(id -u)" -eq 0 ] || tap_skip_all "needs root: it attaches to processes"
unshare --mount true 2> /dev/null || tap_skip_all "needs a mount namespace of its own"
command -v rpmbuild > /dev/null || tap_skip_all "needs rpmbuild"
world_namespace "$0" "$@"
trap targets_end EXIT

lib() {
    echo "$root/usr/lib64/libsct.so"
}

# Kinds that any form can be; started before apply, and again after it.
ordinary=(pie-plain nopie-plain static-plain static-pie-plain linked-plain pie-spin pie-handler
    pie-signals pie-coroutines pie-edge pie-nowhere pie-deep pie-state
    pie-leader-gone pie-thread-churn pie-forks pie-execs pie-vforks pie-spawns pie-sharer
    pie-watcher pie-zombie pie-seccomp-strict pie-seccomp-filter static-seccomp-filter pie-mdwe
    pie-limit-as pie-limit-data pie-limit-files pie-files-full pie-mlockall pie-nondumpable
    pie-userfault pie-uring pie-text-moved bare-plain static-threads host-open host-reopen
    host-namespaces)

# A few at a time: callers that are held share the processors with each other.
ordinary_start() {
    local name form kind started=()
    for name in "$@"; do
        if [ "${#started[@]}" -eq 4 ]; then
            begun "${started[@]}"
            started=()
        fi
        started+=("$name")
        form=${name%%-*} kind=${name#*-}
        case $name in
        static-pie-*) form=static-pie kind=${name#static-pie-} ;;
        esac
        case $kind in
        threads) target "$name" "$form" threads 24 ;;
        open | reopen | namespaces) target "$name" "$form" "$kind" "$(lib)" ;;
        *) target "$name" "$form" "$kind" ;;
        esac
    done
}

# One result for each target, so that the failing one is named. Usage: each TEXT COMMAND... -- NAME...
each() {
    local text=$1 command=() name
    shift
    while [ "$1" != -- ]; do
        command+=("$1")
        shift
    done
    shift
    for name in "$@"; do
        tap_that "${name//-/_}_$text" "${command[@]}" "$name"
    done
}

tap_section_ordinary() {
    ordinary_start "${ordinary[@]}"
    each runs_old_code_before all_run old -- "${ordinary[@]}"
    tap_that "apply_reaches_every_process" ctl apply T1
    each runs_new_code_after_apply all_run new -- "${ordinary[@]}"
    each has_no_thread_left_stopped none_stopped -- "${ordinary[@]}"
    tap_that "deactive_reaches_every_process" ctl deactive T1
    each runs_old_code_after_deactive all_run old -- "${ordinary[@]}"
    all_end "${ordinary[@]}"
}

# The same started while the patch is active: right from their first call.
tap_section_later() {
    local name later=()
    for name in "${ordinary[@]}"; do
        # Its copy of the code has the breakpoint in it, which then is nobody's.
        [ "$name" = pie-text-moved ] || later+=("$name")
    done
    tap_that "patch_is_active_again" ctl active T1
    ordinary_start "${later[@]}"
    begun "${later[@]}"
    each ran_new_code_from_its_first_call all_first new -- "${later[@]}"
    each that_came_later_runs_new_code all_run new -- "${later[@]}"
    each that_came_later_has_no_thread_stopped none_stopped -- "${later[@]}"
    tap_that "remove_reaches_every_process" ctl remove T1
    each runs_old_code_after_remove all_run old -- "${later[@]}"
    all_end "${later[@]}"
}

# Limits that nobody may raise: with the capability they are, without it the process is told of.
tap_section_hard_limits() {
    local name may=$(((0x$(sed -n 's/^CapEff:\t//p' /proc/self/status) >> 24) & 1))
    local names=(hard-as hard-files)
    target hard-as pie limit-as hard && target hard-files pie limit-files hard
    begun "${names[@]}"
    if [ "$may" -eq 1 ]; then
        tap_that "hard_limits_do_not_keep_a_patch_away" ctl apply T1
        each runs_new_code_at_its_hard_limit all_run new -- "${names[@]}"
    else
        tap_refuses "process_at_its_hard_limits_is_listed" 5 'no-memory|Too many open files' \
            ctl apply T1
        each goes_on_at_its_hard_limit all_run old -- "${names[@]}"
    fi
    for name in "${names[@]}"; do
        tap_that "${name//-/_}_is_as_it_was_before" limits_unchanged "$name"
    done
    all_end "${names[@]}"
    tap_that "deactive_after_hard_limits" ctl deactive T1
}

limits_unchanged() {
    local pid
    pid=$(pids_of "$1" | head -n 1)
    case $1 in
    hard-as) grep -qE '^Max address space +4096 +4096' /proc/"$pid"/limits ;;
    hard-files) grep -qE '^Max open files +0 +0' /proc/"$pid"/limits ;;
    esac
}

# The same ELF at other places, by other ways: only its build-id says that it is the one.
tap_section_files() {
    local elf=$root/usr/bin/pie names=(copy hardlink bindmount overlay copied-up deleted two-paths
        same-inode)
    mkdir -p "$world/lower" "$world/upper" "$world/work" "$world/merged" "$world/tmpfs"
    cp "$elf" "$world/copy" && ln "$elf" "$world/hardlink" && cp "$elf" "$world/deleted" &&
        cp "$(lib)" "$world/libcopy.so" && ln "$(lib)" "$world/liblink.so" &&
        cp "$elf" "$world/lower/shared" && cp "$elf" "$world/lower/copied-up" &&
        touch "$world/bindmount"
    mount --bind "$elf" "$world/bindmount"
    extra_mounts+=("$world/bindmount")
    # Not on an overlay file system itself, as a container's root is: there nothing can be on top.
    mount -t tmpfs tmpfs "$world/tmpfs" && extra_mounts+=("$world/tmpfs")
    mkdir "$world/tmpfs/upper" "$world/tmpfs/work"
    mount -t overlay overlay \
        -o "lowerdir=$world/lower,upperdir=$world/tmpfs/upper,workdir=$world/tmpfs/work" \
        "$world/merged"
    extra_mounts+=("$world/merged")
    : >> "$world/merged/copied-up"
    chmod u+x "$world/merged/copied-up" # copied up by now
    files_start
    begun "${names[@]}"
    rm "$world/deleted"
    each runs_old_code all_run old -- "${names[@]}"
    tap_that "apply_finds_all_files_by_their_build_id" ctl apply T1
    each runs_new_code all_run new -- "${names[@]}"
    all_end "${names[@]}"
    cp "$elf" "$world/deleted"
    files_start
    begun "${names[@]}"
    each runs_new_code_when_started_later all_run new -- "${names[@]}"
    tap_that "deactive_finds_all_files" ctl deactive T1
    each runs_old_code_again all_run old -- "${names[@]}"
    all_end "${names[@]}"
}

# A program at any path. Usage: target_at NAME PATH KIND [ARGUMENT]...
target_at() {
    local name=$1 path=$2
    shift 2
    spawn "$name" "$path" "$world/slots" SLOT "$@"
}

files_start() {
    target_at copy "$world/copy" plain
    target_at hardlink "$world/hardlink" plain
    target_at bindmount "$world/bindmount" plain
    target_at overlay "$world/merged/shared" plain
    target_at copied-up "$world/merged/copied-up" plain
    target_at deleted "$world/deleted" plain
    target two-paths host two-paths "$(lib)" "$world/libcopy.so"
    target same-inode host two-paths "$(lib)" "$world/liblink.so"
}

# Namespaces of all kinds, a container's init, another root.
tap_section_namespaces() {
    local names=(pidns mountns userns netns chroot)
    namespaces_start
    begun "${names[@]}"
    each runs_old_code all_run old -- "${names[@]}"
    tap_that "apply_reaches_into_namespaces" ctl apply T1
    each runs_new_code all_run new -- "${names[@]}"
    all_end "${names[@]}"
    namespaces_start
    begun "${names[@]}"
    each runs_new_code_on_its_first_call all_first new -- "${names[@]}"
    tap_that "remove_reaches_into_namespaces" ctl remove T1
    each runs_old_code_again all_run old -- "${names[@]}"
    all_end "${names[@]}"
}

namespaces_start() {
    local jail=$world/jail
    mkdir -p "$jail" && cp "$root/usr/bin/static" "$jail/" && touch "$jail/slots" &&
        { mountpoint -q "$jail/slots" || mount --bind "$world/slots" "$jail/slots"; }
    [[ " ${extra_mounts[*]} " == *" $jail/slots "* ]] || extra_mounts+=("$jail/slots")
    spawn pidns unshare --pid --fork --mount-proc --kill-child "$root/usr/bin/static" \
        "$world/slots" SLOT init
    # Neither the program's path nor the patch's is there to be seen.
    spawn mountns unshare --mount sh -c "cp '$root/usr/bin/pie' /dev/shm/targets-\$\$ &&
        mount -t tmpfs tmpfs '$world/state' && mount --bind /dev/null '$root/usr/bin/pie' &&
        exec 3< /dev/shm/targets-\$\$ && rm /dev/shm/targets-\$\$ &&
        exec /proc/self/fd/3 '$world/slots' SLOT plain"
    spawn userns unshare --user --map-root-user --net --ipc --uts "$root/usr/bin/pie" \
        "$world/slots" SLOT plain
    spawn netns unshare --net --cgroup "$root/usr/bin/static-pie" "$world/slots" SLOT plain
    spawn chroot chroot "$jail" /static /slots SLOT plain
}
targets_begin "$builddir/tests/targets-run.world" > "$builddir/tests/targets-run.begin" 2>&1 ||
    { sed 's/^/# /' "$builddir/tests/targets-run.begin"; tap_bail "no world"; }
rm -f "$builddir/tests/targets-run.begin"
tap_that "daemon_starts" daemon_start --audit-interval 2 --hold-limit 1000 || tap_bail "no daemon"
tap_section_ordinary
tap_section_later
tap_section_hard_limits
tap_section_files
tap_section_namespaces
tap_done

#!/bin/bash
# Every kind of process, patched by a real daemon: what it runs before, while and after.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source=tests/world-subr.sh
. "${top_srcdir:?}/tests/world-subr.sh"
# shellcheck source=tests/targets-subr.sh
. "$srcdir/tests/targets-subr.sh"
trap targets_end EXIT

lib() {
    echo "$root/usr/lib64/libsct.so"
}

# Kinds that any form can be; started before apply, and again after it.
ordinary=(pie-plain nopie-plain static-plain static-pie-plain linked-plain pie-spin pie-handler
    pie-signals pie-coroutines pie-small-coroutines pie-edge pie-nowhere pie-deep pie-state
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
    each ran_new_code_from_its_first_call first_is_new ordinary_start -- "${later[@]}"
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
    namespaces_begin
    namespaces_start "${names[@]}"
    begun "${names[@]}"
    each runs_old_code all_run old -- "${names[@]}"
    tap_that "apply_reaches_into_namespaces" ctl apply T1
    each runs_new_code all_run new -- "${names[@]}"
    all_end "${names[@]}"
    namespaces_start "${names[@]}"
    begun "${names[@]}"
    each runs_new_code_on_its_first_call first_is_new namespaces_start -- "${names[@]}"
    # A file that nobody has seen is found when it is mapped; its first calls may come before that.
    cp "$root/usr/bin/pie" "$world/copy" &&
        spawn copy "$world/copy" "$world/slots" SLOT plain && begun copy
    tap_that "copy_that_comes_later_is_found" comes_to_run new copy
    tap_that "remove_reaches_into_namespaces" ctl remove T1
    each runs_old_code_again all_run old -- copy "${names[@]}"
    all_end copy "${names[@]}"
}

namespaces_begin() {
    mkdir -p "$world/jail" "$world/hidden" && cp "$root/usr/bin/static" "$world/jail/" &&
        cp "$root/usr/bin/pie" "$world/hidden/" && touch "$world/jail/slots" &&
        mount --bind "$world/slots" "$world/jail/slots" && extra_mounts+=("$world/jail/slots")
}

# Usage: namespaces_start NAME...
namespaces_start() {
    local name pie=$root/usr/bin/pie
    for name in "$@"; do
        case $name in
        pidns) spawn pidns unshare --pid --fork --mount-proc --kill-child "$root/usr/bin/static" \
            "$world/slots" SLOT init ;;
        # Neither the program's path nor the patch's is there to be seen.
        mountns) spawn mountns unshare --mount sh -c "exec 3< '$world/hidden/pie' &&
            mount -t tmpfs tmpfs '$world/state' && mount -t tmpfs tmpfs '$world/hidden' &&
            mount --bind /dev/null '$pie' && exec /proc/self/fd/3 '$world/slots' SLOT plain" ;;
        userns) spawn userns unshare --user --map-root-user --net --ipc --uts "$pie" \
            "$world/slots" SLOT plain ;;
        netns) spawn netns unshare --net --cgroup "$root/usr/bin/static-pie" "$world/slots" \
            SLOT plain ;;
        chroot) spawn chroot chroot "$world/jail" /static /slots SLOT plain ;;
        esac
    done
}

state_of() {
    local pid
    pid=$(pids_of "$1" | head -n 1)
    sed -n 's/^State:\t\(.\).*/\1/p' /proc/"$pid"/status
}

# Stopped by its user: it is patched and stays stopped.
tap_section_stopped() {
    target stopped pie threads 4
    begun stopped
    kill -STOP "$(pids_of stopped)"
    sleep 0.1
    tap_that "apply_to_a_stopped_process" ctl apply T1
    tap_prints "stopped_process_stays_stopped" T state_of stopped
    kill -CONT "$(pids_of stopped)"
    tap_that "process_that_is_continued_runs_new_code" all_run new stopped
    kill -STOP "$(pids_of stopped)"
    sleep 0.1
    tap_that "deactive_while_it_is_stopped" ctl deactive T1
    tap_prints "it_stays_stopped_after_deactive" T state_of stopped
    kill -CONT "$(pids_of stopped)"
    tap_that "continued_again_it_runs_old_code" all_run old stopped
    all_end stopped
}

# Mount point of a cgroup hierarchy, by its type and option. Usage: cgroup_mount cgroup2|cgroup [CONTROLLER]
cgroup_mount() {
    awk -v type="$1" -v option="${2:-}" \
        '$3 == type && (option == "" || ("," $4 ",") ~ ("," option ",")) { print $2; exit }' /proc/mounts
}

# Usage: cgroup_take MOUNT NAME: the target goes into a group of its own; sets group
cgroup_take() {
    group=$1/targets-$$-$2
    mkdir "$group" && extra_groups+=("$group") && pids_of "$2" > "$group/cgroup.procs"
}

# Usage: frozen_as NAME WORD FILE FREEZE THAW
frozen_as() {
    local name=$1 group=''
    target "$name" pie threads 3
    begun "$name"
    cgroup_take "$2" "$name" || return
    echo "$4" > "$group/$3"
    sleep 0.2
    tap_refuses "${name}_is_listed_as_frozen" 5 'frozen' ctl apply T1
    echo "$5" > "$group/$3"
    tap_that "${name}_is_patched_after_the_thaw" comes_to_run new "$name"
    echo "$4" > "$group/$3"
    sleep 0.2
    tap_refuses "${name}_cannot_be_reverted_while_it_is_frozen" 5 'frozen' ctl deactive T1
    echo "$5" > "$group/$3"
    tap_that "${name}_is_reverted_after_the_thaw" comes_to_run old "$name"
    all_end "$name"
}

tap_section_frozen() {
    local point
    point=$(cgroup_mount cgroup2)
    [ -z "$point" ] || frozen_as frozen-v2 "$point" cgroup.freeze 1 0
    point=$(cgroup_mount cgroup freezer)
    [ -z "$point" ] || frozen_as frozen-v1 "$point" freezer.state FROZEN THAWED
}

# No page may be added to its control group, and a probe in it would: told of, but never killed.
tap_section_memory_full() {
    local point group='' usage
    point=$(cgroup_mount cgroup memory)
    [ -n "$point" ] || return 0
    target memory-full pie memory-full 30000000
    begun memory-full
    cgroup_take "$point" memory-full && sleep 0.2
    all_end memory-full
    target memory-full sh -c true 2> /dev/null
    spawn memory-full sh -c "echo \$\$ > $group/cgroup.procs && exec '$root/usr/bin/pie' '$world/slots' SLOT memory-full 8000000"
    begun memory-full
    sleep 0.3
    usage=$(cat "$group/memory.usage_in_bytes")
    echo $((usage)) > "$group/memory.limit_in_bytes" 2> /dev/null ||
        echo $((usage + 4096)) > "$group/memory.limit_in_bytes"
    tap_refuses "process_without_memory_is_told_of" 3 'no-memory: .*memory-full of pie' ctl apply T1
    tap_that "process_without_memory_goes_on" all_run old memory-full
    echo 100000000 > "$group/memory.limit_in_bytes"
    tap_that "it_can_be_patched_when_it_has_memory" ctl apply T1
    tap_that "it_is_patched_when_it_has_memory" all_run new memory-full
    tap_that "deactive_after_the_memory_was_full" ctl deactive T1
    tap_that "process_that_had_no_memory_runs_old_code" all_run old memory-full
    all_end memory-full
}

# Usage: bits32_writes: the program goes on
bits32_writes() {
    local before
    before=$(stat -c %s "$world/bits32.out")
    sleep 0.3
    [ "$(stat -c %s "$world/bits32.out")" -gt "$before" ]
}

tap_section_bits32() {
    local pid
    ${CC:-gcc} -m32 -nostdlib -static -no-pie -o "$world/bits32" "$srcdir/tests/targets-bits32.S" \
        2> "$world/bits32.log" || { echo "# no 32-bit programs can be made here"; return; }
    setpriv --pdeathsig KILL "$world/bits32" "$(lib)" > "$world/bits32.out" 2>&1 &
    pid=$!
    world_pids+=("$pid")
    sleep 0.2
    kill -0 "$pid" || { echo "# no 32-bit programs run here"; return; }
    tap_refuses "process_of_32_bits_is_listed" 5 "process $pid .*32" ctl apply T1
    tap_that "process_of_32_bits_goes_on" bits32_writes
    kill "$pid"
    tap_that "deactive_after_32_bits" ctl deactive T1
}

# In the way for a while: told, left alone, and made right when they can be.
tap_section_later_again() {
    target traced pie traced
    target edge-waits pie edge-waits
    begun traced edge-waits
    tap_refuses "traced_process_is_listed" 5 "traced by $(look get at "${slot_of[traced]}")" \
        ctl apply T1
    ctl -v status T1 > "$world/status"
    tap_that "process_without_room_on_its_stack_is_listed" grep -q 'is on a stack of unknown size' \
        "$world/status"
    tap_that "traced_process_goes_on" all_run old traced
    look go "${slot_of[traced]}"
    look go "${slot_of[edge-waits]}"
    tap_that "process_is_patched_when_its_tracer_leaves" comes_to_run new traced
    tap_that "process_is_patched_when_it_has_room_on_its_stack" comes_to_run new edge-waits
    tap_that "deactive_of_both" ctl deactive T1
    all_end traced edge-waits
}

tap_section_opened_later() {
    target opened-later host open-later "$(lib)"
    tap_that "apply_before_the_library_is_opened" ctl apply T1
    look go "${slot_of[opened-later]}"
    begun opened-later
    tap_that "library_opened_later_runs_new_code_on_its_first_call" all_first new opened-later
    tap_that "deactive_of_the_library" ctl deactive T1
    tap_that "library_runs_old_code_after_deactive" all_run old opened-later
    all_end opened-later
}

tap_section_512_threads() {
    target many pie threads 512
    begun many
    tap_that "apply_to_512_threads" ctl apply T1
    tap_that "all_512_threads_run_new_code" all_run new many
    tap_that "no_thread_of_512_is_left_stopped" none_stopped many
    tap_that "remove_from_512_threads" ctl remove T1
    tap_that "all_512_threads_run_old_code" all_run old many
    # their stacks are four gigabytes, of which they have touched a little
    tap_prints "nothing_stays_mapped_beside_512_stacks" 0 patch_mappings "$(pids_of many | head -n 1)"
    all_end many
}

# Descriptors and mappings of a target, for a comparison. Usage: belongings_of NAME
belongings_of() {
    local pid
    pid=$(pids_of "$1" | head -n 1)
    find /proc/"$pid"/fd | wc -l
    # Sizes, not addresses; the heap and the stack may grow.
    awk '$6 != "[heap]" && $6 != "[stack]" && $6 != "[uprobes]" { print $2, $3, $6 }' /proc/"$pid"/maps |
        uniq
}

writable_code_of() {
    local pid
    for pid in $(pids_of "$1"); do
        ! grep ' .w.x.* ' /proc/"$pid"/maps || return 1
    done
}

# While patches come and go as fast as they can, nothing is to be noticed but the new results.
tap_section_unnoticed() {
    local names=(calls state signals watcher plain) name
    target calls pie calls
    target state pie state
    target signals pie signals
    target watcher pie watcher
    target plain pie plain
    begun "${names[@]}"
    sleep 0.3
    belongings_of plain > "$world/before"
    for _ in $(seq 15); do
        ctl apply T1 > "$world/cycle.log" 2>&1 || break
        for name in "${names[@]}"; do
            writable_code_of "$name" || echo "$name has writable code" >> "$world/writable"
        done
        ctl remove T1 > "$world/cycle.log" 2>&1 || break
    done
    tap_that "fifteen_cycles_succeed" test ! -s <(grep syscare: "$world/cycle.log")
    each noticed_nothing all_run old -- "${names[@]}"
    tap_that "no_code_was_writable" test ! -e "$world/writable"
    tap_prints "parent_saw_no_stop" 0 look get at "${slot_of[watcher]}"
    belongings_of plain > "$world/after"
    tap_that "no_descriptor_and_no_mapping_is_left" diff "$world/before" "$world/after"
    all_end "${names[@]}"
}

# Usage: runs_only SECONDS old|new NAME: looked at all the time
runs_only() {
    local end=$((SECONDS + $1))
    while [ "$SECONDS" -lt "$end" ]; do
        look runs "$2" "$3=${slot_of[$3]}" || return
    done
}

# Each time the library comes to the same place, and its first caller is held anew.
tap_section_reopened() {
    target reopened host reopen "$(lib)"
    begun reopened
    tap_that "apply_to_a_library_that_is_opened_all_the_time" ctl apply T1
    tap_that "none_of_its_first_calls_is_let_go_early" runs_only 8 new reopened
    tap_that "remove_from_a_library_that_is_opened_all_the_time" ctl remove T1
    tap_that "all_its_calls_run_the_old_code_then" runs_only 1 old reopened
    all_end reopened
}

# Parameters and results of all kinds, a call that never ends, and threads that are cancelled.
tap_section_parameters() {
    local names=(parameters blocked cancel)
    tap_that "patch_of_functions_with_all_parameters_is_made" make_parameters P1 60 || return
    ctl rescan
    target parameters params parameters
    target blocked params blocked
    target cancel params cancel
    begun "${names[@]}"
    each runs_old_code_before all_run old -- "${names[@]}"
    tap_that "apply_to_functions_with_all_parameters" ctl apply P1
    each runs_new_code_after_apply all_run new -- "${names[@]}"
    tap_that "remove_of_functions_with_all_parameters" ctl remove P1
    each runs_old_code_after_remove all_run old -- "${names[@]}"
    for _ in 1 2 3 4 5; do
        ctl apply P1 && ctl remove P1
    done > "$world/cycle.log" 2>&1
    each took_no_harm all_run old -- "${names[@]}"
    all_end "${names[@]}"
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
tap_section_stopped
tap_section_frozen
tap_section_memory_full
tap_section_bits32
tap_section_later_again
tap_section_opened_later
tap_section_512_threads
tap_section_unnoticed
tap_section_reopened
tap_section_parameters
tap_done

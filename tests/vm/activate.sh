#!/bin/bash
# What the daemon says of a kernel is what it then does: it activates patches, or refuses and why.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# SYSCARE_ACTIVATES=yes|no says what is expected of this kernel; without it, what the daemon says.
# The first word of WAYS is the way to notice first callers that it must take by itself.
# shellcheck source=tests/world-subr.sh
. "${top_srcdir:?}/tests/world-subr.sh"
trap world_end EXIT

# What the daemon found out, for whoever reads the results.
show_kernel() {
    sed -n 's/^.*\(kernel feature: .*\|uprobes = .*\)/# \1/p' "$world/syscared.log"
}

# One sentence of the kernel as a whole, not of a feature.
says_what_it_means() {
    grep -q 'uprobes = ' "$world/syscared.log"
}

says_it_cannot() {
    grep -q 'patches cannot be activated' "$world/syscared.log"
}

# Usage: becomes NAME old|new
becomes() {
    local end=$((SECONDS + 60))
    until [ "$(ask "$1" call)" = "$2" ]; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.2
    done
}

refuses() {
    tap_that "daemon_says_that_patches_cannot_be_activated" says_it_cannot
    tap_refuses "apply_is_refused_with_the_reason" 3 'unsupported-kernel' ctl apply FIX1
    tap_prints "nothing_is_active" NOT-APPLIED states FIX1
    tap_prints "running_process_is_unharmed" old ask running call
    target_start later
    tap_prints "later_process_is_unharmed" old ask later call
}

activates() {
    local best=${WAYS%% *}
    tap_that "daemon_does_not_say_that_it_cannot" eval '! says_it_cannot'
    tap_that "it_takes_the_best_way_that_is_known_here" grep "uprobes = ${best:-.*}: " \
        "$world/syscared.log"
    tap_that "apply_succeeds" ctl apply FIX1
    tap_prints "patch_is_active" ACTIVED states FIX1
    tap_prints "running_process_runs_new_code" new ask running call
    target_start later
    tap_that "later_process_comes_to_run_new_code" becomes later new
    tap_that "no_thread_is_left_stopped" target_threads_run "${target_pid[later]}"
    daemon_kill
    tap_prints "processes_run_new_code_without_a_daemon" new ask later call
    tap_that "daemon_starts_after_a_kill" daemon_start "${options[@]}" || tap_bail "no daemon"
    tap_prints "state_is_kept" ACTIVED states FIX1
    tap_that "remove_succeeds" ctl remove FIX1
    tap_prints "running_process_runs_old_code_again" old ask running call
    tap_prints "later_process_runs_old_code_again" old ask later call
}

world_begin "$builddir/tests/vm-activate.world" > "$builddir/tests/vm-activate.begin" 2>&1 ||
    { sed 's/^/# /' "$builddir/tests/vm-activate.begin"; tap_bail "no world"; }
rm -f "$builddir/tests/vm-activate.begin"
options=(--audit-interval 2)
tap_that "patch_is_made" make_patch FIX1 10 "answer0 answer1" || tap_bail "no patch"
world_made
target_start running
tap_that "daemon_starts" daemon_start "${options[@]}" ||
    { sed 's/^/# /' "$world/syscared.log"; tap_bail "no daemon"; }
show_kernel
tap_that "daemon_says_what_this_kernel_means" says_what_it_means
tap_that "patch_can_be_checked" ctl check FIX1
expected=${SYSCARE_ACTIVATES:-}
[ -n "$expected" ] || { says_it_cannot && expected=no; } || expected=yes
if [ "$expected" = yes ]; then
    activates
else
    refuses
fi
tap_that "daemon_ends" daemon_stop
tap_that "no_pin_is_left" no_pins
tap_done

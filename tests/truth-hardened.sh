#!/bin/bash
# The daemon does its work with what the unit leaves it: capabilities, file systems, namespaces.
# SPDX-License-Identifier: GPL-2.0-or-later
set -uo pipefail
srcdir=${top_srcdir:?} builddir=${top_builddir:?}
# shellcheck source=tests/tap-subr.sh
. "$srcdir/tests/tap-subr.sh"
# shellcheck source=tests/daemon-subr.sh
. "$srcdir/tests/daemon-subr.sh"
# shellcheck source=tests/truth-subr.sh
. "$srcdir/tests/truth-subr.sh"
[ "$(id -u)" -eq 0 ] || tap_skip_all "needs root: it attaches to processes"
unshare --mount --net --ipc true 2> /dev/null || tap_skip_all "needs namespaces of its own"
command -v rpmbuild > /dev/null || tap_skip_all "needs rpmbuild"
world_namespace "$0" "$@"
trap world_end EXIT
unit=$srcdir/packaging/syscared.service.in

# A setting of the unit, all its lines in one. Usage: unit_setting NAME
unit_setting() {
    sed -n "s/^$1=//p" "$unit" | tr '\n' ' '
}

# The capabilities of the unit as setpriv names them: "-all,+sys_ptrace,...".
bounding_set() {
    unit_setting CapabilityBoundingSet | tr 'A-Z' 'a-z' | tr -s ' ' '\n' |
        sed -n 's/^cap_/,+/p' | tr -d '\n' | sed 's/^/-all/'
}

# What ProtectSystem=strict, PrivateNetwork=, PrivateIPC= and NoNewPrivileges= do.
write_wrapper() {
    cat > "$world/hardened" << END
#!/bin/sh
mount --bind "$world/run" "$world/run" && mount --bind "$world/state" "$world/state" &&
    mount -o remount,bind,ro / || exit 1
exec setpriv --bounding-set "$(bounding_set)" --inh-caps=-all --no-new-privs "\$@"
END
    chmod +x "$world/hardened"
    daemon_wrapper=(unshare --mount --net --ipc --propagation private "$world/hardened")
}

# Both the daemon and its injectors, for whatever they run.
has_only_those_capabilities() {
    local pid wanted
    wanted=$(setpriv --bounding-set "$(bounding_set)" sed -n 's/^CapBnd:\t//p' /proc/self/status)
    for pid in "$daemon_pid" $(pgrep -P "$daemon_pid"); do
        grep -q "^CapBnd:.$wanted\$" "/proc/$pid/status" &&
            grep -q "^CapPrm:.$wanted\$" "/proc/$pid/status" || {
            grep -H '^Cap' "/proc/$pid/status"
            return 1
        }
    done
}

# Its files in /proc are its own, not root's.
as_nobody() {
    echo call | setpriv --reuid 4711 --regid 4711 --clear-groups "$root/usr/bin/sctarget"
}

# Without the unit's help: the daemon gives the same up by itself.
gives_them_up_by_itself() {
    daemon_stop
    daemon_wrapper=()
    daemon_start && ctl apply FIX1 > /dev/null && has_only_those_capabilities
}

figure_is_documented() {
    local figure
    sed 's|^ExecStart=.*|ExecStart=/bin/true|; s|@localstatedir@|/var|' "$unit" \
        > "$world/syscared.service"
    figure=$(systemd-analyze security --no-pager --offline=true "$world/syscared.service" |
        sed -n 's/.*Overall exposure level for .*: \([0-9.]*\) .*/\1/p')
    echo "systemd-analyze says $figure"
    grep -q "exposure level $figure" "$srcdir/doc/security.md"
}

# Every directive that systemd implements by a seccomp filter would take sandboxed targets away.
no_seccomp_directives() {
    ! grep -E '^(SystemCall[A-Za-z]*|Restrict(AddressFamilies|Namespaces|Realtime|SUIDSGID)|LockPersonality|MemoryDenyWriteExecute|Protect(Kernel[A-Za-z]*|Clock|Hostname)|PrivateDevices)=' "$unit"
}

world_begin "$builddir/tests/truth-hardened.world" > "$builddir/tests/truth-hardened.begin" 2>&1 ||
    { sed 's/^/# /' "$builddir/tests/truth-hardened.begin"; tap_bail "no world"; }
rm -f "$builddir/tests/truth-hardened.begin"
tap_that "patch_is_made" make_patch FIX1 10 "answer0 answer1" || tap_bail "no patch"
write_wrapper
target_start running
tap_that "daemon_starts_within_the_restrictions_of_the_unit" daemon_start || tap_bail "no daemon"
# What a probe on a nop does is the same everywhere on this kernel.
tap_that "no_feature_of_the_kernel_is_missing_for_that" \
    sh -c "! grep 'kernel feature: .*missing' '$world/syscared.log' | grep -v ' nops: '"
tap_that "it_applies_a_patch" ctl apply FIX1
tap_prints "running_process_runs_new_code" new ask running call
tap_prints "first_calls_run_new_code" "old 0 new 20 wrong 0 stopped 0" \
    "$root/usr/bin/sctarget" parent 20
tap_prints "process_of_another_user_runs_new_code" "new" as_nobody
tap_that "it_accepts_and_removes_it" eval 'ctl accept FIX1 && ctl remove FIX1'
tap_prints "running_process_runs_old_code_again" old ask running call
tap_that "daemon_and_injectors_have_no_other_capabilities" has_only_those_capabilities
tap_that "daemon_gives_up_the_same_without_the_unit" gives_them_up_by_itself
tap_that "unit_uses_no_seccomp_filter" no_seccomp_directives
if command -v systemd-analyze > /dev/null; then
    tap_that "figure_of_systemd_analyze_is_the_documented_one" figure_is_documented
fi
tap_that "daemon_ends" daemon_stop
tap_done

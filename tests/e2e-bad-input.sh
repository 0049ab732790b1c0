#!/bin/bash
# Bad input gets a clear error, and nothing is lost: the build's half and the daemon's.
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
port=''

# syscare build with the example's package. Usage: build_with FIX [OPTION...]
build_with() {
    local fix=$1
    shift
    patch_build BAD "$(example_srpm)" "$fix" "$world/shipped" "$@"
}

# A patch of one file by sed. Usage: make_fix NAME FILE SED_EXPRESSION
make_fix() {
    rm -rf "$world/fix"
    mkdir -p "$world/fix/a" "$world/fix/b"
    cp "$srcdir/examples/kvd/src/$2" "$world/fix/a/"
    sed "$3" "$srcdir/examples/kvd/src/$2" > "$world/fix/b/$2"
    (cd "$world/fix" && diff -up "a/$2" "b/$2") > "$world/$1.patch"
    test -s "$world/$1.patch"
}

# A source package of the example with its spec changed by sed; prints its path.
# Usage: make_srpm_with DIRECTORY SED_EXPRESSION
make_srpm_with() {
    local top=$world/$1 options
    mapfile -t options < <(rpmbuild_options)
    mkdir -p "$top/SOURCES" "$top/SPECS"
    (cd "$top/SOURCES" && rpm2cpio "$(example_srpm)" | cpio -id --quiet)
    sed "$2" "$top/SOURCES/kvd.spec" > "$top/SPECS/kvd.spec"
    rm "$top/SOURCES/kvd.spec"
    rpmbuild -bs "${options[@]}" --quiet --define "_topdir $top" "$top/SPECS/kvd.spec" > /dev/null 2>&1
    find "$top/SRPMS" -name '*.src.rpm'
}

# The line "build log: PATH" that a failed build ends with names a file that is there.
failed_build_leaves_its_log() {
    local output log
    output=$(build_with "$world/broken.patch" 2>&1)
    log=$(grep -oE '/[^ ]*build\.log' <<< "$output" | tail -n 1)
    test -s "$log" || { echo "no build.log is named in: $output"; return 1; }
    grep -q 'undeclared_variable' "$log"
}

tap_section_build() {
    local other_debuginfo
    tap_refuses "patch_name_with_a_dash_is_a_usage_error" 2 "'?-'?" \
        patch_build BAD-NAME "$(example_srpm)" "$(example_fix)" "$world/shipped"
    tap_refuses "zero_jobs_are_a_usage_error" 2 'jobs' build_with "$(example_fix)" -j 0
    tap_refuses "unknown_option_is_a_usage_error" 2 'no-such-option' \
        build_with "$(example_fix)" --no-such-option
    tap_refuses "missing_source_package_is_named" 1 'nowhere\.src\.rpm' \
        patch_build BAD "$world/nowhere.src.rpm" "$(example_fix)" "$world/shipped"
    head -c 3000 "$(example_srpm)" > "$world/short.src.rpm"
    tap_refuses "truncated_source_package_is_named" 1 'short\.src\.rpm' \
        patch_build BAD "$world/short.src.rpm" "$(example_fix)" "$world/shipped"
    sed 's/blob->size = size/blob->length = size/' "$(example_fix)" > "$world/stale.patch"
    tap_refuses "patch_that_does_not_apply_names_file_and_hunk" 1 'kv_proto\.c.*([Hh]unk|#)|[Hh]unk.*kv_proto\.c' \
        build_with "$world/stale.patch"
    make_fix comment kv_proto.c 's|/\* Writes "\$<size> " and the bytes. \*/|/* The reply to GET and ECHO. */|'
    tap_refuses "patch_that_changes_nothing_ends_with_4" 4 '[Nn]othing|no function|changes no' \
        build_with "$world/comment.patch"
    make_fix broken kv_proto.c 's|^    int n = snprintf(reply, room, "%s.n", text);|    int n = undeclared_variable;|'
    tap_refuses "source_that_does_not_compile_shows_the_compilers_words" 1 'undeclared_variable' \
        build_with "$world/broken.patch"
    tap_that "source_that_does_not_compile_leaves_its_whole_log" failed_build_leaves_its_log
    tap_refuses "source_package_that_does_not_build_shows_the_end_of_the_log" 1 'the example is broken' \
        patch_build BAD "$(make_srpm_with failing 's|^%build|%build\necho the example is broken; exit 3|')" \
        "$(example_fix)" "$world/shipped"
    other_debuginfo=$world/other
    shipped_build "$(make_srpm_with otherflags 's|CFLAGS="%{build_cflags}"|CFLAGS="%{build_cflags} -O1"|')" \
        "$other_debuginfo" > "$world/log/other.log" 2>&1
    tap_refuses "debuginfo_of_another_build_is_refused" '[13]' 'kv' \
        patch_build BAD "$(example_srpm)" "$(example_fix)" "$other_debuginfo"
    shipped_build "$(make_srpm_with release2 's|^Release: *1|Release: 2|')" "$world/newer" \
        > "$world/log/newer.log" 2>&1
    tap_refuses "debuginfo_of_another_release_is_named" 1 'kvd-debuginfo-1\.0-2' \
        patch_build BAD "$(example_srpm)" "$(example_fix)" "$world/newer"
    # Where rpm's database is empty (Debian) the dependency can only be named as unchecked, and then
    # the build fails for want of it.
    tap_refuses "missing_build_dependency_is_named" 1 '(missing|not checked).*no-such-tool' \
        patch_build BAD "$(make_srpm_with requires \
            's|^BuildRequires:.*make|&\nBuildRequires: no-such-tool|; s|^%build|%build\nno-such-tool|')" \
        "$(example_fix)" "$world/shipped"
    tap_that "failed_builds_leave_no_package" sh -c "! find '$world/patch' -name '*.rpm' | grep ."
}

# Damages a file in place; it is put back by restore_patches.
patch_directory() {
    find "$root/usr/lib/syscare/patches" -mindepth 1 -maxdepth 1 -type d | head -n 1
}

patch_object() {
    find "$(patch_directory)" -type f ! -name patch_info | sort | head -n 1
}

flip_byte() {
    local byte
    byte=$(dd if="$1" bs=1 skip="$2" count=1 2> /dev/null | od -An -tu1)
    printf '%b' "\\x$(printf '%02x' $((byte ^ 1)))" |
        dd of="$1" bs=1 seek="$2" conv=notrunc 2> /dev/null
}

restore_patches() {
    rm -rf "$root/usr/lib/syscare/patches"
    cp -a "$world/patches.good" "$root/usr/lib/syscare/patches"
    syscare rescan > /dev/null 2>&1
}

# Refused, and the server is as it was. Usage: refuses_and_server_is_unharmed NAME STATUS PATTERN COMMAND...
refuses_and_server_is_unharmed() {
    tap_refuses "$@"
    tap_prints "$1: the server runs the old code" vulnerable kvd_library_state "$port"
}

tap_section_objects() {
    local object size
    object=$(patch_object)
    size=$(stat -c %s "$object")
    truncate -s $((size / 2)) "$object"
    refuses_and_server_is_unharmed "truncated_patch_object_is_refused" '[13]' 'digest|truncat|damaged|size' \
        syscare apply FIX1
    restore_patches
    flip_byte "$object" $((size / 2))
    refuses_and_server_is_unharmed "patch_object_with_a_flipped_byte_is_refused" '[13]' 'digest|damaged' \
        syscare apply FIX1
    restore_patches
    flip_byte "$(patch_directory)/patch_info" 40
    syscare rescan > /dev/null 2>&1
    refuses_and_server_is_unharmed "patch_info_with_a_flipped_byte_is_refused" '[1-5]' . \
        syscare apply FIX1
    restore_patches
    tap_that "restored_patch_can_be_checked" syscare check FIX1
}

tap_section_targets() {
    local elf=$root/usr/lib64/libkv.so.1
    cp -a "$elf" "$world/libkv.good"
    # Another build with the same version: what a rebuilt package would be.
    rpm2cpio "$(find "$world/other/RPMS" -name 'libkv-1*.rpm')" |
        (cd "$world/other" && cpio -id --quiet)
    cp "$world/other/usr/lib64/libkv.so.1" "$elf.new" && mv "$elf.new" "$elf"
    tap_refuses "target_with_another_build_id_is_refused" '[13]' 'build-id' syscare check FIX1
    tap_refuses "target_with_another_build_id_is_not_patched" '[13]' 'build-id' syscare apply FIX1
    cp -a "$world/libkv.good" "$elf.new" && mv "$elf.new" "$elf"
    rpm --root "$root" -e --nodeps --justdb kvd
    tap_refuses "target_that_is_not_installed_is_named" '[13]' 'kvd' syscare check FIX1
    rpm --root "$root" -i --nodeps --justdb --nodigest \
        "$(find "$world/newer/RPMS" -name 'kvd-1.0-2*.rpm')" 2> /dev/null
    tap_refuses "target_of_another_version_is_named_with_both" '[13]' '1\.0-2.*1\.0-1|1\.0-1.*1\.0-2' \
        syscare check FIX1
    rpm --root "$root" -e --nodeps --justdb kvd
    rpm --root "$root" -i --nodeps --justdb --nodigest \
        "$(find "$world/shipped/RPMS" -name 'kvd-1.0-1*.rpm')" 2> /dev/null
    tap_that "target_that_is_back_can_be_checked" syscare check FIX1
}

# The CLI as another user who may read everything, but is not root.
as_nobody() {
    setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps -all,+dac_read_search \
        --ambient-caps -all,+dac_read_search "$syscare_command" --run-dir "$world/run" "$@"
}

tap_section_command() {
    tap_refuses "unknown_patch_is_named" 1 'NO_SUCH' syscare apply NO_SUCH
    tap_refuses "unknown_verb_is_a_usage_error" 2 'frobnicate' syscare frobnicate
    tap_refuses "verb_without_its_patch_is_a_usage_error" 2 . syscare apply
    tap_refuses "who_is_not_root_is_told_so" 1 'root|[Pp]ermission' as_nobody apply FIX1
}

# A state directory on a file system that is full.
tap_section_disk() {
    daemon_stop
    mkdir -p "$world/small"
    mount -t tmpfs -o size=128k tmpfs "$world/small"
    cp -a "$world/state/." "$world/small/"
    rm -rf "$world/state.old"
    mv "$world/state" "$world/state.old"
    ln -s small "$world/state"
    tap_that "daemon_starts_with_a_small_disk" daemon_start
    syscare save > /dev/null 2>&1
    cp -a "$world/small/state" "$world/state.before" 2> /dev/null
    dd if=/dev/zero of="$world/small/filler" bs=1k > /dev/null 2>&1
    tap_refuses "full_disk_is_named" '[135]' '[Nn]o space|full' syscare apply FIX1
    if [ -e "$world/state.before" ]; then
        tap_that "state_is_the_old_one_after_a_full_disk" cmp "$world/state.before" "$world/small/state"
    else
        tap_that "state_is_none_as_before_after_a_full_disk" test ! -e "$world/small/state"
    fi
    tap_prints "server_runs_the_old_code_after_a_full_disk" vulnerable kvd_library_state "$port"
    rm "$world/small/filler"
    tap_that "apply_succeeds_when_there_is_room" syscare apply FIX1
    tap_prints "server_runs_the_new_code_when_there_is_room" fixed kvd_library_state "$port"
}

tap_section_state_file() {
    daemon_stop
    flip_byte "$world/state/state" 30
    tap_that "daemon_starts_with_a_damaged_state_file" daemon_start
    tap_prints "damaged_state_file_loses_no_truth: the server is patched" fixed kvd_library_state "$port"
    tap_prints "damaged_state_file_loses_no_truth: the daemon says so" ACTIVED patch_states
    tap_that "remove_succeeds_after_a_damaged_state_file" syscare remove FIX1
    tap_prints "server_runs_the_old_code_after_remove" vulnerable kvd_library_state "$port"
}

world_begin "$builddir/tests/e2e-bad-input.world"
tap_that "make_install_lays_out_all_commands" stage_make "$builddir" "$world/stage" ||
    tap_bail "there is nothing to test"
tap_that "example_is_shipped_and_installed_by_dnf" example_ship || tap_bail "no target"
tap_section_build
tap_refuses "daemon_that_does_not_run_is_said_so" 1 'syscared' syscare list
tap_that "syscare_build_makes_a_patch_rpm" \
    patch_build FIX1 "$(example_srpm)" "$(example_fix)" "$world/shipped" || tap_bail "no patch"
tap_that "patch_rpm_is_published" patch_publish
tap_that "dnf_installs_the_patch_rpm_into_the_root" patch_install || tap_bail "not installed"
cp -a "$root/usr/lib/syscare/patches" "$world/patches.good"
tap_that "server_starts" kvd_start "$world/log/server.log" server_pid port
tap_that "daemon_starts" daemon_start || tap_bail "no daemon"
tap_section_objects
tap_section_targets
tap_section_command
tap_section_disk
tap_section_state_file
tap_done

#!/bin/bash
# `syscare build` from the source package to the patch package, on a program, its library and an archive.
# SPDX-License-Identifier: GPL-2.0-or-later
set -u
# shellcheck source=tests/build-subr.sh
. "${top_srcdir:?}/tests/build-subr.sh"

sources=$work/tiny
shipped=$work/shipped
mkdir -p "$shipped"
write_sources "$sources"
make_srpm "$sources" 1.0 "$shipped" "$plain_build" || tap_bail "no source package"
ship "$shipped" || tap_bail "the package cannot be built"

code_change() {
    sed -i 's/return 1000/return 100/; s/^int other_limit(int value)$/\n&/' prog/other.c
}
make_patch "$sources" "$work/code.patch" code_change
code_fix_becomes_a_patch() {
    build_patch "$work/code" "$shipped" "$work/code.patch" || return
    [ "$(patch_targets "$work/code")" = "/usr/bin/tiny " ] || return
    grep -E 'changed +other_limit' "$work/code/stdout"
}
tap_that "code_fix_becomes_a_patch" code_fix_becomes_a_patch
tap_that "only_the_fixed_function_is_in_it" \
    sh -c "! grep -E 'changed +(main|scaled|help_check)' '$work/code/stdout'"
tap_prints "nothing_is_left_in_the_build_root" "" find "$work/code/root" -mindepth 1
tap_that "the_patch_source_package_is_there_too" \
    sh -c "test -f '$work'/code/rpms/tiny-1.0-1-T1-1-1.src.rpm"

same_input_gives_same_payload() {
    build_patch "$work/again" "$shipped" "$work/code.patch" || return
    [ "$(rpm2cpio "$(patch_rpm "$work/code")" | sha256sum)" = \
        "$(rpm2cpio "$(patch_rpm "$work/again")" | sha256sum)" ]
}
tap_that "same_input_gives_same_payload" same_input_gives_same_payload

make_patch "$sources" "$work/header.patch" sed -i 's/TINY_SCALE 3/TINY_SCALE 4/' lib/tiny.h
header_change_reaches_program_and_library() {
    build_patch "$work/header" "$shipped" "$work/header.patch" || return
    [ "$(patch_targets "$work/header")" = "/usr/bin/tiny /usr/lib64/libtiny.so.1 " ]
}
tap_that "header_change_reaches_program_and_library" header_change_reaches_program_and_library

make_patch "$sources" "$work/archive.patch" sed -i 's/value < 0/value <= 0/' help/help.c
archive_member_change_reaches_all_who_link_it() {
    build_patch "$work/archive" "$shipped" "$work/archive.patch" || return
    [ "$(patch_targets "$work/archive")" = "/usr/bin/tiny /usr/lib64/libtiny.so.1 " ]
}
tap_that "archive_member_change_reaches_all_who_link_it" archive_member_change_reaches_all_who_link_it

cumulative_build_carries_both_patches() {
    local out=$work/cumulative
    rm -rf "$out"
    mkdir -p "$out/root" "$out/rpms"
    "$top_builddir/rpmtools/syscare-build" -n T1 -s "$(echo "$work"/code/rpms/*.src.rpm)" \
        -d "$(debuginfo_of "$shipped")" -p "$work/archive.patch" --nodeps -j 2 \
        --build-root "$out/root" -o "$out/rpms" || return
    [ -f "$out/rpms/patch-tiny-1.0-1-T1-1-2.$(uname -m).rpm" ] || return
    [ "$(patch_targets "$out")" = "/usr/bin/tiny /usr/lib64/libtiny.so.1 " ] || return
    grep -o '[a-z]*\.patch' "$out"/unpacked/usr/lib/syscare/patches/*/patch_info |
        sort -u | tr '\n' ' ' | grep -x 'archive.patch code.patch '
}
tap_that "cumulative_build_carries_both_patches" cumulative_build_carries_both_patches

full_build_gives_the_same_patch() {
    build_patch "$work/full" "$shipped" "$work/code.patch" --full --explain || return
    says "$work/full" "built from the start" || return
    [ "$(rpm2cpio "$(patch_rpm "$work/code")" | sha256sum)" = \
        "$(rpm2cpio "$(patch_rpm "$work/full")" | sha256sum)" ]
}
tap_that "full_build_gives_the_same_patch" full_build_gives_the_same_patch

json_summary_is_json() {
    build_patch "$work/json" "$shipped" "$work/code.patch" --json > /dev/null || return
    python3 -c 'import json, sys; j = json.load(open(sys.argv[1]))
assert j["status"] == 0 and len(j["files"]) == 2
assert [t["target_elf"] for t in j["targets"] if t["changed"]] == ["/usr/bin/tiny"]' \
        "$work/json/stdout"
}
if command -v python3 > /dev/null; then
    tap_that "json_summary_is_json" json_summary_is_json
fi

# --- without root, and without mounts ---------------------------------------------------------

# Runs a function of this script as nobody. Usage: as_nobody FUNCTION
as_nobody() {
    chmod 755 "$work"
    chmod 1777 "$work"
    setpriv --reuid 65534 --regid 65534 --clear-groups bash -c "
        set -u
        top_srcdir='$top_srcdir' top_builddir='$top_builddir' work='$work' shipped='$shipped'
        macros=(${macros[0]+\"\$work/macros\"})
        $(declare -f build_patch debuginfo_of patch_rpm patch_targets "$1")
        $1"
}

ordinary_user_builds_the_same_patch() {
    build_patch "$work/nobody" "$shipped" "$work/code.patch" || return
    [ "$(rpm2cpio "$(patch_rpm "$work/code")" | sha256sum)" = \
        "$(rpm2cpio "$(patch_rpm "$work/nobody")" | sha256sum)" ]
}
if [ "$(id -u)" -eq 0 ] && command -v setpriv > /dev/null &&
    setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$top_builddir/rpmtools/syscare-build"; then
    [ ${#macros[@]} -eq 0 ] || cp "${macros[0]}" "$work/macros"
    tap_that "ordinary_user_builds_the_same_patch" as_nobody ordinary_user_builds_the_same_patch
else
    tap_that "ordinary_user_builds_the_same_patch # SKIP needs root to become nobody" true
fi

# In a user namespace that allows no mount namespace: trees are copied.
build_without_mounts() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --user --map-root-user bash -c '
        echo 0 > /proc/sys/user/max_mnt_namespaces || exit 99
        exec "$@"' - bash -c "
        set -u
        top_srcdir='$top_srcdir' top_builddir='$top_builddir' work='$work' shipped='$shipped'
        macros=(${macros[0]+\"${macros[0]}\"})
        $(declare -f build_patch debuginfo_of)
        build_patch '$work/copied' '$shipped' '$work/code.patch'" || return
    says "$work/copied" "trees are copied" || return
    [ "$(patch_targets "$work/copied")" = "/usr/bin/tiny " ]
}
if unshare --user --map-root-user sh -c 'echo 0 > /proc/sys/user/max_mnt_namespaces' 2> /dev/null; then
    tap_that "without_mounts_trees_are_copied" build_without_mounts
else
    tap_that "without_mounts_trees_are_copied # SKIP needs user namespaces" true
fi
tap_done

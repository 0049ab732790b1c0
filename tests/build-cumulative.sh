#!/bin/bash
# Patches that go on from a patch source package: order, release, settings of the first build.
# SPDX-License-Identifier: GPL-2.0-or-later
set -u
# shellcheck source=tests/build-subr.sh
. "${top_srcdir:?}/tests/build-subr.sh"

sources=$work/tiny
shipped=$work/shipped
mkdir -p "$shipped"
write_sources "$sources"
# Without these three the rebuilt package is not the shipped one: a success proves that they were kept.
settings=(--define 'tiny_scale 7' --with limit --without check)
make_srpm "$sources" 1.0 "$shipped" "$(
    cat << 'END'
%{!?with_limit:exit 9}
%{!?_with_limit:exit 9}
%{!?_without_check:exit 9}
sed -i 's/TINY_SCALE 3/TINY_SCALE %{tiny_scale}/' lib/tiny.h
END
    echo "$plain_build"
)" || tap_bail "no source package"
sed -i '1i %bcond_with limit\n%bcond_without check' "$shipped/tiny.spec"
rpmbuild -bs --define "_topdir $shipped/rpmbuild" --define "_srcrpmdir $shipped" --nodeps "${settings[@]}" \
    "$shipped/tiny.spec" > "$shipped/srpm.log" 2>&1 || tap_bail "no source package"
ship "$shipped" "${settings[@]}" || tap_bail "the package cannot be built"

# Each patch changes the line that the one before has left. Usage: step_patch FROM TO
step_patch() {
    cp -a "$sources" "$work/before"
    sed -i "s/return 1000/return $1/" "$work/before/prog/other.c"
    make_patch "$work/before" "$work/$2.patch" sed -i "s/return $1/return $2/" prog/other.c
    rm -rf "$work/before"
}
for pair in 1000:900 900:800 800:700; do
    step_patch "${pair%:*}" "${pair#*:}" || tap_bail "no patch $pair"
done
make_patch "$sources" "$work/sum.patch" sed -i 's/int sum = 0/int sum = 1/' lib/tiny.c

# Usage: build_on OUT SRPM OPTION...
build_on() {
    local out=$1 srpm=$2
    shift 2
    rm -rf "$out"
    mkdir -p "$out/root" "$out/rpms"
    "$top_builddir/rpmtools/syscare-build" -n T1 -s "$srpm" -d "$(debuginfo_of "$shipped")" --nodeps -j 2 \
        --build-root "$out/root" -o "$out/rpms" "$@" > "$out/stdout" 2> "$out/stderr"
    local status=$?
    cat "$out/stdout" "$out/stderr"
    return "$status"
}

# The patches of a patch, in the order of its metadata. Usage: patch_names OUT
patch_names() {
    patch_targets "$1" > /dev/null
    python3 -c 'import glob, json, sys
info = json.load(open(glob.glob(sys.argv[1] + "/unpacked/usr/lib/syscare/patches/*/patch_info")[0]))
print(info["version"], info["release"], *[p["name"] for p in info["patches"]], *info["cves"])' "$1"
}
command -v python3 > /dev/null || tap_skip_all "needs python3"

original=$(echo "$shipped"/*.src.rpm)
first() {
    build_on "$work/first" "$original" ${macros[@]:+--rpm-macros "${macros[0]}"} "${settings[@]}" \
        -p "$work/900.patch" "$work/800.patch" --cve CVE-2025-0001
}
tap_that "two patches of one line are applied in the order given" first
tap_prints "both are in the metadata" "1 1 900.patch 800.patch CVE-2025-0001" patch_names "$work/first"
wrong_order() {
    build_on "$work/wrong" "$original" ${macros[@]:+--rpm-macros "${macros[0]}"} "${settings[@]}" \
        -p "$work/800.patch" -p "$work/900.patch"
}
tap_refuses "in the other order they do not apply" 1 '800.patch' wrong_order

second() {
    build_on "$work/second" "$(echo "$work"/first/rpms/*.src.rpm)" -p "$work/700.patch" --cve CVE-2025-0002
}
tap_that "a third one goes on from the patch source package, with its settings" second
tap_prints "the release is raised, and all patches are in it" \
    "1 2 900.patch 800.patch 700.patch CVE-2025-0001 CVE-2025-0002" patch_names "$work/second"
tap_that "the package has the raised release" \
    test -f "$work/second/rpms/patch-tiny-1.0-1-T1-1-2.$(uname -m).rpm"

third() {
    build_on "$work/third" "$(echo "$work"/second/rpms/*.src.rpm)" -p "$work/sum.patch" || return
    [ "$(patch_targets "$work/third")" = "/usr/bin/tiny /usr/lib64/libtiny.so.1 " ]
}
tap_that "a patch of another file goes on from that one" third
tap_prints "the release is raised again" \
    "1 3 900.patch 800.patch 700.patch sum.patch CVE-2025-0001 CVE-2025-0002" patch_names "$work/third"
as_chosen() {
    build_on "$work/chosen" "$(echo "$work"/first/rpms/*.src.rpm)" -p "$work/700.patch" \
        --patch-version 2 --patch-release 5 && patch_names "$work/chosen" | grep -x '2 5 900.patch 800.patch 700.patch CVE.*'
}
tap_that "version and release that are given win" as_chosen
same_at_once() {
    build_on "$work/at-once" "$original" ${macros[@]:+--rpm-macros "${macros[0]}"} "${settings[@]}" \
        -p "$work/900.patch" -p "$work/800.patch" -p "$work/700.patch" --cve CVE-2025-0001 CVE-2025-0002 \
        --patch-release 2 || return
    [ "$(rpm2cpio "$(patch_rpm "$work/at-once")" | sha256sum)" = "$(rpm2cpio "$(patch_rpm "$work/second")" | sha256sum)" ]
}
tap_that "it is the patch that all at once give" same_at_once
twice() {
    build_on "$work/twice" "$(echo "$work"/first/rpms/*.src.rpm)" -p "$work/900.patch"
}
tap_refuses "a patch that is in it already" 1 'two patches have the name 900.patch' twice
tap_done

#!/bin/bash
# Patch RPMs: what is in them, that they are reproducible, and that dnf installs, upgrades and erases them.
# SPDX-License-Identifier: GPL-2.0-or-later
set -uo pipefail
srcdir=${top_srcdir:?} tool=${top_builddir:?}/tests/package-tool
# shellcheck source=tests/tap-subr.sh
. "$srcdir/tests/tap-subr.sh"
command -v rpmbuild > /dev/null || tap_skip_all "needs rpmbuild"
work=$(mktemp -d "${TMPDIR:-/tmp}/package-make.XXXXXX")
trap 'rm -rf "$work"' EXIT
export HOME=$work # rpm and dnf keep their databases and settings there

# Makes an empty package. Usage: empty_package NAME VERSION [LINE_OF_SPEC]...
empty_package() {
    local name=$1 version=$2
    shift 2
    {
        printf '%s\n' "Name: $name" "Version: $version" "Release: 1" "Summary: For tests" \
            "License: MIT and 5 % more" "BuildArch: x86_64" "$@" "%description" "For tests." "%files"
    } > "$work/$name.spec"
    rpmbuild -ba --define "_topdir $work/top" --define "debug_package %{nil}" \
        "$work/$name.spec" > "$work/$name.log" 2>&1 || { tail "$work/$name.log"; return 1; }
}

# Usage: make_patch DIRECTORY NAME RELEASE PATCH...
make_patch() {
    local directory=$1 name=$2 release=$3
    shift 3
    "$tool" make "$name" "$release" "$srpm" "$work/sc test\$" "$directory" "$directory.work" "$@"
}

tap_that "target_package" empty_package sc-target '1.0~rc1^git+5' "Epoch: 3"
tap_that "package_syscare" empty_package syscare 1
srpm=$(find "$work/top/SRPMS" -name 'sc-target-*.src.rpm')
printf 'the patch object' > "$work/sc test\$"
echo "first" > "$work/fix one.patch"
echo "second" > "$work/fix-two.patch"

name='sc-target-1.0_rc1_git+5-1-HP1'
binary="$work/out/patch-$name-1-1.x86_64.rpm" source="$work/out/$name-1-1.src.rpm"
tap_prints "both_packages_are_made" "$binary
$source" make_patch "$work/out" HP1 1 "$work/fix one.patch"
query() {
    rpm -qp "$@" 2> /dev/null
}
uuid=$(query -l "$binary" | head -n 1 | xargs basename)
tap_prints "files_are_for_root_only" "drwx------ root root /usr/lib/syscare/patches/$uuid
-rw------- root root /usr/lib/syscare/patches/$uuid/patch_info
-rw------- root root /usr/lib/syscare/patches/$uuid/sc test\$" \
    query --qf '[%{FILEMODES:perms} %{FILEUSERNAME} %{FILEGROUPNAME} %{FILENAMES}\n]' "$binary"
tap_prints "it_requires_exactly_the_target_and_syscare" "sc-target = 3:1.0~rc1^git+5-1
syscare" sh -c "rpm -qp --requires '$binary' 2> /dev/null | grep -v '^rpmlib(' | sort"
tap_that "it_provides_livepatch" \
    sh -c "rpm -qp --provides '$binary' | grep -qxF 'livepatch(sc-target) = 3:1.0~rc1^git+5-1'"
tap_prints "license_is_that_of_the_target" "MIT and 5 % more" query --qf '%{LICENSE}' "$binary"
tap_that "description_is_taken_literally" sh -c "rpm -qp --qf '%{DESCRIPTION}' '$binary' |
    grep -qxF '100 % safe' && rpm -qp --qf '%{DESCRIPTION}' '$binary' | grep -qF '%{nil}'"
tap_prints "source_package_carries_everything" "0001-fix_one.patch
patch_info
sc-target-1.0~rc1^git+5-1.src.rpm
syscare-patch.spec" query -l "$source"

make_patch "$work/again" HP1 1 "$work/fix one.patch" > /dev/null
tap_that "same_input_gives_the_same_binary_package" cmp "$binary" "$work/again/${binary##*/}"
tap_that "same_input_gives_the_same_source_package" cmp "$source" "$work/again/${source##*/}"
tap_prints "source_package_is_opened_for_the_next_patch" "sc-target-1.0~rc1^git+5-1.src.rpm
2
fix one.patch fix one.patch" "$tool" open "$source" "$work/opened"
tap_prints "other_source_packages_are_none" "not a patch source package" \
    "$tool" open "$srpm" "$work/opened"
tap_refuses "rpmbuild_of_the_source_package_says_what_to_do" 1 "syscare build -s" \
    rpmbuild --nodeps --define "_topdir $work/rebuild" --define "_tmppath $work" --rebuild "$source"

tap_refuses "name_with_a_dash_is_a_usage_error" 2 "'H-P' cannot be a patch's name" \
    make_patch "$work/bad" H-P 1 "$work/fix one.patch"
tap_refuses "release_with_a_dash_is_a_usage_error" 2 "cannot be a patch's version and release" \
    make_patch "$work/bad" HP1 1-2 "$work/fix one.patch"
tap_refuses "binary_package_is_no_source" 2 "is not a source package" \
    "$tool" make HP1 1 "$binary" "$work/sc test\$" "$work/bad" "$work/bad.work" "$work/fix-two.patch"
tap_that "two_patches_make_a_cumulative_one" \
    make_patch "$work/next" HP1 2 "$work/fix one.patch" "$work/fix-two.patch"
tap_prints "patches_come_back_in_order_with_their_names" "3
fix one.patch fix one.patch
fix-two.patch fix-two.patch" sh -c "'$tool' open '$work/next/$name-1-2.src.rpm' '$work/opened2' |
    tail -n +2"
upgrade="$work/next/patch-$name-1-2.x86_64.rpm"
next_uuid=$(query -l "$upgrade" | head -n 1 | xargs basename)

# What dnf says when it goes through. Usage: run_dnf COMMAND...
run_dnf() {
    dnf -q -y --installroot "$work/root" --releasever 39 --setopt=reposdir=/nonexistent \
        --setopt=cachedir="$work/cache" --setopt=logdir="$work/log" --setopt=persistdir="$work/p" \
        --setopt=gpgcheck=0 --setopt=plugins=0 --repofrompath="sc,$work/repo" --disablerepo='*' \
        --enablerepo=sc --refresh "$@" 2>&1
}

# A dnf run that succeeds and reports no scriptlet.
dnf_is_quiet() {
    local output
    output=$(run_dnf "$@") || { echo "$output"; return 1; }
    ! grep -iE 'scriptlet|warning|error' <<< "$output"
}

publish() {
    mkdir -p "$work/repo"
    cp "$@" "$work/repo/"
    createrepo_c -q "$work/repo"
}

installed() {
    find "$work/root/usr/lib/syscare/patches" -mindepth 1 -maxdepth 1 -printf '%f\n' 2> /dev/null
}

# A shell and a syscare in the root that writes down how it is called, and the socket of a daemon.
fake_daemon() {
    local file
    mkdir -p "$work/root/bin" "$work/root/usr/bin" "$work/root/run/syscare" "$work/root/dev"
    for file in /bin/sh $(ldd /bin/sh | grep -o '/[^ ]*'); do
        mkdir -p "$work/root$(dirname "$file")"
        cp -L "$file" "$work/root$file"
    done
    printf '#!/bin/sh\necho "$*" >> /calls\nexit 1\n' > "$work/root/usr/bin/syscare"
    chmod 755 "$work/root/usr/bin/syscare"
    : > "$work/root/dev/null"
    perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or die' \
        "$work/root/run/syscare/syscared.sock"
}

dnf_tests() {
    mkdir -p "$work/log" "$work/root"
    publish "$binary" "$work"/top/RPMS/x86_64/sc-target-*.rpm
    tap_refuses "dnf_refuses_it_without_syscare" 1 "nothing provides syscare" \
        run_dnf install "patch-$name"
    publish "$work"/top/RPMS/x86_64/syscare-*.rpm
    tap_that "dnf_installs_it_with_the_target" dnf_is_quiet install "patch-$name"
    tap_prints "patch_is_installed_under_its_uuid" "$uuid" installed
    tap_that "target_came_with_it" rpm --root "$work/root" --dbpath "$(rpm -E '%_dbpath')" \
        -q sc-target
    tap_that "dnf_erases_it_in_a_root_without_a_shell" dnf_is_quiet remove "patch-$name"
    tap_prints "nothing_is_left" "" installed
    tap_that "a_daemon_in_the_root" fake_daemon || return
    tap_that "dnf_installs_it_beside_a_daemon" dnf_is_quiet install "patch-$name"
    publish "$upgrade"
    tap_that "dnf_upgrades_it" dnf_is_quiet upgrade "patch-$name"
    tap_prints "the_new_patch_is_in_the_place_of_the_old" "$next_uuid" installed
    tap_prints "an_upgrade_removes_no_patch" "rescan" sort -u "$work/root/calls"
    tap_that "dnf_erases_it_though_syscare_fails" dnf_is_quiet remove "patch-$name"
    tap_that "an_erase_removes_the_patch" grep -qx "remove $next_uuid" "$work/root/calls"
    tap_prints "nothing_is_left_again" "" installed
}

if [ "$(id -u)" -ne 0 ]; then
    tap_result 0 "dnf # SKIP needs root for an install root"
elif ! command -v dnf > /dev/null || ! command -v createrepo_c > /dev/null; then
    tap_result 0 "dnf # SKIP needs dnf and createrepo_c"
elif ! perl -MIO::Socket::UNIX -e 1 2> /dev/null; then
    tap_result 0 "dnf # SKIP needs perl with IO::Socket::UNIX"
else
    dnf_tests
fi
tap_done

#!/bin/bash
# Reading and unpacking packages, missing build dependencies, and the proof that a rebuild is faithful, on a tiny package.
# SPDX-License-Identifier: GPL-2.0-or-later
set -uo pipefail
srcdir=${top_srcdir:?} tool=${top_builddir:?}/tests/package-tool
# shellcheck source=tests/tap-subr.sh
. "$srcdir/tests/tap-subr.sh"
command -v rpmbuild > /dev/null || tap_skip_all "needs rpmbuild"
work=$(mktemp -d "${TMPDIR:-/tmp}/package-rpm.XXXXXX")
trap 'rm -rf "$work"' EXIT
export HOME=$work # rpm and dnf keep their databases and settings there
options=()
if [ -f /etc/debian_version ]; then
    options=(--nodeps --load "$srcdir/examples/rpmmacros.debian")
fi

# The sources and the spec of a package with a program of three functions.
write_package() {
    mkdir -p "$work/SOURCES"
    cat > "$work/SOURCES/tiny.c" << 'END'
#include <stdio.h>
#include <stdlib.h>
__attribute__((noinline)) int tiny_add(int a, int b) { return a + b * 3; }
__attribute__((noinline)) int tiny_mul(int a, int b) { return a * b + TINY; }
int main(int argc, char **argv)
{
    puts("tiny");
    return tiny_add(argc, atoi(argv[0])) + tiny_mul(argc, 7);
}
END
    cat > "$work/tiny.spec" << 'END'
%{!?tiny: %global tiny 1}
Name: sc-tiny
Epoch: 2
Version: 1.0~rc1
Release: 3
Summary: A program of three functions
License: MIT
Source0: tiny.c
BuildRequires: gcc, sc-tiny-no-such >= 2
%description
For tests.
%prep
%setup -q -c -T
cp %{SOURCE0} tiny.c
%build
gcc -g %{?tiny_flags}%{!?tiny_flags:-O2} -DTINY=%{tiny} -Wl,--build-id=sha1 -o sc-tiny tiny.c
%install
mkdir -p %{buildroot}/usr/bin
install -m 4755 sc-tiny %{buildroot}/usr/bin/sc-tiny
mkdir -p %{buildroot}/usr/share/sc-tiny/ü
echo text > %{buildroot}/usr/share/sc-tiny/ü/one
ln %{buildroot}/usr/share/sc-tiny/ü/one %{buildroot}/usr/share/sc-tiny/two
ln -s ü/one %{buildroot}/usr/share/sc-tiny/three
%files
/usr/bin/sc-tiny
/usr/share/sc-tiny
%changelog
* Mon Jan 15 2024 Tester <tester@example.org> - 2:1.0~rc1-3
- First
END
}

# Usage: build_package TOPDIR [RPMBUILD OPTION]...
build_package() {
    local top=$1
    shift
    SOURCE_DATE_EPOCH=1700000000 rpmbuild -ba --nodeps "${options[@]}" \
        --define "_topdir $top" --define "_sourcedir $work/SOURCES" --define "debug_level 1" \
        "$@" "$work/tiny.spec" > "$top.log" 2>&1 || { tail -n 20 "$top.log"; return 1; }
}

# All packages of a build unpacked into TOPDIR/root.
unpack_build() {
    local rpm
    for rpm in "$1"/RPMS/*/*.rpm; do
        "$tool" unpack "$rpm" "$1/root" || return 1
    done
}

write_package
tap_that "tiny_package_builds" build_package "$work/a" || tap_bail "no package"
srpm=$(find "$work/a/SRPMS" -name '*.src.rpm')
main=$(find "$work/a/RPMS" -name 'sc-tiny-1*.rpm')
debuginfo=$(find "$work/a/RPMS" -name 'sc-tiny-debuginfo-*.rpm')
[ -n "$debuginfo" ] || tap_skip_all "rpmbuild makes no debuginfo packages here"

tap_prints "header_of_source_package" "source sc-tiny-1.0~rc1-3
2:1.0~rc1-3
MIT
tiny.spec
-
1705320000 1
requires gcc
requires sc-tiny-no-such >= 2" "$tool" info "$srpm"
tap_that "header_of_debuginfo_names_its_source" \
    sh -c "'$tool' info '$debuginfo' | grep -qx 'debuginfo sc-tiny-debuginfo-1.0~rc1-3' &&
        '$tool' info '$debuginfo' | grep -qx 'sc-tiny-1.0~rc1-3.src.rpm'"
tap_prints "source_package_is_laid_out_for_rpmbuild" "$work/t/SPECS/tiny.spec" \
    "$tool" unpack "$srpm" "$work/t"
tap_that "sources_are_unpacked_unchanged" cmp "$work/SOURCES/tiny.c" "$work/t/SOURCES/tiny.c"
tap_that "binary_package_is_unpacked" unpack_build "$work/a"
tap_prints "no_file_is_unpacked_set_uid" 755 stat -c %a "$work/a/root/usr/bin/sc-tiny"
tap_prints "links_and_names_of_all_kinds_are_unpacked" "text
text
text" cat "$work/a/root/usr/share/sc-tiny/ü/one" "$work/a/root/usr/share/sc-tiny/two" \
    "$work/a/root/usr/share/sc-tiny/three"
tap_prints "hard_links_stay_links" 2 stat -c %h "$work/a/root/usr/share/sc-tiny/two"

head -c 3000 "$srpm" > "$work/short.rpm"
cp "$srpm" "$work/flipped.rpm"
printf 'X' | dd of="$work/flipped.rpm" bs=1 conv=notrunc status=none \
    seek=$(($(stat -c %s "$srpm") - 40))
tap_refuses "truncated_package_is_refused" 1 "damaged RPM|not an RPM" \
    "$tool" unpack "$work/short.rpm" "$work/u"
tap_refuses "flipped_byte_in_payload_is_refused" 1 "digest of its payload is wrong" \
    "$tool" unpack "$work/flipped.rpm" "$work/u"
tap_refuses "other_file_is_no_package" 1 "not an RPM package" \
    "$tool" unpack "$work/tiny.spec" "$work/u"
mkdir -p "$work/u/usr" "$work/outside"
ln -s "$work/outside" "$work/u/usr/bin"
tap_refuses "nothing_is_unpacked_through_a_symbolic_link" 1 "cannot unpack" \
    "$tool" unpack "$main" "$work/u"
tap_prints "the_place_it_leads_to_stays_empty" "" ls -A "$work/outside"

mkdir "$work/empty" "$work/db"
tap_prints "empty_rpm_database_cannot_tell" empty "$tool" missing "$srpm" "$work/empty"
tap_that "database_with_a_package" sh -c "rpm --root '$work/db' --initdb 2>&1 &&
    rpm --root '$work/db' -i --justdb --nodeps --noscripts '$main' 2>&1"
tap_that "missing_build_dependency_is_named" \
    sh -c "'$tool' missing '$srpm' '$work/db' | grep -qx 'sc-tiny-no-such >= 2'"

elf=/usr/bin/sc-tiny
mkdir "$work/debuginfo" "$work/main"
cp "$debuginfo" "$work/debuginfo/"
cp "$debuginfo" "$main" "$work/main/"
alone=$work/debuginfo/$(basename "$debuginfo")
beside=$work/main/$(basename "$debuginfo")
faithful() {
    "$tool" faithful "$srpm" "$1/root" $elf "$work/f" "${@:2}"
}
tap_prints "same_file_has_the_same_build_id" build-id faithful "$work/a" "$beside"
tap_prints "build_id_is_proven_by_debuginfo_alone" build-id faithful "$work/a" "$alone"

# A build in a directory of another name: same code, another build-id.
tap_that "build_elsewhere" build_package "$work/another-name" \
    --define "_builddir $work/another-name/BUILD-elsewhere" &&
    tap_that "build_elsewhere_unpacks" unpack_build "$work/another-name"
tap_prints "other_build_id_same_sections" sections faithful "$work/another-name" "$beside"
tap_prints "other_build_id_same_debuginfo" debuginfo faithful "$work/another-name" "$alone"

tap_that "build_of_other_code" build_package "$work/b" --define "tiny 2" &&
    tap_that "build_of_other_code_unpacks" unpack_build "$work/b"
tap_refuses "changed_function_is_named" 0 \
    "^none: section .text differs at byte .*functions that differ: tiny_mul$" \
    faithful "$work/b" "$beside"
# Only a constant in the code is another: that is why the runtime compares the target digest too.
tap_prints "debuginfo_alone_cannot_tell_constants" debuginfo faithful "$work/b" "$alone"
tap_that "build_with_other_flags" build_package "$work/c" --define "tiny_flags -O0" &&
    tap_that "build_with_other_flags_unpacks" unpack_build "$work/c"
tap_refuses "other_flags_are_shown" 0 "^none: .*compilers: shipped '.*-O2.*', rebuilt '.*-O0" \
    faithful "$work/c" "$alone"
tap_refuses "functions_of_another_size_are_named" 0 \
    "; functions of another size, new or missing: .*tiny_add, tiny_mul; compilers" \
    faithful "$work/c" "$beside"
tap_refuses "nothing_shipped_nothing_proven" 0 "^none: no shipped package at hand has" \
    faithful "$work/b"
tap_refuses "elf_that_was_not_rebuilt" 1 "the rebuild has no file /usr/bin/other" \
    "$tool" faithful "$srpm" "$work/b/root" /usr/bin/other "$work/f" "$alone"

sed 's/^Version: .*/Version: 9/' "$work/tiny.spec" > "$work/other.spec"
mv "$work/other.spec" "$work/tiny.spec"
tap_that "package_of_another_version" build_package "$work/d"
other=$(find "$work/d/RPMS" -name 'sc-tiny-debuginfo-*.rpm')
tap_refuses "debuginfo_of_another_build_is_refused" 1 \
    "was built from sc-tiny-9-3.src.rpm, not from sc-tiny-1.0~rc1-3" faithful "$work/a" "$other"
tap_done

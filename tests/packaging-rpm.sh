#!/bin/bash
# packaging/syscare.spec makes the packages syscare and syscare-build from the release archive.
# SPDX-License-Identifier: GPL-2.0-or-later
set -uo pipefail
srcdir=${top_srcdir:?} builddir=${top_builddir:?}
# shellcheck source=tests/tap-subr.sh
. "$srcdir/tests/tap-subr.sh"
if [ "${SYSCARE_TESTS:-}" = quick ]; then
    tap_skip_all "a quick run was asked for (SYSCARE_TESTS=quick)"
fi
command -v rpmbuild > /dev/null || tap_skip_all "needs rpmbuild"
top=$builddir/rpm
# The tests of the archive have their own place: make distcheck.
options=(RPMBUILD_OPTIONS=--nocheck)
if [ -f /etc/debian_version ]; then
    # rpm's own database knows nothing of Debian's packages, nor do its macros have Fedora's flags.
    options=(RPMBUILD_OPTIONS="--nocheck --nodeps --load $srcdir/examples/rpmmacros.debian")
fi

build_packages() {
    rm -rf "$top"
    env -u MAKEFLAGS -u MFLAGS HOME="$builddir" make -C "$builddir" rpm "${options[@]}"
}

# The files of a package. Usage: files_of NAME
files_of() {
    rpm -qlp "$(find "$top/RPMS" -name "$1-[0-9]*.rpm")" 2> /dev/null
}

package_has() {
    local name=$1 path files
    shift
    files=$(files_of "$name")
    for path in "$@"; do
        grep -qxE "$path" <<< "$files" || { echo "$name lacks $path"; return 1; }
    done
}

tap_that "spec_builds_from_the_archive" build_packages || tap_bail "no packages"
tap_that "syscare_has_what_runs_patches" package_has syscare /usr/bin/syscare /usr/sbin/syscared \
    /usr/libexec/syscare/syscare-inject '.*/syscared\.service' /etc/syscare/syscared.conf \
    /usr/lib/syscare/patches /var/lib/syscare
tap_that "syscare_build_has_what_makes_patches" package_has syscare-build \
    /usr/libexec/syscare/syscare-build /usr/libexec/syscare/syscare-diff \
    /usr/libexec/syscare/syscare-shim '.*/syscare_record\.so' '.*/macros\.syscare'
tap_prints "no_file_is_in_both_packages" "/usr/libexec/syscare" \
    sh -c "{ rpm -qlp $(find "$top/RPMS" -name 'syscare-[0-9]*.rpm');
        rpm -qlp $(find "$top/RPMS" -name 'syscare-build-[0-9]*.rpm'); } 2> /dev/null |
        grep -v -e '^/usr/lib/.build-id' -e COPYING -e '/licenses/' | sort | uniq -d"
tap_done

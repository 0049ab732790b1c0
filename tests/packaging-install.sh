#!/bin/bash
# `make install DESTDIR=` puts everything where a distribution wants it, and what it puts there works.
# SPDX-License-Identifier: GPL-2.0-or-later
set -uo pipefail
srcdir=${top_srcdir:?} builddir=${top_builddir:?}
# shellcheck source=tests/tap-subr.sh
. "$srcdir/tests/tap-subr.sh"
stage=$builddir/tests/packaging-install.stage
trap 'rm -rf "$stage"' EXIT
gcc_version=$(gcc -dumpversion)
gcc_target=$(gcc -dumpmachine)

install_staged() {
    rm -rf "$stage"
    env -u MAKEFLAGS -u MFLAGS make -s -C "$builddir" install DESTDIR="$stage" "$@"
}

# The one installed path that ends so; nothing when there is none. Usage: installed SUFFIX
installed() {
    find "$stage" -path "*$1" | head -n 1
}

tap_that "make_install_succeeds" install_staged || tap_bail "nothing is installed"
for path in bin/syscare sbin/syscared libexec/syscare/syscare-build libexec/syscare/syscare-diff \
    libexec/syscare/syscare-capture libexec/syscare/syscare-shim libexec/syscare/syscare-replay libexec/syscare/syscare-rpm-stage \
    libexec/syscare/syscare-inject; do
    tap_that "$path is installed and can be run" test -x "$(installed "/$path")"
done
for path in lib/systemd/system/syscared.service lib/rpm/macros.d/macros.syscare \
    bash-completion/completions/syscare etc/syscare/syscared.conf man/man1/syscare.1 \
    man/man1/syscare-build.1 man/man8/syscared.8 man/man3/syscare-patch.h.3 \
    include/syscare-patch.h include/syscare-patch-runtime.h \
    "$gcc_target/$gcc_version/syscare_record.so"; do
    tap_that "$path is installed" test -s "$(installed "/$path")"
done
tap_that "nothing is left of the placeholders" \
    sh -c "! grep -rlE '@[a-zA-Z_]+@' '$stage' --include='*.service' --include='macros.*'"
tap_that "the plugin is loaded by the gcc that it is installed for" \
    sh -c "echo 'int x;' | gcc -fplugin='$(installed /syscare_record.so)' -x c -c -o /dev/null -"
tap_that "rpm reads the macro file" sh -c \
    "rpm --load '$(installed /macros.syscare)' --eval '%_syscare_patchdir' | grep -qx /usr/lib/syscare/patches"
tap_that "bash reads the completion" bash -n "$(installed /completions/syscare)"
# systemd-analyze writes to /run: it gets one of its own.
if command -v systemd-analyze > /dev/null && unshare --mount true 2> /dev/null; then
    tap_that "systemd knows every word of the unit" unshare --mount sh -c \
        "mount -t tmpfs tmpfs /run
        ! systemd-analyze verify --man=no '$(installed /syscared.service)' 2>&1 | grep -E 'Unknown|Invalid|Failed to parse'"
else
    tap_count=$((tap_count + 1))
    echo "ok $tap_count # SKIP systemd-analyze cannot be run in a mount namespace of its own"
fi
if command -v man > /dev/null; then
    for page in syscare.1 syscare-build.1 syscare-patch.h.3 syscared.8; do
        tap_prints "$page has no warnings" "" \
            sh -c "man --warnings -l '$(installed "/$page")' 2>&1 > /dev/null"
    done
fi
tap_that "every file of the configuration directory is a setting that syscared knows" \
    sh -c "sed -n 's/^#\([a-z-]*\) = .*/\1/p' '$(installed /syscared.conf)' |
        while read -r name; do '$(installed /sbin/syscared)' --help | grep -q -- \"--\$name\" || exit 1; done"
tap_that "make_uninstall_succeeds" \
    env -u MAKEFLAGS -u MFLAGS make -s -C "$builddir" uninstall DESTDIR="$stage"
tap_prints "make_uninstall_leaves_no_file" "" find "$stage" -type f -o -type l
tap_done

# shellcheck shell=bash
# Makes the little package that the tests of `syscare build` patch, ships it, and runs the build.
# SPDX-License-Identifier: GPL-2.0-or-later

: "${top_srcdir:?}" "${top_builddir:?}"
# shellcheck source=tests/tap-subr.sh
. "$top_srcdir/tests/tap-subr.sh"

export LC_ALL=C SOURCE_DATE_EPOCH=1700000000
unset SYSCARE_LIBEXECDIR
work=$(mktemp -d "${TMPDIR:-/tmp}/syscare-build-test.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
export HOME=$work

macros=()
if [ -f /etc/debian_version ]; then
    macros=("$top_srcdir/examples/rpmmacros.debian")
fi

for tool in rpmbuild patch gcc make; do
    command -v $tool > /dev/null || tap_skip_all "needs $tool"
done

# The program tiny, the library libtiny.so.1, and libhelp.a that is linked into both.
# Usage: write_sources DIR
write_sources() {
    mkdir -p "$1/lib" "$1/help" "$1/prog" "$1/tests"
    cat > "$1/lib/tiny.h" << 'END'
#ifndef TINY_H
#define TINY_H
#define TINY_SCALE 3
int tiny_sum(const int *values, int count);
int tiny_print(const char *text, int value);
int help_check(int value);
#endif
END
    cat > "$1/lib/tiny.c" << 'END'
#include "tiny.h"
#include <stdio.h>

/* Adds up, scaled. */
int tiny_sum(const int *values, int count)
{
    int sum = 0;

    for (int i = 0; i < count; i++)
        sum += help_check(values[i]) * TINY_SCALE;
    return sum;
}

int tiny_print(const char *text, int value)
{
    printf("%s: %d\n", text, value);
    return fflush(stdout);
}
END
    cat > "$1/help/help.c" << 'END'
#include <stdio.h>

int help_check(int value);

int help_check(int value)
{
    if (value < 0)
        fprintf(stderr, "negative value %d\n", value);
    return value;
}
END
    cat > "$1/prog/main.c" << 'END'
#include "../lib/tiny.h"
#include <stdio.h>
#include <stdlib.h>

int other_limit(int value);

static int scaled(const char *text)
{
    int value = atoi(text);

    printf("scale %d\n", TINY_SCALE);
    return tiny_sum(&value, 1) + help_check(value);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        tiny_print(argv[i], other_limit(scaled(argv[i])));
    return 0;
}
END
    cat > "$1/prog/other.c" << 'END'
#include <stdio.h>

int other_limit(int value);

int other_limit(int value)
{
    if (value > 100) {
        printf("%s: %d is too much (line %d)\n", __func__, value, __LINE__);
        return 1000;
    }
    return value;
}
END
    cat > "$1/tests/check.c" << 'END'
int main(void)
{
    return 0;
}
END
    printf 'The tiny package\n' > "$1/README.md"
    write_makefile > "$1/Makefile"
}

write_makefile() {
    cat << 'END'
OBJECTS = lib/tiny.o help/help.o prog/main.o prog/other.o
all: tiny libtiny.so.1
$(OBJECTS): %.o: %.c lib/tiny.h
	gcc $(CFLAGS) -fPIC -c -o $@ $<
libhelp.a: help/help.o
	rm -f $@
	ar rcs $@ $^
libtiny.so.1: lib/tiny.o libhelp.a
	gcc $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$@ -o $@ $^
tiny: prog/main.o prog/other.o libhelp.a libtiny.so.1
	gcc $(CFLAGS) $(LDFLAGS) -o $@ $^
install: all
	install -d $(DESTDIR)/usr/bin $(DESTDIR)/usr/lib64
	install -m755 tiny $(DESTDIR)/usr/bin/tiny
	install -m755 libtiny.so.1 $(DESTDIR)/usr/lib64/libtiny.so.1
END
}

# A ./configure as packages have it: it writes Makefile and config.h. Usage: write_configure DIR
write_configure() {
    write_makefile | sed 's|-fPIC|-fPIC -include config.h|' > "$1/Makefile.in"
    rm "$1/Makefile"
    cat > "$1/configure" << 'END'
#!/bin/sh
echo 'int main(void) { return 0; }' > conftest.c
gcc $CFLAGS -o conftest conftest.c && ./conftest || exit 1
rm -f conftest conftest.c
cp Makefile.in Makefile
echo '#define TINY_CONFIGURED 1' > config.h
END
    chmod 755 "$1/configure"
}

# The spec. Usage: write_spec FILE VERSION BUILD_SECTION
write_spec() {
    cat > "$1" << END
%global _lto_cflags %{nil}
Name:           tiny
Version:        $2
Release:        1
Summary:        Tiny program
License:        MIT
Source0:        tiny-%{version}.tar.gz
BuildRequires:  gcc, make

%description
A tiny program and its library.

%prep
%setup -q

%build
$3

%install
make install DESTDIR=%{buildroot}

%files
/usr/bin/tiny
/usr/lib64/libtiny.so.1

%changelog
* Mon Jan 15 2024 Tester <tester@localhost> - $2-1
- First version
END
}

# Packs DIR as a source RPM of that version into OUT. Usage: make_srpm DIR VERSION OUT BUILD_SECTION
make_srpm() {
    local top=$3/rpmbuild
    mkdir -p "$top/SOURCES"
    tar -C "$(dirname "$1")" --owner=0 --group=0 --mtime=@1700000000 --sort=name \
        --transform "s,^$(basename "$1"),tiny-$2," -czf "$top/SOURCES/tiny-$2.tar.gz" \
        "$(basename "$1")"
    write_spec "$3/tiny.spec" "$2" "$4"
    rpmbuild -bs --define "_topdir $top" --define "_srcrpmdir $3" --nodeps "$3/tiny.spec" \
        > "$3/srpm.log" 2>&1
}

# shellcheck disable=SC2034 # for those who read this file
plain_build='make CFLAGS="%{build_cflags}" LDFLAGS="%{build_ldflags}"'

# Builds the RPMs that a distribution would ship. Usage: ship OUT [RPMBUILD_OPTION...]
ship() {
    local out=$1
    shift
    rpmbuild ${macros[@]:+--load "${macros[0]}"} --define "_topdir $out/top" --nodeps "$@" \
        --rebuild "$out"/*.src.rpm > "$out/ship.log" 2>&1 || {
        tail -n 20 "$out/ship.log"
        return 1
    }
}

# The debuginfo package that ship made. Usage: debuginfo_of OUT
debuginfo_of() {
    find "$1/top/RPMS" -name 'tiny-debuginfo-*.rpm'
}

# Makes a diff of what COMMAND changes in a copy of SOURCES. Usage: make_patch SOURCES OUT COMMAND...
# COMMAND runs in the copy.
make_patch() {
    local sources=$1 out=$2
    shift 2
    rm -rf "$work/a" "$work/b"
    cp -a "$sources" "$work/a"
    cp -a "$sources" "$work/b"
    (cd "$work/b" && "$@")
    (cd "$work" && diff -urN a b) > "$out"
    [ -s "$out" ]
}

# `syscare build` with a build root and an output directory of its own.
# Usage: build_patch OUT SHIPPED PATCH [OPTION...]
build_patch() {
    local out=$1 shipped=$2 patch=$3
    shift 3
    rm -rf "$out"
    mkdir -p "$out/root" "$out/rpms"
    "$top_builddir/rpmtools/syscare-build" -n T1 -s "$(echo "$shipped"/*.src.rpm)" \
        -d "$(debuginfo_of "$shipped")" -p "$patch" \
        ${macros[@]:+--rpm-macros "${macros[0]}"} --nodeps -j 2 \
        --build-root "$out/root" -o "$out/rpms" "$@" > "$out/stdout" 2> "$out/stderr"
    local status=$?
    cat "$out/stdout" "$out/stderr"
    return $status
}

# True if the output says this (extended regular expression). Usage: says OUT PATTERN
says() {
    cat "$1/stdout" "$1/stderr" | grep -E -- "$2"
}

# The patch RPM of a build. Usage: patch_rpm OUT
patch_rpm() {
    find "$1/rpms" -name 'patch-*.rpm'
}

# The target ELF files of a patch, sorted. Usage: patch_targets OUT
patch_targets() {
    rm -rf "$1/unpacked"
    mkdir -p "$1/unpacked"
    (cd "$1/unpacked" && rpm2cpio "$(patch_rpm "$1")" | cpio -idm --quiet)
    cat "$1"/unpacked/usr/lib/syscare/patches/*/patch_info | tr ',{' '\n\n' |
        sed -n 's/.*"target_elf" *: *"\([^"]*\)".*/\1/p' | sort | tr '\n' ' '
}

#!/bin/bash
# Captures made at the official build: the packages are the same with and without, and patches are built from
# the capture without building the original again.
# SPDX-License-Identifier: GPL-2.0-or-later
set -u
# shellcheck source=tests/build-subr.sh
. "${top_srcdir:?}/tests/build-subr.sh"
command -v zstd > /dev/null || tap_skip_all "needs zstd"

sources=$work/tiny
mkdir -p "$work/srpm" "$work/late-srpm"
write_sources "$sources"
cat > "$sources/lib/asm.S" << 'END'
.globl tiny_asm
.type tiny_asm,@function
tiny_asm: ret
.size tiny_asm,.-tiny_asm
.section .note.GNU-stack,"",@progbits
END

# Static archives and objects are shipped, too. Usage: write_devel_makefile
write_devel_makefile() {
    write_makefile | sed -e 's/^all: /all: libtiny.a part.o /' -e '/^install:/,$d'
    cat << 'END'
lib/asm.o: lib/asm.S
	gcc $(CFLAGS) -c -o $@ $<
libtiny.a: lib/tiny.o help/help.o lib/asm.o prog/other.o
	rm -f $@
	ar rcs $@ $^
part.o: lib/tiny.o lib/asm.o
	ld -r -o $@ $^
install: all
	install -d $(DESTDIR)/usr/bin $(DESTDIR)/usr/lib64 $(DESTDIR)/usr/include
	install -m644 lib/tiny.h $(DESTDIR)/usr/include/tiny.h
	install -m755 tiny $(DESTDIR)/usr/bin/tiny
	install -m755 libtiny.so.1 $(DESTDIR)/usr/lib64/libtiny.so.1
	install -m644 libtiny.a part.o lib/asm.o $(DESTDIR)/usr/lib64/
	cp prog/other.o $(DESTDIR)/usr/lib64/other-crt.o
END
}
write_devel_makefile > "$sources/Makefile"
printf '#!/bin/sh\nexit 0\n' > "$sources/unused.sh"

# make_srpm with the development files in %files. Usage: make_devel_srpm OUT BUILD_SECTION
make_devel_srpm() {
    make_srpm "$sources" 1.0 "$1" "$2" || return
    sed -i 's|^/usr/lib64/libtiny.so.1|&\n/usr/include/tiny.h\n/usr/lib64/*.a\n/usr/lib64/*.o|' "$1/tiny.spec"
    srpm_again "$1"
}

# Packs a changed spec once more. Usage: srpm_again DIR
srpm_again() {
    rpmbuild -bs --define "_topdir $1/rpmbuild" --define "_srcrpmdir $1" --nodeps "$1/tiny.spec"
}
make_devel_srpm "$work/srpm" "$plain_build" > /dev/null || tap_bail "no source package"

# Everything that differs between two equal builds is fixed: times and the host's name.
same_times=(--define 'clamp_mtime_to_source_date_epoch 1' --define 'use_source_date_epoch_as_buildtime 1'
    --define '_buildhost same')
with_capture=(--load "$top_builddir/packaging/macros.syscare"
    --define "_syscare_libexecdir $top_builddir/rpmtools" --define '_syscare 1')

# Builds in $work/top, always the same place, and moves the packages to OUT. Usage: official OUT SRPM [OPTION...]
official() {
    local out=$1 srpm=$2
    shift 2
    rm -rf "$work/top" "$out"
    mkdir -p "$out"
    rpmbuild ${macros[@]:+--load "${macros[0]}"} --define "_topdir $work/top" --nodeps "${same_times[@]}" "$@" \
        --rebuild "$srpm" > "$out/log" 2>&1 || {
        tail -n 20 "$out/log"
        return 1
    }
    mv "$work/top/RPMS/$(uname -m)" "$out/rpms"
}
tap_that "a package is built as ever" official "$work/plain" "$work"/srpm/*.src.rpm
tap_that "a package is built with _syscare 1" official "$work/cap" "$work"/srpm/*.src.rpm "${with_capture[@]}"

capture=$work/cap/rpms/tiny-1.0-1.$(uname -m).syscare-capture.tar.zst
tap_that "the capture lies beside the packages" test -s "$capture"
tap_prints "nothing else of the capture is left" "$capture" find "$work/cap/rpms" "$work/top" -name '*syscare*'

packages_are_the_same() {
    local rpm name count=0
    for rpm in "$work"/plain/rpms/*.rpm; do
        name=$(basename "$rpm")
        [ "$(rpm -qp --qf '%{PAYLOADDIGEST} [%{FILENAMES} %{FILEDIGESTS} %{FILEMODES} %{FILEMTIMES}\n]' "$rpm")" = \
            "$(rpm -qp --qf '%{PAYLOADDIGEST} [%{FILENAMES} %{FILEDIGESTS} %{FILEMODES} %{FILEMTIMES}\n]' "$work/cap/rpms/$name")" ] || {
            echo "$name differs"
            return 1
        }
        [ "$(rpm2cpio "$rpm" | sha256sum)" = "$(rpm2cpio "$work/cap/rpms/$name" | sha256sum)" ] || return
        count=$((count + 1))
    done
    [ "$count" -ge 2 ]
}
tap_that "payloads and digests of all packages are the same with and without" packages_are_the_same

# Usage: build_ids DIR
build_ids() {
    rm -rf "$work/unpacked"
    mkdir "$work/unpacked"
    (cd "$work/unpacked" && for rpm in "$1"/rpms/*.rpm; do rpm2cpio "$rpm" | cpio -idmu --quiet; done)
    find "$work/unpacked" -type f -exec sh -c 'readelf -n "$1" 2> /dev/null | sed -n "s|.*Build ID: |$1 |p"' - {} \; | sort
}
plain_ids=$(build_ids "$work/plain")
tap_that "there are build-ids to compare" grep -q '/usr/bin/tiny ' <<< "$plain_ids"
tap_prints "build-ids are the same with and without" "$plain_ids" build_ids "$work/cap"
no_record_is_shipped() {
    ! grep -rl -e '\.syscare' -e SysCare "$work/unpacked"
}
tap_that "no shipped file has a trace of the capture" no_record_is_shipped
tap_that "the records were there to be taken out" grep -q 'taken out of 4 files' "$work/cap/log"

# --- patches from it ----------------------------------------------------------------------------

code_change() {
    sed -i 's/return 1000/return 100/; s/^int other_limit(int value)$/\n&/' prog/other.c
    echo more >> README.md
    echo 'echo' >> unused.sh
}
make_patch "$sources" "$work/code.patch" code_change

# `syscare build --capture`. Usage: from_capture OUT CAPTURE PATCH [OPTION...]
from_capture() {
    local out=$1 file=$2 patch=$3
    shift 3
    rm -rf "$out"
    mkdir -p "$out/root" "$out/rpms"
    "$top_builddir/rpmtools/syscare-build" -n T1 -s "$(echo "$work"/srpm/*.src.rpm)" --capture "$file" \
        -p "$patch" --nodeps -j 2 --build-root "$out/root" -o "$out/rpms" "$@" \
        > "$out/stdout" 2> "$out/stderr"
    local status=$?
    cat "$out/stdout" "$out/stderr"
    return "$status"
}
gives_the_patch() {
    ! says "$1" 'is installed as' || return
    [ "$(patch_targets "$1")" = "/usr/bin/tiny " ] && says "$1" 'changed +other_limit'
}
capture_gives_a_patch() {
    from_capture "$work/one" "$capture" "$work/code.patch" && gives_the_patch "$work/one"
}
tap_that "a patch is built from the capture, macros and all" capture_gives_a_patch
tap_that "the original is not built again" sh -c "! grep -E 'building the original|from the start' '$work/one/stderr'"
tap_that "nothing is left in the build root" test -z "$(find "$work/one/root" -mindepth 1)"
tap_that "the patch says that it rests on the official build" \
    grep -q '"faithfulness": *"self"' "$work"/one/unpacked/usr/lib/syscare/patches/*/patch_info

compared_with_debuginfo() {
    from_capture "$work/two" "$capture" "$work/code.patch" -d "$(echo "$work"/plain/rpms/tiny-debuginfo-*.rpm)" || return
    says "$work/two" "proven equal to the shipped file by build-id" && gives_the_patch "$work/two"
}
tap_that "with -d the build-ids are compared" compared_with_debuginfo

elsewhere() {
    rm -rf "$work/top"
    from_capture "$work/three" "$capture" "$work/code.patch" || return
    gives_the_patch "$work/three" && [ ! -e "$work/top" ]
}
tap_that "the build directory needs not be there any more, and is not made" elsewhere

header_patch_in_full() {
    make_patch "$sources" "$work/mk.patch" sh -c 'sed -i "s/TINY_SCALE 3/TINY_SCALE 4/" lib/tiny.h; echo "# more" >> Makefile'
    from_capture "$work/full" "$capture" "$work/mk.patch" || return
    says "$work/full" "from the start: Makefile belongs to the build system" || return
    says "$work/full" "warning: lib/tiny.h is installed as /usr/include/tiny.h" || return
    [ "$(patch_targets "$work/full")" = "/usr/bin/tiny /usr/lib64/libtiny.so.1 " ]
}
tap_that "a change of the build system is built from the start" header_patch_in_full

cumulative_from_capture() {
    mkdir -p "$work/next/root" "$work/next/rpms"
    make_patch "$sources" "$work/other.patch" sed -i 's/value < 0/value <= 0/' help/help.c
    "$top_builddir/rpmtools/syscare-build" -n T1 -s "$(echo "$work"/one/rpms/*.src.rpm)" --capture "$capture" \
        -p "$work/other.patch" --nodeps --build-root "$work/next/root" -o "$work/next/rpms" || return
    [ -f "$work/next/rpms/patch-tiny-1.0-1-T1-1-2.$(uname -m).rpm" ] || return
    [ "$(patch_targets "$work/next")" = "/usr/bin/tiny /usr/lib64/libtiny.so.1 " ]
}
tap_that "a cumulative patch is built from the same capture" cumulative_from_capture

# --- a capture that syscare build keeps -----------------------------------------------------------

kept() {
    mkdir -p "$work/kept/root" "$work/kept/rpms"
    "$top_builddir/rpmtools/syscare-build" -n T1 -s "$(echo "$work"/srpm/*.src.rpm)" \
        -d "$(echo "$work"/plain/rpms/tiny-debuginfo-*.rpm)" -p "$work/code.patch" --nodeps \
        ${macros[@]:+--rpm-macros "${macros[0]}"} --build-root "$work/kept/root" -o "$work/kept/rpms" \
        --save-capture "$work/kept/capture" || return
    from_capture "$work/four" "$work/kept/capture" "$work/code.patch" \
        -d "$(echo "$work"/plain/rpms/tiny-debuginfo-*.rpm)" || return
    gives_the_patch "$work/four" || return
    [ "$(rpm2cpio "$(patch_rpm "$work/kept")" | sha256sum)" = "$(rpm2cpio "$(patch_rpm "$work/four")" | sha256sum)" ]
}
tap_that "--save-capture keeps the build of the original, and the patch from it is the same" kept

# --- %install that builds everything again ------------------------------------------------------

late() {
    make_devel_srpm "$work/late-srpm" "$plain_build" || return
    sed -i 's|make install|rm -f */*.o tiny libtiny.so.1 *.a\nmake install CFLAGS="%{build_cflags} -DLATE" LDFLAGS="%{build_ldflags}"|' "$work/late-srpm/tiny.spec"
    srpm_again "$work/late-srpm" || return
    official "$work/late" "$work"/late-srpm/*.src.rpm "${with_capture[@]}" || return
    rm -rf "$work/five"
    mkdir -p "$work/five/root" "$work/five/rpms"
    "$top_builddir/rpmtools/syscare-build" -n T1 -s "$(echo "$work"/late-srpm/*.src.rpm)" \
        --capture "$(echo "$work"/late/rpms/*.tar.zst)" -p "$work/code.patch" --nodeps \
        --build-root "$work/five/root" -o "$work/five/rpms" --explain > "$work/five/stdout" 2> "$work/five/stderr" || {
        cat "$work/five/stderr"
        return 1
    }
    gives_the_patch "$work/five"
}
tap_that "what only %install links is patched too" late

# --- what must not be taken ---------------------------------------------------------------------

other_source() {
    cp -a "$sources" "$work/tiny-other"
    echo '/* another */' >> "$work/tiny-other/lib/tiny.c"
    mkdir -p "$work/other-srpm"
    make_srpm "$work/tiny-other" 1.0 "$work/other-srpm" "$plain_build" || return
    "$top_builddir/rpmtools/syscare-build" -n T1 -s "$work"/other-srpm/*.src.rpm --capture "$capture" \
        -p "$work/code.patch" --nodeps --build-root "$work" -o "$work/six"
}
tap_refuses "a source package of the same name that is another" 1 'made from another source package' other_source

damaged() {
    zstd -dc "$capture" | head -c 300000 | zstd -q > "$work/cut.tar.zst"
    from_capture "$work/seven" "$work/cut.tar.zst" "$work/code.patch"
}
tap_refuses "a capture that is cut short" 1 'cannot unpack' damaged
no_capture() {
    from_capture "$work/eight" "$work/code.patch" "$work/code.patch"
}
tap_refuses "a file that is no capture" 1 'is not a capture' no_capture

# An archive with one entry more, put together by tar. Usage: with_entry NAME
with_entry() {
    rm -rf "$work/evil"
    mkdir -p "$work/evil"
    tar -C "$work/evil" --zstd -xf "$capture"
    (cd "$work/evil" && echo evil > "$work/evil-file" &&
        tar --zstd -cf "$work/evil.tar.zst" -P --transform "s,^$work/evil-file,$1," capture.json "$work/evil-file" \
            tree installed root capture result.json)
    from_capture "$work/nine" "$work/evil.tar.zst" "$work/code.patch"
}
tap_refuses "a capture with a file that leads out" 1 "it has a file called" with_entry "tree/../../evil"
tap_that "nothing came out" test ! -e "$work/nine/root/evil"

other_compiler() {
    rm -rf "$work/evil"
    mkdir -p "$work/evil"
    tar -C "$work/evil" --zstd -xf "$capture"
    sed -i 's/"sha256":"[0-9a-f]*"}\],"build_links"/"sha256":"00"}],"build_links"/' "$work/evil/capture.json"
    sed -i 's/\("compilers":\[.*"sha256":"\)[0-9a-f]*\("}.*"build_links"\)/\100\2/' "$work/evil/capture.json"
    (cd "$work/evil" && tar --zstd -cf "$work/evil.tar.zst" capture.json tree installed root capture result.json)
    from_capture "$work/ten" "$work/evil.tar.zst" "$work/code.patch"
}
tap_refuses "a capture of another compiler" 1 'another build of it' other_compiler

inside() {
    mkdir -p "$work/top/BUILD/mine"
    cp "$work/code.patch" "$work/top/BUILD/mine/fix.patch"
    from_capture "$work/eleven" "$capture" "$work/top/BUILD/mine/fix.patch"
}
tap_refuses "a patch inside the captured build directory" 1 'put it elsewhere' inside

short_circuit() {
    rpmbuild ${macros[@]:+--load "${macros[0]}"} "${with_capture[@]}" --define "_topdir $work/short" --nodeps -bp \
        --define "_sourcedir $work/srpm/rpmbuild/SOURCES" "$work/srpm/tiny.spec" || return
    rm -rf "$work"/short/RPMS
    rpmbuild ${macros[@]:+--load "${macros[0]}"} "${with_capture[@]}" --define "_topdir $work/short" --nodeps -bc \
        --define "_sourcedir $work/srpm/rpmbuild/SOURCES" --short-circuit "$work/srpm/tiny.spec"
}
tap_refuses "a build without %prep goes on, and says that it is not captured" 0 'no capture is made without %prep' short_circuit

# --- without root -------------------------------------------------------------------------------

ordinary_user() {
    from_capture "$work/nobody" "$capture" "$work/code.patch" && gives_the_patch "$work/nobody"
}
if [ "$(id -u)" -eq 0 ] && command -v setpriv > /dev/null &&
    setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$top_builddir/rpmtools/syscare-build"; then
    rm -rf "$work/top"
    chmod 1777 "$work"
    tap_that "an ordinary user builds from the capture" setpriv --reuid 65534 --regid 65534 --clear-groups bash -c "
        set -u
        top_builddir='$top_builddir' work='$work' capture='$capture'
        $(declare -f from_capture gives_the_patch patch_rpm patch_targets says ordinary_user)
        ordinary_user"
else
    tap_that "an ordinary user builds from the capture # SKIP needs root to become nobody" true
fi
tap_done

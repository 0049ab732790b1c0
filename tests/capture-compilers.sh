#!/bin/bash
# A capture never breaks a build: other compilers, plugins that do not fit, a capture that cannot be written.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source=tests/capture-subr.sh
. "${top_srcdir:?}/tests/capture-subr.sh"
capture_begin || tap_bail "cannot lay out a capture"
sources_make "$world/src"
cd "$world/src" || exit
plugins=$builddir/gcc

# Every GCC here compiles; it records if there is a plugin for it, and is logged if not.
for other in $(compgen -c | grep -xE 'gcc-[0-9]+' | sort -u); do
    works() {
        rm -f twice.o
        captured "$other" -O2 -c twice.c && captured "$other" -Iinclude main.c twice.c seven.S -o prog
    }
    tap_that "$other compiles and links in a capture" works
    if [ -e "$plugins/$("$other" -dumpmachine)/$("$other" -dumpversion)/syscare_record.so" ]; then
        by_own_plugin() {
            strings -a twice.o | grep -qF "\"gcc_version\":\"$("$other" -dumpfullversion)\""
        }
        tap_that "$other records by the plugin that is its own" by_own_plugin
    else
        is_logged() {
            ! has_note twice.o && grep -q '"tool":"cc1"' "$capture/uncaptured.jsonl"
        }
        tap_that "$other is logged as not captured" is_logged
    fi
done

# A plugin that fits no compiler: damaged, or of another version in the place of the right one
mkdir -p "$world/bad/$target/$version"
echo 'not a shared object' > "$world/bad/$target/$version/syscare_record.so"
SYSCARE_PLUGIN_DIR=$world/bad capture_begin
tap_that 'a damaged plugin is found out before the build' grep -q 'no plugin' "$world/begin.log"
tap_that 'gcc compiles without a plugin that works' captured gcc -O2 -Iinclude main.c twice.c seven.S -o prog
tap_that 'what is not captured is logged with a reason' grep -q 'no plugin' "$capture/uncaptured.jsonl"
foreign=$(find "$plugins" -name syscare_record.so ! -path "*/$target/$version/*" | head -n 1)
if [ -n "$foreign" ]; then
    cp "$foreign" "$world/bad/$target/$version/syscare_record.so"
    SYSCARE_PLUGIN_DIR=$world/bad capture_begin
    tap_that 'a plugin of another GCC is found out before the build' grep -q 'no plugin' "$world/begin.log"
    tap_that 'gcc compiles although the plugin is of another GCC' captured gcc -c twice.c
fi

# The capture itself is gone or damaged
capture_begin
mv "$capture/tu" "$capture/maps" "$world"
echo > "$capture/maps"
tap_that 'a build works although its records cannot be written' \
    captured gcc -O2 -Iinclude main.c twice.c seven.S -o prog
mv "$world/tu" "$capture"
capture_begin
outside() {
    env -u SYSCARE_CAPTURE_DIR COMPILER_PATH="$capture/shims" gcc -Iinclude main.c twice.c seven.S -o prog &&
        ! ls "$capture"/*.jsonl
}
tap_that 'the shims record nothing without SYSCARE_CAPTURE_DIR' outside

# Statuses and signals of the real tool are its caller's to see
shim=$capture/shims/$target/$version
ln -sf /bin/false "$capture/tools/$target/$version/ld"
tap_refuses 'the status of the linker is passed on' 1 '' captured "$shim/ld" x.o
printf '#!/bin/sh\nkill -SEGV $$\n' > "$world/killed"
chmod +x "$world/killed"
ln -sf "$world/killed" "$capture/tools/$target/$version/ld"
killed() {
    captured "$shim/ld" x.o
    [ $? -eq 139 ]
}
tap_that 'a signal that ends the linker is passed on' killed
printf '#!/bin/sh\ntrap "exit 9" TERM\necho ready > %q\nwhile :; do sleep 0.1; done\n' "$world/ready" > "$world/killed"
terminated() {
    local pid
    # shellcheck disable=SC2046 # one assignment a word
    env $(cat "$world/env") "$shim/ld" x.o &
    pid=$!
    for _ in $(seq 50); do
        [ -s "$world/ready" ] && break
        sleep 0.1
    done
    kill "$pid"
    wait "$pid"
    [ $? -eq 9 ]
}
tap_that 'SIGTERM reaches the linker' terminated

tap_that '--help explains itself' sh -c "$builddir/wrappers/syscare-capture --help | grep -q 'begin DIR'"
tap_refuses 'a wrong command is a usage error' 2 'Usage' "$builddir/wrappers/syscare-capture" end x
tap_refuses 'a directory with a colon is refused' 2 "':'" "$builddir/wrappers/syscare-capture" begin "$world/a:b"
tap_refuses 'the shim by itself says what it is for' 2 'syscare-capture' "$builddir/wrappers/syscare-shim"
tap_done

# shellcheck shell=bash
# Patches by the differ for processes of a daemon's world: a program of one file, with an edit.
# SPDX-License-Identifier: GPL-2.0-or-later
# Needs write_source (prints the file), $pair_source (its name), $pair_compile (compiler and flags) and, for the link,
# $pair_link.
# shellcheck disable=SC2154
# shellcheck source=tests/world-subr.sh
. "${top_srcdir:?}/tests/world-subr.sh"
trap 'world_end; rm -rf --one-file-system "$world"' EXIT

# One side, as linked and as compiled again. Usage: build_side DIR SED-SCRIPT
build_side() {
    local dir=$world/$1
    mkdir -p "$dir"
    write_source | sed "$2" > "$dir/$pair_source"
    # shellcheck disable=SC2086
    (cd "$dir" && $pair_compile -c "$pair_source" -o main.o &&
        $pair_compile -ffunction-sections -fdata-sections -c "$pair_source" -o main.replay &&
        $pair_compile ${pair_link:-} "$build_id" -Wl,-Map=out.map -o out ./main.o)
}

# What a record of the target says. Usage: target_record FIELD
target_record() {
    sed -n "s/.*\"$1\": *\"\\([^\"]*\\)\".*/\\1/p" "$world/probe/patch_info" | head -n 1
}

# A patch by the differ, for the functions that SED-SCRIPT changes. Usage: make_pair_patch NAME BYTE SED-SCRIPT
make_pair_patch() {
    local name=$1 byte=$2 dir entity
    dir=$patches/$(uuid_of "$byte") entity=$(uuid_of "$(printf '%02x' $((0x$byte + 1)))")
    build_side "$name" "$3" || return
    mkdir -p "$dir"
    cat > "$world/$name/job.json" << EOF
{"version":1,"arch":"x86_64","target_elf":"/usr/bin/sctarget","uuid":"$entity",
 "build_id":"$(target_record build_id)","target_digest":"$(target_record target_digest)",
 "reference":{"elf":"$world/o/out","map":"$world/o/out.map"},
 "patched":{"elf":"$world/$name/out","map":"$world/$name/out.map"},
 "objects":[{"name":"main.o","source":"$pair_source","tu":"main","inputs":["./main.o"],
 "reference":"$world/o/main.replay","patched":"$world/$name/main.replay"}],
 "ld":"${LD:-ld}","output":"$dir/sctarget","report":"$world/$name/report.json"}
EOF
    "$builddir/syscare-diff" "$world/$name/job.json" || return
    "$builddir/tests/daemon-patch-info" "$dir" "$(uuid_of "$byte")" "$name" 1.0 \
        "$entity" sctarget /usr/bin/sctarget "$root/usr/bin/sctarget"
}

make_target() {
    build_id=$(fresh_build_id)
    build_side o '' || return
    cp "$world/o/out" "$root/usr/bin/sctarget"
    mkdir -p "$world/probe"
    echo nothing > "$world/probe/sctarget"
    "$builddir/tests/daemon-patch-info" "$world/probe" "$(uuid_of 70)" probe 1.0 \
        "$(uuid_of 71)" sctarget /usr/bin/sctarget "$root/usr/bin/sctarget"
}

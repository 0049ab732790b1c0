#!/bin/bash
# Builds the fuzz targets with clang's fuzzer and sanitizers, and runs each for FUZZ_SECONDS (60).
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Called by `make fuzz` with the sources (FUZZ_SOURCES), flags and libraries. What does harm is left
# in tests/fuzz/work/<name>/crash-*: once it is repaired, keep it in tests/fuzz/found/<name>/.
set -euo pipefail
srcdir=${top_srcdir:?} builddir=${top_builddir:?} work=$builddir/tests/fuzz/work
clang=${FUZZ_CLANG:-clang-14} seconds=${FUZZ_SECONDS:-60}
command -v "$clang" > /dev/null || clang=clang
flags=(-g -O1 -std=gnu11 -D_GNU_SOURCE '-DPKGLIBEXECDIR="/nonexistent"' -fno-omit-frame-pointer
    "-fsanitize=address,undefined,fuzzer-no-link" -fno-sanitize-recover=undefined "-I$srcdir" "-I$builddir")
read -ra more <<< "${FUZZ_CFLAGS:-}"
flags+=("${more[@]}")
read -ra libs <<< "${FUZZ_LIBS:-}"
read -ra sources <<< "${FUZZ_SOURCES:?}"
read -ra names <<< "${FUZZ_TARGETS:?}"

mkdir -p "$work/objects"
rm -f "$work/objects/lib.a"
for source in "${sources[@]}" tests/fuzz/support.c; do
    "$clang" "${flags[@]}" -c "$srcdir/$source" -o "$work/objects/${source//\//_}.o"
done
ar cr "$work/objects/lib.a" "$work"/objects/*.o
failed=0
for name in "${names[@]}"; do
    "$clang" "${flags[@]}" -fsanitize=fuzzer "$srcdir/tests/fuzz/fuzz-$name.c" \
        "$work/objects/lib.a" "${libs[@]}" -o "$work/fuzz-$name"
    mkdir -p "$work/$name"
    inputs=("$work/$name")
    for dir in "$srcdir/tests/fuzz/seeds/$name" "$srcdir/tests/fuzz/found/$name"; do
        [ ! -d "$dir" ] || inputs+=("$dir")
    done
    # Patch objects, and other ELF files, are made by the tests of the injector.
    case $name in
    object) cp "$builddir"/tests/inject-fixtures/*.patch "$work/$name/" 2> /dev/null || : ;;
    elf) cp "$builddir"/tests/inject-fixtures/pie "$work/$name/" 2> /dev/null || : ;;
    esac
    echo "== $name for $seconds s"
    "$work/fuzz-$name" -max_total_time="$seconds" -artifact_prefix="$work/$name/" -print_final_stats=1 \
        -timeout=20 -rss_limit_mb=2048 -max_len="$([ "$name" = object ] || [ "$name" = elf ] && echo 65536 || echo 8192)" \
        "${inputs[@]}" > "$work/$name.log" 2>&1 || {
        failed=1
        grep -E 'ERROR|SUMMARY|runtime error|Test unit written' "$work/$name.log" || tail -n 20 "$work/$name.log"
    }
    grep -E 'stat::number_of_executed_units|stat::new_units_added' "$work/$name.log" || :
done
exit "$failed"

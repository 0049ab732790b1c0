#!/bin/bash
# Builds the fuzz targets with clang's fuzzer and sanitizers, and runs each for FUZZ_SECONDS (60).
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Called by `make fuzz`. The targets are the programs tests/fuzz/replay-NAME of a build of its own,
# in tests/fuzz/work/build. FUZZ_ONLY names some of them; FUZZ_FLAGS are more options of libFuzzer;
# FUZZ_ARCHIVES are libdwarf.a and libelf.a with sanitizers, to be linked instead of the shared ones.
# Inputs that were found to be of use are kept in tests/fuzz/work/NAME. What does harm is left in
# tests/fuzz/work/NAME.found: once it is repaired, keep it in tests/fuzz/found/NAME/.
set -euo pipefail
srcdir=${top_srcdir:?} builddir=${top_builddir:?} work=$builddir/tests/fuzz/work
clang=${FUZZ_CLANG:-clang-14} seconds=${FUZZ_SECONDS:-60}
command -v "$clang" > /dev/null || clang=clang
flags='-g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION'
read -ra names <<< "${FUZZ_ONLY:-${FUZZ_TARGETS:?}}"
read -ra built <<< "${FUZZ_BUILT_SOURCES:-}"
read -ra more <<< "${FUZZ_FLAGS:-}"
: "${ASAN_OPTIONS:=detect_leaks=0:allocator_may_return_null=0}"
export ASAN_OPTIONS FUZZ_WORK=$work FUZZ_SCRATCH
# A target that ends badly leaves its files behind.
FUZZ_SCRATCH=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)" syscare-fuzz.XXXXXX)
trap 'rm -rf "$FUZZ_SCRATCH"' EXIT

mkdir -p "$work/build"
echo 'int LLVMFuzzerTestOneInput(const void *d, unsigned long s) { (void)d; return s > 1u << 30; }' |
    "$clang" -fsanitize=address,fuzzer -x c -o "$work/probe" - 2> "$work/probe.log" || {
    echo "$clang with its libFuzzer is needed (libclang-rt-14-dev, compiler-rt): $work/probe.log" >&2
    exit 1
}
if [ ! -f "$work/build/config.status" ]; then
    (cd "$work/build" && "$srcdir/configure" --quiet CC="$clang" CXX="${clang/clang/clang++}" \
        CFLAGS="$flags" --with-gcc=gcc)
fi
make -s -C "$work/build" "${built[@]}"
libraries=()
[ -z "${FUZZ_ARCHIVES:-}" ] ||
    libraries=(ELF_LIBS="$FUZZ_ARCHIVES -lelf -lz" DWARF_LIBS="$FUZZ_ARCHIVES -ldwarf -lelf -lz")
# make does not know with which libraries they were linked
[ "$(cat "$work/archives" 2> /dev/null)" = "${FUZZ_ARCHIVES:-}" ] || rm -f "$work"/build/tests/fuzz/replay-*
echo "${FUZZ_ARCHIVES:-}" > "$work/archives"
# libFuzzer brings its own main
make -s -C "$work/build" -j "$(nproc)" LDFLAGS=-fsanitize=address,undefined,fuzzer "${libraries[@]}" \
    "${names[@]/#/tests/fuzz/replay-}"
rm -rf "$work/seeds"
bash "$srcdir/tests/fuzz/seeds.sh" "$work/seeds"

# How large the inputs of a target may be.
size_of() {
    case $1 in
    differ | process) echo 262144 ;;
    object | elf | image | reloc | dwarf | archive | ar | unnote | note) echo 65536 ;;
    map | linkmap) echo 32768 ;;
    *) echo 8192 ;;
    esac
}

# Usage: fuzz NAME; its seeds are the first of its inputs
fuzz() {
    local name=$1 inputs=("$work/$1") options=() dir
    mkdir -p "$work/$name" "$work/$name.found"
    for dir in "$work/seeds/$name" "$srcdir/tests/fuzz/seeds/$name" "$srcdir/tests/fuzz/found/$name"; do
        [ ! -d "$dir" ] || inputs+=("$dir")
    done
    [ ! -f "$srcdir/tests/fuzz/dictionaries/$name" ] || options+=(-dict="$srcdir/tests/fuzz/dictionaries/$name")
    "$work/build/tests/fuzz/replay-$name" -max_total_time="$seconds" -artifact_prefix="$work/$name.found/" \
        -print_final_stats=1 -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=1024 \
        -max_len="$(size_of "$name")" "${options[@]}" "${more[@]}" "${inputs[@]}" > "$work/$name.log" 2>&1
}

failed=0
for name in "${names[@]}"; do
    echo "== $name for $seconds s"
    fuzz "$name" || {
        failed=1
        grep -E 'ERROR|SUMMARY|runtime error|Test unit written' "$work/$name.log" || tail -n 20 "$work/$name.log"
    }
    grep -E 'cov: ' "$work/$name.log" | tail -n 1 || :
    grep -E 'stat::(number_of_executed_units|new_units_added)' "$work/$name.log" || :
done
exit "$failed"

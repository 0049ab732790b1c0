# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Cases as in differ-subr.sh, linked with link-time optimisation: captured, and replayed to one object. Sourced after
# differ-subr.sh, whose differ it replaces.

# the jobserver of a make around us is not ours
unset COMPILER_PATH SYSCARE_CAPTURE_DIR SYSCARE_REPLAY MAKEFLAGS MFLAGS

# units DIRECTORY: the sources below it without .c
units()
{
    (cd "$1" && find . -name '*.c' | sed 's,^\./,,; s/\.c$//' | sort)
}

# build_lto_side DIRECTORY: captured compiles and link, and the one object of all partitions
build_lto_side()
{
    rm -rf "capture-$1" "$1/lto.o"
    "$top_builddir/wrappers/syscare-capture" begin "$work/capture-$1" > environment 2> begin.log || return
    cp harness.o "$1/harness.o"
    (
        cd "$1" || exit
        for u in $(units .); do
            # shellcheck disable=SC2046,SC2086
            env $(cat ../environment) $CC -g $cflags -c "$u.c" -o "${u//\//-}.o" || exit
            # shellcheck disable=SC2086
            $CC -g $cflags -fno-lto -ffunction-sections -fdata-sections -c "$u.c" -o "${u//\//-}.replay" || exit
        done
        # shellcheck disable=SC2046,SC2086
        env $(cat ../environment) $CC -g $cflags $ldflags -Wl,-Map=out.map -o out ./*.o || exit
    ) || return
    id=$(sed -n 's/.*"version":1,"id":"\([^"]*\)".*/\1/p' "capture-$1/links.jsonl" | tail -n 1)
    "$top_builddir/wrappers/syscare-replay" "$work/capture-$1" --link "$id" "$work/$1/lto.o"
}

# The names that both maps give to what LTO made.
lto_inputs()
{
    cat o/out.map p/out.map | tr ' ' '\n' | grep -E '\.ltrans\.o$|\.lto\.o$' | sort -u |
        sed 's/.*/"&"/' | tr '\n' ',' | sed 's/,$//'
}

# Replaces the function of differ-subr.sh.
differ()
{
    rm -f out.patch report.json
    if ! build_lto_side o > log 2>&1 || ! build_lto_side p >> log 2>&1; then
        status=build
        return
    fi
    types=
    for u in $(units o); do
        types="$types${types:+,}{\"name\":\"$u.c\",\"reference\":\"$work/o/${u//\//-}.replay\",\"patched\":\"$work/p/${u//\//-}.replay\"}"
    done
    object="{\"name\":\"case (LTO)\",\"source\":\"case\",\"tu\":\"link\",\"lto\":true,\"inputs\":[$(lto_inputs)]"
    write_job_file "$object,\"reference\":\"$work/o/lto.o\",\"patched\":\"$work/p/lto.o\"}" "
 \"types\":[$types],
 "
    status=0
    "$diff" job.json > log 2>&1 || status=$?
}

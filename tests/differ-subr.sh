# SPDX-License-Identifier: GPL-2.0-or-later
# Builds small original and patched programs and runs syscare-diff on them; sourced by differ-*.sh.
# A case is two directories o/ and p/ of C files. Each is compiled as a package would compile it and
# linked with a map, and compiled once more with a section for each function and object.

. "$top_srcdir/tests/tap-subr.sh"
diff=$top_builddir/syscare-diff
: "${CC:=gcc}"
: "${suffix:=c}" # of the sources
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 99

# compile_side DIRECTORY CFLAGS: with -g, as every package is (types are compared by DWARF)
compile_side()
{
    (cd "$1" && for c in *."$suffix"; do
        u=${c%."$suffix"}
        # shellcheck disable=SC2086
        $CC -g $2 -c "$c" -o "$u.o" &&
            $CC -g $2 -ffunction-sections -fdata-sections -c "$c" -o "$u.replay" || exit 1
    done)
}

# link_program DIRECTORY LDFLAGS: the harness is part of the target
link_program()
{
    cp harness.o "$1/harness.o"
    # shellcheck disable=SC2086
    (cd "$1" && $CC $2 -Wl,-Map=out.map -o out ./*.o ${libs:-})
}

# link_library DIRECTORY LDFLAGS: the harness is a program that uses the library
link_library()
{
    rm -f "$1/harness.o"
    # shellcheck disable=SC2086
    (cd "$1" && $CC -shared $2 -Wl,-Map=out.map -o libout.so ./*.o ${libs:-} && cp libout.so out &&
        $CC -o program ../harness.o -L. -lout -Wl,-rpath,"\$ORIGIN")
}

# write_job_file OBJECTS [MORE]: job.json with this list of objects, and more members before it
write_job_file()
{
    cat > job.json <<END
{"version":1,"arch":"x86_64","target_elf":"/usr/bin/case","uuid":"01234567-89ab-cdef-0123-456789abcdef",
 "build_id":"00112233445566778899aabbccddeeff00112233",
 "target_digest":"0000000000000000000000000000000000000000000000000000000000000000",
 "reference":{"elf":"$work/o/out","map":"$work/o/out.map"},"patched":{"elf":"$work/p/out","map":"$work/p/out.map"},
 ${2:-}"objects":[$1],"ld":"${LD:-ld}","output":"$work/out.patch","report":"$work/report.json"}
END
}

# write_job UNIT...: job.json for the units that both sides have, or that one lacks
write_job()
{
    list=
    for u in "$@"; do
        r=null p=null
        [ -e "o/$u.replay" ] && r="\"$work/o/$u.replay\""
        [ -e "p/$u.replay" ] && p="\"$work/p/$u.replay\""
        list="$list${list:+,}{\"name\":\"$u.o\",\"source\":\"$u.$suffix\",\"tu\":\"$u\",\"inputs\":[\"./$u.o\"],\"reference\":$r,\"patched\":$p}"
    done
    write_job_file "$list"
}

# differ: compiles, links and compares what is in o/ and p/. Flags in $cflags, $ldflags; $library
# is set for a shared library, $libs comes after the objects, $units names those that were compiled
# again (all). The exit status of syscare-diff is left
# in $status.
differ()
{
    rm -f out.patch report.json
    if ! compile_side o "$cflags" || ! compile_side p "$cflags" ||
        ! link_"${library:-program}" o "$ldflags" || ! link_"${library:-program}" p "$ldflags"; then
        status=build
        return
    fi
    # shellcheck disable=SC2046,SC2086
    write_job ${units:-$(for f in o/*."$suffix" p/*."$suffix"; do basename "$f" ."$suffix"; done | sort -u)}
    status=0
    "$diff" job.json > log 2>&1 || status=$?
}

# new_case: empties the directories
new_case()
{
    rm -rf o p
    mkdir o p
}

# changed: the sorted names of the functions that the report calls changed, on one line
changed()
{
    functions changed
}

# functions CHANGE
functions()
{
    awk -v want="$1" -F'"' '$2 == "name" { name = $4 } $2 == "change" && $4 == want { print name }' \
        report.json 2>/dev/null | sort | tr '\n' ' ' | sed 's/ $//'
}

# codes: the refusal codes of the report, on one line
codes()
{
    awk -F'"' '$2 == "code" { print $4 }' report.json 2>/dev/null | sort -u | tr '\n' ' ' | sed 's/ $//'
}

# run_patched: output of the original program that loads the patch in the middle
run_patched()
{
    if [ "$library" ]; then
        ./o/program out.patch libout.so
    else
        ./o/out out.patch
    fi
}

# accepts NAME FUNCTIONS [OUTPUT]: syscare-diff makes a patch with these changed functions; with it
# loaded in the middle, the program prints OUTPUT (the harness calls run() before and after)
accepts()
{
    differ
    if [ "$status" != 0 ] || [ "$(changed)" != "$2" ]; then
        sed 's/^/# /' log
        echo "# status $status, wanted 0; changed '$(changed)', wanted '$2'; refused '$(codes)'"
        tap_result 1 "$1"
        return
    fi
    [ $# -lt 3 ] && { tap_result 0 "$1"; return; }
    out=$(run_patched 2>&1)
    [ "$out" = "$3" ] || printf 'printed: %s\nwanted: %s\n' "$out" "$3" | sed 's/^/# /'
    [ "$out" = "$3" ]
    tap_result $? "$1"
}

# refuses NAME CODE [TEXT]: exit status 3, exactly this code, TEXT in what it says, no patch object
refuses()
{
    differ
    [ "$status" = 3 ] && [ "$(codes)" = "$2" ] && [ ! -e out.patch ] && grep -q "${3:-}" log
    result=$?
    [ $result = 0 ] || { sed 's/^/# /' log; echo "# status $status, codes '$(codes)', wanted '$2'"; }
    tap_result $result "$1"
}

# finds_nothing NAME: exit status 4
finds_nothing()
{
    differ
    [ "$status" = 4 ] && [ ! -e out.patch ]
    result=$?
    [ $result = 0 ] || { sed 's/^/# /' log; echo "# status $status, wanted 4"; }
    tap_result $result "$1"
}

# compile the harness once; it is the same in both versions
# shellcheck disable=SC2086
$CC -O2 -D_GNU_SOURCE $harness_cflags -I"$top_srcdir" -c "$top_srcdir/tests/differ-loader.c" -o harness.o || exit 99

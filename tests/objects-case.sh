#!/bin/bash
# One case of tests/objects with one compiler at some levels: prints `ok` and `not ok` lines without numbers.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091,SC2154
#
# usage: objects-case.sh CASE GCC_SUFFIX LEVEL...     GCC_SUFFIX: -11, -12, or "" for the default
#
# A case is one file for both versions (case.h). Its head says what must hold at every level:
#   changes: NAME...    in the patch, whatever the level       nothing:          there is no difference
#   also: NAME...       may be in it too (clones, inlining)    refused: CODE...
#   prints: TEXT        by the program before and after        has: REGEX        a symbol at -O2, else the case shows nothing
#   levels: LEVEL...    others show nothing                    cflags:, ldflags:, as: library
#   joined: FILE...     these units become one object by ld -r
#   not: COMPILER:LEVEL...  these make other code, which the case is not about
# Lines `/* unit: NAME */` begin further source files. What was extracted goes to $OBJECTS_DUMPS/CASE:gcc-VERSION:LEVEL.
case_file=$(realpath "$1") gcc_suffix=$2
shift 2
suffix=${case_file##*.}
name=$(basename "$case_file" ".$suffix")
CC=gcc$gcc_suffix
. "${top_srcdir:?}/tests/differ-subr.sh"
[ "$suffix" != cc ] || CC=g++$gcc_suffix
version=gcc-$($CC -dumpversion | cut -d. -f1)

# head KEY: what the case says of it
head()
{
    sed -n '/^\/\//!q; s|^// '"$1"': *||p' "$case_file"
}

# says KEY: the head has a line for it
says()
{
    sed '/^\/\//!q' "$case_file" | grep -q "^// $1:"
}

# split DIRECTORY FIRST_LINE: the units of the case as files; lines keep their numbers within a unit
split()
{
    awk -v dir="$1" -v first="$2" -v file="main.$suffix" '
        FNR == 1 { print first > (dir "/" file); next }
        /^\/\* unit: / { file = $3; print first > (dir "/" file); next }
        { print > (dir "/" file) }' "$case_file"
}

# joins units after they are compiled, where the case asks for it
eval "$(declare -f compile_side | sed '1s/compile_side/compile_units/')"
compile_side()
{
    compile_units "$@" || return
    [ "$joined" ] || return 0
    # shellcheck disable=SC2086
    (cd "$1" && ld -r -o joined.o $joined && rm -f $joined)
}
eval "$(declare -f write_job | sed '1s/write_job/write_plain_job/')"
write_job()
{
    write_plain_job "$@"
    for unit in $joined; do
        sed -i "s|\"inputs\":\[\"./$unit\"\]|\"inputs\":[\"./joined.o\"]|" job.json
    done
}

# normal: names without the numbers that compilers count up, one line a thing, sorted and counted
normal()
{
    sed -E 's/sct\.[0-9]+\.//g; s/\.[0-9]+(\.|$| |:)/\1/g; s/\.[0-9]+(\.|$| |:)/\1/g' | LC_ALL=C sort | uniq -c |
        sed -E 's/^ *1 //; s/^ *([0-9]+) (.*)/\2 (\1 times)/'
}

# dump: what was extracted, or why nothing was
dump()
{
    case $status in
    4) echo nothing; return ;;
    3) codes | tr ' ' '\n' | sed 's/^/refused /'; echo; return ;;
    esac
    for change in changed new dropped; do
        functions $change | tr ' ' '\n' | sed "/./s/^/$change /"
        echo
    done | grep . | normal
    "$top_builddir/tests/objects-dump" out.patch | normal
}

# names_fit: all that must change does, and nothing that must not
names_fit()
{
    local got want allowed
    got=$(changed | tr ' ' '\n' | sed -E 's/\.[0-9]+//g' | sort -u)
    want=$(head changes | tr ' ' '\n' | sort -u)
    allowed=$( { echo "$want"; head also | tr ' ' '\n'; } | sort -u)
    [ -z "$(comm -23 <(echo "$want") <(echo "$got"))" ] && [ -z "$(comm -13 <(echo "$allowed") <(echo "$got"))" ]
}

# prints_right: the program, before and after
prints_right()
{
    says prints || return 0
    out=$(run_patched 2>&1 | tr -s ' \n' ' ' | sed 's/ $//')
    [ "$out" = "$(head prints)" ]
}

# verdict: what must hold does
verdict()
{
    if says refused; then
        [ "$status" = 3 ] && [ "$(codes)" = "$(head refused)" ] && [ ! -e out.patch ]
    elif says nothing; then
        [ "$status" = 4 ] && [ ! -e out.patch ]
    else
        [ "$status" = 0 ] && names_fit && prints_right
    fi
}

# shows_it LEVEL: the compiler makes what the case is about
shows_it()
{
    [ "$1" = -O2 ] && says has || return 0
    nm o/*.replay p/*.replay | grep -qE "$(head has)"
}

joined=$(head joined | sed "s/\.$suffix/.o/g") library=$(head as) ldflags=$(head ldflags)
for level in "$@"; do
    ! says levels || [[ " $(head levels) " == *" $level "* ]] || continue
    [[ " $(head not) " != *" $version:$level "* ]] || continue
    cflags="$level -fcf-protection=full -I$top_srcdir/tests/objects $(head cflags)"
    out=''
    new_case
    split o ''
    split p '#define FIXED'
    differ
    if verdict && shows_it "$level"; then
        echo "ok $name $version $level"
    else
        sed 's/^/# /' log
        echo "# status $status, changed '$(changed)', refused '$(codes)', printed '$out'"
        echo "not ok $name $version $level"
    fi
    [ -z "${OBJECTS_DUMPS:-}" ] || dump > "$OBJECTS_DUMPS/$name:$version:$level"
done

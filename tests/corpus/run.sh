#!/bin/bash
# Real packages and real fixes: each is built, patched, observed and taken back, and a table tells how it went.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Called by `make corpus CORPUS=DIR`; the corpus's README.md describes DIR.
#   PACKAGES="zlib redis"  CASES="CVE-2018-25032 …"   only these
# Everything is kept in corpus/ of the build directory: reference/ (the packages as shipped, with their captures: made
# again only when something that they depend on changes), log/, results/ and table.md. Ends with 0 if every
# case that ran is as expected. Runs for different packages may go on side by side.
set -uo pipefail
srcdir=${top_srcdir:?} builddir=${top_builddir:?} out=${top_builddir:?}/corpus
scratch=$out/run.$$ stage=$out/run.$$/stage
corpus=$(cd "${CORPUS:?make corpus CORPUS=DIR}" && pwd) || exit 2
export SYSCARE_RPM_MACROS=$corpus/rpmmacros.fedora
# shellcheck source=scripts/lib.sh
. "$srcdir/scripts/lib.sh"
is_debian || unset SYSCARE_RPM_MACROS
# shellcheck source=tests/corpus/subr.sh
. "$srcdir/tests/corpus/subr.sh"
# shellcheck source=tests/corpus/case.sh
. "$srcdir/tests/corpus/case.sh"
if [ "$(id -u)" -ne 0 ]; then
    echo "corpus: needs root: it attaches to processes" >&2
    exit 2
fi
world_namespace "$0" "$@"

# True if WORD is among the rest, or nothing is. Usage: selected WORD LIST...
selected() {
    local word=$1
    shift
    [ $# -eq 0 ] || [[ " $* " == *" $word "* ]]
}

# Where the code proves the corpus's judgement wrong, ours. Usage: corrected PACKAGE CASE EXPECTED
corrected() {
    awk -F '\t' -v package="$1" -v name="$2" -v expected="$3" \
        '$1 == package && $2 == name { expected = $3 } END { print expected }' "$srcdir/tests/corpus/expected.tsv"
}

# "package case expected" of what was asked for.
cases() {
    local package case expected
    while IFS=$'\t' read -r package case _ expected _; do
        # shellcheck disable=SC2086 # lists of words
        if [ "$package" != package ] && selected "$package" ${PACKAGES:-} && selected "$case" ${CASES:-}; then
            echo "$package $case $(corrected "$package" "$case" "$expected")"
        fi
    done < "$corpus/cases.tsv"
}

package_end() {
    probes_end
    world_end
}

finish() {
    trap - EXIT
    package_end
    rm -rf --one-file-system "$scratch"
}

# All cases of one package. Usage: package_run PACKAGE
package_run() {
    local package case expected
    mkdir -p "$out/log/$1"
    if ! reference_make "$1" > "$out/log/$1/reference" 2>&1; then
        echo "NOT-OK $1: rpmbuild failed (log: $out/log/$1/reference)"
        failures=$((failures + 1))
        return
    fi
    if ! package_install "$1" > "$out/log/$1/install" 2>&1; then
        echo "NOT-OK $1: it cannot be installed (log: $out/log/$1/install)"
        failures=$((failures + 1))
        return
    fi
    while read -r package case expected <&3; do
        [ "$package" != "$1" ] ||
            case_try "$package" "$case" "$expected" "$out/results/$package.$case" || failures=$((failures + 1))
    done 3< "$scratch/cases"
    package_end
}

# The machine that a table was measured on.
describe_machine() {
    echo "$(nproc) × $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r)," \
        "$(gcc --version | head -n 1), $(ld --version | head -n 1), $(date -u +%Y-%m-%d)"
}

mkdir -p "$out/results" "$out/log" "$scratch/home"
trap finish EXIT
trap 'exit 130' INT TERM HUP
export HOME=$scratch/home
failures=0
cases > "$scratch/cases"
[ -s "$scratch/cases" ] || { echo "corpus: no case is called so" >&2; exit 2; }
if ! stage_make "$builddir" "$stage" > "$out/log/stage" 2>&1; then
    echo "corpus: SysCare cannot be staged (log: $out/log/stage)" >&2
    exit 1
fi
while read -r package <&4; do
    package_run "$package"
done 4< <(cut -d ' ' -f 1 "$scratch/cases" | uniq)
{
    describe_machine
    echo
    # shellcheck disable=SC2046 # names of cases
    (cd "$out/results" && "$report" table $(awk '{ print $1 "." $2 }' "$scratch/cases" | while read -r file; do
        [ ! -f "$file" ] || echo "$file"
    done))
} > "$out/table.md"
cat "$out/table.md"
echo "$(wc -l < "$scratch/cases") cases, $failures not as expected"
[ "$failures" -eq 0 ]

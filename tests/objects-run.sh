#!/bin/bash
# Pairs of objects: what is extracted from each at several levels, by several compilers.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each case in tests/objects says what must hold (objects-case.sh), whatever the compiler. Beside that, tests/objects/golden
# has what was extracted, by compiler and level; where it has nothing for a compiler, that part is skipped.
#
# By default: each case once, with the default compiler and -O2 or what the case asks for. OBJECTS_GCCS (suffixes of
# gcc: "-11 -12") and OBJECTS_LEVELS say more; OBJECTS_CASES chooses cases by name; OBJECTS_UPDATE=1 writes golden/.
set -u
: "${top_srcdir:?}" "${top_builddir:?}"
. "$top_srcdir/tests/tap-subr.sh"
# a quick run has a few of them
[ "${SYSCARE_TESTS:-}" != quick ] || OBJECTS_CASES=${OBJECTS_CASES:-new_data constprop cold_part_alone changed_initialiser_is_refused}
read -ra gccs <<< "${OBJECTS_GCCS:-default}"
read -ra levels <<< "${OBJECTS_LEVELS:--O2}"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/objects.XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
export OBJECTS_DUMPS=$scratch/dumps
golden=$top_srcdir/tests/objects/golden
mkdir "$OBJECTS_DUMPS"

# cases: their files, one a line
cases()
{
    local file name
    for file in "$top_srcdir"/tests/objects/*.c "$top_srcdir"/tests/objects/*.cc; do
        name=$(basename "${file%.*}")
        [[ -z "${OBJECTS_CASES:-}" || " $OBJECTS_CASES " == *" $name "* ]] && echo "$file"
    done
}

# golden_of NAME KEY: the part of the golden file that is for a compiler and level; status 1 when there is none
golden_of()
{
    awk -v key="$2" '
        /^# / { wanted = 0; for (i = 2; i <= NF; i++) if ($i == key) wanted = found = 1; next }
        wanted { print }
        END { exit !found }' "$golden/$1.txt" 2> /dev/null
}

# compare DUMP: one result
compare()
{
    local base name key wanted
    base=$(basename "$1") name=${base%%:*} key=${base#*:}
    if ! wanted=$(golden_of "$name" "$key"); then
        echo "ok $((++tap_count)) - $name extracts what it did ($key) # SKIP no golden dump for ${key%:*}"
        return
    fi
    diff <(echo "$wanted") "$1" > "$scratch/diff"
    local same=$?
    [ $same = 0 ] || sed 's/^/# /' "$scratch/diff"
    tap_result $same "$name extracts what it did ($key)"
}

# update NAME: the golden file, with one part for all compilers and levels that agree
update()
{
    local dump sum
    rm -rf "$scratch/parts"
    mkdir "$scratch/parts"
    for dump in "$OBJECTS_DUMPS/$1":*; do
        sum=$(sha256sum < "$dump" | cut -c1-16)
        # in the order of the first key of each
        [ -e "$scratch/parts/$sum" ] || echo "$sum" >> "$scratch/parts/order"
        basename "$dump" | sed 's/^[^:]*://' >> "$scratch/parts/$sum"
        cp "$dump" "$scratch/parts/$sum.dump"
    done
    while read -r sum; do
        echo "# $(tr '\n' ' ' < "$scratch/parts/$sum" | sed 's/ $//')"
        cat "$scratch/parts/$sum.dump"
    done < "$scratch/parts/order" > "$golden/$1.txt"
}

for gcc in "${gccs[@]}"; do
    [ "$gcc" != default ] || gcc=''
    command -v "gcc$gcc" > /dev/null || { echo "# gcc$gcc is not installed"; continue; }
    mkdir -p "$scratch/results$gcc"
    # shellcheck disable=SC2016 # for the inner shell
    cases | xargs -P "$(nproc)" -I{} bash -c '"$0" "$1" "$2" "${@:4}" > "$3/$(basename "$1")" 2>&1' \
        "$top_srcdir/tests/objects-case.sh" {} "$gcc" "$scratch/results$gcc" "${levels[@]}"
    for file in "$scratch/results$gcc"/*; do
        while IFS= read -r line; do
            case $line in
            'ok '*) tap_result 0 "${line#ok }" ;;
            'not ok '*) tap_result 1 "${line#not ok }" ;;
            *) echo "$line" ;;
            esac
        done < "$file"
    done
done
if [ "${OBJECTS_UPDATE:-}" ]; then
    mkdir -p "$golden"
    cases | while read -r file; do update "$(basename "${file%.*}")"; done
fi
for dump in "$OBJECTS_DUMPS"/*; do
    compare "$dump"
done
tap_done

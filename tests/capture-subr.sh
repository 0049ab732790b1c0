# shellcheck shell=bash
# A capture directory, sources to compile and checks of what was recorded, for the capture-*.sh tests.
# SPDX-License-Identifier: GPL-2.0-or-later
set -uo pipefail
srcdir=${top_srcdir:?} builddir=${top_builddir:?}
# shellcheck source=tests/tap-subr.sh
. "$srcdir/tests/tap-subr.sh"
unset COMPILER_PATH SYSCARE_CAPTURE_DIR SYSCARE_REPLAY
export LC_ALL=C
world=$(mktemp -d "${TMPDIR:-/tmp}/capture-test.XXXXXX")
world=$(realpath "$world")
trap 'rm -rf "$world"' EXIT
capture=$world/capture
gcc=$(command -v gcc)
# shellcheck disable=SC2034 # used by the tests
version=$("$gcc" -dumpversion) target=$("$gcc" -dumpmachine)
[ -e "$builddir/gcc/$target/$version/syscare_record.so" ] ||
    tap_skip_all "the plugin was not built for $gcc"

# Lays out $capture afresh; what it prints goes to $world/env.
capture_begin() {
    rm -rf "$capture"
    "$builddir/wrappers/syscare-capture" begin "$capture" > "$world/env" 2> "$world/begin.log"
}

# Runs a command as a part of the captured build.
captured() {
    # shellcheck disable=SC2046 # one assignment a word
    env $(cat "$world/env") "$@"
}

# Sources: a program of two C files, an archive, an assembler file with an include, C++.
sources_make() {
    mkdir -p "$1/include"
    printf '#define ANSWER 42\n' > "$1/include/answer.h"
    cat > "$1/main.c" << 'END'
#include "answer.h"
#include <stdio.h>
int twice(int), seven(void);
static int calls;
static __attribute__((noinline)) int helper(int n) { calls += n; return calls; }
int main(int argc, char **argv)
{
    printf("%s %d %d %d\n", argv[argc], twice(ANSWER), seven(), helper(argc));
    return argc != 1;
}
END
    cat > "$1/twice.c" << 'END'
int limit = 100;
const char *const names[] = {"one", "two", "three"};
int unused(int x) { switch (x) { case 1: return 5; case 2: return 9; case 3: return 1; case 4: return 77; } return limit; }
int twice(int x) { return x > limit ? limit : 2 * x; }
END
    cat > "$1/seven.S" << 'END'
#include "answer.h"
.globl seven
.type seven,@function
seven: mov $7,%eax
 ret
.size seven,.-seven
.section .note.GNU-stack,"",@progbits
END
    cat > "$1/plus.cc" << 'END'
#include <string>
struct s { virtual ~s() {} std::string v; };
int main()
{
    s *p = new s;
    try { throw 1; } catch (int i) { delete p; return i - 1; }
}
END
}

# True if the object carries a build record.
has_note() {
    readelf -SW "$1" | grep -q '\.syscare\.build'
}

# The ids of the units that an input of the last link of an output had. Usage: link_units OUTPUT INPUT
link_units() {
    grep -F "\"output\":\"$1\"" "$capture/links.jsonl" | tail -n 1 | grep -oF "\"name\":\"$2\",\"tus\":" > /dev/null || return
    grep -F "\"output\":\"$1\"" "$capture/links.jsonl" | tail -n 1 |
        sed 's/{"path"/\n&/g' | grep -F "\"name\":\"$2\"," | sed 's/.*"tus":\[\([^]]*\)\].*/\1/' | tr -d '"' | tr ',' '\n'
}

# An input of a link came from this source. Usage: link_has OUTPUT INPUT SOURCE
link_has() {
    local id
    for id in $(link_units "$1" "$2"); do
        grep -qF "\"source\":\"$3\"" "$capture/tu/$id.json" && return
    done
    echo "no record of $3 in the input $2 of $1:"
    tail -n 1 "$capture/links.jsonl"
    return 1
}

# Prints the id of a unit by its source, from tu/.
unit_of() {
    basename "$(grep -lF "\"source\":\"$1\"" "$capture"/tu/*.json | head -n 1)" .json
}

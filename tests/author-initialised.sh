#!/bin/bash
# Static variables of C++ that are initialised on first use: what a patch of their initialiser is warned of.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091
. "${top_srcdir:?}/tests/differ-subr.sh"
CC=${CXX:-g++} suffix=cc

# warnings: "kind message" of each, one a line
warnings()
{
    python3 -c 'import json
for w in json.load(open("report.json"))["warnings"]: print(w["kind"], w["message"])'
}

# compare LINE SCRIPT: the case with this one line changed by sed, and with what the patch edits
compare()
{
    new_case
    cat > o/main.cc << 'END'
#include <cstdio>
#include <string>
struct Limit { int value; explicit Limit(int x); };
__attribute__((noipa)) Limit::Limit(int x) : value(x) { if (x > 1000) puts("large"); }
__attribute__((noipa)) int get(int x)
{
    static const Limit limit(
        x > 1 ? 50 : 60);
    static std::string name("abc");
    return x * limit.value + (int)name.size();
}
extern "C" void run(void) { printf("%d ", get(2)); }
END
    sed "$1$2" o/main.cc > p/main.cc
    compile_side o "$cflags" && compile_side p "$cflags" && link_program o '' && link_program p '' || return
    write_job main
    sed -i "s|\"objects\":|\"source_root\":\"$work/p\",\"sources\":[{\"path\":\"$work/p/main.cc\",\"name\":\"main.cc\",\
\"lines\":[[1,$(($1 - 1)),1,0],[$1,1,$1,1],[$(($1 + 1)),99,$(($1 + 1)),0]],\"removed\":[[$1,1,$1]]}],\"objects\":|" job.json
    status=0
    "$diff" job.json > log 2>&1 || status=$?
}

keep='is edited: processes that have run it keep the value that they have'
for cflags in -O0 '-O2 -fcf-protection=full' '-Os -fcf-protection=full -fPIE'; do
    compare 9 's/"abc"/"abcd"/'
    tap_prints "an_edited_initialiser_is_told_${cflags// /_}" "initialised the initialiser of get(int)::name $keep" warnings
    compare 8 's/50/51/'
    tap_prints "one_of_several_lines_too_${cflags// /_}" "initialised the initialiser of get(int)::limit $keep" warnings
    compare 10 's/return/return 1 +/'
    tap_prints "another_edit_of_the_function_is_no_warning_${cflags// /_}" '' warnings
done
tap_done

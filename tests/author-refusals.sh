#!/bin/bash
# doc/refusals.md has every code that the programs can give, and no other; each with an example.
# SPDX-License-Identifier: GPL-2.0-or-later
set -uo pipefail
srcdir=${top_srcdir:?}
# shellcheck source=tests/tap-subr.sh
. "$srcdir/tests/tap-subr.sh"

# Codes of syscare-diff: the first string of each row of the table; of syscare-build: the literal
# that each call of build_refuse gives. One a line, sorted.
codes_of_programs() {
    python3 - "$srcdir" << 'END'
import glob, re, sys
text = open(sys.argv[1] + "/differ/refusal.c").read()
table = text[text.index("codes[REFUSE_CODE_COUNT] = {"):text.index("\n};")]
codes = set(re.findall(r'\]\s*=\s*\{\s*"([a-z-]+)"', table))
enumerators = re.findall(r"\bREFUSE_\w+(?=,)", open(sys.argv[1] + "/differ/refusal.h").read())
assert len(codes) == len(enumerators), (len(codes), len(enumerators))
for path in glob.glob(sys.argv[1] + "/rpmtools/*.c"):
    for call in re.findall(r"\bbuild_refuse\(build, [^,]+, (\"[a-z-]+\"|\w+),", open(path).read()):
        if call.startswith('"'):
            codes.add(call.strip('"'))
print("\n".join(sorted(codes)))
END
}

# Codes in the first column of the table.
# shellcheck disable=SC2016 # these are backquotes
codes_of_table() {
    sed -n '/^|---/,/^$/ s/^| \(`[^|]*`\) |.*/\1/p' "$srcdir/doc/refusals.md" |
        grep -o '`[a-z-]*`' | tr -d '`' | sort
}

# Codes that have a section.
# shellcheck disable=SC2016
codes_of_examples() {
    sed -n 's/^### `\([a-z-]*\)`$/\1/p' "$srcdir/doc/refusals.md" | sort
}

# Sections of less than a few words say nothing.
short_sections() {
    awk '/^### / { if (name != "" && words < 12) print name; name = $2; words = 0; next }
        { words += NF } END { if (words < 12) print name }' "$srcdir/doc/refusals.md" |
        grep -v assembler-source
}

tap_that "there_are_codes" test "$(codes_of_programs | wc -l)" -gt 30
tap_prints "the_table_has_every_code_once" "$(codes_of_programs)" codes_of_table
tap_prints "every_code_has_an_example_and_a_way_out" "$(codes_of_programs)" codes_of_examples
tap_prints "each_says_something" "" short_sections
tap_done

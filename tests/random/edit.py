#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A program by csmith(1) in two versions that differ in functions, never in what a variable starts with.

usage: edit.py SEED MAIN PROGRAM ORIGINAL PATCHED [static]

MAIN becomes the name of its main(), which also calls what takes integers alone, so that less of it is left out by the
compiler. static: no function is seen by other files; else that is drawn. Prints what was edited.
"""
import random
import re
import sys

INTEGER = r"(?:const )?u?int(?:8|16|32|64)_t(?: const)?"


def bodies(lines):
    """First and last line of each function before main()."""
    start = None
    for i, line in enumerate(lines):
        if line.startswith("int main"):
            return
        if line.startswith("{"):
            start = i
        elif line.startswith("}") and start is not None:
            yield start, i
            start = None


def definitions(lines):
    """Line, type, name and parameters of each function."""
    for i, line in enumerate(lines):
        match = re.match(r"(?:static |inline )*(.*?)\b(func_\d+)\((.*)\)$", line)
        if match:
            yield i, match[1].strip(), match[2], match[3].strip()


def scalars(lines):
    """Integers at file scope that may be written."""
    return [m[1] for m in (re.match(r"static (?:volatile )?u?int(?:8|16|32|64)_t (g_\d+) = ", l) for l in lines) if m]


def export(lines, rng):
    """Takes `static` off some functions, at their declaration as well."""
    share = rng.random()
    seen = {name for _, _, name, _ in definitions(lines) if rng.random() < share}
    for i, line in enumerate(lines):
        match = re.match(r"static (?:inline )?(?!.* = )(.*\b(func_\d+)\(.*)$", line)
        if match and match[2] in seen:
            lines[i] = match[1]


def call_all(lines, name):
    """main() calls all functions that can be fed with a number."""
    calls = []
    for _, result, function, parameters in definitions(lines):
        types = [] if parameters == "void" else [p.rsplit(" ", 1)[0].strip() for p in parameters.split(",")]
        if all(re.fullmatch(INTEGER, t) for t in types):
            call = "%s(%s)" % (function, ", ".join("(%s)fed" % t for t in types))
            if re.fullmatch(INTEGER, result):
                call = 'transparent_crc((uint64_t)%s, "%s", 0)' % (call, function)
            calls.append("    %s;" % call)
    main = next(i for i, line in enumerate(lines) if line.startswith("int main"))
    table = next(i for i in range(main, len(lines)) if "crc32_gentab();" in lines[i])
    lines[table + 1:table + 1] = calls
    lines[main] = "__attribute__((noinline, noclone)) int %s(void)" % name
    lines.insert(main, "static volatile int fed = 7;")


def statements(lines, body):
    return [i for i in range(body[0] + 1, body[1])
            if re.search(r";\s*$", lines[i]) and "for (" not in lines[i] and "block id" not in lines[i]]


def edit_constant(rng, lines, body, _):
    places = [(i, m) for i in statements(lines, body)
              for m in re.finditer(r"(?<![\w.\[+-])(0x[0-9A-F]+|\d+)(?=U?L{0,2}\b)(?![\]\w.]*\])(?!\.)", lines[i])]
    if not places:
        return False
    i, match = rng.choice(places)
    value = (int(match[1], 0 if match[1].startswith("0x") else 10) ^ rng.choice([1, 2, 4, 0x55, 0x1234])) & 0x7FFF
    lines[i] = "%s0x%X%s" % (lines[i][:match.start(1)], value, lines[i][match.end(1):])
    return True


def edit_operator(rng, lines, body, _):
    pairs = [("safe_add_func", "safe_sub_func"), ("safe_sub_func", "safe_add_func"), (" || ", " && "), (" && ", " || "),
             (" > ", " <= "), (" < ", " >= "), (" == ", " != "), (" != ", " == "), (" & ", " | "), (" ^ ", " & ")]
    places = [(i, a, b) for i in statements(lines, body) for a, b in pairs if a in lines[i]]
    if not places:
        return False
    i, old, new = rng.choice(places)
    lines[i] = lines[i].replace(old, new, 1)
    return True


def insert(rng, lines, body, text):
    """Before a statement of the outermost block, behind its declarations."""
    declared = r"u?int|struct|union|const|static|volatile|/\*|\}|lbl"
    places = [i for i in range(body[0] + 1, body[1]) if re.match(r"    (?! )(?!%s)[\w*(+-].*;\s*$" % declared, lines[i])]
    if places:
        lines.insert(rng.choice(places), "    " + text)
    return bool(places)


def new_static(rng, lines, body, names):
    n = rng.randrange(1000)
    return insert(rng, lines, body, "{ static int fresh_%d = %d; fresh_%d += 3; %s ^= fresh_%d; }"
                  % (n, n, n, rng.choice(names), n))


def new_string(rng, lines, body, names):
    return insert(rng, lines, body, "{ char text[40]; extern int snprintf(char *, unsigned long, const char *, ...); "
                  'snprintf(text, sizeof(text), "new text %%d", (int)%s); %s += text[9]; }'
                  % (rng.choice(names), rng.choice(names)))


def new_switch(rng, lines, body, names):
    changed = rng.choice(names)
    cases = " ".join("case %d: %s ^= %d; break;" % (k, changed, rng.randrange(128)) for k in range(9))
    return insert(rng, lines, body, "switch ((int)%s & 15) { %s default: %s += 5; }"
                  % (rng.choice(names), cases, changed))


def new_write(rng, lines, body, names):
    return insert(rng, lines, body, "%s ^= 0x%x;" % (rng.choice(names), rng.randrange(1, 128)))


def new_function(rng, lines, body, names):
    name = "helper_%d" % body[0]
    if not insert(rng, lines, body, "%s += %s(%s);" % (rng.choice(names), name, rng.choice(names))):
        return False
    lines.insert(next(definitions(lines))[0], "static int %s(long x) { int r = 0; "
                 "while (x && r < 90) { x /= 3; r += x & 3; } return r; }" % name)
    return True


def new_table(rng, lines, body, names):
    values = ",".join(str(rng.randrange(1000)) for _ in range(16))
    return insert(rng, lines, body, "{ static const int table[16] = {%s}; %s ^= table[(int)%s & 15]; }"
                  % (values, rng.choice(names), rng.choice(names)))


def main():
    seed, name, program, original, patched = sys.argv[1:6]
    rng = random.Random(int(seed))
    with open(program, encoding="ascii") as file:
        lines = file.read().split("\n")
    if len(sys.argv) < 7 and rng.random() < 0.7:
        export(lines, rng)
    names = scalars(lines)
    call_all(lines, name)
    with open(original, "w", encoding="ascii") as file:
        file.write("\n".join(lines))
    # the line with the new name is no longer found as main(): what follows it has no functions
    end = next(i for i, line in enumerate(lines) if "int %s(void)" % name in line)
    head, tail = lines[:end], lines[end:]
    edits = [edit_constant] * 4 + [edit_operator] * 3
    if names:
        edits += [new_static, new_string, new_switch, new_write, new_write, new_function, new_table]
    done, wanted = [], rng.choice([1, 2, 3, 4, 6])
    for _ in range(60):
        edit = rng.choice(edits)
        found = list(bodies(head))
        if len(done) < wanted and found and edit(rng, head, rng.choice(found), names):
            done.append(edit.__name__)
    with open(patched, "w", encoding="ascii") as file:
        file.write("\n".join(head + tail))
    print(" ".join(done))


main()

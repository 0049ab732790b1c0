# SPDX-License-Identifier: GPL-2.0-or-later
"""Edits of C sources whose effect is known: comments, functions in another order, one other constant.

A source is cut into tokens just well enough to tell comments, strings, directives and braces apart;
where anything looks unusual (conditionals across a function's end, macros around it) nothing is edited.
"""
import re

TOKEN = re.compile(r"""
    (?P<comment>/\*.*?\*/|//(?:[^\n\\]|\\\n|\\.)*)
  | (?P<directive>^[ \t]*\#(?:/\*.*?\*/|[^\n\\/]|\\\n|\\.|/(?!\*))*)
  | (?P<text>"(?:[^"\\\n]|\\.|\\\n)*"|'(?:[^'\\\n]|\\.)*')
  | (?P<number>\b(?:0[xX][0-9a-fA-F]+|[0-9][0-9.]*(?:[eE][-+]?[0-9]+)?)[uUlLfF]*\b)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<space>[ \t\r\n]+)
  | (?P<other>.)
""", re.VERBOSE | re.DOTALL | re.MULTILINE)


class Function:
    """A function definition: text[start:body] is its head, text[body:end] its braces and all."""

    def __init__(self, name, start, body, end):
        self.name, self.start, self.body, self.end = name, start, body, end


def functions(text):
    """The function definitions of a C file, as far as they can be told."""
    found, depth, head, body, before, name = [], 0, None, None, "", None
    for token in TOKEN.finditer(text):
        kind, value = token.lastgroup, token.group()
        if kind in ("comment", "space", "text"):
            continue
        if kind == "directive":
            if depth == 0:
                head = None
            continue
        if depth == 0 and head is None:
            head, name = token.start(), None
        if value == "(" and depth == 0 and name is None and re.match(r"\w", before):
            name = before
        if value == "{":
            if depth == 0:
                body = token.start() if before == ")" and name else None
            depth += 1
        elif value == "}":
            depth -= 1
            if depth == 0:
                if body is not None:
                    found.append(Function(name, head, body, token.end()))
                head = None if body is not None else head
                body = None
        elif value == ";" and depth == 0:
            head = None
        before = value
    return found


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def _whole(text):
    """No directive but balanced conditionals inside: the piece may be moved."""
    level = 0
    for line in re.findall(r"^[ \t]*#[ \t]*(\w+)", text, re.MULTILINE):
        if line in ("if", "ifdef", "ifndef"):
            level += 1
        elif line == "endif":
            level -= 1
        elif line not in ("else", "elif"):
            return False
        if level < 0:
            return False
    return level == 0 and text.count("{") == text.count("}")


def _starts_line(text, offset):
    return offset == 0 or text[offset - 1] == "\n"


def _movable(text, one, two):
    between = text[one.end:two.start]
    return (not between.strip() and "\n" in between and _starts_line(text, one.start) and
            _starts_line(text, two.start) and _whole(text[one.start:one.end]) and
            _whole(text[two.start:two.end]) and one.name != two.name and
            not re.search(rf"\b{re.escape(one.name)}\b", text[two.start:two.end]))


def reorder(text, rng):
    """Neighbouring functions change places; all lines keep their numbers. The text and how many."""
    out, at, moved, pairs = [], 0, 0, functions(text)
    index = 0
    while index + 1 < len(pairs):
        one, two = pairs[index], pairs[index + 1]
        if not _movable(text, one, two) or rng.random() < 0.3:
            index += 1
            continue
        rest = text[two.end:].split("\n", 1)[0]
        if rest.strip():
            index += 1
            continue
        out.append(text[at:one.start])
        out.append(f"#line {line_of(text, two.start)}\n{text[two.start:two.end]}\n")
        out.append(f"#line {line_of(text, one.start)}\n{text[one.start:one.end]}\n")
        out.append(f"#line {line_of(text, two.end)}\n")
        at, moved, index = two.end, moved + 1, index + 2
    return "".join(out) + text[at:], moved


def comments(text, rng):
    """Comments and blank lines between the lines of the file. The text and how many."""
    safe = []
    for token in TOKEN.finditer(text):
        if token.lastgroup == "space":
            end = text.rfind("\n", token.start(), token.end())
            if end >= 0:
                safe.append(end + 1)
    chosen = sorted(rng.sample(safe, min(len(safe), max(3, len(safe) // 40)))) if safe else []
    out, at = [], 0
    for offset in chosen:
        out.append(text[at:offset])
        out.append(rng.choice(["\n", "/* an added comment */\n", "\n\n/*\n * of several lines, \"quoted\"\n */\n"]))
        at = offset
    return "".join(out) + text[at:], len(chosen)


def constants(text):
    """Places of plain decimal constants in function bodies that may take another value."""
    found = []
    for function in functions(text):
        before = ""
        for token in TOKEN.finditer(text, function.body, function.end):
            kind, value = token.lastgroup, token.group()
            if kind in ("comment", "space"):
                continue
            # not an array's bound, a label, a shift or a divisor: it must go on compiling, and running
            if kind == "number" and re.fullmatch(r"[1-9]\d{0,3}", value) and 1 < int(value) < 5000 and \
                    before in ("<", ">", "==", "+", "return", "=", ",", "+="):
                found.append((function, token.start(), value))
            two = text[max(0, token.start() - 1):token.end()]
            before = two if two in ("==", "<=", ">=", "+=", "<<", ">>") else value
    return found


def change_constant(text, place):
    _, offset, value = place
    return text[:offset] + str(int(value) + 1) + text[offset + len(value):]

#!/usr/bin/python3
# Reads what SysCare says as JSON, and writes the table of a run of the corpus.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: report.py targets FILE     the files that a patch is for, from `syscare build --json`
#        report.py codes FILE       the codes of its refusals
#        report.py summary FILE     its files, functions and warnings, as three fields
#        report.py processes PATCH  "pid state reason" from `syscare --json -v status` on stdin
#        report.py table RESULTS... the table of results, in Markdown
import json
import os
import sys


def changed_targets(report):
    return [target for target in report["targets"] if target.get("changed")]


def functions(target):
    """Functions of a target by what happens to them."""
    listed = (target.get("report") or {}).get("functions") or []
    return {word: [f["name"] for f in listed if f.get("change") == word] for word in ("changed", "new", "dropped")}


def print_targets(path):
    for target in changed_targets(json.load(open(path))):
        print(target["target_elf"])


def print_codes(path):
    codes = [refusal["code"] for refusal in json.load(open(path))["refusals"]]
    print(" ".join(sorted(set(codes))))


def print_summary(path):
    report = json.load(open(path))
    files, names, warnings = [], [], {warning["kind"] for warning in report.get("warnings") or []}
    for target in changed_targets(report):
        files.append(os.path.basename(target["target_elf"]))
        kinds = functions(target)
        names.append("+".join(str(len(kinds[word])) for word in ("changed", "new")))
        warnings |= {w["kind"] for w in (target.get("report") or {}).get("warnings") or []}
    print(", ".join(files), ", ".join(names), " ".join(sorted(warnings)), sep="\t")


def print_processes():
    for patch in json.load(sys.stdin)["data"]["patches"]:
        for process in patch.get("processes", []):
            print(process["pid"], process["state"], process.get("reason") or "")


COLUMNS = ["package", "case", "expected", "verdict", "ELF", "functions", "build", "apply", "remove", "result"]


def print_table(paths):
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS))
    for path in paths:
        result = dict(line.rstrip("\n").split("\t", 1) for line in open(path))
        print("| " + " | ".join(result.get(column, "") for column in COLUMNS) + " |")


def main(arguments):
    verbs = {"targets": print_targets, "codes": print_codes, "summary": print_summary}
    if arguments[0] in verbs:
        verbs[arguments[0]](arguments[1])
    elif arguments[0] == "processes":
        print_processes()
    else:
        print_table(arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What must hold of the differ for any package, tried on real ones; speaks TAP.

usage: properties.py CORPUS WORK PACKAGE...

CORPUS is a directory with one source package in each of its directories. Each package is built several
times, all its units are compiled again, and all its links compared:

  same      the same sources, built anew: nothing to patch, and the same objects byte by byte
  quiet     every file has comments and blank lines added (their line numbers kept), or its functions in
            another order: nothing to patch
  constant  one number changes in each of some files: the differ's functions are the oracle's (or syscare-diff
            fails), those whose machine code differs are among them, and the patch is the same when made again
  lie       the objects of the changed sources with the links of the unchanged ones: must be found out

PROPERTIES_SEED chooses other edits, PROPERTIES_ROUNDS (2) is the number of builds with changed numbers.
"""
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import edits
from package import Failed, Package, TOP, differ, job_of

SEED = os.environ.get("PROPERTIES_SEED", "1")
ROUNDS = int(os.environ.get("PROPERTIES_ROUNDS", "2"))
FILES_A_ROUND = 4


class Tap:
    """Results as they come."""

    def __init__(self):
        self.count, self.failed = 0, False

    def result(self, ok, name, why=""):
        self.count += 1
        self.failed |= not ok
        for line in ("" if ok else why).splitlines()[:40]:
            print("#", line)
        print("ok" if ok else "not ok", self.count, "-", name, flush=True)

    def skip(self, name, why):
        self.count += 1
        print("ok", self.count, "-", name, "# SKIP", why, flush=True)


def read(path):
    return path.read_text(encoding="utf-8", errors="surrogateescape")


def write(path, text):
    path.write_text(text, encoding="utf-8", errors="surrogateescape")


def keep_lines(package):
    """Line numbers are kept over the edits, as `syscare build` keeps them."""
    done = subprocess.run([TOP / "tests/package-tool", "keep", package.pristine, package.source],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed("line numbers: " + done.stderr)


def build_and_replay(package, name, units=None):
    tree = package.build(name)
    tree.replay(units)
    return tree


def nothing_anywhere(package, one, two, name):
    """Every link compared, with all its units: what is not "nothing changed", as text."""
    wrong = []
    for link in one.links:
        if link not in two.links:
            wrong.append(f"{one.links[link]['output']} was not linked again")
            continue
        job, _ = job_of(link, one, two, package.work / f"jobs-{name}" / link)
        status, said, _ = differ(job)
        if status != 4:
            wrong.append(f"{one.links[link]['output']}: status {status}: {said.strip()[:1500]}")
    return "\n".join(wrong)


def check_same(tap, package, one):
    package.fresh()
    two = build_and_replay(package, "same")
    wrong = nothing_anywhere(package, one, two, "same")
    tap.result(not wrong, f"{package.name}: the same sources built again are nothing to patch", wrong)
    differing = [one.units[tu]["source"] for tu in one.units
                 if (one.objects / f"{tu}.o").read_bytes() != (two.objects / f"{tu}.o").read_bytes()]
    tap.result(not differing, f"{package.name}: units compiled again are the same byte by byte", " ".join(differing))


def edit_quietly(package, tree, rng):
    """Comments into one half of the files, another order of functions into the other."""
    comments = orders = 0
    files = tree.source_files()
    moved = {}
    for index, path in enumerate(files):
        text, count = (edits.comments if index % 2 else edits.reorder)(read(path), rng)
        if index % 2:
            comments += count
            write(path, text)
        else:
            orders += count
            moved[path] = text
    keep_lines(package)
    for path, text in moved.items(): # they say themselves which lines they are
        write(path, text)
    return comments, orders


def check_quiet(tap, package, one, rng):
    package.fresh()
    comments, orders = edit_quietly(package, one, rng)
    two = build_and_replay(package, "quiet")
    wrong = nothing_anywhere(package, one, two, "quiet")
    tap.result(not wrong, f"{package.name}: {comments} comments and {orders} functions in another order are "
               "nothing to patch", wrong)


def change_constants(tree, rng):
    """One number in each of some files: {file: function}."""
    chosen = {}
    files = tree.source_files()
    rng.shuffle(files)
    for path in files:
        text = read(path)
        places = edits.constants(text)
        if places and len(chosen) < FILES_A_ROUND:
            place = rng.choice(places)
            write(path, edits.change_constant(text, place))
            chosen[path] = place[0].name
    return chosen


def units_of(tree, files):
    return [tu for tu, unit in tree.units.items()
            if Path(os.path.normpath(os.path.join(unit["cwd"], unit["source"]))) in files]


def code_of(path):
    """Machine code of each function section of an object, without what the linker fills in."""
    bytes_of = {}
    listing = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=True).stdout
    data = path.read_bytes()
    for name, offset, size in re.findall(r"\] (\.text\.\S+) +PROGBITS +\S+ (\S+) (\S+)", listing):
        bytes_of[name] = data[int(offset, 16):int(offset, 16) + int(size, 16)]
    return bytes_of


def plain(name):
    """A function's name without numbers, sections' prefixes and the word for its cold part."""
    name = re.sub(r"^\.text\.(unlikely\.|hot\.|startup\.|exit\.)?", "", name)
    return re.sub(r"\.(cold|\d+)(?=\.|$)", "", name)


def missed(one, two, units, report):
    """Functions whose machine code differs and that the report does not name: a lost part of a fix."""
    named = {plain(f["name"]) for f in report["functions"]} if report else set()
    lost = []
    for tu in units:
        old, new = code_of(one.objects / f"{tu}.o"), code_of(two.objects / f"{tu}.o")
        lost += [n for n in new if n in old and old[n] != new[n] and plain(n) not in named]
    return lost


def made_again(job, report):
    """The patch made once more is the same, byte by byte."""
    output = job.parent / "patch"
    first = output.read_bytes()
    output.unlink()
    status, _, again = differ(job)
    return status == 0 and output.read_bytes() == first and again == report


def check_link(tap, package, one, two, link, round_name, units, chosen):
    """One link of a round. Returns whether a patch came out."""
    mine = [tu for item in one.links[link]["inputs"] for tu in item["tus"] if tu in units]
    if not mine or link not in two.links:
        return None
    job, compared = job_of(link, one, two, package.work / f"jobs-{round_name}" / link, units)
    status, said, report = differ(job)
    output = Path(one.links[link]["output"]).name
    edited = ", ".join(sorted(set(chosen.values())))
    if status == 3:
        tap.skip(f"{package.name}: {output}: numbers in {edited}",
                 "refused: " + " ".join(sorted({r["code"] for r in report["refusals"]})))
        return False
    tap.result(status in (0, 4), f"{package.name}: {output}: differ and oracle agree on numbers in {edited}", said)
    if status not in (0, 4):
        return False
    lost = missed(one, two, compared, report)
    tap.result(not lost, f"{package.name}: {output}: no function whose code differs is left out", " ".join(lost))
    if status == 4:
        return False
    tap.result(made_again(job, report), f"{package.name}: {output}: the patch is the same when it is made again")
    return True


def check_lie(tap, package, one, two, link, units):
    """Objects that differ in links that do not: whatever comes out must be no patch and no "nothing"."""
    honest = two.links[link]
    two.links[link] = one.links[link]
    saved, two.capture = two.capture, one.capture
    job, _ = job_of(link, one, two, package.work / "jobs-lie" / link, units)
    two.capture, two.links[link] = saved, honest
    status, said, _ = differ(job)
    tap.result(status == 3 and "disagree" in said,
               f"{package.name}: objects that are not those of the link are found out", f"status {status}: {said}")


def check_constants(tap, package, one, rng):
    """Rounds of changed numbers; at least one must end in a patch."""
    patched = lied = False
    for number in range(ROUNDS):
        package.fresh()
        chosen = change_constants(one, rng)
        name = f"constant-{number}"
        units = units_of(one, set(chosen))
        two = build_and_replay(package, name, units)
        for link in one.links:
            if check_link(tap, package, one, two, link, name, units, chosen):
                patched = True
                if not lied:
                    check_lie(tap, package, one, two, link, units)
                    lied = True
    tap.result(patched, f"{package.name}: at least one change of a number gives a patch")


def check_package(tap, srpm, corpus, work):
    package = Package(srpm, corpus, work)
    package.name = srpm.parent.name
    shutil.rmtree(work, ignore_errors=True)
    try:
        rng = random.Random(f"{SEED} {package.name}")
        package.prepare()
        one = build_and_replay(package, "reference")
        print(f"# {package.name}: {len(one.links)} links, {len(one.units)} units, seed {SEED}", flush=True)
        check_same(tap, package, one)
        check_quiet(tap, package, one, rng)
        check_constants(tap, package, one, rng)
    except Failed as error:
        tap.result(False, f"{package.name}: can be built", str(error))
    if not tap.failed:
        shutil.rmtree(work, ignore_errors=True)


def main():
    corpus, work, names = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    tap = Tap()
    for name in names:
        found = sorted((corpus / name).glob("*.src.rpm"))
        if not found:
            tap.skip(f"{name}: has a source package", "not in the corpus")
            continue
        check_package(tap, found[0], corpus, work / name)
    print(f"1..{tap.count}")
    return tap.failed


if __name__ == "__main__":
    sys.exit(main())

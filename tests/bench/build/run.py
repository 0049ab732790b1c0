#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures the build side on this machine: a table in Markdown on stdout. Usage: make bench-build CORPUS=dir

Every figure is a ratio to something that is measured beside it in the same run, by turns; times are user and
system CPU time, which other work on the machine disturbs least, and medians of BENCH_ROUNDS (3). BENCH_PACKAGES
(zlib expat curl) are built whole, BENCH_DIFFER (curl) is compared with all its objects, BENCH_SYMBOLS
(1000 10000 100000) are the sizes of the objects that are made up. BENCH_PARTS (scale differ packages) chooses.
"""
import csv
import os
import shutil
import statistics
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "properties"))

import scale
from package import Failed, Package, TOP, cpu_of, job_of, macro_options

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
MACHINE_ARCH = os.uname().machine


def row(what, measured, reference, ratio, wanted):
    print(f"| {what} | {measured} | {reference} | {ratio} | {wanted} |", flush=True)


def seconds(values):
    return f"{statistics.median(values):.2f} s"


def ratio_of(values, references):
    """Median of the ratios of the rounds: each is to its neighbour."""
    return f"{statistics.median(v / r for v, r in zip(values, references)):.3f}"


def fix_of(corpus, name):
    """A fix of the package that is expected to work."""
    with open(corpus / "cases.tsv", encoding="utf-8") as table:
        for case in csv.DictReader(table, delimiter="\t"):
            if case["package"] == name and case["expected"] == "works":
                return corpus / name / f"{case['case']}.patch"
    return None


class Build:
    """The ways to build one package, always in directories of their own that are empty before."""

    def __init__(self, corpus, name, work):
        self.name, self.work, self.log = name, work, work / "log"
        self.srpm = next((corpus / name).glob("*.src.rpm"))
        self.fix = fix_of(corpus, name)
        self.options = macro_options(corpus, True)
        self.macros = corpus / "rpmmacros.fedora"
        self.env = dict(os.environ, LC_ALL="C", SOURCE_DATE_EPOCH="1700000000", HOME=str(work))
        for variable in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "top_builddir", "top_srcdir"):
            self.env.pop(variable, None)

    def measure(self, argv, what):
        status, cpu, _ = cpu_of([str(a) for a in argv], self.log, env=self.env, cwd=self.work)
        if status:
            tail = self.log.read_text(errors="replace").splitlines()[-12:]
            raise Failed(f"{self.name}: {what} ended with {status}:\n" + "\n".join(tail))
        return cpu

    def rpmbuild(self, top, *options):
        shutil.rmtree(self.work / top, ignore_errors=True)
        # the same path for both, so that they do the same
        shutil.rmtree(self.work / "top", ignore_errors=True)
        cpu = self.measure(["rpmbuild", *self.options, "--define", f"_topdir {self.work}/top", *options, "--rebuild",
                            self.srpm], "rpmbuild")
        (self.work / "top").rename(self.work / top)
        return cpu

    def plain(self):
        return self.rpmbuild("plain")

    def captured(self):
        return self.rpmbuild("captured", "--load", TOP / "packaging/macros.syscare", "--define",
                             f"_syscare_libexecdir {TOP}/rpmtools", "--define", "_syscare 1")

    def patch(self, what, *options):
        for directory in ("root", "out"):
            shutil.rmtree(self.work / directory, ignore_errors=True)
            (self.work / directory).mkdir()
        macros = ["--rpm-macros", self.macros] if "--load" in self.options else []
        return self.measure([TOP / "rpmtools/syscare-build", "-n", "BENCH", "-s", self.srpm, "-p", self.fix, *macros,
                             "--nodeps", "--build-root", self.work / "root", "-o", self.work / "out", *options], what)

    def from_capture(self):
        capture = next((self.work / "captured/RPMS" / MACHINE_ARCH).glob("*.syscare-capture.tar.zst"))
        return self.patch("the patch build from a capture", "--capture", capture)

    def from_source(self):
        packages = (self.work / "plain/RPMS" / MACHINE_ARCH).glob("*-debuginfo-*.rpm")
        return self.patch("the patch build", *(word for rpm in packages for word in ("-d", rpm)))


def bench_package(corpus, name, work):
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    build = Build(corpus, name, work)
    plain, captured, quick, slow = [], [], [], []
    for _ in range(ROUNDS):
        plain.append(build.plain())
        captured.append(build.captured())
        if build.fix:
            quick.append(build.from_capture())
            slow.append(build.from_source())
    row(f"{name}: `rpmbuild` with `_syscare 1`, against without", seconds(captured), seconds(plain),
        ratio_of(captured, plain), "≤ 1.03")
    if build.fix:
        row(f"{name}: patch from a capture ({build.fix.stem}), against `rpmbuild`", seconds(quick), seconds(plain),
            ratio_of(quick, plain), "≤ 0.25")
        row(f"{name}: patch without a capture, against `rpmbuild`", seconds(slow), seconds(plain),
            ratio_of(slow, plain), "≤ 1.3")
    shutil.rmtree(work, ignore_errors=True)


def compile_times(tree):
    """CPU time of compiling each C unit again, by unit; a sample of the larger ones is enough."""
    units = sorted(tree.units, key=lambda tu: -(tree.objects / f"{tu}.o").stat().st_size)[:9]
    times = {}
    for tu in units:
        status, cpu, _ = cpu_of([TOP / "wrappers/syscare-replay", tree.capture, tu, tree.objects / "timed.o"],
                                tree.package.log)
        if status:
            raise Failed(f"{tree.units[tu]['source']} cannot be compiled again")
        times[tu] = cpu
    return times


def bench_differ(corpus, name, work):
    """All objects of the largest link of a package, of which one has changed."""
    shutil.rmtree(work, ignore_errors=True)
    package = Package(next((corpus / name).glob("*.src.rpm")), corpus, work)
    package.prepare()
    one = package.build("reference")
    one.replay()
    link = max(one.links, key=lambda l: sum(len(i["tus"]) for i in one.links[l]["inputs"]))
    job, units = job_of(link, one, one, work / "job")
    runs = [scale.measure([TOP / "syscare-diff", job]) for _ in range(ROUNDS)]
    status, _, peak, said = runs[0]
    if status != 4:
        raise Failed(f"{name}: syscare-diff ended with {status}: {said[:500]}")
    cpu = [r[1] for r in runs]
    compiles = compile_times(one)
    largest = 2 * max((one.objects / f"{tu}.o").stat().st_size for tu in units)
    linked = 2 * Path(one.capture / one.links[link]["copy"]).stat().st_size
    middle = statistics.median(compiles.values())
    row(f"{name}: all {len(units)} objects of {Path(one.links[link]['output']).name}, against compiling one of its larger files",
        seconds(cpu), f"{middle:.2f} s", f"{statistics.median(cpu) / middle:.2f}", "≤ 1")
    row("— peak memory, against the largest pair of objects", f"{peak / 1e6:.1f} MB", f"{largest / 1e6:.1f} MB",
        f"{peak / largest:.1f}", "≤ 4")
    row("— peak memory, against the pair of linked files", f"{peak / 1e6:.1f} MB", f"{linked / 1e6:.1f} MB",
        f"{peak / linked:.1f}", "-")
    shutil.rmtree(work, ignore_errors=True)


def bench_scale(work, sizes):
    """Time of syscare-diff by the number of symbols."""
    shutil.rmtree(work, ignore_errors=True)
    first = None
    for symbols in sizes:
        cpu, peak = scale.measure_size(work / str(symbols), symbols)
        each = cpu / symbols * 1e6
        first = first or each
        row(f"syscare-diff with {symbols:,} symbols, per symbol", f"{each:.0f} µs ({peak / 1e6:.0f} MB)",
            f"{first:.0f} µs", f"{each / first:.2f}", "≤ 2")
    shutil.rmtree(work, ignore_errors=True)


def main():
    corpus, work = Path(sys.argv[1]), Path(sys.argv[2])
    parts = os.environ.get("BENCH_PARTS", "scale differ packages").split()
    print("| what | measured | reference | ratio | wanted |\n|---|---|---|---|---|")
    try:
        if "scale" in parts:
            bench_scale(work / "scale", [int(s) for s in os.environ.get("BENCH_SYMBOLS", "1000 10000 100000").split()])
        if "differ" in parts:
            name = os.environ.get("BENCH_DIFFER", "curl")
            bench_differ(corpus, name, work / f"differ-{name}")
        if "packages" in parts:
            for name in os.environ.get("BENCH_PACKAGES", "zlib expat curl").split():
                bench_package(corpus, name, work / name)
    except Failed as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: GPL-2.0-or-later
"""A real source package: unpacked, built under the capture, its units compiled again, its links compared.

Shared by the tests of properties and by the benchmark of the build. Nothing is installed; everything
stays below one working directory, and trees are always built at the same path.
"""
import json
import os
import resource
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TOP = Path(os.environ["top_builddir"])
NOT_A_PRODUCT = ("conftest", "cmTC_", "CMakeFiles", "CompilerId", "configtest", "ztest")


class Failed(Exception):
    """A step did not work; the message says which and shows the end of its output."""


def cpu_of(argv, log, **how):
    """Runs a command; user and system time of it and all its children, and the time that passed."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with open(log, "ab") as out:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False, **how)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.returncode, cpu, time.monotonic() - begin


def run(argv, log, **how):
    """Runs a command that must succeed; its CPU time."""
    status, cpu, _ = cpu_of(argv, log, **how)
    if status:
        tail = Path(log).read_text(errors="replace").splitlines()[-15:]
        raise Failed(f"{argv[0]} ended with {status}:\n" + "\n".join(tail))
    return cpu


def macro_options(corpus, lto):
    """What makes the host's rpmbuild that of the distribution which the package is for."""
    macros = corpus / "rpmmacros.fedora"
    options = ["--load", str(macros)] if macros.exists() and Path("/etc/debian_version").exists() else []
    return options + ["--nodeps"] + ([] if lto else ["--define", "_lto_cflags %{nil}"])


class Tree:
    """One build of the package: its capture, and its units compiled once more."""

    def __init__(self, package, name):
        self.package, self.name = package, name
        self.capture = package.work / f"capture-{name}"
        self.objects = package.work / f"objects-{name}"
        self.links, self.units = {}, {}

    def read(self):
        """Takes in what the shims recorded, as far as it belongs to something that stays."""
        for line in (self.capture / "links.jsonl").read_text().splitlines():
            link = json.loads(line)
            output = link["output"]
            if link["status"] or link["kind"] == "relocatable" or any(n in output for n in NOT_A_PRODUCT):
                continue
            if Path(link["cwd"], output).exists() and any(i["tus"] for i in link["inputs"]):
                self.links[link["id"]] = link
        for link in self.links.values():
            for tu in (t for i in link["inputs"] for t in i["tus"]):
                self.units[tu] = json.loads((self.capture / "tu" / f"{tu}.json").read_text())

    def _replay(self, tu):
        done = subprocess.run([TOP / "wrappers/syscare-replay", self.capture, tu, self.objects / f"{tu}.o"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"unit {self.units[tu]['source']} cannot be compiled again: {done.stderr[-600:]}")

    def replay(self, units=None):
        """Compiles units again as the differ wants them; the tree must be the one at the path."""
        self.objects.mkdir(exist_ok=True)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(self._replay, units or self.units))

    def source_files(self):
        """The C and C++ files of the package that its units are made of, as absolute paths."""
        found = {Path(os.path.normpath(os.path.join(u["cwd"], u["source"]))) for u in self.units.values()}
        top = self.package.source
        return sorted(f for f in found if top in f.parents and f.suffix in (".c", ".cc", ".cpp") and f.exists())


class Package:
    """A source package that is built again and again at one path."""

    def __init__(self, srpm, corpus, work, lto=False):
        self.srpm, self.work = Path(srpm), Path(work)
        self.options = macro_options(Path(corpus), lto)
        self.top, self.log = self.work / "top", self.work / "log"
        self.pristine, self.source = self.work / "pristine", None
        self.env = dict(os.environ, LC_ALL="C", SOURCE_DATE_EPOCH="1700000000", HOME=str(self.work))
        for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "top_builddir", "top_srcdir"):
            self.env.pop(name, None)

    def rpmbuild(self, *arguments, env=None):
        """rpmbuild in our own directories; its CPU time."""
        return run(["rpmbuild", *self.options, "--define", f"_topdir {self.top}", *map(str, arguments)],
                   self.log, env=env or self.env, cwd=self.work)

    def prepare(self):
        """Unpacks and patches the sources once; the result is kept aside."""
        self.work.mkdir(parents=True, exist_ok=True)
        run(["rpm", "-i", "--define", f"_topdir {self.top}", self.srpm], self.log, env=self.env, cwd=self.work)
        self.spec = next((self.top / "SPECS").glob("*.spec"))
        self.rpmbuild("-bp", self.spec)
        trees = [d for d in (self.top / "BUILD").iterdir() if d.is_dir()]
        if len(trees) != 1:
            raise Failed(f"%prep left {len(trees)} directories")
        self.source = trees[0]
        shutil.copytree(self.source, self.pristine, symlinks=True)

    def fresh(self):
        """Puts the sources as they came to their path."""
        shutil.rmtree(self.source, ignore_errors=True)
        shutil.copytree(self.pristine, self.source, symlinks=True)

    def build(self, name):
        """Builds what is at the path, under the capture."""
        tree = Tree(self, name)
        shutil.rmtree(tree.capture, ignore_errors=True)
        lines = subprocess.run([TOP / "wrappers/syscare-capture", "begin", tree.capture], check=True, env=self.env,
                               capture_output=True, text=True).stdout.splitlines()
        env = dict(self.env, **dict(line.split("=", 1) for line in lines))
        self.rpmbuild("-bc", "--short-circuit", self.spec, env=env)
        tree.read()
        return tree


def job_of(link_id, one, two, directory, units=None):
    """job.json for all units of a link (doc/formats.md, "Differ job"); its path and the unit ids."""
    reference, patched = one.links[link_id], two.links[link_id]
    inputs = {}
    for record in (reference, patched):
        for item in record["inputs"]:
            for tu in item["tus"]:
                names = inputs.setdefault(tu, [])
                if item["name"] not in names:
                    names.append(item["name"])
    objects = []
    for tu, names in inputs.items():
        unit = two.units.get(tu) or one.units[tu]
        paths = [str(t.objects / f"{tu}.o") if tu in t.units else None for t in (one, two)]
        if units is None or tu in units:
            objects.append({"name": unit["object"] or unit["source"], "source": unit["source"], "tu": tu,
                            "inputs": names, "reference": paths[0], "patched": paths[1]})
    directory.mkdir(parents=True, exist_ok=True)
    job = {"version": 1, "arch": os.uname().machine, "target_elf": f"/{Path(patched['output']).name}",
           "uuid": "01234567-89ab-cdef-0123-456789abcdef", "build_id": "00" * 20, "target_digest": "00" * 32,
           "reference": {"elf": str(one.capture / reference["copy"]), "map": str(one.capture / reference["map"])},
           "patched": {"elf": str(two.capture / patched["copy"]), "map": str(two.capture / patched["map"])},
           "objects": objects, "ld": "/usr/bin/ld",
           "output": str(directory / "patch"), "report": str(directory / "report.json")}
    path = directory / "job.json"
    path.write_text(json.dumps(job))
    return path, [o["tu"] for o in objects]


def differ(job):
    """Exit status of syscare-diff, what it said, and its report."""
    done = subprocess.run([TOP / "syscare-diff", job], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)
    report = job.parent / "report.json"
    found = json.loads(report.read_text()) if done.returncode in (0, 3, 4) and report.exists() else None
    return done.returncode, done.stderr, found

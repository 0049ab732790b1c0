#!/bin/bash
# Makes the seeds that a compiler, linker or archiver has to make. Usage: seeds.sh DIRECTORY
# SPDX-License-Identifier: GPL-2.0-or-later
#
# DIRECTORY/NAME/ gets those of the fuzz target NAME. Inputs of several parts begin with the sizes of
# all parts but the last (fuzz.h).
set -euo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd)
srcdir=${top_srcdir:?} builddir=${top_builddir:?}
read -ra cc <<< "${CC:-gcc}"
case $("${cc[@]}" -dumpmachine) in
x86_64-*) ;;
*) exit 0 ;; # what is made here is for the one processor that the differ knows
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# Usage: put TARGET NAME FILE
put() {
    mkdir -p "$out/$1"
    cp "$3" "$out/$1/$2"
}

# Usage: pack TARGET NAME FILE...
pack() {
    local target=$1 name=$2 size i
    shift 2
    mkdir -p "$out/$target"
    for ((i = 1; i < $#; i++)); do
        size=$(stat -c %s "${!i}")
        # shellcheck disable=SC2059 # the format is the data
        printf "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $((size & 255)) $((size >> 8 & 255)) \
            $((size >> 16 & 255)) $((size >> 24 & 255)))"
    done > "$out/$target/$name"
    cat "$@" >> "$out/$target/$name"
}

# --- C: what a differ has to tell apart ---------------------------------------------------------
mkdir a b
cat > a/x.c << 'END'
struct item { struct item *next; int key : 3; union { long number; char text[8]; } u; };
typedef struct { enum { RED, GREEN } color; double weight[2][3]; int (*visit)(struct item *, ...); } box;
extern int puts(const char *);
extern int other;
static _Thread_local int depth;
static int count;
static const char *const names[] = {"zero", "one", "two"};
box boxes[2];
__attribute__((noinline)) static int step(struct item *item, int way)
{
    static int calls;
    switch (way) {
    case 0: return item->key;
    case 1: return puts(names[calls++ % 3]);
    case 2: return item->u.text[0] + (int)boxes[0].weight[1][2];
    case 3: return depth++;
    case 4: return other / 7;
    case 5: return boxes[1].visit(item, way);
    default: return -1;
    }
}
int walk(struct item *item, int way)
{
    int sum = 0;
    for (; item; item = item->next)
        sum += step(item, way) * 10;
    if (sum < 0)
        __builtin_trap();
    count += sum;
    return count;
}
double scale(double x) { return x * 3.25 + 1.5; }
int main(int argc, char **argv) { (void)argv; return walk(0, argc); }
END
sed 's/\* 10/* 12/; s/calls++ % 3/calls++ % 2/' a/x.c > b/x.c
echo 'int other = 21;' > other.c
for side in a b; do
    (cd $side && for level in 0 2; do
        "${cc[@]}" -g1 -O$level -fcf-protection -c x.c -o x.o
        "${cc[@]}" -g -O$level -fcf-protection -ffunction-sections -fdata-sections -c x.c -o x.replay.o
        "${cc[@]}" -O$level -c ../other.c -o other.o
        "${cc[@]}" -fPIC -g -O$level -ffunction-sections -fdata-sections -c x.c -o x.pic.o
        "${cc[@]}" -nostartfiles -Wl,-e,main -Wl,--build-id -Wl,-z,noseparate-code -Wl,-Map=out.$level.map -o out.$level x.o other.o
        "${cc[@]}" -nostdlib -shared -Wl,--build-id -Wl,-z,noseparate-code -Wl,-soname,libx.so.1 -o lib.$level.so x.pic.o
        cp x.replay.o x.$level.o
        cp x.pic.o pic.$level.o
    done)
done
for level in 0 2; do
    put reloc c$level a/x.$level.o
    put reloc pic$level a/pic.$level.o
    put dwarf c$level a/x.$level.o
    put image program$level a/out.$level
    put image library$level a/lib.$level.so
    put elf library$level a/lib.$level.so
    pack differ c$level a/x.$level.o b/x.$level.o a/out.$level b/out.$level a/out.$level.map b/out.$level.map
done
put map program a/out.0.map
# what the differ makes of them is a patch object
for level in 0 2; do
    cat > job.json << END
{"version":1,"arch":"x86_64","target_elf":"/usr/bin/x","uuid":"01234567-89ab-cdef-0123-456789abcdef","build_id":"0011",
 "target_digest":"0000000000000000000000000000000000000000000000000000000000000000",
 "reference":{"elf":"a/out.$level","map":"a/out.$level.map"},"patched":{"elf":"b/out.$level","map":"b/out.$level.map"},
 "objects":[{"name":"x.o","source":"x.c","tu":"1","inputs":["x.o"],"reference":"a/x.$level.o","patched":"b/x.$level.o"}],
 "ld":"ld","output":"patch.$level","report":"report.json"}
END
    "$builddir/syscare-diff" job.json
    put object patch$level patch.$level
    put image patch$level patch.$level
done
put linkmap program a/out.0.map
"${cc[@]}" -g -gdwarf-4 -O1 -c a/x.c -o v4.o
put dwarf dwarf4 v4.o

# --- debugging information that is deeper, or says more, than any compiler's ---------------------
cat > unit.s << 'END'
    .section .debug_abbrev,"",@progbits
a:  .byte 1, 0x11, 1, 0, 0              # compile unit with children
    .byte 2, 0x0b, 1, 0, 0              # lexical block with children
    .byte 3, 0x13, 1, 0, 0              # structure with children
    .byte 4, 0x0d, 0, 0x49, 0x13, 0, 0  # member: type
    .byte 5, 0x24, 0, 0, 0              # base type
    .byte 6, 0x13, 1, 3, 8, 0, 0        # structure with a name
    .byte 0
    .section .debug_info,"",@progbits
s:  .long e - s - 4
    .short 4
    .long a
    .byte 8, 1
END
{
    cat unit.s
    printf '.rept 30000\n.byte 2\n.endr\n.fill 30001\ne:\n'
} > deep.s
{
    cat unit.s
    echo 't0: .byte 5'
    for level in 1 2 3 4; do
        printf 't%d: .byte 3\n.rept 300\n.byte 4; .long t%d - s\n.endr\n.byte 0\n' $level $((level - 1))
    done
    printf '.byte 6\n.asciz "S"\n.byte 4; .long t4 - s\n.byte 0, 0\ne:\n'
} > wide.s
for form in deep wide; do
    "${cc[@]}" -c $form.s -o $form.o
    put dwarf $form $form.o
done

# --- a process: its mappings, and its memory without code ----------------------------------------
cat > dump.c << 'END'
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
extern int x(int);
int y = 3;
int main(int argc, char **argv)
{
    FILE *maps = fopen("/proc/self/maps", "r"), *kept = fopen(argv[1], "w"), *out = fopen(argv[2], "w");
    int mem = open("/proc/self/mem", O_RDONLY);
    static char page[4096];
    char line[512], rights[8];
    unsigned long start, end;
    while (maps && kept && out && fgets(line, sizeof(line), maps)) {
        int taken = !strstr(line, "[stack") && !strstr(line, "[v");
        if (!taken || sscanf(line, "%lx-%lx %7s", &start, &end, rights) != 3)
            continue;
        fputs(line, kept);
        if (rights[0] != 'r' || rights[2] == 'x' || argc < 0)
            continue;
        if (end - start > 65536) /* of libc, what tells that it is there */
            end = start + sizeof(page);
        for (; start < end; start += sizeof(page)) {
            uint64_t head[2] = {start, sizeof(page)};
            if (pread(mem, page, sizeof(page), start) != sizeof(page))
                continue;
            while (head[1] && !page[head[1] - 1])
                head[1]--;
            fwrite(head, sizeof(head), 1, out);
            fwrite(page, 1, head[1], out);
        }
    }
    return x(0) != 7 || !kept || fclose(kept) || !out || fclose(out);
}
END
echo 'extern int y; int (*where)(int); int x(int a) { return a + 7 + 0 * y; }' > libx.c
"${cc[@]}" -O1 -fPIC -shared -nostdlib -Wl,-soname,libx.so.1 -o libx.so.1 libx.c
"${cc[@]}" -O1 -o dump dump.c ./libx.so.1 -Wl,-z,lazy -Wl,-rpath,"$work"
./dump maps memory
pack process whole maps memory patch.2

# --- C++: groups, exceptions, virtual functions -------------------------------------------------
cat > y.cc << 'END'
namespace n {
struct base { virtual ~base() = default; virtual int run(int) = 0; };
template <class T> struct holder : base {
    T value{};
    int run(int x) override { if (x > 3) throw x; return static_cast<int>(value) + x; }
};
inline int twice(int x) { static int calls; return 2 * x + calls++; }
}
int go(n::base *b, int x)
{
    auto f = [x](int y) { return n::twice(x + y); };
    try { return b->run(f(1)); } catch (int e) { return e; } catch (...) { return 7; }
}
n::base *make(bool b) { if (b) return new n::holder<char>; return new n::holder<double>; }
END
if "${cc[@]/%gcc/g++}" -g -O1 -ffunction-sections -fdata-sections -c y.cc -o y.o 2> /dev/null; then
    put reloc cxx y.o
    put dwarf cxx y.o
    "${cc[@]/%gcc/g++}" -fPIC -nostdlib -shared -Wl,-z,noseparate-code -O1 -o y.so y.cc
    put image cxx y.so
fi

# --- objects with build records, archives of them -----------------------------------------------
cat > z.s << 'END'
    .text
    .globl f
f:  ret
    .section .syscare.build,"e",@note
    .long 8, 3f - 2f, 1
    .asciz "SysCare"
2:  .ascii "{\"version\":1,\"id\":\"0123\",\"kind\":\"as\"}"
3:  .balign 4
END
sed 's/^f:/g:/; s/globl f/globl g/; s/0123/4567/' z.s > w.s
"${cc[@]}" -c z.s -o a.o
"${cc[@]}" -c w.s -o b.o
ld -r -o r.o a.o b.o
ar crD two.a a.o b.o
for object in a.o r.o a/x.0.o; do
    put note "${object//\//-}" $object
    put unnote "${object//\//-}" $object
    put ar "${object//\//-}" $object
done
put unnote two.a two.a
put ar two.a two.a

# --- an archive of a capture ---------------------------------------------------------------------
mkdir -p archive/{tree/p,installed/p,root/usr/bin,capture/tu}
echo 'int x;' > archive/tree/p/x.c
ln -s x.c archive/tree/p/y.c
echo y > archive/installed/p/z
echo e > archive/root/usr/bin/e
echo '{"version":1}' > archive/capture/links.jsonl
cat > archive/capture.json << 'END'
{"version":1,"package":{"name":"p","epoch":null,"version":"1","release":"1","arch":"x86_64"},"build_directory":"/b/BUILD","source_directory":"p","build_root":"/b/root","host":"h","source_date":"1","settings":{"defines":["a 1"],"with":["x"],"without":[],"macros":null},"sources":[{"name":"p.spec","sha256":"00"}],"compilers":[{"target":"t","version":"12","full_version":"12.2.0","sha256":"00"}],"build_links":1}
END
echo '{"version":1,"removed":["p/q"],"opened":{"complete":true,"files":{"x.c":true},"directories":{"src":true}}}' > archive/result.json
for format in pax ustar gnu; do
    tar -C archive --format=$format --owner=0 --group=0 --mtime=@1 -cf $format.tar capture.json tree installed root capture result.json
    put archive $format $format.tar
done

# --- what other tests have made, if they ran ----------------------------------------------------
for file in "$builddir"/tests/inject-fixtures/*.patch; do
    [ ! -e "$file" ] || put object "${file##*/}" "$file"
done
[ ! -e "$builddir/tests/inject-fixtures/pie" ] || put elf pie "$builddir/tests/inject-fixtures/pie"

# --- parts that are kept as files in seeds/ -----------------------------------------------------
for directory in "$srcdir"/tests/fuzz/seeds/*.parts; do
    name=${directory##*/}
    pack "${name%.parts}" parts "$directory"/*
done

#!/bin/bash
# Code of all kinds: what the patched program does is what the rebuilt one does, or the patch is refused.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091,SC2015
. "${top_srcdir:?}/tests/adversary-subr.sh"

# ICF by the compiler: equal functions, one changes
new_case
{ echo "$head"; cat <<'C'
static int __attribute__((noinline)) low(int x) { PAD(x); return x & 15; }
static int __attribute__((noinline)) flags(int x) { PAD(x); return x & 15; }
N int a(int x) { PAD(x); return low(x) * 2; }
N int b(int x) { PAD(x); return flags(x) * 3; }
volatile int big = 31;
RUN { printf("%d %d ", a(big), b(big)); }
C
} > o/main.c
sed '/int flags/s/x & 15/x \& 31/' o/main.c > p/main.c
# ICF with addresses: exported
new_case
{ echo "$head"; cat <<'C'
int low(int x) { PAD(x); return x & 15; }
int flags(int x) { PAD(x); return x & 15; }
int (*volatile t[])(int) = { low, flags };
volatile int big = 31;
RUN { printf("%d %d ", t[0](big), t[1](big)); }
C
} > o/main.c
sed '/^int flags/s/x & 15/x \& 31/' o/main.c > p/main.c
# cold part only, in header inline
new_case
{ echo "$head"; cat <<'C'
#include "h.h"
N int a(int x) { PAD(x); return chk(x) * 2; }
N int b(int x) { PAD(x); return x * 3; }
RUN { printf("%d %d ", a(big), b(big)); }
C
} > o/main.c
cat > o/h.h <<'C'
extern int err(int) __attribute__((cold));
static volatile int big = 31;
static inline int chk(int x) { if (__builtin_expect(x > 30, 0)) { printf("cold %d ", x); err(x); return err(7); } return x; }
C
echo 'extern int printf(const char *, ...); __attribute__((noipa)) int err(int x) { printf("err %d ", x); return x; }' > o/e.c
cp o/*.c p/; sed 's/err(7)/err(8)/' o/h.h > p/h.h
ends_under 'the cold part of an inline function of a header' 'same'
# static inline signature
new_case
cp o/h.h p/h.h 2>/dev/null
cat > o/h.h <<'C'
static inline int add(int x, int y) { PAD(x); return x + y; }
C
cat > p/h.h <<'C'
static inline long add(long x, int y, int z) { PAD(x); return x * 2 + y + z; }
C
for s in o p; do [ $s = o ] && A='add(x, 1)' || A='add(x, 1, 4)'
{ echo "$head"; echo '#include "h.h"'; echo "N int a(int x) { PAD(x); return $A; }
N int b(int x) { PAD(x); return $A + 1; }
int (*volatile fp)(int) = b;
int c(int);
RUN { printf(\"%d %d %d \", a(five), fp(two), c(one)); }"; } > $s/main.c
{ echo "$more"; echo '#include "h.h"'; echo "N int c(int x) { PAD(x); return $A * 5; }"; } > $s/c.c; done
ends_under 'the signature of an inline function of a header' 'same|refused no-skip-first'
# signature of a global function across files; caller through pointer in unchanged file
new_case
for s in o p; do [ $s = o ] && D='int work(int x)' C='work(x)' R='x + 1' || { D='int work(long x, int y)' C='work(x, 3)' R='(int)x * y'; }
{ echo "$head"; echo "$D; N int a(int x) { PAD(x); return $C; }
RUN { printf(\"%d \", a(five)); }"; } > $s/main.c
{ echo "$more"; echo "N $D { PAD(x); return $R; }"; } > $s/w.c; done
ends_under 'the signature of a function across files' 'same|refused no-skip-first'
# computed goto
new_case
{ echo "$head"; cat <<'C'
N int interp(const unsigned char *p) {
  static const void *const ops[] = { &&add, &&mul, &&end };
  int acc = 1; PAD(acc + p[0] * 10);
  goto *ops[*p++];
add: acc += 5; goto *ops[*p++];
mul: acc *= 3; goto *ops[*p++];
end: return acc;
}
static const unsigned char prog[] = {0,1,0,2};
RUN { printf("%d ", interp(prog)); }
C
} > o/main.c
sed 's/acc += 5/acc += 6/' o/main.c > p/main.c
ends_under 'a constant table of labels' 'same|refused reference-inside-function'
sed 's/&&end }/\&\&end, \&\&sub }/; s/^end:/sub: acc -= 2; goto *ops[*p++];\nend:/; s/{0,1,0,2}/{0,1,0,2}/' o/main.c > p/main.c
ends_under 'a longer table of labels' 'same|refused .*'
# offsets from labels
sed 's/const void \*const ops\[\] = { &&add, &&mul, &&end }/const int ops[] = { \&\&add - \&\&add, \&\&mul - \&\&add, \&\&end - \&\&add }/; s/goto \*ops\[\*p++\]/goto *(\&\&add + ops[*p++])/g' -i o/main.c; sed 's/acc += 5/acc += 6/' o/main.c > p/main.c
ends_under 'a table of distances of labels' 'same'
# function pointers compared, new static function in table on the stack
new_case
{ echo "$head"; cat <<'C'
typedef int (*fn)(int);
static N int f1(int x) { PAD(x); return x + 1; }
static N int f2(int x) { PAD(x); return x + 2; }
static fn saved = f1;
N int cmp(fn f) { PAD(five); return f == saved ? 1 : f == f2 ? 2 : 0; }
N fn pick(int i) { PAD(i); return i ? f1 : f2; }
N int user(int i) { PAD(i); fn t[2] = { f1, f2 }; return t[i & 1](i) + cmp(t[i & 1]) * 100 + cmp(f1) * 1000; }
RUN { printf("%d %d %d %d ", cmp(pick(0)), cmp(pick(1)), user(one), user(two)); }
C
} > o/main.c
sed 's/x + 1/x + 11/; s/x + 2/x + 22/; s/\* 1000/* 2000/; s/i ? f1 : f2/i > 0 ? f1 : f2/' o/main.c > p/main.c
ends_under 'addresses of functions that are compared' 'same'
# varargs
new_case
{ echo "$head"; cat <<'C'
#include <stdarg.h>
N int sum(const char *f, ...) { va_list a; va_start(a, f); double d = 0; for (; *f; f++) { if (*f == 'd') d += va_arg(a, int); else d += va_arg(a, double); } va_end(a); return (int)(d * 10); }
RUN { printf("%d ", sum("dfdfdfdfdf", 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, five, 5.5)); }
C
} > o/main.c
sed 's/d \* 10/d * 20/' o/main.c > p/main.c
ends_under 'variable arguments' 'same'
# setjmp
new_case
{ echo "$head"; cat <<'C'
#include <setjmp.h>
static jmp_buf env;
N void deep(int x) { PAD(x); if (x > 3) longjmp(env, x); deep(x + 1); printf("never "); }
N int top(int x) { volatile int n = 0; int r = setjmp(env); if (r) return r * 10 + n; n = 7; deep(x); return -1; }
RUN { printf("%d ", top(one)); }
C
} > o/main.c
sed 's/x > 3/x > 5/; s/n = 7/n = 8/' o/main.c > p/main.c
ends_under 'setjmp and longjmp' 'same'
# alloca, VLA, nested function with trampoline
new_case
{ echo "$head"; cat <<'C'
N int apply(int (*f)(int), int n) { PAD(n); return f(n) + f(n + 1); }
N int outer(int k) { int hits = 0; PAD(k); int vla[k + 2]; char *p = __builtin_alloca(k * 16); p[0] = 3; vla[k] = 2;
  int inner(int x) { hits++; return x * k + vla[k] + p[0]; }
  return apply(inner, 4) * 100 + hits; }
RUN { printf("%d ", outer(five)); }
C
} > o/main.c
sed 's/x \* k/x * k * 2/' o/main.c > p/main.c
ends_under 'a nested function and alloca' 'same'
sed 's/hits++;/hits += 2; if (x > 100) printf("x");/' o/main.c > p/main.c
ends_under 'a nested function that changes' 'same'
# inline asm with local labels, and named section
new_case
{ echo "$head"; cat <<'C'
N int a(int x) { int r; PAD(x); __asm__ volatile("movl %1, %0\n\tcmpl $3, %1\n\tjl 1f\n\taddl $100, %0\n1:\n" : "=&r"(r) : "r"(x)); return r; }
N int b(int x) { PAD(x); return x; }
RUN { printf("%d %d ", a(five), b(one)); }
C
} > o/main.c
sed 's/addl \$100/addl $200/' o/main.c > p/main.c
ends_under 'inline assembly with local labels' 'same'
sed 's/1:\\n"/1:\\n\\t.pushsection .mytable,\\"a\\"\\n\\t.quad 1b\\n\\t.popsection\\n"/' -i o/main.c; sed 's/addl \$100/addl $200/' o/main.c > p/main.c
ends_under 'inline assembly with a table' 'same|refused .*'
# asm goto, jump label tables
new_case
{ echo "$head"; cat <<'C'
N int a(int x) { PAD(x); __asm__ goto("jmp %l0" :::: yes); return 1; yes: return x + 5; }
RUN { printf("%d ", a(five)); }
C
} > o/main.c
sed 's/x + 5/x + 6/' o/main.c > p/main.c
ends_under 'asm goto' 'same'
# long double, vectors
new_case
{ echo "$head"; cat <<'C'
typedef float v8 __attribute__((vector_size(32)));
volatile long double ld = 1.5L; volatile float f = 2;
N long double a(long double x) { return x * 3.3L + 1e30L; }
__attribute__((noipa,target("avx2"))) float v(float x) { v8 t = { 1, 2, 3, 4, 5, 6, 7, 8 }; v8 y = { x, x, x, x, x, x, x, x }; t *= y; return t[0] + t[3] + t[7]; }
N double neg(double x) { return -x; }
RUN { printf("%.3Lf %.2f %.1f ", a(ld), v(f), neg(f)); }
C
} > o/main.c
sed 's/3.3L/3.4L/; s/6, 7, 8 }/6, 7, 18 }/' o/main.c > p/main.c
# bit-fields & struct in rodata
new_case
{ echo "$head"; cat <<'C'
struct b { unsigned a : 3, b : 5; int c; };
static const struct b tab[4] = { {1,2,3}, {2,3,4}, {3,4,5}, {4,5,6} };
struct b live;
N int a(int i) { PAD(i); live.b = i; return tab[i & 3].b + live.b; }
RUN { printf("%d ", a(two)); }
C
} > o/main.c
sed 's/a : 3, b : 5/b : 5, a : 3/' o/main.c > p/main.c
ends_under 'bit-fields that change places' 'refused .*type-layout.*'
tap_done

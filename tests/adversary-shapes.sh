#!/bin/bash
# Functions and variables that change their shape: what the patched program does is what the rebuilt one does, or the patch is refused.
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
sed '/) flags/s/x & 15/x \& 31/' o/main.c > p/main.c
ends_under 'equal functions, one of which changes' 'same|refused binding-changed'
# and back
cp p/main.c x.c; cp o/main.c p/main.c; mv x.c o/main.c
ends_under 'functions that become equal' 'same|refused binding-changed'
# computed goto
new_case
{ echo "$head"; cat <<'C'
N int interp(const unsigned char *p) {
  static const void *ops[] = { &&add, &&mul, &&end };
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
ends_under 'a writable table of labels' 'same|refused reference-inside-function'
sed -i 's/static const void \*ops/static const void *const ops/' o/main.c
sed 's/acc += 5/acc += 6/' o/main.c > p/main.c
ends_under 'a constant table of labels' 'same|refused reference-inside-function'
# weak, ifunc, symver, visibility
new_case
{ echo "$head"; cat <<'C'
static N int impl_a(int x) { PAD(x); return x + 1; }
static N int impl_b(int x) { PAD(x); return x + 2; }
static int (*pick(void))(int) { return one > 0 ? impl_a : impl_b; }
int fast(int) __attribute__((ifunc("pick")));
N int a(int x) { PAD(x); return fast(x) * 2; }
RUN { printf("%d ", a(five)); }
C
} > o/main.c
sed -i 's/one > 0/1/' o/main.c
sed 's/x + 1/x + 10/;s/fast(x) \* 2/fast(x) * 3/' o/main.c > p/main.c
ends_under 'implementations of an indirect function' 'same|refused .*'
# TLS
new_case
{ echo "$head"; cat <<'C'
static __thread int t1 = 5; __thread int t2 = 6; extern __thread int t3;
N int a(int x) { PAD(x); t1 += x; t2 += 2 * x; t3++; return t1 * 10000 + t2 * 100 + t3; }
RUN { printf("%d ", a(one)); }
C
} > o/main.c
{ echo '__thread int t3 = 8;'; } > o/t.c; cp o/t.c p/
sed 's/t3++/t3 += 4/;s/t1 += x/t1 += x + 1 - 1 * one/' o/main.c > p/main.c
sed -i 's/t1 += x + 1 - 1 \* one/t1 += x; PAD(t1 * 10)/; s/t3 += 4/t3++/;s/t1 \* 10000/t1 * 20000/' p/main.c
ends_under 'thread-local variables' 'same|refused .*'
# common symbols & copy relocation
new_case
{ echo "$head"; cat <<'C'
int com[4]; extern char **environ; extern struct _IO_FILE *stdout; extern int fflush(struct _IO_FILE *), puts(const char *);
N int a(int x) { PAD(x); com[1] += x; fflush(stdout); return com[1] + (environ != 0); }
RUN { printf("%d ", a(one)); }
C
} > o/main.c
{ echo 'int com[4]; __attribute__((noipa)) int other(void) { return com[1]; }'; } > o/t.c; cp o/t.c p/
sed 's/com\[1\] + (env/2 + com[1] * 3 + (env/' o/main.c > p/main.c
# function becomes inlined / stops being inlined
new_case
{ echo "$head"; cat <<'C'
static int helper(int x) { static int n; n += x; return n + x; }
N int a(int x) { PAD(x); return helper(x) * 2; }
N int b(int x) { PAD(x); return helper(x + 1) * 3; }
RUN { printf("%d %d ", a(one), b(two)); }
C
} > o/main.c
sed 's/^static int helper/__attribute__((noinline)) &/; s/n + x; }/n + x + 1; }/' o/main.c > p/main.c
ends_under 'a changed function that is not inlined any more keeps its state' 'same|refused .*'
sed -i 's/n + x + 1; }/n + x; }/; s/\* 3/* 4/' p/main.c
ends_under 'a function that is not inlined any more keeps its state' 'same|refused .*'
cp p/main.c x.c; cp o/main.c p/main.c; mv x.c o/main.c
ends_under 'a function that is inlined now keeps its state' 'same|refused .*'
# function deleted, made global, made static
new_case
{ echo "$head"; cat <<'C'
N int dead(int x) { PAD(x); return x + 5; }
static N int st(int x) { PAD(x); return x * 3; }
N int gl(int x) { PAD(x); return x * 7; }
int ext(int);
N int a(int x) { PAD(x); return dead(x) + st(x) + gl(x) + ext(x); }
RUN { printf("%d ", a(five)); }
C
} > o/main.c
echo '__attribute__((noipa)) int ext(int x) { return x - 1; }' > o/b.c
sed '/int dead/d; s/dead(x) +//; s/^static N int st/N int st/; s/^N int gl/static N int gl/; s/x \* 3/x * 4/' o/main.c > p/main.c
echo 'int st(int); __attribute__((noipa)) int ext(int x) { return st(x) - 1; }' > p/b.c
ends_under 'functions that become static, global, or go' 'same|refused no-skip-first'
# a static in another file has the name that becomes global
new_case
{ echo "$head"; cat <<'C'
static N int st(int x) { PAD(x); return x * 3; }
int ext(int);
N int a(int x) { PAD(x); return st(x) + ext(x); }
RUN { printf("%d ", a(five)); }
C
} > o/main.c
echo 'extern int printf(const char*,...); static __attribute__((noipa)) int st(int x) { if (x > 1000) printf("n"); return x + 100; } __attribute__((noipa)) int ext(int x) { return st(x) - 1; }' > o/b.c
sed 's/^static N int st/N int st/; s/x \* 3/x * 4/' o/main.c > p/main.c
sed 's/^\(.*; \)static __attribute__((noipa)) int st(int x) {[^}]*}/\1int st(int);/' o/b.c > p/b.c
ends_under 'a static function of another file in place of the own one' 'same|refused .*'
# __LINE__ everywhere
new_case
{ echo "$head"; cat <<'C'
extern void fail(const char *, int);
#define CHECK(x) ((x) ? (void)0 : fail(#x, __LINE__))
N int a(int x) { CHECK(x > 0); PAD(x); CHECK(x < 99); return x * 2; }
N int b(int x) { CHECK(x > 0); PAD(x); CHECK(x < 99); return x * 3; }
N int c(int x) { CHECK(x < 5); PAD(x); static int once; if (!once++) printf("l%d ", __LINE__); return x * 4; }
RUN { printf("%d %d %d ", a(five), b(five), c(five)); }
C
} > o/main.c
echo 'extern int printf(const char*,...); void fail(const char *t, int l) { printf("%s:%d ", t, l); }' > o/b.c; cp o/b.c p/
sed 's/^N int a.*/&\n\n\n/; s/x \* 3/x * 5/' o/main.c > p/main.c
ends_under '__LINE__ in every function' 'same'
# section attribute, hot/unlikely, no_reorder; alignment; naked
new_case
{ echo "$head"; cat <<'C'
__attribute__((section(".text.special"), noipa)) int s1(int x) { PAD(x); return x + 1; }
__attribute__((section(".text.special"), noipa)) int s2(int x) { PAD(x); return x + 2; }
__attribute__((hot, noipa)) int s3(int x) { PAD(x); return x + 3; }
__attribute__((aligned(64), noipa)) int s4(int x) { PAD(x); return x + 4; }
__attribute__((noipa, target("no-sse3"))) double s5(double x) { return x + 0.25; }
RUN { printf("%d %d %d %d %.2f ", s1(one), s2(one), s3(one), s4(one), s5(one)); }
C
} > o/main.c
sed 's/x + 1/x + 11/; s/x + 3/x + 33/; s/x + 4/x + 44/; s/0.25/0.75/' o/main.c > p/main.c
ends_under 'functions in sections of their own' 'same|refused .*'
tap_done

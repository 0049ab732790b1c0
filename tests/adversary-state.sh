#!/bin/bash
# State, names and initialisers: what the patched program does is what the rebuilt one does, or the patch is refused.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091,SC2015
. "${top_srcdir:?}/tests/adversary-subr.sh"

# compound literal: live data
new_case
{ echo "$head"; cat <<'C'
static int *const p = (int[]){1, 2, 3};
N int bump(int i) { PAD(i); return p[i] += 10; }
N int get(int i) { PAD(i); return p[i]; }
RUN { printf("%d %d ", bump(one), get(one)); }
C
} > o/main.c
sed 's/+= 10/+= 10 + 0 * i; p[0]++; return p[i] += 10/' o/main.c > p/main.c
sed -i 's/p\[0\]++; return/return/; s/return p\[i\] += 10 + 0 \* i; return/printf("new "); return/' p/main.c
ends_under 'a compound literal that is live data keeps its value' 'same'
# renamed static variable: state starts anew
new_case
{ echo "$head"; cat <<'C'
static int calls = 100;
N int bump(int i) { PAD(i); return calls += i; }
N int get(void) { return calls; }
RUN { printf("%d %d ", bump(one), get()); }
C
} > o/main.c
sed 's/calls/counted/g' o/main.c > p/main.c
ends_under 'a renamed variable is refused' 'refused ambiguous-static'
new_case
{ echo "$head"; cat <<'C'
N int bump(int i) { static int calls; return calls += i; }
RUN { printf("%d ", bump(one)); }
C
} > o/main.c
sed 's/calls/counted/g' o/main.c > p/main.c
ends_under 'a renamed static local variable is refused' 'refused ambiguous-static'
# renamed static function
new_case
{ echo "$head"; cat <<'C'
static N int bump(int i) { PAD(i); return i * 3; }
static N int other(int i) { PAD(i); return bump(i) + i; }
int (*saved)(int) = other;
RUN { printf("%d %d ", bump(one), saved(five)); }
C
} > o/main.c
sed 's/bump/jump/g; s/i \* 3/i * 4/' o/main.c > p/main.c
ends_under 'a renamed static function' 'same|refused no-skip-first'
# inline statics g1/g2
new_case
{ echo "$head"; cat <<'C'
static inline int g1(void) { static int n; return ++n; }
static inline int g2(void) { static int n; return n += 10; }
N int f(void) { return g1(); }
RUN { printf("%d ", f()); }
C
} > o/main.c
sed 's/return g1/return g2/' o/main.c > p/main.c
ends_under 'a static variable of another inlined function is another one' 'refused ambiguous-static'
# definition overriding an import
new_case
{ echo "$head"; cat <<'C'
extern int abs(int);
extern int atoi(const char *);
N int a(int x) { PAD(x); return atoi("17") + x; }
RUN { printf("%d ", a(one)); }
C
} > o/main.c
cp o/main.c p/main.c; echo 'int atoi(const char *s) { return 4; }' >> p/main.c
ends_under 'an import that the file defines now' 'same|refused (binding-changed|no-skip-first)( .*)?'
# same, in a new file
new_case
{ echo "$head"; cat <<'C'
extern int atoi(const char *);
N int a(int x) { PAD(x); return atoi("17") + x; }
N int b(int x) { PAD(x); return atoi("17") + x; }
RUN { printf("%d %d ", a(one), b(one)); }
C
} > o/main.c
cp o/main.c p/main.c; echo 'int atoi(const char *s) { return 4; }' > p/new.c
sed -i 's/N int b(int x) { PAD(x); return/N int b(int x) { PAD(x); return 2 * /' p/main.c
ends_under 'an import that a new file defines' 'refused .*binding-changed.*'
# weak undefined, defined by the patch
new_case
{ echo "$head"; cat <<'C'
extern int hook(int) __attribute__((weak));
N int a(int x) { if (hook) return hook(x); return -1; }
N int b(int x) { PAD(x); return x + 1; }
RUN { printf("%d %d ", a(one), b(one)); }
C
} > o/main.c
sed 's/x + 1/x + 2/' o/main.c > p/main.c; echo 'int hook(int x) { return 40 + x; }' > p/new.c
ends_under 'a weak reference that a new file defines' 'refused .*binding-changed.*'
# weak overridden by strong of a new file
new_case
{ echo "$head"; cat <<'C'
__attribute__((weak)) N int hook(int x) { PAD(x); return x; }
N int a(int x) { PAD(x); return hook(x); }
N int b(int x) { PAD(x); return x + 1; }
RUN { printf("%d %d ", a(one), b(one)); }
C
} > o/main.c
sed 's/x + 1/x + 2/' o/main.c > p/main.c; echo 'int hook(int x) { return 40 + x; }' > p/new.c
ends_under 'a weak function that a new file defines, too' 'refused .*(moved-function|binding-changed).*'
# alias
new_case
{ echo "$head"; cat <<'C'
N int base(int x) { PAD(x); return x * 3; }
int alias1(int) __attribute__((alias("base")));
extern int alias2(int) __attribute__((alias("base"), weak));
N int b(int x) { PAD(x); return alias1(x) + alias2(x); }
RUN { printf("%d %d ", b(one), base(five)); }
C
} > o/main.c
sed 's/x \* 3/x * 4/' o/main.c > p/main.c
ends_under 'a function with aliases' 'same|refused no-skip-first'
# the alias points elsewhere
new_case
{ echo "$head"; cat <<'C'
N int base(int x) { PAD(x); return x * 3; }
N int next(int x) { PAD(x); return x * 5; }
int alias1(int) __attribute__((alias("base")));
N int b(int x) { PAD(x); return alias1(x); }
RUN { printf("%d %d %d ", b(one), base(five), next(five)); }
C
} > o/main.c
sed 's/alias("base")/alias("next")/' o/main.c > p/main.c
ends_under 'an alias of another function than before' 'refused .*binding-changed.*'
# static variable moves to another file
new_case
{ echo "$head"; cat <<'C'
static int n = 5;
N int f(int x) { PAD(x); return n += x; }
int g(int);
RUN { printf("%d %d ", f(one), g(one)); }
C
} > o/main.c
echo 'int g(int x) { return x; }' > o/b.c
sed '/static int n/d; s/^N int f.*/int f(int);/' o/main.c > p/main.c
cat > p/b.c <<'C'
static int n = 5;
int g(int x) { return x; }
int f(int x) { return n += x; }
C
ends_under 'a variable that moves to another file' 'nothing|refused .*(ambiguous-static|moved-function).*'
# file renamed, with state
new_case
{ echo "$head"; cat <<'C'
int g(int); int h(int);
RUN { printf("%d %d ", g(one), h(one)); }
C
} > o/main.c
cat > o/b.c <<'C'
static int n = 5;
int g(int x) { return n += x; }
C
echo '__attribute__((noipa)) int h(int x) { return x; }' > o/c.c
cp o/main.c p/main.c; sed 's/return x/return x+x/' o/c.c > p/c.c; cp o/b.c p/bnew.c
ends_under 'a file with state that is renamed' 'refused .*(ambiguous-static|moved-function).*'
# enum value shifts
new_case
{ echo "$head"; cat <<'C'
enum state { IDLE, BUSY, DONE };
static enum state s = IDLE;
N void step(void) { s = s == IDLE ? BUSY : s == BUSY ? DONE : IDLE; }
N const char *name(void) { switch (s) { case IDLE: return "idle"; case BUSY: return "busy"; default: return "done"; } }
RUN { step(); printf("%s ", name()); }
C
} > o/main.c
sed 's/{ IDLE, BUSY/{ IDLE, WAIT, BUSY/' o/main.c > p/main.c
ends_under 'enumerators that move' 'refused type-layout'
# global const changes
new_case
{ echo "$head"; cat <<'C'
static const struct { int a; const char *n; } tab[] = { {1, "a"}, {2, "b"}, {3, "c"} };
N int look(int i) { PAD(i); return tab[i % 3].a; }
N const char *nm(int i) { return tab[i % 3].n; }
RUN { printf("%d %s %s ", look(five), nm(five), nm(one)); }
C
} > o/main.c
sed 's/{2, "b"}/{2, "bbb"}/;s/{3, "c"} /{7, "d"}, {4, "e"} /;s/% 3/% 4/g' o/main.c > p/main.c
ends_under 'a table of constants' 'same|refused no-skip-first'
# changed initialiser
new_case
{ echo "$head"; cat <<'C'
int limit = 10; static int lim2 = 20; static const char *msg = "hello";
N int look(int i) { PAD(i); return i + limit + lim2; }
RUN { printf("%d %s ", look(five), msg); }
C
} > o/main.c
sed 's/"hello"/"hallo"/' o/main.c > p/main.c
ends_under 'an initialiser that is a string' 'same|refused changed-initialiser'
sed 's/limit = 10/limit = 11/' o/main.c > p/main.c
ends_under 'an initialiser that is a number' 'refused changed-initialiser'
tap_done

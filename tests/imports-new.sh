#!/bin/bash
# New imports are bound in running processes as the dynamic linker would bind them.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091,SC2119
. "${top_srcdir:?}/tests/imports-subr.sh"
ldflags='-Wl,--build-id'

# a function with a version, an indirect one that libc calls itself, and one that it does not
new_import_case()
{
    new_case
    cat > o/main.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
volatile int seven = 7;
char text[32] = "some words";
__attribute__((noipa)) int f(int x)
{
    return x * 3 + seven;
}
void run(void)
{
    printf("%d", f(2));
}
END
    sed 's/return x \* 3 + seven;/return atoi("100") * x + (int)strcspn(text, " ") + (int)strspn(text, "emos") + (strstr(text, "words") - text);/' \
        o/main.c > p/main.c
}

for flags in -O0 -O1 -O2 -O3 -Os '-O2 -fno-plt' '-O2 -fPIC' '-O2 -fcf-protection=full'; do
    cflags="$flags -fcf-protection=full -fPIE"
    ldflags='-Wl,--build-id -pie'
    new_import_case
    lives "new_imports_work_${flags// /_}" f 13 213
done

# a process whose first call is being held is stopped before anything is looked up
bad=0
start ./o/out
inject lazy
expect "lazy ($text)" "$result" PATCHED
ask
expect "after" "$said" 213
stop
tap_result $bad 'new_imports_are_bound_while_the_first_call_is_held'

# What the library itself has no slot for is resolved outside the process; time is in the vdso.
ldflags='-Wl,--build-id' libs='-Wl,--no-as-needed -lm'
calls() {
    cat <<'END'
time(NULL) > 1000000
gettimeofday(\&tv, NULL) == 0 \&\& tv.tv_sec > 1000000
(memcpy(buffer, text, (unsigned)x * 5), buffer[4] == 52)
(strncat(buffer, text, (unsigned)x * 3), buffer[2] == 50)
(memset(buffer, x, (unsigned)x), buffer[0] == 1)
wcsncmp(L"a", w, 1) == 0
clock_gettime(CLOCK_REALTIME, \&ts) == 0
stpcpy(buffer, text) > buffer
sin(d) == 0
fma(2, 3, d) == 6
pthread_mutex_lock(\&lock) == 0
getenv("SURELY_NOT_SET") == NULL
END
}
while read -r call; do
    new_case
    cat > o/main.c <<'END'
#define _GNU_SOURCE
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <wchar.h>
struct timeval tv;
struct timespec ts;
volatile double d;
pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
char buffer[64], text[64] = "0123456789";
wchar_t w[4] = L"ab";
__attribute__((noipa)) int f(int x) { return x * 3 + x / 7; }
void run(void) { printf("%d", f(1)); }
END
    sed "s|return x \* 3 + x / 7|return 5 + ($call)|" o/main.c > p/main.c
    cflags='-O2 -fno-builtin-fma -D_FORTIFY_SOURCE=2 -fPIE -fcf-protection=full'
    lives "a_new_call_of_$(sed 's/.*(\([a-z]*\)(.*/\1/; s/^(*\([a-z_]*\)(.*/\1/' <<< "$call")" f 3 6
done < <(calls)

# The address of an import, in data and in code; 32 bits of a program do not reach a library.
libs=''
address_case()
{
    new_case
    cat > o/main.c <<'END'
#include <stdio.h>
#include <stdlib.h>
__attribute__((noipa)) int call(int (*function)(const char *)) { return function("30"); }
__attribute__((noipa)) int f(int x) { return x * 3 + x / 7; }
void run(void) { printf("%d", f(1)); }
END
    sed "s|return x \* 3 + x / 7;|$1|" o/main.c > p/main.c
}
for flags in '-O0 -fPIE' '-O2 -fPIE' '-O0 -fno-pie' '-O2 -fno-pie'; do
    case $flags in *no-pie) ldflags='-Wl,--build-id -no-pie' ;; *) ldflags='-Wl,--build-id -pie' ;; esac
    cflags="$flags -fcf-protection=full"
    address_case 'static int (*const table[2])(const char *) = {atoi, atoi}; return call(table[x \& 1]);'
    lives "a_new_table_with_the_address_of_a_new_import_${flags// /_}" f 3 30
    address_case 'return call(atoi);'
    case $flags in
    *no-pie) refuses "the_address_of_a_new_import_in_32_bits_is_refused_${flags// /_}" import-address 'address of import atoi' ;;
    *) lives "the_address_of_a_new_import_is_passed_${flags// /_}" f 3 30 ;;
    esac
    address_case 'extern char **environ; return environ != NULL ? 30 : 0;'
    refuses "imported_data_in_32_bits_is_refused_${flags// /_}" import-address 'address of import environ'
done
tap_done

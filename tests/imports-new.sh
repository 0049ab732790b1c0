#!/bin/bash
# New imports are bound in running processes as the dynamic linker would bind them.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091
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
tap_done

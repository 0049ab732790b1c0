#!/bin/bash
# Indirect functions, versions and visibility: a reference means in the patch what ld made of it.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091,SC2119
. "${top_srcdir:?}/tests/imports-subr.sh"

# in_main BEFORE AFTER: both versions from standard input, where the first text becomes the second
both()
{
    new_case
    cat > o/main.c
    sed "s|$1|$2|" o/main.c > p/main.c
    ! cmp -s o/main.c p/main.c || echo "# the two versions are equal"
}

indirect='#include <stdio.h>
#define ATTR
static int chosen = 1;
__attribute__((noipa)) static int slow(int x) { return x + 100; }
__attribute__((noipa)) static int fast(int x) { return x + 200; }
static void *pick(void) { return chosen ? fast : slow; }
ATTR int work(int x) __attribute__((ifunc("pick")));
__attribute__((noipa)) int used(int x) { return work(x); }
__attribute__((noipa)) int f(int x) { return x * 2 + used(x); }
void run(void) { printf("%d %d", f(1), used(2)); }'
for flags in '-O0 -fPIE' '-O2 -fPIE' '-Os -fPIE' '-O2 -fno-plt -fPIE' '-O2 -fPIC -fvisibility=hidden'; do
    cflags="$flags -fcf-protection=full" ldflags='-Wl,--build-id -pie'
    both 'x \* 2 + used(x)' 'work(x) * 3' <<< "$indirect"
    lives "an_indirect_function_is_called_as_it_was_resolved_${flags// /_}" f '203 202' '603 202'
done
both 'x + 200' 'x + 300' <<< "$indirect"
lives 'an_implementation_of_an_indirect_function_is_patched' fast '203 202' '303 302'
cflags='-O2 -fno-pie -fcf-protection=full' ldflags='-Wl,--build-id -no-pie'
both 'x \* 2 + used(x)' 'work(x) * 3' <<< "$indirect"
lives 'an_indirect_function_of_a_program_at_a_fixed_address_is_called' f '203 202' '603 202'
both 'return chosen ? fast : slow' 'return chosen > 1 ? fast : slow' <<< "$indirect"
refuses 'a_resolver_that_changes_is_refused' ifunc 'resolver of indirect function work'

library=library
for visibility in '' '__attribute__((visibility(\"hidden\")))' '__attribute__((visibility(\"protected\")))'; do
    cflags='-O2 -fPIC -fcf-protection=full' ldflags='-Wl,--build-id'
    both 'x \* 2 + used(x)' 'work(x) * 3' < <(sed "s/^#define ATTR/#define ATTR ${visibility//\\/}/" <<< "$indirect")
    lives "an_indirect_function_of_a_library_is_called_$(tr -dc "[:lower:]" <<< "$visibility")" f '203 202' '603 202'
done

# Two versions of one function in the library, and references to both.
printf 'V1 { global: f; run; work; local: *; };\nV2 { global: work; } V1;\n' > versions
cflags='-O2 -fPIC -fcf-protection=full' ldflags="-Wl,--build-id,--version-script,$work/versions"
versioned='#include <stdio.h>
__attribute__((noipa)) int work_old(int x) { return x / 70 + x + 10; }
__attribute__((noipa)) int work_new(int x) { return x / 70 + x + 20; }
__asm__(".symver work_old, work@V1");
__asm__(".symver work_new, work@@V2");
int work(int x);
int work_first(int x);
__asm__(".symver work_first, work@V1");
__attribute__((noipa)) int f(int x) { return x * 2 + x / 70; }
void run(void) { printf("%d %d", f(1), work_old(1) + work_new(1)); }'
both 'x \* 2 + x / 70;' 'work_old(x) * 1000 + work_new(x);' <<< "$versioned"
lives 'both_versions_of_a_function_are_called_by_their_own_names' f '2 32' '11021 32'
both 'x + 10;' 'x + 30;' <<< "$versioned"
lives 'the_old_version_of_a_function_is_patched' 'work@V1 work_old' '2 32' '2 52'
both 'x + 20;' 'x + 40;' <<< "$versioned"
lives 'the_new_version_of_a_function_is_patched' 'work@@V2 work_new' '2 32' '2 52'

# The same for a library that others use: an old version is asked for by name.
cat > dep.c <<'END'
int dep_old(void) { return 51; }
int dep_new(void) { return 52; }
__asm__(".symver dep_old, dep@V1\n.symver dep_new, dep@@V2");
END
printf 'V1 { global: dep; local: *; };\nV2 { global: dep; } V1;\n' > dep.ver
gcc -O2 -fPIC -shared -Wl,-soname,libdep.so,--version-script,dep.ver -o libdep.so dep.c
libs="-L$work -ldep -Wl,-rpath,$work" ldflags='-Wl,--build-id'
asking='#include <stdio.h>
int dep(void), dep_first(void);
__asm__(".symver dep_first, dep@V1");
__attribute__((noipa)) int g(void) { return dep(); }
__attribute__((noipa)) int f(int x) { return x * 2 + x / 70; }
void run(void) { printf("%d %d", f(1), g()); }'
both 'x \* 2 + x / 70;' 'x + dep_first();' <<< "$asking"
lives 'a_new_import_of_an_old_version_is_bound_to_it' f '2 52' '52 52'
both 'x \* 2 + x / 70;' 'x + dep();' <<< "$asking"
lives 'an_import_of_the_default_version_is_bound_to_it' f '2 52' '53 52'
tap_done

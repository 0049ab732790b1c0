#!/bin/bash
# Imports of a library are found where the dynamic linker would look: interposed, copied, opened late.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091,SC2119
. "${top_srcdir:?}/tests/imports-subr.sh"
library=library cflags='-O2 -fPIC -fcf-protection=full' ldflags='-Wl,--build-id'
libs="-L$work -ldep -Wl,-rpath,$work -Wl,-z,lazy"

# what the library that is patched depends on; two versions of one function
cat > dep.c <<'END'
int dep_data = 3;
static int count;
int dep_number(void) { return 1; }
int dep_other(void) { return 2; }
int dep_next(void) { return ++count; }
void *dep_address(void) { return (void *)dep_other; }
int dep_old(void) { return 51; }
int dep_new(void) { return 52; }
__asm__(".symver dep_old, dep_versioned@V1\n.symver dep_new, dep_versioned@@V2");
END
printf 'V1 { global: *; };\nV2 { global: dep_versioned; } V1;\n' > dep.ver
$CC -O2 -fPIC -shared -Wl,-soname,libdep.so,--version-script,dep.ver -o libdep.so dep.c || exit 99
printf 'int dep_number(void) { return 100; }\nint dep_versioned(void) { return 500; }\n' > over.c
$CC -O2 -fPIC -shared -o over.so over.c || exit 99

# case_of BODY: f() returns dep_next() in the old library and BODY in the new one
case_of()
{
    new_case
    cat > o/main.c <<END
#include <stdio.h>
int dep_number(void), dep_other(void), dep_next(void), dep_versioned(void);
void *dep_address(void);
extern int dep_data;
int own(void);
__attribute__((noipa)) int own(void) { return 7; }
__attribute__((noipa)) int f(int x)
{
    return x + dep_next();
}
void run(void)
{
    printf("%d", f(1000));
}
END
    sed "s|return x + dep_next();|$1|" o/main.c > p/main.c
}

# program NAME SOURCE FLAGS...: another program that uses the library
program()
{
    name=$1 source=$2
    shift 2
    echo "$source" > "$name.c"
    $CC -O2 "$@" -o "$name" "$name.c" harness.o -Lo -lout -L. -ldep -Wl,-rpath,"$work/o" \
        -Wl,-rpath,"$work" -ldl
}

# counting NAME AFTER PROGRAM...: as goes, for a function that counts its calls in the old version
counting()
{
    name=$1 after=$2 bad=0
    shift 2
    start "$@"
    expect before "$said" 1001
    inject apply
    expect "apply ($text)" "$result" PATCHED
    ask
    expect after "$said" "$after"
    inject revert
    ask
    expect "after revert" "$said" 1002
    stop
    tap_result $bad "$name"
}

# made NAME: the case is built; else a failure of that name
made()
{
    differ
    [ "$status" = 0 ] && return
    sed 's/^/# /' log
    tap_result 1 "$1"
    return 1
}

case_of 'return x * 2 + dep_number() + dep_versioned();'
if made 'a_library_is_patched_with_new_imports'; then
    counting 'a_new_import_of_a_library_is_bound_to_its_dependency' 2053 ./o/program
    counting 'a_preloaded_library_takes_the_import_over' 2600 ./o/program LD_PRELOAD="$work/over.so"
    program exporting 'int dep_number(void) { return 200; }' -rdynamic
    counting 'the_program_takes_the_import_over' 2252 ./exporting
    program hiding 'int dep_number(void) { return 200; }' -Wl,--version-script=/dev/stdin <<< '{ local: *; };'
    counting 'a_program_that_does_not_export_it_does_not' 2053 ./hiding
fi

case_of 'return x + (dep_address() == (void *)dep_other) + (int)((int (*)(void))dep_other)();'
if made 'the_address_of_a_new_import_is_taken'; then
    counting 'the_address_of_a_new_import_is_that_of_its_library' 1003 ./o/program
    # the program makes its PLT entry the address of the function for everybody
    program fixed 'int dep_other(void); int (*volatile pointer)(void) = dep_other;' -fno-pie -no-pie \
        -Wl,-z,lazy
    counting 'the_address_of_a_new_import_is_the_canonical_one' 1003 ./fixed
fi

# The library calls it already, through a slot that is bound at the first call.
new_case
cat > o/main.c <<'END'
#include <stdio.h>
int dep_other(void), dep_next(void);
void *dep_address(void);
__attribute__((noipa)) int never(int x) { return x ? dep_other() : 3; }
__attribute__((noipa)) int f(int x)
{
    return x + dep_next();
}
void run(void) { printf("%d", f(1000)); }
END
sed "s|return x + dep_next();|return x + (dep_address() == (void *)dep_other);|" o/main.c > p/main.c
made 'the_address_of_an_import_that_is_only_called' &&
    counting 'the_address_of_an_import_is_found_while_its_slot_is_not_bound' 1001 ./o/program

case_of 'dep_data += 10; return x + dep_data;'
if made 'new_data_is_imported'; then
    counting 'imported_data_is_that_of_its_library' 1013 ./o/program
    program copying 'extern int dep_data; int (*unused)(void); void set(void); void set(void) { dep_data = 600; }' \
        -fno-pie -no-pie -rdynamic
    start ./copying
    ask set
    inject apply
    ask
    bad=0
    expect "patched, with a copy relocation" "$said" 1610
    stop
    tap_result $bad 'imported_data_is_the_copy_that_the_program_has'
fi

case_of 'return x + own();'
if made 'a_symbol_of_its_own_that_others_may_define'; then
    counting 'a_symbol_of_its_own_is_called' 1007 ./o/program
    program owning 'int own(void); int own(void) { return 70; }' -rdynamic
    counting 'a_symbol_of_its_own_is_taken_over_by_the_program' 1070 ./owning
fi

case_of 'return x + (int)(long)(own == (void *)0);'
sed -i 's|return x + (int)(long)(own == (void \*)0);|return x + table[x \& 1]();|; s|^int own(void);$|int own(void); extern int (*const table[2])(void);|' p/main.c
sed 's|^int own(void);$|int own(void); extern int (*const table[2])(void);|' -i o/main.c
echo 'int (*const table[2])(void) __attribute__((visibility("hidden"))) = {own, own};' | tee -a o/main.c >> p/main.c
made 'a_table_of_functions' && counting 'pointers_to_functions_of_the_library_are_kept' 1007 ./o/program

# Opened while the program runs: another scope.
case_of 'return x * 2 + dep_number() + atoi("30");'
sed -i 's|#include <stdio.h>|&\nextern int atoi(const char *);|' p/main.c
cat > opener.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
void run(void), again(void), shut(void);
static void *handles[2];
static void call(int i)
{
    void (*f)(void) = handles[i] ? (void (*)(void))dlsym(handles[i], "run") : NULL;
    if (f)
        f();
    else
        printf("none %s", dlerror());
}
void run(void)
{
    const char *how = getenv("HOW");
    if (!handles[0])
        handles[0] = how ? dlmopen(LM_ID_NEWLM, getenv("LIBRARY"), RTLD_NOW)
                         : dlopen(getenv("LIBRARY"), RTLD_NOW | (getenv("DEEP") ? RTLD_DEEPBIND : 0));
    call(0);
    if (how)
        fflush(NULL);
}
void again(void)
{
    if (!handles[1])
        handles[1] = dlmopen(LM_ID_NEWLM, getenv("LIBRARY"), RTLD_NOW);
    call(1);
}
void shut(void)
{
    printf("%d", dlclose(handles[0]));
    handles[0] = NULL;
}
END
$CC -O2 -rdynamic -o opener opener.c harness.o -ldl || exit 99
lib=$work/o/libout.so
if made 'a_library_that_is_opened'; then
    counting 'a_library_that_was_opened_finds_its_dependency' 2031 ./opener LIBRARY="$lib"
    counting 'a_preloaded_library_that_has_no_such_symbol_changes_nothing' 2031 ./opener \
        LIBRARY="$lib" LD_PRELOAD=libm.so.6
    bad=0
    start ./opener LIBRARY="$lib" LD_PRELOAD="$work/over.so"
    inject apply
    expect "apply" "$result" UNSUPPORTED
    expect "reason" "$text" \
        'cannot bind dep_number: dep_number has several definitions, and which one counts cannot be seen'
    ask
    expect "afterwards" "$said" 1002
    stop
    tap_result $bad 'with_two_definitions_in_question_an_opened_library_is_left_alone'
    printf 'int dep_next(void) { return 1; }\n' >> over.c
    $CC -O2 -fPIC -shared -o over.so over.c
    start ./opener LIBRARY="$lib" LD_PRELOAD="$work/over.so"
    inject apply
    ask
    bad=0
    expect "apply ($text)" "$result" PATCHED
    expect "patched" "$said" 2130
    stop
    tap_result $bad 'what_is_bound_already_tells_that_the_preloaded_library_comes_first'
    start ./opener LIBRARY="$lib" LD_PRELOAD="$work/over.so" DEEP=1
    inject apply
    ask
    bad=0
    expect "apply ($text)" "$result" PATCHED
    expect "patched" "$said" 2031
    stop
    tap_result $bad 'what_is_bound_already_tells_that_its_own_libraries_come_first'
fi

# Two copies of the library and of what it needs.
case_of 'dep_data += 10; return x + dep_data;'
sed -i 's|printf("%d", f(1000))|dprintf(1, "%d", f(1000))|' o/main.c p/main.c
if made 'a_library_in_two_namespaces'; then
    bad=0
    start ./opener LIBRARY="$lib"
    ask again
    expect "second copy before" "$said" 1001
    inject apply
    expect "apply ($text)" "$result" PATCHED
    ask
    expect "first copy" "$said" 1013
    ask again
    expect "second copy" "$said" 1013
    ask
    expect "first copy again" "$said" 1023
    stop
    tap_result $bad 'each_namespace_has_its_own_definitions'
    bad=0
    start ./opener LIBRARY="$lib"
    for i in 1 2 3; do
        inject apply
        expect "apply $i ($text)" "$result" PATCHED
        ask
        expect "patched $i" "$said" 1013
        ask shut
        expect "closed $i" "$said" 0
        ask
        expect "opened again $i" "$said" 1001
    done
    stop
    tap_result $bad 'a_library_that_is_closed_and_opened_again_is_bound_again'
fi
tap_done

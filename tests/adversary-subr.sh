# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Cases as in differ-subr.sh, judged by what the fully rebuilt patched program does: where a patch is
# made, the original program with it must go on as the patched one does; where none is made, the
# reason must be one that is expected. Sourced by adversary-*.sh.

. "${top_srcdir:?}/tests/differ-subr.sh"

# What a program prints in the second call of run(). Usage: second_round SIDE PATCH
second_round()
{
    local first both
    if [ "$library" ]; then
        first=$("./$1/program" 2>&1) both=$("./$1/program" "$2" libout.so 2>&1)
    else
        first=$("./$1/out" 2>&1) both=$("./$1/out" "$2" 2>&1)
    fi
    case $both in
        "$first"*) printf '%s' "${both#"$first"}" ;;
        *) printf 'first round differs: %s / %s' "$first" "$both" ;;
    esac
}

# What became of it: "same", "nothing", "refused CODES", "wrong", "nothing, but it differs",
# "failed", "does not build". Usage: judge
judge()
{
    local was will
    differ
    case $status in
        0)
            was=$(second_round o out.patch) will=$(second_round p -)
            if [ "$was" = "$will" ]; then
                verdict=same
            else
                verdict=wrong
                printf 'with the patch: %s\nrebuilt: %s\n' "$was" "$will" >> log
            fi
            ;;
        3) verdict="refused $(codes)" ;;
        4)
            was=$(second_round o -) will=$(second_round p -)
            verdict=nothing
            [ "$was" = "$will" ] || verdict='nothing, but it differs'
            ;;
        build) verdict='does not build' ;;
        *) verdict=failed ;;
    esac
}

# ends NAME PATTERN: the verdict is one of these (an extended regular expression, as a whole)
ends()
{
    judge
    if [[ $verdict =~ ^($2)$ ]]; then
        [ -z "${SHOW:-}" ] || echo "# $verdict"
        tap_result 0 "$1"
        return
    fi
    sed 's/^/# /' log
    echo "# $verdict, wanted $2; changed '$(changed)', new '$(functions new)'"
    tap_result 1 "$1"
}

# ends_under NAME PATTERN: the same with each line of $matrix: COMPILER;FLAGS;LINKER FLAGS;LIBRARY
ends_under()
{
    local line compiler=$CC
    while IFS=';' read -r CC cflags ldflags library; do
        command -v "$CC" > /dev/null || continue
        line="${CC}_${cflags}_${ldflags}_$library"
        ends "$1 with ${line// /_}" "$2"
    done <<< "$matrix"
    CC=$compiler
}

# What all sources begin with.
head='extern int printf(const char *, ...);
#define N __attribute__((noipa))
#define PAD(x) if ((x) > 1000) printf("pad %d ", (int)(x)) /* room for the jump */
#define RUN __attribute__((visibility("default"))) void run(void)
volatile int one = 1, two = 2, five = 5;'
# the same for a file that does not define them
more=$(sed 's/^volatile int/static &/' <<< "$head")

# `make check` takes one way to build, `make check-adversary` all of them.
matrix="$CC;-O2 -fcf-protection=full;;"
if [ "${SYSCARE_ADVERSARY:-}" = full ]; then
    matrix='gcc-12;-O2;;
gcc-12;-O0;;
gcc-12;-O3 -fcf-protection=full;-Wl,-z,now;
gcc-12;-Os -fcf-protection=full -ffunction-sections;-Wl,--gc-sections;
gcc-12;-O2 -fno-pie -fcf-protection=full;-no-pie;
gcc-11;-O1 -fcf-protection=full;;
gcc-11;-O2 -g3 -fno-plt -fcommon;;
gcc-12;-O2 -fPIC -fcf-protection=full;;library
gcc-12;-O2 -fPIC -fvisibility=hidden -fno-semantic-interposition -fcf-protection=full;-Wl,-Bsymbolic;library'
fi

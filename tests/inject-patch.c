// SPDX-License-Identifier: GPL-2.0-or-later
// The new functions of the patch objects that the injector is tested with.

/* By a dynamic symbol, through the patch's own GOT: entry 0 of .syscare.sym. */
extern int target_counter __asm__("sct.0.target_counter");

/* By a PC-relative relocation of .syscare.rela: see inject-make-patch.sh. */
int call_helper(int x);

static volatile int calls[2048];               /* .bss: must be zero */
static const char *volatile word = "thousand"; /* a pointer to be relocated, in .data */

/* 1000 only if data, .bss, the target's variable and the target's function are reached. */
__attribute__((noinline)) static int thousand(void)
{
    const char *text = word;
    int zero = calls[0] | calls[2047];
    int length = 0;

    while (text[length])
        length++;
    target_counter++;
    return length == 8 && zero == 0 && call_helper(993) == 1000 ? 1000 : 5;
}

int new_answer0(int x)
{
    return 2 * x + 1 + thousand();
}

int new_answer1(int x)
{
    return 2 * x + 1 + thousand();
}

int new_answer2(int x)
{
    return 2 * x + 1 + thousand();
}

int new_answer3(int x)
{
    return 2 * x + 1 + thousand();
}

int new_quiet(int x)
{
    return 2 * x + 1 + thousand();
}

int new_missing(int x)
{
    return x;
}

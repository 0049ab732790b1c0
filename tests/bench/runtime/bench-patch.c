// SPDX-License-Identifier: GPL-2.0-or-later
// The new functions of the patch that the benchmarks apply.

int new_answer0(int x);

int new_answer0(int x)
{
    return 2 * x + 1001;
}

/* Data that is written at load (a pointer), as nearly every patch has some. */
static const char *volatile word = "thousand";

int new_answer1(int x);

int new_answer1(int x)
{
    return 2 * x + 1 + (word[0] == 't' ? 1000 : 0);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program of many kinds to be patched: what a kind is given, and what it tells about itself in a
 * file that the test maps too. So it can be watched whatever it is: stopped, without system calls,
 * in another namespace.
 */
#ifndef TESTS_TARGETS_TARGET_H
#define TESTS_TARGETS_TARGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOTS_MAX 256

/* What one target tells; all its threads and children count in the same place. */
struct slot {
    atomic_ulong pid;   /* in its own namespace; set last when it starts: the rest is valid then */
    atomic_ulong first; /* its first round: 1 old, 2 new, 3 other */
    atomic_ulong old_rounds, new_rounds;
    atomic_ulong wrong;  /* results that are neither old nor new */
    atomic_ulong mixed;  /* rounds that went from old to new and back, or the other way round */
    atomic_ulong eintr;  /* calls that failed with EINTR without a signal */
    atomic_ulong lost;   /* registers or stack words that changed */
    atomic_ulong failed; /* calls that failed otherwise */
    atomic_ulong go;     /* written by the test, for kinds that wait for a word */
    atomic_ulong at;     /* told by kinds that pass through stages */
    char note[64];       /* what failed first */
};

_Static_assert(sizeof(struct slot) == 152, "targets-bare.S knows it");

struct slots {
    struct slot items[SLOTS_MAX];
};

extern struct slot *self;

/* The functions under test: of the program itself, or of a library that was opened. */
#define FUNCTIONS 3
struct functions {
    int (*answer[FUNCTIONS])(int);
};
extern struct functions program;

/* Calls all functions once and counts. */
void round_of(const struct functions *functions);
void round_once(void);

/* Counts what a system call returned; EINTR is not expected. */
void call_check(const char *name, long result);

/* Counts a failure that is told by name. */
void fail(const char *name);

/* Sleeps; the time left after a signal is slept too. */
void rest_ms(long milliseconds);

/* Rounds for ever, with a rest in between. */
_Noreturn void rounds_forever(void);

/* Opens a library and finds the functions in it. False: not loaded. */
bool functions_open(const char *path, struct functions *functions, void **handle);
bool functions_find(void *handle, struct functions *functions);

/* A kind: argument is the rest of the command line. */
struct kind {
    const char *name;
    void (*run)(char **arguments);
};

extern const struct kind kinds_stack[], kinds_thread[], kinds_limit[], kinds_library[],
    kinds_call[];

/* Only in the program that is made for it. */
extern const struct kind kinds_parameters[] __attribute__((weak));

#endif

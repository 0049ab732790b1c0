// SPDX-License-Identifier: GPL-2.0-or-later
// The program to be patched: chooses what kind it is, calls the functions, counts.
//
// usage: targets-target STATUS-FILE SLOT KIND [ARGUMENT]...
#include "tests/targets-target.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Weak: a program that opens a library later has none of its own. */
int answer0(int x) __attribute__((weak));
int answer1(int x) __attribute__((weak));
int answer2(int x) __attribute__((weak));
void quiet_sleep(void);

struct slot *self;
struct functions program;

/* What inject-functions.S refers to. */
void quiet_sleep(void)
{
    rest_ms(100);
}

void round_of(const struct functions *functions)
{
    static atomic_int number;
    int x = atomic_fetch_add(&number, 1) % 100000;
    unsigned long none = 0;
    int fresh = 0, right = 0, changes = 0, last = 0;

    for (int i = 0; i < FUNCTIONS; i++) {
        int result = functions->answer[i](x);
        int is_new = result == 2 * x + 1001;

        fresh += is_new;
        right += is_new || result == 2 * x + 1;
        changes += i && is_new != last;
        last = is_new;
    }
    atomic_compare_exchange_strong(
        &self->first, &none, right != FUNCTIONS || (fresh && fresh != FUNCTIONS) ? 3 : 1 + !!fresh);
    if (right != FUNCTIONS)
        atomic_fetch_add(&self->wrong, 1);
    else if (changes > 1)
        atomic_fetch_add(&self->mixed, 1);
    else if (changes == 0) /* one change: the switch came in the middle of the round */
        atomic_fetch_add(fresh ? &self->new_rounds : &self->old_rounds, 1);
}

void round_once(void)
{
    round_of(&program);
}

void fail(const char *name)
{
    if (!self->note[0])
        snprintf(self->note, sizeof(self->note), "%s: %s", name, strerror(errno));
    atomic_fetch_add(&self->failed, 1);
}

void call_check(const char *name, long result)
{
    if (result >= 0)
        return;
    if (errno != EINTR) {
        fail(name);
        return;
    }
    if (!self->note[0])
        snprintf(self->note, sizeof(self->note), "EINTR of %s", name);
    atomic_fetch_add(&self->eintr, 1);
}

void rest_ms(long milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};

    while (nanosleep(&time, &time) < 0 && errno == EINTR)
        ;
}

void rounds_forever(void)
{
    for (;;) {
        round_once();
        rest_ms(5);
    }
}

static void run_plain(char **arguments)
{
    (void)arguments;
    rounds_forever();
}

/* Calls once, tells, ends: for many first calls. */
static void run_once(char **arguments)
{
    (void)arguments;
    round_once();
}

/* Never sleeps for long: met in the middle of code, not in the kernel. */
static void run_spin(char **arguments)
{
    (void)arguments;
    for (;;) {
        for (int i = 0; i < 2000; i++)
            round_once();
        rest_ms(1);
    }
}

static const struct kind kinds_plain[] = {
    {"plain", run_plain}, {"once", run_once}, {"spin", run_spin}, {0}};

static const struct kind *kind_find(const char *name)
{
    const struct kind *const tables[] = {kinds_plain,   kinds_stack, kinds_thread,    kinds_limit,
                                         kinds_library, kinds_call,  kinds_parameters};

    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
        for (const struct kind *kind = tables[t]; kind && kind->name; kind++)
            if (strcmp(kind->name, name) == 0)
                return kind;
    return NULL;
}

int main(int argc, char **argv)
{
    int fd = argc > 3 ? open(argv[1], O_RDWR | O_CLOEXEC) : -1;
    const struct kind *kind = argc > 3 ? kind_find(argv[3]) : NULL;
    struct slots *slots =
        fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*slots), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    unsigned long index = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;

    if (slots == MAP_FAILED || index >= SLOTS_MAX || !kind) {
        fprintf(stderr, "usage: targets-target STATUS-FILE SLOT KIND [ARGUMENT]...\n");
        return 2;
    }
    close(fd);
    self = &slots->items[index];
    program = (struct functions){{answer0, answer1, answer2}};
    atomic_store(&self->pid, (unsigned long)getpid());
    kind->run(argv + 4);
    return 0;
}

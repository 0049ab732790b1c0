// SPDX-License-Identifier: GPL-2.0-or-later
// Tells from their status file what targets run.
//
// usage: targets-look FILE runs old|new|BOTH NAME=SLOT...   each target makes rounds of that code
// only
//        targets-look FILE first old|new NAME=SLOT...       so was its first round
//        targets-look FILE get FIELD SLOT                   prints a counter
//        targets-look FILE go SLOT                          tells a target that waits
//        targets-look FILE clear SLOT                       for the next one that uses the slot
// Those that differ are named; status 1 if there are any.
#include "tests/targets-target.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 15000
#define ROUNDS 4

static const char *const codes[] = {"none", "old", "new", "wrong"};

static void sleep_ms(long milliseconds)
{
    nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000}, NULL);
}

static unsigned long rounds_of(struct slot *slot)
{
    return atomic_load(&slot->old_rounds) + atomic_load(&slot->new_rounds);
}

/* Waits for a few rounds. False when there are none. */
static bool slot_wait(struct slot *slot, unsigned long from)
{
    for (long waited = 0; rounds_of(slot) < from + ROUNDS; waited += 2) {
        if (waited >= PATIENCE_MS)
            return false;
        sleep_ms(2);
    }
    return true;
}

/*
 * "old", "new", "both", or "none". Rounds that had begun before are not held against it: so what
 * comes after a first few counts.
 */
static const char *slot_code(struct slot *slot)
{
    unsigned long old, fresh;

    if (!slot_wait(slot, rounds_of(slot)))
        return "none";
    sleep_ms(20);
    old = atomic_load(&slot->old_rounds);
    fresh = atomic_load(&slot->new_rounds);
    if (!slot_wait(slot, old + fresh))
        return "none";
    old = atomic_load(&slot->old_rounds) - old;
    fresh = atomic_load(&slot->new_rounds) - fresh;
    return old && fresh ? "both" : old ? "old" : "new";
}

/* Anything that must never be. True if there is. */
static bool slot_damaged(const char *name, struct slot *slot)
{
    unsigned long wrong = atomic_load(&slot->wrong), mixed = atomic_load(&slot->mixed);
    unsigned long eintr = atomic_load(&slot->eintr), lost = atomic_load(&slot->lost);
    unsigned long failed = atomic_load(&slot->failed);

    if (!(wrong | mixed | eintr | lost | failed))
        return false;
    printf("%s: wrong %lu mixed %lu eintr %lu lost %lu failed %lu (%s)\n", name, wrong, mixed,
           eintr, lost, failed, slot->note);
    return true;
}

static bool target_differs(struct slots *slots, const char *verb, const char *code,
                           const char *target)
{
    char name[64];
    unsigned index;
    const char *got;

    if (sscanf(target, "%63[^=]=%u", name, &index) != 2 || index >= SLOTS_MAX)
        return printf("%s: not understood\n", target) > 0;
    if (strcmp(verb, "first") == 0)
        got = codes[atomic_load(&slots->items[index].first) & 3];
    else
        got = slot_code(&slots->items[index]);
    if (strcmp(got, code) == 0)
        return slot_damaged(name, &slots->items[index]);
    printf("%s: %s code\n", name, got);
    slot_damaged(name, &slots->items[index]);
    return true;
}

static int field_print(struct slot *slot, const char *name)
{
    const struct {
        const char *name;
        atomic_ulong *value;
    } fields[] = {
        {"pid", &slot->pid},        {"first", &slot->first}, {"old", &slot->old_rounds},
        {"new", &slot->new_rounds}, {"eintr", &slot->eintr}, {"at", &slot->at},
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (strcmp(fields[i].name, name) == 0)
            return printf("%lu\n", atomic_load(fields[i].value)) < 0;
    return 2;
}

static int slot_command(struct slots *slots, int argc, char **argv)
{
    struct slot *slot = &slots->items[strtoul(argv[argc - 1], NULL, 10) % SLOTS_MAX];

    if (strcmp(argv[2], "get") == 0 && argc == 5)
        return field_print(slot, argv[3]);
    if (strcmp(argv[2], "go") == 0)
        return atomic_store(&slot->go, 1), 0;
    if (strcmp(argv[2], "clear") == 0)
        return memset(slot, 0, sizeof(*slot)), 0;
    return 2;
}

int main(int argc, char **argv)
{
    int fd = argc > 3 ? open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
    struct slots *slots = MAP_FAILED;
    int status = 0;

    if (fd >= 0 && ftruncate(fd, sizeof(*slots)) == 0)
        slots = mmap(NULL, sizeof(*slots), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (slots == MAP_FAILED) {
        fprintf(stderr, "usage: targets-look FILE runs|first|get|go|clear ...\n");
        return 2;
    }
    if (strcmp(argv[2], "runs") != 0 && strcmp(argv[2], "first") != 0)
        return slot_command(slots, argc, argv);
    for (int i = 4; i < argc; i++)
        status |= target_differs(slots, argv[2], argv[3], argv[i]);
    return status;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Watches over jumps at the entry of functions: nobody may have a uprobe there.
#include "runtime/entry_jump.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

static const char *const tracing[] = {"/sys/kernel/tracing/uprobe_events",
                                      "/sys/kernel/debug/tracing/uprobe_events"};

/*
 * The kernel puts the breakpoints of all uprobes that are not meant for one process only into every
 * private mapping that could be executed, when it is made (uprobe_mmap, kernel/events/uprobes.c).
 * So a mapping of our own shows what new processes would get, whatever tool it comes from.
 */
static bool is_probed(const struct entry_jump *jump, int target_fd)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t start = jump->offset & ~(page - 1);
    size_t size = jump->offset - start + jump->size;
    void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, target_fd, (off_t)start);
    bool probed;

    if (map == MAP_FAILED)
        return false; /* each process is looked at before anything is written */
    probed = memcmp((const char *)map + (jump->offset - start), jump->old, jump->size) != 0;
    munmap(map, size);
    return probed;
}

const char *entry_jump_probed(const struct live_patch *patch, int target_fd)
{
    for (size_t i = 0; target_fd >= 0 && i < patch->entry_jump_count; i++)
        if (is_probed(&patch->entry_jumps[i], target_fd))
            return patch->entry_jumps[i].name;
    return NULL;
}

/* False once it is out of all processes. */
static bool is_in_force(struct daemon *daemon, const struct live_patch *patch)
{
    cleanup_problems struct problem_list list = switcher_problems(daemon->switcher, patch->uuid);

    return atomic_load(&patch->wanted) || list.count > 0;
}

/* The name of an event of tracefs at that offset of some file; NULL if there is none. */
static char *find_event(const char *path, uint64_t offset)
{
    cleanup_file FILE *events = fopen(path, "re");
    cleanup_free char *line = NULL;
    size_t room = 0;

    while (events && getline(&line, &room, events) > 0) {
        const char *colon = strrchr(line, ':');
        uint64_t at;
        char name[128];

        /* "p:GROUP/NAME PATH:0xOFFSET ARGUMENTS" */
        if (colon && sscanf(colon, ":0x%" SCNx64, &at) == 1 && at == offset &&
            sscanf(line, "%*c:%127s", name) == 1)
            return sc_format("%s", name);
    }
    return NULL;
}

char *entry_jump_prober(const struct live_patch *patch, const char *function)
{
    for (size_t i = 0; i < patch->entry_jump_count; i++) {
        if (strcmp(patch->entry_jumps[i].name, function) != 0)
            continue;
        for (size_t j = 0; j < sizeof(tracing) / sizeof(tracing[0]); j++) {
            cleanup_free char *name = find_event(tracing[j], patch->entry_jumps[i].offset);

            if (name)
                return sc_format(" (perhaps the event %s of tracefs)", name);
        }
    }
    return sc_format("%s", "");
}

/* True if a patch of ours has a uprobe there: entry_jump_check_others judges that. */
static bool is_ours(struct daemon *daemon, const struct live_patch *patch,
                    const struct entry_jump *jump)
{
    cleanup_live_list struct live_list live = live_set_list(&daemon->live);

    for (size_t i = 0; i < live.count; i++)
        for (size_t j = 0; j < live.items[i]->probe_count; j++)
            if (live_patch_same_target(live.items[i], patch) &&
                live.items[i]->probes[j].offset - jump->offset < jump->size)
                return true;
    return false;
}

/* The function that has a uprobe of another tool, or NULL. */
static const char *find_foreign(struct daemon *daemon, const struct live_patch *patch,
                                int target_fd)
{
    for (size_t i = 0; target_fd >= 0 && i < patch->entry_jump_count; i++)
        if (is_probed(&patch->entry_jumps[i], target_fd) &&
            !is_ours(daemon, patch, &patch->entry_jumps[i]))
            return patch->entry_jumps[i].name;
    return NULL;
}

int entry_jump_check(struct daemon *daemon, const struct live_patch *patch, int target_fd,
                     struct sc_error **err)
{
    cleanup_free char *prober = NULL;
    const char *function;

    if (patch->entry_jump_count == 0)
        return 0;
    if (!daemon->options.entry_jumps)
        return sc_error_set(err, SC_REFUSED,
                            "entry-jumps: the jump into function %s would stand at its first byte, "
                            "and the configuration of syscared forbids that (entry-jumps = no)",
                            patch->entry_jumps[0].name);
    function = find_foreign(daemon, patch, target_fd);
    if (!function)
        return 0;
    prober = entry_jump_prober(patch, function);
    return sc_error_set(err, SC_REFUSED,
                        "foreign-probe: another tool has a uprobe on function %s%s, where the jump "
                        "of this patch would stand; end that tool first",
                        function, prober);
}

int entry_jump_check_others(struct daemon *daemon, const struct live_patch *patch,
                            struct sc_error **err)
{
    cleanup_live_list struct live_list live = live_set_list(&daemon->live);

    for (size_t i = 0; i < live.count; i++) {
        const char *function = live.items[i] == patch || !is_in_force(daemon, live.items[i])
                                   ? NULL
                                   : live_patch_probe_clash(patch, live.items[i]);

        if (function)
            return sc_error_set(err, SC_REFUSED,
                                "conflict: %s and %s enter function %s in different ways, one by a "
                                "jump at its first byte, one with a uprobe there; deactivate the "
                                "other one first",
                                patch->name, live.items[i]->name, function);
    }
    return 0;
}

void entry_jump_watch(struct live_patch *patch, int target_fd)
{
    if (patch->entry_jump_count && target_fd >= 0 && patch->target_fd < 0)
        patch->target_fd = fcntl(target_fd, F_DUPFD_CLOEXEC, 0);
}

void entry_jump_audit(struct daemon *daemon, struct live_patch *patch)
{
    const char *function = entry_jump_probed(patch, patch->target_fd);
    struct log_about about = {.patch = patch->name, .result = "foreign-probe"};
    cleanup_free char *prober = NULL;

    if (function == patch->probed)
        return;
    patch->probed = function;
    if (!function) {
        log_write(&daemon->log, LOG_NOTICE, &about, "the uprobe of another tool is gone");
        return;
    }
    prober = entry_jump_prober(patch, function);
    log_write(&daemon->log, LOG_ERR, &about,
              "another tool has put a uprobe on function %s%s, over a jump of ours: processes that "
              "call it crash until that is repaired, and new ones are left alone; end that tool",
              function, prober);
}

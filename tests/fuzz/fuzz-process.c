// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: the memory of a process that is patched, or is none of ours: its libraries, their
// symbols, and what of a patch is in it.
#include "runtime/process_maps.c" /* for its static functions */
#include "runtime/process_state.h"
#include "runtime/process_symbol.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

/* The parts: text of /proc/PID/maps; pieces of memory, each behind its address and size, 64 bits.
 */
enum { MAPS, MEMORY, PATCH, PART_COUNT };

FUZZ_PARTS_MUTATOR(PART_COUNT)

/* As process_maps_read takes the lines. */
static void take_maps(struct process *process, const struct fuzz_part *part)
{
    cleanup_free char *text = fuzz_text(part->data, part->size);

    process->maps = calloc(line_count(text) + 1, sizeof(*process->maps));
    if (!process->maps)
        abort();
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        if (map_parse(line, &process->maps[process->map_count]))
            process->map_count++;
    }
}

/* A file that is nothing but holes, where there is no memory, is as good as one of /proc. */
static void take_memory(const struct process *process, const struct fuzz_part *part)
{
    const uint8_t *at = part->data;
    size_t left = part->size;
    uint64_t head[2];

    while (left >= sizeof(head)) {
        memcpy(head, at, sizeof(head));
        at += sizeof(head);
        left -= sizeof(head);
        if (head[1] > left || head[0] > UINT64_C(1) << 47)
            return;
        if (pwrite(process->mem, at, head[1], (off_t)head[0]) < 0)
            abort();
        at += head[1];
        left -= head[1];
    }
}

static void look_up(const struct process_modules *modules, size_t module)
{
    static const struct symbol_query queries[] = {{.name = "main"},
                                                  {.name = "_r_debug", .version = "GLIBC_2.2.5"},
                                                  {.name = "x", .library = "libx.so.1"}};
    struct module_scope scope = {0};
    struct symbol_match match;
    uint64_t address = 0;

    for (size_t i = 0; i < sizeof(queries) / sizeof(*queries); i++)
        module_symbol_find(modules, module, &queries[i], &match, NULL);
    if (module_scope_find(modules, module, &scope, NULL) == 0) {
        for (size_t i = 0; i < sizeof(queries) / sizeof(*queries); i++)
            if (process_symbol_find(modules, module, &scope, &queries[i], &match, NULL) == 1)
                process_symbol_resolved(modules, &queries[i], &match, &address, NULL);
        if (!scope.member && scope.local_count)
            process_symbol_order(modules, module, &scope);
        for (uint32_t i = 0; i < 4; i++)
            free(module_symbol_version(modules, &modules->items[module], i));
    }
    module_scope_free(&scope);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_part parts[PART_COUNT];
    char path[64];
    struct process process = {.mem = fuzz_file(NULL, 0, path)};
    cleanup_modules struct process_modules *modules = NULL;
    cleanup_close int mem = process.mem;
    cleanup_close int fd = -1;
    cleanup_patch struct patch_object *patch = NULL;

    fuzz_split(data, size, parts, PART_COUNT);
    take_maps(&process, &parts[MAPS]);
    take_memory(&process, &parts[MEMORY]);
    modules = process_modules_read(&process, NULL);
    for (size_t i = 0; modules && i < modules->count && i < 8; i++)
        look_up(modules, i);
    fd = fuzz_file(parts[PATCH].data, parts[PATCH].size, path);
    patch = patch_object_open(fd, NULL);
    if (patch) {
        cleanup_state struct process_state *state = process_state_read(&process, patch, NULL);

        if (state)
            process_state_verdict(state);
    }
    free(process.maps);
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// The BPF program of the daemon: the one that goes with the way is loaded, with the maps it needs.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "runtime/bpf/hold.skel.h"
#include "runtime/bpf/report.skel.h"
#include "runtime/hold_P.h"
#include "runtime/uprobe_link.h"

#include <bpf/bpf.h>
#include <string.h>
#include <sys/resource.h>

/* libbpf's own messages repeat what our errors say; the verifier's log is kept for -v. */
static int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
    (void)level;
    (void)format;
    (void)args;
    return 0;
}

/* Linux before 5.11 counts maps as locked memory. Where it may not be raised, loading says so. */
static void raise_memlock(void)
{
    const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};

    setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

/* The name of the program; the rest of the object is left out. */
static const char *program_name(const struct hold *hold)
{
    if (uprobes_holds(hold->way))
        return "hold_caller";
    if (hold->way == UPROBES_PERF_PLAIN)
        return hold->signal ? "stop_plain" : "report_plain";
    return hold->signal ? "stop_caller" : "report_caller";
}

/* The object that the program is in. Programs that wait need types of the kernel; others do not. */
static int open_object(struct hold *hold, struct sc_error **err)
{
    LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "syscare");
    size_t size;
    const void *bytes =
        uprobes_holds(hold->way) ? hold_bpf__elf_bytes(&size) : report_bpf__elf_bytes(&size);

    hold->object = bpf_object__open_mem(bytes, size, &options);
    if (!hold->object)
        return sc_error_errno(err, "cannot open the BPF object");
    return 0;
}

/* Leaves all programs but one out, and says how that will be attached. */
static struct bpf_program *choose_program(struct hold *hold)
{
    struct bpf_program *program, *chosen = NULL;

    bpf_object__for_each_program(program, hold->object)
    {
        bool wanted = strcmp(bpf_program__name(program), program_name(hold)) == 0;

        bpf_program__set_autoload(program, wanted);
        if (wanted)
            chosen = program;
    }
    if (chosen && hold->way == UPROBES_MULTI_HOLD)
        bpf_program__set_expected_attach_type(chosen,
                                              (enum bpf_attach_type)UPROBE_MULTI_ATTACH_TYPE);
    return chosen;
}

/*
 * Sets where each map is pinned; maps that are there are taken over when it is loaded. Sleepable
 * programs of Linux before 6.1 take hashes of fixed memory only.
 */
static int prepare_maps(struct hold *hold, bool preallocate, struct sc_error **err)
{
    struct bpf_map *map;

    bpf_object__for_each_map(map, hold->object)
    {
        cleanup_free char *path = sc_format("%s/map_%s", hold->pin_dir, bpf_map__name(map));

        if (bpf_map__is_internal(map))
            continue;
        if (preallocate &&
            bpf_map__set_map_flags(map, bpf_map__map_flags(map) & ~(uint32_t)BPF_F_NO_PREALLOC) < 0)
            return sc_error_errno(err, "cannot set the flags of a map");
        if (bpf_map__set_pin_path(map, path) < 0)
            return sc_error_errno(err, "cannot set the pin path %s", path);
    }
    return 0;
}

static int map_fd(const struct hold *hold, const char *name)
{
    return bpf_object__find_map_fd_by_name(hold->object, name);
}

static void find_maps(struct hold *hold)
{
    hold->maps = (struct hold_maps){
        .control = map_fd(hold, "control"),
        .slots = map_fd(hold, "slots"),
        .sites = map_fd(hold, "sites"),
        .excluded = map_fd(hold, "excluded"),
        .skips = map_fd(hold, "skips"),
        .verdicts = map_fd(hold, "verdicts"),
        .release = map_fd(hold, "release"),
        .cuts = map_fd(hold, "cuts"),
        .stopped = map_fd(hold, "stopped"),
        .events = map_fd(hold, "events"),
    };
}

/* One try: opens, relocates and loads the program; maps that are pinned are taken over. */
static int try_load(struct hold *hold, bool preallocate, struct sc_error **err)
{
    struct bpf_program *program;

    if (open_object(hold, err) < 0 || prepare_maps(hold, preallocate, err) < 0)
        return -1;
    program = choose_program(hold);
    if (!program)
        return sc_error_set(err, SC_FAILED, "the BPF object has no program %s", program_name(hold));
    if (bpf_object__load(hold->object) < 0)
        return sc_error_errno(err, "the kernel does not take the BPF program %s",
                              program_name(hold));
    hold->program = bpf_program__fd(program);
    find_maps(hold);
    return 0;
}

int hold_program_load(struct hold *hold, struct sc_error **err)
{
    libbpf_set_print(print_nothing);
    raise_memlock();
    /* With hashes that grow, then with fixed ones; and all that again without what is pinned, which
       may be of another layout. */
    for (int attempt = 0; attempt < 4; attempt++) {
        if (attempt == 2)
            hold_pins_remove(hold);
        if (try_load(hold, attempt & 1, attempt == 3 ? err : NULL) == 0)
            return 0;
        hold_program_unload(hold);
    }
    return -1;
}

void hold_program_unload(struct hold *hold)
{
    if (hold->ring)
        ring_buffer__free(hold->ring);
    hold->ring = NULL;
    bpf_object__close(hold->object);
    hold->object = NULL;
    hold->program = -1;
    memset(&hold->maps, 0xff, sizeof(hold->maps)); /* all -1 */
}

/* What ring_buffer__poll calls; checks the size of what came. */
static int handle_record(void *data, void *record, size_t size)
{
    struct hold *hold = data;
    struct hold_event event;

    if (size < sizeof(event))
        return 0;
    memcpy(&event, record, sizeof(event));
    hold_take_event(hold, &event);
    return 0;
}

int hold_ring_fd(const struct hold *hold)
{
    return hold->maps.events;
}

int hold_ring_read(struct hold *hold)
{
    if (!hold->ring)
        hold->ring = ring_buffer__new(hold->maps.events, handle_record, hold, NULL);
    return hold->ring ? ring_buffer__consume(hold->ring) : -1;
}

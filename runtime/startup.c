// SPDX-License-Identifier: GPL-2.0-or-later
// From what an earlier daemon left (state file, copies, pins, patched processes) to a daemon whose
// state is true again.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "runtime/capabilities.h"
#include "runtime/daemon.h"
#include "runtime/entry_jump.h"
#include "runtime/lazy.h"
#include "runtime/opt_out.h"
#include "runtime/process_state.h"
#include "runtime/target_check.h"
#include "runtime/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define START_TIMEOUT_S 60

/* The longest that a process may be stopped by a signal of ours before the audit sees to it. */
#define STOPPED_MAX_NS 2000000000ull

/* True if path, or the nearest directory above it that exists, is on a bpffs. */
static bool is_on_bpffs(const char *path)
{
    cleanup_free char *copy = sc_format("%s", path);
    struct statfs fs;

    while (statfs(copy, &fs) < 0) {
        char *slash = strrchr(copy, '/');

        if (errno != ENOENT || !slash || slash == copy)
            return false;
        *slash = '\0';
    }
    return fs.f_type == BPF_FS_MAGIC;
}

/*
 * Where pins go. Without a bpffs at the place that was asked for, one is mounted in the run
 * directory: not private to the daemon, so that it survives a restart, and unmounted by the daemon
 * that ends with nothing active.
 */
static int find_pin_dir(struct daemon *daemon, struct sc_error **err)
{
    cleanup_free char *mount_point = sc_format("%s/bpf", daemon->options.run_dir);

    if (is_on_bpffs(daemon->options.bpffs)) {
        daemon->pin_dir = sc_format("%s", daemon->options.bpffs);
        return 0;
    }
    if (sc_dir_make(mount_point, 0700, err) < 0)
        return -1;
    if (!is_on_bpffs(mount_point) && mount("bpf", mount_point, "bpf", 0, "mode=0700") < 0) {
        sc_error_errno(err, "cannot mount a bpffs on %s", mount_point);
        rmdir(mount_point);
        return -1;
    }
    daemon->own_bpffs = true;
    daemon->pin_dir = sc_format("%s/syscare", mount_point);
    return 0;
}

/* True if callers that cannot be held are to be stopped, and can be let go on again. */
static bool may_signal(const struct daemon *daemon)
{
    if (daemon->options.hold != OPTION_HOLD_SIGNAL)
        return false;
    if (capabilities_have_kill())
        return true;
    log_write(&daemon->log, LOG_ERR, NULL,
              "hold = signal needs the capability CAP_KILL: callers are not stopped");
    return false;
}

/* Finds out what the kernel can, and opens the best way to notice first callers. */
static void start_hold(struct daemon *daemon)
{
    struct hold_settings settings = {
        .way = (enum uprobes_way)daemon->options.uprobes,
        .limit_ns = daemon->options.hold_ms * 1000000ull,
        .signal = may_signal(daemon),
    };
    cleanup_error struct sc_error *err = NULL;
    const struct log *log = &daemon->log;

    features_probe(&daemon->features);
    if (find_pin_dir(daemon, &err) == 0)
        settings.pin_dir = daemon->pin_dir;
    else
        log_write(log, LOG_INFO, NULL, "%s", err->message);
    daemon->hold = features_open_hold(&daemon->features, &settings, log, &err);
    features_log(&daemon->features, log);
    if (!daemon->hold) {
        log_write(log, LOG_ERR, NULL, "patches cannot be activated here: uprobes = %s: %s",
                  uprobes_name(settings.way), err->message);
        return;
    }
    log_write(log, hold_warning(daemon->hold) ? LOG_WARNING : LOG_INFO, NULL,
              "uprobes = %s: running processes are switched at once; %s",
              uprobes_name(hold_way(daemon->hold)),
              hold_warning(daemon->hold) ? hold_warning(daemon->hold)
                                         : "later ones at their first call");
}

/*
 * The state that was asked for last. A damaged file is put aside, and the pins say what was
 * active.
 */
static struct state *load_state(struct daemon *daemon, bool *damaged)
{
    cleanup_error struct sc_error *err = NULL;
    struct state *state = state_read(daemon->state_path, &err);
    cleanup_free char *aside = sc_format("%s.damaged", daemon->state_path);

    *damaged = !state;
    if (state)
        return state;
    log_write(&daemon->log, LOG_ERR, NULL, "%s; it is kept as %s", err->message, aside);
    if (rename(daemon->state_path, aside) < 0)
        log_write(&daemon->log, LOG_ERR, NULL, "cannot rename it: %s", strerror(errno));
    state = state_new();
    state_boot_id(state->boot_id); /* what runs decides, not what a reboot would leave */
    return state;
}

/* What an interrupted transaction leads to: see changes.c. */
static enum patch_status resolve(const struct state *state, const struct state_entry *entry)
{
    for (size_t i = 0; i < state->change_count; i++) {
        const struct state_change *change = &state->changes[i];

        if (strcmp(change->uuid, entry->uuid) != 0)
            continue;
        return patch_status_active(change->from) && !patch_status_active(change->to) ? change->to
                                                                                     : change->from;
    }
    return entry->status;
}

/* After a boot only accepted patches come back; the rest can by `restore`. */
static enum patch_status after_boot(enum patch_status status, bool same_boot)
{
    return same_boot || status == PATCH_ACCEPTED ? status : PATCH_NOT_APPLIED;
}

/* The list for `syscare restore`. */
static void take_saved(struct daemon *daemon, const struct state *state, bool same_boot)
{
    const struct state_entry *list = state->has_saved ? state->saved : state->entries;
    size_t count = state->has_saved ? state->saved_count : state->entry_count;

    daemon->saved = state_new();
    if (!state->has_saved && same_boot)
        return;
    /* Nothing was saved by hand: what the last boot ended with is what `restore` brings back. */
    daemon->saved->has_saved = true;
    for (size_t i = 0; i < count; i++)
        state_add_saved(daemon->saved, list[i].uuid, list[i].status, list[i].order);
}

/* Statuses of the state file into the store. */
static void take_statuses(struct daemon *daemon, const struct state *state, bool same_boot)
{
    daemon->sequence = state->sequence;
    for (size_t i = 0; i < state->entry_count; i++) {
        struct entity *entity = store_entity(daemon->store, state->entries[i].uuid);
        enum patch_status status = after_boot(resolve(state, &state->entries[i]), same_boot);

        if (!entity) {
            log_write(&daemon->log, LOG_ERR, NULL, "patch %s is not there any more",
                      state->entries[i].uuid);
            continue;
        }
        entity->status = status;
        entity->order = status == PATCH_NOT_APPLIED ? 0 : state->entries[i].order;
    }
}

/* True if some process runs the patch: that is what counts when nothing else is known. */
static bool is_running(struct daemon *daemon, const struct entity *entity)
{
    cleanup_scan struct scan_list list = {0};
    cleanup_close int fd = -1;
    cleanup_free char *path = store_object_open(entity, &fd, NULL);
    cleanup_patch struct patch_object *object = path ? patch_object_open(fd, NULL) : NULL;
    struct build_id id = {0};

    if (!object)
        return false;
    id.size = object->note.build_id_size;
    memcpy(id.bytes, object->note.build_id, sizeof(id.bytes));
    process_scan(switcher_cache(daemon->switcher), &id, 1, NULL, NULL, &list, NULL);
    for (size_t i = 0; i < list.count; i++) {
        cleanup_process struct process *process = process_open(list.items[i].pid, NULL);
        cleanup_state struct process_state *state =
            process ? process_state_read(process, object, NULL) : NULL;
        enum process_verdict verdict = state ? process_state_verdict(state) : PROCESS_NOT_MAPPED;

        if (verdict == PROCESS_PATCHED || verdict == PROCESS_PARTIAL)
            return true;
    }
    return false;
}

/* Without a state file: what has links, or runs, is active; what has a copy is loaded. */
static void take_pins(struct daemon *daemon, const struct hold_pin *pins, int count)
{
    for (size_t i = 0; i < daemon->store->count; i++) {
        struct patch *patch = daemon->store->patches[i];

        for (size_t j = 0; j < patch->info->entity_count; j++) {
            bool linked = false;

            for (int k = 0; k < count; k++)
                linked = linked || strcmp(pins[k].uuid, patch->entities[j].info->uuid) == 0;
            linked = linked || (patch->copy && is_running(daemon, &patch->entities[j]));
            if (linked || patch->copy)
                daemon_set_status(daemon, &patch->entities[j],
                                  linked ? PATCH_ACTIVED : PATCH_DEACTIVED);
        }
    }
}

/*
 * Links of what is not active any more, and of slots that no patch can have. Before any slot is
 * given away: they would be taken for those of its new owner.
 */
static void drop_pins(struct daemon *daemon, const struct hold_pin *pins, int count)
{
    for (int i = 0; i < count; i++) {
        const struct entity *entity = store_entity(daemon->store, pins[i].uuid);

        if (!entity || !patch_status_active(entity->status) || pins[i].slot >= HOLD_SLOTS_MAX - 1)
            hold_slot_clear(daemon->hold, pins[i].slot, 0);
    }
}

/* The slot of the pinned links of an entity, or -1. */
static int pinned_slot(const struct hold_pin *pins, int count, const char *uuid)
{
    for (int i = 0; i < count; i++)
        if (strcmp(pins[i].uuid, uuid) == 0 && pins[i].slot < HOLD_SLOTS_MAX - 1)
            return (int)pins[i].slot;
    return -1;
}

/*
 * Makes an active entity live again. In the boot in which it was activated, processes run it
 * already: then the installed file may have been replaced meanwhile, and only the copy must be
 * good. After a boot everything is checked as for `apply`.
 */
static struct live_patch *revive(struct daemon *daemon, struct entity *entity, bool same_boot,
                                 int *target_fd, struct sc_error **err)
{
    cleanup_close int object_fd = -1;
    cleanup_free char *path = NULL;

    *target_fd = -1;
    if (!same_boot)
        return entity_check(daemon, entity, false, target_fd, err); /* they were active together */
    path = store_object_open(entity, &object_fd, err);
    if (!path)
        return NULL;
    *target_fd = target_check_file(daemon->options.root, entity, path, NULL);
    return live_patch_open(path, entity->info->uuid, entity->name, entity->info->build_id, err);
}

/* What cannot be made active again is DEACTIVED, and the log says why: the user decides. */
static void revive_one(struct daemon *daemon, struct entity *entity, bool same_boot, int slot,
                       struct live_list *list)
{
    cleanup_error struct sc_error *err = NULL;
    cleanup_close int target_fd = -1;
    struct live_patch *patch = revive(daemon, entity, same_boot, &target_fd, &err);

    if (patch && live_patch_link(daemon, patch, slot, target_fd, &err) == 0) {
        live_list_add(list, patch);
    } else {
        struct log_about about = {.patch = entity->name, .result = "failed"};

        log_write(&daemon->log, LOG_ERR, &about, "cannot activate again: %s", err->message);
        if (patch)
            live_set_remove(&daemon->live, patch);
        if (patch && atomic_load(&patch->linked))
            slot = (int)patch->slot;
        if (daemon->hold && slot >= 0)
            hold_slot_clear(daemon->hold, (uint32_t)slot, 0);
        daemon_set_status(daemon, entity, PATCH_DEACTIVED);
    }
    live_patch_put(patch);
}

/* Everything that should be active, in its order. */
static void revive_all(struct daemon *daemon, bool same_boot, const struct hold_pin *pins,
                       int pin_count, struct live_list *list)
{
    cleanup_entities struct entity_list entities = daemon_in_order(daemon);

    for (size_t i = 0; i < entities.count; i++)
        if (patch_status_active(entities.items[i]->status))
            revive_one(daemon, entities.items[i], same_boot,
                       pinned_slot(pins, pin_count, entities.items[i]->info->uuid), list);
}

/*
 * Copies of what should not be active: some process may still run it, since the last daemon was
 * interrupted or could not reach it.
 */
static void find_leftovers(struct daemon *daemon, struct live_list *list)
{
    for (size_t i = 0; i < daemon->store->count; i++) {
        struct patch *patch = daemon->store->patches[i];

        for (size_t j = 0; patch->copy && j < patch->info->entity_count; j++) {
            struct entity *entity = &patch->entities[j];
            cleanup_close int object_fd = -1;
            cleanup_free char *path = patch_status_active(entity->status)
                                          ? NULL
                                          : store_object_open(entity, &object_fd, NULL);
            struct live_patch *live;

            if (!path)
                continue;
            live = live_patch_open(path, entity->info->uuid, entity->name, entity->info->build_id,
                                   NULL);
            if (!live)
                continue;
            live->slot = HOLD_SLOTS_MAX; /* no slot of its own: it is not linked */
            live_set_add(&daemon->live, live);
            live_list_add(list, live);
            live_patch_put(live);
        }
    }
}

static void log_problems(struct daemon *daemon, const struct pass_result *result)
{
    for (size_t i = 0; i < result->problems.count; i++) {
        struct log_about about = {.pid = result->problems.items[i].pid, .result = "problem"};

        log_write(&daemon->log, LOG_WARNING, &about, "process %d (%s): %s",
                  result->problems.items[i].pid, result->problems.items[i].comm,
                  result->problems.items[i].reason);
    }
}

/* Processes as the state says: first what must go, then what must be there. */
static int make_true(struct daemon *daemon, bool same_boot, struct sc_error **err)
{
    cleanup_live_list struct live_list active = {0}, leftover = {0};
    cleanup_pass struct pass_result gone = {0}, there = {0};
    cleanup_free struct hold_pin *pins = NULL;
    int pin_count = daemon->hold ? hold_pins(daemon->hold, &pins, err) : 0;

    if (pin_count < 0)
        return -1;
    if (daemon->hold)
        drop_pins(daemon, pins, pin_count);
    revive_all(daemon, same_boot, pins, pin_count, &active);
    find_leftovers(daemon, &leftover);
    if (live_patches_deactivate(daemon, &leftover, START_TIMEOUT_S, &gone, err) < 0)
        return -1;
    if (active.count && live_patches_activate(daemon, &active, START_TIMEOUT_S, &there, err) < 0)
        return -1;
    log_problems(daemon, &gone);
    log_problems(daemon, &there);
    live_patches_settle(daemon);
    return 0;
}

/* From the file to processes that agree with it. */
static int restore_state(struct daemon *daemon, struct sc_error **err)
{
    cleanup_saved_state struct state *state = NULL;
    cleanup_error struct sc_error *unwritten = NULL;
    cleanup_free struct hold_pin *pins = NULL;
    char boot_id[SC_UUID_SIZE];
    bool damaged, same_boot;

    state = load_state(daemon, &damaged);
    state_boot_id(boot_id);
    same_boot = strcmp(boot_id, state->boot_id) == 0;
    if (damaged)
        take_pins(daemon, pins, daemon->hold ? hold_pins(daemon->hold, &pins, NULL) : 0);
    else
        take_statuses(daemon, state, same_boot);
    take_saved(daemon, state, same_boot);
    if (make_true(daemon, same_boot, err) < 0)
        return -1;
    /* Not earlier: callers were held by the links of the last daemon until ours took over. */
    if (daemon->pin_dir) {
        hold_stopped_resume(daemon->pin_dir, 0);
        hold_pins_remove_others(daemon->pin_dir, daemon->hold);
    }
    /*
     * Not before everything is true: until then the journal of the last daemon counts. A full disk
     * is no reason to leave processes alone: the old file leads to the same state again.
     */
    if (daemon_write_state(daemon, NULL, 0, &unwritten) < 0)
        log_write(&daemon->log, LOG_WARNING, NULL, "cannot record the state: %s",
                  unwritten->message);
    return 0;
}

/* The path without symbolic links; as it is where it does not exist. New string. */
static char *real_path(const char *path)
{
    char *real = realpath(path, NULL);

    return real ? real : sc_format("%s", path);
}

static int trust_dir(const struct options *options, const char *path, struct sc_error **err)
{
    cleanup_free char *real = real_path(path);

    return trust_check(options->trust_parents ? real : "/", real, err);
}

/*
 * Directories that others can write are refused: they could exchange what is mapped into processes.
 */
static int make_dirs(struct daemon *daemon, struct sc_error **err)
{
    const struct options *options = &daemon->options;
    cleanup_free char *copies = sc_format("%s/patches", options->state_dir);
    cleanup_free char *patches = NULL, *real_copies = NULL;

    if (sc_dir_make(options->run_dir, 0755, err) < 0 || sc_dir_make(copies, 0700, err) < 0)
        return -1;
    if (trust_dir(options, options->state_dir, err) < 0 ||
        trust_dir(options, options->run_dir, err) < 0)
        return -1;
    patches = real_path(options->patch_dir);
    real_copies = real_path(copies);
    daemon->store = store_new(patches, real_copies, options->trust_parents);
    daemon->state_path = sc_format("%s/state", options->state_dir);
    return 0;
}

int daemon_start(struct daemon *daemon, struct sc_error **err)
{
    cleanup_strings struct string_list problems = {0};

    live_set_init(&daemon->live);
    if (make_dirs(daemon, err) < 0)
        return -1;
    if (store_scan(daemon->store, &problems, err) < 0)
        return -1;
    for (size_t i = 0; i < problems.count; i++)
        log_write(&daemon->log, LOG_WARNING, NULL, "%s", problems.items[i]);
    start_hold(daemon);
    if (daemon->hold)
        opt_out_teach(&daemon->options, daemon->hold);
    daemon->switcher = switcher_new(daemon->hold, &daemon->live, &daemon->options, &daemon->log);
    if (daemon->hold)
        daemon->lazy = lazy_start(daemon->hold, daemon->switcher, &daemon->options, &daemon->log);
    return restore_state(daemon, err);
}

void daemon_stop(struct daemon *daemon)
{
    cleanup_live_list struct live_list live = {0};

    lazy_stop(daemon->lazy);
    if (daemon->switcher)
        live = live_set_list(&daemon->live);
    switcher_free(daemon->switcher);
    if (live.count == 0 && daemon->hold) {
        hold_discard(daemon->hold);
        if (daemon->pin_dir)
            rmdir(daemon->pin_dir);
        if (daemon->own_bpffs) {
            cleanup_free char *mount_point = sc_format("%s/bpf", daemon->options.run_dir);

            umount2(mount_point, MNT_DETACH);
            rmdir(mount_point);
        }
    } else {
        hold_close(daemon->hold);
    }
    store_free(daemon->store);
    state_free(daemon->saved);
    live_set_destroy(&daemon->live);
    free(daemon->state_path);
    free(daemon->pin_dir);
}

void daemon_audit(struct daemon *daemon)
{
    cleanup_live_list struct live_list live = live_set_list(&daemon->live);
    cleanup_error struct sc_error *err = NULL;
    cleanup_pass struct pass_result result = {0};
    uint64_t deadline = hold_clock() + daemon->options.timeout_s * 1000000000ull;

    if (live.count && daemon->hold)
        opt_out_teach(&daemon->options, daemon->hold);
    for (size_t i = 0; i < live.count; i++)
        if (atomic_load(&live.items[i]->wanted))
            entry_jump_audit(daemon, live.items[i]);
    if (switcher_pass(daemon->switcher, &live, deadline, &result, &err) < 0)
        log_write(&daemon->log, LOG_ERR, NULL, "audit: %s", err->message);
    if (result.switched)
        log_write(&daemon->log, LOG_NOTICE, NULL,
                  "audit: %zu processes were not as they should be, and are now", result.switched);
    live_patches_settle(daemon);
    /* Their events got lost: nobody else lets them go on. */
    if (daemon->hold && daemon->options.hold == OPTION_HOLD_SIGNAL)
        hold_stopped_resume(daemon->pin_dir, STOPPED_MAX_NS);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Requests that change nothing: list, info, target, status, check, rescan.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json_util.h"
#include "runtime/daemon.h"
#include "runtime/entry_jump.h"
#include "runtime/patch_object.h"
#include "runtime/process_report.h"
#include "runtime/target_check.h"

#include <string.h>

/* The entities that the request names; the answer gets the error. */
static int resolve(struct daemon *daemon, const struct request *request, struct answer *answer,
                   struct entity_list *list)
{
    cleanup_error struct sc_error *err = NULL;

    if (patch_ids_resolve(daemon->store, &request->ids, list, &err) == 0)
        return 0;
    answer_error(answer, err);
    return -1;
}

/* What every command says of an entity. */
static struct json_object *describe(const struct entity *entity)
{
    struct json_object *item = json_object_new_object();

    sc_json_add_string(item, "uuid", entity->info->uuid);
    sc_json_add_string(item, "name", entity->name);
    sc_json_add_string(item, "status", patch_status_name(entity->status));
    return item;
}

void verb_list(struct daemon *daemon, const struct request *request, struct answer *answer)
{
    struct json_object *list = json_object_new_array();

    (void)request;
    for (size_t i = 0; i < daemon->store->count; i++) {
        const struct patch *patch = daemon->store->patches[i];

        for (size_t j = 0; j < patch->info->entity_count; j++)
            json_object_array_add(list, describe(&patch->entities[j]));
    }
    json_object_object_add(answer->data, "patches", list);
}

static struct json_object *list_texts(const struct string_list *texts)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < texts->count; i++)
        json_object_array_add(list, json_object_new_string(texts->items[i]));
    return list;
}

/*
 * Functions of an object, each once, by where their jump stands, or (SC_STRATEGY_CALL) those whose
 * old code keeps to old functions. NULL object: nothing is known.
 */
static struct json_object *list_functions(const struct patch_object *object, uint8_t strategy)
{
    struct json_object *list = json_object_new_array();
    const char *last = "";

    for (size_t i = 0; object && i < object->func_count; i++) {
        const char *name = patch_func_name(object, &object->funcs[i]);

        if (object->funcs[i].strategy != strategy || strcmp(name, last) == 0)
            continue;
        json_object_array_add(list, json_object_new_string(name));
        last = name;
    }
    return list;
}

/* How the functions are switched: the package does not say that. */
static void add_strategies(struct json_object *item, const struct entity *entity)
{
    cleanup_close int fd = -1;
    cleanup_free char *path = store_object_open(entity, &fd, NULL);
    cleanup_patch struct patch_object *object = path ? patch_object_open(fd, NULL) : NULL;

    json_object_object_add(item, "entry_jumps", list_functions(object, SC_STRATEGY_ENTRY));
    json_object_object_add(item, "old_calls", list_functions(object, SC_STRATEGY_CALL));
}

static struct json_object *describe_entities(const struct patch *patch)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < patch->info->entity_count; i++) {
        const struct patch_entity *info = &patch->info->entities[i];
        struct json_object *item = describe(&patch->entities[i]);

        sc_json_add_string(item, "target_elf", info->target_elf);
        sc_json_add_string(item, "build_id", info->build_id);
        sc_json_add_string(item, "sha256", info->sha256);
        json_object_object_add(item, "functions", list_texts(&info->functions));
        add_strategies(item, &patch->entities[i]);
        json_object_array_add(list, item);
    }
    return list;
}

static struct json_object *describe_sources(const struct patch_info *info)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < info->patch_count; i++) {
        struct json_object *item = json_object_new_object();

        sc_json_add_string(item, "name", info->patches[i].name);
        sc_json_add_string(item, "sha256", info->patches[i].sha256);
        json_object_array_add(list, item);
    }
    return list;
}

/* `info`: everything of patch_info that a user may want. */
static struct json_object *describe_patch(const struct patch *patch)
{
    const struct patch_info *info = patch->info;
    struct json_object *item = json_object_new_object();

    sc_json_add_string(item, "uuid", info->uuid);
    sc_json_add_string(item, "name", info->name);
    sc_json_add_string(item, "version", info->version);
    sc_json_add_string(item, "release", info->release);
    sc_json_add_string(item, "arch", info->arch);
    sc_json_add_string(item, "type", info->type);
    sc_json_add_string(item, "target", patch->target_name);
    json_object_object_add(item, "target_elf", json_object_new_array());
    for (size_t i = 0; i < info->entity_count; i++)
        json_object_array_add(json_object_object_get(item, "target_elf"),
                              json_object_new_string(info->entities[i].target_elf));
    sc_json_add_string(item, "license", info->license);
    sc_json_add_string(item, "description", info->description);
    json_object_object_add(item, "cves", list_texts(&info->cves));
    json_object_object_add(item, "entities", describe_entities(patch));
    json_object_object_add(item, "patches", describe_sources(info));
    sc_json_add_string(item, "digest", info->digest);
    return item;
}

/* `target`: the package, as rpm names it. */
static struct json_object *describe_target(const struct patch *patch)
{
    const struct patch_target *target = &patch->info->target;
    struct json_object *item = json_object_new_object();

    sc_json_add_string(item, "name", target->name);
    sc_json_add_string(item, "arch", target->arch);
    sc_json_add_string(item, "epoch", target->epoch);
    sc_json_add_string(item, "version", target->version);
    sc_json_add_string(item, "release", target->release);
    sc_json_add_string(item, "license", target->license);
    return item;
}

/* One description for each patch that the entities belong to. */
static void show_patches(struct daemon *daemon, const struct request *request,
                         struct answer *answer, struct json_object *(*show)(const struct patch *))
{
    cleanup_entities struct entity_list list = {0};
    struct json_object *items;
    const struct patch *last = NULL;

    if (resolve(daemon, request, answer, &list) < 0)
        return;
    items = json_object_new_array();
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i]->patch == last)
            continue;
        last = list.items[i]->patch;
        json_object_array_add(items, show(last));
    }
    json_object_object_add(answer->data, "patches", items);
}

void verb_info(struct daemon *daemon, const struct request *request, struct answer *answer)
{
    show_patches(daemon, request, answer, describe_patch);
}

void verb_target(struct daemon *daemon, const struct request *request, struct answer *answer)
{
    show_patches(daemon, request, answer, describe_target);
}

/* The live patch of an entity; one made for the look where it is not applied. */
static struct live_patch *find_live(struct daemon *daemon, const struct entity *entity)
{
    struct live_patch *live = live_set_find(&daemon->live, entity->info->uuid);
    cleanup_close int fd = -1;
    cleanup_free char *path = NULL;

    if (live)
        return live;
    path = store_object_open(entity, &fd, NULL);
    if (!path)
        return NULL;
    return live_patch_open(path, entity->info->uuid, entity->name, entity->info->build_id, NULL);
}

/* The reason why a process is not as wanted; NULL where none is known. */
static const struct problem *find_problem(const struct problem_list *problems,
                                          const struct scan_process *process)
{
    for (size_t i = 0; i < problems->count; i++)
        if (problems->items[i].pid == process->pid &&
            problems->items[i].start_time == process->start_time)
            return &problems->items[i];
    return NULL;
}

/* One process, as /proc shows it; only the reason of a failure comes from what we remember. */
static struct json_object *describe_process(struct daemon *daemon, const struct live_patch *live,
                                            const struct patch_object *object,
                                            const struct scan_process *process,
                                            const struct problem_list *problems)
{
    struct process_report report;
    struct json_object *item;

    if (!process_report_make(daemon->switcher, live, object, process,
                             find_problem(problems, process), &report))
        return NULL;
    item = json_object_new_object();
    sc_json_add_u64(item, "pid", (uint64_t)process->pid);
    sc_json_add_string(item, "comm", report.comm);
    sc_json_add_string(item, "state", report.state);
    sc_json_add_string(item, "reason", report.reason);
    process_report_clear(&report);
    return item;
}

/* Every process that maps the target, as /proc shows it now. */
static void add_processes(struct daemon *daemon, const struct entity *entity,
                          struct json_object *item)
{
    struct live_patch *live = find_live(daemon, entity);
    cleanup_patch struct patch_object *object = live ? patch_object_open(live->fd, NULL) : NULL;
    cleanup_problems struct problem_list problems =
        switcher_problems(daemon->switcher, entity->info->uuid);
    cleanup_scan struct scan_list list = {0};
    struct json_object *processes = json_object_new_array();

    json_object_object_add(item, "skip_first", list_functions(object, SC_STRATEGY_SKIP_FIRST));
    json_object_object_add(item, "entry_jumps", list_functions(object, SC_STRATEGY_ENTRY));
    json_object_object_add(item, "old_calls", list_functions(object, SC_STRATEGY_CALL));
    sc_json_add_string(item, "foreign_probe",
                       live ? entry_jump_probed(live, live->target_fd) : NULL);
    json_object_object_add(item, "processes", processes);
    if (object)
        process_scan(switcher_cache(daemon->switcher), &live->target, 1, NULL, NULL, &list, NULL);
    for (size_t i = 0; i < list.count; i++) {
        struct json_object *process =
            describe_process(daemon, live, object, &list.items[i], &problems);

        if (process)
            json_object_array_add(processes, process);
    }
    live_patch_put(live);
}

/*
 * Why an active patch is not for what is installed any more: the package was updated or erased. It
 * stays in the processes that run the old files. NULL: it still is.
 */
static char *describe_superseded(struct daemon *daemon, const struct entity *entity)
{
    const char *root = daemon->options.root;
    cleanup_free char *path = store_object_path(entity);
    cleanup_error struct sc_error *err = NULL;
    int fd = -1;

    if (!patch_status_active(entity->status))
        return NULL;
    if (target_check_package(root, &entity->patch->info->target, &err) == 0)
        fd = target_check_file(root, entity, path, &err);
    if (fd < 0)
        return sc_format("%s", err->message);
    close(fd);
    return NULL;
}

/* How processes started later are switched, and what is missing: null where nothing is. */
static struct json_object *describe_uprobes(const struct daemon *daemon)
{
    struct json_object *item = json_object_new_object();

    sc_json_add_string(item, "way", daemon->hold ? uprobes_name(hold_way(daemon->hold)) : NULL);
    sc_json_add_string(item, "warning",
                       daemon->hold ? hold_warning(daemon->hold)
                                    : "calls in processes started later cannot be noticed");
    return item;
}

void verb_status(struct daemon *daemon, const struct request *request, struct answer *answer)
{
    cleanup_entities struct entity_list list = {0};
    struct json_object *items;

    if (resolve(daemon, request, answer, &list) < 0)
        return;
    if (request->verbose)
        json_object_object_add(answer->data, "uprobes", describe_uprobes(daemon));
    items = json_object_new_array();
    json_object_object_add(answer->data, "patches", items);
    for (size_t i = 0; i < list.count; i++) {
        cleanup_free char *superseded = describe_superseded(daemon, list.items[i]);
        struct json_object *item = describe(list.items[i]);

        json_object_array_add(items, item);
        sc_json_add_string(item, "superseded", superseded);
        if (request->verbose)
            add_processes(daemon, list.items[i], item);
    }
}

void verb_check(struct daemon *daemon, const struct request *request, struct answer *answer)
{
    cleanup_entities struct entity_list list = {0};

    if (resolve(daemon, request, answer, &list) < 0)
        return;
    for (size_t i = 0; i < list.count; i++) {
        cleanup_error struct sc_error *err = NULL;
        cleanup_close int fd = -1;
        struct live_patch *patch = entity_check(daemon, list.items[i], true, &fd, &err);

        if (patch && entry_jump_check_others(daemon, patch, &err) < 0) {
            live_patch_put(patch);
            patch = NULL;
        }
        if (!patch)
            answer_error(answer, err);
        else
            string_list_format(&answer->messages, "%s: can be applied", list.items[i]->name);
        for (size_t j = 0; patch && j < patch->entry_jump_count; j++)
            string_list_format(
                &answer->messages,
                "%s: warning: the jump into %s stands at its first byte: no tool may "
                "put a uprobe there while the patch is active",
                list.items[i]->name, patch->entry_jumps[j].name);
        live_patch_put(patch);
    }
}

void verb_rescan(struct daemon *daemon, const struct request *request, struct answer *answer)
{
    cleanup_strings struct string_list problems = {0};
    cleanup_error struct sc_error *err = NULL;

    (void)request;
    if (store_scan(daemon->store, &problems, &err) < 0)
        answer_error(answer, err);
    for (size_t i = 0; i < problems.count; i++)
        string_list_add(&answer->errors, problems.items[i]);
    if (answer->status == SC_OK && problems.count)
        answer->status = SC_PARTIAL;
    string_list_format(&answer->messages, "%zu patches", daemon->store->count);
}

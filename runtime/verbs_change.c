// SPDX-License-Identifier: GPL-2.0-or-later
// Requests that change what is applied: apply, active, deactive, accept, remove, save, restore.
#include "lib/cleanup.h"
#include "runtime/daemon.h"

#include <string.h>

/*
 * What a verb makes of a status. NULL as `refusal` allows it.
 */
struct transition {
    const char *verb;
    enum patch_status from, to;
    const char *refusal;
};

static const struct transition transitions[] = {
    {"apply", PATCH_NOT_APPLIED, PATCH_ACTIVED, NULL},
    {"apply", PATCH_DEACTIVED, PATCH_ACTIVED, NULL},
    {"apply", PATCH_ACTIVED, PATCH_ACTIVED, NULL},
    {"apply", PATCH_ACCEPTED, PATCH_ACCEPTED, NULL},
    {"active", PATCH_NOT_APPLIED, PATCH_NOT_APPLIED, "is not applied; use `syscare apply`"},
    {"active", PATCH_DEACTIVED, PATCH_ACTIVED, NULL},
    {"active", PATCH_ACTIVED, PATCH_ACTIVED, NULL},
    {"active", PATCH_ACCEPTED, PATCH_ACCEPTED, NULL},
    {"deactive", PATCH_NOT_APPLIED, PATCH_NOT_APPLIED, "is not applied"},
    {"deactive", PATCH_DEACTIVED, PATCH_DEACTIVED, NULL},
    {"deactive", PATCH_ACTIVED, PATCH_DEACTIVED, NULL},
    {"deactive", PATCH_ACCEPTED, PATCH_DEACTIVED, NULL},
    {"accept", PATCH_NOT_APPLIED, PATCH_NOT_APPLIED, "is not active; use `syscare apply` first"},
    {"accept", PATCH_DEACTIVED, PATCH_DEACTIVED, "is not active; use `syscare active` first"},
    {"accept", PATCH_ACTIVED, PATCH_ACCEPTED, NULL},
    {"accept", PATCH_ACCEPTED, PATCH_ACCEPTED, NULL},
    {"remove", PATCH_NOT_APPLIED, PATCH_NOT_APPLIED, NULL},
    {"remove", PATCH_DEACTIVED, PATCH_NOT_APPLIED, NULL},
    {"remove", PATCH_ACTIVED, PATCH_NOT_APPLIED, NULL},
    {"remove", PATCH_ACCEPTED, PATCH_NOT_APPLIED, NULL},
};

static const struct transition *find_transition(const char *verb, enum patch_status from)
{
    for (size_t i = 0; i < sizeof(transitions) / sizeof(transitions[0]); i++)
        if (transitions[i].from == from && strcmp(transitions[i].verb, verb) == 0)
            return &transitions[i];
    return NULL;
}

/* Turns entities into the changes that the verb asks for; those that hold already are told. */
static int plan(const char *verb, const struct entity_list *entities, struct change_list *changes,
                struct answer *answer, struct sc_error **err)
{
    for (size_t i = 0; i < entities->count; i++) {
        struct entity *entity = entities->items[i];
        const struct transition *transition = find_transition(verb, entity->status);

        if (!transition || transition->refusal)
            return sc_error_set(err, SC_FAILED, "%s %s", entity->name,
                                transition ? transition->refusal : "cannot be changed");
        if (transition->to == entity->status)
            string_list_format(&answer->messages, "%s: is %s already", entity->name,
                               patch_status_name(entity->status));
        else
            change_list_add(changes, entity, transition->to);
    }
    return 0;
}

/* One transaction for all of them. */
static int change_entities(struct daemon *daemon, const struct request *request,
                           const struct entity_list *entities, struct answer *answer)
{
    struct change_options how = {
        .dry_run = request->dry_run,
        .force = request->force,
        .low_memory = request->force,
        .timeout_s = request->timeout_s,
    };
    cleanup_changes struct change_list changes = {0};
    cleanup_error struct sc_error *err = NULL;

    if (plan(request->command, entities, &changes, answer, &err) == 0 &&
        changes_run(daemon, &changes, &how, answer, &err) == 0)
        return 0;
    answer_error(answer, err);
    return -1;
}

/* --keep-going: each ID is a transaction of its own. */
static void change_each(struct daemon *daemon, const struct request *request, struct answer *answer)
{
    size_t failed = 0;

    for (size_t i = 0; i < request->ids.count; i++) {
        cleanup_entities struct entity_list entities = {0};
        cleanup_error struct sc_error *err = NULL;

        if (patch_id_resolve(daemon->store, request->ids.items[i], &entities, &err) < 0) {
            answer_error(answer, err);
            failed++;
        } else if (change_entities(daemon, request, &entities, answer) < 0) {
            failed++;
        }
    }
    if (failed && failed < request->ids.count)
        answer->status = SC_PARTIAL;
}

void verb_change(struct daemon *daemon, const struct request *request, struct answer *answer)
{
    cleanup_entities struct entity_list entities = {0};
    cleanup_error struct sc_error *err = NULL;

    if (request->keep_going)
        change_each(daemon, request, answer);
    else if (patch_ids_resolve(daemon->store, &request->ids, &entities, &err) < 0)
        answer_error(answer, err);
    else
        change_entities(daemon, request, &entities, answer);
}

void verb_save(struct daemon *daemon, const struct request *request, struct answer *answer)
{
    struct state *before = daemon->saved;
    cleanup_error struct sc_error *err = NULL;

    if (request->dry_run) {
        string_list_add(&answer->messages, "the states would be saved (dry run)");
        return;
    }
    daemon->saved = NULL;
    daemon_save(daemon);
    if (daemon_write_state(daemon, NULL, 0, &err) < 0) {
        state_free(daemon->saved);
        daemon->saved = before;
        answer_error(answer, err);
        return;
    }
    state_free(before);
    string_list_format(&answer->messages, "the states of %zu patched files are saved",
                       daemon->saved->saved_count);
}

static int compare_saved(const void *a, const void *b)
{
    const struct state_entry *left = *(const struct state_entry *const *)a;
    const struct state_entry *right = *(const struct state_entry *const *)b;

    return left->order < right->order ? -1 : left->order > right->order;
}

/* What was saved, in the order in which it was reached. Freed by the caller. */
static const struct state_entry **saved_in_order(const struct state *saved)
{
    const struct state_entry **list = calloc(saved->saved_count + 1, sizeof(*list));

    if (!list)
        abort();
    for (size_t i = 0; i < saved->saved_count; i++)
        list[i] = &saved->saved[i];
    if (saved->saved_count)
        qsort(list, saved->saved_count, sizeof(*list), compare_saved);
    return list;
}

/* One of the three steps of a restore. */
enum restore_step { RESTORE_GOING, RESTORE_COMING, RESTORE_REST };

/* A transaction either activates or deactivates, so that its journal has one meaning. */
static enum restore_step step_of(enum patch_status from, enum patch_status to)
{
    if (patch_status_active(from) == patch_status_active(to))
        return RESTORE_REST;
    return patch_status_active(to) ? RESTORE_COMING : RESTORE_GOING;
}

/* The changes of one step: those that lead from what is to what was saved. */
static void plan_restore(struct daemon *daemon, enum restore_step step, bool accepted_only,
                         struct change_list *changes)
{
    cleanup_free const struct state_entry **saved = saved_in_order(daemon->saved);

    for (size_t i = 0; i < daemon->saved->saved_count; i++) {
        struct entity *entity = store_entity(daemon->store, saved[i]->uuid);

        if (!entity || entity->status == saved[i]->status ||
            (accepted_only && saved[i]->status != PATCH_ACCEPTED))
            continue;
        if (step_of(entity->status, saved[i]->status) == step)
            change_list_add(changes, entity, saved[i]->status);
    }
}

void verb_restore(struct daemon *daemon, const struct request *request, struct answer *answer)
{
    /* What was active together was allowed to be. */
    struct change_options how = {
        .dry_run = request->dry_run,
        .force = true,
        .timeout_s = request->timeout_s,
    };

    if (!daemon->saved->has_saved) {
        string_list_add(&answer->messages, "nothing was saved");
        return;
    }
    for (enum restore_step step = RESTORE_GOING; step <= RESTORE_REST; step++) {
        cleanup_changes struct change_list changes = {0};
        cleanup_error struct sc_error *err = NULL;

        plan_restore(daemon, step, request->accepted, &changes);
        if (changes_run(daemon, &changes, &how, answer, &err) < 0) {
            answer_error(answer, err);
            return;
        }
    }
    string_list_add(&answer->messages, "the saved states are reached");
}

/* The requests that there are. */
static const struct verb {
    const char *name;
    void (*serve)(struct daemon *daemon, const struct request *request, struct answer *answer);
    bool needs_ids;
    enum peer_right right; /* that is needed */
} verbs[] = {
    {"list", verb_list, false, PEER_QUERY},     {"info", verb_info, true, PEER_QUERY},
    {"target", verb_target, true, PEER_QUERY},  {"status", verb_status, true, PEER_QUERY},
    {"check", verb_check, true, PEER_QUERY},    {"rescan", verb_rescan, false, PEER_ALL},
    {"apply", verb_change, true, PEER_ALL},     {"active", verb_change, true, PEER_ALL},
    {"deactive", verb_change, true, PEER_ALL},  {"accept", verb_change, true, PEER_ALL},
    {"remove", verb_change, true, PEER_ALL},    {"save", verb_save, false, PEER_ALL},
    {"restore", verb_restore, false, PEER_ALL},
};

/* The verb of the request, if whoever asks may have it. NULL with err set. */
static const struct verb *find_verb(const struct request *request, enum peer_right right,
                                    struct sc_error **err)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i].name, request->command) != 0)
            continue;
        if (right < verbs[i].right)
            sc_error_set(err, SC_FAILED, "only root may %s", request->command);
        else if (verbs[i].needs_ids != (request->ids.count > 0))
            sc_error_set(err, SC_USAGE, "%s takes %s patches", request->command,
                         verbs[i].needs_ids ? "one or more" : "no");
        else
            return &verbs[i];
        return NULL;
    }
    sc_error_set(err, SC_USAGE, "there is no command %s", request->command);
    return NULL;
}

void daemon_serve(struct daemon *daemon, const struct request *request, enum peer_right right,
                  struct answer *answer)
{
    cleanup_error struct sc_error *err = NULL;
    const struct verb *verb = find_verb(request, right, &err);

    if (verb)
        verb->serve(daemon, request, answer);
    else
        answer_error(answer, err);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Writes report.json.
#include "differ/differ.h"
#include "differ/entry.h"
#include "differ/explain.h"

#include "lib/cleanup.h"
#include "lib/json_util.h"

/* doc/formats.md, "report.json". */
static struct json_object *whys_json(const struct symbol *symbol)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; i < symbol->whys.count; i++) {
        const struct why *why = symbol->whys.items[i];
        struct json_object *json = json_object_new_object();

        sc_json_add_string(json, "kind", why->kind);
        sc_json_add_string(json, "function", why->function);
        sc_json_add_string(json, "place", why->place);
        sc_json_add_string(json, "text", why->text);
        json_object_array_add(array, json);
    }
    return array;
}

static struct json_object *names_json(const struct list *symbols)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; i < symbols->count; i++)
        json_object_array_add(
            array, json_object_new_string(((const struct symbol *)symbols->items[i])->name));
    return array;
}

static void add_function(struct differ *differ, struct json_object *functions,
                         const struct symbol *symbol, const char *change, const char *reason,
                         const char *strategy)
{
    struct json_object *json = json_object_new_object();
    const struct job_object *object = symbol->object->job;

    sc_json_add_string(json, "name", symbol->name);
    sc_json_add_string(json, "object", object->name);
    sc_json_add_string(json, "source", object->source);
    sc_json_add_string(json, "change", change);
    sc_json_add_string(json, "reason", reason);
    sc_json_add_string(json, "strategy", strategy);
    sc_json_add_string(json, "place", symbol->place);
    json_object_object_add(json, "why", whys_json(symbol));
    json_object_object_add(json, "parts", names_json(&symbol->children));
    json_object_object_add(json, "quiesce",
                           json_object_new_boolean(explain_is_quiesced(differ, symbol)));
    json_object_array_add(functions, json);
}

/* Aliases have no entry of their own, nor has what is refused. */
static const char *strategy_of(const struct differ *differ, const struct symbol *symbol)
{
    const struct entry *entry = entry_of(differ, symbol);

    return entry && entry->first.size == 0 ? "entry" : "skip-first";
}

static void add_functions(struct differ *differ, struct json_object *functions)
{
    for (size_t i = 0; i < differ->job.object_count; i++) {
        struct object *old = differ->job.objects[i].reference;
        struct object *fresh = differ->job.objects[i].patched;

        for (size_t j = 0; fresh && j < fresh->functions.count; j++) {
            const struct symbol *symbol = fresh->functions.items[j];

            if (!symbol->twin)
                add_function(differ, functions, symbol, "new",
                             symbol_unit(symbol) ? "used by the patch" : "not used by the patch",
                             NULL);
            else if (symbol->status == STATUS_CHANGED)
                add_function(differ, functions, symbol, "changed", symbol->reason,
                             strategy_of(differ, symbol));
        }
        for (size_t j = 0; old && j < old->functions.count; j++) {
            const struct symbol *symbol = old->functions.items[j];

            if (!symbol->twin)
                add_function(differ, functions, symbol, "dropped",
                             "not in the patched version; the old code stays in place", NULL);
        }
    }
}

static struct json_object *refusal_json(const struct refusal *refusal)
{
    struct json_object *json = json_object_new_object();

    sc_json_add_string(json, "code", refusal_name(refusal->code));
    sc_json_add_string(json, "function", refusal->function);
    sc_json_add_string(json, "object", refusal->object);
    sc_json_add_string(json, "source", refusal->source);
    sc_json_add_string(json, "message", refusal->message);
    sc_json_add_string(json, "advice", refusal_advice(refusal->code));
    return json;
}

static struct json_object *warnings_json(const struct differ *differ)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; i < differ->warnings.count; i++) {
        const struct warning *warning = differ->warnings.items[i];
        struct json_object *json = json_object_new_object();

        sc_json_add_string(json, "kind", warning->kind);
        sc_json_add_string(json, "function", warning->function);
        sc_json_add_string(json, "object", warning->object);
        sc_json_add_string(json, "message", warning->message);
        json_object_array_add(array, json);
    }
    return array;
}

int report_write(struct differ *differ, enum sc_status status, struct sc_error **err)
{
    cleanup_json struct json_object *json = json_object_new_object();
    struct json_object *functions = json_object_new_array();
    struct json_object *refusals = json_object_new_array();

    sc_json_add_u64(json, "version", 1);
    sc_json_add_string(json, "target_elf", differ->job.target_elf);
    sc_json_add_string(json, "status",
                       status == SC_OK        ? "ok"
                       : status == SC_NOTHING ? "nothing"
                                              : "refused");
    sc_json_add_u64(json, "objects_compared", differ->job.object_count);
    sc_json_add_u64(json, "functions_compared", differ->functions_compared);
    add_functions(differ, functions);
    for (size_t i = 0; i < differ->refusals.count; i++)
        json_object_array_add(refusals, refusal_json(differ->refusals.items[i]));
    if (differ->line_kept_known)
        json_object_object_add(json, "line_kept", names_json(&differ->line_kept));
    json_object_object_add(json, "functions", functions);
    json_object_object_add(json, "refusals", refusals);
    json_object_object_add(json, "warnings", warnings_json(differ));
    return sc_json_write(differ->job.report, json, err);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Prints what was built, or why nothing was.
#include "rpmtools/build.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json_util.h"

#include <string.h>

/* "refused: <code>: function … (object, file:line): message; advice" */
static void print_refusal(const struct build_refusal *refusal)
{
    fprintf(stderr, "refused: %s: ", refusal->code);
    if (refusal->target)
        fprintf(stderr, "%s: ", refusal->target);
    if (refusal->function)
        fprintf(stderr, "function %s ", refusal->function);
    if (refusal->object || refusal->source)
        fprintf(stderr, "(%s%s%s)", refusal->object ? refusal->object : "",
                refusal->object && refusal->source ? ", " : "",
                refusal->source ? refusal->source : "");
    fprintf(stderr, "%s%s", refusal->function || refusal->object || refusal->source ? ": " : "",
            refusal->message);
    fprintf(stderr, "%s%s\n", refusal->advice ? "; " : "", refusal->advice ? refusal->advice : "");
}

/* On stderr, also with --json: there they are in the JSON as well. */
void build_print_refusals(const struct build *build)
{
    for (size_t i = 0; i < build->refusal_count; i++)
        print_refusal(&build->refusals[i]);
}

static unsigned long long number(struct json_object *object, const char *name)
{
    uint64_t value = 0;

    (void)sc_json_u64(object, name, &value, NULL);
    return value;
}

static struct json_object *report_functions(const struct build_target *target)
{
    return sc_json_array(target->report, "functions", NULL);
}

static const char *text_of(struct json_object *object, const char *name)
{
    return sc_json_string_optional(object, name, "");
}

/* How many functions of a report have that change. */
static size_t count_changes(const struct build_target *target, const char *change)
{
    struct json_object *functions = report_functions(target);
    size_t count = 0;

    for (size_t i = 0; functions && i < json_object_array_length(functions); i++)
        count += strcmp(text_of(json_object_array_get_idx(functions, i), "change"), change) == 0;
    return count;
}

/* --explain: each reason on a line of its own, and what the function is made of. */
static void explain_function(struct json_object *function)
{
    struct json_object *whys = sc_json_array(function, "why", NULL);
    struct json_object *parts = sc_json_array(function, "parts", NULL), *quiesce;
    const char *strategy = text_of(function, "strategy");

    for (size_t i = 0; whys && i < json_object_array_length(whys); i++)
        printf("            %s\n", text_of(json_object_array_get_idx(whys, i), "text"));
    for (size_t i = 0; parts && i < json_object_array_length(parts); i++)
        printf("            with its part %s\n",
               json_object_get_string(json_object_array_get_idx(parts, i)));
    if (json_object_object_get_ex(function, "quiesce", &quiesce) &&
        json_object_get_boolean(quiesce))
        printf("            is switched when no thread is in it: it uses other functions of the "
               "patch\n");
    printf("            object %s%s\n", text_of(function, "object"),
           strcmp(strategy, "entry") == 0 ? ", jump at the entry"
           : *strategy                    ? ", jump behind the first instruction"
                                          : "");
}

/* The place tells more than the unit that it is compiled in: a header, perhaps. */
static void print_function(struct json_object *function, bool explain)
{
    const char *reason = text_of(function, "reason"), *place = text_of(function, "place");

    printf("    %-7s %s (%s)%s%s\n", text_of(function, "change"), text_of(function, "name"),
           *place ? place : text_of(function, "source"), *reason ? ": " : "", reason);
    if (explain)
        explain_function(function);
}

/* What the differ wants the author to know; the patch was made all the same. */
static void print_warnings(const struct build_target *target)
{
    struct json_object *warnings = sc_json_array(target->report, "warnings", NULL);

    for (size_t i = 0; warnings && i < json_object_array_length(warnings); i++)
        printf("  warning: %s\n", text_of(json_object_array_get_idx(warnings, i), "message"));
}

/* How many functions are not in the patch only because lines kept their numbers. */
static void explain_line_kept(const struct build_target *target)
{
    struct json_object *names = sc_json_array(target->report, "line_kept", NULL);
    size_t count = names ? json_object_array_length(names) : 0;

    if (!names)
        return;
    printf("  %zu other function%s would have changed by line numbers (__LINE__)%s", count,
           count == 1 ? "" : "s", count ? ":" : "");
    for (size_t i = 0; i < count; i++)
        printf("%s %s", i ? "," : "", json_object_get_string(json_object_array_get_idx(names, i)));
    putchar('\n');
}

/* What was proven comes first: without it the rest means nothing. */
static void print_target(const struct build_target *target, bool explain)
{
    struct json_object *functions = report_functions(target);

    bool self = target->faithful.level == FAITHFUL_SELF;

    printf("%s\n  build-id %s, %s%s\n"
           "  %llu objects compared, %llu functions; %zu changed, %zu new, %zu dropped\n",
           target->path, target->faithful.build_id,
           self ? "captured at the official build" : "proven equal to the shipped file by ",
           self ? "" : faithful_level_name(target->faithful.level),
           number(target->report, "objects_compared"), number(target->report, "functions_compared"),
           count_changes(target, "changed"), count_changes(target, "new"),
           count_changes(target, "dropped"));
    for (size_t i = 0; functions && i < json_object_array_length(functions); i++)
        print_function(json_object_array_get_idx(functions, i), explain);
    print_warnings(target);
    if (explain)
        explain_line_kept(target);
}

/* What --explain adds: the whole package, and where the changes came from. */
static void print_explanation(const struct build *build)
{
    printf("patched tree: %s%s\n",
           build->full_reason ? "built from the start" : "built on the original's",
           build->configured ? ", as that was configured" : "");
    if (build->full_reason)
        printf("  because %s\n", build->full_reason);
    for (size_t i = 0; i < build->changes.changed.count; i++)
        printf("  changed file: %s\n", build->changes.changed.items[i]);
    for (size_t i = 0; i < build->changes.removed.count; i++)
        printf("  removed file: %s\n", build->changes.removed.items[i]);
    for (size_t i = 0; i < build->target_count; i++)
        if (!build->targets[i].changed)
            printf("  %s: %s\n", build->targets[i].path,
                   build->targets[i].reference ? "unchanged" : "not captured, unchanged");
}

void build_print_summary(const struct build *build)
{
    for (size_t i = 0; i < build->target_count; i++)
        if (build->targets[i].changed)
            print_target(&build->targets[i], build->options.explain);
    for (size_t i = 0; i < build->warnings.count; i++)
        printf("warning: %s\n", build->warnings.items[i]);
    if (build->options.explain)
        print_explanation(build);
    printf("%s\n%s\n", build->packages.binary, build->packages.source);
}

/* --- JSON ------------------------------------------------------------------------------------ */

/* The differ's report is passed on as it is: doc/formats.md describes it. */
static struct json_object *target_json(const struct build_target *target)
{
    struct json_object *object = json_object_new_object();

    sc_json_add_string(object, "target_elf", target->path);
    sc_json_add_string(object, "build_id", target->faithful.build_id);
    sc_json_add_string(object, "faithfulness", faithful_level_name(target->faithful.level));
    json_object_object_add(object, "captured", json_object_new_boolean(target->reference != NULL));
    json_object_object_add(object, "changed", json_object_new_boolean(target->changed));
    json_object_object_add(object, "report", json_object_get(target->report));
    return object;
}

static struct json_object *refusal_json(const struct build_refusal *refusal)
{
    struct json_object *object = json_object_new_object();

    sc_json_add_string(object, "code", refusal->code);
    sc_json_add_string(object, "target_elf", refusal->target);
    sc_json_add_string(object, "function", refusal->function);
    sc_json_add_string(object, "object", refusal->object);
    sc_json_add_string(object, "source", refusal->source);
    sc_json_add_string(object, "message", refusal->message);
    sc_json_add_string(object, "advice", refusal->advice);
    return object;
}

/* As those of a report. */
static struct json_object *warnings_json(const struct build *build)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; i < build->warnings.count; i++) {
        struct json_object *object = json_object_new_object();

        sc_json_add_string(object, "kind", "installed-header");
        sc_json_add_string(object, "message", build->warnings.items[i]);
        json_object_array_add(array, object);
    }
    return array;
}

static struct json_object *files_json(const struct build *build)
{
    struct json_object *array = json_object_new_array();

    if (build->packages.binary)
        json_object_array_add(array, json_object_new_string(build->packages.binary));
    if (build->packages.source)
        json_object_array_add(array, json_object_new_string(build->packages.source));
    return array;
}

/* Printed after a failure too: a script needs the reason codes more than the summary. */
void build_print_json(const struct build *build, enum sc_status status, const char *message)
{
    cleanup_json struct json_object *root = json_object_new_object();
    struct json_object *targets = json_object_new_array(), *refusals = json_object_new_array();

    for (size_t i = 0; i < build->target_count; i++)
        json_object_array_add(targets, target_json(&build->targets[i]));
    for (size_t i = 0; i < build->refusal_count; i++)
        json_object_array_add(refusals, refusal_json(&build->refusals[i]));
    sc_json_add_u64(root, "status", status);
    sc_json_add_string(root, "message", message);
    sc_json_add_string(root, "uuid", build->info ? build->info->uuid : NULL);
    sc_json_add_string(root, "full", build->full_reason);
    json_object_object_add(root, "targets", targets);
    json_object_object_add(root, "refusals", refusals);
    json_object_object_add(root, "warnings", warnings_json(build));
    json_object_object_add(root, "files", files_json(build));
    puts(json_object_to_json_string_ext(root,
                                        JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
}

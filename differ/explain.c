// SPDX-License-Identifier: GPL-2.0-or-later
// Tells why each function is in the patch: what in the source changed it.
//
// Nothing here decides what is patched. The comparison of objects says that a function differs; the
// lines that the source patch edits, the lines that its instructions come from, and what is inlined
// into it say why. Where the evidence is missing, nothing is claimed.
#include "differ/explain.h"

#include "differ/bind.h"
#include "differ/compare.h"
#include "differ/read.h"
#include "differ/source_info.h"

#include <string.h>

/* Edited declarations that are named for a function without an edited line: the first ones. */
#define DECLARATIONS_MAX 3

/* The units behind an object of link-time optimisation; NULL for other objects. */
static const char *const *unit_paths(struct differ *differ, const struct job_object *object,
                                     bool patched)
{
    const struct job *job = &differ->job;
    const char **paths;

    if (!object->lto)
        return NULL;
    paths = pool_alloc(&differ->pool, (job->types_count + 1) * sizeof(*paths));
    for (size_t i = 0; i < job->types_count; i++)
        paths[i] = patched ? job->types[i].patched_path : job->types[i].reference_path;
    return paths;
}

static void read_infos(struct differ *differ, struct job_object *object)
{
    uint32_t type = differ->job.arch->abs_type;
    const struct edits *edits = &differ->job.edits;

    if (object->explained)
        return;
    object->explained = true;
    if (object->reference)
        object->old_info =
            source_info_read(&differ->pool, object->reference, object->reference_path,
                             unit_paths(differ, object, false), edits, type, false);
    if (object->patched)
        object->new_info = source_info_read(&differ->pool, object->patched, object->patched_path,
                                            unit_paths(differ, object, true), edits, type, true);
}

static const struct source_info *info_of(const struct object *object)
{
    return object == object->job->patched ? object->job->new_info : object->job->old_info;
}

/* A place as people count it: in the patched file, or in the original one. NULL if not known. */
static const char *place_text(struct differ *differ, const struct source_info *info,
                              const struct source_place *place)
{
    uint32_t line = place->line;
    bool edited;

    if (!place->file || !line)
        return NULL;
    if (info->patched)
        line = edits_line(edits_find(&differ->job.edits, place->file), line, &edited);
    return edits_place(&differ->job.edits, &differ->pool, place->file, line);
}

/* --- what the patch edits ----------------------------------------------------------------------
 */

/* All entries of one function: abstract, inlined, cloned. */
static void mark_edited(const struct source_info *info, const char *name, const char *place)
{
    for (size_t i = 0; info && i < info->functions.count; i++) {
        struct source_thing *function = info->functions.items[i];

        if (!function->edit && strcmp(function->name, name) == 0)
            function->edit = place;
    }
}

static void mark_line(struct differ *differ, struct job_object *object,
                      const struct edit_file *file, const struct source_info *info, uint32_t line,
                      uint32_t shown)
{
    const struct source_thing *owner = info ? source_owner(info, file->path, line) : NULL;
    const char *place;

    if (!owner)
        return;
    place = edits_place(&differ->job.edits, &differ->pool, file->path, shown);
    mark_edited(object->old_info, owner->name, place);
    mark_edited(object->new_info, owner->name, place);
}

/* Added and changed lines are in the patched version, removed ones in the original. */
static void mark_file(struct differ *differ, struct job_object *object,
                      const struct edit_file *file)
{
    for (size_t i = 0; i < file->run_count; i++)
        for (uint32_t j = 0; file->runs[i].edited && j < file->runs[i].count; j++)
            mark_line(differ, object, file, object->new_info, file->runs[i].real + j,
                      file->runs[i].real + j);
    for (size_t i = 0; i < file->removed_count; i++)
        for (uint32_t j = 0; j < file->removed[i].count; j++)
            mark_line(differ, object, file, object->old_info, file->removed[i].first + j,
                      file->removed[i].real);
}

/* The place where the patch edits the function, or NULL. */
static const char *edit_of(const struct job_object *object, const char *name)
{
    const struct source_thing *function = source_function(object->new_info, name);

    if (!function || !function->edit)
        function = source_function(object->old_info, name);
    return function ? function->edit : NULL;
}

/* --- reasons ------------------------------------------------------------------------------------
 */

static void add_why(struct differ *differ, struct symbol *symbol, const char *kind,
                    const char *function, const char *place, const char *text)
{
    struct why *why;

    for (size_t i = 0; i < symbol->whys.count; i++) {
        const struct why *other = symbol->whys.items[i];

        if (strcmp(other->kind, kind) == 0 && strcmp(other->text, text) == 0)
            return;
    }
    why = pool_alloc(&differ->pool, sizeof(*why));
    *why = (struct why){kind, function, place, text};
    list_add(&differ->pool, &symbol->whys, why);
}

/* function: of which; NULL for any. */
static bool has_why(const struct symbol *symbol, const char *kind, const char *function)
{
    for (size_t i = 0; i < symbol->whys.count; i++) {
        const struct why *why = symbol->whys.items[i];

        if (strcmp(why->kind, kind) == 0 && (!function || strcmp(why->function, function) == 0))
            return true;
    }
    return false;
}

static void add_inlined(struct differ *differ, struct symbol *symbol, const char *name,
                        const char *place)
{
    if (has_why(symbol, "inlines", name))
        return;
    if (place)
        add_why(differ, symbol, "inlines", name, place,
                pool_format(&differ->pool, "inlines %s, which is changed at %s", name, place));
}

/*
 * An edited line that the code was made from. Of link-time optimisation the line is the only proof:
 * other files may have a function of the name.
 */
static void why_line(struct differ *differ, struct symbol *symbol, const struct source_thing *owner,
                     const char *self, const char *place)
{
    bool lto = symbol->object->job->lto, own = strcmp(owner->name, self) == 0;

    if (own && lto && !has_why(symbol, "source", NULL))
        add_why(differ, symbol, "source", NULL, place,
                pool_format(&differ->pool, "changed in source at %s", place));
    else if (!own)
        add_inlined(differ, symbol, owner->name,
                    lto ? place : edit_of(symbol->object->job, owner->name));
}

/* Functions whose edited lines are among the lines of the code. */
static void why_rows(struct differ *differ, struct symbol *symbol, const struct symbol *code,
                     const char *self)
{
    const struct source_info *info = info_of(code->object);
    const struct source_rows *rows = info ? &info->by_section[code->section->index] : NULL;

    for (size_t i = 0; rows && i < rows->count; i++) {
        const struct source_place *place = &rows->rows[i].place;
        const struct edit_file *file = edits_find(&differ->job.edits, place->file);
        const struct source_thing *owner;
        uint32_t line = place->line, shown;
        bool edited;

        if (!file || rows->rows[i].address - code->value >= code->size)
            continue;
        shown =
            info->patched ? edits_line(file, line, &edited) : edits_old_line(file, line, &edited);
        owner = edited ? source_owner(info, place->file, info->patched ? shown : line) : NULL;
        if (owner)
            why_line(differ, symbol, owner, self,
                     edits_place(&differ->job.edits, &differ->pool, file->path, shown));
    }
}

/* Edited functions that the debugging information calls inlined, whatever line is edited. */
static void why_entries(struct differ *differ, struct symbol *symbol,
                        const struct source_info *info, const char *self)
{
    for (size_t i = 0; info && i < info->functions.count; i++) {
        const struct source_thing *function = info->functions.items[i];

        if (!function->has_code || strcmp(function->name, self) != 0)
            continue;
        for (size_t j = 0; j < function->inlined.count; j++)
            if (strcmp(function->inlined.items[j], self) != 0)
                add_inlined(differ, symbol, function->inlined.items[j],
                            edit_of(symbol->object->job, function->inlined.items[j]));
    }
}

static void why_inlines(struct differ *differ, struct symbol *symbol, const char *self)
{
    struct job_object *job = symbol->object->job;

    why_rows(differ, symbol, symbol, self);
    for (size_t i = 0; i < symbol->children.count; i++)
        why_rows(differ, symbol, symbol->children.items[i], self);
    if (symbol->twin)
        why_rows(differ, symbol, symbol->twin, self);
    /*
     * Of a function with clones it is not known which copy has what, and of one that link-time
     * optimisation made, what the linker inlined: there only the lines above know.
     */
    if (strcmp(symbol->name, self) == 0 && !job->lto) {
        why_entries(differ, symbol, job->new_info, self);
        why_entries(differ, symbol, job->old_info, self);
    }
}

/* The reference leads to something that the patch replaces, brings or takes away. */
static void why_reference(struct differ *differ, struct symbol *symbol,
                          const struct relocation *relocation, bool calls)
{
    const struct symbol *target =
        relocation->target ? bind_definition(differ, relocation->target) : NULL;
    struct pool *pool = &differ->pool;

    if (!target || !target->section || symbol_family((struct symbol *)target) == symbol)
        return;
    if (symbol_is_function(target)) {
        if (calls && (!target->twin || target->status == STATUS_CHANGED) && !target->parent)
            add_why(differ, symbol, "calls", target->name, NULL,
                    pool_format(pool,
                                "calls %s, which changes: the compiler knows how that uses "
                                "registers and memory",
                                target->name));
    } else if (target->twin && target->status == STATUS_CHANGED && !target->by_content &&
               target->section->kind == SECTION_RODATA) {
        add_why(differ, symbol, "data", target->name, target->place,
                pool_format(pool, "uses the constant %s, which changes", target->name));
    }
}

static void why_references(struct differ *differ, struct symbol *symbol, const struct symbol *code,
                           bool calls)
{
    const struct section *section = code->section;

    for (size_t i = section_relocation_from(section, code->value);
         i < section->relocation_count && section->relocations[i].offset < code->value + code->size;
         i++)
        why_reference(differ, symbol, &section->relocations[i], calls);
}

/*
 * Nothing that belongs to the function is edited, and nothing that it calls changes: then it is a
 * type, a macro or a constant. Which one, the debugging information does not say.
 */
static void why_declarations(struct differ *differ, struct symbol *symbol)
{
    const struct source_info *info = symbol->object->job->new_info;
    struct pool *pool = &differ->pool;
    const char *places = NULL, *first = NULL;
    size_t count = 0;

    for (size_t i = 0; info && i < differ->job.edits.count; i++) {
        const struct edit_file *file = &differ->job.edits.files[i];
        bool used = false;

        for (size_t j = 0; j < info->files.count && !used; j++)
            used = strcmp(info->files.items[j], file->path) == 0;
        for (size_t j = 0; used && j < file->run_count; j++) {
            const struct edit_run *run = &file->runs[j];
            const char *place;

            if (!run->edited || source_owner(info, file->path, run->real) ||
                count++ >= DECLARATIONS_MAX)
                continue;
            place = edits_place(&differ->job.edits, pool, file->path, run->real);
            first = first ? first : place;
            places = places ? pool_format(pool, "%s, %s", places, place) : place;
        }
    }
    if (places)
        add_why(differ, symbol, "declaration", NULL, first,
                pool_format(pool,
                            "none of its own lines is edited; what it uses is declared at %s%s",
                            places, count > DECLARATIONS_MAX ? " and further on" : ""));
}

static void why_changed(struct differ *differ, struct symbol *symbol, const char *self)
{
    struct pool *pool = &differ->pool;
    const char *edit = symbol->object->job->lto ? NULL : edit_of(symbol->object->job, self);
    bool calls;

    if (symbol->forced) {
        add_why(differ, symbol, "forced", NULL, NULL, "SYSCARE_FORCE_FUNCTION names it");
        return;
    }
    if (edit)
        add_why(differ, symbol, "source", NULL, edit,
                pool_format(pool, "changed in source at %s", edit));
    why_inlines(differ, symbol, self);
    for (size_t i = 0; i < symbol->children.count; i++) {
        const struct symbol *child = symbol->children.items[i];

        if (!child->twin || child->status == STATUS_CHANGED)
            add_why(differ, symbol, "cold-part", child->name, NULL,
                    pool_format(pool, "its cold part %s changes", child->name));
    }
    /* what it calls explains it only if nothing nearer does */
    calls = symbol->whys.count == 0;
    why_references(differ, symbol, symbol, calls);
    if (symbol->twin)
        why_references(differ, symbol, symbol->twin, calls);
    if (symbol->whys.count == 0)
        why_declarations(differ, symbol);
    if (symbol->whys.count == 0 && differ->job.edits.count && symbol->object->job->new_info &&
        symbol->object->job->old_info)
        add_why(differ, symbol, "compiler", NULL, NULL,
                "the compiler made other code of it, though no edited line is in it");
    if (symbol->whys.count == 0)
        add_why(differ, symbol, "unknown", NULL, NULL,
                "its source is not known: there is no debugging information of it");
}

static void why_new(struct differ *differ, struct symbol *symbol, const char *self)
{
    const struct unit *unit = symbol_unit(symbol);
    const char *edit = edit_of(symbol->object->job, self);
    struct pool *pool = &differ->pool;

    if (edit)
        add_why(differ, symbol, "source", NULL, edit, pool_format(pool, "new at %s", edit));
    for (size_t i = 0; i < differ->hooks.count; i++)
        if (((const struct hook *)differ->hooks.items[i])->symbol == symbol)
            add_why(differ, symbol, "hook", NULL, NULL, "it is a hook of the patch");
    if (unit && unit->by)
        add_why(differ, symbol, "used-by", bind_place_name(unit->by), NULL,
                pool_format(pool, "%s uses it", bind_place_name(unit->by)));
    if (!unit)
        add_why(differ, symbol, "unused", NULL, NULL, "nothing in the patch uses it");
}

/* A function that has no code of its own any more, but is still in the source, is inlined. */
static void why_dropped(struct differ *differ, struct symbol *symbol, const char *self)
{
    const struct source_info *info = symbol->object->job->new_info;

    if (info && source_function(info, self))
        add_why(differ, symbol, "inlined-away", NULL, NULL,
                "it is inlined wherever it is called now; calls that run finish in the old code");
    else
        add_why(differ, symbol, "removed", NULL, NULL,
                "the patched source does not have it; the old code stays where it is");
}

/* Link-time optimisation: where the code begins, since a name may stand for several functions. */
static const char *first_place(struct differ *differ, const struct source_info *info,
                               const struct symbol *symbol)
{
    struct source_place place = {0};

    if (info)
        place = source_place_of(info, symbol->section->index, symbol->value);
    return info ? place_text(differ, info, &place) : NULL;
}

static void explain_function(struct differ *differ, struct symbol *symbol)
{
    const char *self = source_name(&differ->pool, symbol->name);
    const struct source_info *info = info_of(symbol->object);
    const struct source_thing *function = source_function(info, self);

    if (function && !symbol->object->job->lto)
        symbol->place = place_text(differ, info, &function->place);
    else if (symbol->object->job->lto)
        symbol->place = first_place(differ, info, symbol);
    if (strcmp(self, symbol->name) != 0)
        add_why(differ, symbol, "clone-of", self, NULL,
                pool_format(&differ->pool,
                            "it is a copy of %s that the compiler specialised (IPA clone)", self));
    if (symbol->twin)
        why_changed(differ, symbol, self);
    else if (symbol->object == symbol->object->job->patched)
        why_new(differ, symbol, self);
    else
        why_dropped(differ, symbol, self);
}

bool explain_is_quiesced(const struct differ *differ, const struct symbol *symbol)
{
    for (size_t i = 0; i < differ->entries.count; i++) {
        const struct entry *entry = differ->entries.items[i];

        if (entry->symbol == symbol)
            return entry->flags & SC_FUNC_QUIESCE;
    }
    return false;
}

/* --- refusals -----------------------------------------------------------------------------------
 */

static const char *variable_place(struct differ *differ, const struct symbol *symbol)
{
    const struct source_info *info = info_of(symbol->object);
    const struct source_thing *variable =
        source_variable(info, source_name(&differ->pool, symbol->name));

    return variable ? place_text(differ, info, &variable->place) : NULL;
}

/* Where the function is edited, so that the reader finds the line to change; else where it is. */
static const char *function_place(struct differ *differ, const struct object *object,
                                  const char *name)
{
    const char *self = source_name(&differ->pool, name), *edit = edit_of(object->job, self);
    const struct source_info *info = info_of(object);
    const struct source_thing *function = source_function(info, self);

    if (edit)
        return edit;
    return function ? place_text(differ, info, &function->place) : NULL;
}

static void place_refusal(struct differ *differ, struct refusal *refusal)
{
    const struct object *object = refusal->in;

    if (refusal->source || !object)
        return;
    if (refusal->at) {
        const struct section *section = refusal->at->section;
        const struct source_info *info = info_of(section->object);
        struct source_place place = {0};

        if (info && section->kind == SECTION_TEXT)
            place = source_place_of(info, section->index, refusal->at->offset);
        refusal->source = place_text(differ, info, &place);
    }
    if (!refusal->source && refusal->about && !symbol_is_function(refusal->about))
        refusal->source = variable_place(differ, refusal->about);
    if (!refusal->source && refusal->function)
        refusal->source = function_place(differ, object, refusal->function);
    if (!refusal->source && refusal->about)
        refusal->source = function_place(differ, object, refusal->about->name);
}

/* --- the phase ----------------------------------------------------------------------------------
 */

static bool is_refused(const struct differ *differ, const struct job_object *object)
{
    for (size_t i = 0; i < differ->refusals.count; i++) {
        const struct refusal *refusal = differ->refusals.items[i];

        if (refusal->in && refusal->in->job == object)
            return true;
    }
    return false;
}

/* What the report tells of the functions of one side. */
static void explain_side(struct differ *differ, struct object *object)
{
    bool patched = object && object == object->job->patched;

    for (size_t i = 0; object && i < object->functions.count; i++) {
        struct symbol *symbol = object->functions.items[i];

        if (!symbol->twin || (patched && symbol->status == STATUS_CHANGED))
            explain_function(differ, symbol);
    }
}

static bool has_news(const struct object *object)
{
    for (size_t i = 0; object && i < object->functions.count; i++) {
        const struct symbol *symbol = object->functions.items[i];

        if (!symbol->twin || symbol->status == STATUS_CHANGED)
            return true;
    }
    return false;
}

static void place_constants(struct differ *differ, const struct object *patched)
{
    for (size_t i = 0; patched && i < patched->all.count; i++) {
        struct symbol *symbol = patched->all.items[i];

        if (symbol->twin && symbol->status == STATUS_CHANGED && !symbol_is_function(symbol) &&
            !symbol->anonymous)
            symbol->place = variable_place(differ, symbol);
    }
}

/* Only objects that are told of: debugging information is larger than all the rest. */
void phase_explain(struct differ *differ)
{
    for (size_t i = 0; i < differ->job.object_count; i++) {
        struct job_object *object = &differ->job.objects[i];

        if (!has_news(object->patched) && !has_news(object->reference) &&
            !is_refused(differ, object))
            continue;
        read_infos(differ, object);
        for (size_t j = 0; j < differ->job.edits.count; j++)
            mark_file(differ, object, &differ->job.edits.files[j]);
        place_constants(differ, object->patched);
        explain_side(differ, object->patched);
        explain_side(differ, object->reference);
    }
    for (size_t i = 0; i < differ->refusals.count; i++)
        place_refusal(differ, differ->refusals.items[i]);
}

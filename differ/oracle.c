// SPDX-License-Identifier: GPL-2.0-or-later
// Compares reference and patched link, and both answers: the oracle's and the differ's.
#include "differ/oracle.h"

#include "differ/bind.h"
#include "differ/lto.h"
#include "differ/names.h"
#include "differ/oracle_P.h"
#include "lib/cleanup.h"
#include "lib/file.h"

#include <string.h>

/* The object of the job that a map's input name belongs to, else the name itself. */
static const char *object_name(const struct differ *differ, const char *input)
{
    for (size_t i = 0; i < differ->job.object_count; i++) {
        const struct job_object *object = &differ->job.objects[i];

        if (job_object_is_input(object, input))
            return object->name;
    }
    return input;
}

/* Functions come by address, so those of one input follow each other. */
static const char *input_of(struct view *view, const struct code *code)
{
    const char *input = code->symbol->input ? code->symbol->input : "";

    if (view->last_input != input) {
        view->last_input = input;
        view->last_object = object_name(view->differ, input);
    }
    return view->last_object;
}

/* True if the input may hold code of the object; several objects may be joined in one (ld -r). */
static bool is_from(const struct code *code, const struct job_object *object)
{
    return code->symbol->input && job_object_is_input(object, code->symbol->input);
}

static void digest_codes(struct view *view)
{
    view->tell_files = true;
    for (size_t i = 0; i < view->code_count; i++) {
        struct code *code = &view->codes[i];
        cleanup_free char *text = code->parent ? NULL : view_text(view, code);

        if (text)
            sc_digest_memory(text, strlen(text), code->digest);
    }
}

static void make_twins(struct code *a, struct code *b)
{
    a->twin = b;
    b->twin = a;
}

/* An index of the functions by "name" or "name input". */
static struct name_index index_codes(struct view *view, bool with_input)
{
    struct pool *pool = view->image->pool;
    struct name_index index = {0};

    for (size_t i = 0; i < view->code_count; i++) {
        struct code *code = &view->codes[i];
        const char *name = code->key;

        if (code->parent || code->twin)
            continue;
        if (with_input)
            name = pool_format(pool, "%s\n%s", name, input_of(view, code));
        name_index_add(pool, &index, name, code);
    }
    name_index_sort(&index);
    return index;
}

/* Of several that are equal, one that the object files do not call new, as far as there is one. */
static struct code *same_digest(struct name_entry *entries, size_t count, const struct code *code)
{
    struct code *found = NULL;

    for (size_t i = 0; i < count; i++) {
        struct code *candidate = entries[i].item;

        if (candidate->twin || memcmp(candidate->digest, code->digest, SC_DIGEST_SIZE) != 0)
            continue;
        if (!candidate->changed_there)
            return candidate;
        found = found ? found : candidate;
    }
    return found;
}

/* The only one without a twin, else NULL. */
static struct code *only_left(struct name_entry *entries, size_t count)
{
    struct code *found = NULL;

    for (size_t i = 0; i < count; i++) {
        struct code *candidate = entries[i].item;

        if (candidate->twin)
            continue;
        if (found)
            return NULL;
        found = candidate;
    }
    return found;
}

/* Functions of one key: equal ones first, then what is left if it is one on each side. */
static void match_codes(struct view *a, struct view *b, bool with_input)
{
    struct name_index x = index_codes(a, with_input), y = index_codes(b, with_input);

    for (size_t i = 0; i < x.count;) {
        size_t mine, theirs;
        struct name_entry *group = name_index_find(&x, x.entries[i].name, &mine);
        struct name_entry *others = name_index_find(&y, x.entries[i].name, &theirs);
        struct code *left, *right;

        for (size_t j = 0; j < mine; j++) {
            struct code *code = group[j].item;
            struct code *twin = same_digest(others, theirs, code);

            if (twin)
                make_twins(code, twin);
        }
        left = only_left(group, mine);
        right = only_left(others, theirs);
        if (left && right)
            make_twins(left, right);
        i += mine;
    }
}

/*
 * The function in its object, in one of both versions; NULL when that is not one of the job, or has
 * several.
 */
static const struct symbol *object_function(const struct differ *differ, const struct code *code,
                                            bool patched)
{
    const struct symbol *found = NULL;

    for (size_t i = 0; i < differ->job.object_count; i++) {
        const struct job_object *object = &differ->job.objects[i];
        struct object *side = patched ? object->patched : object->reference;
        struct name_entry *entries;
        size_t count;

        if (!side || !is_from(code, object))
            continue;
        entries = name_index_find(&side->names, code->symbol->name, &count);
        if (count > 1 || (count && found))
            return NULL;
        if (count)
            found = entries[0].item;
    }
    return found;
}

static bool is_changed(struct view *view, struct code *code, struct view *other)
{
    const struct symbol *function;
    cleanup_free char *text = NULL;
    cleanup_free char *twin = NULL;

    if (!code->twin)
        return true;
    if (memcmp(code->digest, code->twin->digest, SC_DIGEST_SIZE) == 0)
        return false;
    function = view->image->absolute.end ? object_function(view->differ, code, false) : NULL;
    if (!function)
        return true;
    text = view_text(view, code);
    twin = view_text(other, code->twin);
    return !oracle_same_as_numbers(view, code, text, other, code->twin, twin, function);
}

static void mark_changes(struct view *reference, struct view *patched)
{
    for (size_t i = 0; i < reference->code_count; i++) {
        struct code *code = &reference->codes[i];

        if (code->parent)
            continue;
        code->changed_here = is_changed(reference, code, patched);
        if (code->twin)
            code->twin->changed_here = code->changed_here;
    }
    for (size_t i = 0; i < patched->code_count; i++)
        if (!patched->codes[i].parent && !patched->codes[i].twin)
            patched->codes[i].changed_here = true;
}

static void mark_address(const struct view *view, uint64_t address)
{
    struct code *code = view_code_at(view, address);

    if (code)
        (code->parent ? code->parent : code)->changed_there = true;
}

/* New functions are found in the patched link by their name and object. */
static void mark_new(const struct view *view, const struct symbol *symbol)
{
    size_t count;
    struct name_entry *entries = name_index_find(&view->image->names, symbol->name, &count);

    for (size_t i = 0; i < count; i++) {
        struct image_symbol *linked = entries[i].item;
        struct code *code = view_code_at(view, linked->address);

        if (code && !code->parent && code->symbol == linked && is_from(code, symbol->object->job) &&
            lto_may_be_in(symbol, linked->input))
            code->changed_there = true;
    }
}

/* Carries the differ's answer over to the functions of the linked files. */
static void mark_differ(struct differ *differ, const struct view *reference,
                        const struct view *patched)
{
    for (size_t i = 0; i < differ->job.object_count; i++) {
        struct object *old = differ->job.objects[i].reference;
        struct object *fresh = differ->job.objects[i].patched;

        for (size_t j = 0; old && j < old->functions.count; j++) {
            const struct symbol *symbol = old->functions.items[j];
            enum refusal_code why;
            struct image_symbol *linked;

            if (symbol->forced ||
                (symbol->twin && symbol->status != STATUS_CHANGED && !symbol->ignored))
                continue; /* what the author decided is no disagreement */
            linked = resolve_symbol(differ, symbol, &why);
            if (linked)
                mark_address(reference, linked->address);
        }
        for (size_t j = 0; fresh && j < fresh->functions.count; j++) {
            const struct symbol *symbol = fresh->functions.items[j];

            /* changed ones too: of several of a name the oracle may not tell which is which */
            if (!symbol->twin || symbol->status == STATUS_CHANGED)
                mark_new(patched, symbol);
        }
    }
}

/* A part of the line that shows the place, with dots for what is left out. */
static void excerpt(const char *line, const char *place, char out[128])
{
    const size_t before = 40;
    const char *from = (size_t)(place - line) > before ? place - before : line;
    size_t length = strcspn(from, "\n"), room = 120;

    snprintf(out, 128, "%s%.*s%s", from > line ? "..." : "", (int)(length < room ? length : room),
             from, length > room ? "..." : "");
}

/* The first line in which two texts differ, for the message. */
static void first_difference(const char *a, const char *b, char mine[128], char theirs[128])
{
    const char *line_a = a, *line_b = b;

    while (*a && *a == *b) {
        if (*a == '\n') {
            line_a = a + 1;
            line_b = b + 1;
        }
        a++, b++;
    }
    excerpt(line_a, a, mine);
    excerpt(line_b, b, theirs);
}

struct message {
    char *text;
    size_t count;
};

/* Adds a line about the function, with the place where it differs from its twin. */
static void tell(struct message *message, const char *what, struct view *mine, struct code *code,
                 struct view *theirs)
{
    cleanup_free char *text = NULL;
    cleanup_free char *other = NULL;
    char left[128] = "", right[128] = "";
    char *longer;

    if (message->count++ >= 20)
        return;
    text = view_text(mine, code);
    other = code->twin ? view_text(theirs, code->twin) : NULL;
    if (other)
        first_difference(text, other, left, right);
    longer =
        sc_format("%s\n  %s %s (%s): '%s' / '%s'", message->text ? message->text : "", what,
                  code->symbol->name, code->symbol->input ? code->symbol->input : "?", left, right);
    free(message->text);
    message->text = longer;
}

/*
 * Code that the linker takes from the distribution's own archives and start files (FHS 3.0, 4.6):
 * no build makes it, and the target keeps what it was linked with.
 */
static bool is_of_distribution(const struct code *code)
{
    static const char *const places[] = {"/usr/lib", "/usr/local/lib", "/lib", "/opt/rh/"};
    const char *input = code->symbol->input;

    for (size_t i = 0; input && i < sizeof(places) / sizeof(places[0]); i++)
        if (strncmp(input, places[i], strlen(places[i])) == 0)
            return true;
    return false;
}

/* True if each line is the same in one of both ways to write it. */
static bool lines_agree(const char *a, const char *b, const char *lenient_a, const char *lenient_b)
{
    const char *texts[] = {a, b, lenient_a, lenient_b};

    while (*texts[0] && *texts[1] && *texts[2] && *texts[3]) {
        size_t length[4];

        for (size_t i = 0; i < 4; i++)
            length[i] = strcspn(texts[i], "\n");
        if ((length[0] != length[1] || memcmp(texts[0], texts[1], length[0]) != 0) &&
            (length[2] != length[3] || memcmp(texts[2], texts[3], length[2]) != 0))
            return false;
        for (size_t i = 0; i < 4; i++)
            texts[i] += length[i] + !!texts[i][length[i]];
    }
    return !*texts[0] && !*texts[1];
}

/*
 * True if they differ in nothing but what linked files do not tell. The functions are what they are
 * in their objects.
 */
static bool agree_leniently(struct view *a, struct code *mine, const struct symbol *function,
                            struct view *b, struct code *theirs, const struct symbol *other)
{
    cleanup_free char *text = view_text(a, mine);
    cleanup_free char *text_b = view_text(b, theirs);
    cleanup_free char *lenient = view_text_lenient(a, mine, function);
    cleanup_free char *lenient_b = view_text_lenient(b, theirs, other);

    return lines_agree(text, text_b, lenient, lenient_b);
}

/* The same of a function of the original program and its twin in the patched one. */
static bool twins_agree_leniently(struct view *view, struct code *code, struct view *other)
{
    return agree_leniently(view, code, object_function(view->differ, code, false), other,
                           code->twin, object_function(view->differ, code->twin, true));
}

static void compare_answers(struct view *view, bool patched, struct view *other,
                            struct message *message)
{
    for (size_t i = 0; i < view->code_count; i++) {
        struct code *code = &view->codes[i];

        if (code->parent || (patched && code->twin) ||
            (!code->changed_there && is_of_distribution(code)))
            continue;
        if (code->changed_here && !code->changed_there &&
            !(code->twin && twins_agree_leniently(view, code, other)))
            tell(message, "only the linked files differ in", view, code, other);
        else if (!code->changed_here && code->changed_there)
            tell(message, "only the object files differ in", view, code, other);
    }
}

int oracle_compare(struct differ *differ, struct sc_error **err)
{
    struct view *reference = view_open(differ, differ->reference, NULL, err);
    struct view *patched = view_open(differ, differ->patched, NULL, err);
    struct message message = {NULL, 0};

    if (!reference || !patched)
        return -1;
    differ->reference_view = reference;
    differ->patched_view = patched;
    digest_codes(reference);
    digest_codes(patched);
    mark_differ(differ, reference, patched);
    match_codes(reference, patched, true);
    match_codes(reference, patched, false);
    mark_changes(reference, patched);
    compare_answers(reference, false, patched, &message);
    compare_answers(patched, true, reference, &message);
    reference->tell_files = patched->tell_files = false;
    if (!message.count)
        return 0;
    differ_refuse(differ, REFUSE_UNVERIFIED, NULL, NULL,
                  "the object files and the linked files disagree about %zu function(s):%s",
                  message.count, message.text);
    free(message.text);
    return 0;
}

/* True if it is one of the names of a function; those of versions are written NAME@VERSION. */
static bool is_named(const struct view *view, const struct code *code, const char *name)
{
    const char *plain = name_without_version(view->image->pool, name);
    size_t count;
    struct name_entry *entries;

    if (code->parent)
        return false;
    entries = name_index_find(&view->image->names, plain, &count);
    for (size_t i = 0; i < count; i++) {
        const struct image_symbol *symbol = entries[i].item;

        if (symbol->address == code->symbol->address && image_symbol_has_version(symbol, name))
            return true;
    }
    return false;
}

/* The function of the patched link that a function in the patch was taken from. */
static struct code *patched_code(struct differ *differ, const struct symbol *symbol)
{
    struct view *view = differ->patched_view;
    size_t count;
    struct name_entry *entries = name_index_find(
        &view->image->names, name_without_version(view->image->pool, symbol->name), &count);

    for (size_t i = 0; i < count; i++) {
        const struct image_symbol *linked = entries[i].item;
        struct code *code = view_code_at(view, linked->address);

        if (code && code->symbol->address == linked->address &&
            is_named(view, code, symbol->name) && is_from(code, symbol->object->job) &&
            lto_may_be_in(symbol, code->symbol->input))
            return code;
    }
    return NULL;
}

/*
 * The function of the patch object with this name and text; else the first with the name that
 * nothing was found for yet, or NULL. Several files may each have one of the name.
 */
static struct code *code_with_text(struct view *patch, const char *name, const char *text,
                                   const struct code *linked)
{
    struct code *first = NULL;

    for (size_t i = 0; i < patch->code_count; i++) {
        struct code *code = &patch->codes[i];
        cleanup_free char *found = NULL;

        if ((code->twin && code->twin != linked) || !is_named(patch, code, name))
            continue;
        found = view_text(patch, code);
        if (strcmp(found, text) == 0)
            return code;
        if (!first)
            first = code;
    }
    return first;
}

static void verify_function(struct differ *differ, struct view *patch, const struct symbol *symbol)
{
    struct code *linked = patched_code(differ, symbol);
    cleanup_free char *expected = linked ? view_text(differ->patched_view, linked) : NULL;
    struct code *mine = linked ? code_with_text(patch, symbol->name, expected, linked) : NULL;
    cleanup_free char *found = mine ? view_text(patch, mine) : NULL;
    char left[128], right[128];

    if (!mine) {
        differ_refuse(differ, REFUSE_UNVERIFIED, symbol->object, symbol->name,
                      "function %s is missing in %s", symbol->name,
                      linked ? "the patch object" : "the patched link");
        return;
    }
    if (strcmp(expected, found) == 0 ||
        agree_leniently(patch, mine, symbol, differ->patched_view, linked, symbol) ||
        oracle_same_as_numbers(patch, mine, found, differ->patched_view, linked, expected,
                               symbol)) {
        mine->twin = linked;
        return;
    }
    first_difference(found, expected, left, right);
    differ_refuse(differ, REFUSE_UNVERIFIED, symbol->object, symbol->name,
                  "function %s in the patch object is not that of the patched link: '%s' instead "
                  "of '%s'",
                  symbol->name, left, right);
}

struct image_symbol *oracle_object_named(const struct image *image, const char *name,
                                         const struct job_object *object)
{
    struct image_symbol *found = NULL;
    size_t count;
    struct name_entry *entries = name_index_find(&image->names, name, &count);

    for (size_t i = 0; i < count; i++) {
        struct image_symbol *symbol = entries[i].item;

        if (object && (!symbol->input || !job_object_is_input(object, symbol->input)))
            continue;
        if (found)
            return NULL;
        found = symbol;
    }
    return found;
}

/* New data must start with what it would start with in the patched program. */
static void verify_object(struct differ *differ, struct view *patch, const struct symbol *symbol)
{
    struct image_symbol *mine = oracle_object_named(patch->image, symbol->name, NULL);
    struct image_symbol *linked =
        oracle_object_named(differ->patched_view->image, symbol->name, symbol->object->job);
    cleanup_free char *expected = NULL;
    cleanup_free char *found = NULL;

    /* two files may have an object of the name: then neither can be picked out by it */
    if (!mine || !linked)
        return;
    expected = view_object_text(differ->patched_view, linked);
    found = view_object_text(patch, mine);
    if (strcmp(expected, found) != 0)
        differ_refuse(differ, REFUSE_UNVERIFIED, symbol->object, symbol->name,
                      "object %s in the patch object is not that of the patched link",
                      symbol->name);
}

static void verify_unit(struct differ *differ, struct view *patch, const struct unit *unit)
{
    const struct list *symbols = unit->symbol ? NULL : &unit->section->symbols;

    if (unit->symbol) {
        if (unit->section && unit->section->kind == SECTION_DATA && unit->symbol->name[0])
            verify_object(differ, patch, unit->symbol);
        return;
    }
    for (size_t i = 0; unit->section->kind == SECTION_TEXT && i < symbols->count; i++) {
        const struct symbol *symbol = symbols->items[i];

        if (symbol->type == STT_FUNC && symbol->size && !symbol->parent)
            verify_function(differ, patch, symbol);
    }
}

int oracle_verify_patch(struct differ *differ, struct image *image, struct sc_error **err)
{
    struct view *patch = view_open(differ, image, differ->reference_view, err);

    if (!patch)
        return -1;
    for (size_t i = 0; i < differ->units.count; i++)
        verify_unit(differ, patch, differ->units.items[i]);
    view_close(patch);
    return 0;
}

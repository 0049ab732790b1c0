// SPDX-License-Identifier: GPL-2.0-or-later
// Reads what the patch's author says in the source (include/syscare-patch.h): marks and hooks.
//
// A mark that fits nothing is refused: the author meant something, and would find out in the
// running process that it did not happen.
#include "differ/differ.h"
#include "differ/read.h"

#include <string.h>

/* The text of a mark: a word, a name, and perhaps a reason, with tabs between them. */
struct mark {
    const char *word, *name;
};

/* Splits the text, which lies in the file. False if it is not a mark. */
static bool parse_mark(struct pool *pool, const char *text, struct mark *mark)
{
    char *word = pool_string(pool, text);
    char *name = strchr(word, '\t'), *reason;

    if (!name || !name[1])
        return false;
    *name++ = '\0';
    reason = strchr(name, '\t');
    if (reason)
        *reason = '\0';
    *mark = (struct mark){word, name};
    return true;
}

static void refuse_mark(struct differ *differ, const struct object *object, const struct mark *mark,
                        const char *what)
{
    differ_refuse(differ, REFUSE_MARK, object, NULL, "mark %s of %s: %s", mark->word, mark->name,
                  what);
}

/* All functions that were made from the one named: its clones follow it. */
static size_t mark_function(struct differ *differ, struct object *object, const struct mark *mark,
                            bool ignore)
{
    size_t length = strlen(mark->name), found = 0;

    for (size_t i = 0; i < object->functions.count; i++) {
        struct symbol *symbol = object->functions.items[i];

        if (strncmp(symbol->name, mark->name, length) != 0 ||
            (symbol->name[length] && symbol->name[length] != '.') || !symbol->twin)
            continue;
        found++;
        if (ignore && symbol->status == STATUS_CHANGED) {
            symbol->ignored = symbol->twin->ignored = true;
            symbol->status = symbol->twin->status = STATUS_SAME;
        } else if (!ignore && symbol->status == STATUS_SAME) {
            symbol->forced = symbol->twin->forced = true;
            symbol->status = symbol->twin->status = STATUS_CHANGED;
            symbol->reason = symbol->twin->reason = "SYSCARE_FORCE_FUNCTION";
        }
    }
    (void)differ;
    return found;
}

/* In both versions: sections of the original that go are told of too. */
static size_t mark_section(struct object *object, const char *name)
{
    size_t found = 0;

    for (size_t i = 1; object && i < object->section_count; i++)
        if (strcmp(object->sections[i].name, name) == 0) {
            object->sections[i].waived = true;
            found++;
        }
    return found;
}

/* Once: the mark may be in a header. */
static void add_safe_type(struct differ *differ, const char *key)
{
    struct safe_type *type;

    for (size_t i = 0; i < differ->safe_types.count; i++)
        if (strcmp(((struct safe_type *)differ->safe_types.items[i])->key, key) == 0)
            return;
    type = pool_alloc(&differ->pool, sizeof(*type));
    type->key = key;
    list_add(&differ->pool, &differ->safe_types, type);
}

static void apply_mark(struct differ *differ, struct object *object, const struct mark *mark)
{
    bool ignore = strcmp(mark->word, "ignore-function") == 0;

    if (ignore || strcmp(mark->word, "force-function") == 0) {
        if (!mark_function(differ, object, mark, ignore))
            refuse_mark(differ, object, mark, "both versions of this file have no such function");
    } else if (strcmp(mark->word, "ignore-section") == 0) {
        if (mark_section(object, mark->name) + mark_section(object->job->reference, mark->name) ==
            0)
            refuse_mark(differ, object, mark, "this file has no such section");
    } else if (strcmp(mark->word, "layout-is-safe") == 0) {
        add_safe_type(differ, mark->name);
    } else {
        refuse_mark(differ, object, mark, "this version of SysCare does not know it");
    }
}

static void read_marks(struct differ *differ, struct object *object, struct section *section)
{
    const struct elf_section *from = &object->elf->sections[section->index];
    const uint8_t *data = NULL;
    size_t size = 0;

    if (elf_section_data(object->elf, from, &data, &size, NULL) < 0)
        size = 0;
    for (size_t at = 0; at < size;) {
        size_t length = strnlen((const char *)data + at, size - at);
        struct mark mark = {"?", "?"};

        if (length == size - at ||
            (length && !parse_mark(&differ->pool, (const char *)data + at, &mark))) {
            refuse_mark(differ, object, &mark, "it is damaged");
            return;
        }
        if (length) /* the compiler may align strings */
            apply_mark(differ, object, &mark);
        at += length + 1;
    }
}

/* --- hooks ---------------------------------------------------------------------------------------
 */

static const struct {
    const char *section;
    enum sc_hook_kind kind;
} hook_kinds[] = {
    {".syscare.hook.pre_apply", SC_HOOK_PRE_APPLY},
    {".syscare.hook.post_apply", SC_HOOK_POST_APPLY},
    {".syscare.hook.pre_revert", SC_HOOK_PRE_REVERT},
    {".syscare.hook.post_revert", SC_HOOK_POST_REVERT},
};

static void read_hooks(struct differ *differ, struct section *section, enum sc_hook_kind kind)
{
    for (size_t i = 0; i < section->relocation_count; i++) {
        const struct relocation *relocation = &section->relocations[i];
        struct symbol *target = relocation->target;
        struct hook *hook;

        if (!target || !symbol_is_function(target) || relocation->delta != 0 ||
            target->section->grouped) {
            differ_refuse(differ, REFUSE_MARK, section->object, NULL,
                          "a hook in %s is no function of its own source file", section->name);
            continue;
        }
        hook = pool_alloc(&differ->pool, sizeof(*hook));
        *hook = (struct hook){kind, target};
        list_add(&differ->pool, &differ->hooks, hook);
    }
}

static void read_hooks_of(struct differ *differ, enum sc_hook_kind kind, const char *name)
{
    for (size_t i = 0; i < differ->job.object_count; i++) {
        struct object *object = differ->job.objects[i].patched;

        for (size_t j = 1; object && j < object->section_count; j++)
            if (strcmp(object->sections[j].name, name) == 0)
                read_hooks(differ, &object->sections[j], kind);
    }
}

void phase_marks(struct differ *differ)
{
    for (size_t i = 0; i < differ->job.object_count; i++) {
        struct object *object = differ->job.objects[i].patched;

        for (size_t j = 1; object && j < object->section_count; j++)
            if (strcmp(object->sections[j].name, ".syscare.ctl") == 0)
                read_marks(differ, object, &object->sections[j]);
    }
    for (size_t i = 0; i < sizeof(hook_kinds) / sizeof(hook_kinds[0]); i++)
        read_hooks_of(differ, hook_kinds[i].kind, hook_kinds[i].section);
}

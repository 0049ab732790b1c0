// SPDX-License-Identifier: GPL-2.0-or-later
// Finds what the author of a patch should know though it does not stand in its way.
#include "differ/differ.h"

#include "differ/old_calls.h"
#include "lib/cleanup.h"

#include <stdarg.h>
#include <string.h>

void differ_warn(struct differ *differ, const char *kind, const struct object *object,
                 const char *function, const char *fmt, ...)
{
    struct warning *warning = pool_alloc(&differ->pool, sizeof(*warning));
    cleanup_free char *text = NULL;
    va_list args;

    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        abort();
    va_end(args);
    *warning = (struct warning){kind, function, object ? object->job->name : NULL,
                                pool_string(&differ->pool, text)};
    list_add(&differ->pool, &differ->warnings, warning);
}

/* --- functions that are always on some stack -----------------------------------------------------
 */

/* Probes of other tools on such a function and the jump do not bear each other. */
static void warn_entry_jump(struct differ *differ, const struct entry *entry)
{
    if (entry->first.size == 0)
        differ_warn(differ, "entry-jump", entry->symbol->object, entry->old->name,
                    "the jump into %s stands at its first byte, since its first instruction '%s' "
                    "must not be executed before (%s): while it is patched, a uprobe of another "
                    "tool on it crashes processes",
                    entry->old->name, entry->first.text, entry->not_behind);
}

/* The functions of the patch that the old code goes on calling as they were; "" for none. */
static const char *called_old(struct differ *differ, const struct entry *entry)
{
    const char *list = "";

    for (size_t i = 0; i < differ->old_calls.count; i++) {
        const struct old_call *call = differ->old_calls.items[i];
        bool listed = call->from != entry;

        for (size_t j = 0; j < i; j++) {
            const struct old_call *other = differ->old_calls.items[j];

            listed |= other->from == entry && other->to == call->to;
        }
        if (!listed)
            list = pool_format(&differ->pool, "%s%s%s", list, list[0] ? ", " : "",
                               call->to->old->name);
    }
    return list;
}

/* Calls that run finish in the old code: here they never do. */
static void warn_entry(struct differ *differ, const struct entry *entry)
{
    const struct object *object = entry->symbol->object;
    const char *name = entry->old->name;
    bool is_main = strcmp(name, "main") == 0;
    const char *called = called_old(differ, entry);

    if (!old_calls_never_left(differ, entry))
        return;
    if (entry->flags & SC_FUNC_QUIESCE)
        differ_warn(differ, "never-returns", object, name,
                    "%s %s, and calls functions that change as well, which its old code may not "
                    "agree with: processes that are in it cannot be patched, and are listed as "
                    "busy; only those that start later are. SYSCARE_IGNORE_FUNCTION(%s) in the "
                    "patch leaves %s as it was, if you know that it may call the new ones",
                    name, is_main ? "is called once" : "never returns", name, name);
    else if (called[0])
        differ_warn(differ, "never-returns", object, name,
                    "%s %s: processes that are in it stay in its old code, and what that calls "
                    "itself of the patch stays as it was for it: %s",
                    name, is_main ? "is called once" : "never returns", called);
    else if (is_main)
        differ_warn(differ, "never-returns", object, name,
                    "main is called once: running processes finish in its old code, and only new "
                    "ones run the new one");
    else
        differ_warn(differ, "never-returns", object, name,
                    "%s never returns: threads that are in it stay in the old code", name);
}

/* --- probes
 * ------------------------------------------------------------------------------------------ */

/* A note of <sys/sdt.h>: the header, "stapsdt", three addresses, then provider and name. */
#define NOTE_HEADER 12
#define PROBE_OWNER "stapsdt"
#define PROBE_ADDRESSES 24

struct probe_notes {
    const struct object *object;
    const uint8_t *data;
    size_t size;
    Elf_Data *relocations;
};

static uint32_t read_word(const struct probe_notes *notes, size_t at)
{
    uint32_t word;

    memcpy(&word, notes->data + at, sizeof(word));
    return le32toh(word);
}

/* The section that the address at an offset of the notes is in; NULL when that is not told. */
static const struct section *address_section(const struct probe_notes *notes, size_t offset)
{
    size_t count = notes->relocations->d_size / sizeof(Elf64_Rela);

    for (size_t i = 0; i < count; i++) {
        GElf_Rela rela;

        if (gelf_getrela(notes->relocations, (int)i, &rela) && rela.r_offset == offset &&
            GELF_R_SYM(rela.r_info) < notes->object->symbol_count)
            return notes->object->symbols[GELF_R_SYM(rela.r_info)].section;
    }
    return NULL;
}

static const char *function_in(const struct section *section)
{
    for (size_t i = 0; i < section->symbols.count; i++) {
        const struct symbol *symbol = section->symbols.items[i];

        if (symbol->type == STT_FUNC)
            return symbol->name;
    }
    return section->name;
}

/* One note whose descriptor is [desc, end). */
static void warn_probe(struct differ *differ, const struct probe_notes *notes, size_t desc,
                       size_t end)
{
    const struct section *section = address_section(notes, desc);
    const char *provider = (const char *)notes->data + desc + PROBE_ADDRESSES;
    size_t room, length;

    if (!section || section->kind != SECTION_TEXT || !section->unit ||
        end - desc <= PROBE_ADDRESSES)
        return;
    room = end - desc - PROBE_ADDRESSES;
    length = strnlen(provider, room);
    if (length == room || strnlen(provider + length + 1, room - length - 1) == room - length - 1)
        return;
    differ_warn(differ, "probe-dropped", notes->object, function_in(section),
                "the new code of %s has no probe %s:%s: tracers see only calls of the old code",
                function_in(section), provider, provider + length + 1);
}

/* gABI, "Note Section"; aligned to four bytes. */
static void walk_probes(struct differ *differ, const struct probe_notes *notes)
{
    size_t at = 0;

    while (notes->size - at > NOTE_HEADER) {
        size_t name = ((size_t)read_word(notes, at) + 3) & ~(size_t)3;
        size_t size = read_word(notes, at + 4), left = notes->size - at - NOTE_HEADER;

        if (name > left || size > left - name)
            return;
        if (name == sizeof(PROBE_OWNER) &&
            memcmp(notes->data + at + NOTE_HEADER, PROBE_OWNER, sizeof(PROBE_OWNER)) == 0)
            warn_probe(differ, notes, at + NOTE_HEADER + name, at + NOTE_HEADER + name + size);
        size = (size + 3) & ~(size_t)3;
        if (size > left - name)
            return;
        at += NOTE_HEADER + name + size;
    }
}

static void warn_probes(struct differ *differ, const struct object *object)
{
    struct elf_section *section = elf_section_find(object->elf, ".note.stapsdt");
    struct elf_section *rela = elf_section_find(object->elf, ".rela.note.stapsdt");
    struct probe_notes notes = {.object = object};

    if (!section || !rela ||
        elf_section_data(object->elf, section, &notes.data, &notes.size, NULL) < 0)
        return;
    notes.relocations = elf_getdata(rela->scn, NULL);
    if (notes.data && notes.relocations)
        walk_probes(differ, &notes);
}

/* --- what the author said
 * ------------------------------------------------------------------------------ */

static void warn_ignored(struct differ *differ, const struct object *object)
{
    for (size_t i = 0; i < object->functions.count; i++) {
        const struct symbol *symbol = object->functions.items[i];

        if (symbol->ignored)
            differ_warn(differ, "ignored", object, symbol->name,
                        "%s changes and stays as it was shipped, as SYSCARE_IGNORE_FUNCTION says",
                        symbol->name);
    }
    for (size_t i = 1; i < object->section_count; i++)
        if (object->sections[i].waived)
            differ_warn(differ, "ignored", object, NULL,
                        "running processes do not get section %s, as SYSCARE_IGNORE_SECTION says",
                        object->sections[i].name);
}

static void warn_types(struct differ *differ)
{
    for (size_t i = 0; i < differ->safe_types.count; i++) {
        const struct safe_type *type = differ->safe_types.items[i];

        if (type->used)
            differ_warn(differ, "layout-is-safe", NULL, NULL,
                        "the layout of %s changes, and is safe as SYSCARE_LAYOUT_IS_SAFE says",
                        type->key);
        else
            differ_warn(differ, "mark-unused", NULL, NULL,
                        "SYSCARE_LAYOUT_IS_SAFE names %s, whose layout does not change here",
                        type->key);
    }
}

/* Each note once: a unit may be in the patch by several of its functions. */
void phase_warn(struct differ *differ)
{
    for (size_t i = 0; i < differ->entries.count; i++) {
        warn_entry_jump(differ, differ->entries.items[i]);
        warn_entry(differ, differ->entries.items[i]);
    }
    for (size_t i = 0; i < differ->job.object_count; i++) {
        const struct object *object = differ->job.objects[i].patched;

        if (!object)
            continue;
        warn_probes(differ, object);
        warn_ignored(differ, object);
    }
    warn_types(differ);
    warn_ownership(differ);
    warn_initialised(differ);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Checks that what was found can be put into a live process, and refuses what cannot.
#include "differ/bind.h"
#include "differ/check_cxx.h"
#include "differ/check_P.h"
#include "differ/comdat.h"
#include "differ/compare.h"
#include "differ/differ.h"
#include "differ/entry.h"
#include "differ/lto.h"
#include "differ/read.h"

#include <string.h>

static void check_live_object(struct differ *differ, const struct symbol *symbol)
{
    const struct object *object = symbol->object;

    if (symbol->section && symbol->section->waived && symbol->size == symbol->twin->size)
        return; /* its start value only: a live object never gets another size */
    if (symbol->size != symbol->twin->size)
        differ_refuse(differ, REFUSE_CHANGED_OBJECT_SIZE, object, NULL,
                      "size of object %s changes from %llu to %llu bytes", symbol->name,
                      (unsigned long long)symbol->twin->size, (unsigned long long)symbol->size)
            ->about = symbol;
    else if (symbol->status == STATUS_CHANGED)
        differ_refuse(differ, REFUSE_CHANGED_INITIALISER, object, NULL,
                      "initialiser of object %s changes", symbol->name)
            ->about = symbol;
}

static bool is_kind(const struct symbol *symbol, enum section_kind kind)
{
    return symbol->section && symbol->section->kind == kind;
}

static void check_kind(struct differ *differ, const struct symbol *symbol)
{
    static const enum section_kind kinds[] = {SECTION_RODATA, SECTION_TLS, SECTION_SET};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (is_kind(symbol, kinds[i]) != is_kind(symbol->twin, kinds[i])) {
            differ_refuse(differ, REFUSE_CHANGED_OBJECT_KIND, symbol->object, NULL,
                          "object %s becomes constant, writable or thread-local", symbol->name)
                ->about = symbol;
            return;
        }
}

/* A changed constant gets a copy in the patch; nobody else may go on using the old one. */
static void check_constant(struct differ *differ, const struct symbol *symbol)
{
    if (symbol->bind != STB_LOCAL || symbol->twin->bind != STB_LOCAL)
        differ_refuse(differ, REFUSE_CONST_SHARED, symbol->object, NULL,
                      "constant object %s changes and other files may use it", symbol->name)
            ->about = symbol;
}

/* Live data with the addresses of labels: a jump through it would lead into the old function. */
static void check_labels(struct differ *differ, const struct relocation *relocation)
{
    const struct symbol *target = relocation->target;

    if (target && target->twin && target->status == STATUS_CHANGED && symbol_is_function(target) &&
        relocation->delta != 0 && relocation->section->kind == SECTION_DATA)
        differ_refuse(differ, REFUSE_INSIDE_FUNCTION, relocation->section->object, target->name,
                      "data in %s points into function %s, which changes",
                      relocation->section->name, target->name)
            ->at = relocation;
}

/* Live data that points to a changed constant keeps pointing to the old one. */
static void check_pointers(struct differ *differ, struct section *section)
{
    for (size_t i = 0; i < section->relocation_count; i++) {
        const struct symbol *target = section->relocations[i].target;

        check_labels(differ, &section->relocations[i]);
        if (target && target->twin && target->status == STATUS_CHANGED &&
            is_kind(target, SECTION_RODATA) && target->object == section->object)
            differ_refuse(differ, REFUSE_CONST_SHARED, section->object, NULL,
                          "constant object %s changes and data in %s points to it", target->name,
                          section->name)
                ->about = target;
    }
}

/* A resolver runs once, before the program does: a new one would never be called. */
static void check_resolver(struct differ *differ, const struct symbol *symbol)
{
    if (symbol->type == STT_GNU_IFUNC && symbol->twin && symbol->status == STATUS_CHANGED)
        differ_refuse(differ, REFUSE_IFUNC, symbol->object, symbol->name,
                      "the resolver of indirect function %s changes", symbol->name);
}

static void check_paired_data(struct differ *differ, struct object *patched)
{
    for (size_t i = 0; i < patched->all.count; i++) {
        struct symbol *symbol = patched->all.items[i];

        check_resolver(differ, symbol);
        if (!symbol->twin || symbol_is_function(symbol))
            continue;
        check_kind(differ, symbol);
        if (check_is_live(symbol))
            check_live_object(differ, symbol);
        else if (symbol->status == STATUS_CHANGED && is_kind(symbol, SECTION_TLS))
            differ_refuse(differ, REFUSE_TLS, patched, NULL, "thread-local variable %s changes",
                          symbol->name)
                ->about = symbol;
        else if (symbol->status == STATUS_CHANGED && is_kind(symbol, SECTION_RODATA))
            check_constant(differ, symbol);
    }
    for (size_t i = 1; i < patched->section_count; i++)
        if (patched->sections[i].kind == SECTION_DATA)
            check_pointers(differ, &patched->sections[i]);
}

/* Several things of one name in one object, not all of which have a twin. */
static void check_duplicates(struct differ *differ, struct object *patched)
{
    for (size_t i = 0; i < patched->all.count; i++) {
        struct symbol *symbol = patched->all.items[i];
        size_t mine;

        if (symbol->twin || symbol->by_content || symbol->numbered || !symbol->name[0])
            continue;
        object_symbol(patched, symbol->name, &mine);
        if (mine > 1)
            differ_refuse(differ, REFUSE_AMBIGUOUS_SYMBOL, patched, NULL,
                          "several symbols are called %s", symbol->name)
                ->about = symbol;
    }
}

static void check_new_symbols(struct differ *differ, struct object *patched)
{
    for (size_t i = 0; i < patched->all.count; i++) {
        struct symbol *symbol = patched->all.items[i];
        enum refusal_code why;

        if (symbol->twin || symbol->anonymous)
            continue;
        if (is_kind(symbol, SECTION_TLS))
            differ_refuse(differ, REFUSE_TLS, patched, NULL, "new thread-local variable %s",
                          symbol->name)
                ->about = symbol;
        if (symbol->type == STT_GNU_IFUNC)
            differ_refuse(differ, REFUSE_IFUNC, patched, symbol->name, "new indirect function %s",
                          symbol->name);
        if (symbol->bind != STB_LOCAL && !symbol->by_content && !lto_is_renamed(symbol) &&
            resolve_symbol(differ, symbol, &why) && !(symbol->section && symbol->section->grouped))
            differ_refuse(differ, REFUSE_MOVED_FUNCTION, patched, symbol->name,
                          "%s moves here from another source file", symbol->name)
                ->about = symbol;
    }
}

/* True if the section has a counterpart with the same bytes and references. */
static bool has_equal(const struct section *section, struct object *other)
{
    for (size_t i = 1; other && i < other->section_count; i++) {
        struct section *candidate = &other->sections[i];
        bool equal = true;

        if (strcmp(candidate->name, section->name) != 0 || candidate->size != section->size ||
            candidate->relocation_count != section->relocation_count ||
            (section->data && candidate->data &&
             memcmp(section->data, candidate->data, section->size) != 0))
            continue;
        for (size_t j = 0; equal && j < section->relocation_count; j++)
            equal = section->relocations[j].offset == candidate->relocations[j].offset &&
                    compare_references(&section->relocations[j], &candidate->relocations[j]);
        if (equal)
            return true;
    }
    return false;
}

/* Sections that the program reads as a whole, at start or through __start_NAME. */
static void check_special_sections(struct differ *differ, struct object *object,
                                   struct object *other)
{
    for (size_t i = 1; object && i < object->section_count; i++) {
        struct section *section = &object->sections[i];

        if (section->size == 0 || section->waived ||
            (section->kind != SECTION_CONSTRUCTOR && section->kind != SECTION_SET) ||
            has_equal(section, other))
            continue;
        if (section->kind == SECTION_CONSTRUCTOR)
            differ_refuse(differ, REFUSE_CONSTRUCTOR, object, NULL,
                          "constructors or destructors change (section %s)", section->name);
        else
            differ_refuse(differ, REFUSE_LINKER_SET, object, NULL,
                          "members of section %s are added, removed or changed", section->name);
    }
}

static bool ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);

    return a >= b && strcmp(text + a - b, end) == 0;
}

static bool is_assembler(const char *source)
{
    return ends_with(source, ".s") || ends_with(source, ".S") || ends_with(source, ".asm") ||
           ends_with(source, ".sx");
}

/* Neither C nor C++: by the name of the source, or by what only such objects refer to. */
static bool is_other_language(const struct object *object, const char *source)
{
    static const char *const ends[] = {".mm", ".m", ".rs", ".go", ".f90", ".f", ".adb", ".d"};

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (ends_with(source, ends[i]))
            return true;
    for (size_t i = 1; i < object->symbol_count; i++)
        if (strcmp(object->symbols[i].name, "rust_eh_personality") == 0)
            return true;
    return false;
}

static bool object_has_changes(const struct object *object)
{
    for (size_t i = 0; i < object->all.count; i++) {
        const struct symbol *symbol = object->all.items[i];

        if (symbol->twin ? symbol->status == STATUS_CHANGED : symbol->unit != NULL)
            return true;
    }
    return false;
}

static void check_language(struct differ *differ, struct job_object *object)
{
    if (!object->patched || !object_has_changes(object->patched))
        return;
    if (is_assembler(object->source))
        differ_refuse(differ, REFUSE_ASSEMBLER, object->patched, NULL, "%s is written in assembler",
                      object->source);
    else if (is_other_language(object->patched, object->source))
        differ_refuse(differ, REFUSE_LANGUAGE, object->patched, NULL,
                      "%s is not written in C or C++", object->source);
}

static void check_unit(struct differ *differ, const struct unit *unit)
{
    struct section *section = unit->section;
    struct binding binding;

    comdat_check(differ, unit);
    for (size_t i = section ? section_relocation_from(section, unit->start) : 0;
         section && i < section->relocation_count &&
         section->relocations[i].offset < unit->start + unit->size;
         i++) {
        const struct relocation *relocation = &section->relocations[i];
        const struct arch *arch = differ->job.arch;

        if (relocation->class == RELOC_NONE || !bind_reference(differ, relocation, &binding))
            continue;
        /* with -mcmodel=large: neither ld nor the runtime would put it into code */
        if (section->kind == SECTION_TEXT && relocation->class == RELOC_ABS)
            differ_refuse(differ, REFUSE_UNSUPPORTED_RELOCATION, section->object,
                          bind_place_name(relocation), "unsupported relocation %s in function %s",
                          arch->reloc_name(relocation->type), bind_place_name(relocation))
                ->at = relocation;
    }
}

static void check_object(struct differ *differ, struct job_object *object)
{
    check_special_sections(differ, object->patched, object->reference);
    check_special_sections(differ, object->reference, object->patched);
    check_language(differ, object);
    if (!object->patched)
        return;
    check_new_symbols(differ, object->patched);
    check_duplicates(differ, object->patched);
    if (!object->reference)
        return;
    check_paired_data(differ, object->patched);
    if (object->lto)
        lto_check_moved(differ, object->reference, object->patched);
    check_cxx(differ, object->reference, object->patched);
}

void phase_check(struct differ *differ)
{
    for (size_t i = 0; i < differ->job.object_count; i++)
        check_object(differ, &differ->job.objects[i]);
    check_state(differ);
    check_bindings(differ);
    for (size_t i = 0; i < differ->units.count; i++)
        check_unit(differ, differ->units.items[i]);
    entries_find(differ);
}

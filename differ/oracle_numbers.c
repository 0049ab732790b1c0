// SPDX-License-Identifier: GPL-2.0-or-later
// Tells numbers from addresses in programs at a fixed address.
#include "differ/oracle_P.h"

#include "differ/read.h"

#include <string.h>

/* The next line of a text, without its end. */
static size_t line_length(const char *text)
{
    return strcspn(text, "\n");
}

/* An instruction that says the same wherever it and everything else lie. */
static bool is_placeless(const struct view *view, const struct arch_insn *insn)
{
    static const struct address_range none;
    struct arch_insn plain;
    size_t room;
    const uint8_t *bytes = image_bytes(view->image, insn->address, &room);

    return bytes && room >= insn->size && !insn->target &&
           view->image->arch->decode(view->differ->decoder, bytes, insn->size, insn->address, &none,
                                     &plain) &&
           plain.ref_count == 0;
}

/* True if both instructions are the same bytes, which name no place. */
static bool same_bytes(const struct view *a, const struct arch_insn *left, const struct view *b,
                       const struct arch_insn *right)
{
    size_t room;

    return left->size == right->size && is_placeless(a, left) && is_placeless(b, right) &&
           memcmp(image_bytes(a->image, left->address, &room),
                  image_bytes(b->image, right->address, &room), left->size) == 0;
}

struct relocation *oracle_relocations(const struct symbol *function, const struct code *part,
                                      const struct arch_insn *insn, size_t *count)
{
    const struct symbol *symbol = part->parent ? NULL : function;
    const struct section *section;
    uint64_t offset;
    size_t i;

    *count = 0;
    for (size_t c = 0; !symbol && c < function->children.count; c++)
        if (strcmp(((const struct symbol *)function->children.items[c])->name,
                   part->symbol->name) == 0)
            symbol = function->children.items[c];
    if (!symbol || insn->address - part->symbol->address >= symbol->size)
        return NULL;
    section = symbol->section;
    offset = symbol->value + (insn->address - part->symbol->address);
    i = section_relocation_from(section, offset);
    while (i + *count < section->relocation_count &&
           section->relocations[i + *count].offset < offset + insn->size)
        ++*count;
    return section->relocations + i;
}

/* Whether a relocation of the function's object is in the instruction; true where that is unknown.
 */
static bool is_relocated(const struct symbol *function, const struct code *part,
                         const struct arch_insn *insn)
{
    size_t count;

    return !oracle_relocations(function, part, insn, &count) || count > 0;
}

bool oracle_same_as_numbers(struct view *a, const struct code *left, const char *mine,
                            struct view *b, const struct code *right, const char *theirs,
                            const struct symbol *function)
{
    for (size_t i = 0; i < left->parts.count && i < right->parts.count; i++) {
        const struct code *x = left->parts.items[i], *y = right->parts.items[i];

        if (x->insn_count != y->insn_count)
            return false;
        for (size_t j = 0; j < x->insn_count; j++) {
            size_t size = line_length(mine), other = line_length(theirs);

            if ((size != other || memcmp(mine, theirs, size) != 0) &&
                (!same_bytes(a, &x->insns[j], b, &y->insns[j]) ||
                 is_relocated(function, x, &x->insns[j])))
                return false;
            mine += size + 1;
            theirs += other + 1;
        }
        for (bool end = false; !end;) { /* what was not decoded, and tables, up to the mark */
            size_t size = line_length(mine);

            if (size != line_length(theirs) || memcmp(mine, theirs, size) != 0)
                return false;
            end = size == 2 && memcmp(mine, "--", 2) == 0;
            mine += size + !!mine[size];
            theirs += size + !!theirs[size];
            if (!*mine && !end)
                return false;
        }
    }
    return left->parts.count == right->parts.count;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Writes what is only known when a program is loaded: slots of ld.so, rows of a patch object.
#include "differ/oracle_P.h"

#include "differ/lto.h"
#include "differ/names.h"
#include "differ/tls.h"

#include <string.h>

/* An entry of the PLT leads to a slot, that to another entry. In a damaged file one leads to
 * itself. */
#define SLOTS_MAX 8

/* A row of .syscare.sym in a patch object. */
bool text_read_row(const struct view *view, uint32_t row, struct sc_patch_sym *symbol)
{
    const struct elf_section *section = elf_section_find(view->image->elf, SC_PATCH_SYM_SECTION);
    const uint8_t *data;
    size_t size;

    if (!section || elf_section_data(view->image->elf, section, &data, &size, NULL) < 0 ||
        ((uint64_t)row + 1) * sizeof(*symbol) > size)
        return false;
    memcpy(symbol, data + row * sizeof(*symbol), sizeof(*symbol));
    return true;
}

/* What the patched link has a slot for. */
static bool write_import_row(struct writer *writer, const struct sc_patch_sym *symbol,
                             int64_t addend)
{
    const struct elf_section *section =
        elf_section_find(writer->view->image->elf, SC_PATCH_STRTAB_SECTION);
    const uint8_t *data;
    size_t size;

    if (!section || elf_section_data(writer->view->image->elf, section, &data, &size, NULL) < 0 ||
        symbol->name >= size || !memchr(data + symbol->name, '\0', size - symbol->name))
        return false;
    fprintf(writer->out, "import:%s+%lld", (const char *)data + symbol->name, (long long)addend);
    return true;
}

/* The file or partition of the target that the function is in, or NULL. */
static const char *input_of_old(const struct writer *writer)
{
    const struct image *image = writer->view->target->image;
    size_t count;
    struct name_entry *entries =
        writer->code ? name_index_find(&image->names, writer->code->symbol->name, &count) : NULL;

    return entries && count == 1 ? ((struct image_symbol *)entries[0].item)->input : NULL;
}

/* sct.<row>.<name>: the row's address, by the view of the target. */
bool text_row(struct writer *writer, uint32_t row, int64_t addend)
{
    struct view *mine = writer->view;
    const struct image_symbol *meant;
    struct sc_patch_sym symbol;

    if (!mine->target || !text_read_row(mine, row, &symbol))
        return false;
    if (symbol.kind == SC_SYM_IMPORT)
        return write_import_row(writer, &symbol, addend);
    meant = image_symbol_at(mine->target->image, symbol.target_vaddr);
    writer->input = meant ? meant->input : NULL;
    if (meant && meant->global && meant->input && lto_is_partition(meant->input))
        writer->input = input_of_old(writer);
    writer->view = mine->target;
    text_reference(writer, symbol.target_vaddr + (uint64_t)addend, 0);
    writer->view = mine;
    writer->input = NULL;
    return true;
}

/* What a slot for thread-local variables leads to; class says how it is used. */
static void write_thread_local(struct writer *writer, const struct image *image,
                               enum reloc_class class, const char *name, uint64_t offset)
{
    const struct image_symbol *symbol = name ? NULL : tls_symbol_at(image, offset);

    fprintf(writer->out, "thread-local-%d:", (int)class);
    if (name)
        fputs(name_key(image->pool, name), writer->out);
    else if (symbol)
        fputs(name_key(image->pool, symbol->name), writer->out);
    if (symbol && offset != symbol->address)
        fprintf(writer->out, "+%llu", (unsigned long long)(offset - symbol->address));
}

/* The words that a patch object has instead of such a slot (emit.c). */
bool text_cell(struct writer *writer, const struct image_symbol *cell)
{
    bool module = strcmp(cell->name, ".syscare.tls.gd") == 0;
    enum reloc_class class = module ? RELOC_TLS_GD : RELOC_TLS_IE;
    const struct image *image = writer->view->image, *target = writer->view->target->image;
    const struct image_slot *slot = image_slot(image, cell->address), *other;
    const uint8_t *bytes = NULL;
    struct sc_patch_sym symbol;
    unsigned int row;
    uint64_t offset = 0;
    size_t size;

    if (!slot || sscanf(slot->name, "sct.%u.", &row) != 1 ||
        !text_read_row(writer->view, row, &symbol) || symbol.kind != SC_SYM_WORD ||
        !(other = image_slot(target, symbol.target_vaddr)) || !tls_is_slot(target, other) ||
        tls_slot_class(target, other, &offset) != class)
        return false;
    offset += (uint64_t)slot->addend;
    if (module) {
        bytes = image_bytes(image, cell->address + 8, &size);
        if (!bytes || size < sizeof(offset))
            return false;
        memcpy(&offset, bytes, sizeof(offset));
    }
    fputs("slot:", writer->out);
    write_thread_local(writer, target, class, NULL, offset);
    return true;
}

/*
 * A library's new global function: ld gives it a slot, because another library might define it too,
 * and in the patch it is the patch's own. Nothing that runs can know the name yet.
 */
const struct image_symbol *text_own_symbol(const struct view *view, const struct image_slot *slot)
{
    const struct differ *differ = view->differ;

    /* A copy that the program has of a library's variable is defined too, but not by it. */
    if (view->image != differ->patched || !slot->symbol || !slot->symbol->defined ||
        slot->type == view->image->arch->dyn_copy || slot->symbol->type == STT_GNU_IFUNC ||
        image_dynamic(differ->reference, slot->name))
        return NULL;
    return slot->symbol;
}

static void write_slot(struct writer *writer, const struct image_slot *slot)
{
    const struct image *image = writer->view->image;
    uint64_t offset;
    unsigned int row;
    const struct image_symbol *own;

    if (tls_is_slot(image, slot)) {
        enum reloc_class class = tls_slot_class(image, slot, &offset);

        write_thread_local(writer, image, class, slot->symbol ? slot->name : NULL, offset);
        return;
    }
    if (slot->type == writer->view->image->arch->dyn_irelative)
        fputs("resolved by ", writer->out);
    if (!slot->symbol)
        text_reference(writer, (uint64_t)slot->addend, 0);
    else if ((own = text_own_symbol(writer->view, slot)))
        text_reference(writer, own->address + (uint64_t)slot->addend, 0);
    else if (writer->view->target && sscanf(slot->name, "sct.%u.", &row) == 1 &&
             text_row(writer, row, slot->addend))
        return;
    else
        fprintf(writer->out, "import:%s+%lld", slot->name, (long long)slot->addend);
}

/* A pointer that the dynamic linker makes. */
void text_slot(struct writer *writer, const struct image_slot *slot)
{
    if (writer->slots >= SLOTS_MAX) {
        fputs("...", writer->out);
        return;
    }
    writer->slots++;
    write_slot(writer, slot);
    writer->slots--;
}

/* The runtime's relocation inside the instruction, in a patch object. */
const struct sc_patch_rela *text_relocation(const struct view *view, const struct arch_insn *insn)
{
    for (size_t i = 0; i < view->runtime_count; i++)
        if (view->runtime[i].place >= insn->address &&
            view->runtime[i].place < insn->address + insn->size)
            return &view->runtime[i];
    return NULL;
}

/* A jump of a patch object through a slot of the target: the patched link has a PLT entry there. */
bool text_thunk(struct writer *writer, const struct code *part)
{
    struct view *mine = writer->view;
    const struct arch_insn *last = part->insn_count ? &part->insns[part->insn_count - 1] : NULL;
    const struct sc_patch_rela *rela;
    const struct image_slot *slot;
    struct sc_patch_sym symbol;

    if (!mine->target || !last || last->kind != INSN_JUMP_SLOT || part->insn_count > 2)
        return false;
    rela = text_relocation(mine, last);
    if (!rela || !text_read_row(mine, rela->sym, &symbol) || symbol.kind != SC_SYM_GOT)
        return false;
    slot = image_slot(mine->target->image, symbol.target_vaddr);
    if (!slot)
        return false;
    writer->view = mine->target;
    text_slot(writer, slot);
    writer->view = mine;
    return true;
}

/* A slot of a patch object that the runtime fills by a lookup: ld could not know its contents. */
bool text_is_import(const struct view *view, const struct image_slot *slot)
{
    struct sc_patch_sym symbol;
    unsigned int row;

    return view->target && sscanf(slot->name, "sct.%u.", &row) == 1 &&
           text_read_row(view, row, &symbol) && symbol.kind == SC_SYM_IMPORT;
}

/*
 * A variable of a library that the program has a copy of (R_*_COPY). What has its address made in
 * the patched link loads it from a slot in a patch for a program without the copy.
 */
static const struct image_slot *copy_at(const struct writer *writer, const struct arch_insn *insn,
                                        struct view **where)
{
    const struct sc_patch_rela *rela = text_relocation(writer->view, insn);
    struct view *view = rela ? writer->view->target : writer->view;
    uint64_t address = insn->refs[0];
    const struct image_slot *slot;
    struct sc_patch_sym row;

    if (rela) {
        if (!view || !text_read_row(writer->view, rela->sym, &row))
            return NULL;
        address =
            row.target_vaddr + (uint64_t)rela->addend + insn->address + insn->size - rela->place;
    }
    *where = view;
    slot = image_slot(view->image, address);
    return slot && slot->type == view->image->arch->dyn_copy ? slot : NULL;
}

static void write_copy_load(struct writer *writer, const struct arch_insn *insn, struct view *where,
                            const struct image_slot *copy)
{
    struct view *mine = writer->view;

    fputs("M ", writer->out);
    for (size_t i = 0; i < insn->size; i++)
        fprintf(writer->out, "%02x", insn->bytes[i]);
    fputs(" slot:", writer->out);
    writer->view = where;
    text_slot(writer, copy);
    writer->view = mine;
}

bool text_copy_address(struct writer *writer, const struct arch_insn *insn)
{
    struct view *where;
    const struct image_slot *copy = insn->kind == INSN_LEA ? copy_at(writer, insn, &where) : NULL;

    if (copy)
        write_copy_load(writer, insn, where, copy);
    return copy != NULL;
}

bool text_copy_load(struct writer *writer, const struct arch_insn *insn,
                    const struct image_slot *slot)
{
    struct view *target = writer->view->target;
    const struct image_slot *copy;
    struct sc_patch_sym symbol;
    unsigned int row;

    if (!target || insn->kind != INSN_LOAD_SLOT || sscanf(slot->name, "sct.%u.", &row) != 1 ||
        !text_read_row(writer->view, row, &symbol) || symbol.kind == SC_SYM_IMPORT)
        return false;
    copy = image_slot(target->image, symbol.target_vaddr + (uint64_t)slot->addend);
    if (!copy || copy->type != target->image->arch->dyn_copy)
        return false;
    write_copy_load(writer, insn, target, copy);
    return true;
}

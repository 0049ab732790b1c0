// SPDX-License-Identifier: GPL-2.0-or-later
// Writes a function of a linked file as a text that does not depend on addresses.
#include "differ/oracle_P.h"

#include "differ/lto.h"
#include "differ/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct code *family(struct code *code)
{
    return code && code->parent ? code->parent : code;
}

/* The number of the first instruction at or after address in one part of a function. */
static size_t insn_number(const struct code *code, uint64_t address)
{
    size_t low = 0, high = code->insn_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (code->insns[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t part_number(const struct code *code, const struct code *part)
{
    for (size_t i = 0; i < code->parts.count; i++)
        if (code->parts.items[i] == part)
            return i;
    return code->parts.count;
}

void text_bytes(struct writer *writer, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        fprintf(writer->out, "%02x", bytes[i]);
}

/*
 * A function of another file is not the static one of its name that the file has itself. Of inline
 * functions and templates the linker takes any copy, and a patch object has no files. Partitions of
 * link-time optimisation are no files: what lies in another one today may be in the same tomorrow.
 */
static bool is_elsewhere(const struct writer *writer, const struct code *part)
{
    const char *input = writer->code ? writer->code->symbol->input : NULL;
    const char *other = part->symbol->input;

    return writer->view->tell_files && part->symbol->bind == STB_GLOBAL && input && other &&
           strcmp(other, input) != 0 && !(lto_is_partition(input) && lto_is_partition(other));
}

static bool has_function(const struct image *image, const char *name)
{
    size_t count;
    struct name_entry *entries = name_index_find(&image->names, name, &count);

    for (size_t i = 0; i < count; i++)
        if (((const struct image_symbol *)entries[i].item)->type == STT_FUNC)
            return true;
    return false;
}

/* What the patched link's reader calls the function of that name: it may have several. */
static const char *name_in_link(const struct view *view, const struct code *code)
{
    const struct image *patched = view->differ->patched;
    size_t count;
    struct name_entry *entries = name_index_find(&patched->names, code->symbol->name, &count);
    const struct image_symbol *first = count ? entries[0].item : NULL;
    const struct code *linked =
        first ? view_code_at(view->differ->patched_view, first->address) : NULL;

    for (size_t i = 1; i < count; i++)
        if (((const struct image_symbol *)entries[i].item)->address != first->address)
            return code->key;
    return linked && linked->symbol->address == first->address ? linked->key : code->key;
}

/*
 * Functions that are equal may be one in the target (-fipa-icf). When the patched link has not all
 * of them any more, what the patch object calls by one name the link calls by another.
 */
static const char *function_name(const struct view *view, const struct code *code)
{
    const struct image *image = view->image, *patched = view->differ->patched;
    uint64_t address = code->symbol->address;

    if (view->target)
        return name_in_link(view, code);
    if (!view->is_target || has_function(patched, code->symbol->name))
        return code->key;
    for (size_t i = image_symbol_from(image, address); i-- > 0;) {
        const struct image_symbol *symbol = &image->symbols[i];

        if (symbol->address != address)
            break;
        if (symbol->type == STT_FUNC && has_function(patched, symbol->name))
            return name_key(image->pool, symbol->name);
    }
    return code->key;
}

static void write_code_reference(struct writer *writer, uint64_t address)
{
    struct code *part = view_code_at(writer->view, address);
    const struct image_plt *plt;
    const struct image_symbol *symbol;

    if (part && family(part) == writer->code && address != writer->code->symbol->address) {
        fprintf(writer->out, "#%zu.%zu", part_number(writer->code, part),
                insn_number(part, address));
    } else if (part && text_thunk(writer, part)) {
        return;
    } else if (part) {
        fprintf(writer->out, "%sfunction:%s", is_elsewhere(writer, part) ? "other " : "",
                function_name(writer->view, part));
        if (address != part->symbol->address)
            fprintf(writer->out, "+%zu", insn_number(part, address));
    } else if ((plt = image_plt(writer->view->image, address))) {
        text_slot(writer, plt->slot);
    } else if ((symbol = image_symbol_at(writer->view->image, address))) {
        fprintf(writer->out, "code:%s+%llu", symbol->name,
                (unsigned long long)(address - symbol->address));
    } else {
        fputs("code", writer->out);
    }
}

/* True in a patch object for an address of a target that is not position-independent. */
static bool view_is_target(const struct view *view, uint64_t address)
{
    const struct address_range *absolute = view->target ? &view->target->image->absolute : NULL;

    return absolute && address >= absolute->start && address < absolute->end;
}

/* Whatever lies at the address; size is what an instruction is known to read there, or 0. */
void text_reference(struct writer *writer, uint64_t address, uint8_t size)
{
    const struct elf_section *section = image_section(writer->view->image, address);
    const struct image_slot *slot;

    if (!section && view_is_target(writer->view, address)) {
        struct view *mine = writer->view;

        writer->view = mine->target;
        text_reference(writer, address, size);
        writer->view = mine;
        return;
    }
    if (!section) {
        /* one past the end of a section, or a symbol that ld made */
        fputs("outside", writer->out);
        return;
    }
    if (section->shdr.sh_flags & SHF_EXECINSTR) {
        write_code_reference(writer, address);
        return;
    }
    slot = strncmp(section->name, ".got", 4) == 0 ? image_slot(writer->view->image, address) : NULL;
    if (slot) {
        fputs("slot:", writer->out);
        text_slot(writer, slot);
        return;
    }
    text_data(writer, section, address, size);
}

/* The slot that holds an address fixed at link time: the load of it equals a lea of the place. */
static const struct image_slot *fixed_slot(const struct writer *writer, uint64_t address)
{
    const struct elf_section *section = image_section(writer->view->image, address);
    const struct image_slot *slot = section && strncmp(section->name, ".got", 4) == 0
                                        ? image_slot(writer->view->image, address)
                                        : NULL;

    if (!slot || text_is_import(writer->view, slot))
        return NULL;
    return slot->type == writer->view->image->arch->dyn_relative || writer->view->target ||
                   text_own_symbol(writer->view, slot)
               ? slot
               : NULL;
}

/*
 * What the object file says that the address is counted from, if it lies there: loops compare with
 * places behind their arrays, where other variables may stand.
 */
static bool write_meant(struct writer *writer, const struct arch_insn *insn, uint64_t address)
{
    const struct view *view = writer->view->target ? writer->view->target : writer->view;
    struct relocation *relocation;
    size_t count = 0;

    relocation =
        writer->function ? oracle_relocations(writer->function, writer->part, insn, &count) : NULL;
    for (size_t i = 0; i < count; i++) {
        const struct symbol *target = relocation[i].target;
        const struct image_symbol *symbol;

        /* in a patch object, of the original program */
        if (target && target->twin && writer->view->target)
            target = target->twin;
        symbol = target && !target->anonymous && !symbol_is_function(target)
                     ? oracle_object_named(view->image, target->name, writer->function->object->job)
                     : NULL;
        if (symbol && symbol->address + (uint64_t)relocation[i].delta == address) {
            fprintf(writer->out, "object:%s%+lld", name_key(view->image->pool, symbol->name),
                    (long long)relocation[i].delta);
            return true;
        }
    }
    return false;
}

static void write_operand(struct writer *writer, const struct arch_insn *insn, uint8_t index)
{
    const struct sc_patch_rela *rela = text_relocation(writer->view, insn);
    uint64_t end = insn->address + insn->size;

    if (rela && rela->sym != SC_RELA_SELF && index == 0)
        text_row(writer, rela->sym, rela->addend + (int64_t)(end - rela->place));
    else if (!write_meant(writer, insn, insn->refs[index]))
        text_reference(writer, insn->refs[index], insn->ref_sizes[index]);
}

/* Calls, jumps and loads through a slot whose contents ld knows are written as what they do. */
static bool write_through_slot(struct writer *writer, const struct arch_insn *insn)
{
    static const char letters[] = {
        [INSN_CALL_SLOT] = 'C', [INSN_JUMP_SLOT] = 'J', [INSN_LOAD_SLOT] = 'L'};
    const struct image_slot *slot;

    if (insn->kind != INSN_CALL_SLOT && insn->kind != INSN_JUMP_SLOT &&
        insn->kind != INSN_LOAD_SLOT)
        return false;
    slot = text_relocation(writer->view, insn) ? NULL : fixed_slot(writer, insn->refs[0]);
    if (!slot)
        return false;
    if (text_copy_load(writer, insn, slot))
        return true;
    fprintf(writer->out, "%c ", letters[insn->kind]);
    if (insn->kind == INSN_LOAD_SLOT)
        fprintf(writer->out, "%02x%02x ", insn->bytes[0], insn->bytes[1]);
    text_slot(writer, slot);
    return true;
}

static void write_insn(struct writer *writer, const struct arch_insn *insn)
{
    if (write_through_slot(writer, insn) || text_copy_address(writer, insn))
        return;
    if (insn->kind == INSN_CALL || insn->kind == INSN_JUMP) {
        fprintf(writer->out, "%c ", insn->kind == INSN_CALL ? 'C' : 'J');
        write_code_reference(writer, insn->target);
        return;
    }
    if (insn->kind == INSN_BRANCH) {
        fprintf(writer->out, "B%u ", insn->id);
        write_code_reference(writer, insn->target);
        return;
    }
    if (insn->kind == INSN_LEA)
        fputs("L ", writer->out);
    else
        fprintf(writer->out, "%c ", insn->kind == INSN_LOAD_SLOT ? 'M' : 'P');
    text_bytes(writer, insn->bytes, insn->kind == INSN_LEA ? 2 : insn->size);
    for (uint8_t i = 0; i < insn->ref_count; i++) {
        fputc(' ', writer->out);
        write_operand(writer, insn, i);
    }
}

/* Bytes that are no known instructions: nothing can be told of them but what they are. */
static void write_rest(struct writer *writer, const struct code *part)
{
    const struct arch_insn *last = part->insn_count ? &part->insns[part->insn_count - 1] : NULL;
    uint64_t from = last ? last->address + last->size : part->symbol->address;
    size_t room;
    const uint8_t *bytes = image_bytes(writer->view->image, from, &room);
    uint64_t left = part->symbol->address + part->symbol->size - from;

    fputs("undecoded:", writer->out);
    text_bytes(writer, bytes, bytes && left <= room ? left : 0);
    fputc('\n', writer->out);
}

void writer_place(struct writer *writer, const struct code *part, uint64_t address)
{
    fprintf(writer->out, "%zu.%zu", part_number(writer->code, part), insn_number(part, address));
}

void writer_reference(struct writer *writer, uint64_t address, uint8_t size, bool absolute)
{
    struct view *mine = writer->view;

    if (absolute && mine->target)
        writer->view = mine->target;
    text_reference(writer, address, size);
    writer->view = mine;
}

bool writer_runtime(struct writer *writer, uint64_t place, size_t size)
{
    const struct view *view = writer->view;

    for (size_t i = 0; i < view->runtime_count; i++)
        if (view->runtime[i].place >= place && view->runtime[i].place < place + size)
            return text_row(writer, view->runtime[i].sym, view->runtime[i].addend);
    return false;
}

static char *code_text(struct view *view, struct code *code, bool lenient,
                       const struct symbol *function)
{
    char *text = NULL;
    size_t size = 0;
    struct writer writer = {.view = view,
                            .code = code,
                            .input = code->symbol->input,
                            .lenient = lenient,
                            .function = function,
                            .out = open_memstream(&text, &size)};

    if (!writer.out)
        abort();
    for (size_t i = 0; i < code->parts.count; i++) {
        const struct code *part = code->parts.items[i];

        writer.part = part;
        for (size_t j = 0; j < part->insn_count; j++) {
            write_insn(&writer, &part->insns[j]);
            fputc('\n', writer.out);
        }
        if (!part->complete)
            write_rest(&writer, part);
        writer_table(&writer, part);
        fputs("--\n", writer.out);
    }
    if (fclose(writer.out) != 0)
        abort();
    return text;
}

char *view_text(struct view *view, struct code *code)
{
    return code_text(view, code, false, NULL);
}

char *view_text_lenient(struct view *view, struct code *code, const struct symbol *function)
{
    return code_text(view, code, true, function);
}

char *view_object_text(struct view *view, const struct image_symbol *symbol)
{
    char *text = NULL;
    size_t size = 0;
    struct writer writer = {.view = view, .out = open_memstream(&text, &size), .depth = 1};

    if (!writer.out)
        abort();
    text_contents(&writer, symbol->address, symbol->size);
    if (fclose(writer.out) != 0)
        abort();
    return text;
}

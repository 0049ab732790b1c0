// SPDX-License-Identifier: GPL-2.0-or-later
// Writes what lies at an address that code names: variables by name, constants by their contents.
#include "differ/oracle_P.h"

#include "differ/lto.h"
#include "differ/names.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How deep constants that point to constants are followed; beyond, the name must do. */
#define DEPTH_MAX 8

/* How long the text of a function may become with them: the entries of a table may lead to it. */
#define FOLLOWED_MAX (1 << 20)

/*
 * Whether what the constant holds is written too. Of two functions that are the same, the same has
 * been written before.
 */
static bool is_followed(const struct writer *writer)
{
    return writer->depth == 0 || (writer->depth < DEPTH_MAX && ftello(writer->out) < FOLLOWED_MAX);
}

static uint64_t read_word(const uint8_t *bytes)
{
    uint64_t value;

    memcpy(&value, bytes, 8);
    return le64toh(value);
}

/* An address in a program at a fixed address, of which no relocation tells. */
static bool is_plain_pointer(const struct image *image, const uint8_t *bytes)
{
    uint64_t value = read_word(bytes);

    return value >= image->absolute.start && value < image->absolute.end;
}

void text_contents(struct writer *writer, uint64_t address, uint64_t size)
{
    const struct image *image = writer->view->image;
    uint64_t end = address + size;
    size_t room;
    const uint8_t *bytes = image_bytes(image, address, &room);

    if (!bytes || room < size) {
        fprintf(writer->out, "zero:%llu", (unsigned long long)size);
        return;
    }
    while (address < end) {
        struct image_slot *slot = image_slot(image, address);

        if (end - address >= 8 && (slot || (address % 8 == 0 && is_plain_pointer(image, bytes)))) {
            fputc('<', writer->out);
            if (slot)
                text_slot(writer, slot);
            else
                text_reference(writer, read_word(bytes), 0);
            fputc('>', writer->out);
            bytes += 8;
            address += 8;
        } else {
            fprintf(writer->out, "%02x", *bytes++);
            address++;
        }
    }
}

/* Up to and with the terminator of step bytes. */
static void write_string(struct writer *writer, uint64_t address, size_t step)
{
    static const uint8_t zero[8];
    size_t room, size = 0;
    const uint8_t *bytes = image_bytes(writer->view->image, address, &room);

    if (step == 0 || step > sizeof(zero))
        step = 1;
    while (bytes && size + step <= room && memcmp(bytes + size, zero, step) != 0)
        size += step;
    fputs("string:", writer->out);
    text_bytes(writer, bytes, bytes ? size : 0);
}

/* Entries of one width that lead back into the function: relative to the table, or absolute. */
static bool write_table_of(struct writer *writer, uint64_t address, size_t step)
{
    const struct image *image = writer->view->image;
    uint64_t end = view_boundary(writer->view, address);
    size_t room, count = 0;
    const uint8_t *bytes = image_bytes(image, address, &room);

    if (!bytes || end <= address || end - address > room)
        return false;
    for (uint64_t at = address; at + step <= end; at += step, bytes += step, count++) {
        uint64_t to;
        struct code *part;

        if (step == 4) {
            int32_t distance;

            memcpy(&distance, bytes, 4);
            to = address + (uint64_t)(int64_t)distance;
        } else {
            const struct image_slot *slot = image_slot(image, at);

            /* pointers to the patch itself are filled in when it is mapped */
            memcpy(&to, bytes, 8);
            to = slot && slot->type == image->arch->dyn_relative ? (uint64_t)slot->addend : to;
        }
        part = view_code_at(writer->view, to);
        if (!part || (part->parent ? part->parent : part) != writer->code)
            break;
        if (!count)
            fputs("table:", writer->out);
        writer_place(writer, part, to);
        fputc(',', writer->out);
    }
    return count > 0;
}

/* A program at a fixed address may hold position-independent code too: that of libc.a. */
static bool write_jump_table(struct writer *writer, uint64_t address)
{
    const struct view *view = writer->view->target ? writer->view->target : writer->view;
    bool absolute = view->image->absolute.end != 0;

    return (absolute && write_table_of(writer, address, 8)) || write_table_of(writer, address, 4);
}

/* Text behind the end of another one, or at the start of all of them. */
static bool looks_like_string(const struct image *image, uint64_t start, uint64_t address)
{
    size_t room, length = 0;
    const uint8_t *bytes = image_bytes(image, address, &room);

    if (!bytes || (address > start && bytes[-1] != 0))
        return false;
    while (length < room && bytes[length] >= ' ')
        length++;
    return length > 0 && length < room;
}

/* Less the zeros at its end, but those that a pointer ends with. */
static uint64_t length_without_padding(struct image *image, uint64_t address, uint64_t length)
{
    uint64_t left = length, last;
    size_t room;
    const uint8_t *bytes = image_bytes(image, address, &room);

    if (!bytes || length > room)
        return length;
    while (left && bytes[left - 1] == 0 && !image_slot(image, (address + left - 1) & ~7ull))
        left--;
    last = ((address + left - 1) & ~7ull) - address; /* of the word with the last byte */
    return last < left && last + 8 <= length && is_plain_pointer(image, bytes + last) ? last + 8
                                                                                      : left;
}

/* A constant without a symbol: what the code is known to read, or all up to the next thing. */
static void write_constant(struct writer *writer, uint64_t address, uint8_t size)
{
    uint64_t length = size ? size : view_boundary(writer->view, address) - address;

    if (writer->lenient && !size && looks_like_string(writer->view->image, address, address)) {
        write_string(writer, address, 1);
        return;
    }
    if (!size) /* padding may follow */
        length = length_without_padding(writer->view->image, address, length);
    fputs("constant:", writer->out);
    if (!is_followed(writer)) /* __dso_handle of a library points to itself */
        return;
    writer->depth++;
    text_contents(writer, address, length);
    writer->depth--;
}

static bool is_constant_section(const struct elf_section *section)
{
    return !(section->shdr.sh_flags & SHF_WRITE) || strncmp(section->name, ".data.rel.ro", 12) == 0;
}

/* What a linker merged without telling whose it is. */
static bool write_untold(struct writer *writer, const struct map_range *range, uint64_t address,
                         uint8_t size)
{
    if (strcmp(range->section, LINK_MAP_STRINGS) != 0 &&
        (strcmp(range->section, LINK_MAP_INTERNAL) != 0 || size ||
         !looks_like_string(writer->view->image, range->start, address)))
        return false;
    write_string(writer, address, 1);
    return true;
}

/* In merged sections the name of the input section tells how long a thing is. */
static bool write_merged(struct writer *writer, uint64_t address, uint8_t size)
{
    const struct map_range *range =
        writer->view->image->map ? link_map_find(writer->view->image->map, address) : NULL;
    const char *name = range ? range->section : "", *at;

    if (strncmp(name, ".rodata", 7) != 0)
        return false;
    if (!*range->input)
        return write_untold(writer, range, address, size);
    at = strstr(name, ".str");
    if (at && at[4] >= '1' && at[4] <= '8' && at[5] == '.') {
        write_string(writer, address, (size_t)(at[4] - '0'));
        return true;
    }
    at = strstr(name, ".cst");
    if (at && at[4] >= '1' && at[4] <= '9' && strspn(at + 4, "0123456789") == strlen(at + 4)) {
        uint64_t width = strtoull(at + 4, NULL, 10);

        fputs("constant:", writer->out);
        text_contents(writer, address, width - (address % width));
        return true;
    }
    return false;
}

/* A named object: constants with their contents, variables by name alone. */
static void write_object(struct writer *writer, const struct image_symbol *symbol, uint64_t address,
                         bool constant)
{
    const char *key = name_key(writer->view->image->pool, symbol->name);

    if (constant && name_is_compiler_made(symbol->name))
        key = "";
    fprintf(writer->out, "object:%s+%llu", key, (unsigned long long)(address - symbol->address));
    if (constant && is_followed(writer)) {
        writer->depth++;
        fputc('=', writer->out);
        text_contents(writer, symbol->address, symbol->size);
        writer->depth--;
    }
}

/* Pieces without a name in a patch object carry one of these (emit.c). */
static bool write_patch_piece(struct writer *writer, const struct image_symbol *symbol,
                              uint64_t address, uint8_t size)
{
    unsigned int step;

    if (!writer->view->target || strncmp(symbol->name, ".syscare.", 9) != 0)
        return false;
    if (strncmp(symbol->name, ".syscare.tls.", 13) == 0)
        return text_cell(writer, symbol);
    if (sscanf(symbol->name, ".syscare.str%u", &step) == 1) {
        write_string(writer, address, step);
    } else if (strcmp(symbol->name, ".syscare.cst") == 0) {
        fputs("constant:", writer->out);
        text_contents(writer, address, symbol->address + symbol->size - address);
    } else if (!write_jump_table(writer, address)) {
        write_constant(writer, address, size);
    }
    return true;
}

/*
 * Initialisers that gcc keeps in .data without a symbol hold pointers; nothing else without a
 * symbol does.
 */
static bool is_unnamed_constant(const struct view *view, const struct elf_section *section,
                                uint64_t address)
{
    const struct image *image = view->image;
    uint64_t end = view_boundary(view, address);
    size_t at = image_slot_from(image, address), room;
    const uint8_t *bytes = image_bytes(image, address, &room);

    if (strcmp(section->name, ".data") != 0 || !bytes)
        return false;
    if (at < image->slot_count && image->slots[at].address < end)
        return true;
    for (uint64_t i = -address & 7; image->absolute.end && i + 8 <= end - address && i + 8 <= room;
         i += 8) {
        if (is_plain_pointer(image, bytes + i))
            return true;
    }
    return false;
}

/* The file whose static data the address lies in by all that is known, or NULL. */
static const char *owner_of(const struct writer *writer, const struct image_symbol *symbol,
                            uint64_t address)
{
    const struct link_map *map = writer->view->image->map;
    const struct map_range *range;

    if (symbol)
        return symbol->global ? NULL : symbol->input;
    range = map ? link_map_find(map, address) : NULL;
    /* strings and numbers that several files have in common stand under the name of the first */
    return range && *range->input && !strstr(range->section, ".str") &&
                   !strstr(range->section, ".cst")
               ? range->input
               : NULL;
}

/* Whether code of the writer's file may mean the symbol when it names a place before it. */
static bool may_follow(const struct writer *writer, const struct image_symbol *symbol)
{
    return symbol->size && symbol->input &&
           (strcmp(symbol->input, writer->input) == 0 ||
            (symbol->global && lto_is_partition(symbol->input)));
}

/*
 * Loops that count from n address their array as "array - n * size + i", so the place named may lie
 * before it, in whatever ld put there (busybox: bits32 - 0x60). Static data of another file cannot
 * be meant: what follows of the function's own file is. With link-time optimisation that may be in
 * another partition.
 */
static bool write_before_object(struct writer *writer, const struct image_symbol *symbol,
                                uint64_t address)
{
    const struct image *image = writer->view->image;
    const char *owner = writer->input ? owner_of(writer, symbol, address) : NULL;
    size_t at = image_symbol_from(image, address);

    if (!owner || strcmp(owner, writer->input) == 0)
        return false;
    while (at < image->symbol_count && !may_follow(writer, &image->symbols[at]))
        at++;
    if (at == image->symbol_count)
        return false;
    fprintf(writer->out, "object:%s-%llu", name_key(image->pool, image->symbols[at].name),
            (unsigned long long)(image->symbols[at].address - address));
    return true;
}

/* Inside a library's variable that the program has a copy of: as a pointer there is written. */
static void write_copy(struct writer *writer, const struct image_slot *copy, uint64_t offset)
{
    fprintf(writer->out, "import:%s+%lld", copy->name, (long long)offset);
}

/* __dso_handle is a global object without a size: what else lies there is not meant. */
static bool write_dso_handle(struct writer *writer, uint64_t address)
{
    static const char name[] = "__dso_handle";
    const struct image *image = writer->view->image;

    for (size_t i = image_symbol_from(image, address - 1);
         i < image->symbol_count && image->symbols[i].address == address; i++)
        if (strcmp(image->symbols[i].name, name) == 0) {
            fprintf(writer->out, "object:%s", name);
            return true;
        }
    return false;
}

void text_data(struct writer *writer, const struct elf_section *section, uint64_t address,
               uint8_t size)
{
    const struct image_symbol *symbol = image_symbol_at(writer->view->image, address);
    bool constant = is_constant_section(section);
    const struct image_slot *copy;

    if ((symbol && write_patch_piece(writer, symbol, address, size)) ||
        (!symbol && write_dso_handle(writer, address)) ||
        write_before_object(writer, symbol, address))
        return;
    /* the start-up code of a static program walks over them itself */
    if (section->shdr.sh_type == SHT_RELA) {
        fputs("relocations", writer->out);
        return;
    }
    copy = symbol ? image_slot(writer->view->image, symbol->address) : NULL;
    if (copy && copy->type == writer->view->image->arch->dyn_copy)
        write_copy(writer, copy, address - symbol->address);
    else if (symbol)
        write_object(writer, symbol, address, constant);
    else if (!constant && !is_unnamed_constant(writer->view, section, address))
        fprintf(writer->out, "data:%s", section->name);
    else if (!write_merged(writer, address, size) && !write_jump_table(writer, address))
        write_constant(writer, address, size);
}

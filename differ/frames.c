// SPDX-License-Identifier: GPL-2.0-or-later
// Filters call frame information (LSB "Exception Frames", DWARF 5 section 6.4).
#include "differ/frames.h"

#include "differ/read.h"

#include <endian.h>
#include <string.h>

/* One record of .eh_frame: a CIE, or an FDE of some function. */
struct record {
    struct section *section;
    uint64_t offset, size; /* with its length field */
    uint64_t cie;          /* FDE: offset of its CIE; CIE: UINT64_MAX */
};

/* FDE: where the relocation of its first address stands. */
#define FDE_PC_BEGIN 8

static uint32_t read_u32(const struct section *section, uint64_t offset)
{
    uint32_t value;

    memcpy(&value, section->data + offset, sizeof(value));
    return le32toh(value);
}

/* The record at offset. False at the end and where the section is malformed. */
static bool read_record(struct section *section, uint64_t offset, struct record *record)
{
    uint32_t length, id;

    if (!section->data || section->size < 8 || offset > section->size - 8)
        return false;
    length = read_u32(section, offset);
    if (length < 4 || length == UINT32_MAX || length > section->size - offset - 4)
        return false;
    id = read_u32(section, offset + 4);
    *record = (struct record){section, offset, (uint64_t)length + 4, UINT64_MAX};
    if (id == 0)
        return true;
    if (id > offset + 4)
        return false;
    record->cie = offset + 4 - id;
    return true;
}

/* The augmentation string of a CIE has a 'P': personality routine. */
static bool needs_personality(const struct record *fde)
{
    const struct section *section = fde->section;
    struct record cie;

    if (!read_record((struct section *)section, fde->cie, &cie) || cie.cie != UINT64_MAX)
        return true;
    for (uint64_t i = cie.offset + 9; i < cie.offset + cie.size && section->data[i]; i++)
        if (section->data[i] == 'P')
            return true;
    return false;
}

/* The function that an FDE is for: where its first address points. */
static const struct relocation *fde_relocation(const struct record *fde)
{
    size_t at = section_relocation_from(fde->section, fde->offset + FDE_PC_BEGIN);

    if (at >= fde->section->relocation_count ||
        fde->section->relocations[at].offset != fde->offset + FDE_PC_BEGIN)
        return NULL;
    return &fde->section->relocations[at];
}

/* Whether the FDE is for code of the patch. */
static bool is_wanted(const struct record *fde)
{
    const struct relocation *relocation = fde_relocation(fde);
    const struct section *code =
        relocation && relocation->symbol ? relocation->symbol->section : NULL;

    return code && code->kind == SECTION_TEXT && code->unit;
}

static void check_section(struct differ *differ, struct section *section)
{
    struct record record;

    for (uint64_t at = 0; read_record(section, at, &record); at += record.size) {
        const struct relocation *relocation;

        if (record.cie == UINT64_MAX || !is_wanted(&record) || !needs_personality(&record))
            continue;
        relocation = fde_relocation(&record);
        differ_refuse(differ, REFUSE_EXCEPTIONS, section->object, symbol_label(relocation->symbol),
                      "frames of %s need a personality routine (cleanup or exceptions)",
                      symbol_label(relocation->symbol));
    }
}

void frames_check(struct differ *differ)
{
    for (size_t i = 0; i < differ->job.object_count; i++) {
        struct object *object = differ->job.objects[i].patched;

        for (size_t j = 1; object && j < object->section_count; j++)
            if (object->sections[j].kind == SECTION_EH_FRAME)
                check_section(differ, &object->sections[j]);
    }
}

/* Copies the FDE, after its CIE if that is not there yet. */
static void copy_fde(struct elf_writer *writer, struct out_section *out, const struct record *fde,
                     uint64_t *cie_from, uint64_t *cie_to)
{
    const struct relocation *relocation = fde_relocation(fde);
    const struct section *section = fde->section;
    struct record cie;
    uint64_t at;
    uint32_t back;

    if (*cie_from != fde->cie && read_record(fde->section, fde->cie, &cie)) {
        *cie_to = elf_writer_append(writer, out, section->data + cie.offset, cie.size, 8);
        *cie_from = fde->cie;
    }
    at = elf_writer_append(writer, out, section->data + fde->offset, fde->size, 1);
    back = htole32((uint32_t)(at + 4 - *cie_to));
    memcpy(out->data + at + 4, &back, sizeof(back));
    elf_writer_relocate(writer, out, at + FDE_PC_BEGIN, relocation->type,
                        relocation->symbol->section->unit->out_symbol,
                        relocation->addend + (int64_t)relocation->symbol->value);
}

static void copy_section(struct elf_writer *writer, struct out_section *out,
                         struct section *section)
{
    uint64_t cie_from = UINT64_MAX, cie_to = 0;
    struct record record;

    for (uint64_t at = 0; read_record(section, at, &record); at += record.size)
        if (record.cie != UINT64_MAX && is_wanted(&record))
            copy_fde(writer, out, &record, &cie_from, &cie_to);
}

int frames_emit(struct differ *differ, struct elf_writer *writer, struct sc_error **err)
{
    static const uint8_t terminator[4];
    struct out_section *out = elf_writer_section(writer, ".eh_frame", SHT_PROGBITS, SHF_ALLOC, 8);

    (void)err;
    for (size_t i = 0; i < differ->job.object_count; i++) {
        struct object *object = differ->job.objects[i].patched;

        for (size_t j = 1; object && j < object->section_count; j++)
            if (object->sections[j].kind == SECTION_EH_FRAME)
                copy_section(writer, out, &object->sections[j]);
    }
    elf_writer_append(writer, out, terminator, sizeof(terminator), 4);
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Copies the call frame information of what goes into the patch.
#include "differ/frames.h"

#include "differ/bind.h"
#include "differ/eh_frame.h"
#include "differ/read.h"

#include <endian.h>
#include <string.h>

/* Whether the FDE is for code of the patch. */
static bool is_wanted(const struct eh_record *fde)
{
    const struct relocation *relocation = eh_frame_function(fde);
    const struct section *code =
        relocation && relocation->symbol ? relocation->symbol->section : NULL;

    return code && code->kind == SECTION_TEXT && code->unit;
}

/* What a CIE or FDE refers to, apart from the FDE's function, must be something that can be bound.
 */
static void check_record(struct differ *differ, const struct eh_record *record)
{
    const struct section *section = record->section;

    for (size_t i = section_relocation_from(section, record->offset);
         i < section->relocation_count &&
         section->relocations[i].offset < record->offset + record->size;
         i++) {
        const struct relocation *relocation = &section->relocations[i];
        struct binding binding;

        if (relocation->class != RELOC_NONE &&
            (record->cie == UINT64_MAX || relocation != eh_frame_function(record)))
            bind_reference(differ, relocation, &binding);
    }
}

/* Calls what for each record that the patch needs: FDEs of its code, and their CIEs. */
static void visit_records(struct differ *differ,
                          void (*what)(struct differ *differ, const struct eh_record *record))
{
    for (size_t i = 0; i < differ->job.object_count; i++) {
        struct object *object = differ->job.objects[i].patched;

        for (size_t j = 1; object && j < object->section_count; j++) {
            struct section *section = &object->sections[j];
            struct eh_record record, cie;

            if (section->kind != SECTION_EH_FRAME)
                continue;
            for (uint64_t at = 0; eh_frame_record(section, at, &record); at += record.size) {
                if (record.cie == UINT64_MAX || !is_wanted(&record))
                    continue;
                what(differ, &record);
                if (eh_frame_record(section, record.cie, &cie) && cie.cie == UINT64_MAX)
                    what(differ, &cie);
            }
        }
    }
}

void frames_check(struct differ *differ)
{
    visit_records(differ, check_record);
}

/* A personality routine that the target does not use yet is reached through a word of the patch. */
static void include_record(struct differ *differ, const struct eh_record *record)
{
    const struct section *section = record->section;

    if (record->cie != UINT64_MAX)
        return;
    for (size_t i = section_relocation_from(section, record->offset);
         i < section->relocation_count &&
         section->relocations[i].offset < record->offset + record->size;
         i++)
        close_include(differ, &section->relocations[i]);
}

void frames_include(struct differ *differ)
{
    visit_records(differ, include_record);
}

/* The copy of .eh_frame in the making. */
struct copy {
    struct emitter *emitter;
    struct unit unit; /* stands for the section that is written */
    const struct section *cie_section;
    uint64_t cie_from, cie_to; /* the CIE that was copied last */
};

/* The FDE's function lies in the patch, whatever else its name means. */
static void relocate_function(struct copy *copy, const struct relocation *relocation)
{
    elf_writer_relocate(emitter_writer(copy->emitter), copy->unit.out,
                        relocation->offset - copy->unit.start, relocation->type,
                        relocation->symbol->section->unit->out_symbol,
                        relocation->addend + (int64_t)relocation->symbol->value);
}

/*
 * Copies a record behind what is there, and says where to. There must be no gap: four bytes of
 * zeros are the end for whoever reads it.
 */
static int copy_record(struct copy *copy, const struct eh_record *record, uint64_t *to,
                       struct sc_error **err)
{
    const struct section *section = record->section;

    *to = elf_writer_append(emitter_writer(copy->emitter), copy->unit.out,
                            section->data + record->offset, record->size, 1);
    copy->unit.start = record->offset - *to; /* may wrap around: it is only a distance */
    for (size_t i = section_relocation_from(section, record->offset);
         i < section->relocation_count &&
         section->relocations[i].offset < record->offset + record->size;
         i++) {
        const struct relocation *relocation = &section->relocations[i];

        if (record->cie != UINT64_MAX && relocation == eh_frame_function(record))
            relocate_function(copy, relocation);
        else if (relocation->class != RELOC_NONE &&
                 emit_reference(copy->emitter, &copy->unit, relocation, err) < 0)
            return -1;
    }
    return 0;
}

/* Copies the FDE, after its CIE if that is not there yet. */
static int copy_fde(struct copy *copy, const struct eh_record *fde, struct sc_error **err)
{
    struct eh_record cie;
    uint64_t at;
    uint32_t back;

    if ((copy->cie_section != fde->section || copy->cie_from != fde->cie) &&
        eh_frame_record(fde->section, fde->cie, &cie)) {
        if (copy_record(copy, &cie, &copy->cie_to, err) < 0)
            return -1;
        copy->cie_section = fde->section;
        copy->cie_from = fde->cie;
    }
    if (copy_record(copy, fde, &at, err) < 0)
        return -1;
    back = htole32((uint32_t)(at + 4 - copy->cie_to));
    memcpy(copy->unit.out->data + at + 4, &back, sizeof(back));
    return 0;
}

static int copy_section(struct copy *copy, struct section *section, struct sc_error **err)
{
    struct eh_record record;

    copy->unit.section = section;
    for (uint64_t at = 0; eh_frame_record(section, at, &record); at += record.size)
        if (record.cie != UINT64_MAX && is_wanted(&record) && copy_fde(copy, &record, err) < 0)
            return -1;
    return 0;
}

int frames_emit(struct differ *differ, struct emitter *emitter, uint32_t *symbol,
                struct sc_error **err)
{
    static const uint8_t terminator[4];
    struct elf_writer *writer = emitter_writer(emitter);
    struct copy copy = {.emitter = emitter};

    copy.unit.out = elf_writer_section(writer, ".eh_frame", SHT_PROGBITS, SHF_ALLOC, 8);
    copy.unit.out_symbol = elf_writer_symbol(writer, "", copy.unit.out, 0, 0, STT_SECTION);
    *symbol = copy.unit.out_symbol;
    for (size_t i = 0; i < differ->job.object_count; i++) {
        struct object *object = differ->job.objects[i].patched;

        for (size_t j = 1; object && j < object->section_count; j++)
            if (object->sections[j].kind == SECTION_EH_FRAME &&
                copy_section(&copy, &object->sections[j], err) < 0)
                return -1;
    }
    elf_writer_append(writer, copy.unit.out, terminator, sizeof(terminator), 4);
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Gives libdwarf the sections that it needs, and only those.
//
// Releases before 0.1 count sections in 16 bits, and an object of -ffunction-sections may have
// more. So they see a file that has but the dozen sections of debugging information, relocated.
// Later releases read such files themselves, and have another interface for this.
#include "differ/dwarf_die.h"

#ifndef DW_LIBDWARF_VERSION

#include "differ/arch/arch.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* DWARF 5, appendix B, without what is never asked for (macros, indices, packages). */
static const char *const section_names[] = {
    ".debug_info",    ".debug_abbrev",      ".debug_str",   ".debug_line",     ".debug_line_str",
    ".debug_ranges",  ".debug_rnglists",    ".debug_loc",   ".debug_loclists", ".debug_addr",
    ".debug_aranges", ".debug_str_offsets", ".debug_frame", ".debug_pubnames"};

#define NAMES (sizeof(section_names) / sizeof(section_names[0]))

/* One section as libdwarf sees it. */
struct view {
    const struct elf_section *section;
    uint8_t *bytes; /* ours; NULL until it was asked for */
    size_t size;    /* of what is in it, also where that is compressed */
};

struct dwarf_object {
    struct elf_file *elf;
    Dwarf_Obj_Access_Interface interface;
    size_t count; /* with the null section */
    struct view views[1 + NAMES];
};

static bool is_wanted(const struct elf_section *section)
{
    if (section->shdr.sh_flags & SHF_GROUP || section->shdr.sh_type != SHT_PROGBITS)
        return false;
    for (size_t i = 0; i < NAMES; i++)
        if (strcmp(section->name, section_names[i]) == 0)
            return true;
    return false;
}

static bool has_name(const struct dwarf_object *object, const char *name)
{
    for (size_t i = 1; i < object->count; i++)
        if (strcmp(object->views[i].section->name, name) == 0)
            return true;
    return false;
}

static void find_sections(struct dwarf_object *object)
{
    object->count = 1;
    for (size_t i = 1; i < object->elf->section_count; i++) {
        const struct elf_section *section = &object->elf->sections[i];
        GElf_Chdr header;

        if (!is_wanted(section) || has_name(object, section->name))
            continue;
        object->views[object->count].section = section;
        object->views[object->count++].size =
            section->shdr.sh_flags & SHF_COMPRESSED && gelf_getchdr(section->scn, &header)
                ? header.ch_size
                : section->shdr.sh_size;
    }
}

/* What is in the section, in memory of our own. */
static bool read_bytes(struct view *view)
{
    const struct elf_section *section = view->section;
    Elf_Data *data;

    if (section->shdr.sh_flags & SHF_COMPRESSED && elf_compress(section->scn, 0, 0) < 0)
        return false;
    data = elf_rawdata(section->scn, NULL);
    if (!data || data->d_size != view->size || (view->size && !data->d_buf))
        return false;
    view->bytes = malloc(view->size + 1);
    if (!view->bytes)
        abort();
    if (view->size)
        memcpy(view->bytes, data->d_buf, view->size);
    return true;
}

static bool relocate(const struct dwarf_object *object, struct view *view, const GElf_Rela *rela,
                     Elf_Data *symbols)
{
    size_t width = arch_debug_reloc_size(object->elf->ehdr.e_machine, GELF_R_TYPE(rela->r_info));
    GElf_Sym symbol;
    uint64_t value;

    if (!width || width > view->size || rela->r_offset > view->size - width ||
        !gelf_getsym(symbols, (int)GELF_R_SYM(rela->r_info), &symbol))
        return false;
    value = htole64(symbol.st_value + (uint64_t)rela->r_addend);
    memcpy(view->bytes + rela->r_offset, &value, width);
    return true;
}

static bool relocate_by(const struct dwarf_object *object, struct view *view,
                        const struct elf_section *section)
{
    Elf_Data *table = elf_getdata(section->scn, NULL);
    Elf_Data *symbols = elf_getdata(object->elf->sections[section->shdr.sh_link].scn, NULL);
    size_t count = table ? table->d_size / sizeof(Elf64_Rela) : 0;
    GElf_Rela rela;

    for (size_t i = 0; i < count; i++)
        if (!symbols || !gelf_getrela(table, (int)i, &rela) ||
            !relocate(object, view, &rela, symbols))
            return false;
    return true;
}

static bool relocate_all(const struct dwarf_object *object, struct view *view)
{
    if (object->elf->ehdr.e_type != ET_REL)
        return true;
    for (size_t i = 1; i < object->elf->section_count; i++) {
        const struct elf_section *section = &object->elf->sections[i];

        if (section->shdr.sh_info != view->section->index)
            continue;
        if (section->shdr.sh_type == SHT_REL ||
            (section->shdr.sh_type == SHT_RELA && !relocate_by(object, view, section)))
            return false;
    }
    return true;
}

/* ---- what libdwarf calls (struct Dwarf_Obj_Access_Methods_s) ---- */

static int get_section(void *data, Dwarf_Half index, Dwarf_Obj_Access_Section *result, int *error)
{
    const struct dwarf_object *object = data;

    (void)error;
    if (index >= object->count)
        return DW_DLV_NO_ENTRY;
    *result = (Dwarf_Obj_Access_Section){.name = ""};
    if (index) {
        result->name = object->views[index].section->name;
        result->type = SHT_PROGBITS;
        result->size = object->views[index].size;
    }
    return DW_DLV_OK;
}

static Dwarf_Endianness get_order(void *data)
{
    (void)data;
    return DW_OBJECT_LSB;
}

static Dwarf_Small get_width(void *data)
{
    (void)data;
    return 8;
}

static Dwarf_Unsigned get_count(void *data)
{
    return ((const struct dwarf_object *)data)->count;
}

static int load_section(void *data, Dwarf_Half index, Dwarf_Small **bytes, int *error)
{
    struct dwarf_object *object = data;
    struct view *view = &object->views[index];

    if (index == 0 || index >= object->count)
        return DW_DLV_NO_ENTRY;
    if (!view->bytes && (!read_bytes(view) || !relocate_all(object, view))) {
        free(view->bytes); /* half of it relocated */
        view->bytes = NULL;
        *error = DW_DLE_RELOC_SECTION_MALLOC_FAIL; /* any will do */
        return DW_DLV_ERROR;
    }
    *bytes = view->bytes;
    return DW_DLV_OK;
}

const uint8_t *dwarf_object_contents(struct dwarf_file *file, const char *name, size_t *size)
{
    struct dwarf_object *object = file->object;
    Dwarf_Small *bytes;
    int error;

    for (size_t i = 1; i < object->count; i++)
        if (strcmp(object->views[i].section->name, name) == 0) {
            *size = object->views[i].size;
            return load_section(object, (Dwarf_Half)i, &bytes, &error) == DW_DLV_OK ? bytes : NULL;
        }
    return NULL;
}

static const Dwarf_Obj_Access_Methods methods = {
    .get_section_info = get_section,
    .get_byte_order = get_order,
    .get_length_size = get_width,
    .get_pointer_size = get_width,
    .get_section_count = get_count,
    .load_section = load_section,
};

int dwarf_object_open(struct dwarf_file *file)
{
    struct dwarf_object *object = calloc(1, sizeof(*object));
    Dwarf_Error error = NULL;

    if (!object)
        abort();
    object->elf = file->elf;
    object->interface = (Dwarf_Obj_Access_Interface){.object = object, .methods = &methods};
    find_sections(object);
    file->object = object;
    if (!has_name(object, ".debug_info") || !has_name(object, ".debug_abbrev"))
        return DW_DLV_NO_ENTRY;
    return dwarf_object_init_b(&object->interface, NULL, NULL, DW_GROUPNUMBER_ANY, &file->dwarf,
                               &error);
}

void dwarf_object_close(struct dwarf_file *file)
{
    struct dwarf_object *object = file->object;
    Dwarf_Error error = NULL;

    if (file->dwarf)
        dwarf_object_finish(file->dwarf, &error);
    for (size_t i = 1; object && i < object->count; i++)
        free(object->views[i].bytes);
    free(object);
    file->object = NULL;
}

#else

int dwarf_object_open(struct dwarf_file *file)
{
    Dwarf_Error error = NULL;

    return dwarf_init_b(file->elf->fd, DW_GROUPNUMBER_ANY, NULL, NULL, &file->dwarf, &error);
}

void dwarf_object_close(struct dwarf_file *file)
{
    if (file->dwarf)
        dwarf_finish(file->dwarf);
}

/*
 * What it reads is relocated, but relocations change nothing of a table's header but places of
 * names; and it has contents of its own of a compressed section.
 */
const uint8_t *dwarf_object_contents(struct dwarf_file *file, const char *name, size_t *size)
{
    struct elf_section *section = elf_section_find(file->elf, name);
    GElf_Chdr header;
    Elf_Data *data;

    if (!section || section->shdr.sh_type != SHT_PROGBITS ||
        (gelf_getchdr(section->scn, &header) && elf_compress(section->scn, 0, 0) < 0))
        return NULL;
    data = elf_rawdata(section->scn, NULL);
    *size = data ? data->d_size : 0;
    return data ? data->d_buf : NULL;
}

#endif

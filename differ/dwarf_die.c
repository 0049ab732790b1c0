// SPDX-License-Identifier: GPL-2.0-or-later
// Walks debugging information entries through libdwarf.
#include "differ/dwarf_die.h"

#include <string.h>

/* Chains of abstract origins and specifications: two or three in fact. */
#define ORIGINS_MAX 8

/*
 * Names of all entries of a unit come to some megabytes; a damaged file could make each of them as
 * long as the section of strings.
 */
#define COPIED_MAX (UINT64_C(1) << 28)

int dwarf_file_open(struct dwarf_file *file, struct pool *pool, const char *path,
                    struct sc_error **err)
{
    int result = DW_DLV_ERROR;

    *file = (struct dwarf_file){.pool = pool, .elf = elf_file_open(path, err)};
    if (!file->elf)
        return -1;
    if (dwarf_file_check(file->elf, err) == 0) {
        result = dwarf_object_open(file);
        if (result == DW_DLV_ERROR)
            sc_error_set(err, SC_FAILED, "%s: debugging information cannot be read", path);
        else if (result == DW_DLV_OK && dwarf_lists_check(file, err) < 0)
            result = DW_DLV_ERROR;
    }
    if (result == DW_DLV_OK)
        return 1;
    dwarf_file_close(file);
    return result == DW_DLV_NO_ENTRY ? 0 : -1;
}

void dwarf_file_close(struct dwarf_file *file)
{
    dwarf_object_close(file);
    elf_file_close(file->elf);
    file->elf = NULL;
    file->dwarf = NULL;
}

Dwarf_Die dwarf_file_next_unit(struct dwarf_file *file)
{
    Dwarf_Unsigned length, type_offset, next;
    Dwarf_Half address, offset_size, extension, unit_type;
    Dwarf_Off abbreviations;
    Dwarf_Sig8 signature;
    Dwarf_Error error = NULL;
    Dwarf_Die unit = NULL;
    int result = dwarf_next_cu_header_d(file->dwarf, true, &length, &file->version, &abbreviations,
                                        &address, &offset_size, &extension, &signature,
                                        &type_offset, &next, &unit_type, &error);

    if (result == DW_DLV_OK)
        result = dwarf_siblingof_b(file->dwarf, NULL, true, &unit, &error);
    if (result == DW_DLV_ERROR)
        file->failed = true;
    if (result != DW_DLV_OK)
        return NULL;
    file->has_lines = dwarf_lines_are_sane(file, unit);
    if (!file->has_lines ||
        dwarf_srcfiles(unit, &file->files, &file->file_count, &error) != DW_DLV_OK)
        file->file_count = 0;
    file->names = pool_alloc(file->pool, ((size_t)file->file_count + 1) * sizeof(*file->names));
    return unit;
}

bool dwarf_file_has_type_units(const struct dwarf_file *file)
{
    for (size_t i = 1; i < file->elf->section_count; i++) {
        const struct elf_section *section = &file->elf->sections[i];

        if (strcmp(section->name, ".debug_types") == 0 ||
            (strcmp(section->name, ".debug_info") == 0 && section->shdr.sh_flags & SHF_GROUP))
            return true;
    }
    return false;
}

Dwarf_Half dwarf_die_tag(struct dwarf_file *file, Dwarf_Die die)
{
    Dwarf_Error error = NULL; /* without one, libdwarf ends the process */
    Dwarf_Half tag = 0;

    if (dwarf_tag(die, &tag, &error) != DW_DLV_OK)
        file->failed = true;
    return tag;
}

bool dwarf_die_has(Dwarf_Die die, Dwarf_Half attribute)
{
    Dwarf_Error error = NULL;
    Dwarf_Bool has = 0;

    return dwarf_hasattr(die, attribute, &has, &error) == DW_DLV_OK && has;
}

const char *dwarf_die_string(struct dwarf_file *file, Dwarf_Die die, Dwarf_Half attribute)
{
    Dwarf_Error error = NULL;
    char *text = NULL;

    if (dwarf_die_text(die, attribute, &text, &error) != DW_DLV_OK)
        return NULL;
    file->copied += strlen(text) + 1;
    if (file->copied > COPIED_MAX) {
        file->failed = true;
        return NULL;
    }
    return pool_string(file->pool, text);
}

static const char *string_of(struct dwarf_file *file, Dwarf_Die die, Dwarf_Half attribute,
                             int depth)
{
    static const Dwarf_Half links[] = {DW_AT_abstract_origin, DW_AT_specification};
    const char *text = dwarf_die_string(file, die, attribute);

    for (size_t i = 0; !text && depth < ORIGINS_MAX && i < 2; i++) {
        Dwarf_Die origin =
            dwarf_die_has(die, links[i]) ? dwarf_die_reference(file, die, links[i]) : NULL;

        if (origin)
            text = string_of(file, origin, attribute, depth + 1);
        dwarf_die_free(file, origin);
    }
    return text;
}

const char *dwarf_die_origin_string(struct dwarf_file *file, Dwarf_Die die, Dwarf_Half attribute)
{
    return string_of(file, die, attribute, 0);
}

const char *dwarf_die_name(struct dwarf_file *file, Dwarf_Die die)
{
    const char *name = dwarf_die_origin_string(file, die, DW_AT_linkage_name);

    return name ? name : dwarf_die_origin_string(file, die, DW_AT_name);
}

bool dwarf_die_number(struct dwarf_file *file, Dwarf_Die die, Dwarf_Half name, uint64_t *value)
{
    Dwarf_Attribute attribute;
    Dwarf_Error error = NULL;
    Dwarf_Unsigned number;
    Dwarf_Signed with_sign;
    bool found = true;

    if (dwarf_attr(die, name, &attribute, &error) != DW_DLV_OK)
        return false;
    if (dwarf_formudata(attribute, &number, &error) == DW_DLV_OK)
        *value = number;
    else if (dwarf_formsdata(attribute, &with_sign, &error) == DW_DLV_OK)
        *value = (uint64_t)with_sign;
    else
        found = false;
    dwarf_dealloc(file->dwarf, attribute, DW_DLA_ATTR);
    return found;
}

bool dwarf_die_has_address(struct dwarf_file *file, Dwarf_Die die)
{
    Dwarf_Attribute attribute;
    Dwarf_Error error = NULL;
    Dwarf_Unsigned size;
    Dwarf_Ptr block;
    bool found = false;

    if (dwarf_attr(die, DW_AT_location, &attribute, &error) != DW_DLV_OK)
        return false;
    if (dwarf_formexprloc(attribute, &size, &block, &error) == DW_DLV_OK && size > 0) {
        const uint8_t *operation = block;

        found = *operation == DW_OP_addr || *operation == DW_OP_addrx ||
                *operation == DW_OP_const8u || *operation == DW_OP_const4u ||
                *operation == DW_OP_constx;
    }
    dwarf_dealloc(file->dwarf, attribute, DW_DLA_ATTR);
    return found;
}

Dwarf_Die dwarf_die_reference(struct dwarf_file *file, Dwarf_Die die, Dwarf_Half name)
{
    Dwarf_Attribute attribute;
    Dwarf_Error error = NULL;
    Dwarf_Die found = NULL;
    Dwarf_Off offset;

    if (dwarf_attr(die, name, &attribute, &error) != DW_DLV_OK)
        return NULL;
    if (dwarf_global_formref(attribute, &offset, &error) != DW_DLV_OK ||
        dwarf_offdie_b(file->dwarf, offset, true, &found, &error) != DW_DLV_OK)
        file->failed = true; /* in another file (LTO), or damaged */
    dwarf_dealloc(file->dwarf, attribute, DW_DLA_ATTR);
    return found;
}

void dwarf_die_free(struct dwarf_file *file, Dwarf_Die die)
{
    if (die)
        dwarf_dealloc(file->dwarf, die, DW_DLA_DIE);
}

Dwarf_Die dwarf_die_child(struct dwarf_file *file, Dwarf_Die die)
{
    Dwarf_Error error = NULL;
    Dwarf_Die child = NULL;

    if (dwarf_child(die, &child, &error) == DW_DLV_ERROR)
        file->failed = true;
    return child;
}

/* libdwarf 20210528 goes by DW_AT_sibling even where that leads to the entry itself. */
static bool is_behind(Dwarf_Die next, Dwarf_Die die)
{
    Dwarf_Error error = NULL;
    Dwarf_Off from, to;

    return dwarf_dieoffset(die, &from, &error) == DW_DLV_OK &&
           dwarf_dieoffset(next, &to, &error) == DW_DLV_OK && to > from;
}

/*
 * To find what follows an entry without DW_AT_sibling, libdwarf passes over all that is in it, and
 * never comes to an end where one of these leads to itself. So they are passed over here before.
 */
static bool contents_end(struct dwarf_file *file, Dwarf_Die die)
{
    Dwarf_Half children = 0;
    Dwarf_Error error = NULL;
    Dwarf_Die child = NULL;
    bool read;

    if (dwarf_die_abbrev_children_flag(die, &children) != DW_DLV_OK || !children ||
        dwarf_die_has(die, DW_AT_sibling))
        return true;
    if (!dwarf_enter(file))
        return false;
    read = dwarf_child(die, &child, &error) != DW_DLV_ERROR;
    while (child)
        child = dwarf_die_next(file, child);
    dwarf_leave(file);
    return read && !file->broken;
}

Dwarf_Die dwarf_die_next(struct dwarf_file *file, Dwarf_Die die)
{
    Dwarf_Error error = NULL;
    Dwarf_Die next = NULL;

    file->broken = file->broken || !contents_end(file, die) ||
                   dwarf_siblingof_b(file->dwarf, die, true, &next, &error) == DW_DLV_ERROR ||
                   (next && !is_behind(next, die));
    dwarf_die_free(file, die);
    if (!file->broken)
        return next;
    file->failed = true;
    dwarf_die_free(file, next);
    return NULL;
}

bool dwarf_enter(struct dwarf_file *file)
{
    if (file->depth == DWARF_DEPTH_MAX) {
        file->failed = true;
        return false;
    }
    file->depth++;
    return true;
}

void dwarf_leave(struct dwarf_file *file)
{
    file->depth--;
}

/* Compilers write the words of the command line as they are. */
const char *dwarf_path_clean(struct pool *pool, const char *path)
{
    char *clean = pool_string(pool, path), *out = clean;

    if (path[0] != '/')
        return clean;
    while (*path) {
        size_t size;

        path += strspn(path, "/");
        size = strcspn(path, "/");
        if (size == 2 && strncmp(path, "..", 2) == 0) {
            while (out > clean && *--out != '/')
                ;
        } else if (size && !(size == 1 && *path == '.')) {
            *out++ = '/';
            memmove(out, path, size);
            out += size;
        }
        path += size;
    }
    *out = '\0';
    return clean;
}

const char *dwarf_file_name(struct dwarf_file *file, uint64_t number)
{
    uint64_t index = file->version >= 5 ? number : number - 1; /* DWARF 5 counts files from 0 */

    if (index >= (uint64_t)file->file_count)
        return NULL;
    if (!file->names[index])
        file->names[index] = dwarf_path_clean(file->pool, file->files[index]);
    return file->names[index];
}

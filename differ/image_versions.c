// SPDX-License-Identifier: GPL-2.0-or-later
// Reads which version of which library each dynamic symbol of a linked file has.
#include "differ/image_P.h"

#include <string.h>

#define VERSION_INDEX 0x7fff

/* A version index and what it stands for. */
struct version {
    uint16_t index;
    const char *name, *library;
};

/* The place of the next record, which lies behind this one of that size. */
static bool step(int *at, uint32_t distance, size_t size)
{
    return distance >= size && !__builtin_add_overflow(*at, distance, at);
}

static int bad_versions(struct image *image, struct sc_error **err)
{
    return sc_error_set(err, SC_FAILED, "%s: damaged symbol versions", image->elf->path);
}

static struct version *version_add(struct image *image, struct list *versions, size_t index)
{
    struct version *version = pool_alloc(image->pool, sizeof(*version));

    version->index = index & VERSION_INDEX;
    list_add(image->pool, versions, version);
    return version;
}

/* What one library is needed for; at is where its record is. */
static int read_needed_of(struct image *image, const struct elf_section *section, Elf_Data *data,
                          int at, const GElf_Verneed *need, struct list *versions,
                          struct sc_error **err)
{
    Elf *elf = image->elf->elf;
    const char *library = elf_strptr(elf, section->shdr.sh_link, need->vn_file);
    GElf_Vernaux name = {.vna_next = need->vn_aux};

    for (unsigned int i = 0; i < need->vn_cnt; i++) {
        struct version *version;

        if (!step(&at, name.vna_next, sizeof(Elf64_Vernaux)) || !gelf_getvernaux(data, at, &name))
            return bad_versions(image, err);
        /* records that several libraries share would be more than there is room for */
        if (versions->count > data->d_size / sizeof(Elf64_Vernaux))
            return bad_versions(image, err);
        version = version_add(image, versions, name.vna_other);
        version->name = elf_strptr(elf, section->shdr.sh_link, name.vna_name);
        version->library = library;
        if (!version->name || !library)
            return bad_versions(image, err);
    }
    return 0;
}

/* SHT_GNU_verneed: versions of other libraries. */
static int read_needed(struct image *image, const struct elf_section *section,
                       struct list *versions, struct sc_error **err)
{
    Elf_Data *data = elf_getdata(section->scn, NULL);
    struct list needed = {0};
    GElf_Verneed need;
    int at = 0;

    while (data && gelf_getverneed(data, at, &need)) {
        if (read_needed_of(image, section, data, at, &need, &needed, err) < 0)
            return -1;
        if (!need.vn_next) {
            for (size_t i = 0; i < needed.count; i++)
                list_add(image->pool, versions, needed.items[i]);
            return 0;
        }
        if (!step(&at, need.vn_next, sizeof(Elf64_Verneed)))
            break;
    }
    return bad_versions(image, err);
}

/* SHT_GNU_verdef: versions of this file; the base version means none. */
static int read_defined(struct image *image, const struct elf_section *section,
                        struct list *versions, struct sc_error **err)
{
    Elf_Data *data = elf_getdata(section->scn, NULL);
    GElf_Verdef def;
    int at = 0;

    while (data && gelf_getverdef(data, at, &def)) {
        GElf_Verdaux name;
        int aux = at;

        if (!step(&aux, def.vd_aux, sizeof(Elf64_Verdef)) || !gelf_getverdaux(data, aux, &name))
            break;
        if (!(def.vd_flags & VER_FLG_BASE)) {
            struct version *version = version_add(image, versions, def.vd_ndx);

            version->name = elf_strptr(image->elf->elf, section->shdr.sh_link, name.vda_name);
            if (!version->name)
                break;
        }
        if (!def.vd_next)
            return 0;
        if (!step(&at, def.vd_next, sizeof(Elf64_Verdef)))
            break;
    }
    return bad_versions(image, err);
}

/* SHT_GNU_versym: one index for each dynamic symbol. */
static int assign(struct image *image, const struct elf_section *section,
                  const struct list *versions, struct sc_error **err)
{
    Elf_Data *data = elf_getdata(section->scn, NULL);
    const struct version **known = pool_alloc(image->pool, (VERSION_INDEX + 1) * sizeof(*known));

    for (size_t i = 0; i < versions->count; i++) {
        const struct version *version = versions->items[i];

        known[version->index] = version;
    }
    for (size_t i = 1; i < image->dynamic_count; i++) {
        const struct version *version;
        GElf_Versym index;

        if (!data || !gelf_getversym(data, (int)i, &index))
            return bad_versions(image, err);
        version = known[index & VERSION_INDEX];
        image->dynamic[i].version = version ? version->name : NULL;
        image->dynamic[i].library = version ? version->library : NULL;
    }
    return 0;
}

/* stdout@GLIBC_2.2.5 in a program is a copy of what it imports: there is no other one of the name.
 */
static void forget_imported(struct image *image, const struct list *versions)
{
    for (size_t i = 0; i < image->symbol_count; i++) {
        struct image_symbol *symbol = &image->symbols[i];
        bool own = false;

        for (size_t j = 0; symbol->old_version && j < versions->count; j++) {
            const struct version *version = versions->items[j];

            own |= !version->library && strcmp(version->name, symbol->version) == 0;
        }
        symbol->old_version &= own;
    }
}

int image_read_versions(struct image *image, struct sc_error **err)
{
    const struct elf_section *symbols = NULL;
    struct list versions = {0};

    for (size_t i = 1; i < image->elf->section_count; i++) {
        const struct elf_section *section = &image->elf->sections[i];
        int result = 0;

        if (section->shdr.sh_type == SHT_GNU_verneed)
            result = read_needed(image, section, &versions, err);
        else if (section->shdr.sh_type == SHT_GNU_verdef)
            result = read_defined(image, section, &versions, err);
        else if (section->shdr.sh_type == SHT_GNU_versym)
            symbols = section;
        if (result < 0)
            return -1;
    }
    forget_imported(image, &versions);
    return symbols ? assign(image, symbols, &versions, err) : 0;
}

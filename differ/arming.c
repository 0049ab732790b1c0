// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the places where processes that start, or load the target, are met first.
//
// Of a program that is its entry point: ld.so goes there when everything is relocated and all
// libraries are initialised; DT_PREINIT_ARRAY runs before those. Of a library it is DT_INIT, which
// ld.so calls before DT_INIT_ARRAY, and when nothing that depends on the library has run yet.
#include "differ/arming.h"

#include <string.h>

#define ARMS_MAX 8

/* What the dynamic section says; 0 where it says nothing. */
struct dynamic_info {
    uint64_t init, init_array, init_array_size, preinit_array, preinit_array_size;
    const char *soname;
};

static void read_dynamic(const struct image *image, struct dynamic_info *info)
{
    memset(info, 0, sizeof(*info));
    for (size_t i = 1; i < image->elf->section_count; i++) {
        const struct elf_section *section = &image->elf->sections[i];
        Elf_Data *data =
            section->shdr.sh_type == SHT_DYNAMIC ? elf_getdata(section->scn, NULL) : NULL;
        GElf_Dyn dyn;

        for (int j = 0; data && gelf_getdyn(data, j, &dyn) && dyn.d_tag != DT_NULL; j++) {
            uint64_t value = dyn.d_un.d_val;

            if (dyn.d_tag == DT_INIT)
                info->init = value;
            else if (dyn.d_tag == DT_INIT_ARRAY)
                info->init_array = value;
            else if (dyn.d_tag == DT_INIT_ARRAYSZ)
                info->init_array_size = value;
            else if (dyn.d_tag == DT_PREINIT_ARRAY)
                info->preinit_array = value;
            else if (dyn.d_tag == DT_PREINIT_ARRAYSZ)
                info->preinit_array_size = value;
            else if (dyn.d_tag == DT_SONAME)
                info->soname = elf_strptr(image->elf->elf, section->shdr.sh_link, value);
        }
    }
}

/* The function in a pointer of the file; 0 where only ld.so knows, or there is none. */
static uint64_t pointed_function(const struct image *image, uint64_t place)
{
    const struct image_slot *slot = image_slot(image, place);
    const uint8_t *bytes;
    uint64_t word = 0;
    size_t size;

    if (slot && slot->type == image->arch->dyn_relative)
        return (uint64_t)slot->addend;
    if (slot) /* by name: it may be another library's */
        return slot->symbol && slot->symbol->defined && !image->is_library
                   ? slot->symbol->address + (uint64_t)slot->addend
                   : 0;
    bytes = image_bytes(image, place, &size);
    if (image->absolute.end && bytes && size >= sizeof(word))
        memcpy(&word, bytes, sizeof(word));
    return le64toh(word);
}

/* False if the address is no code of the file. */
static bool add_arm(struct differ *differ, uint64_t vaddr)
{
    struct image *image = differ->reference;
    const struct elf_section *section = image_section(image, vaddr);
    struct sc_patch_arm *arm;
    struct arch_insn insn;
    const uint8_t *bytes;
    size_t size;

    if (!section || !(section->shdr.sh_flags & SHF_EXECINSTR))
        return false;
    bytes = image_bytes(image, vaddr, &size);
    arm = pool_alloc(&differ->pool, sizeof(*arm));
    arm->vaddr = vaddr;
    if (!bytes || elf_offset_of_vaddr(image->elf, vaddr, &arm->offset, NULL) < 0 ||
        !differ->job.arch->decode(differ->decoder, bytes, size, vaddr, &image->absolute, &insn))
        return false;
    arm->size = insn.size;
    memcpy(arm->bytes, bytes, insn.size);
    list_add(&differ->pool, &differ->arms, arm);
    return true;
}

static const char *find_library_points(struct differ *differ, const struct dynamic_info *info)
{
    const struct image *image = differ->reference;
    uint64_t first = info->init;

    if (info->soname && strcmp(info->soname, image->arch->loader) == 0)
        return "the dynamic linker runs before anything else";
    if (image_dynamic(image, "__libc_early_init"))
        return "the C library is used before it is initialised";
    if (!first && info->init_array && info->init_array_size)
        first = pointed_function(image, info->init_array);
    return first && add_arm(differ, first) ? NULL
                                           : "the library has no function that is called "
                                             "when it is loaded";
}

const char *arming_find(struct differ *differ)
{
    const struct image *image = differ->reference;
    struct dynamic_info info;
    const char *why = NULL;

    if (differ->arms.count)
        return NULL;
    read_dynamic(image, &info);
    if (!image->is_library && !add_arm(differ, image->elf->ehdr.e_entry))
        why = "the program has no entry point";
    if (!why && !image->is_library && info.preinit_array && info.preinit_array_size &&
        !add_arm(differ, pointed_function(image, info.preinit_array)))
        why = "it is not known which function of .preinit_array is called first";
    /* Some libraries can be started as programs, too. */
    if (!why && (image->is_library || info.soname))
        why = find_library_points(differ, &info);
    if (why)
        differ->arms.count = 0;
    return why;
}

bool arming_inside(const struct differ *differ, uint64_t start, uint64_t end)
{
    for (size_t i = 0; i < differ->arms.count; i++) {
        const struct sc_patch_arm *arm = differ->arms.items[i];

        if (arm->vaddr >= start && arm->vaddr < end)
            return true;
    }
    return false;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Brings the dynamic relocations of a patch object and those of .syscare.rela to one form.
#include "runtime/arch/arch.h"
#include "runtime/patch_object_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOL_PREFIX "sct."
#define RELOCS_MAX (1u << 20)

/* What PT_DYNAMIC says; addresses are link-time, 0 when absent. */
struct dynamic_info {
    uint64_t symtab, strtab, strsz;
    uint64_t rela, relasz;
    uint64_t jmprel, pltrelsz;
};

/* gABI, "Dynamic Section". Things that would have to be run or looked up at load are refused. */
static int dynamic_tag(struct dynamic_info *info, const Elf64_Dyn *dyn, struct sc_error **err)
{
    uint64_t value = dyn->d_un.d_val;

    switch (dyn->d_tag) {
    case DT_SYMTAB:
        info->symtab = value;
        return 0;
    case DT_STRTAB:
        info->strtab = value;
        return 0;
    case DT_STRSZ:
        info->strsz = value;
        return 0;
    case DT_RELA:
        info->rela = value;
        return 0;
    case DT_RELASZ:
        info->relasz = value;
        return 0;
    case DT_JMPREL:
        info->jmprel = value;
        return 0;
    case DT_PLTRELSZ:
        info->pltrelsz = value;
        return 0;
    case DT_RELAENT:
        return value == sizeof(Elf64_Rela) ? 0 : patch_refuse(err, "DT_RELAENT");
    case DT_SYMENT:
        return value == sizeof(Elf64_Sym) ? 0 : patch_refuse(err, "DT_SYMENT");
    case DT_PLTREL:
        return value == DT_RELA ? 0 : patch_refuse(err, "DT_PLTREL");
    case DT_NEEDED:
        return patch_refuse(err, "it needs a library (DT_NEEDED)");
    case DT_INIT:
    case DT_FINI:
    case DT_INIT_ARRAY:
    case DT_FINI_ARRAY:
    case DT_PREINIT_ARRAY:
        return patch_refuse(err, "it has constructors or destructors");
    case DT_REL:
    case 36: /* DT_RELR: not in the <elf.h> of older distributions */
        return patch_refuse(err, "relocations that are not RELA");
    default:
        return 0;
    }
}

static int dynamic_segment(const struct patch_object *patch, const Elf64_Phdr *phdr,
                           struct dynamic_info *info, struct sc_error **err)
{
    const uint8_t *data = patch_image_at(patch, phdr->p_vaddr, phdr->p_filesz);

    if (!data)
        return patch_refuse(err, "the dynamic section is not in a loaded segment");
    for (uint64_t at = 0; at + sizeof(Elf64_Dyn) <= phdr->p_filesz; at += sizeof(Elf64_Dyn)) {
        Elf64_Dyn dyn;

        memcpy(&dyn, data + at, sizeof(dyn));
        if (dyn.d_tag == DT_NULL)
            return 0;
        if (dynamic_tag(info, &dyn, err) < 0)
            return -1;
    }
    return patch_refuse(err, "the dynamic section has no end");
}

static int dynamic_load(const struct patch_object *patch, const Elf64_Ehdr *ehdr,
                        struct dynamic_info *info, struct sc_error **err)
{
    for (size_t i = 0; i < ehdr->e_phnum; i++) {
        Elf64_Phdr phdr;

        memcpy(&phdr, patch->file + ehdr->e_phoff + i * sizeof(phdr), sizeof(phdr));
        if (phdr.p_type == PT_DYNAMIC)
            return dynamic_segment(patch, &phdr, info, err);
    }
    return 0; /* a patch without any dynamic relocation may do without */
}

/* Room for count more relocations. */
static int relocs_reserve(struct patch_object *patch, uint64_t count, struct sc_error **err)
{
    struct patch_reloc *more;

    if (count > RELOCS_MAX || patch->reloc_count + count > RELOCS_MAX)
        return patch_refuse(err, "number of relocations");
    more = realloc(patch->relocs, (patch->reloc_count + count + 1) * sizeof(*more));
    if (!more)
        return sc_error_set(err, SC_FAILED, "out of memory");
    patch->relocs = more;
    return 0;
}

/* Adds one; describe says what the type does. */
static int reloc_add(struct patch_object *patch, const struct arch_reloc *describe,
                     struct patch_reloc reloc, struct sc_error **err)
{
    reloc.size = describe->size;
    reloc.pc_relative = describe->pc_relative;
    reloc.low = describe->low;
    patch->low_only |= describe->low;
    patch->imports |= reloc.base == PATCH_BASE_SYMBOL;
    if (!patch_segment_at(patch, reloc.place, reloc.size))
        return patch_refuse(err, "a relocation lies outside the segments");
    /* The runtime writes its mark there: see process_state.h. */
    if (reloc.place < patch->low + sizeof(Elf64_Ehdr))
        return patch_refuse(err, "a relocation lies in the ELF header");
    patch->relocs[patch->reloc_count++] = reloc;
    return 0;
}

/* "sct.<index>.<name>" → index; the decimal number is strict, so that names are canonical. */
static bool symbol_index(const char *name, const char *end, size_t count, size_t *index)
{
    size_t prefix = strlen(SYMBOL_PREFIX);
    uint64_t value = 0;
    const char *at = name + prefix;

    if ((size_t)(end - name) <= prefix || memcmp(name, SYMBOL_PREFIX, prefix) != 0)
        return false;
    if (*at < '0' || *at > '9')
        return false;
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        value = value * 10 + (uint64_t)(*at - '0');
        if (value >= count)
            return false;
    }
    *index = (size_t)value;
    return at < end && *at == '.';
}

/* What a row of .syscare.sym adds to a relocation. */
static void row_apply(const struct patch_object *patch, size_t index, struct patch_reloc *reloc)
{
    const struct sc_patch_sym *sym = &patch->syms[index];

    reloc->sym = (uint32_t)index;
    if (sym->kind == SC_SYM_IMPORT || sym->kind == SC_SYM_WORD) {
        reloc->base = PATCH_BASE_SYMBOL;
        return;
    }
    reloc->base = PATCH_BASE_TARGET;
    reloc->value = sym->target_vaddr;
}

/* The value of a symbol that a dynamic relocation names. */
static int symbol_resolve(const struct patch_object *patch, const struct dynamic_info *info,
                          uint32_t number, struct patch_reloc *reloc, struct sc_error **err)
{
    const uint8_t *record = patch_image_at(
        patch, info->symtab + (uint64_t)number * sizeof(Elf64_Sym), sizeof(Elf64_Sym));
    const char *strings = (const char *)patch_image_at(patch, info->strtab, info->strsz);
    const char *end;
    Elf64_Sym sym;
    size_t index;

    if (!record || !strings || info->symtab == 0)
        return patch_refuse(err, "dynamic symbol table");
    memcpy(&sym, record, sizeof(sym));
    if (sym.st_shndx != SHN_UNDEF) {
        reloc->value = sym.st_value;
        return ELF64_ST_TYPE(sym.st_info) == STT_TLS || ELF64_ST_TYPE(sym.st_info) == STT_GNU_IFUNC
                   ? patch_refuse(err, "a TLS or indirect symbol")
                   : 0;
    }
    if (sym.st_name >= info->strsz)
        return patch_refuse(err, "name of a dynamic symbol");
    end = memchr(strings + sym.st_name, '\0', info->strsz - sym.st_name);
    if (!end)
        return patch_refuse(err, "name of a dynamic symbol");
    if (!symbol_index(strings + sym.st_name, end, patch->sym_count, &index))
        return sc_error_set(err, SC_REFUSED, "the patch object has the undefined symbol %.100s",
                            strings + sym.st_name);
    row_apply(patch, index, reloc);
    return 0;
}

static int dynamic_reloc(struct patch_object *patch, const struct dynamic_info *info,
                         const Elf64_Rela *rela, struct sc_error **err)
{
    struct patch_reloc reloc = {.place = rela->r_offset};
    struct arch_reloc describe;

    if (!arch_reloc_describe(ELF64_R_TYPE(rela->r_info), true, &describe))
        return sc_error_set(err, SC_REFUSED, "unsupported dynamic relocation type %u",
                            (unsigned)ELF64_R_TYPE(rela->r_info));
    if (describe.size == 0)
        return 0;
    if (!describe.self &&
        symbol_resolve(patch, info, (uint32_t)ELF64_R_SYM(rela->r_info), &reloc, err) < 0)
        return -1;
    if (describe.addend_used)
        reloc.value += (uint64_t)rela->r_addend;
    return reloc_add(patch, &describe, reloc, err);
}

static int dynamic_table(struct patch_object *patch, const struct dynamic_info *info,
                         uint64_t vaddr, uint64_t size, struct sc_error **err)
{
    const uint8_t *data;

    if (size == 0)
        return 0;
    data = patch_image_at(patch, vaddr, size);
    if (!data || size % sizeof(Elf64_Rela))
        return patch_refuse(err, "table of dynamic relocations");
    if (relocs_reserve(patch, size / sizeof(Elf64_Rela), err) < 0)
        return -1;
    for (uint64_t at = 0; at < size; at += sizeof(Elf64_Rela)) {
        Elf64_Rela rela;

        memcpy(&rela, data + at, sizeof(rela));
        if (dynamic_reloc(patch, info, &rela, err) < 0)
            return -1;
    }
    return 0;
}

static int own_reloc(struct patch_object *patch, const struct sc_patch_rela *rela,
                     struct sc_error **err)
{
    struct patch_reloc reloc = {.place = rela->place};
    struct arch_reloc describe;

    if (!arch_reloc_describe(rela->type, false, &describe))
        return sc_error_set(err, SC_REFUSED, "unsupported relocation type %u in %s", rela->type,
                            SC_PATCH_RELA_SECTION);
    if (describe.size == 0)
        return 0;
    if (rela->sym >= patch->sym_count && rela->sym != SC_RELA_SELF)
        return patch_refuse(err, "symbol of a relocation");
    if (rela->sym != SC_RELA_SELF)
        row_apply(patch, rela->sym, &reloc);
    if (describe.addend_used)
        reloc.value += (uint64_t)rela->addend;
    return reloc_add(patch, &describe, reloc, err);
}

static int own_table(struct patch_object *patch, const Elf64_Ehdr *ehdr, struct sc_error **err)
{
    const uint8_t *data;
    size_t size;

    if (patch_section_find(patch, ehdr, SC_PATCH_RELA_SECTION, &data, &size, err) < 0)
        return -1;
    if (size % sizeof(struct sc_patch_rela))
        return patch_refuse(err, "size of " SC_PATCH_RELA_SECTION);
    if (relocs_reserve(patch, size / sizeof(struct sc_patch_rela), err) < 0)
        return -1;
    for (size_t at = 0; at < size; at += sizeof(struct sc_patch_rela)) {
        struct sc_patch_rela rela;

        memcpy(&rela, data + at, sizeof(rela));
        if (own_reloc(patch, &rela, err) < 0)
            return -1;
    }
    return 0;
}

int patch_relocs_load(struct patch_object *patch, const Elf64_Ehdr *ehdr, struct sc_error **err)
{
    struct dynamic_info info = {0};

    if (dynamic_load(patch, ehdr, &info, err) < 0 ||
        dynamic_table(patch, &info, info.rela, info.relasz, err) < 0 ||
        dynamic_table(patch, &info, info.jmprel, info.pltrelsz, err) < 0)
        return -1;
    return own_table(patch, ehdr, err);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Reads a linked ELF file: symbols, dynamic relocations and PLT entries.
#include "differ/image_P.h"
#include "differ/names.h"

#include <stdlib.h>
#include <string.h>

static int bad_image(struct image *image, struct sc_error **err, const char *what)
{
    return sc_error_set(err, SC_FAILED, "%s: %s", image->elf->path, what);
}

/*
 * Is the symbol in something that is mapped? With link-time optimisation each source file has one
 * in .debug_info (session.c.5d9907ac): its value is a place in there, but looks like an address.
 */
static bool is_mapped(const struct image *image, const GElf_Sym *sym)
{
    const struct elf_file *elf = image->elf;

    return sym->st_shndx >= elf->section_count ||
           elf->sections[sym->st_shndx].shdr.sh_flags & SHF_ALLOC;
}

static int read_symbol(struct image *image, Elf_Data *data, size_t names, size_t index,
                       struct image_symbol *symbol, struct sc_error **err)
{
    const char *name;
    GElf_Sym sym;

    if (!gelf_getsym(data, (int)index, &sym))
        return bad_image(image, err, "unreadable symbol");
    name = elf_strptr(image->elf->elf, names, sym.st_name);
    if (!name)
        return bad_image(image, err, "symbol with a name outside the string table");
    symbol->name = name_without_version(image->pool, name);
    symbol->version = symbol->name == name ? NULL : name + strlen(symbol->name) + 1;
    symbol->old_version = symbol->version && *symbol->version != '@';
    if (symbol->version && !symbol->old_version)
        symbol->version++;
    symbol->address = sym.st_value;
    symbol->size = sym.st_size;
    symbol->type = GELF_ST_TYPE(sym.st_info);
    symbol->bind = GELF_ST_BIND(sym.st_info);
    symbol->visibility = GELF_ST_VISIBILITY(sym.st_other);
    symbol->undefined = sym.st_shndx == SHN_UNDEF;
    symbol->defined = !symbol->undefined;
    if (sym.st_shndx == SHN_ABS || symbol->type == STT_SECTION || symbol->type == STT_FILE ||
        !is_mapped(image, &sym))
        symbol->defined = false;
    return 0;
}

static struct elf_section *section_of_type(struct image *image, uint32_t type)
{
    for (size_t i = 1; i < image->elf->section_count; i++)
        if (image->elf->sections[i].shdr.sh_type == type)
            return &image->elf->sections[i];
    return NULL;
}

/* Reads a whole table; *count is 0 when the file has none. */
static int read_table(struct image *image, uint32_t type, struct image_symbol **table,
                      size_t *count, struct sc_error **err)
{
    struct elf_section *section = section_of_type(image, type);
    Elf_Data *data;

    *table = NULL;
    *count = 0;
    if (!section)
        return 0;
    data = elf_getdata(section->scn, NULL);
    if (!data)
        return bad_image(image, err, "unreadable symbol table");
    *count = data->d_size / sizeof(Elf64_Sym);
    *table = pool_alloc(image->pool, (*count + 1) * sizeof(**table));
    for (size_t i = 0; i < *count; i++)
        if (read_symbol(image, data, section->shdr.sh_link, i, &(*table)[i], err) < 0)
            return -1;
    return 0;
}

/* By address; at the same place functions and objects, then larger ones, then global ones first. */
static int compare_symbols(const void *a, const void *b)
{
    const struct image_symbol *x = a, *y = b;
    bool x_typed = x->type != STT_NOTYPE, y_typed = y->type != STT_NOTYPE;

    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    if (x_typed != y_typed)
        return x_typed ? -1 : 1;
    if (x->size != y->size)
        return x->size > y->size ? -1 : 1;
    if (x->bind != y->bind)
        return x->bind > y->bind ? -1 : 1;
    return strcmp(x->name, y->name);
}

/*
 * Hidden symbols, and those that a version script makes local, are local in the linked file. GNU ld
 * writes them behind an STT_FILE symbol without a name (bfd/elflink.c, elf_link_output_extsym), the
 * last one of the table; with link-time optimisation others have no name either.
 */
static void mark_global(struct image_symbol *symbols, size_t count)
{
    size_t made_local = count;

    for (size_t i = 0; i < count; i++)
        if (symbols[i].type == STT_FILE)
            made_local = symbols[i].name[0] ? count : i;
    for (size_t i = 0; i < count; i++) {
        struct image_symbol *symbol = &symbols[i];

        symbol->global = symbol->bind != STB_LOCAL || i > made_local ||
                         symbol->visibility == STV_HIDDEN || symbol->visibility == STV_INTERNAL;
    }
}

/* psABI: in a program the variables lie below the thread pointer, up to it but for alignment. */
static int find_tls(struct image *image, struct sc_error **err)
{
    size_t count;
    GElf_Phdr phdr;

    if (elf_getphdrnum(image->elf->elf, &count) != 0)
        return bad_image(image, err, "unreadable program headers");
    for (size_t i = 0; i < count; i++) {
        uint64_t align;

        if (!gelf_getphdr(image->elf->elf, (int)i, &phdr))
            return bad_image(image, err, "unreadable program header");
        align = phdr.p_align ? phdr.p_align : 1;
        if (phdr.p_type != PT_TLS)
            continue;
        image->tls_start = phdr.p_vaddr;
        image->tls_size = (phdr.p_memsz + align - 1) / align * align;
    }
    return 0;
}

/* The input section that a symbol is in; the value of a thread-local one is no address. */
static const struct map_range *symbol_range(const struct image *image,
                                            const struct image_symbol *symbol)
{
    if (!image->map)
        return NULL;
    return symbol->type == STT_TLS
               ? link_map_find(image->map->thread_local, image->tls_start + symbol->address)
               : link_map_find(image->map, symbol->address);
}

static int read_symbols(struct image *image, struct sc_error **err)
{
    struct image_symbol *all;
    size_t count;

    if (read_table(image, SHT_SYMTAB, &all, &count, err) < 0 ||
        read_table(image, SHT_DYNSYM, &image->dynamic, &image->dynamic_count, err) < 0)
        return -1;
    if (!count)
        return bad_image(image, err, "has no symbol table");
    mark_global(all, count);
    for (size_t i = 1; i < count; i++)
        if (all[i].undefined && all[i].name[0])
            name_index_add(image->pool, &image->undefined, all[i].name, NULL);
    name_index_sort(&image->undefined);
    image->symbols = all;
    for (size_t i = 0; i < count; i++)
        if (all[i].defined && all[i].name[0])
            image->symbols[image->symbol_count++] = all[i];
    qsort(image->symbols, image->symbol_count, sizeof(*all), compare_symbols);
    for (size_t i = 0; i < image->symbol_count; i++) {
        struct image_symbol *symbol = &image->symbols[i];
        const struct map_range *range = symbol_range(image, symbol);

        symbol->input = range && *range->input ? range->input : NULL;
        name_index_add(image->pool, &image->names, symbol->name, symbol);
    }
    for (size_t i = 1; i < image->dynamic_count; i++)
        name_index_add(image->pool, &image->dynamic_names, image->dynamic[i].name,
                       &image->dynamic[i]);
    name_index_sort(&image->names);
    name_index_sort(&image->dynamic_names);
    return 0;
}

static int add_slots(struct image *image, const struct elf_section *section, struct list *slots,
                     struct sc_error **err)
{
    Elf_Data *data = elf_getdata(section->scn, NULL);

    if (!data)
        return bad_image(image, err, "unreadable dynamic relocations");
    for (size_t i = 0; i < data->d_size / sizeof(Elf64_Rela); i++) {
        struct image_slot *slot = pool_alloc(image->pool, sizeof(*slot));
        GElf_Rela rela;

        if (!gelf_getrela(data, (int)i, &rela) ||
            (GELF_R_SYM(rela.r_info) && GELF_R_SYM(rela.r_info) >= image->dynamic_count))
            return bad_image(image, err, "unreadable dynamic relocation");
        slot->address = rela.r_offset;
        slot->type = (uint32_t)GELF_R_TYPE(rela.r_info);
        slot->addend = rela.r_addend;
        slot->symbol = GELF_R_SYM(rela.r_info) ? &image->dynamic[GELF_R_SYM(rela.r_info)] : NULL;
        slot->name = slot->symbol ? slot->symbol->name : "";
        list_add(image->pool, slots, slot);
    }
    return 0;
}

static int compare_slots(const void *a, const void *b)
{
    const struct image_slot *x = a, *y = b;

    return x->address < y->address ? -1 : x->address > y->address;
}

static int read_slots(struct image *image, struct sc_error **err)
{
    struct list slots = {0};

    for (size_t i = 1; i < image->elf->section_count; i++) {
        const struct elf_section *section = &image->elf->sections[i];

        if (section->shdr.sh_type == SHT_RELR)
            return sc_error_set(err, SC_REFUSED,
                                "%s: packed relative relocations (DT_RELR) are not supported",
                                image->elf->path);
        if (section->shdr.sh_type == SHT_RELA && (section->shdr.sh_flags & SHF_ALLOC) &&
            add_slots(image, section, &slots, err) < 0)
            return -1;
    }
    image->slot_count = slots.count;
    image->slots = pool_alloc(image->pool, (slots.count + 1) * sizeof(*image->slots));
    for (size_t i = 0; i < slots.count; i++)
        image->slots[i] = *(struct image_slot *)slots.items[i];
    qsort(image->slots, image->slot_count, sizeof(*image->slots), compare_slots);
    return 0;
}

/* Entries are 16 or 8 bytes apart; what does not look like an entry (PLT0) is passed over. */
static void read_plt_section(struct image *image, struct decoder *decoder,
                             const struct elf_section *section, struct list *entries)
{
    const uint8_t *data;
    size_t size;

    if (elf_section_data(image->elf, section, &data, &size, NULL) < 0 || !data)
        return;
    for (size_t at = 0; at + 6 <= size; at += 8) {
        uint64_t address = section->shdr.sh_addr + at;
        uint64_t place = image->arch->plt_slot(decoder, data + at, size - at, address);
        struct image_slot *slot = place ? image_slot(image, place) : NULL;
        struct image_plt *entry;

        if (!slot)
            continue;
        entry = pool_alloc(image->pool, sizeof(*entry));
        *entry = (struct image_plt){address, slot};
        list_add(image->pool, entries, entry);
    }
}

static void read_plt(struct image *image, struct decoder *decoder)
{
    struct list entries = {0};

    for (size_t i = 1; i < image->elf->section_count; i++) {
        const struct elf_section *section = &image->elf->sections[i];

        if ((strncmp(section->name, ".plt", 4) == 0 || strcmp(section->name, ".iplt") == 0) &&
            (section->shdr.sh_flags & SHF_EXECINSTR))
            read_plt_section(image, decoder, section, &entries);
    }
    image->plt_count = entries.count;
    image->plt = pool_alloc(image->pool, (entries.count + 1) * sizeof(*image->plt));
    for (size_t i = 0; i < entries.count; i++)
        image->plt[i] = *(struct image_plt *)entries.items[i];
}

static void read_dynamic_flags(struct image *image)
{
    struct elf_section *section = section_of_type(image, SHT_DYNAMIC);
    Elf_Data *data = section ? elf_getdata(section->scn, NULL) : NULL;
    GElf_Dyn dyn;
    bool pie = false;

    for (int i = 0; data && gelf_getdyn(data, i, &dyn) && dyn.d_tag != DT_NULL; i++) {
        if (dyn.d_tag == DT_FLAGS) {
            image->symbolic |= (dyn.d_un.d_val & DF_SYMBOLIC) != 0;
            image->bind_now |= (dyn.d_un.d_val & DF_BIND_NOW) != 0;
        } else if (dyn.d_tag == DT_FLAGS_1) {
            image->bind_now |= (dyn.d_un.d_val & DF_1_NOW) != 0;
            pie |= (dyn.d_un.d_val & DF_1_PIE) != 0;
        } else if (dyn.d_tag == DT_SYMBOLIC) {
            image->symbolic = true;
        } else if (dyn.d_tag == DT_NEEDED) {
            char *name = elf_strptr(image->elf->elf, section->shdr.sh_link, dyn.d_un.d_val);

            if (name)
                list_add(image->pool, &image->needed, name);
        }
    }
    image->is_library =
        image->elf->ehdr.e_type == ET_DYN && !pie && !elf_section_find(image->elf, ".interp");
    image->dynamically_linked = image->is_library || elf_section_find(image->elf, ".interp");
}

/* Loops compare with the end of an array, or with a place a few elements further. */
#define BEHIND_THE_END 64

static void find_range(struct image *image)
{
    uint64_t start = UINT64_MAX, end = 0;

    if (image->elf->ehdr.e_type != ET_EXEC)
        return;
    for (size_t i = 1; i < image->elf->section_count; i++) {
        const GElf_Shdr *shdr = &image->elf->sections[i].shdr;

        if (!(shdr->sh_flags & SHF_ALLOC) || (shdr->sh_flags & SHF_TLS))
            continue;
        start = shdr->sh_addr < start ? shdr->sh_addr : start;
        end = shdr->sh_addr + shdr->sh_size > end ? shdr->sh_addr + shdr->sh_size : end;
    }
    image->absolute = (struct address_range){start, end + BEHIND_THE_END};
}

struct image *image_open(struct pool *pool, const struct arch *arch, struct decoder *decoder,
                         const char *path, const char *map, struct sc_error **err)
{
    struct image *image = pool_alloc(pool, sizeof(*image));

    image->pool = pool;
    image->arch = arch;
    image->elf = elf_file_open(path, err);
    if (!image->elf)
        return NULL;
    if (image->elf->ehdr.e_machine != arch->machine ||
        (image->elf->ehdr.e_type != ET_DYN && image->elf->ehdr.e_type != ET_EXEC)) {
        bad_image(image, err, "is not a linked file of this architecture");
    } else if ((!map || (image->map = link_map_read(pool, map, err))) &&
               find_tls(image, err) == 0 && read_symbols(image, err) == 0 &&
               image_read_versions(image, err) == 0 && read_slots(image, err) == 0) {
        read_plt(image, decoder);
        read_dynamic_flags(image);
        find_range(image);
        return image;
    }
    image_close(image);
    return NULL;
}

void image_close(struct image *image)
{
    if (!image)
        return;
    elf_file_close(image->elf);
    image->elf = NULL;
}

const struct elf_section *image_section(const struct image *image, uint64_t address)
{
    for (size_t i = 1; i < image->elf->section_count; i++) {
        const GElf_Shdr *shdr = &image->elf->sections[i].shdr;

        if ((shdr->sh_flags & SHF_ALLOC) && !(shdr->sh_flags & SHF_TLS) &&
            address >= shdr->sh_addr && address - shdr->sh_addr < shdr->sh_size)
            return &image->elf->sections[i];
    }
    return NULL;
}

const uint8_t *image_bytes(const struct image *image, uint64_t address, size_t *size)
{
    const struct elf_section *section = image_section(image, address);
    const uint8_t *data;

    *size = 0;
    if (!section || elf_section_data(image->elf, section, &data, size, NULL) < 0 || !data)
        return NULL;
    *size -= address - section->shdr.sh_addr;
    return data + (address - section->shdr.sh_addr);
}

size_t image_symbol_from(const struct image *image, uint64_t address)
{
    size_t low = 0, high = image->symbol_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (image->symbols[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct image_symbol *image_symbol_at(const struct image *image, uint64_t address)
{
    size_t low = image_symbol_from(image, address);
    struct image_symbol *found = NULL;

    /* a few symbols back, past labels and symbols without a size; the first of those at one
     * address is the best */
    for (size_t back = 0; low > 0 && back < 64; back++) {
        struct image_symbol *symbol = &image->symbols[--low];

        if (found && symbol->address != found->address)
            break;
        if (symbol->type != STT_TLS && address - symbol->address < symbol->size)
            found = symbol;
    }
    return found;
}

size_t image_slot_from(const struct image *image, uint64_t address)
{
    size_t low = 0, high = image->slot_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (image->slots[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct image_slot *image_slot(const struct image *image, uint64_t address)
{
    size_t at = image_slot_from(image, address);

    return at < image->slot_count && image->slots[at].address == address ? &image->slots[at] : NULL;
}

struct image_plt *image_plt(const struct image *image, uint64_t address)
{
    for (size_t i = 0; i < image->plt_count; i++)
        if (image->plt[i].address == address)
            return &image->plt[i];
    return NULL;
}

struct image_plt *image_plt_of(const struct image *image, const struct image_symbol *dynamic)
{
    struct image_plt *found = NULL;

    /* with -z ibtplt there are two entries; the later one (.plt.sec) is the one that is called */
    for (size_t i = 0; i < image->plt_count; i++)
        if (image->plt[i].slot->symbol == dynamic)
            found = &image->plt[i];
    return found;
}

struct image_slot *image_got_of(const struct image *image, const struct image_symbol *dynamic)
{
    struct image_slot *jump = NULL;

    for (size_t i = 0; i < image->slot_count; i++) {
        struct image_slot *slot = &image->slots[i];

        if (slot->symbol != dynamic)
            continue;
        if (slot->type == image->arch->dyn_glob_dat)
            return slot;
        if (slot->type == image->arch->dyn_slot)
            jump = slot;
    }
    return jump;
}

bool image_symbol_has_version(const struct image_symbol *symbol, const char *name)
{
    const char *version = strchr(name, '@');

    if (!version)
        return !symbol->old_version;
    version += strspn(version, "@");
    return symbol->version && strcmp(symbol->version, version) == 0;
}

bool image_needs(const struct image *image, const char *soname)
{
    for (size_t i = 0; i < image->needed.count; i++)
        if (strcmp(image->needed.items[i], soname) == 0)
            return true;
    return false;
}

struct image_symbol *image_dynamic(const struct image *image, const char *name)
{
    size_t count;
    struct name_entry *entry = name_index_find(&image->dynamic_names, name, &count);

    return entry ? entry->item : NULL;
}

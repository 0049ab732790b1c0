// SPDX-License-Identifier: GPL-2.0-or-later
// Takes the section with the build record out of a relocatable object, and nothing else.
#include "rpmtools/unnote.h"

#include "lib/build_note.h"
#include "lib/cleanup.h"

#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A section of the object that is read. */
struct part {
    GElf_Shdr shdr;
    Elf_Data *data; /* tables are translated, so that they can be changed in place */
    size_t size;    /* of changed contents; 0: as it was */
};

struct object {
    Elf *from, *to;
    int out; /* memory file that `to` writes */
    GElf_Ehdr ehdr;
    struct part *parts; /* by section index, parts[0] is the null section */
    size_t count;
    size_t names;  /* index of the section header string table */
    size_t victim; /* index of the section to be taken out */
    size_t symbol; /* index of its section symbol in .symtab; 0: it has none */
};

static void object_clear(struct object *object)
{
    free(object->parts);
    elf_end(object->to);
    elf_end(object->from);
    if (object->out >= 0)
        close(object->out);
}
#define cleanup_object __attribute__((cleanup(object_clear)))

static int bad(struct sc_error **err, const char *what)
{
    return sc_error_set(err, SC_FAILED, "cannot take the build record out: %s", what);
}

/* --- reading --------------------------------------------------------------------------------- */

static int read_parts(struct object *object, struct sc_error **err)
{
    Elf_Scn *section = NULL;

    if (elf_getshdrnum(object->from, &object->count) ||
        elf_getshdrstrndx(object->from, &object->names))
        return bad(err, elf_errmsg(-1));
    object->parts = calloc(object->count + 1, sizeof(*object->parts));
    if (!object->parts)
        abort();
    while ((section = elf_nextscn(object->from, section))) {
        struct part *part = &object->parts[elf_ndxscn(section)];

        if (!gelf_getshdr(section, &part->shdr))
            return bad(err, elf_errmsg(-1));
        /* byte for byte where nothing is changed; libelf would unpack and pack the rest */
        part->data = part->shdr.sh_type == SHT_SYMTAB || part->shdr.sh_type == SHT_REL ||
                             part->shdr.sh_type == SHT_RELA || part->shdr.sh_type == SHT_GROUP ||
                             part->shdr.sh_type == SHT_SYMTAB_SHNDX
                         ? elf_getdata(section, NULL)
                         : elf_rawdata(section, NULL);
        if (!part->data)
            return bad(err, elf_errmsg(-1));
    }
    return 0;
}

/* The first record; 0 when there is none. */
static size_t find_victim(const struct object *object)
{
    for (size_t i = 1; i < object->count; i++) {
        const char *name = elf_strptr(object->from, object->names, object->parts[i].shdr.sh_name);

        if (name && strcmp(name, SC_BUILD_SECTION) == 0 &&
            object->parts[i].shdr.sh_type == SHT_NOTE)
            return i;
    }
    return 0;
}

/* `ld -r` gives each section a symbol; anything else that points into the record is not ours. */
static int find_symbol(struct object *object, struct sc_error **err)
{
    for (size_t i = 1; i < object->count; i++) {
        const struct part *part = &object->parts[i];
        GElf_Sym symbol;

        if ((part->shdr.sh_type == SHT_RELA || part->shdr.sh_type == SHT_REL) &&
            part->shdr.sh_info == object->victim)
            return bad(err, "it has relocations");
        if (part->shdr.sh_type != SHT_SYMTAB)
            continue;
        if (part->shdr.sh_entsize != gelf_fsize(object->from, ELF_T_SYM, 1, EV_CURRENT))
            return bad(err, "its symbols have another size than they must have");
        for (int j = 0; gelf_getsym(part->data, j, &symbol); j++) {
            if (symbol.st_shndx != object->victim)
                continue;
            if (GELF_ST_TYPE(symbol.st_info) != STT_SECTION || object->symbol)
                return bad(err, "a symbol is in it");
            object->symbol = (size_t)j;
        }
    }
    return 0;
}

/* --- layout ---------------------------------------------------------------------------------- */

static GElf_Off align_up(GElf_Off value, GElf_Xword align)
{
    return align > 1 ? (value + align - 1) / align * align : value;
}

/* Section indexes in the order in which the file has them. */
static size_t *file_order(const struct object *object)
{
    size_t *order = calloc(object->count, sizeof(*order));

    if (!order)
        abort();
    /* insertion sort: the order is all but that of the indexes */
    for (size_t i = 1; i < object->count; i++) {
        size_t at = i - 1;

        while (at > 0 &&
               object->parts[order[at - 1]].shdr.sh_offset > object->parts[i].shdr.sh_offset) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
    return order;
}

/* What a section takes in the file; with the record taken out (gone), two tables are smaller. */
static GElf_Xword size_of(const struct object *object, size_t index, bool gone)
{
    const struct part *part = &object->parts[index];

    if (part->shdr.sh_type == SHT_NOBITS)
        return 0;
    if (gone && index == object->names)
        return part->shdr.sh_size - sizeof(SC_BUILD_SECTION);
    if (gone && object->symbol && part->shdr.sh_type == SHT_SYMTAB)
        return part->shdr.sh_size - part->shdr.sh_entsize;
    return part->shdr.sh_size;
}

/*
 * Puts one section after the other as BFD does (assign_file_positions), without the one of index
 * skip; the section headers come last. Returns the size of the file; offsets[count] is e_shoff.
 */
static GElf_Off lay_out(const struct object *object, const size_t *order, size_t skip,
                        GElf_Off *offsets)
{
    GElf_Off at = object->ehdr.e_ehsize;
    size_t count = object->count - (skip ? 1 : 0);

    for (size_t i = 0; i + 1 < object->count; i++) {
        if (order[i] == skip)
            continue;
        at = align_up(at, object->parts[order[i]].shdr.sh_addralign);
        offsets[order[i]] = at;
        at += size_of(object, order[i], skip != 0);
    }
    offsets[object->count] = align_up(at, object->ehdr.e_ident[EI_CLASS] == ELFCLASS64 ? 8 : 4);
    return offsets[object->count] + count * object->ehdr.e_shentsize;
}

/*
 * The original is known only if the rule above gives the very file that is there. A record that
 * the shim of the assembler added lies behind the original, whose size is where the section names
 * went (wrappers/object_note.c).
 */
static bool layout_is_known(const struct object *object, const size_t *order,
                            const GElf_Off *without, GElf_Off size_without)
{
    cleanup_free GElf_Off *with = calloc(object->count + 1, sizeof(*with));
    bool same = true;

    if (!with)
        abort();
    if (object->victim == object->count - 1 &&
        object->parts[object->names].shdr.sh_offset == size_without &&
        object->parts[object->victim].shdr.sh_offset > size_without) {
        for (size_t i = 1; i < object->count; i++)
            same &= i == object->victim || i == object->names ||
                    without[i] == object->parts[i].shdr.sh_offset;
        return same;
    }
    lay_out(object, order, 0, with);
    for (size_t i = 1; i < object->count; i++)
        same &= with[i] == object->parts[i].shdr.sh_offset;
    return same && with[object->count] == object->ehdr.e_shoff;
}

/* --- contents -------------------------------------------------------------------------------- */

static size_t new_section(const struct object *object, size_t index)
{
    return index > object->victim ? index - 1 : index;
}

static size_t new_symbol(const struct object *object, size_t index)
{
    return object->symbol && index > object->symbol ? index - 1 : index;
}

/* .shstrtab without the record's name. */
static int change_names(struct object *object, struct sc_error **err)
{
    struct part *part = &object->parts[object->names];
    size_t at = object->parts[object->victim].shdr.sh_name, gone = sizeof(SC_BUILD_SECTION);
    char *names;

    if (!part->data || !part->data->d_buf || at + gone > part->data->d_size)
        return bad(err, "its name is not in the table of names");
    for (size_t i = 1; i < object->count; i++) {
        GElf_Word name = object->parts[i].shdr.sh_name;

        if (i != object->victim && name >= at && name < at + gone)
            return bad(err, "another section uses its name");
    }
    names = part->data->d_buf;
    memmove(names + at, names + at + gone, part->data->d_size - at - gone);
    part->size = part->data->d_size - gone;
    for (size_t i = 1; i < object->count; i++)
        if (object->parts[i].shdr.sh_name > at)
            object->parts[i].shdr.sh_name -= (GElf_Word)gone;
    return 0;
}

/* Symbols name their sections by index. */
static void change_symbols(const struct object *object, struct part *part)
{
    size_t to = 0;
    GElf_Sym symbol;

    for (size_t i = 0; gelf_getsym(part->data, (int)i, &symbol); i++) {
        if (object->symbol && i == object->symbol)
            continue;
        if (symbol.st_shndx < SHN_LORESERVE)
            symbol.st_shndx = (GElf_Section)new_section(object, symbol.st_shndx);
        gelf_update_sym(part->data, (int)to++, &symbol);
    }
    part->size = to * part->shdr.sh_entsize;
    if (object->symbol && part->shdr.sh_info > object->symbol)
        part->shdr.sh_info--;
}

/* Relocations name their symbols by index. */
static void change_relocations(const struct object *object, struct part *part)
{
    GElf_Rela rela;
    GElf_Rel rel;

    for (int i = 0; part->shdr.sh_type == SHT_RELA && gelf_getrela(part->data, i, &rela); i++) {
        rela.r_info =
            GELF_R_INFO(new_symbol(object, GELF_R_SYM(rela.r_info)), GELF_R_TYPE(rela.r_info));
        gelf_update_rela(part->data, i, &rela);
    }
    for (int i = 0; part->shdr.sh_type == SHT_REL && gelf_getrel(part->data, i, &rel); i++) {
        rel.r_info =
            GELF_R_INFO(new_symbol(object, GELF_R_SYM(rel.r_info)), GELF_R_TYPE(rel.r_info));
        gelf_update_rel(part->data, i, &rel);
    }
}

/* The members of a COMDAT group, after its flags. */
static void change_group(const struct object *object, struct part *part)
{
    uint32_t *words = part->data->d_buf;

    for (size_t i = 1; i < part->data->d_size / sizeof(*words); i++)
        words[i] = (uint32_t)new_section(object, words[i]);
    part->shdr.sh_info = (GElf_Word)new_symbol(object, part->shdr.sh_info);
}

static int change_part(const struct object *object, struct part *part, struct sc_error **err)
{
    switch (part->shdr.sh_type) {
    case SHT_SYMTAB:
        change_symbols(object, part);
        break;
    case SHT_REL:
    case SHT_RELA:
        if (object->symbol)
            change_relocations(object, part);
        part->shdr.sh_info = (GElf_Word)new_section(object, part->shdr.sh_info);
        break;
    case SHT_GROUP:
        change_group(object, part);
        break;
    case SHT_SYMTAB_SHNDX:
        return bad(err, "the object has more than 65,000 sections");
    default:
        if (part->shdr.sh_flags & SHF_INFO_LINK)
            part->shdr.sh_info = (GElf_Word)new_section(object, part->shdr.sh_info);
    }
    part->shdr.sh_link = (GElf_Word)new_section(object, part->shdr.sh_link);
    return 0;
}

/* --- writing --------------------------------------------------------------------------------- */

static int write_part(Elf *to, const struct part *part)
{
    Elf_Scn *section = elf_newscn(to);
    Elf_Data *data = section ? elf_newdata(section) : NULL;
    GElf_Shdr shdr = part->shdr;

    if (!data)
        return -1;
    *data = *part->data;
    data->d_off = 0;
    data->d_align = 1;
    if (part->size) {
        data->d_size = part->size;
        shdr.sh_size = part->size;
    }
    return gelf_update_shdr(section, &shdr) ? 0 : -1;
}

static int write_object(struct object *object, const GElf_Off *offsets, struct sc_error **err)
{
    GElf_Ehdr ehdr = object->ehdr;

    object->out = memfd_create("object", MFD_CLOEXEC);
    object->to = object->out < 0 ? NULL : elf_begin(object->out, ELF_C_WRITE, NULL);
    if (!object->to || !gelf_newehdr(object->to, ehdr.e_ident[EI_CLASS]))
        return bad(err, "no memory file");
    elf_flagelf(object->to, ELF_C_SET, ELF_F_LAYOUT);
    for (size_t i = 1; i < object->count; i++) {
        object->parts[i].shdr.sh_offset = offsets[i];
        if (i != object->victim && write_part(object->to, &object->parts[i]) < 0)
            return bad(err, elf_errmsg(-1));
    }
    ehdr.e_shoff = offsets[object->count];
    ehdr.e_shnum = 0; /* libelf counts */
    ehdr.e_shstrndx = (GElf_Half)new_section(object, object->names);
    if (!gelf_update_ehdr(object->to, &ehdr) || elf_update(object->to, ELF_C_WRITE) < 0)
        return bad(err, elf_errmsg(-1));
    return 0;
}

static int take_result(const struct object *object, GElf_Off expected, void **out, size_t *size,
                       struct sc_error **err)
{
    struct stat st;

    if (fstat(object->out, &st) < 0 || (GElf_Off)st.st_size != expected)
        return bad(err, "the result has another size than it must have");
    *size = (size_t)st.st_size;
    *out = malloc(*size + 1);
    if (!*out)
        abort();
    if (pread(object->out, *out, *size, 0) == st.st_size)
        return 0;
    free(*out);
    *out = NULL;
    return bad(err, "the result cannot be read");
}

/* First all checks on the object as it is, then the changes. */
static int remove_victim(struct object *object, void **out, size_t *out_size, struct sc_error **err)
{
    cleanup_free size_t *order = file_order(object);
    cleanup_free GElf_Off *offsets = calloc(object->count + 1, sizeof(*offsets));
    GElf_Off size;

    if (!offsets)
        abort();
    if (object->ehdr.e_phnum || object->count >= SHN_LORESERVE)
        return bad(err, "a kind of object that has none");
    if (find_symbol(object, err) < 0)
        return -1;
    size = lay_out(object, order, object->victim, offsets);
    if (!layout_is_known(object, order, offsets, size))
        return bad(err, "the object is not laid out as an assembler or linker does it");
    if (change_names(object, err) < 0)
        return -1;
    for (size_t i = 1; i < object->count; i++)
        if (i != object->victim && change_part(object, &object->parts[i], err) < 0)
            return -1;
    if (write_object(object, offsets, err) < 0)
        return -1;
    return take_result(object, size, out, out_size, err);
}

/* One record: each tool adds at most one section, and `ld -r` makes one of several. */
int unnote_object(const void *bytes, size_t size, void **out, size_t *out_size,
                  struct sc_error **err)
{
    cleanup_object struct object object = {.out = -1};
    cleanup_free void *memory = malloc(size + 1);

    if (!memory)
        abort();
    memcpy(memory, bytes, size); /* libelf wants memory that it may write to */
    elf_version(EV_CURRENT);
    object.from = elf_memory(memory, size);
    if (!object.from || elf_kind(object.from) != ELF_K_ELF ||
        !gelf_getehdr(object.from, &object.ehdr) || object.ehdr.e_type != ET_REL)
        return 0;
    if (read_parts(&object, err) < 0)
        return -1;
    object.victim = find_victim(&object);
    return object.victim ? remove_victim(&object, out, out_size, err) < 0 ? -1 : 1 : 0;
}

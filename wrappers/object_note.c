// SPDX-License-Identifier: GPL-2.0-or-later
// Build records in object files: reading them, and adding one.
#include "wrappers/object_note.h"

#include "lib/build_note.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json_util.h"

#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static void elf_end_fn(Elf **elf)
{
    elf_end(*elf);
}
#define cleanup_elf_handle __attribute__((cleanup(elf_end_fn)))

/* Adds the records of one note section to facts; gelf_getnote checks all sizes against the data. */
static int section_read(Elf_Data *data, struct object_facts *facts, struct sc_error **err)
{
    size_t offset = 0, name, desc;
    GElf_Nhdr note;

    while ((offset = gelf_getnote(data, offset, &note, &name, &desc)) > 0) {
        const char *base = data->d_buf;
        struct json_object *record;

        if (note.n_type != NT_SYSCARE_BUILD || note.n_namesz != sizeof(SC_NOTE_OWNER) ||
            memcmp(base + name, SC_NOTE_OWNER, sizeof(SC_NOTE_OWNER)) != 0)
            continue;
        record = sc_json_parse(base + desc, note.n_descsz, err);
        if (!record)
            return sc_error_wrap(err, SC_BUILD_SECTION);
        json_object_array_add(facts->records, record);
    }
    return 0;
}

int object_facts_read(Elf *elf, struct object_facts *facts, struct sc_error **err)
{
    Elf_Scn *section = NULL;
    size_t names;
    GElf_Ehdr ehdr;

    *facts = (struct object_facts){.records = json_object_new_array()};
    if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &ehdr) || elf_getshdrstrndx(elf, &names))
        return sc_error_set(err, SC_FAILED, "not an ELF object");
    facts->shared = ehdr.e_type == ET_DYN;
    while ((section = elf_nextscn(elf, section))) {
        GElf_Shdr shdr;
        const char *name = gelf_getshdr(section, &shdr) ? elf_strptr(elf, names, shdr.sh_name) : 0;
        Elf_Data *data;

        if (!name)
            return sc_error_set(err, SC_FAILED, "damaged section headers");
        facts->lto |= strncmp(name, ".gnu.lto_", 9) == 0;
        if (shdr.sh_type != SHT_NOTE || strcmp(name, SC_BUILD_SECTION) != 0)
            continue;
        data = elf_getdata(section, NULL);
        if (!data || section_read(data, facts, err) < 0)
            return data ? -1 : sc_error_set(err, SC_FAILED, "%s", elf_errmsg(-1));
    }
    return 0;
}

int object_facts_read_file(const char *path, struct object_facts *facts, struct sc_error **err)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    cleanup_elf_handle Elf *elf = NULL;

    *facts = (struct object_facts){0};
    if (fd < 0)
        return sc_error_errno(err, "cannot open %s", path);
    elf_version(EV_CURRENT);
    elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    if (object_facts_read(elf, facts, err) < 0)
        return sc_error_wrap(err, "%s", path);
    return 0;
}

void object_facts_free(struct object_facts *facts)
{
    json_object_put(facts->records);
    facts->records = NULL;
}

/* The bytes of a note (gABI, "Note Section"): header, owner and text, each padded to 4 bytes. */
static void *note_make(const char *text, size_t *size)
{
    size_t length = strlen(text);
    size_t owner = (sizeof(SC_NOTE_OWNER) + 3) & ~(size_t)3;
    uint32_t header[3] = {sizeof(SC_NOTE_OWNER), (uint32_t)length, NT_SYSCARE_BUILD};
    char *note;

    *size = sizeof(header) + owner + ((length + 3) & ~(size_t)3);
    note = calloc(1, *size);
    if (!note)
        abort();
    memcpy(note, header, sizeof(header));
    memcpy(note + sizeof(header), SC_NOTE_OWNER, sizeof(SC_NOTE_OWNER));
    memcpy(note + sizeof(header) + owner, text, length);
    return note;
}

/* The objects before and after; names and note are owned. */
struct addition {
    Elf *from, *to;
    size_t names_index; /* of the section header string table */
    char *names;        /* its new contents */
    size_t names_size;
    size_t name; /* where in them our section's name is */
    void *note;
    size_t note_size;
    GElf_Off end; /* first free byte of the new file */
};

static void addition_cleanup(struct addition *add)
{
    elf_end(add->from);
    elf_end(add->to);
    free(add->names);
    free(add->note);
}
#define cleanup_addition __attribute__((cleanup(addition_cleanup)))

/* Makes the table of section names with ours at its end; it moves behind all that is there. */
static int names_extend(struct addition *add)
{
    Elf_Scn *section = elf_getscn(add->from, add->names_index);
    Elf_Data *old = section ? elf_rawdata(section, NULL) : NULL;

    if (!old || !old->d_buf || !old->d_size)
        return -1;
    add->name = old->d_size;
    add->names_size = old->d_size + sizeof(SC_BUILD_SECTION);
    add->names = malloc(add->names_size);
    if (!add->names)
        abort();
    memcpy(add->names, old->d_buf, old->d_size);
    memcpy(add->names + old->d_size, SC_BUILD_SECTION, sizeof(SC_BUILD_SECTION));
    return 0;
}

/* A section of the new object. The bytes are taken as they are: they have the file's byte order. */
static int section_add(Elf *to, GElf_Shdr *shdr, void *bytes, size_t size)
{
    Elf_Scn *section = elf_newscn(to);
    Elf_Data *data = section ? elf_newdata(section) : NULL;

    if (!data)
        return -1;
    *data = (Elf_Data){.d_buf = bytes,
                       .d_type = ELF_T_BYTE,
                       .d_size = size,
                       .d_align = 1,
                       .d_version = EV_CURRENT};
    return gelf_update_shdr(section, shdr) ? 0 : -1;
}

/* Copies one section to its old place, or the table of names to its new one. */
static int section_copy(struct addition *add, Elf_Scn *section)
{
    Elf_Data *data = elf_rawdata(section, NULL);
    GElf_Shdr shdr;

    if (!data || !gelf_getshdr(section, &shdr))
        return -1;
    if (elf_ndxscn(section) != add->names_index)
        return section_add(add->to, &shdr, data->d_buf,
                           shdr.sh_type == SHT_NOBITS ? shdr.sh_size : data->d_size);
    shdr.sh_offset = add->end;
    shdr.sh_size = add->names_size;
    add->end = (add->end + add->names_size + 3) & ~(GElf_Off)3;
    return section_add(add->to, &shdr, add->names, add->names_size);
}

/* Where a section lies in the file. */
struct extent {
    GElf_Off start, end;
};

static int compare_extents(const void *a, const void *b)
{
    const struct extent *x = a, *y = b;

    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/*
 * False if a section lies over the ELF header or over another, be it an empty one, or behind the
 * end of the file, which is of that size: libelf fills up what it takes for gaps, and would change
 * the contents. Assemblers write no such object.
 */
static bool sections_are_apart(Elf *elf, size_t count, GElf_Off size)
{
    cleanup_free struct extent *extents = calloc(count + 1, sizeof(*extents));
    GElf_Off end = gelf_fsize(elf, ELF_T_EHDR, 1, EV_CURRENT);
    Elf_Scn *section = NULL;
    size_t used = 0;

    if (!extents)
        abort();
    while ((section = elf_nextscn(elf, section)) && used < count) {
        GElf_Shdr shdr;

        if (!gelf_getshdr(section, &shdr))
            return false;
        extents[used++] = (struct extent){
            shdr.sh_offset, shdr.sh_offset + (shdr.sh_type == SHT_NOBITS ? 0 : shdr.sh_size)};
    }
    qsort(extents, used, sizeof(*extents), compare_extents);
    for (size_t i = 0; i < used; end = extents[i++].end)
        if (extents[i].start < end || extents[i].end < extents[i].start)
            return false;
    return end <= size;
}

/* All sections, then ours, then the section headers at the end of the file. */
static int sections_write(struct addition *add, GElf_Ehdr *ehdr)
{
    GElf_Shdr shdr = {
        .sh_type = SHT_NOTE, .sh_flags = SHF_EXCLUDE, .sh_size = add->note_size, .sh_addralign = 4};
    Elf_Scn *section = NULL;

    if (!gelf_newehdr(add->to, ehdr->e_ident[EI_CLASS]) || names_extend(add) < 0)
        return -1;
    elf_flagelf(add->to, ELF_C_SET, ELF_F_LAYOUT);
    while ((section = elf_nextscn(add->from, section)))
        if (section_copy(add, section) < 0)
            return -1;
    shdr.sh_name = (GElf_Word)add->name;
    shdr.sh_offset = add->end;
    if (section_add(add->to, &shdr, add->note, add->note_size) < 0)
        return -1;
    ehdr->e_shoff = (add->end + add->note_size + 7) & ~(GElf_Off)7;
    return gelf_update_ehdr(add->to, ehdr) && elf_update(add->to, ELF_C_WRITE) >= 0 ? 0 : -1;
}

/* Writes the object of in, with the note, to out. */
static int object_extend(int in, int out, const char *text, struct sc_error **err)
{
    cleanup_addition struct addition add = {0};
    size_t count = 0;
    GElf_Ehdr ehdr;
    struct stat st;

    elf_version(EV_CURRENT);
    add.from = elf_begin(in, ELF_C_READ, NULL);
    add.to = elf_begin(out, ELF_C_WRITE, NULL);
    if (fstat(in, &st) < 0 || !gelf_getehdr(add.from, &ehdr) || ehdr.e_type != ET_REL ||
        elf_getshdrnum(add.from, &count) || elf_getshdrstrndx(add.from, &add.names_index))
        return sc_error_set(err, SC_FAILED, "not a relocatable ELF object");
    if (ehdr.e_ident[EI_DATA] != ELFDATA2LSB || count + 1 >= SHN_LORESERVE ||
        !sections_are_apart(add.from, count, (GElf_Off)st.st_size))
        return sc_error_set(err, SC_FAILED, "a kind of object that notes are not added to");
    add.note = note_make(text, &add.note_size);
    add.end = (GElf_Off)st.st_size;
    if (sections_write(&add, &ehdr) < 0)
        return sc_error_set(err, SC_FAILED, "cannot add a note: %s", elf_errmsg(-1));
    if (fchmod(out, st.st_mode & 07777) < 0)
        return sc_error_errno(err, "fchmod");
    return 0;
}

int object_note_add(const char *path, struct json_object *record, struct sc_error **err)
{
    const char *text = json_object_to_json_string_ext(record, JSON_C_TO_STRING_PLAIN |
                                                                  JSON_C_TO_STRING_NOSLASHESCAPE);
    cleanup_free char *temporary = sc_format("%s.XXXXXX", path);
    cleanup_close int in = open(path, O_RDONLY | O_CLOEXEC);
    cleanup_close int out = in >= 0 ? mkostemp(temporary, O_CLOEXEC) : -1;

    if (out < 0)
        return sc_error_errno(err, "cannot rewrite %s", path);
    if (strlen(text) > INT32_MAX)
        sc_error_set(err, SC_FAILED, "the record is too large");
    else if (object_extend(in, out, text, err) == 0 && rename(temporary, path) == 0)
        return 0;
    else if (!err || !*err)
        sc_error_errno(err, "rename");
    unlink(temporary);
    return sc_error_wrap(err, "%s", path);
}

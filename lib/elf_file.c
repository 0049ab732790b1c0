// SPDX-License-Identifier: GPL-2.0-or-later
// Opens ELF files through libelf and checks what is read from them.
#include "lib/elf_file.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <fcntl.h>
#include <string.h>

static int elf_failure(struct sc_error **err, const char *path, const char *what)
{
    return sc_error_set(err, SC_FAILED, "%s: %s: %s", path, what, elf_errmsg(-1));
}

static int read_sections(struct elf_file *file, struct sc_error **err)
{
    size_t names;

    if (elf_getshdrnum(file->elf, &file->section_count) < 0)
        return elf_failure(err, file->path, "bad section header table");
    file->sections = calloc(file->section_count + 1, sizeof(*file->sections));
    if (!file->sections)
        return sc_error_errno(err, "%s", file->path);
    if (file->section_count == 0)
        return 0;
    if (elf_getshdrstrndx(file->elf, &names) < 0)
        return elf_failure(err, file->path, "no section names");
    for (size_t i = 0; i < file->section_count; i++) {
        struct elf_section *section = &file->sections[i];

        section->index = i;
        section->scn = elf_getscn(file->elf, i);
        if (!section->scn || !gelf_getshdr(section->scn, &section->shdr))
            return elf_failure(err, file->path, "bad section header");
        section->name = elf_strptr(file->elf, names, section->shdr.sh_name);
        if (!section->name)
            return elf_failure(err, file->path, "bad section name");
    }
    return 0;
}

static int read_header(struct elf_file *file, struct sc_error **err)
{
    if (elf_kind(file->elf) != ELF_K_ELF || !gelf_getehdr(file->elf, &file->ehdr))
        return sc_error_set(err, SC_FAILED, "%s is not an ELF file", file->path);
    if (file->ehdr.e_ident[EI_CLASS] != ELFCLASS64 || file->ehdr.e_ident[EI_DATA] != ELFDATA2LSB)
        return sc_error_set(err, SC_FAILED, "%s is not a 64-bit little-endian ELF file",
                            file->path);
    return read_sections(file, err);
}

struct elf_file *elf_file_open(const char *path, struct sc_error **err)
{
    struct elf_file *file = calloc(1, sizeof(*file));

    elf_version(EV_CURRENT);
    if (!file) {
        sc_error_errno(err, "%s", path);
        return NULL;
    }
    file->path = sc_format("%s", path);
    file->fd = open(path, O_RDONLY | O_CLOEXEC);
    /*
     * Not ELF_C_READ_MMAP: the kernel puts the breakpoints of uprobes into every private mapping of
     * a file, this one too, and a file with an active patch would seem to be damaged.
     */
    if (file->fd < 0) {
        sc_error_errno(err, "cannot open %s", path);
    } else if (!(file->elf = elf_begin(file->fd, ELF_C_READ, NULL))) {
        elf_failure(err, path, "cannot be read");
    } else if (read_header(file, err) == 0) {
        return file;
    }
    elf_file_close(file);
    return NULL;
}

void elf_file_close(struct elf_file *file)
{
    if (!file)
        return;
    elf_end(file->elf);
    if (file->fd >= 0)
        close(file->fd);
    free(file->sections);
    free(file->path);
    free(file);
}

void elf_file_cleanup(struct elf_file **file)
{
    elf_file_close(*file);
}

struct elf_section *elf_section_find(struct elf_file *file, const char *name)
{
    for (size_t i = 1; i < file->section_count; i++)
        if (strcmp(file->sections[i].name, name) == 0)
            return &file->sections[i];
    return NULL;
}

int elf_section_data(struct elf_file *file, const struct elf_section *section, const uint8_t **data,
                     size_t *size, struct sc_error **err)
{
    Elf_Data *raw;

    *data = NULL;
    *size = 0;
    if (section->shdr.sh_type == SHT_NOBITS || section->shdr.sh_size == 0)
        return 0;
    raw = elf_rawdata(section->scn, NULL);
    if (!raw || !raw->d_buf || raw->d_size != section->shdr.sh_size)
        return sc_error_set(err, SC_FAILED, "%s: section %s lies outside the file", file->path,
                            section->name);
    *data = raw->d_buf;
    *size = raw->d_size;
    return 0;
}

/* Looks for the build-id among the notes in data. As elf_build_id. */
static int notes_build_id(Elf_Data *data, uint8_t *id, const char *path, struct sc_error **err)
{
    size_t next = 0, name, desc;
    GElf_Nhdr note;

    while ((next = gelf_getnote(data, next, &note, &name, &desc)) > 0) {
        if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 ||
            memcmp((char *)data->d_buf + name, "GNU", 4) != 0)
            continue;
        if (note.n_descsz == 0 || note.n_descsz > SC_BUILD_ID_MAX)
            return sc_error_set(err, SC_FAILED, "%s: build-id of %u bytes", path, note.n_descsz);
        memcpy(id, (char *)data->d_buf + desc, note.n_descsz);
        return (int)note.n_descsz;
    }
    return 0;
}

/* The build-id from PT_NOTE, for files whose section headers were stripped. */
static int segments_build_id(struct elf_file *file, uint8_t *id, struct sc_error **err)
{
    size_t count = 0;

    if (elf_getphdrnum(file->elf, &count) < 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr phdr;
        Elf_Data *data;
        int size;

        if (!gelf_getphdr(file->elf, (int)i, &phdr) || phdr.p_type != PT_NOTE)
            continue;
        data = elf_getdata_rawchunk(file->elf, (int64_t)phdr.p_offset, phdr.p_filesz,
                                    phdr.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
        size = data ? notes_build_id(data, id, file->path, err) : 0;
        if (size)
            return size;
    }
    return 0;
}

int elf_build_id(struct elf_file *file, uint8_t id[SC_BUILD_ID_MAX], struct sc_error **err)
{
    for (size_t i = 1; i < file->section_count; i++) {
        Elf_Data *data;
        int size;

        if (file->sections[i].shdr.sh_type != SHT_NOTE)
            continue;
        data = elf_getdata(file->sections[i].scn, NULL);
        size = data && data->d_buf ? notes_build_id(data, id, file->path, err) : 0;
        if (size)
            return size;
    }
    return segments_build_id(file, id, err);
}

bool elf_section_is_build_id(struct elf_file *file, const struct elf_section *section)
{
    uint8_t id[SC_BUILD_ID_MAX];
    Elf_Data *data;

    if (section->shdr.sh_type != SHT_NOTE)
        return false;
    data = elf_getdata(section->scn, NULL);
    return data && data->d_buf && notes_build_id(data, id, file->path, NULL) > 0;
}

int elf_offset_of_vaddr(struct elf_file *file, uint64_t vaddr, uint64_t *offset,
                        struct sc_error **err)
{
    size_t count = 0;

    if (elf_getphdrnum(file->elf, &count) < 0)
        return elf_failure(err, file->path, "bad program header table");
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr phdr;

        if (!gelf_getphdr(file->elf, (int)i, &phdr) || phdr.p_type != PT_LOAD)
            continue;
        if (vaddr >= phdr.p_vaddr && vaddr - phdr.p_vaddr < phdr.p_filesz) {
            *offset = phdr.p_offset + (vaddr - phdr.p_vaddr);
            return 0;
        }
    }
    return sc_error_set(err, SC_FAILED, "%s: no segment has contents at address %#llx", file->path,
                        (unsigned long long)vaddr);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Opens a patch object: reads the file, checks its segments and tables.
#include "runtime/patch_object.h"
#include "lib/cleanup.h"
#include "runtime/arch/arch.h"
#include "runtime/patch_object_private.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u
#define ALIGN_MAX (2u << 20)

int patch_refuse(struct sc_error **err, const char *what)
{
    return sc_error_set(err, SC_REFUSED, "damaged patch object: %s", what);
}

bool patch_range_inside(uint64_t offset, uint64_t size, uint64_t total)
{
    return offset <= total && size <= total - offset;
}

const uint8_t *patch_image_at(const struct patch_object *patch, uint64_t vaddr, uint64_t size)
{
    for (size_t i = 0; i < patch->segment_count; i++) {
        const struct patch_segment *segment = &patch->segments[i];

        if (vaddr >= segment->vaddr &&
            patch_range_inside(vaddr - segment->vaddr, size, segment->filesz))
            return patch->file + segment->offset + (vaddr - segment->vaddr);
    }
    return NULL;
}

const struct patch_segment *patch_segment_at(const struct patch_object *patch, uint64_t vaddr,
                                             uint64_t size)
{
    for (size_t i = 0; i < patch->segment_count; i++) {
        const struct patch_segment *segment = &patch->segments[i];

        if (vaddr >= segment->vaddr &&
            patch_range_inside(vaddr - segment->vaddr, size, segment->memsz))
            return segment;
    }
    return NULL;
}

/* Reads exactly size bytes; a file that shrinks meanwhile is an error. */
static int file_read(int fd, uint8_t *to, size_t size, struct sc_error **err)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = pread(fd, to + done, size - done, (off_t)done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sc_error_errno(err, "reading the patch object");
        if (n == 0)
            return patch_refuse(err, "the file is shorter than it was");
        done += (size_t)n;
    }
    return 0;
}

static int file_load(struct patch_object *patch, int fd, struct sc_error **err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return sc_error_errno(err, "fstat of the patch object");
    if (!S_ISREG(st.st_mode))
        return patch_refuse(err, "not a regular file");
    if (st.st_size < (off_t)sizeof(Elf64_Ehdr) || st.st_size > (off_t)PATCH_FILE_MAX)
        return patch_refuse(err, "size of the file");
    patch->size = (size_t)st.st_size;
    patch->file = malloc(patch->size);
    if (!patch->file)
        return sc_error_set(err, SC_FAILED, "out of memory");
    return file_read(fd, patch->file, patch->size, err);
}

static int header_check(const struct patch_object *patch, Elf64_Ehdr *ehdr, struct sc_error **err)
{
    static const uint8_t ident[EI_NIDENT] = {ELFMAG0,    ELFMAG1,     ELFMAG2,   ELFMAG3,
                                             ELFCLASS64, ELFDATA2LSB, EV_CURRENT};

    memcpy(ehdr, patch->file, sizeof(*ehdr));
    /* The padding of e_ident is where the runtime marks a mapping: it must be empty in the file. */
    if (memcmp(ehdr->e_ident, ident, EI_NIDENT) != 0)
        return patch_refuse(err, "not a 64-bit little-endian ELF file");
    if (ehdr->e_machine != arch_machine())
        return sc_error_set(err, SC_REFUSED, "the patch object is for another machine (%u)",
                            ehdr->e_machine);
    if (ehdr->e_type != ET_DYN || ehdr->e_version != EV_CURRENT ||
        ehdr->e_ehsize != sizeof(*ehdr) || ehdr->e_phentsize != sizeof(Elf64_Phdr) ||
        ehdr->e_shentsize != sizeof(Elf64_Shdr))
        return patch_refuse(err, "ELF header");
    if (!patch_range_inside(ehdr->e_phoff, (uint64_t)ehdr->e_phnum * sizeof(Elf64_Phdr),
                            patch->size) ||
        !patch_range_inside(ehdr->e_shoff, (uint64_t)ehdr->e_shnum * sizeof(Elf64_Shdr),
                            patch->size))
        return patch_refuse(err, "program or section headers outside the file");
    if (ehdr->e_phnum == 0 || ehdr->e_shnum == 0 || ehdr->e_shstrndx >= ehdr->e_shnum)
        return patch_refuse(err, "no program or section headers");
    return 0;
}

static int segment_prot(uint32_t flags)
{
    return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) |
           (flags & PF_X ? PROT_EXEC : 0);
}

/* gABI, "Program Header"; plus what the runtime relies on when it maps the segment. */
static int segment_check(const struct patch_object *patch, const Elf64_Phdr *phdr,
                         struct sc_error **err)
{
    uint64_t align = phdr->p_align;

    if (!patch_range_inside(phdr->p_offset, phdr->p_filesz, patch->size))
        return patch_refuse(err, "a segment lies outside the file");
    if (phdr->p_filesz > phdr->p_memsz || phdr->p_vaddr > PATCH_SPAN_MAX ||
        phdr->p_memsz > PATCH_SPAN_MAX)
        return patch_refuse(err, "size or address of a segment");
    if (align < PAGE || align > ALIGN_MAX || (align & (align - 1)) ||
        (phdr->p_vaddr - phdr->p_offset) % align)
        return patch_refuse(err, "alignment of a segment");
    if (!(phdr->p_flags & PF_R) || ((phdr->p_flags & PF_W) && (phdr->p_flags & PF_X)))
        return patch_refuse(err, "a segment that is writable and executable, or not readable");
    if (phdr->p_filesz < phdr->p_memsz && !(phdr->p_flags & PF_W))
        return patch_refuse(err, "a read-only segment with memory that is not in the file");
    return 0;
}

static uint64_t page_up(uint64_t value)
{
    return (value + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

static int segment_add(struct patch_object *patch, const Elf64_Phdr *phdr, struct sc_error **err)
{
    uint64_t start = phdr->p_vaddr & ~(uint64_t)(PAGE - 1);

    if (segment_check(patch, phdr, err) < 0)
        return -1;
    if (patch->segment_count == PATCH_SEGMENTS_MAX)
        return patch_refuse(err, "too many segments");
    if (patch->segment_count == 0)
        patch->low = start;
    else if (start < patch->high)
        return patch_refuse(err, "segments out of order or sharing a page");
    patch->high = page_up(phdr->p_vaddr + phdr->p_memsz);
    if (phdr->p_align > patch->align)
        patch->align = phdr->p_align;
    patch->segments[patch->segment_count++] = (struct patch_segment){
        .vaddr = phdr->p_vaddr,
        .memsz = phdr->p_memsz,
        .offset = phdr->p_offset,
        .filesz = phdr->p_filesz,
        .prot = segment_prot(phdr->p_flags),
    };
    return 0;
}

/* The ELF header must be mapped: a process' patch mappings are recognised by it. */
static int segments_check(const struct patch_object *patch, const Elf64_Ehdr *ehdr,
                          struct sc_error **err)
{
    const struct patch_segment *first = &patch->segments[0];
    uint64_t headers = ehdr->e_phoff + (uint64_t)ehdr->e_phnum * sizeof(Elf64_Phdr);

    if (patch->segment_count == 0 || first->offset != 0 || first->vaddr != patch->low ||
        (first->prot & PROT_WRITE) || headers > first->filesz)
        return patch_refuse(err, "the first segment does not hold the ELF header");
    if (patch->low % patch->align)
        return patch_refuse(err, "alignment of the first segment");
    return 0;
}

static int segments_load(struct patch_object *patch, const Elf64_Ehdr *ehdr, struct sc_error **err)
{
    patch->align = PAGE;
    for (size_t i = 0; i < ehdr->e_phnum; i++) {
        Elf64_Phdr phdr;

        memcpy(&phdr, patch->file + ehdr->e_phoff + i * sizeof(phdr), sizeof(phdr));
        if (phdr.p_type == PT_TLS || phdr.p_type == PT_INTERP)
            return patch_refuse(err, "it has thread-local storage or an interpreter");
        /* ld leaves an empty segment behind where a section was discarded. */
        if (phdr.p_type == PT_LOAD && phdr.p_memsz > 0 && segment_add(patch, &phdr, err) < 0)
            return -1;
    }
    return segments_check(patch, ehdr, err);
}

bool elf_note_find(const uint8_t *notes, size_t size, size_t align, const char *owner,
                   uint32_t type, const uint8_t **desc, size_t *desc_size)
{
    uint64_t mask = align == 8 ? 7 : 3;
    uint64_t at = 0;

    while (patch_range_inside(at, sizeof(Elf64_Nhdr), size)) {
        Elf64_Nhdr header;
        uint64_t name = at + sizeof(header);
        uint64_t start;

        memcpy(&header, notes + at, sizeof(header));
        start = (name + header.n_namesz + mask) & ~mask;
        if (!patch_range_inside(name, header.n_namesz, size) ||
            !patch_range_inside(start, header.n_descsz, size))
            return false;
        if (header.n_type == type && header.n_namesz == strlen(owner) + 1 &&
            memcmp(notes + name, owner, header.n_namesz) == 0) {
            *desc = notes + start;
            *desc_size = header.n_descsz;
            return true;
        }
        at = (start + header.n_descsz + mask) & ~mask;
    }
    return false;
}

bool patch_note_find(const uint8_t *notes, size_t size, size_t align, struct sc_patch_note *note)
{
    const uint8_t *desc;
    size_t desc_size;

    if (!elf_note_find(notes, size, align, "SysCare", NT_SYSCARE_PATCH, &desc, &desc_size) ||
        desc_size != sizeof(*note))
        return false;
    memcpy(note, desc, sizeof(*note));
    return true;
}

static int note_load(struct patch_object *patch, const Elf64_Ehdr *ehdr, struct sc_error **err)
{
    for (size_t i = 0; i < ehdr->e_phnum; i++) {
        Elf64_Phdr phdr;
        const uint8_t *notes;

        memcpy(&phdr, patch->file + ehdr->e_phoff + i * sizeof(phdr), sizeof(phdr));
        if (phdr.p_type != PT_NOTE)
            continue;
        notes = patch_image_at(patch, phdr.p_vaddr, phdr.p_filesz);
        if (notes && patch_note_find(notes, phdr.p_filesz, phdr.p_align, &patch->note))
            break;
    }
    if (patch->note.version == 0)
        return patch_refuse(err, "no patch note in a loaded segment");
    if (patch->note.version != SC_PATCH_FORMAT_VERSION)
        return sc_error_set(err, SC_REFUSED, "patch format %u is not known", patch->note.version);
    if (patch->note.machine != arch_machine() || patch->note.build_id_size < 1 ||
        patch->note.build_id_size > sizeof(patch->note.build_id))
        return patch_refuse(err, "patch note");
    return 0;
}

struct patch_object *patch_object_open(int fd, struct sc_error **err)
{
    cleanup_patch struct patch_object *patch = calloc(1, sizeof(*patch));
    Elf64_Ehdr ehdr;

    if (!patch) {
        sc_error_set(err, SC_FAILED, "out of memory");
        return NULL;
    }
    if (file_load(patch, fd, err) < 0 || header_check(patch, &ehdr, err) < 0 ||
        segments_load(patch, &ehdr, err) < 0 || note_load(patch, &ehdr, err) < 0 ||
        patch_tables_load(patch, &ehdr, err) < 0 || patch_relocs_load(patch, &ehdr, err) < 0)
        return NULL;
    return steal_pointer(&patch);
}

void patch_object_close(struct patch_object *patch)
{
    if (!patch)
        return;
    free(patch->relocs);
    free(patch->arms);
    free(patch->hooks);
    free(patch->syms);
    free(patch->funcs);
    free(patch->file);
    free(patch);
}

void patch_object_cleanup(struct patch_object **patch)
{
    patch_object_close(*patch);
}

const char *patch_string(const struct patch_object *patch, uint32_t offset)
{
    return patch->strings + offset;
}

bool patch_func_encode(const struct sc_patch_func *func, uint64_t from, uint64_t to, uint8_t *bytes)
{
    return patch_func_is_call(func) ? arch_branch_encode(from, func->old_bytes, to, bytes)
                                    : arch_jump_encode(from, to, bytes);
}

bool patch_func_decode(const struct sc_patch_func *func, uint64_t from, const uint8_t *bytes,
                       uint64_t *to)
{
    return patch_func_is_call(func) ? arch_branch_decode(from, func->old_bytes, bytes, to)
                                    : arch_jump_decode(from, bytes, to);
}

const char *patch_func_name(const struct patch_object *patch, const struct sc_patch_func *func)
{
    return patch->strings + func->name;
}

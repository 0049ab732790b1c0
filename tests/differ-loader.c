// SPDX-License-Identifier: GPL-2.0-or-later
// Test harness linked into a target: runs it, loads a patch object into itself, runs it again.
//
// A minimal runtime in one process (doc/formats.md, "Patch object"): no uprobes, no other threads.
// usage: PROGRAM [PATCH [MODULE]]; MODULE is the end of the path of the library that is patched.
// With - instead of PATCH nothing is loaded, and run() is called twice all the same.
#include "lib/patch_format.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void run(void); /* of the test case */

struct patch {
    const uint8_t *file;
    const Elf64_Ehdr *ehdr;
    const Elf64_Shdr *sections;
    uint64_t bias, target; /* load biases */
};

struct module {
    const char *name;
    uint64_t bias;
    int found;
};

static void die(const char *what)
{
    fprintf(stderr, "loader: %s\n", what);
    exit(99);
}

static int find_module(struct dl_phdr_info *info, size_t size, void *data)
{
    struct module *module = data;
    size_t length = strlen(info->dlpi_name), wanted = strlen(module->name);

    (void)size;
    /* the program itself comes first, without a name */
    if (wanted ? length < wanted || strcmp(info->dlpi_name + length - wanted, module->name) != 0
               : length != 0)
        return 0;
    module->bias = info->dlpi_addr;
    module->found = 1;
    return 1;
}

static const Elf64_Shdr *section(const struct patch *patch, const char *name)
{
    const char *names =
        (const char *)patch->file + patch->sections[patch->ehdr->e_shstrndx].sh_offset;

    for (int i = 1; i < patch->ehdr->e_shnum; i++)
        if (strcmp(names + patch->sections[i].sh_name, name) == 0)
            return &patch->sections[i];
    return NULL;
}

static void map_segments(struct patch *patch)
{
    const Elf64_Phdr *phdr = (const void *)(patch->file + patch->ehdr->e_phoff);
    uint64_t near = patch->target ? patch->target : 0x400000;
    void *area = MAP_FAILED;
    size_t span = 0;

    for (int i = 0; i < patch->ehdr->e_phnum; i++)
        if (phdr[i].p_type == PT_LOAD)
            span = phdr[i].p_vaddr + phdr[i].p_memsz;
    for (uint64_t at = 64 << 20; area == MAP_FAILED && at < 1 << 30; at += 1 << 20)
        area = mmap((void *)((near & ~4095ull) + at), span, PROT_READ | PROT_WRITE | PROT_EXEC,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (area == MAP_FAILED)
        die("no room near the target");
    patch->bias = (uint64_t)area;
    for (int i = 0; i < patch->ehdr->e_phnum; i++)
        if (phdr[i].p_type == PT_LOAD)
            memcpy((char *)area + phdr[i].p_vaddr, patch->file + phdr[i].p_offset,
                   phdr[i].p_filesz);
}

/* As ld.so binds it; the runtime's own lookup is tested with the injector. */
static uint64_t import_address(const struct patch *patch, const struct sc_patch_sym *symbol)
{
    const Elf64_Shdr *table = section(patch, SC_PATCH_STRTAB_SECTION);
    const char *strings = (const char *)patch->file + table->sh_offset;
    void *address = symbol->version
                        ? dlvsym(RTLD_DEFAULT, strings + symbol->name, strings + symbol->version)
                        : dlsym(RTLD_DEFAULT, strings + symbol->name);

    if (!address && !(symbol->flags & SC_SYM_WEAK))
        die("import is not there");
    return (uint64_t)address;
}

static uint64_t row_address(const struct patch *patch, uint32_t row)
{
    const Elf64_Shdr *table = section(patch, SC_PATCH_SYM_SECTION);
    const struct sc_patch_sym *symbols;

    if (!table || row >= table->sh_size / sizeof(*symbols))
        die("row outside the table of symbols");
    symbols = (const void *)(patch->file + table->sh_offset);
    if (symbols[row].kind == SC_SYM_IMPORT)
        return import_address(patch, &symbols[row]);
    if (symbols[row].kind == SC_SYM_WORD)
        return *(const uint64_t *)(symbols[row].target_vaddr + patch->target);
    return symbols[row].target_vaddr + patch->target;
}

static void relocate_table(const struct patch *patch, const char *name)
{
    const Elf64_Shdr *table = section(patch, name), *symtab, *strtab;
    const Elf64_Rela *rela;

    if (!table)
        return;
    rela = (const void *)(patch->file + table->sh_offset);
    symtab = section(patch, ".dynsym");
    strtab = section(patch, ".dynstr");
    for (size_t i = 0; i < table->sh_size / sizeof(*rela); i++) {
        const Elf64_Sym *symbol =
            (const Elf64_Sym *)(patch->file + symtab->sh_offset) + ELF64_R_SYM(rela[i].r_info);
        const char *text = (const char *)patch->file + strtab->sh_offset + symbol->st_name;
        uint64_t *place = (uint64_t *)(patch->bias + rela[i].r_offset);
        unsigned int row;

        if (ELF64_R_TYPE(rela[i].r_info) == R_X86_64_RELATIVE)
            *place = patch->bias + (uint64_t)rela[i].r_addend;
        else if (sscanf(text, "sct.%u.", &row) == 1)
            *place = row_address(patch, row) + (uint64_t)rela[i].r_addend;
        else
            die("dynamic relocation against something else");
    }
}

static void relocate(const struct patch *patch)
{
    const Elf64_Shdr *table = section(patch, SC_PATCH_RELA_SECTION);
    const struct sc_patch_rela *rela;

    relocate_table(patch, ".rela.dyn");
    relocate_table(patch, ".rela.plt");
    if (!table)
        return;
    rela = (const void *)(patch->file + table->sh_offset);
    for (size_t i = 0; i < table->sh_size / sizeof(*rela); i++) {
        uint64_t place = patch->bias + rela[i].place;
        uint64_t own = patch->bias + (uint64_t)rela[i].addend;
        int64_t value;

        if (rela[i].sym == SC_RELA_SELF) {
            if ((rela[i].type != R_X86_64_32 && rela[i].type != R_X86_64_32S) || own > INT32_MAX)
                die("address of the patch of another kind, or too high");
            memcpy((void *)place, &(uint32_t){(uint32_t)own}, 4);
            continue;
        }
        value = (int64_t)(row_address(patch, rela[i].sym) + (uint64_t)rela[i].addend - place);

        if (rela[i].type != R_X86_64_PC32 || value != (int32_t)value)
            die("runtime relocation of another kind, or out of reach");
        memcpy((void *)place, &(int32_t){(int32_t)value}, 4);
    }
}

static void redirect(const struct patch *patch)
{
    const Elf64_Shdr *table = section(patch, SC_PATCH_FUNCS_SECTION);
    const struct sc_patch_func *funcs = (const void *)(patch->file + table->sh_offset);

    for (size_t i = 0; i < table->sh_size / sizeof(*funcs); i++) {
        uint8_t *old = (uint8_t *)(funcs[i].old_vaddr + patch->target);
        uint8_t *jump = old + funcs[i].jump_offset;
        uint64_t page = (uint64_t)old & ~4095ull;
        int64_t distance = (int64_t)(patch->bias + funcs[i].trampoline_vaddr - (uint64_t)jump - 5);

        if (memcmp(old, funcs[i].old_bytes, funcs[i].jump_offset + funcs[i].jump_size) != 0)
            die("the old function is not what the patch was made for");
        if (mprotect((void *)page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC) != 0 &&
            mprotect((void *)page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
            die("mprotect");
        jump[0] = 0xe9;
        memcpy(jump + 1, &(int32_t){(int32_t)distance}, 4);
    }
}

static void load(const char *path, const char *name)
{
    struct module module = {.name = name};
    struct patch patch = {0};
    int fd = open(path, O_RDONLY);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0)
        die("cannot open the patch");
    patch.file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    dl_iterate_phdr(find_module, &module);
    if (patch.file == MAP_FAILED || !module.found)
        die("cannot map the patch, or no such module");
    patch.ehdr = (const void *)patch.file;
    patch.sections = (const void *)(patch.file + patch.ehdr->e_shoff);
    patch.target = module.bias;
    map_segments(&patch);
    relocate(&patch);
    redirect(&patch);
}

int main(int argc, char **argv)
{
    run();
    if (argc > 1) {
        fflush(stdout);
        if (strcmp(argv[1], "-") != 0)
            load(argv[1], argc > 2 ? argv[2] : "");
        run();
    }
    return 0;
}

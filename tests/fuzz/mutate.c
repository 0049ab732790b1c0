// SPDX-License-Identifier: GPL-2.0-or-later
// Changes inputs as a fuzzer, knowing what an ELF file is: most changed bytes of one only show that
// the first check works.
#include "tests/fuzz/fuzz.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

uint32_t fuzz_random(unsigned int *state, uint32_t limit)
{
    /* xorshift (Marsaglia, 2003) */
    *state = *state ? *state : 1;
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return limit ? *state % limit : 0;
}

#if FUZZ_WITH_ENGINE
/* Fields of a record: their widths, one digit each. */
struct record {
    uint32_t type; /* of the section */
    const char *widths;
};

static const struct record records[] = {
    {SHT_SYMTAB, "411288"},     {SHT_DYNSYM, "411288"},  {SHT_RELA, "8448"},
    {SHT_DYNAMIC, "88"},        {SHT_GNU_versym, "2"},   {SHT_GNU_verneed, "22444"},
    {SHT_GNU_verdef, "222444"}, {SHT_NOTE, "444"},       {SHT_GROUP, "4"},
    {SHT_INIT_ARRAY, "8"},      {SHT_SYMTAB_SHNDX, "4"}, {SHT_GNU_HASH, "4"},
};

static const char header_widths[] = "2248884222222"; /* Elf64_Ehdr behind e_ident */
static const char section_widths[] = "4488884488";   /* Elf64_Shdr */
static const char segment_widths[] = "44888888";     /* Elf64_Phdr */

struct elf_input {
    uint8_t *data;
    size_t size, max;
    unsigned int state;
};

static size_t widths_size(const char *widths)
{
    size_t size = 0;

    while (*widths)
        size += (size_t)(*widths++ - '0');
    return size;
}

/* A value that programs get wrong, or one that is near the old one. */
static uint64_t other_value(struct elf_input *input, uint64_t old)
{
    static const uint64_t known[] = {0,
                                     1,
                                     2,
                                     3,
                                     4,
                                     7,
                                     8,
                                     16,
                                     0x7f,
                                     0xff,
                                     0xfff1,
                                     0xfff2,
                                     0xffff,
                                     0x7fffffff,
                                     0x80000000,
                                     0xffffffff,
                                     INT64_MAX,
                                     UINT64_MAX,
                                     UINT64_MAX - 7,
                                     UINT64_C(1) << 63};

    switch (fuzz_random(&input->state, 6)) {
    case 0:
        return known[fuzz_random(&input->state, sizeof(known) / sizeof(*known))];
    case 1:
        return old + fuzz_random(&input->state, 17) - 8;
    case 2:
        return old ^ UINT64_C(1) << fuzz_random(&input->state, 64);
    case 3:
        return input->size + fuzz_random(&input->state, 17) - 8;
    case 4:
        return fuzz_random(&input->state, 64);
    default:
        return fuzz_random(&input->state, (uint32_t)input->size + 1);
    }
}

/* One field of the record at `at`; the same field of another record of the table may go there. */
static void change_field(struct elf_input *input, size_t table, size_t count, const char *widths)
{
    size_t record = widths_size(widths), at, from, width;
    uint64_t value = 0;
    uint32_t field = fuzz_random(&input->state, (uint32_t)strlen(widths));

    if (count == 0 || table > input->size || count > (input->size - table) / record)
        return;
    at = table + record * fuzz_random(&input->state, (uint32_t)count);
    from = table + record * fuzz_random(&input->state, (uint32_t)count);
    width = (size_t)(widths[field] - '0');
    for (uint32_t i = 0; i < field; i++) {
        at += (size_t)(widths[i] - '0');
        from += (size_t)(widths[i] - '0');
    }
    memcpy(&value, input->data + at, width);
    value = other_value(input, value);
    if (fuzz_random(&input->state, 3) == 0)
        memmove(input->data + at, input->data + from, width);
    else
        memcpy(input->data + at, &value, width);
}

/* A record of a section whose form is known, or its bytes by libFuzzer's ways. */
static void change_section(struct elf_input *input, const Elf64_Shdr *shdr)
{
    if (shdr->sh_type == SHT_NOBITS || shdr->sh_offset > input->size ||
        shdr->sh_size > input->size - shdr->sh_offset || shdr->sh_size == 0)
        return;
    for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++)
        if (shdr->sh_type == records[i].type && fuzz_random(&input->state, 8)) {
            change_field(input, shdr->sh_offset, shdr->sh_size / widths_size(records[i].widths),
                         records[i].widths);
            return;
        }
    LLVMFuzzerMutate(input->data + shdr->sh_offset, shdr->sh_size, shdr->sh_size);
}

/* True if the change was made: the file is one whose headers can be read. */
static bool change_elf(struct elf_input *input)
{
    Elf64_Ehdr ehdr;
    Elf64_Shdr shdr;

    if (input->size < sizeof(ehdr) || memcmp(input->data, ELFMAG, SELFMAG) != 0)
        return false;
    memcpy(&ehdr, input->data, sizeof(ehdr));
    if (ehdr.e_shnum == 0 || ehdr.e_shoff > input->size ||
        ehdr.e_shnum > (input->size - ehdr.e_shoff) / sizeof(shdr))
        return false;
    switch (fuzz_random(&input->state, 16)) {
    case 0:
        change_field(input, EI_NIDENT, 1, header_widths);
        return true;
    case 1:
        change_field(input, ehdr.e_phoff, ehdr.e_phnum, segment_widths);
        return true;
    case 2:
    case 3:
    case 4:
        change_field(input, ehdr.e_shoff, ehdr.e_shnum, section_widths);
        return true;
    default:
        memcpy(&shdr,
               input->data + ehdr.e_shoff + sizeof(shdr) * fuzz_random(&input->state, ehdr.e_shnum),
               sizeof(shdr));
        change_section(input, &shdr);
        return true;
    }
}

size_t fuzz_mutate_elf(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
    struct elf_input input = {.data = data, .size = size, .max = max, .state = seed * 2654435761u};

    if (fuzz_random(&input.state, 20) == 0)
        return LLVMFuzzerMutate(data, size, max);
    for (uint32_t i = 1 + fuzz_random(&input.state, 3); i > 0; i--)
        if (!change_elf(&input))
            return LLVMFuzzerMutate(data, size, max);
    return size;
}

/* The other parts stay as they are; the changed one may become as large as max allows. */
size_t fuzz_mutate_parts(uint8_t *data, size_t size, size_t max, unsigned int seed, size_t count)
{
    struct fuzz_part parts[FUZZ_PARTS_MAX];
    unsigned int state = seed * 2246822519u;
    size_t header = (count - 1) * sizeof(uint32_t), which = fuzz_random(&state, (uint32_t)count);
    size_t rest, at;
    uint8_t *copy;
    uint32_t now;

    if (size < header || max < header || size > max)
        return LLVMFuzzerMutate(data, size, max);
    fuzz_split(data, size, parts, count);
    at = (size_t)(parts[which].data - data);
    rest = size - at - parts[which].size;
    copy = malloc(max);
    if (!copy)
        abort();
    memcpy(copy, data + at, parts[which].size);
    now = (uint32_t)fuzz_mutate_elf(copy, parts[which].size, max - at - rest, state);
    memmove(data + at + now, data + at + parts[which].size, rest);
    memcpy(data + at, copy, now);
    free(copy);
    if (which + 1 < count)
        memcpy(data + which * sizeof(now), &now, sizeof(now));
    return at + now + rest;
}
#endif

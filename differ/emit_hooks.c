// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the table of the author's hooks, their states, and the code that calls them.
#include "differ/differ.h"

#include <endian.h>
#include <string.h>

struct hook_writer {
    struct differ *differ;
    struct elf_writer *writer;
    struct out_section *code, *states, *table, *strtab;
    uint32_t code_symbol, states_symbol;
};

/* Where a field leads to, and how far from there. */
static void relocate_field(struct hook_writer *out, uint64_t at, const struct arch_field *field,
                           const struct hook *hook, uint64_t state)
{
    const struct arch *arch = out->differ->job.arch;
    const struct unit *unit = hook->symbol->section->unit;

    if (field->what == ARCH_FIELD_HOOK)
        elf_writer_relocate(out->writer, out->code, at + field->offset, arch->call_type,
                            unit->out_symbol, (int64_t)hook->symbol->value - field->tail);
    else
        elf_writer_relocate(out->writer, out->code, at + field->offset, arch->pcrel_type,
                            out->states_symbol,
                            (int64_t)state +
                                (field->what == ARCH_FIELD_RESULT
                                     ? (int64_t)offsetof(struct sc_hook_state, result)
                                     : (int64_t)offsetof(struct sc_hook_state, progress)) -
                                field->tail);
}

static uint64_t write_call(struct hook_writer *out, const struct hook *hook, uint64_t state)
{
    struct arch_field fields[4];
    uint8_t code[ARCH_HOOK_CALL_MAX];
    size_t count, size = out->differ->job.arch->write_hook_call(code, fields, &count);
    uint64_t at = elf_writer_append(out->writer, out->code, code, size, 16);

    for (size_t i = 0; i < count; i++)
        relocate_field(out, at, &fields[i], hook, state);
    elf_writer_symbol(out->writer, pool_format(&out->differ->pool, "%s.hook", hook->symbol->name),
                      out->code, at, size, STT_FUNC);
    return at;
}

/* hook is NULL for the row of the stage. */
static void write_row(struct hook_writer *out, const struct hook *hook)
{
    static const struct sc_hook_state zero;
    const char *name = hook ? hook->symbol->name : "";
    uint32_t type = out->differ->job.arch->abs_type;
    struct sc_patch_hook row = {.kind = htole32(hook ? hook->kind : SC_HOOK_STAGE)};
    uint64_t state = elf_writer_append(out->writer, out->states, &zero, sizeof(zero), 8);
    uint64_t call = hook ? write_call(out, hook, state) : 0, at;

    row.name =
        htole32((uint32_t)elf_writer_append(out->writer, out->strtab, name, strlen(name) + 1, 1));
    at = elf_writer_append(out->writer, out->table, &row, sizeof(row), 8);
    if (hook)
        elf_writer_relocate(out->writer, out->table,
                            at + offsetof(struct sc_patch_hook, call_vaddr), type, out->code_symbol,
                            (int64_t)call);
    elf_writer_relocate(out->writer, out->table, at + offsetof(struct sc_patch_hook, state_vaddr),
                        type, out->states_symbol, (int64_t)state);
}

void hooks_emit(struct differ *differ, struct elf_writer *writer, struct out_section *trampolines,
                struct out_section *strtab)
{
    struct hook_writer out = {
        .differ = differ, .writer = writer, .code = trampolines, .strtab = strtab};

    if (differ->hooks.count == 0)
        return;
    out.states =
        elf_writer_section(writer, ".data.syscare.hooks", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 8);
    out.table = elf_writer_section(writer, SC_PATCH_HOOKS_SECTION, SHT_PROGBITS, 0, 8);
    out.states_symbol = elf_writer_symbol(writer, "", out.states, 0, 0, STT_SECTION);
    out.code_symbol = elf_writer_symbol(writer, "", trampolines, 0, 0, STT_SECTION);
    write_row(&out, NULL);
    for (size_t i = 0; i < differ->hooks.count; i++)
        write_row(&out, differ->hooks.items[i]);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Writes what was closed over as a relocatable object with the patch tables, for ld to link.
#include "differ/bind.h"
#include "differ/differ.h"
#include "differ/elf_writer.h"
#include "differ/entry.h"
#include "differ/frames.h"
#include "differ/read.h"
#include "differ/registrar.h"
#include "differ/tls.h"
#include "lib/build_note.h"
#include "lib/cleanup.h"
#include "lib/digest.h"

#include <endian.h>
#include <string.h>

struct emitter {
    struct differ *differ;
    struct elf_writer writer;
    struct out_section *funcs, *sym, *rela, *strtab, *trampolines;
    uint32_t trampolines_symbol;
    struct registrar registrar;
    struct list targets; /* struct target: rows of .syscare.sym in the making */
};

/* A row of .syscare.sym. */
struct target {
    struct binding binding;
    uint32_t row;
    uint32_t out_symbol; /* sct.<row>.<name>, once something needs it */
    bool has_symbol;
    uint32_t thunk_symbol; /* of the jump through this slot */
    bool has_thunk;
};

static uint32_t add_text(struct emitter *emitter, const char *text)
{
    return (uint32_t)elf_writer_append(&emitter->writer, emitter->strtab, text, strlen(text) + 1,
                                       1);
}

/* The row for what a reference is bound to; equal ones share it. */
static struct target *target_row(struct emitter *emitter, const struct binding *binding)
{
    struct pool *pool = &emitter->differ->pool;
    struct target *target;
    struct sc_patch_sym row = {0};

    for (size_t i = 0; i < emitter->targets.count; i++) {
        target = emitter->targets.items[i];
        if (target->binding.address == binding->address && target->binding.kind == binding->kind &&
            strcmp(target->binding.name, binding->name) == 0)
            return target; /* an import has one version, or is refused */
    }
    target = pool_alloc(pool, sizeof(*target));
    target->binding = *binding;
    target->row = (uint32_t)emitter->targets.count;
    list_add(pool, &emitter->targets, target);
    row.target_vaddr = htole64(binding->address);
    row.size = htole64(binding->size);
    row.name = htole32(add_text(emitter, binding->name));
    row.version = htole32(binding->version ? add_text(emitter, binding->version) : 0);
    row.library = htole32(binding->library ? add_text(emitter, binding->library) : 0);
    row.kind = binding->kind;
    row.flags = binding->weak ? SC_SYM_WEAK : 0;
    elf_writer_append(&emitter->writer, emitter->sym, &row, sizeof(row), 8);
    return target;
}

/* The undefined symbol that ld makes dynamic relocations and PLT entries for. */
static uint32_t target_symbol(struct emitter *emitter, struct target *target)
{
    if (!target->has_symbol) {
        const char *name =
            pool_format(&emitter->differ->pool, "sct.%u.%s", target->row, target->binding.name);

        target->out_symbol = elf_writer_symbol(&emitter->writer, name, NULL, 0, 0, STT_NOTYPE);
        target->has_symbol = true;
    }
    return target->out_symbol;
}

/* A place in the patch that the runtime fixes; ld turns the symbol into its address. */
static void add_runtime_relocation(struct emitter *emitter, uint32_t type, uint32_t place_symbol,
                                   uint64_t place, const struct target *target, int64_t addend)
{
    struct sc_patch_rela row = {0};
    uint64_t at;

    row.addend = (int64_t)htole64((uint64_t)addend);
    row.type = htole32(type);
    row.sym = htole32(target->row);
    at = elf_writer_append(&emitter->writer, emitter->rela, &row, sizeof(row), 8);
    elf_writer_relocate(&emitter->writer, emitter->rela, at + offsetof(struct sc_patch_rela, place),
                        emitter->differ->job.arch->abs_type, place_symbol, (int64_t)place);
}

/* A jump through a slot of the target, for calls to imports that have no PLT entry there. */
static uint32_t thunk_symbol(struct emitter *emitter, struct target *target)
{
    const struct arch *arch = emitter->differ->job.arch;
    uint8_t code[16];
    size_t field, size;
    uint64_t at;

    if (target->has_thunk)
        return target->thunk_symbol;
    size = arch->write_slot_jump(code, &field);
    at = elf_writer_append(&emitter->writer, emitter->trampolines, code, size, 16);
    target->thunk_symbol = elf_writer_symbol(
        &emitter->writer, pool_format(&emitter->differ->pool, "%s.thunk", target->binding.name),
        emitter->trampolines, at, size, STT_FUNC);
    target->has_thunk = true;
    add_runtime_relocation(emitter, arch->pcrel_type, target->thunk_symbol, field, target,
                           -(int64_t)(size - field));
    return target->thunk_symbol;
}

static const char *unit_section_name(struct emitter *emitter, const struct unit *unit,
                                     bool writable)
{
    const struct section *section = unit->section;

    if (section && (section->kind == SECTION_TEXT || section->kind == SECTION_LSDA))
        return section->name;
    if (section && (section->kind == SECTION_STRINGS || section->kind == SECTION_CONSTANTS))
        return ".rodata.syscare";
    return pool_format(&emitter->differ->pool, "%s.%s",
                       !section || !section->data      ? ".bss"
                       : section->kind == SECTION_DATA ? ".data"
                       : writable                      ? ".data.rel.ro"
                                                       : ".rodata",
                       unit->symbol ? unit->symbol->name : "syscare");
}

/* Absolute pointers are filled in when the patch is mapped: such constants must be writable then.
 */
static bool has_pointers(const struct unit *unit)
{
    const struct section *section = unit->section;

    for (size_t i = section ? section_relocation_from(section, unit->start) : 0;
         section && i < section->relocation_count &&
         section->relocations[i].offset < unit->start + unit->size;
         i++)
        if (section->relocations[i].class == RELOC_ABS)
            return true;
    return false;
}

/* The alignment that a piece had in its section, as far as its offset shows it. */
static uint64_t unit_align(const struct unit *unit)
{
    uint64_t align = unit->section ? unit->section->align : unit->symbol->value;

    if (!unit->section)
        return align ? align : 1; /* common symbols: st_value is the alignment */
    while (align > 1 && unit->start % align)
        align /= 2;
    return align;
}

static void emit_unit(struct emitter *emitter, struct unit *unit)
{
    const struct section *section = unit->section;
    bool code = section && section->kind == SECTION_TEXT;
    bool writable = !code && (!section || section->kind == SECTION_DATA || has_pointers(unit));
    bool empty = !section || !section->data;
    struct out_section *out = elf_writer_section(
        &emitter->writer, unit_section_name(emitter, unit, writable),
        empty ? SHT_NOBITS : SHT_PROGBITS,
        (uint64_t)(SHF_ALLOC | (code ? SHF_EXECINSTR : 0) | (writable ? SHF_WRITE : 0)), 1);

    if (!empty)
        elf_writer_append(&emitter->writer, out, section->data + unit->start, unit->size,
                          unit_align(unit));
    out->align = unit_align(unit);
    out->size = unit->size;
    unit->out = out;
    unit->out_symbol = elf_writer_symbol(&emitter->writer, "", out, 0, 0, STT_SECTION);
}

/* Pieces without a name get one that tells the oracle how to read them. */
static const char *unit_label(struct emitter *emitter, const struct unit *unit)
{
    if (unit->section && unit->section->kind == SECTION_STRINGS)
        return pool_format(&emitter->differ->pool, ".syscare.str%u",
                           (unsigned int)(unit->section->entsize ? unit->section->entsize : 1));
    if (unit->section && unit->section->kind == SECTION_CONSTANTS)
        return ".syscare.cst";
    return unit->symbol && unit->symbol->name[0] ? unit->symbol->name : ".syscare.data";
}

/* gdb and perf show the names; nothing binds to them. */
static void emit_names(struct emitter *emitter, const struct unit *unit)
{
    const struct list *symbols = unit->section ? &unit->section->symbols : NULL;

    for (size_t i = 0; !unit->symbol && i < unit->section->pieces.count; i++) {
        const struct symbol *piece = unit->section->pieces.items[i];

        elf_writer_symbol(&emitter->writer, ".syscare.data", unit->out, piece->value, piece->size,
                          STT_OBJECT);
    }
    if (unit->symbol)
        elf_writer_symbol(&emitter->writer, unit_label(emitter, unit), unit->out, 0, unit->size,
                          STT_OBJECT);
    for (size_t i = 0; !unit->symbol && unit->section->kind == SECTION_TEXT && i < symbols->count;
         i++) {
        const struct symbol *symbol = symbols->items[i];

        if (symbol->name[0] && symbol->size)
            elf_writer_symbol(&emitter->writer, symbol->name, unit->out, symbol->value,
                              symbol->size, symbol->type == STT_FUNC ? STT_FUNC : STT_OBJECT);
    }
}

/* Puts a 32-bit absolute address into the copied bytes: the target's is known when it is not
 * position-independent. */
static int store_address(struct unit *unit, uint64_t offset, uint64_t value, struct sc_error **err)
{
    uint32_t field = htole32((uint32_t)value);

    if (value > INT32_MAX)
        return sc_error_set(err, SC_FAILED, "address %#llx does not fit into 32 bits",
                            (unsigned long long)value);
    memcpy(unit->out->data + offset, &field, sizeof(field));
    return 0;
}

/* The patch's own address in 32 bits: the runtime maps it low enough and writes it. */
static void add_self_relocation(struct emitter *emitter, const struct unit *unit,
                                const struct relocation *relocation, const struct unit *to,
                                int64_t addend)
{
    struct sc_patch_rela row = {0};
    uint64_t at;

    row.type = htole32(relocation->type);
    row.sym = htole32(SC_RELA_SELF);
    at = elf_writer_append(&emitter->writer, emitter->rela, &row, sizeof(row), 8);
    elf_writer_relocate(&emitter->writer, emitter->rela, at + offsetof(struct sc_patch_rela, place),
                        emitter->differ->job.arch->abs_type, unit->out_symbol,
                        (int64_t)(relocation->offset - unit->start));
    elf_writer_relocate(&emitter->writer, emitter->rela,
                        at + offsetof(struct sc_patch_rela, addend),
                        emitter->differ->job.arch->abs_type, to->out_symbol, addend);
}

static void relocate_local(struct emitter *emitter, struct unit *unit,
                           const struct relocation *relocation, const struct binding *binding)
{
    const struct unit *to = symbol_unit(binding->symbol);
    int64_t addend = relocation->delta - relocation->tail;

    if (relocation->section->kind != SECTION_TEXT || relocation->class == RELOC_ABS ||
        relocation->class == RELOC_ABS_NARROW)
        addend = relocation->delta;
    addend += (binding->symbol->section ? (int64_t)binding->symbol->value : 0) - (int64_t)to->start;
    if (relocation->class == RELOC_ABS_NARROW) {
        add_self_relocation(emitter, unit, relocation, to, addend);
        return;
    }
    elf_writer_relocate(&emitter->writer, unit->out, relocation->offset - unit->start,
                        relocation->type, to->out_symbol, addend);
}

/*
 * Words of the patch for a thread-local variable: ld.so's word in the target, and what it does not
 * tell. The name says to the oracle how to read them.
 */
static uint32_t cell_symbol(struct emitter *emitter, const struct binding *binding)
{
    const struct arch *arch = emitter->differ->job.arch;
    struct target *row = target_row(emitter, binding);
    bool module = binding->cell == CELL_MODULE;
    uint64_t words[2] = {0, module ? htole64(binding->value) : 0};
    struct out_section *out = elf_writer_section(&emitter->writer, ".data.rel.ro.syscare.tls",
                                                 SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 8);
    uint64_t at = elf_writer_append(&emitter->writer, out, words, module ? 16 : 8, 8);

    elf_writer_relocate(&emitter->writer, out, at, arch->abs_type, target_symbol(emitter, row),
                        module ? 0 : (int64_t)binding->value);
    return elf_writer_symbol(&emitter->writer, module ? ".syscare.tls.gd" : ".syscare.tls.ie", out,
                             at, module ? 16 : 8, STT_OBJECT);
}

static int relocate_cell(struct emitter *emitter, struct unit *unit,
                         const struct relocation *relocation, const struct binding *binding,
                         struct sc_error **err)
{
    uint64_t offset = relocation->offset - unit->start;
    uint32_t field = htole32((uint32_t)binding->value);

    if (binding->cell == CELL_NOTHING)
        return 0;
    if (binding->cell != CELL_CONSTANT) {
        elf_writer_relocate(&emitter->writer, unit->out, offset,
                            emitter->differ->job.arch->pcrel_type, cell_symbol(emitter, binding),
                            -relocation->tail);
        return 0;
    }
    if ((int64_t)binding->value != (int32_t)binding->value || offset + 4 > unit->out->size)
        return sc_error_set(err, SC_FAILED, "offset of thread-local variable %s does not fit",
                            binding->name);
    memcpy(unit->out->data + offset, &field, sizeof(field));
    return 0;
}

/* An import's address comes from a slot: ld finds out at link time only what the patch has. */
static void load_address(struct emitter *emitter, struct unit *unit, uint64_t offset,
                         uint32_t symbol, int64_t addend)
{
    const struct arch *arch = emitter->differ->job.arch;

    arch->address_to_load(unit->out->data + offset);
    elf_writer_relocate(&emitter->writer, unit->out, offset, arch->got_type, symbol, addend);
}

/* By the kind of reference: PLT, GOT slot of the patch, pointer in data, or the runtime. */
static int relocate_target(struct emitter *emitter, struct unit *unit,
                           const struct relocation *relocation, const struct binding *binding,
                           struct sc_error **err)
{
    const struct arch *arch = emitter->differ->job.arch;
    uint64_t offset = relocation->offset - unit->start;
    bool code = relocation->section->kind == SECTION_TEXT;
    int64_t addend = relocation->delta - (code ? relocation->tail : 0);
    struct target *target;

    if (binding->cell)
        return relocate_cell(emitter, unit, relocation, binding, err);
    if (relocation->class == RELOC_ABS_NARROW)
        return store_address(unit, offset, binding->address + (uint64_t)relocation->delta, err);
    target = target_row(emitter, binding);
    if (binding->thunk)
        elf_writer_relocate(&emitter->writer, unit->out, offset, arch->call_type,
                            thunk_symbol(emitter, target), addend);
    else if (relocation->class == RELOC_BRANCH)
        elf_writer_relocate(&emitter->writer, unit->out, offset, arch->call_type,
                            target_symbol(emitter, target), addend);
    else if (relocation->class == RELOC_ABS)
        elf_writer_relocate(&emitter->writer, unit->out, offset, arch->abs_type,
                            target_symbol(emitter, target), relocation->delta);
    else if (relocation->class == RELOC_GOT && binding->kind != SC_SYM_GOT)
        elf_writer_relocate(&emitter->writer, unit->out, offset, relocation->type,
                            target_symbol(emitter, target), addend);
    else if (binding->kind == SC_SYM_IMPORT && bind_loads_address(relocation))
        load_address(emitter, unit, offset, target_symbol(emitter, target), addend);
    else
        add_runtime_relocation(emitter, arch->pcrel_type, unit->out_symbol, offset, target,
                               tls_is_reference(relocation) ? -relocation->tail : addend);
    return 0;
}

struct elf_writer *emitter_writer(struct emitter *emitter)
{
    return &emitter->writer;
}

int emit_reference(struct emitter *emitter, struct unit *unit, const struct relocation *relocation,
                   struct sc_error **err)
{
    struct binding binding;

    if (!bind_reference(emitter->differ, relocation, &binding))
        return sc_error_set(err, SC_FAILED, "a checked reference can no longer be bound");
    if (binding.local)
        relocate_local(emitter, unit, relocation, &binding);
    else if (relocate_target(emitter, unit, relocation, &binding, err) < 0)
        return -1;
    return 0;
}

static int relocate_unit(struct emitter *emitter, struct unit *unit, struct sc_error **err)
{
    struct section *section = unit->section;

    for (size_t i = section ? section_relocation_from(section, unit->start) : 0;
         section && i < section->relocation_count &&
         section->relocations[i].offset < unit->start + unit->size;
         i++) {
        const struct relocation *relocation = &section->relocations[i];

        if (relocation->class != RELOC_NONE && emit_reference(emitter, unit, relocation, err) < 0)
            return -1;
    }
    return 0;
}

/* Undoes the first instruction and jumps to the new function. Returns the trampoline's offset. */
static uint64_t emit_trampoline(struct emitter *emitter, const struct entry *entry)
{
    const struct arch *arch = emitter->differ->job.arch;
    const struct unit *unit = symbol_unit(entry->symbol);
    uint8_t jump[16];
    size_t field, size;
    uint64_t at = elf_writer_append(&emitter->writer, emitter->trampolines, entry->first.undo,
                                    entry->first.undo_size, 16);

    if (emitter->registrar.block) {
        size = registrar_jump(&emitter->registrar, emitter, arch, emitter->trampolines,
                              unit->out_symbol, entry->symbol->value);
    } else {
        size = arch->write_jump(jump, &field);
        elf_writer_append(&emitter->writer, emitter->trampolines, jump, size, 1);
        elf_writer_relocate(&emitter->writer, emitter->trampolines,
                            at + entry->first.undo_size + field, arch->call_type, unit->out_symbol,
                            (int64_t)entry->symbol->value - (int64_t)(size - field));
    }
    elf_writer_symbol(&emitter->writer,
                      pool_format(&emitter->differ->pool, "%s.trampoline", entry->symbol->name),
                      emitter->trampolines, at, entry->first.undo_size + size, STT_FUNC);
    return at;
}

/* A row of .syscare.funcs; ld turns the symbols into the addresses of new code and trampoline. */
static void append_func(struct emitter *emitter, const struct sc_patch_func *row,
                        uint32_t new_symbol, uint64_t new_offset, uint32_t trampoline_symbol,
                        uint64_t trampoline_offset)
{
    const uint32_t type = emitter->differ->job.arch->abs_type;
    uint64_t at = elf_writer_append(&emitter->writer, emitter->funcs, row, sizeof(*row), 8);

    elf_writer_relocate(&emitter->writer, emitter->funcs,
                        at + offsetof(struct sc_patch_func, new_vaddr), type, new_symbol,
                        (int64_t)new_offset);
    elf_writer_relocate(&emitter->writer, emitter->funcs,
                        at + offsetof(struct sc_patch_func, trampoline_vaddr), type,
                        trampoline_symbol, (int64_t)trampoline_offset);
}

static void emit_entry(struct emitter *emitter, const struct entry *entry)
{
    const struct arch *arch = emitter->differ->job.arch;
    const struct unit *unit = symbol_unit(entry->symbol);
    struct sc_patch_func row = {0};
    uint64_t trampoline = 0;
    uint32_t tramp_symbol = unit->out_symbol;

    if (entry->first.undo_size || emitter->registrar.block) {
        trampoline = emit_trampoline(emitter, entry);
        tramp_symbol = emitter->trampolines_symbol;
    } else {
        trampoline = entry->symbol->value;
    }
    row.new_size = htole64(entry->symbol->size);
    row.old_vaddr = htole64(entry->old->address);
    row.old_size = htole64(entry->old_size);
    row.old_offset = htole64(entry->old_offset);
    sc_digest_memory(entry->old_bytes, entry->old_size, row.old_digest);
    memcpy(row.old_bytes, entry->old_bytes, entry->first.size + (size_t)arch->jump_size);
    row.name = htole32(add_text(emitter, entry->old->name));
    row.flags = htole32(entry->flags);
    row.strategy = entry->first.size ? SC_STRATEGY_SKIP_FIRST : SC_STRATEGY_ENTRY;
    row.jump_offset = entry->first.size;
    row.jump_size = arch->jump_size;
    append_func(emitter, &row, unit->out_symbol, entry->symbol->value, tramp_symbol, trampoline);
}

/* The beginning of an old function that goes on behind the jump. */
static void emit_way(struct emitter *emitter, struct entry *entry)
{
    const struct copied_code *way = &entry->way;
    struct binding binding = {.kind = SC_SYM_FUNC,
                              .address = entry->old->address,
                              .size = entry->old->size,
                              .name = entry->old->name};
    struct target *target = target_row(emitter, &binding);

    entry->way_offset =
        elf_writer_append(&emitter->writer, emitter->trampolines, way->bytes, way->size, 16);
    for (size_t i = 0; i < way->field_count; i++)
        add_runtime_relocation(
            emitter, emitter->differ->job.arch->pcrel_type, emitter->trampolines_symbol,
            entry->way_offset + way->fields[i].offset, target,
            (int64_t)(way->fields[i].target - entry->old->address) - way->fields[i].tail);
    elf_writer_symbol(&emitter->writer,
                      pool_format(&emitter->differ->pool, "%s.old", entry->old->name),
                      emitter->trampolines, entry->way_offset, way->size, STT_FUNC);
}

/* A call of an old function that stays one of the old function. */
static void emit_old_call(struct emitter *emitter, const struct old_call *call)
{
    const struct arch *arch = emitter->differ->job.arch;
    struct sc_patch_func row = {0};

    row.new_size = htole64(call->to->way.size);
    row.old_vaddr = htole64(call->address);
    row.old_size = htole64(arch->jump_size);
    row.old_offset = htole64(call->offset);
    sc_digest_memory(call->bytes, arch->jump_size, row.old_digest);
    memcpy(row.old_bytes, call->bytes, arch->jump_size);
    row.name = htole32(add_text(emitter, call->from->old->name));
    row.strategy = SC_STRATEGY_CALL;
    row.jump_size = arch->jump_size;
    append_func(emitter, &row, emitter->trampolines_symbol, call->to->way_offset,
                emitter->trampolines_symbol, call->to->way_offset);
}

static void emit_old_calls(struct emitter *emitter)
{
    const struct differ *differ = emitter->differ;

    for (size_t i = 0; i < differ->entries.count; i++)
        if (((const struct entry *)differ->entries.items[i])->needs_way)
            emit_way(emitter, differ->entries.items[i]);
    for (size_t i = 0; i < differ->old_calls.count; i++)
        emit_old_call(emitter, differ->old_calls.items[i]);
}

/* Where processes are met; only patches with a jump at an entry need that. */
static void emit_arms(struct emitter *emitter)
{
    const struct list *arms = &emitter->differ->arms;
    struct out_section *section;

    if (!entries_jump_at_entry(emitter->differ))
        return;
    section = elf_writer_section(&emitter->writer, SC_PATCH_ARM_SECTION, SHT_PROGBITS, 0, 8);
    for (size_t i = 0; i < arms->count; i++) {
        struct sc_patch_arm row = *(const struct sc_patch_arm *)arms->items[i];

        row.vaddr = htole64(row.vaddr);
        row.offset = htole64(row.offset);
        elf_writer_append(&emitter->writer, section, &row, sizeof(row), 8);
    }
}

static void emit_note(struct emitter *emitter)
{
    static const char owner[8] = SC_NOTE_OWNER; /* padded to four bytes */
    const struct job *job = &emitter->differ->job;
    struct out_section *section =
        elf_writer_section(&emitter->writer, SC_PATCH_NOTE_SECTION, SHT_NOTE, SHF_ALLOC, 4);
    struct sc_patch_note note = {0};
    uint32_t header[3] = {htole32(sizeof(SC_NOTE_OWNER)), htole32(sizeof(note)),
                          htole32(NT_SYSCARE_PATCH)};

    note.version = htole32(SC_PATCH_FORMAT_VERSION);
    note.machine = htole16(job->arch->machine);
    note.build_id_size = htole16((uint16_t)job->build_id_size);
    memcpy(note.build_id, job->build_id, job->build_id_size);
    memcpy(note.uuid, job->uuid, sizeof(note.uuid));
    memcpy(note.target_digest, job->target_digest, sizeof(note.target_digest));
    elf_writer_append(&emitter->writer, section, header, sizeof(header), 4);
    elf_writer_append(&emitter->writer, section, owner, sizeof(owner), 1);
    elf_writer_append(&emitter->writer, section, &note, sizeof(note), 1);
}

static void open_sections(struct emitter *emitter)
{
    struct elf_writer *writer = &emitter->writer;

    emit_note(emitter);
    emitter->trampolines =
        elf_writer_section(writer, ".text.syscare", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 16);
    emitter->trampolines_symbol =
        elf_writer_symbol(writer, "", emitter->trampolines, 0, 0, STT_SECTION);
    emitter->funcs = elf_writer_section(writer, SC_PATCH_FUNCS_SECTION, SHT_PROGBITS, 0, 8);
    emitter->sym = elf_writer_section(writer, SC_PATCH_SYM_SECTION, SHT_PROGBITS, 0, 8);
    emitter->rela = elf_writer_section(writer, SC_PATCH_RELA_SECTION, SHT_PROGBITS, 0, 8);
    emitter->strtab = elf_writer_section(writer, SC_PATCH_STRTAB_SECTION, SHT_PROGBITS, 0, 1);
    elf_writer_append(writer, emitter->strtab, "", 1, 1);
    /* an object without this section would ask for an executable stack */
    elf_writer_section(writer, ".note.GNU-stack", SHT_PROGBITS, 0, 1);
}

static void emit_registrar(struct emitter *emitter)
{
    struct binding binding;

    if (registrar_needed(emitter->differ) && registrar_bind(emitter->differ, &binding))
        registrar_emit(&emitter->registrar, emitter, emitter->differ->job.arch,
                       emitter->trampolines, target_symbol(emitter, target_row(emitter, &binding)));
}

int phase_emit(struct differ *differ, const char *path, struct sc_error **err)
{
    struct emitter emitter = {.differ = differ};
    uint32_t eh_frame;

    emitter.writer.pool = &differ->pool;
    emitter.writer.machine = differ->job.arch->machine;
    open_sections(&emitter);
    for (size_t i = 0; i < differ->units.count; i++)
        emit_unit(&emitter, differ->units.items[i]);
    for (size_t i = 0; i < differ->units.count; i++)
        emit_names(&emitter, differ->units.items[i]);
    for (size_t i = 0; i < differ->units.count; i++)
        if (relocate_unit(&emitter, differ->units.items[i], err) < 0)
            return -1;
    emit_registrar(&emitter);
    for (size_t i = 0; i < differ->entries.count; i++)
        emit_entry(&emitter, differ->entries.items[i]);
    emit_old_calls(&emitter);
    emit_arms(&emitter);
    hooks_emit(differ, &emitter.writer, emitter.trampolines, emitter.strtab);
    if (frames_emit(differ, &emitter, &eh_frame, err) < 0)
        return -1;
    if (emitter.registrar.block)
        registrar_finish(&emitter.registrar, &emitter, differ->job.arch, eh_frame);
    return elf_writer_write(&emitter.writer, path, err);
}

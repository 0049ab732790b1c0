// SPDX-License-Identifier: GPL-2.0-or-later
// Links the patch object with the system's ld and verifies what came out.
#include "differ/differ.h"
#include "differ/oracle.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/run.h"

#include <string.h>

static int bad_patch(struct differ *differ, struct sc_error **err, const char *what,
                     const char *name)
{
    return sc_error_set(err, SC_FAILED, "%s: the linked patch object is wrong: %s %s",
                        differ->job.output, what, name);
}

static int run_ld(struct differ *differ, const char *object, struct sc_error **err)
{
    const struct job *job = &differ->job;
    /* The page of the ELF header, which gets a mark, also holds code: a process copies one less. */
    const char *argv[] = {job->ld, "-shared", "-z", "now", "-z", "norelro", "-z", "noexecstack",
                          "-z", "noseparate-code", "--build-id=none", "--hash-style=gnu",
                          "--no-ld-generated-unwind-info",
                          /* or ld moves the contents of .eh_frame, which is relocated later */
                          "--traditional-format", "-Bsymbolic", "-o", job->output, object, NULL};
    cleanup_free char *log = sc_format("%s.log", object);
    cleanup_free char *text = NULL;
    struct sc_run run = {.argv = argv, .log = log};
    size_t size;
    int status = sc_run(&run, err);

    if (status < 0)
        return -1;
    if (sc_file_read(log, 1 << 20, &text, &size, NULL) < 0)
        size = 0;
    unlink(log);
    if (status != 0)
        return sc_error_set(err, SC_FAILED, "%s ended with status %d: %s", job->ld, status,
                            size ? text : "");
    return 0;
}

/* Only relocations that the runtime applies, against nothing but sct.* symbols. */
static int verify_slots(struct differ *differ, const struct image *patch, struct sc_error **err)
{
    const struct arch *arch = patch->arch;

    for (size_t i = 0; i < patch->slot_count; i++) {
        const struct image_slot *slot = &patch->slots[i];
        bool relative = slot->type == arch->dyn_relative;

        if (!relative && slot->type != arch->dyn_slot && slot->type != arch->dyn_glob_dat &&
            slot->type != arch->abs_type)
            return bad_patch(differ, err, "relocation", arch->reloc_name(slot->type));
        if (!relative && strncmp(slot->name, "sct.", 4) != 0)
            return bad_patch(differ, err, "relocation against", slot->name);
    }
    for (size_t i = 1; i < patch->dynamic_count; i++)
        if (!patch->dynamic[i].defined && strncmp(patch->dynamic[i].name, "sct.", 4) != 0)
            return bad_patch(differ, err, "undefined symbol", patch->dynamic[i].name);
    return 0;
}

static int table_size(struct differ *differ, const struct image *patch, const char *name,
                      size_t row, size_t *count, struct sc_error **err)
{
    const struct elf_section *section = elf_section_find(patch->elf, name);

    *count = 0;
    if (!section && strcmp(name, SC_PATCH_FUNCS_SECTION) == 0)
        return bad_patch(differ, err, "no section", name);
    if (section && section->shdr.sh_size % row)
        return bad_patch(differ, err, "odd size of section", name);
    *count = section ? section->shdr.sh_size / row : 0;
    return 0;
}

/* Each function record must lead to code of the patch, and its trampoline too. */
static int verify_functions(struct differ *differ, const struct image *patch, size_t count,
                            struct sc_error **err)
{
    const struct elf_section *section = elf_section_find(patch->elf, SC_PATCH_FUNCS_SECTION);
    const uint8_t *data;
    size_t size, room;

    if (count != differ->entries.count + differ->old_calls.count)
        return bad_patch(differ, err, "number of rows in", SC_PATCH_FUNCS_SECTION);
    if (count == 0)
        return 0;
    if (elf_section_data(patch->elf, section, &data, &size, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        bool call = i >= differ->entries.count;
        const struct old_call *old_call =
            call ? differ->old_calls.items[i - differ->entries.count] : NULL;
        const struct entry *entry = call ? old_call->to : differ->entries.items[i];
        struct sc_patch_func row;

        memcpy(&row, data + i * sizeof(row), sizeof(row));
        if (!image_bytes(patch, row.new_vaddr, &room) || room < row.new_size ||
            !image_bytes(patch, row.trampoline_vaddr, &room) ||
            row.old_vaddr != (call ? old_call->address : entry->old->address) ||
            row.jump_offset != (call ? 0 : entry->first.size))
            return bad_patch(differ, err, "function record of", entry->symbol->name);
    }
    return 0;
}

/* Runtime relocations stay inside what is mapped and use only rows that exist. */
static int verify_relocations(struct differ *differ, const struct image *patch, size_t count,
                              size_t symbols, struct sc_error **err)
{
    const struct elf_section *section = elf_section_find(patch->elf, SC_PATCH_RELA_SECTION);
    const uint8_t *data;
    size_t size, room;

    if (count == 0)
        return 0;
    if (elf_section_data(patch->elf, section, &data, &size, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct sc_patch_rela row;

        memcpy(&row, data + i * sizeof(row), sizeof(row));
        if ((row.sym >= symbols && row.sym != SC_RELA_SELF) ||
            !image_bytes(patch, row.place, &room) || room < 4)
            return bad_patch(differ, err, "a row of", SC_PATCH_RELA_SECTION);
    }
    return 0;
}

static int verify(struct differ *differ, const struct image *patch, struct sc_error **err)
{
    size_t functions, symbols, relocations;

    if (table_size(differ, patch, SC_PATCH_FUNCS_SECTION, sizeof(struct sc_patch_func), &functions,
                   err) < 0 ||
        table_size(differ, patch, SC_PATCH_SYM_SECTION, sizeof(struct sc_patch_sym), &symbols,
                   err) < 0 ||
        table_size(differ, patch, SC_PATCH_RELA_SECTION, sizeof(struct sc_patch_rela), &relocations,
                   err) < 0)
        return -1;
    if (verify_slots(differ, patch, err) < 0 || verify_functions(differ, patch, functions, err) < 0)
        return -1;
    return verify_relocations(differ, patch, relocations, symbols, err);
}

int phase_link(struct differ *differ, const char *object, struct sc_error **err)
{
    struct image *patch;
    int result;

    if (run_ld(differ, object, err) < 0)
        return -1;
    patch =
        image_open(&differ->pool, differ->job.arch, differ->decoder, differ->job.output, NULL, err);
    if (!patch)
        return -1;
    result = verify(differ, patch, err);
    if (result == 0)
        result = oracle_verify_patch(differ, patch, err);
    image_close(patch);
    return result;
}

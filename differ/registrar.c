// SPDX-License-Identifier: GPL-2.0-or-later
// Makes the frames of the patch known to the unwinder of the process, so that exceptions and
// cancellation pass through its functions.
//
// ld.so knows nothing of the patch, and libgcc finds by itself only what ld.so knows. So the first
// call of a patched function in a process registers the patch's .eh_frame with libgcc, by
// __register_frame_info, in the thread that made the call. It stays registered for good: libgcc's
// list holds a pointer into the patch, for which reason its memory is never taken away.
#include "differ/registrar.h"

#include "differ/names.h"

#include <endian.h>
#include <string.h>

#define REGISTER_FUNCTION "__register_frame_info"
#define UNWINDER "libgcc_s.so.1"
#define CXX_LIBRARY "libstdc++.so.6"

static bool object_is_cxx(const struct object *object)
{
    for (size_t i = 1; i < object->symbol_count; i++)
        if (name_is_cxx(object->symbols[i].name))
            return true;
    return false;
}

/* Exceptions pass through all code of C++, and cleanup in C needs its tables. */
static bool unit_needs_frames(const struct unit *unit)
{
    const struct section *section = unit->section;

    if (unit->symbol || !section || section->kind != SECTION_TEXT)
        return false;
    for (size_t i = 0; i < section->symbols.count; i++)
        if (((struct symbol *)section->symbols.items[i])->lsda)
            return true;
    return object_is_cxx(section->object);
}

/* A program without a dynamic linker and without an unwinder of its own has no exceptions. */
static bool has_unwinder(const struct differ *differ)
{
    struct binding binding;

    return registrar_bind(differ, &binding);
}

bool registrar_needed(const struct differ *differ)
{
    if (!has_unwinder(differ))
        return false;
    for (size_t i = 0; i < differ->units.count; i++)
        if (unit_needs_frames(differ->units.items[i]))
            return true;
    return false;
}

/* libgcc linked into the target, whose unwinder it is then. */
static struct image_symbol *own_function(const struct image *image)
{
    size_t count;
    struct name_entry *entries = name_index_find(&image->names, REGISTER_FUNCTION, &count);

    for (size_t i = 0; i < count; i++) {
        struct image_symbol *symbol = entries[i].item;

        if (symbol->global && symbol->type == STT_FUNC)
            return symbol;
    }
    return NULL;
}

/*
 * libgcc_s is there wherever libstdc++ is; the version keeps copies of others out. A target that
 * needs neither throws and catches nothing: there the process may do without.
 */
static void bind_unwinder(const struct image *image, struct binding *binding)
{
    binding->weak = !image_needs(image, UNWINDER) && !image_needs(image, CXX_LIBRARY);
    binding->kind = SC_SYM_IMPORT;
    binding->version = "GCC_3.0";
    binding->library = UNWINDER;
}

bool registrar_bind(const struct differ *differ, struct binding *binding)
{
    const struct image *image = differ->reference;
    const struct image_symbol *own = own_function(image);
    const struct image_symbol *dynamic = image_dynamic(image, REGISTER_FUNCTION);
    const struct image_plt *plt = dynamic ? image_plt_of(image, dynamic) : NULL;

    memset(binding, 0, sizeof(*binding));
    binding->name = REGISTER_FUNCTION;
    binding->kind = SC_SYM_FUNC;
    if (own)
        binding->address = own->address;
    else if (plt)
        binding->address = plt->address;
    else if (image->dynamically_linked)
        bind_unwinder(image, binding);
    else
        return false;
    return true;
}

void registrar_check(struct differ *differ)
{
    size_t size, field;

    if (!registrar_needed(differ))
        return;
    if (!differ->job.arch->frames_registrar(&size, &field))
        differ_refuse(differ, REFUSE_EXCEPTIONS, NULL, NULL,
                      "this build of syscare-diff cannot make frames of %s known to the unwinder",
                      differ->job.arch->name);
}

/* A pointer in the block, filled in when the patch is mapped. */
static void set_pointer(struct registrar *registrar, struct emitter *emitter,
                        const struct arch *arch, enum arch_frames_block word, uint32_t symbol)
{
    elf_writer_relocate(emitter_writer(emitter), registrar->block, 8 * (uint64_t)word,
                        arch->abs_type, symbol, 0);
}

void registrar_emit(struct registrar *registrar, struct emitter *emitter, const struct arch *arch,
                    struct out_section *code, uint32_t function)
{
    struct elf_writer *writer = emitter_writer(emitter);
    static const uint64_t zero[FRAMES_WORDS];
    size_t size, field;
    const uint8_t *bytes = arch->frames_registrar(&size, &field);
    uint64_t at = elf_writer_append(writer, code, bytes, size, 16);

    registrar->block =
        elf_writer_section(writer, ".data.syscare.frames", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 8);
    elf_writer_append(writer, registrar->block, zero, sizeof(zero), 8);
    registrar->block_symbol =
        elf_writer_symbol(writer, "syscare.frames", registrar->block, 0, sizeof(zero), STT_OBJECT);
    registrar->code_symbol =
        elf_writer_symbol(writer, "syscare.register_frames", code, at, size, STT_FUNC);
    elf_writer_relocate(writer, code, at + field, arch->pcrel_type, registrar->block_symbol, -4);
    set_pointer(registrar, emitter, arch, FRAMES_FUNCTION, function);
}

void registrar_finish(struct registrar *registrar, struct emitter *emitter, const struct arch *arch,
                      uint32_t eh_frame)
{
    set_pointer(registrar, emitter, arch, FRAMES_BEGIN, eh_frame);
}

size_t registrar_jump(const struct registrar *registrar, struct emitter *emitter,
                      const struct arch *arch, struct out_section *code, uint32_t symbol,
                      uint64_t value)
{
    struct elf_writer *writer = emitter_writer(emitter);
    struct guarded_jump fields;
    uint8_t bytes[32];
    size_t size = arch->write_guarded_jump(bytes, &fields);
    uint64_t at = elf_writer_append(writer, code, bytes, size, 1);

    elf_writer_relocate(writer, code, at + fields.block, arch->pcrel_type, registrar->block_symbol,
                        -(int64_t)fields.block_tail);
    elf_writer_relocate(writer, code, at + fields.call, arch->call_type, registrar->code_symbol,
                        -4);
    for (size_t i = 0; i < 2; i++)
        elf_writer_relocate(writer, code, at + fields.jumps[i], arch->call_type, symbol,
                            (int64_t)value - 4);
    return size;
}

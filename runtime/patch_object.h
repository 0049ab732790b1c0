/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A patch object (doc/formats.md, lib/patch_format.h) read from a file descriptor and checked.
 *
 * Nothing in the file is trusted: every offset, size, address, name and relocation is checked here,
 * once, so that the rest of the runtime may use the tables without looking at bounds again. Written
 * with <elf.h> alone, because the injector is linked statically and libelf is not shipped so.
 */
#ifndef SYSCARE_PATCH_OBJECT_H
#define SYSCARE_PATCH_OBJECT_H

#include "lib/error.h"
#include "lib/patch_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATCH_SEGMENTS_MAX 16
#define PATCH_FUNCS_MAX 4096
#define PATCH_HOOKS_MAX 64
#define PATCH_ARMS_MAX 16
#define PATCH_FILE_MAX (64u << 20)
#define PATCH_SPAN_MAX (128u << 20)

/* A PT_LOAD. Never writable and executable; filesz < memsz only where writable. */
struct patch_segment {
    uint64_t vaddr, memsz, offset, filesz;
    int prot; /* PROT_* */
};

/* A relocation, dynamic or from .syscare.rela, brought to one form. */
struct patch_reloc {
    uint64_t place;   /* link-time address in the patch; lies in one segment with all its bytes */
    uint64_t value;   /* link-time S + A; for imports and words A alone */
    uint32_t sym;     /* imports and words: index in syms */
    uint8_t size;     /* 4 or 8 bytes */
    bool pc_relative; /* minus the run-time address of the place */
    bool low;         /* an absolute address in 4 bytes */
    uint8_t base;     /* enum patch_base: what is added to value */
};

enum patch_base {
    PATCH_BASE_SELF,   /* the load bias of the patch */
    PATCH_BASE_TARGET, /* that of the target */
    PATCH_BASE_SYMBOL, /* what the import or word is in the process */
};

struct patch_object {
    uint8_t *file; /* the whole file */
    size_t size;
    struct sc_patch_note note;
    struct patch_segment segments[PATCH_SEGMENTS_MAX];
    size_t segment_count;
    uint64_t align;              /* the load bias is a multiple of it: at least a page */
    uint64_t low, high;          /* page-aligned range of all segments */
    struct sc_patch_func *funcs; /* by old_vaddr ascending; only calls lie within functions */
    size_t func_count;
    struct sc_patch_sym *syms;
    size_t sym_count;
    struct sc_patch_arm *arms; /* where processes are met; NULL and 0 without entry jumps */
    size_t arm_count;
    struct sc_patch_hook *hooks; /* the first is SC_HOOK_STAGE; NULL and 0 for none */
    size_t hook_count;
    const char *strings; /* .syscare.strtab, ends with a NUL */
    size_t strings_size;
    struct patch_reloc *relocs;
    size_t reloc_count;
    bool low_only; /* it must be mapped below arch_low_end() */
    bool imports;  /* some relocation has PATCH_BASE_SYMBOL */
};

/*
 * Reads and checks the patch object open in fd (any offset; stays open, not kept). Returns NULL
 * with err set: SC_REFUSED for a file that is damaged or not for this machine, SC_FAILED when it
 * cannot be read. Close with patch_object_close.
 */
struct patch_object *patch_object_open(int fd, struct sc_error **err);

/* NULL is allowed. */
void patch_object_close(struct patch_object *patch);

/* For __attribute__((cleanup)). */
void patch_object_cleanup(struct patch_object **patch);
#define cleanup_patch __attribute__((cleanup(patch_object_cleanup)))

/* A string of .syscare.strtab by an offset in a record; "" for 0. Owned by the patch. */
const char *patch_string(const struct patch_object *patch, uint32_t offset);

/* The name of a function of the patch; owned by the patch. */
const char *patch_func_name(const struct patch_object *patch, const struct sc_patch_func *func);

/* True for a row that is a call of an old function, not a function. */
static inline bool patch_func_is_call(const struct sc_patch_func *func)
{
    return func->strategy == SC_STRATEGY_CALL;
}

/*
 * Makes what is written over the code at address from, so that it leads to `to`; false when that is
 * out of reach. And where such bytes lead; false when they are something else.
 */
bool patch_func_encode(const struct sc_patch_func *func, uint64_t from, uint64_t to,
                       uint8_t *bytes);
bool patch_func_decode(const struct sc_patch_func *func, uint64_t from, const uint8_t *bytes,
                       uint64_t *to);

/*
 * Finds the patch note among the notes in notes[0..size) (one PT_NOTE, alignment 4 or 8).
 * Also used on what is read from the memory of a process. False when it is not there.
 */
bool patch_note_find(const uint8_t *notes, size_t size, size_t align, struct sc_patch_note *note);

/*
 * Finds a note by owner and type: its descriptor in *desc and *desc_size. Never looks outside
 * notes[0..size). gABI, "Note Section".
 */
bool elf_note_find(const uint8_t *notes, size_t size, size_t align, const char *owner,
                   uint32_t type, const uint8_t **desc, size_t *desc_size);

#endif

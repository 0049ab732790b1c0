/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the differ knows of an object file: sections, symbols and relocations, each with its twin in
 * the other version, a status and whether it goes into the patch.
 *
 * After read_object() every relocation that matters has a target: a symbol and a distance from its
 * start, whatever way the assembler wrote it. Pieces of data without a symbol of their own
 * (strings, constants, jump tables) get one; those are compared by content.
 */
#ifndef SYSCARE_DIFFER_MODEL_H
#define SYSCARE_DIFFER_MODEL_H

#include "differ/arch/arch.h"
#include "differ/pool.h"
#include "lib/elf_file.h"

enum section_kind {
    SECTION_IGNORED, /* not loaded, or a note: says nothing about behaviour */
    SECTION_TEXT,
    SECTION_DATA,        /* writable, with or without contents */
    SECTION_RODATA,      /* constant after relocation, .data.rel.ro included */
    SECTION_STRINGS,     /* SHF_MERGE | SHF_STRINGS */
    SECTION_CONSTANTS,   /* SHF_MERGE: .rodata.cst16 */
    SECTION_TLS,         /* initial image of thread-local data */
    SECTION_EH_FRAME,    /* call frame information */
    SECTION_LSDA,        /* .gcc_except_table */
    SECTION_CONSTRUCTOR, /* .init_array, .ctors and their kin */
    SECTION_SET,         /* its name is a C identifier: ld gathers the members (__start_NAME) */
    SECTION_HOOK,        /* .syscare.hook.*: pointers to hooks of the patch's author */
};

enum status {
    STATUS_NEW,     /* no twin: only in the patched (new) or the original (dropped) object */
    STATUS_SAME,    /* twin with the same contents */
    STATUS_CHANGED, /* twin with other contents */
};

struct object;
struct symbol;
struct section_index;

/* Something that is copied into the patch: a whole section (code), or the bytes of one symbol. */
struct unit {
    struct section *section;     /* NULL: a common symbol */
    struct symbol *symbol;       /* NULL: all of the section */
    uint64_t start, size;        /* in the section */
    struct out_section *out;     /* in the object that is emitted */
    uint32_t out_symbol;         /* its symbol there, at start */
    const struct relocation *by; /* what needs it; NULL: a function that is changed */
};

struct section {
    struct object *object;
    size_t index;
    const char *name;
    enum section_kind kind;
    uint64_t flags, size, align, entsize;
    uint32_t type;
    const uint8_t *data;            /* NULL for SHT_NOBITS */
    struct relocation *relocations; /* by offset */
    size_t relocation_count;
    struct list leaps;            /* struct leap, by offset */
    struct list symbols;          /* those defined in it, by value; anonymous pieces included */
    struct list starts;           /* while reading: referred offsets without a symbol */
    struct list pieces;           /* the anonymous symbols, in the order in which they were made */
    struct section_index *search; /* read_index.c; NULL until something is looked for */
    bool grouped;                 /* member of a COMDAT group */
    bool waived;       /* the author takes its change upon them: SYSCARE_IGNORE_SECTION */
    bool dropped;      /* of a group whose copy in another object the linker took */
    struct unit *unit; /* the whole of it goes into the patch; NULL when not */
};

/*
 * A call or jump to another function of the section, which the assembler has resolved: a thunk of a
 * class that is defined in a header lies behind the method that it is for.
 */
struct leap {
    uint64_t offset, target; /* in the section */
    uint8_t size;
    enum insn_kind kind;
    uint16_t id; /* of the instruction, as kind */
};

struct relocation {
    struct section *section; /* the one that it changes */
    uint64_t offset;
    uint32_t type;
    enum reloc_class class;
    struct symbol *symbol; /* as written in the file */
    int64_t addend;
    uint8_t tail;          /* code: bytes from the field to the end of its instruction, 0 unknown */
    bool branch;           /* code: operand of a direct call or jump */
    bool known_size;       /* code: reads or writes a known number of bytes there */
    uint8_t exact_size;    /* code: beyond doubt the bytes that it reads there; 0: unknown */
    bool stores;           /* code: writes there */
    bool lea;              /* code: puts the address into a register */
    bool unnamed;          /* while reading: to a piece that has no symbol yet */
    struct symbol *target; /* what is meant; NULL when it could not be found out */
    int64_t delta;         /* distance of the place meant from the start of target */
};

struct symbol {
    struct object *object;
    struct section *section; /* NULL: undefined, absolute or common */
    const char *name;
    const char *key; /* name without the numbers that the compiler counts up */
    uint64_t value, size;
    uint8_t type, bind, visibility;
    uint32_t partition;    /* LTO: which of the objects that were joined it comes from */
    bool common;           /* SHN_COMMON: tentative definition, allocated by ld */
    bool absolute;         /* SHN_ABS */
    bool numbered;         /* name differs from key */
    bool counted;          /* C++: a lambda, or something inside a function (names_cxx.c) */
    bool anonymous;        /* made by the differ for a piece without a symbol */
    bool stored;           /* code writes to this anonymous piece */
    bool by_content;       /* compiler-made: equal when the bytes are */
    bool ignored;          /* SYSCARE_IGNORE_FUNCTION: counts as the same though it is not */
    bool forced;           /* SYSCARE_FORCE_FUNCTION: counts as changed though it is not */
    struct symbol *parent; /* of NAME.cold */
    struct list children;  /* its .cold parts */
    struct symbol *lsda;   /* of a function: its table of landing pads and types, or NULL */
    struct symbol *twin;
    enum status status;
    const char *reason; /* why it is changed */
    const char *owner;  /* static_owner.c: its function or file; NULL where not known */
    struct list whys;   /* struct why: explain.c */
    const char *place;  /* of its definition: "a.c:12", or NULL */
    bool used;          /* code or data of the object refers to it */
    bool listed;        /* scratch mark of a phase */
    struct unit *unit;  /* this piece goes into the patch; NULL when not, or with its section */
};

struct object {
    struct job_object *job;
    struct elf_file *elf;
    struct pool *pool;
    struct section *sections;
    size_t section_count;
    struct symbol *symbols;
    size_t symbol_count;
    struct list all;         /* every named or anonymous symbol that is defined */
    struct list functions;   /* of these, functions that are not the .cold part of another */
    struct name_index names; /* defined symbols by name */
    struct name_index keys;  /* those in `all` by key: pair.c */
};

static inline bool symbol_is_function(const struct symbol *symbol)
{
    return symbol->section && symbol->section->kind == SECTION_TEXT;
}

static inline bool symbol_is_defined(const struct symbol *symbol)
{
    return symbol->section || symbol->common;
}

/* They are the same thing in both versions. */
static inline void symbol_make_twins(struct symbol *original, struct symbol *patched)
{
    original->twin = patched;
    patched->twin = original;
}

/* The function that a .cold part belongs to, or the symbol itself. */
static inline struct symbol *symbol_family(struct symbol *symbol)
{
    return symbol->parent ? symbol->parent : symbol;
}

/* What of the symbol's object goes into the patch and holds it; NULL for nothing. */
static inline struct unit *symbol_unit(const struct symbol *symbol)
{
    if (symbol->unit)
        return symbol->unit;
    return symbol->section ? symbol->section->unit : NULL;
}

/* A name for messages: that of the symbol, or of its section when it has none. */
static inline const char *symbol_label(const struct symbol *symbol)
{
    return symbol->name[0] || !symbol->section ? symbol->name : symbol->section->name;
}

#endif

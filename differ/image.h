/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A linked ELF file (ET_EXEC or ET_DYN) with its map: what lies at an address, and where imports
 * are reached. Used for the reference, the patched link and the patch object itself.
 */
#ifndef SYSCARE_DIFFER_IMAGE_H
#define SYSCARE_DIFFER_IMAGE_H

#include "differ/arch/arch.h"
#include "differ/link_map.h"
#include "differ/pool.h"
#include "lib/elf_file.h"

/* A defined symbol of .symtab, or any symbol of .dynsym. */
struct image_symbol {
    const char *name; /* without @VERSION */
    uint64_t address, size;
    uint8_t type, bind, visibility;
    bool defined;
    bool undefined;      /* SHN_UNDEF; an absolute symbol is neither */
    bool global;         /* it was global in its object, even if ld made it local */
    const char *input;   /* the object that it lies in by the map, or NULL */
    const char *version; /* of .dynsym: symbol version, NULL for none; of .symtab: after the @ */
    const char *library; /* of .dynsym: soname of the library that has the version, or NULL */
    bool old_version;    /* of .symtab: written NAME@VERSION, not what a plain NAME means */
};

/* A place that the dynamic linker fills in. */
struct image_slot {
    uint64_t address;
    uint32_t type;    /* relocation type */
    const char *name; /* symbol, "" for none */
    struct image_symbol *symbol;
    int64_t addend;
};

struct image_plt {
    uint64_t address;
    struct image_slot *slot;
};

struct image {
    struct pool *pool;
    const struct arch *arch;
    struct elf_file *elf;
    struct link_map *map;         /* NULL without one */
    struct image_symbol *symbols; /* of .symtab that are defined and have an address, sorted */
    size_t symbol_count;
    struct name_index names;      /* the same */
    struct name_index undefined;  /* of .symtab: names that are not; no items */
    struct image_symbol *dynamic; /* .dynsym in its order */
    size_t dynamic_count;
    struct name_index dynamic_names;
    struct image_slot *slots; /* by address */
    size_t slot_count;
    struct image_plt *plt; /* by address */
    size_t plt_count;
    uint64_t tls_start;            /* p_vaddr of PT_TLS */
    uint64_t tls_size;             /* its size, rounded up to its alignment; 0 without */
    struct address_range absolute; /* ET_EXEC: its addresses; else empty */
    bool is_library;               /* its own default-visibility symbols may be preempted */
    bool symbolic;                 /* DF_SYMBOLIC: they may not */
    bool bind_now;                 /* all slots are filled in before the program runs */
    bool dynamically_linked;       /* it has a dynamic linker, or is loaded by one */
    struct list needed;            /* DT_NEEDED: const char * */
};

/* Opens path and reads everything; map may be NULL. NULL with err set. Close with image_close. */
struct image *image_open(struct pool *pool, const struct arch *arch, struct decoder *decoder,
                         const char *path, const char *map, struct sc_error **err);
void image_close(struct image *image);

/* The allocated section that the address lies in, or NULL. */
const struct elf_section *image_section(const struct image *image, uint64_t address);

/* The bytes from address to the end of its section and how many; NULL outside, and for .bss. */
const uint8_t *image_bytes(const struct image *image, uint64_t address, size_t *size);

/* Index of the first symbol behind address. */
size_t image_symbol_from(const struct image *image, uint64_t address);

/* The symbol with a size that the address lies in, else NULL. */
struct image_symbol *image_symbol_at(const struct image *image, uint64_t address);

/* The place of that address that the dynamic linker fills in, or NULL. */
struct image_slot *image_slot(const struct image *image, uint64_t address);

/* Index of the first slot at or after address. */
size_t image_slot_from(const struct image *image, uint64_t address);

/* The PLT entry at address, or NULL. */
struct image_plt *image_plt(const struct image *image, uint64_t address);

/* The PLT entry, or the GOT slot (not one that data holds), for a symbol of .dynsym, or NULL. */
struct image_plt *image_plt_of(const struct image *image, const struct image_symbol *dynamic);
struct image_slot *image_got_of(const struct image *image, const struct image_symbol *dynamic);

/*
 * Whether a name from an object means this symbol of .symtab, of the same plain name: foo@V1 and
 * foo@@V2 are two things, and a plain foo means the second, the default. Objects have such names
 * by .symver.
 */
bool image_symbol_has_version(const struct image_symbol *symbol, const char *name);

/* True if the file has that DT_NEEDED. */
bool image_needs(const struct image *image, const char *soname);

/* The .dynsym entry of that name, or NULL. */
struct image_symbol *image_dynamic(const struct image *image, const char *name);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One run of the differ: the job, the models of its objects and what was found. The phases are
 * functions on it, in the order of differ_run(): read, sanity, pair, compare, close over, check,
 * emit, link; the oracle stands apart.
 */
#ifndef SYSCARE_DIFFER_DIFFER_H
#define SYSCARE_DIFFER_DIFFER_H

#include "differ/edits.h"
#include "differ/elf_writer.h"
#include "differ/image.h"
#include "differ/model.h"
#include "differ/refusal.h"
#include "lib/patch_format.h"

/*
 * A pair of objects of the job; either path may be NULL, not both. The one object of a link with
 * link-time optimisation stands for all inputs that the linker plugin made, one for each partition
 * of the link, joined.
 */
struct job_object {
    const char *name, *source;
    bool lto;
    const char **inputs; /* names in the maps, NULL-terminated */
    const char *reference_path, *patched_path;
    const char *unkept_path; /* patched, with line numbers that moved; NULL: not made */
    struct object *reference, *patched;
    struct source_info *old_info, *new_info; /* explain.c; NULL: not known */
    bool explained;                          /* they were read */
};

/* The units behind an LTO object, compiled without LTO: their types are compared. */
struct job_types {
    const char *name;
    const char *reference_path, *patched_path;
};

struct job {
    const char *target_elf;
    const char *uuid_text;
    uint8_t uuid[16];
    uint8_t build_id[32];
    size_t build_id_size;
    uint8_t target_digest[32];
    const char *reference_elf, *reference_map;
    const char *patched_elf, *patched_map;
    const char *ld, *output, *report;
    const struct arch *arch;
    struct job_object *objects;
    size_t object_count;
    struct job_types *types;
    size_t types_count;
    struct edits edits;
    bool no_entry_jumps; /* every jump must stand behind a first instruction */
};

/* A function of the target that the patch replaces. */
struct entry {
    struct symbol *symbol;      /* in the patched object */
    struct image_symbol *old;   /* in the reference */
    struct first_insn first;    /* size 0: the jump stands at the entry */
    const char *not_behind;     /* then: why it cannot stand behind the first instruction */
    uint64_t trampoline_offset; /* in the section of trampolines, when first.undo_size */
    uint32_t flags;             /* enum sc_func_flags */
    uint64_t old_offset;
    const uint8_t *old_bytes; /* old_size of them */
    uint64_t old_size;        /* of old, and where the jump needs it of the padding behind */
    bool writes_more;         /* registers than before: ipa_ra.c */
    bool disagrees;           /* with what it comes to through others: ipa_ra.c */
    bool needs_way;           /* old calls lead to it: old_calls.c */
    struct copied_code way;   /* then: how its old code is entered, around the jump */
    uint64_t way_offset;      /* of that in the section of trampolines */
};

/* A call of one old function by another that stays so, although both are replaced. */
struct old_call {
    const struct entry *from;
    struct entry *to;
    uint64_t address, offset; /* of the instruction: in the target, and in its file */
    const uint8_t *bytes;     /* of it: as many as those of a jump */
};

/* A type that SYSCARE_LAYOUT_IS_SAFE names. */
struct safe_type {
    const char *key; /* as in struct type_layout */
    bool used;       /* its layout changes indeed */
};

/* A function that the runtime calls: include/syscare-patch.h. */
struct hook {
    enum sc_hook_kind kind;
    struct symbol *symbol;
};

struct differ {
    struct pool pool;
    struct job job;
    struct decoder *decoder;
    struct image *reference; /* as linked */
    struct image *patched;
    struct list refusals;   /* struct refusal */
    struct list entries;    /* struct entry */
    struct list old_calls;  /* struct old_call */
    struct list units;      /* struct unit: what is copied into the patch */
    struct list hooks;      /* struct hook, in the order of their kinds */
    struct list warnings;   /* struct warning: warn.c */
    struct list safe_types; /* struct safe_type */
    size_t functions_compared;
    struct list line_kept; /* struct symbol: functions that only kept line numbers spared */
    bool line_kept_known;
    struct list arms;         /* struct sc_patch_arm: arming.c */
    struct early *early;      /* functions that may be called before: arming_early.c */
    uint64_t *branch_targets; /* every direct branch target of the reference's code, sorted */
    size_t branch_target_count;
    struct view *reference_view, *patched_view; /* of the oracle */
};

/* job.c: reads and checks job.json (doc/formats.md, "Differ job"). 0, or -1 with err set. */
int job_read(struct differ *differ, const char *path, struct sc_error **err);

/* True if the map's input is (one of those that became) the object. */
bool job_object_is_input(const struct job_object *object, const char *input);

/* phases.c: everything after job_read. 0 also when something was refused. */
int differ_run(struct differ *differ, struct sc_error **err);

/* Frees everything that the differ holds, also after a failed differ_run; not the struct itself. */
void differ_free(struct differ *differ);

/* The phases; each 0, or -1 with err set. What must be refused goes to differ->refusals. */
int phase_read(struct differ *differ, struct sc_error **err);
void phase_sanity(struct differ *differ);
void phase_pair(struct differ *differ);
void phase_compare(struct differ *differ);
/* marks.c: what the author says in the source, before the closure. */
void phase_marks(struct differ *differ);
void phase_close(struct differ *differ);
/* Takes what a relocation means into the patch, if the target does not have it. */
void close_include(struct differ *differ, const struct relocation *relocation);
void phase_check(struct differ *differ);
/* layout.c: types whose layout changed. */
int phase_layout(struct differ *differ, struct sc_error **err);
int phase_emit(struct differ *differ, const char *path, struct sc_error **err);
/* emit_hooks.c: table, states and calls of the hooks; trampolines is where code goes. */
void hooks_emit(struct differ *differ, struct elf_writer *writer, struct out_section *trampolines,
                struct out_section *strtab);
int phase_link(struct differ *differ, const char *object, struct sc_error **err);

/* report.c: writes report.json. */
int report_write(struct differ *differ, enum sc_status status, struct sc_error **err);

/* line_kept.c: sets line_kept, where the job has what that needs. */
int phase_line_kept(struct differ *differ, struct sc_error **err);

/* Finds out why each function is in the patch, and where in the source what is refused stands. */
void phase_explain(struct differ *differ);

/*
 * Records a refusal; function and object may be NULL. Whoever knows it sets `about` or `at` in what
 * is returned (never NULL): phase_explain looks up the place in the source.
 */
struct refusal *differ_refuse(struct differ *differ, enum refusal_code code,
                              const struct object *object, const char *function, const char *fmt,
                              ...) __attribute__((format(printf, 5, 6)));

/* What does not stand in the way of the patch, but its author should know. */
struct warning {
    const char *kind;     /* doc/formats.md, "report.json" */
    const char *function; /* may be NULL */
    const char *object;
    const char *message;
};

/* warn.c: finds what is to be warned of, when everything is known. */
void phase_warn(struct differ *differ);

/* warn_ownership.c: objects that the old code made may be given back otherwise by the new. */
void warn_ownership(struct differ *differ);

/* warn_initialised.c: statics that are initialised on first use keep the value that they got. */
void warn_initialised(struct differ *differ);

void differ_warn(struct differ *differ, const char *kind, const struct object *object,
                 const char *function, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* True if any function is changed, or anything is new in a way that matters to the patch. */
bool differ_has_changes(const struct differ *differ);

#endif

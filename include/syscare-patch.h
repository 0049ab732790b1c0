/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the author of a source patch: code that runs when the patch is applied and reverted, data
 * attached to objects that the program has already, and marks that tell SysCare what to do with a
 * change that it would refuse or leave out.
 *
 * `syscare build` puts this file where #include <syscare-patch.h> finds it, in the patched build
 * only. syscare-patch.h(3) has the rules and examples. C11 and C++11, GCC or a compatible compiler.
 */
#ifndef SYSCARE_PATCH_H
#define SYSCARE_PATCH_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- details ---------------------------------------------------------------------------------- */

#define SYSCARE_PASTE2(a, b) a##b
#define SYSCARE_PASTE(a, b) SYSCARE_PASTE2(a, b)

/* Kept although nothing refers to it, also by a link with --gc-sections. */
#if defined(__has_attribute)
#if __has_attribute(retain)
#define SYSCARE_KEPT(name) __attribute__((section(name), used, retain))
#endif
#endif
#ifndef SYSCARE_KEPT
#define SYSCARE_KEPT(name) __attribute__((section(name), used))
#endif

/* The line keeps names apart: two marks cannot stand on one line. */
#define SYSCARE_MARK(text)                                                                         \
    static const char SYSCARE_PASTE(syscare_mark_, __LINE__)[] SYSCARE_KEPT(".syscare.ctl") = text

#define SYSCARE_HOOK(kind, result, fn)                                                             \
    static result (*const SYSCARE_PASTE(syscare_hook_##kind##_, fn))(void)                         \
        SYSCARE_KEPT(".syscare.hook." #kind) = fn

/* --- hooks ------------------------------------------------------------------------------------ */

/*
 * Functions that each process runs once when the patch comes into force in it, and once when it
 * goes: int fn(void) before the new code is switched on, void fn(void) for the others. They run on
 * one thread of the process, at any point of what it was doing, with its signals blocked and 16 kB
 * of stack: they may only use async-signal-safe functions (signal-safety(7)) and the patch's own
 * data, take no locks, and must return within a second.
 *
 * Where a PRE_APPLY hook returns something else than 0, the process stays unpatched, and
 * `syscare status -v` says so.
 */
#define SYSCARE_PRE_APPLY(fn) SYSCARE_HOOK(pre_apply, int, fn)
#define SYSCARE_POST_APPLY(fn) SYSCARE_HOOK(post_apply, void, fn)
#define SYSCARE_PRE_REVERT(fn) SYSCARE_HOOK(pre_revert, void, fn)
#define SYSCARE_POST_REVERT(fn) SYSCARE_HOOK(post_revert, void, fn)

/* --- marks ------------------------------------------------------------------------------------ */

/* Leave this function of this source file as it was shipped, although the patch changes it. */
#define SYSCARE_IGNORE_FUNCTION(fn) SYSCARE_MARK("ignore-function\t" #fn)

/* Put this function of this source file into the patch although it does not change. */
#define SYSCARE_FORCE_FUNCTION(fn) SYSCARE_MARK("force-function\t" #fn)

/*
 * Accept that running processes do not get the change of this section (as the compiler names it
 * with -fdata-sections: ".data.limit" for a variable, ".init_array", a linker set). "reason" is for
 * the reader.
 */
#define SYSCARE_IGNORE_SECTION(name, reason) SYSCARE_MARK("ignore-section\t" name "\t" reason)

/*
 * The layout of a type changes, and the patch sees to it that no object of the old layout is used
 * as one of the new. type as the refusal names it: "struct session", "typedef list_t".
 */
#define SYSCARE_LAYOUT_IS_SAFE(type, reason) SYSCARE_MARK("layout-is-safe\t" type "\t" reason)

/* --- shadow variables ------------------------------------------------------------------------- */

/*
 * Data attached to an object of the program by its address and a number of the author's choice:
 * in place of a new member, which live objects do not have. The storage is in the patch: exactly
 * one source file of each program or library says
 *     #define SYSCARE_PATCH_RUNTIME
 * before it includes this file. All four may be called by any thread, not by signal handlers.
 * The data is gone when the patch is reverted, also if it is applied again: objects that lived and
 * died meanwhile would leave theirs to strangers.
 */

/* Fills in new, zeroed data before anybody else can see it. Called without the lock. */
typedef void (*syscare_shadow_ctor)(const void *obj, void *data);

/* The data, or NULL when there is none: always so for objects older than the patch. */
__attribute__((visibility("hidden"))) void *syscare_shadow_get(const void *obj, unsigned long id);

/* New data of size bytes; NULL when there is some already, or memory ran out. ctor may be NULL. */
__attribute__((visibility("hidden"))) void *
syscare_shadow_alloc(const void *obj, unsigned long id, size_t size, syscare_shadow_ctor ctor);

/* What there is, else new data as syscare_shadow_alloc. NULL only when memory ran out. */
__attribute__((visibility("hidden"))) void *
syscare_shadow_attach(const void *obj, unsigned long id, size_t size, syscare_shadow_ctor ctor);

/* Ends it: to be called where the object is freed. 1, or 0 when there was none. */
__attribute__((visibility("hidden"))) int syscare_shadow_detach(const void *obj, unsigned long id);

#ifdef SYSCARE_PATCH_RUNTIME
#include <syscare-patch-runtime.h>
#endif

#ifdef __cplusplus
}
#endif

#endif

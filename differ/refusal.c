// SPDX-License-Identifier: GPL-2.0-or-later
// The table of refusal codes with their advice.
#include "differ/refusal.h"

#include "differ/differ.h"

#include "lib/cleanup.h"

#include <stdarg.h>
#include <string.h>

static const struct {
    const char *name;
    const char *advice;
} codes[REFUSE_CODE_COUNT] = {
    [REFUSE_UNSUPPORTED_RELOCATION] =
        {"unsupported-relocation",
         "write the fix so that the function needs no reference of this kind"},
    [REFUSE_UNDECODABLE_CODE] = {"undecodable-code",
                                 "keep hand-written machine code out of the functions that change"},
    [REFUSE_AMBIGUOUS_REFERENCE] =
        {"ambiguous-reference",
         "avoid pointers before the start or behind the end of an object in this function"},
    [REFUSE_AMBIGUOUS_SYMBOL] =
        {"ambiguous-symbol",
         "several things of this name lie in the same object file: give the fixed one a new name"},
    [REFUSE_SYMBOL_NOT_FOUND] =
        {"symbol-not-found",
         "the reference is not what this object was linked into, or it was stripped of symbols"},
    [REFUSE_AMBIGUOUS_STATIC] =
        {"ambiguous-static",
         "keep each static variable in its function, or give it a name of its own at file scope"},
    [REFUSE_CHANGED_INITIALISER] = {"changed-initialiser",
                                    "running processes keep the value they have: set it in a hook "
                                    "or on first use, and say so by "
                                    "SYSCARE_IGNORE_SECTION"},
    [REFUSE_CHANGED_OBJECT_SIZE] =
        {"changed-object-size",
         "running processes have the object in its old size: put new members into a new object"},
    [REFUSE_CHANGED_OBJECT_KIND] =
        {"changed-object-kind",
         "an object cannot become constant, writable or thread-local in a running process"},
    [REFUSE_CONST_SHARED] =
        {"const-object-shared",
         "other code goes on using the old table: give the fixed function a table of its own"},
    [REFUSE_NEW_IMPORT] = {"new-import",
                           "nothing that running processes have loaded defines it: do without it"},
    [REFUSE_NEW_LIBRARY] =
        {"new-library",
         "running processes have not loaded this library: do without it, or open it by dlopen(3)"},
    [REFUSE_IMPORT_ADDRESS] =
        {"import-address",
         "code that is not position-independent cannot reach it from a patch: compile the file "
         "with -fPIC, or get the address by dlsym(3)"},
    [REFUSE_PREEMPTIBLE_SYMBOL] =
        {"preemptible-symbol",
         "another library could define it too and this code does not leave that open: use a static "
         "one"},
    [REFUSE_IFUNC] = {"ifunc", "patch the implementations, not the resolver; call it only where "
                               "the file calls it already"},
    [REFUSE_TLS] =
        {"thread-local-data",
         "threads that run have no room for new variables: keep the value in a shadow variable "
         "(syscare-patch.h), by thread if need be"},
    [REFUSE_CONSTRUCTOR] = {"constructor", "constructors have long run in a live process: use a "
                                           "hook (SYSCARE_PRE_APPLY), or initialise "
                                           "on first use"},
    [REFUSE_LINKER_SET] = {"linker-set",
                           "the program looks only at the members that were linked in: add none"},
    [REFUSE_COMDAT] = {"comdat-section",
                       "keep new state of inline functions and templates in an object of its own"},
    [REFUSE_EXCEPTIONS] = {"exception-handling",
                           "build the patch with a syscare-diff for this machine"},
    [REFUSE_LANGUAGE] = {"unsupported-language", "only C and C++ sources can be patched"},
    [REFUSE_ASSEMBLER] = {"assembler-source", "only C and C++ sources can be patched"},
    [REFUSE_MOVED_FUNCTION] = {"moved-function", "leave it in the source file where it was"},
    [REFUSE_BINDING] = {"binding-changed",
                        "unchanged files and libraries go on using the old definition: give the "
                        "new one a name of its own, and call that"},
    [REFUSE_INSIDE_FUNCTION] = {"reference-inside-function",
                                "avoid jumps and label addresses into other functions"},
    [REFUSE_NO_SKIP_FIRST] = {"no-skip-first",
                              "make the change in a caller, or in a function that it calls"},
    [REFUSE_LINKER] = {"unsupported-linker", "link the package with GNU ld, gold or lld"},
    [REFUSE_TYPE_LAYOUT] =
        {"type-layout",
         "running processes hold objects in the old layout: keep new data in a shadow variable "
         "(syscare-patch.h), or declare SYSCARE_LAYOUT_IS_SAFE"},
    [REFUSE_NO_DEBUG_INFO] = {"no-debug-info", "build the package with -g"},
    [REFUSE_UNVERIFIED] =
        {"unverified",
         "two ways of finding out what changes do not agree, so neither is trusted: please report "
         "it with the capture; another optimisation level of the file may help"},
    [REFUSE_MARK] = {"bad-mark", "syscare-patch.h(3) tells what marks and hooks there are"},
};

const char *refusal_name(enum refusal_code code)
{
    return codes[code].name;
}

const char *refusal_advice(enum refusal_code code)
{
    return codes[code].advice;
}

/* The same thing is often met from several places; it is told once. */
static bool already_told(const struct differ *differ, const struct refusal *refusal)
{
    for (size_t i = 0; i < differ->refusals.count; i++) {
        const struct refusal *other = differ->refusals.items[i];

        if (other->code == refusal->code && strcmp(other->message, refusal->message) == 0)
            return true;
    }
    return false;
}

struct refusal *differ_refuse(struct differ *differ, enum refusal_code code,
                              const struct object *object, const char *function, const char *fmt,
                              ...)
{
    struct refusal *refusal = pool_alloc(&differ->pool, sizeof(*refusal));
    cleanup_free char *text = NULL;
    va_list args;

    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        abort();
    va_end(args);
    refusal->code = code;
    refusal->function = function;
    refusal->object = object ? object->job->name : NULL;
    refusal->in = object;
    refusal->message = pool_string(&differ->pool, text);
    if (!already_told(differ, refusal))
        list_add(&differ->pool, &differ->refusals, refusal);
    return refusal;
}

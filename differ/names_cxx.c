// SPDX-License-Identifier: GPL-2.0-or-later
// What the compiler counts up in C++ names, and names for people (libstdc++'s demangler).
//
// A lambda is known by its number among those of its scope, a static variable or class inside a
// function by its number among those of its name. Whatever is inserted before moves the numbers:
// _ZZ1fvENKUlvE_clEv of the original may be _ZZ1fvENKUlvE0_clEv of the patched version, and the
// patched one's first lambda something new. Nothing may be paired by such a number alone.
#include "differ/names.h"

#include "lib/cleanup.h"

#include <ctype.h>
#include <string.h>

/* Of libstdc++, which has no header of it for C (Itanium C++ ABI, section 3.4). */
char *__cxa_demangle(const char *mangled, char *buffer, size_t *length, int *status);

/* Whether the mangled name may hold a number: local names (Z), lambdas (Ul), unnamed types (Ut). */
static bool may_count(const char *name)
{
    return strncmp(name, "_Z", 2) == 0 &&
           (strchr(name + 2, 'Z') || strstr(name, "Ul") || strstr(name, "Ut"));
}

/*
 * The demangled text without the numbers of lambdas and unnamed types; discriminators of local
 * names are not in it anyway. "{parm#1}" and "{default arg#1}" tell positions and stay.
 */
static void strip_numbers(char *text)
{
    static const char unnamed[] = "unnamed type";
    char *out = text;

    for (const char *in = text; *in;) {
        size_t digits = in[0] == '#' ? strspn(in + 1, "0123456789") : 0;
        bool counted = digits && in > text && in[1 + digits] == '}' &&
                       (in[-1] == ')' ||
                        (in - text >= (long)sizeof(unnamed) - 1 &&
                         strncmp(in - (sizeof(unnamed) - 1), unnamed, sizeof(unnamed) - 1) == 0));

        if (counted)
            in += 1 + digits;
        else
            *out++ = *in++;
    }
    *out = '\0';
}

/* Which of the constructors (C1, C2) or destructors (D0, D1, D2): they read the same demangled. */
static char *append_kinds(struct pool *pool, const char *text, const char *name, size_t length)
{
    char *key = pool_format(pool, "%s|", text);

    for (size_t i = 2; i + 1 < length; i++)
        if ((name[i] == 'C' || name[i] == 'D') && name[i + 1] >= '0' && name[i + 1] <= '5')
            key = pool_format(pool, "%s%.2s", key, name + i);
    return key;
}

const char *name_cxx_key(struct pool *pool, const char *name)
{
    static const char initialiser[] = "_GLOBAL__sub_";
    size_t length = strcspn(name, ".@");
    cleanup_free char *text = NULL;

    /* _GLOBAL__sub_I_x: named after the first thing in the file, whatever that is */
    if (strncmp(name, initialiser, sizeof(initialiser) - 1) == 0 && name[sizeof(initialiser) - 1])
        return pool_format(pool, "%.*s", (int)sizeof(initialiser), name);
    if (!may_count(name))
        return name;
    text = __cxa_demangle(pool_format(pool, "%.*s", (int)length, name), NULL, NULL, NULL);
    if (!text)
        return name;
    strip_numbers(text);
    return pool_format(pool, "%s%s", append_kinds(pool, text, name, length), name + length);
}

bool name_is_cxx(const char *name)
{
    return strncmp(name, "_Z", 2) == 0 && isalnum((unsigned char)name[2]);
}

const char *name_for_people(struct pool *pool, const char *name)
{
    cleanup_free char *text = name_is_cxx(name) ? __cxa_demangle(name, NULL, NULL, NULL) : NULL;

    return text ? pool_string(pool, text) : name;
}

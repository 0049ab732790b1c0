// SPDX-License-Identifier: GPL-2.0-or-later
// What the names of symbols and sections tell.
#include "differ/names.h"

#include <ctype.h>
#include <string.h>

/* The length of ".<digits>" at text, 0 when there is none. */
static size_t number_length(const char *text)
{
    size_t digits = text[0] == '.' ? strspn(text + 1, "0123456789") : 0;

    if (!digits || (text[1 + digits] && text[1 + digits] != '.'))
        return 0;
    return digits + 1;
}

const char *name_key(struct pool *pool, const char *name)
{
    static const char lto[] = ".lto_priv";
    char *key, *out;

    name = name_cxx_key(pool, name);
    if (!strchr(name + (name[0] == '.'), '.'))
        return name;
    key = out = pool_string(pool, name);
    for (const char *in = name; *in;) {
        size_t skip = in == name ? 0 : number_length(in);

        if (in != name && strncmp(in, lto, sizeof(lto) - 1) == 0 &&
            number_length(in + sizeof(lto) - 1))
            skip = sizeof(lto) - 1 + number_length(in + sizeof(lto) - 1);
        if (skip)
            in += skip;
        else
            *out++ = *in++;
    }
    *out = '\0';
    return key;
}

const char *name_without_lto(struct pool *pool, const char *name)
{
    static const char lto[] = ".lto_priv.";
    const char *at = strstr(name, lto);
    size_t digits;

    if (!at || at == name)
        return name;
    digits = strspn(at + sizeof(lto) - 1, "0123456789");
    return pool_format(pool, "%.*s%s", (int)(at - name), name, at + sizeof(lto) - 1 + digits);
}

const char *name_cold_parent(struct pool *pool, const char *name)
{
    static const char cold[] = ".cold";
    const char *found = NULL;

    for (const char *at = strstr(name, cold); at; at = strstr(at + 1, cold)) {
        const char *rest = at + sizeof(cold) - 1;

        /* gcc writes f.cold, f.cold.3 and, for clones, f.isra.0.cold */
        if (at != name && (!*rest || (number_length(rest) == strlen(rest))))
            found = at;
    }
    if (!found)
        return NULL;
    return pool_format(pool, "%.*s", (int)(found - name), name);
}

bool name_is_compiler_made(const char *name)
{
    static const char *const prefixes[] = {"CSWTCH.",
                                           "__func__.",
                                           "__FUNCTION__.",
                                           "__PRETTY_FUNCTION__.",
                                           "__compound_literal.",
                                           ".LC",
                                           ".L",
                                           NULL};

    for (size_t i = 0; prefixes[i]; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    /* C.0.1234: an initialiser kept in memory */
    return name[0] == 'C' && name[1] == '.' && isdigit((unsigned char)name[2]);
}

static bool has_prefix(const char *name, const char *prefix)
{
    size_t length = strlen(prefix);

    return strncmp(name, prefix, length) == 0 && (!name[length] || name[length] == '.');
}

static bool is_c_identifier(const char *name)
{
    if (!isalpha((unsigned char)name[0]) && name[0] != '_')
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && *name != '_')
            return false;
    return true;
}

static bool is_ignored(const char *name, uint32_t type, uint64_t flags)
{
    return !(flags & SHF_ALLOC) || type == SHT_NOTE || has_prefix(name, ".syscare.ctl") ||
           has_prefix(name, ".sframe") || strcmp(name, "__patchable_function_entries") == 0 ||
           strcmp(name, ".stapsdt.base") == 0;
}

enum section_kind section_classify(const char *name, uint32_t type, uint64_t flags)
{
    if (is_ignored(name, type, flags))
        return SECTION_IGNORED;
    if (has_prefix(name, ".syscare.hook"))
        return SECTION_HOOK;
    if (has_prefix(name, ".eh_frame"))
        return SECTION_EH_FRAME;
    if (has_prefix(name, ".gcc_except_table"))
        return SECTION_LSDA;
    if (type == SHT_INIT_ARRAY || type == SHT_FINI_ARRAY || type == SHT_PREINIT_ARRAY ||
        has_prefix(name, ".ctors") || has_prefix(name, ".dtors") || has_prefix(name, ".init") ||
        has_prefix(name, ".fini"))
        return SECTION_CONSTRUCTOR;
    if (flags & SHF_TLS)
        return SECTION_TLS;
    if (flags & SHF_EXECINSTR)
        return SECTION_TEXT;
    if (is_c_identifier(name))
        return SECTION_SET;
    if (flags & SHF_WRITE)
        return has_prefix(name, ".data.rel.ro") ? SECTION_RODATA : SECTION_DATA;
    if ((flags & SHF_MERGE) && (flags & SHF_STRINGS))
        return SECTION_STRINGS;
    return flags & SHF_MERGE ? SECTION_CONSTANTS : SECTION_RODATA;
}

const char *name_without_version(struct pool *pool, const char *name)
{
    const char *at = strchr(name, '@');

    return at && at != name ? pool_format(pool, "%.*s", (int)(at - name), name) : name;
}

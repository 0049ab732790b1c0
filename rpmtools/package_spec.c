// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the spec from which rpmbuild makes the patch RPM and the patch source RPM.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "rpmtools/package.h"
#include "rpmtools/package_P.h"

#include <string.h>

/* rpm's build/parsePreamble.c allows "._+%{}-" in names. */
char *package_name(const struct patch_info *info)
{
    char *name = sc_format("%s-%s-%s-%s", info->target.name, info->target.version,
                           info->target.release, info->name);

    for (char *c = name; *c; c++)
        if (*c == '~' || *c == '^')
            *c = '_';
    return name;
}

/*
 * The number keeps the order, and two patches of one name apart: a cumulative patch may have
 * them.
 */
char *package_patch_file(const struct patch_info *info, size_t index)
{
    char *name = sc_format("%04zu-%s", index + 1, info->patches[index].name);

    for (char *c = name; *c; c++)
        if (!strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._+-", *c))
            *c = '_';
    return name;
}

/*
 * Text that rpm must take literally: a '%' is doubled; a line that begins with one would be a
 * section or a condition even so (rpm looks at the expanded line); a '\' at its end would join the
 * next.
 */
static void put_literally(FILE *out, const char *text)
{
    for (bool first = true; *text; text++) {
        if (first && *text == '%')
            fputs("- ", out);
        if (*text == '%')
            fputc('%', out);
        fputc(*text, out);
        if (*text == '\\' && (text[1] == '\n' || !text[1]))
            fputc(' ', out);
        first = *text == '\n' || (first && (*text == ' ' || *text == '\t'));
    }
}

static void put_tag(FILE *out, const char *tag, const char *value)
{
    fprintf(out, "%s: ", tag);
    put_literally(out, value);
    fputc('\n', out);
}

/* What both the source and the binary package say. */
static void put_description(FILE *out, const struct patch_info *info)
{
    const struct patch_target *target = &info->target;

    fprintf(out, "Live patch %s %s-%s for %s-%s-%s.\n\n", info->name, info->version, info->release,
            target->name, target->version, target->release);
    put_literally(out, info->description);
    for (size_t i = 0; i < info->cves.count; i++) {
        fputs(i ? ", " : "\n\nFixes: ", out);
        put_literally(out, info->cves.items[i]);
    }
    fputc('\n', out);
}

/*
 * The main package of the spec is only there for the source package's name: without %files it
 * gives no binary one.
 */
static void put_preamble(FILE *out, const struct patch_info *info, const char *source_rpm)
{
    cleanup_free char *name = package_name(info);

    put_tag(out, "Name", name);
    put_tag(out, "Version", info->version);
    put_tag(out, "Release", info->release);
    put_tag(out, "Summary", "Live patch, its source");
    put_tag(out, "License", info->license);
    put_tag(out, "BuildArch", info->arch);
    /* The patch objects are no libraries: nothing is to be derived from their contents. */
    fputs("AutoReqProv: no\n", out);
    put_tag(out, "Source0", SC_PATCH_INFO_FILE);
    put_tag(out, "Source1", source_rpm);
    for (size_t i = 0; i < info->patch_count; i++) {
        cleanup_free char *file = package_patch_file(info, i);

        fprintf(out, "Source%zu: %s\n", i + 2, file);
    }
    fputs("\n%description\nBuild the next cumulative patch with: syscare build -s THIS_PACKAGE\n\n",
          out);
    put_description(out, info);
}

/*
 * No %{?_isa}: the target and its patch are of one architecture, and tools look for the plain
 * name.
 */
static void put_binary(FILE *out, const struct patch_info *info)
{
    cleanup_free char *name = package_name(info);
    const struct patch_target *target = &info->target;
    const char *epoch = target->epoch ? target->epoch : "";
    const char *colon = target->epoch ? ":" : "";

    fprintf(out, "\n%%package -n patch-%s\n", name);
    fprintf(out, "Summary: Live patch %s for %s-%s-%s\n", info->name, target->name, target->version,
            target->release);
    fprintf(out, "Requires: %s = %s%s%s-%s\n", target->name, epoch, colon, target->version,
            target->release);
    fputs("Requires: syscare\nAutoReqProv: no\n", out);
    fprintf(out, "Provides: livepatch(%s) = %s%s%s-%s\n", target->name, epoch, colon,
            target->version, target->release);
    for (size_t i = 0; i < info->build.requires.count; i++)
        put_tag(out, "Requires", info->build.requires.items[i]);
    fprintf(out, "\n%%description -n patch-%s\n", name);
    put_description(out, info);
}

/*
 * rpmbuild --rebuild cannot make patch objects. The stage is made outside by package_make: names of
 * files are then nothing that a shell or rpm could misread.
 */
static void put_build(FILE *out)
{
    /* the shell's variables, not macros: rpm keeps the expanded spec in the source package */
    fputs("\n%prep\n\n%build\nif [ ! -d \"$RPM_SOURCE_DIR/" PACKAGE_STAGE "\" ]; then\n"
          "    echo 'Live patches are built with: syscare build -s THIS_PACKAGE' >&2\n"
          "    exit 1\nfi\n"
          "\n%install\nmkdir -p \"$RPM_BUILD_ROOT\"\ncp -R \"$RPM_SOURCE_DIR/" PACKAGE_STAGE
          "/.\" \"$RPM_BUILD_ROOT/\"\n",
          out);
}

/* Lua that runs `syscare COMMAND` if the daemon is there, and whatever happens ends well. */
static void put_scriptlet(FILE *out, const char *name, const char *when, const char *condition,
                          const char *command)
{
    fprintf(out,
            "\n%%%s -n patch-%s -p <lua>\n"
            "pcall(function()\n"
            "    if %sposix.stat(\"/run/syscare/syscared.sock\", \"type\") == \"socket\" then\n"
            "        os.execute(\"PATH=/usr/sbin:/usr/bin:/sbin:/bin syscare %s"
            " < /dev/null > /dev/null 2>&1\")\n"
            "    end\n"
            "end)\n",
            when, name, condition, command);
}

/*
 * Without a daemon (chroot, image build, installroot, daemon stopped) there is no socket, and
 * nothing to do: the daemon looks at the directory when it starts. Lua, because rpm has it built
 * in: in an empty root there is no /bin/sh yet, and a %preun that cannot be run blocks the erase.
 */
static void put_scriptlets(FILE *out, const struct patch_info *info)
{
    cleanup_free char *name = package_name(info);
    cleanup_free char *erase = sc_format("remove %s", info->uuid);

    put_scriptlet(out, name, "post", "", "rescan");
    /* 0 packages of the name are left after an erase; after an upgrade it is 1 */
    put_scriptlet(out, name, "preun", "tonumber(arg[2]) == 0 and ", erase);
    put_scriptlet(out, name, "postun", "", "rescan");
}

char *package_spec(const struct patch_info *info, const char *source_rpm)
{
    cleanup_free char *name = package_name(info);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    put_preamble(out, info, source_rpm);
    put_binary(out, info);
    put_build(out);
    put_scriptlets(out, info);
    /* Only root may read what root's processes will run; a directory stands for all in it. */
    fprintf(out,
            "\n%%files -n patch-%s\n%%defattr(0600,root,root,0700)\n" PACKAGE_PATCH_DIR "/%s\n",
            name, info->uuid);
    if (fclose(out))
        abort();
    return text;
}

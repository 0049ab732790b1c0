// SPDX-License-Identifier: GPL-2.0-or-later
// Collects the reasons why a patch cannot be built safely.
#include "rpmtools/build.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <string.h>

static char *copy_or_null(const char *text)
{
    return text && *text ? sc_format("%s", text) : NULL;
}

/* Refusals are collected, not thrown: one run of the build names all of them. */
void build_refuse(struct build *build, const char *target, const char *code, const char *function,
                  const char *object, const char *source, const char *message, const char *advice)
{
    struct build_refusal *refusal;

    build->refusals =
        reallocarray(build->refusals, build->refusal_count + 1, sizeof(*build->refusals));
    if (!build->refusals)
        abort();
    refusal = &build->refusals[build->refusal_count++];
    memset(refusal, 0, sizeof(*refusal));
    refusal->target = copy_or_null(target);
    refusal->code = sc_format("%s", code);
    refusal->function = copy_or_null(function);
    refusal->object = copy_or_null(object);
    refusal->source = copy_or_null(source);
    refusal->message = sc_format("%s", message);
    refusal->advice = copy_or_null(advice);
}

int build_refused(const struct build *build, struct sc_error **err)
{
    if (!build->refusal_count)
        return 0;
    return sc_error_set(err, SC_REFUSED, "refused: no patch was built, for %zu reason%s",
                        build->refusal_count, build->refusal_count == 1 ? "" : "s");
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: the differ's report as the build takes and prints it, and what patch(1) prints.
#include "rpmtools/build_diff.c"  /* for their static functions */
#include "rpmtools/patch_apply.c" // NOLINT(bugprone-suspicious-include)
#include "tests/fuzz/fuzz.h"

enum { REPORT, OUTPUT, PART_COUNT };

FUZZ_PARTS_MUTATOR(PART_COUNT)

static void clear_refusals(struct build *build)
{
    for (size_t i = 0; i < build->refusal_count; i++) {
        struct build_refusal *refusal = &build->refusals[i];

        free(refusal->code);
        free(refusal->message);
        free(refusal->target);
        free(refusal->function);
        free(refusal->object);
        free(refusal->source);
        free(refusal->advice);
    }
    free(build->refusals);
}

static void take(int status)
{
    struct build_target target = {.path = (char *)"/usr/bin/x", .object = (char *)"report.json"};
    struct build build = {.targets = &target, .target_count = 1};

    target.changed = true;
    build.options.explain = true;
    if (take_answer(&build, &target, "report.json", status, NULL) == 0) {
        build_print_summary(&build);
        build_print_json(&build, SC_OK, NULL);
    }
    if (status == DIFF_REFUSED && target.report && build.refusal_count > 0)
        build_print_refusals(&build);
    json_object_put(target.report);
    clear_refusals(&build);
}

static void take_output(const struct fuzz_part *part)
{
    cleanup_free char *text = fuzz_text(part->data, part->size);

    patch_failure("x.patch", text, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    struct fuzz_part parts[PART_COUNT];

    fuzz_directory();
    if (!nowhere)
        nowhere = freopen("/dev/null", "w", stdout);
    fuzz_split(data, size, parts, PART_COUNT);
    fuzz_directory_file("report.json", parts[REPORT].data, parts[REPORT].size);
    take(DIFF_OK);
    take(DIFF_REFUSED);
    take(DIFF_NOTHING);
    take_output(&parts[OUTPUT]);
    return 0;
}

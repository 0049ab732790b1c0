// SPDX-License-Identifier: GPL-2.0-or-later
// The shim for cc1, cc1plus and lto1: runs the real compiler with our plugin where it fits.
#include "wrappers/shim.h"

#include "lib/build_note.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "wrappers/layout.h"

#include <string.h>

/* Runs that make no code: the preprocessor, --help and --version. A plugin would add to the latter.
 */
static bool makes_code(char *const *argv)
{
    for (argv++; *argv; argv++)
        if (strcmp(*argv, "-E") == 0 || strncmp(*argv, "--help", 6) == 0 ||
            strcmp(*argv, "--target-help") == 0 || strcmp(*argv, "--version") == 0)
            return false;
    return true;
}

static bool is_replay(void)
{
    const char *replay = getenv(SC_ENV_REPLAY);

    return replay && strcmp(replay, "1") == 0;
}

void shim_compiler(const struct shim *shim)
{
    bool lto = strcmp(shim->name, "lto1") == 0;
    cleanup_free char *plugin = sc_format("%s/" SC_PLUGIN_FILE, shim->tools);
    cleanup_free char *option = sc_format("-fplugin=%s", plugin);

    /* lto1 has nothing to record, only sections to make when a link is replayed */
    if (!makes_code(shim->argv) || (lto && !is_replay()))
        shim_exec(shim, shim->argv);
    /* syscare-capture made the link only after the plugin was tried with this very compiler */
    if (!sc_file_exists(plugin)) {
        capture_log_uncaptured(shim->capture, shim->name, shim->argv,
                               "no plugin for this version of the compiler");
        shim_exec(shim, shim->argv);
    }
    shim_exec(shim, shim_argv_append(shim->argv, option));
}

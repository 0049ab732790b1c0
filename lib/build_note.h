/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The note that an object carries about how it was made. See doc/formats.md, "Build record". */
#ifndef SYSCARE_BUILD_NOTE_H
#define SYSCARE_BUILD_NOTE_H

/* A section of type SHT_NOTE with SHF_EXCLUDE: kept by ar and ld -r, dropped by final links. */
#define SC_BUILD_SECTION ".syscare.build"
#define SC_NOTE_OWNER "SysCare"
#define NT_SYSCARE_BUILD 1 /* desc: JSON text of the build record, no NUL */

/* The environment of a capture; without SC_ENV_CAPTURE the shims are invisible. */
#define SC_ENV_CAPTURE "SYSCARE_CAPTURE_DIR"   /* absolute path of the capture directory */
#define SC_ENV_PLUGIN_DIR "SYSCARE_PLUGIN_DIR" /* holds <target>/<version>/syscare_record.so */
#define SC_ENV_REPLAY "SYSCARE_REPLAY"         /* "1": objects get function and data sections */

/* The plugin, under SC_ENV_PLUGIN_DIR. No dash: GCC cuts NAME in -fplugin-arg-NAME-KEY at one. */
#define SC_PLUGIN_NAME "syscare_record"
#define SC_PLUGIN_FILE SC_PLUGIN_NAME ".so"

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
// GCC plugin: puts into every object the record of how it was made; in replay mode it also forces a
// section per function and object.
//
// Loaded by the shims of wrappers/ into cc1 and cc1plus, never by a package's own flags. It must
// not change a byte of what the package links: the note is SHF_EXCLUDE, and the options that load
// us are taken out of the compiler's own list of options, from which DW_AT_producer is made.
//
// Only symbols that all front ends and lto1 have are used here: one undefined symbol of the C
// family would make lto1 refuse to load the plugin, and so break the compile.
#include <set>
#include <string>
#include <vector>

#include "gcc-plugin.h"
#include "plugin-version.h"

#include "diagnostic-core.h"
#include "langhooks.h"
#include "lib/build_note.h"
#include "md5.h"
#include "options.h"
#include "opts.h"
#include "output.h"
#include "toplev.h"
#include "tree.h"

#include <fcntl.h>

int plugin_is_GPL_compatible;

namespace
{

/* What one run of the compiler collects until it ends. */
struct recording {
    std::string plugin_path;              /* as it was loaded */
    std::string id;                       /* given by a replay, else computed at the end */
    std::vector<std::string> argv;        /* the compiler's options without ours */
    std::vector<std::string> input_files; /* as named on its command line */
    std::vector<std::string> deps;        /* files read, in order of appearance */
    std::set<std::string> seen;           /* the same, for look-up */
    bool replay;
};

recording *current;

/* Variables that change what the compiler proper does; see "Environment Variables" in GCC's manual.
 */
const char *const environment[] = {
    "SOURCE_DATE_EPOCH", "CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH",
    "OBJC_INCLUDE_PATH", "LANG",  "LC_ALL",         "LC_CTYPE",
    "LC_MESSAGES",       "TZ"};

/* JSON text of a string (RFC 8259, section 7); bytes above 127 stand for themselves. */
std::string json_quote(const std::string &text)
{
    std::string out = "\"";
    char escape[8];

    for (unsigned char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += (char)c;
        } else if (c < ' ') {
            snprintf(escape, sizeof(escape), "\\u%04x", c);
            out += escape;
        } else {
            out += (char)c;
        }
    }
    return out + '"';
}

std::string json_array(const std::vector<std::string> &items)
{
    std::string out = "[";

    for (size_t i = 0; i < items.size(); i++)
        out += (i ? "," : "") + json_quote(items[i]);
    return out + "]";
}

std::string json_environment()
{
    std::string out = "{";

    for (const char *name : environment) {
        const char *value = getenv(name);

        if (value)
            out += (out.size() > 1 ? "," : "") + json_quote(name) + ":" + json_quote(value);
    }
    return out + "}";
}

std::string environment_get(const char *name)
{
    const char *value = getenv(name);

    return value ? value : "";
}

/* The words of COLLECT_GCC_OPTIONS: each in single quotes, a quote inside written '\''. */
std::vector<std::string> collect_options_split(const std::string &text)
{
    std::vector<std::string> words;
    bool quoted = false, open = false;

    for (size_t i = 0; i < text.size(); i++) {
        char c = text[i];

        if (c == ' ' && !quoted) {
            open = false;
            continue;
        }
        if (!open) {
            words.push_back("");
            open = true;
        }
        if (c == '\'')
            quoted = !quoted;
        else if (c == '\\' && !quoted && i + 1 < text.size())
            words.back() += text[++i];
        else
            words.back() += c;
    }
    return words;
}

/*
 * The object's name: what -o says, or the name that -c gives. When GCC compiles and links at once
 * the object is a temporary file, whose name must not enter the id: then too, the name that -c
 * would give.
 */
std::string object_name(const std::string &source)
{
    std::vector<std::string> words = collect_options_split(environment_get("COLLECT_GCC_OPTIONS"));
    size_t slash = source.rfind('/');
    std::string base = slash == std::string::npos ? source : source.substr(slash + 1);
    size_t dot = base.rfind('.');
    std::string output;
    bool compile_only = false;

    for (size_t i = 0; i < words.size(); i++) {
        if (words[i] == "-c" || words[i] == "-S")
            compile_only = true;
        else if (words[i] == "-o" && i + 1 < words.size())
            output = words[++i];
    }
    if (compile_only && !output.empty())
        return output;
    return (dot == std::string::npos || dot == 0 ? base : base.substr(0, dot)) + ".o";
}

/*
 * A file that was read. Names made up by #line, the compiler's own <...>, and the working directory
 * (with a slash at its end, in preprocessed input) are not files.
 */
void dependency_add(const char *name)
{
    if (!name || !*name || *name == '<' || name[strlen(name) - 1] == '/' || access(name, R_OK) != 0)
        return;
    if (current->seen.insert(name).second)
        current->deps.push_back(name);
}

void on_include_file(void *name, void *)
{
    dependency_add((const char *)name);
}

/*
 * Files that no include event tells of: the input itself, and what a precompiled header was made
 * from (the line table that comes with it still names those), with the precompiled header.
 */
void dependencies_complete()
{
    for (const std::string &input : current->input_files)
        dependency_add(input.c_str());
    for (unsigned int i = 0; i < LINEMAPS_ORDINARY_USED(line_table); i++)
        dependency_add(ORDINARY_MAP_FILE_NAME(LINEMAPS_ORDINARY_MAP_AT(line_table, i)));
    for (size_t i = 0, count = current->deps.size(); i < count; i++)
        dependency_add((current->deps[i] + ".gch").c_str());
}

/* Does an option name our plugin or give it an argument? */
bool option_is_ours(const cl_decoded_option &option)
{
    const std::string prefix = std::string(SC_PLUGIN_NAME) + "-";

    if (option.opt_index == OPT_fplugin_)
        return current->plugin_path == option.arg;
    if (option.opt_index == OPT_fplugin_arg_)
        return strncmp(option.arg, prefix.c_str(), prefix.size()) == 0;
    return false;
}

/*
 * Takes our options out of the list that DW_AT_producer, .GCC.command.line and the LTO option
 * sections are made from. (Marking them OPT_SPECIAL_ignore would serve the first, but the LTO
 * writer uses the index of every option it does not know to look into a table that this index lies
 * outside of.)
 */
void options_hide()
{
    unsigned int kept = 0;

    for (unsigned int i = 0; i < save_decoded_options_count; i++)
        if (!option_is_ours(save_decoded_options[i]))
            save_decoded_options[kept++] = save_decoded_options[i];
    save_decoded_options_count = kept;
}

/* Options and inputs as the driver gave them; -o is left out: it names a temporary file. */
void options_collect()
{
    for (unsigned int i = 1; i < save_decoded_options_count; i++) {
        const cl_decoded_option &option = save_decoded_options[i];

        if (option.opt_index == OPT_SPECIAL_input_file) {
            current->input_files.push_back(option.arg);
        } else if (option.opt_index != OPT_o && option.opt_index != OPT_fdump_final_insns_) {
            for (size_t n = 0; n < option.canonical_option_num_elements; n++)
                current->argv.push_back(option.canonical_option[n]);
        }
    }
}

/* The same for the same compile of any tree: contents of files have no part in it. */
std::string id_compute(const std::string &source, const std::string &object)
{
    std::string text =
        std::string(get_src_pwd()) + '\0' + source + '\0' + object + '\0' + lang_hooks.name + '\0';
    unsigned char digest[16];
    char hex[33];

    for (const std::string &word : current->argv)
        text += word + '\0';
    md5_buffer(text.data(), text.size(), digest);
    for (int i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return hex;
}

/* doc/formats.md, "Build record". */
std::string record_text(const std::string &source, const std::string &object)
{
    return "{\"version\":1,\"id\":" + json_quote(current->id) +
           ",\"kind\":\"gcc\",\"source\":" + json_quote(source) +
           ",\"cwd\":" + json_quote(get_src_pwd()) + ",\"object\":" + json_quote(object) +
           ",\"collect_gcc\":" + json_quote(environment_get("COLLECT_GCC")) +
           ",\"collect_gcc_options\":" + json_quote(environment_get("COLLECT_GCC_OPTIONS")) +
           ",\"tool\":" + json_quote(progname) + ",\"argv\":" + json_array(current->argv) +
           ",\"input\":" + json_array(current->input_files) +
           ",\"gcc_version\":" + json_quote(gcc_version.basever) +
           ",\"target\":" + json_quote(SC_GCC_TARGET) +
           ",\"language\":" + json_quote(lang_hooks.name) +
           ",\"lto\":" + (flag_generate_lto ? "true" : "false") + ",\"env\":" + json_environment() +
           ",\"deps\":" + json_array(current->deps) + "}";
}

/* Bytes as .ascii directives; everything that gas could take for something else in octal. */
void emit_ascii(const std::string &text)
{
    for (size_t i = 0; i < text.size(); i++) {
        unsigned char c = (unsigned char)text[i];

        if (i % 80 == 0)
            fputs(i ? "\"\n\t.ascii \"" : "\t.ascii \"", asm_out_file);
        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            fprintf(asm_out_file, "\\%03o", c);
        else
            putc(c, asm_out_file);
    }
    fputs("\"\n", asm_out_file);
}

/* A note (gABI, "Note Section") in a section that ld -r keeps and final links drop. */
void emit_note(const std::string &text)
{
    fprintf(asm_out_file, "\t.pushsection %s,\"e\",%%note\n\t.balign 4\n", SC_BUILD_SECTION);
    fprintf(asm_out_file, "\t.long %u\n\t.long %u\n\t.long %u\n", (unsigned)sizeof(SC_NOTE_OWNER),
            (unsigned)text.size(), (unsigned)NT_SYSCARE_BUILD);
    fprintf(asm_out_file, "\t.asciz \"%s\"\n\t.balign 4\n", SC_NOTE_OWNER);
    emit_ascii(text);
    fputs("\t.balign 4\n\t.popsection\n", asm_out_file);
}

/* One write(2) with O_APPEND, so that parallel compiles may share the log. Failing is no error. */
void log_append(const std::string &id)
{
    std::string path = environment_get(SC_ENV_CAPTURE);
    std::string line = "{\"version\":1,\"tu\":\"" + id + "\"}\n";
    int fd;

    if (path.empty() || current->replay)
        return;
    fd = open((path + "/compiles.jsonl").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    if (write(fd, line.data(), line.size()) < 0)
        inform(UNKNOWN_LOCATION, "cannot log this compile for SysCare");
    close(fd);
}

void on_finish_unit(void *, void *)
{
    std::string source = main_input_filename ? main_input_filename : "";
    std::string object = object_name(source);

    if (!asm_out_file || seen_error())
        return;
    dependencies_complete();
    if (current->id.empty())
        current->id = id_compute(source, object);
    emit_note(record_text(source, object));
    log_append(current->id);
}

/* replay: as SYSCARE_REPLAY=1. id=HEX: the unit's id, which other options would change. */
void arguments_read(const plugin_name_args *info)
{
    for (int i = 0; i < info->argc; i++) {
        if (strcmp(info->argv[i].key, "replay") == 0)
            current->replay = true;
        else if (strcmp(info->argv[i].key, "id") == 0 && info->argv[i].value)
            current->id = info->argv[i].value;
    }
}

} // namespace

/*
 * Always returns 0: GCC takes anything else for a fatal error, and a compile that we cannot record
 * must go on as if we were not there.
 */
int plugin_init(plugin_name_args *info, plugin_gcc_version *version)
{
    if (!plugin_default_version_check(version, &gcc_version))
        return 0;
    current = new recording();
    current->plugin_path = info->full_name;
    current->replay = environment_get(SC_ENV_REPLAY) == "1";
    arguments_read(info);
    options_hide();
    if (current->replay) {
        flag_function_sections = 1;
        flag_data_sections = 1;
    }
    if (strcmp(lang_hooks.name, "GNU GIMPLE") == 0)
        return 0; /* lto1: its input has no source of its own to record */
    options_collect();
    register_callback(info->base_name, PLUGIN_INCLUDE_FILE, on_include_file, NULL);
    register_callback(info->base_name, PLUGIN_FINISH_UNIT, on_finish_unit, NULL);
    return 0;
}

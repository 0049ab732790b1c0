// SPDX-License-Identifier: GPL-2.0-or-later
// The way from the command to the daemon: one request, its answer.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json_util.h"
#include "runtime/cli/cli.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ANSWER_MAX (256u << 20)

/* Says what to do, not only what errno says. */
static int explain_connect(const char *path, struct sc_error **err)
{
    if (errno == EACCES || errno == EPERM)
        return sc_error_set(err, SC_FAILED, "only root can manage patches");
    if (errno == ENOENT || errno == ECONNREFUSED) {
        if (geteuid() != 0)
            return sc_error_set(err, SC_FAILED,
                                "syscared does not answer on %s; and only root can manage patches",
                                path);
        return sc_error_set(err, SC_FAILED,
                            "syscared is not running (nothing answers on %s); start it with"
                            " `systemctl start syscared`",
                            path);
    }
    return sc_error_errno(err, "cannot reach syscared on %s", path);
}

/* A blocking connection: the command has nothing else to do. */
static int connect_daemon(const char *run_dir, struct sc_error **err)
{
    cleanup_free char *path = sc_format("%s/syscared.sock", run_dir);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof(address.sun_path))
        return sc_error_set(err, SC_USAGE, "the path %s is too long for a socket", path);
    memcpy(address.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return sc_error_errno(err, "socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        explain_connect(path, err);
        close(fd);
        return -1;
    }
    return fd;
}

static void add_flag(struct json_object *request, const char *name, bool value)
{
    if (value)
        json_object_object_add(request, name, json_object_new_boolean(true));
}

/* One line of JSON: doc/formats.md, "Requests". */
static char *make_request(const struct cli *cli, const char *command)
{
    cleanup_json struct json_object *request = json_object_new_object();
    struct json_object *ids = json_object_new_array();

    sc_json_add_u64(request, "version", 1);
    sc_json_add_string(request, "command", command);
    for (size_t i = 0; i < cli->ids.count; i++)
        json_object_array_add(ids, json_object_new_string(cli->ids.items[i]));
    json_object_object_add(request, "ids", ids);
    add_flag(request, "force", cli->force);
    add_flag(request, "dry_run", cli->dry_run);
    add_flag(request, "keep_going", cli->keep_going);
    add_flag(request, "accepted", cli->accepted);
    add_flag(request, "verbose", cli->verbose);
    if (cli->timeout_s)
        sc_json_add_u64(request, "timeout", cli->timeout_s);
    return sc_format("%s\n", json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN));
}

/* Without SIGPIPE: a daemon that hangs up is told in words. 0, or -1 with errno set. */
static int send_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR)
            return -1;
        data += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* Reads up to the end of the line. NULL with err set. */
static char *read_line(int fd, size_t *size, struct sc_error **err)
{
    size_t room = 65536;
    char *text = malloc(room);

    *size = 0;
    while (text) {
        ssize_t n = recv(fd, text + *size, room - *size, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        *size += (size_t)n;
        if (text[*size - 1] == '\n')
            return text;
        if (*size == room && room < ANSWER_MAX)
            text = reallocarray(text, room *= 2, 1);
        else if (*size == room)
            break;
    }
    free(text);
    sc_error_set(err, SC_FAILED,
                 "syscared ended before it answered; `syscare list` after its restart shows what"
                 " was done");
    return NULL;
}

/* The members that every answer has. */
static int check_answer(struct json_object *answer, struct sc_error **err)
{
    uint64_t status;

    if (!json_object_is_type(answer, json_type_object) || !sc_json_array(answer, "messages", err) ||
        !sc_json_array(answer, "errors", err) || !sc_json_object(answer, "data", err) ||
        sc_json_u64(answer, "status", &status, err) < 0)
        return sc_error_set(err, SC_FAILED, "the answer of syscared is not understood");
    return 0;
}

struct json_object *cli_ask(const struct cli *cli, const char *command, struct sc_error **err)
{
    cleanup_close int fd = connect_daemon(cli->run_dir, err);
    cleanup_free char *request = make_request(cli, command);
    cleanup_json struct json_object *answer = NULL;
    cleanup_free char *text = NULL;
    size_t size;

    if (fd < 0)
        return NULL;
    if (send_all(fd, request, strlen(request)) < 0) {
        sc_error_errno(err, "cannot send to syscared");
        return NULL;
    }
    text = read_line(fd, &size, err);
    if (!text)
        return NULL;
    answer = sc_json_parse(text, size, err);
    if (!answer || check_answer(answer, err) < 0)
        return NULL;
    return steal_pointer(&answer);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// The socket of the daemon: one thread, all clients, no waiting for any of them.
#include "runtime/server.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "runtime/peer.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define CLIENTS_MAX 64
#define BACKLOG 16
/* Time for a client to send its whole request, or to take its whole answer. */
#define CLIENT_TIMEOUT_MS 10000

enum client_phase {
    CLIENT_FREE,
    CLIENT_READING, /* its request comes in */
    CLIENT_WAITING, /* the control thread has it */
    CLIENT_WRITING, /* its answer goes out */
};

struct client {
    enum client_phase phase;
    int fd;
    enum peer_right right;
    uint64_t id;       /* never used twice: an answer for a client that left is for nobody */
    uint64_t deadline; /* hold_clock(); while reading and writing */
    char *data;
    size_t size, done;
};

struct server {
    char *path;
    struct control *control;
    struct log log;
    gid_t query_group; /* or PEER_NO_GROUP */
    int listen_fd, epoll_fd, signal_fd;
    uint64_t next_id;
    struct client clients[CLIENTS_MAX];
};

/* Which of the descriptors an epoll event is about; below it, an index of a client. */
enum { EVENT_LISTEN = CLIENTS_MAX, EVENT_SIGNAL, EVENT_CONTROL };

/* Adds a descriptor to epoll; what comes back with its events. */
static int watch(struct server *server, int fd, uint64_t what, uint32_t events,
                 struct sc_error **err)
{
    struct epoll_event event = {.events = events, .data.u64 = what};

    if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return sc_error_errno(err, "epoll_ctl");
    return 0;
}

/* True if a daemon answers at the address. */
static bool is_answered(const struct sockaddr_un *address)
{
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
}

/* Who may connect at all; what they may ask for is looked at for each one. */
static int set_access(const char *path, gid_t query_group)
{
    if (query_group == PEER_NO_GROUP)
        return chmod(path, 0600);
    return chown(path, 0, query_group) == 0 ? chmod(path, 0660) : -1;
}

static int listen_at(const char *path, gid_t query_group, struct sc_error **err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof(address.sun_path))
        return sc_error_set(err, SC_FAILED, "the path %s is too long for a socket", path);
    memcpy(address.sun_path, path, strlen(path));
    if (is_answered(&address))
        return sc_error_set(err, SC_FAILED, "another syscared answers on %s", path);
    unlink(path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return sc_error_errno(err, "socket");
    /* The mode is set before anybody can connect: not before listen(2). */
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        set_access(path, query_group) < 0 || listen(fd, BACKLOG) < 0) {
        sc_error_errno(err, "cannot listen on %s", path);
        close(fd);
        return -1;
    }
    return fd;
}

bool server_is_there(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path))
        return false;
    memcpy(address.sun_path, path, strlen(path));
    return is_answered(&address);
}

static int open_signals(struct sc_error **err)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        sc_error_errno(err, "signalfd");
    return fd;
}

/* A group that is not there gets nothing; that is no reason to leave processes unpatched. */
static gid_t find_query_group(const char *name, const struct log *log)
{
    gid_t group = peer_group_find(name);

    if (*name && group == PEER_NO_GROUP)
        log_write(log, LOG_WARNING, NULL, "query-group: there is no group %s", name);
    return group;
}

struct server *server_open(const char *path, const char *query_group, struct control *control,
                           const struct log *log, struct sc_error **err)
{
    struct server *server = calloc(1, sizeof(*server));

    if (!server)
        abort();
    server->control = control;
    server->log = *log;
    server->query_group = find_query_group(query_group, log);
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->signal_fd = open_signals(err);
    server->listen_fd = listen_at(path, server->query_group, err);
    if (server->epoll_fd < 0 || server->signal_fd < 0 || server->listen_fd < 0 ||
        watch(server, server->listen_fd, EVENT_LISTEN, EPOLLIN, err) < 0 ||
        watch(server, server->signal_fd, EVENT_SIGNAL, EPOLLIN, err) < 0 ||
        watch(server, control_fd(control), EVENT_CONTROL, EPOLLIN, err) < 0) {
        server_close(server);
        return NULL;
    }
    server->path = sc_format("%s", path);
    return server;
}

/* Whatever phase it is in. A request that was handed over goes on, for nobody. */
static void client_drop(struct client *client)
{
    if (client->phase == CLIENT_FREE)
        return;
    close(client->fd); /* which takes it out of epoll too */
    free(client->data);
    memset(client, 0, sizeof(*client));
}

void server_close(struct server *server)
{
    if (!server)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        client_drop(&server->clients[i]);
    if (server->path)
        unlink(server->path);
    for (size_t i = 0; i < 3; i++) {
        int fd = (int[]){server->listen_fd, server->epoll_fd, server->signal_fd}[i];

        if (fd >= 0)
            close(fd);
    }
    free(server->path);
    free(server);
}

/* Too many clients, or one that may ask for nothing: closed without a word. */
static void accept_client(struct server *server)
{
    int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    enum peer_right right;
    size_t slot = 0;
    struct client *client;

    if (fd < 0)
        return;
    while (slot < CLIENTS_MAX && server->clients[slot].phase != CLIENT_FREE)
        slot++;
    right = peer_right_get(fd, server->query_group);
    if (right == PEER_NONE || slot == CLIENTS_MAX || watch(server, fd, slot, EPOLLIN, NULL) < 0) {
        close(fd);
        return;
    }
    client = &server->clients[slot];
    client->phase = CLIENT_READING;
    client->fd = fd;
    client->right = right;
    client->id = ++server->next_id;
    client->deadline = hold_clock() + CLIENT_TIMEOUT_MS * 1000000ull;
    client->data = malloc(REQUEST_MAX + 1);
    if (!client->data)
        abort();
}

/* Changes what is waited for at a client. */
static void rewatch(struct server *server, struct client *client, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)(client - server->clients)};

    epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
}

/* Takes what there is, until the line is complete or too long. */
static void read_client(struct server *server, struct client *client)
{
    ssize_t n = recv(client->fd, client->data + client->size, REQUEST_MAX + 1 - client->size, 0);
    char *end;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        client_drop(client);
        return;
    }
    client->size += (size_t)n;
    end = memchr(client->data, '\n', client->size);
    if (!end && client->size <= REQUEST_MAX)
        return;
    /* Too large is an error that request_parse tells. One request a connection. */
    client->phase = CLIENT_WAITING;
    rewatch(server, client, 0);
    control_submit(server->control, client->id, client->right, client->data,
                   end ? (size_t)(end - client->data) : client->size);
}

/* Sends what the socket takes; the rest when it takes more. */
static void write_client(struct client *client)
{
    ssize_t n =
        send(client->fd, client->data + client->done, client->size - client->done, MSG_NOSIGNAL);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    client->done += n > 0 ? (size_t)n : 0;
    if (n <= 0 || client->done == client->size)
        client_drop(client);
}

/* Answers that the control thread has ready. */
static void send_answers(struct server *server)
{
    uint64_t id;
    char *text;

    while ((text = control_take(server->control, &id))) {
        struct client *client = NULL;

        for (size_t i = 0; i < CLIENTS_MAX; i++)
            if (server->clients[i].phase == CLIENT_WAITING && server->clients[i].id == id)
                client = &server->clients[i];
        if (!client) {
            free(text);
            continue;
        }
        free(client->data);
        client->data = text;
        client->size = strlen(text);
        client->done = 0;
        client->phase = CLIENT_WRITING;
        client->deadline = hold_clock() + CLIENT_TIMEOUT_MS * 1000000ull;
        rewatch(server, client, EPOLLOUT);
    }
}

/* A client that hangs up while its request is served is dropped; the request goes on. */
static void handle_client(struct server *server, struct client *client, uint32_t events)
{
    if (client->phase == CLIENT_READING && (events & EPOLLIN))
        read_client(server, client);
    else if (client->phase == CLIENT_WRITING && (events & EPOLLOUT))
        write_client(client);
    else if (events & (EPOLLHUP | EPOLLERR))
        client_drop(client);
}

/* Drops clients that are too slow. Returns how long epoll may wait, ms. */
static int check_deadlines(struct server *server)
{
    uint64_t now = hold_clock();
    int wait = -1;

    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];

        if (client->phase != CLIENT_READING && client->phase != CLIENT_WRITING)
            continue;
        if (now >= client->deadline)
            client_drop(client);
        else
            wait = CLIENT_TIMEOUT_MS;
    }
    return wait;
}

int server_run(struct server *server, struct sc_error **err)
{
    for (;;) {
        struct epoll_event events[16];
        int count = epoll_wait(server->epoll_fd, events, 16, check_deadlines(server));

        if (count < 0 && errno != EINTR)
            return sc_error_errno(err, "epoll_wait");
        for (int i = 0; i < count; i++) {
            switch (events[i].data.u64) {
            case EVENT_SIGNAL:
                return 0;
            case EVENT_LISTEN:
                accept_client(server);
                break;
            case EVENT_CONTROL:
                send_answers(server);
                break;
            default:
                handle_client(server, &server->clients[events[i].data.u64], events[i].events);
            }
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
// kvd: serves a libkv store on a TCP port of the loopback interface, with a few worker threads.
#include "session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORKERS 4
#define QUEUE 64

/* Connections that wait for a worker. */
struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    int sockets[QUEUE];
    size_t first, count;
};

struct server {
    struct kv_store *store;
    const char *password;
    struct queue queue;
};

static void queue_put(struct queue *queue, int sock)
{
    pthread_mutex_lock(&queue->lock);
    if (queue->count == QUEUE) {
        close(sock);
    } else {
        queue->sockets[(queue->first + queue->count) % QUEUE] = sock;
        queue->count++;
        pthread_cond_signal(&queue->filled);
    }
    pthread_mutex_unlock(&queue->lock);
}

static int queue_take(struct queue *queue)
{
    int sock;

    pthread_mutex_lock(&queue->lock);
    while (queue->count == 0)
        pthread_cond_wait(&queue->filled, &queue->lock);
    sock = queue->sockets[queue->first];
    queue->first = (queue->first + 1) % QUEUE;
    queue->count--;
    pthread_mutex_unlock(&queue->lock);
    return sock;
}

/* Serves one connection to its end. */
static void session_run(struct session *session)
{
    while (fgets(session->line, sizeof(session->line), session->stream)) {
        size_t used = strcspn(session->line, "\r\n"), size;

        session->line[used] = '\0';
        size = session_answer(session, used);
        if (fwrite(session->reply, 1, size, session->stream) != size ||
            fflush(session->stream) != 0)
            break;
    }
}

static void *worker_main(void *data)
{
    struct server *server = data;

    for (;;) {
        int sock = queue_take(&server->queue);
        struct session *session = calloc(1, sizeof(*session));

        if (session)
            session->stream = fdopen(sock, "r+");
        if (session && session->stream) {
            session->store = server->store;
            session->password = server->password;
            session_run(session);
            fclose(session->stream);
        } else {
            close(sock);
        }
        free(session);
    }
    return NULL;
}

/* A listening socket on 127.0.0.1; port 0 lets the kernel choose. -1 with errno set. */
static int listen_loopback(unsigned short port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(sock, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(sock, QUEUE) < 0)
        return -1;
    return sock;
}

/* Tells whoever started us which port it is. */
static int announce_port(int sock)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);

    if (getsockname(sock, (struct sockaddr *)&address, &size) < 0)
        return -1;
    printf("kvd listens on port %d\n", ntohs(address.sin_port));
    return fflush(stdout);
}

static int server_run(struct server *server, int listener)
{
    pthread_t thread;

    pthread_mutex_init(&server->queue.lock, NULL);
    pthread_cond_init(&server->queue.filled, NULL);
    for (int i = 0; i < WORKERS; i++) {
        if (pthread_create(&thread, NULL, worker_main, server) != 0)
            return 1;
    }
    for (;;) {
        int sock = accept(listener, NULL, NULL);

        if (sock >= 0)
            queue_put(&server->queue, sock);
        else if (errno != EINTR && errno != ECONNABORTED)
            return 1;
    }
}

int main(int argc, char **argv)
{
    static struct server server;
    int listener;

    if (argc != 3) {
        fprintf(stderr, "usage: kvd PORT PASSWORD\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    server.store = kv_store_new();
    server.password = argv[2];
    listener = listen_loopback((unsigned short)atoi(argv[1]));
    if (!server.store || listener < 0 || announce_port(listener) < 0) {
        perror("kvd");
        return 1;
    }
    return server_run(&server, listener);
}

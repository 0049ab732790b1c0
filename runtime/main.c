// SPDX-License-Identifier: GPL-2.0-or-later
// syscared: keeps live patches applied in all processes of this host.
#include "config.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "runtime/capabilities.h"
#include "runtime/control.h"
#include "runtime/daemon.h"
#include "runtime/server.h"

#include <rpm/rpmlib.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

/* Signals are taken by signalfd in the main thread; a client that leaves must not end us. */
static void set_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
}

/* Where the administrator switched live patching off; NULL where it is on. */
static const char *find_switch(const struct options *options)
{
    cleanup_file FILE *file = fopen("/proc/cmdline", "re");
    char text[4096];
    size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

    text[size] = '\0';
    if (options_kill_switch(text))
        return "by syscare.enable=0 on the kernel command line";
    return options->enable ? NULL : "by enable = no in its configuration";
}

/*
 * The probes of an earlier daemon would go on trapping calls that nobody answers. What runs in
 * processes stays: taking it out is a change too.
 */
static void switch_off(const struct options *options, const char *reason)
{
    cleanup_free char *socket_path = sc_format("%s/syscared.sock", options->run_dir);

    fprintf(stderr, "syscared: switched off %s\n", reason);
    if (!server_is_there(socket_path)) {
        hold_stopped_resume(options->bpffs, 0);
        hold_pins_remove_others(options->bpffs, NULL);
    }
    sd_notifyf(0, "READY=1\nSTATUS=Switched off %s", reason);
}

static int write_pid(const char *path, struct sc_error **err)
{
    cleanup_free char *text = sc_format("%d\n", getpid());

    return sc_file_replace(path, text, strlen(text), 0644, err);
}

/* Serves requests until it is told to end. */
static int serve(struct daemon *daemon, struct sc_error **err)
{
    cleanup_free char *socket_path = sc_format("%s/syscared.sock", daemon->options.run_dir);
    cleanup_free char *pid_path = sc_format("%s/syscared.pid", daemon->options.run_dir);
    struct control *control = control_start(daemon);
    struct server *server =
        server_open(socket_path, daemon->options.query_group, control, &daemon->log, err);
    int result = -1;

    if (server && write_pid(pid_path, err) == 0) {
        sd_notify(0, "READY=1\nSTATUS=All patches are as the state says");
        result = server_run(server, err);
        sd_notify(0, "STOPPING=1");
        unlink(pid_path);
    }
    server_close(server);
    control_stop(control);
    return result;
}

static int run(struct daemon *daemon, struct sc_error **err)
{
    int result = capabilities_drop(daemon->options.hold == OPTION_HOLD_SIGNAL, err);

    if (result < 0)
        return -1;
    result = daemon_start(daemon, err);

    if (result == 0)
        result = serve(daemon, err);
    daemon_stop(daemon);
    return result;
}

int main(int argc, char **argv)
{
    cleanup_error struct sc_error *err = NULL;
    struct daemon daemon;
    int status = 0;

    memset(&daemon, 0, sizeof(daemon));
    if (options_read(&daemon.options, argc, argv, &err) < 0) {
        fprintf(stderr, "syscared: %s\n", err->message);
        status = SC_USAGE;
    } else if (daemon.options.help) {
        fputs(options_help(), stdout);
    } else if (daemon.options.version) {
        puts("syscared " PACKAGE_VERSION);
    } else if (geteuid() != 0) {
        fputs("syscared: only root can patch processes\n", stderr);
        status = SC_FAILED;
    } else if (find_switch(&daemon.options)) {
        switch_off(&daemon.options, find_switch(&daemon.options));
    } else {
        umask(077);
        daemon.log = log_open(daemon.options.foreground, daemon.options.verbose);
        set_signals();
        rpmReadConfigFiles(NULL, NULL);
        if (run(&daemon, &err) < 0) {
            log_write(&daemon.log, LOG_ERR, NULL, "%s", err->message);
            status = SC_FAILED;
        }
    }
    options_free(&daemon.options);
    return status;
}

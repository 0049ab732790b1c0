// SPDX-License-Identifier: GPL-2.0-or-later
// Brings processes to the state that the live patches ask for: passes over /proc, held callers.
#include "runtime/switcher.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "runtime/switcher_P.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Rounds of one pass. New processes inherit or are held, so two or three are the rule. */
#define ROUNDS_MAX 50

/* How long one held process may keep a thread that others wait for. */
#define ANSWER_NS 500000000ull

/* The same where nobody waits, only the next process. */
#define SEEN_NS 2000000000ull

/* How long a process that could not be switched is not reported again, where nobody is held. */
#define REST_NS 5000000000ull

struct switcher *switcher_new(struct hold *hold, struct live_set *live,
                              const struct options *options, const struct log *log)
{
    struct switcher *switcher = calloc(1, sizeof(*switcher));

    if (!switcher)
        abort();
    switcher->hold = hold;
    switcher->live = live;
    switcher->options = options;
    switcher->log = log;
    switcher->cache = build_id_cache_new();
    pthread_mutex_init(&switcher->pass_lock, NULL);
    pthread_mutex_init(&switcher->lock, NULL);
    pthread_cond_init(&switcher->gate_open, NULL);
    for (size_t i = 0; i < SWITCHER_WORKERS; i++)
        switcher->injectors[i] = injector_new(options->libexec_dir, hold, log);
    return switcher;
}

void switcher_free(struct switcher *switcher)
{
    if (!switcher)
        return;
    for (size_t i = 0; i < SWITCHER_WORKERS; i++)
        injector_free(switcher->injectors[i]);
    build_id_cache_free(switcher->cache);
    problem_list_clear(&switcher->problems);
    free(switcher->busy);
    pthread_mutex_destroy(&switcher->pass_lock);
    pthread_mutex_destroy(&switcher->lock);
    pthread_cond_destroy(&switcher->gate_open);
    free(switcher);
}

struct build_id_cache *switcher_cache(struct switcher *switcher)
{
    return switcher->cache;
}

/* A pass while it runs. */
struct pass {
    struct switcher *switcher;
    const struct live_list *patches;
    uint64_t deadline;
    struct build_id *targets;    /* of each patch */
    struct scan_list processes;  /* of this round */
    struct scan_list seen;       /* of the round before: they were seen to */
    atomic_size_t next;          /* index of the process that the next free worker takes */
    atomic_size_t done, already; /* processes switched, in all rounds; found right, in this one */
    atomic_bool changed;         /* this round found something to do */
    pthread_mutex_t lock;        /* of failed */
    struct scan_list failed;     /* pairs that this pass gave up; wanted is the patch's index */
    struct sc_error *error;      /* the first file that could not be linked */
};

/* What a worker thread gets. */
struct worker {
    struct pass *pass;
    struct injector *injector;
};

/* A pass tries each process once for each patch; the background tries again. */
static bool has_failed(struct pass *pass, const struct scan_process *process, size_t patch)
{
    bool found = false;

    pthread_mutex_lock(&pass->lock);
    for (size_t i = 0; !found && i < pass->failed.count; i++)
        found = pass->failed.items[i].pid == process->pid &&
                pass->failed.items[i].start_time == process->start_time &&
                pass->failed.items[i].wanted == patch;
    pthread_mutex_unlock(&pass->lock);
    return found;
}

static void add_failed(struct pass *pass, const struct scan_process *process, size_t patch)
{
    struct scan_list *failed = &pass->failed;

    pthread_mutex_lock(&pass->lock);
    failed->items = reallocarray(failed->items, failed->count + 1, sizeof(*failed->items));
    if (!failed->items)
        abort();
    failed->items[failed->count] = *process;
    failed->items[failed->count++].wanted = patch;
    pthread_mutex_unlock(&pass->lock);
}

/* Switches one process to one patch of the pass. */
static void pass_switch(struct pass *pass, struct injector *injector,
                        const struct scan_process *process, size_t patch)
{
    struct switch_job job = {
        .pid = process->pid,
        .start_time = process->start_time,
        .patch = pass->patches->items[patch],
        .deadline = pass->deadline,
    };

    if (has_failed(pass, process, patch))
        return;
    switch (switch_process(pass->switcher, injector, &job)) {
    case SWITCH_DONE:
        atomic_fetch_add(&pass->done, 1);
        atomic_store(&pass->changed, true);
        break;
    case SWITCH_ALREADY:
        atomic_fetch_add(&pass->already, 1);
        break;
    case SWITCH_GONE:
        break;
    case SWITCH_PROBLEM:
        add_failed(pass, process, patch);
        break;
    }
}

static int compare_pids(const void *a, const void *b)
{
    const struct scan_process *left = a, *right = b;

    return left->pid < right->pid ? -1 : left->pid > right->pid;
}

/*
 * True if an earlier round of the pass saw to the process. What it became since, by exec or dlopen,
 * is the business of the hold, or of the pass that follows when that is on.
 */
static bool was_seen(const struct pass *pass, const struct scan_process *process)
{
    const struct scan_list *seen = &pass->seen;
    const struct scan_process *found, *end = seen->items + seen->count;

    if (seen->count == 0)
        return false;
    found = bsearch(process, seen->items, seen->count, sizeof(*seen->items), compare_pids);
    while (found && found > seen->items && found[-1].pid == process->pid)
        found--;
    for (; found && found < end && found->pid == process->pid; found++)
        if (found->wanted == process->wanted)
            return found->start_time == process->start_time;
    return false;
}

/* A worker takes processes until none is left. */
static void *work(void *data)
{
    struct worker *worker = data;
    struct pass *pass = worker->pass;
    size_t index;

    while ((index = atomic_fetch_add(&pass->next, 1)) < pass->processes.count) {
        const struct scan_process *process = &pass->processes.items[index];
        const struct live_patch *first = pass->patches->items[process->wanted];

        if (was_seen(pass, process)) {
            atomic_fetch_add(&pass->already, 1);
            continue;
        }
        /* All patches of that ELF, in their order. */
        for (size_t i = 0; i < pass->patches->count; i++)
            if (live_patch_same_target(first, pass->patches->items[i]))
                pass_switch(pass, worker->injector, process, i);
    }
    return NULL;
}

/* Several at once: one process that does not stop must not delay all others. */
static void run_workers(struct pass *pass)
{
    struct worker workers[SWITCHER_WORKERS];
    pthread_t threads[SWITCHER_WORKERS];
    size_t started = 0;

    atomic_store(&pass->next, 0);
    for (size_t i = 0; i < SWITCHER_WORKERS; i++) {
        workers[i].pass = pass;
        workers[i].injector = pass->switcher->injectors[i];
    }
    /* The calling thread is a worker too; for few processes it is the only one. */
    while (started + 1 < SWITCHER_WORKERS && (started + 1) * 4 < pass->processes.count &&
           pthread_create(&threads[started], NULL, work, &workers[started + 1]) == 0)
        started++;
    work(&workers[0]);
    while (started > 0)
        pthread_join(threads[--started], NULL);
}

/* Called by the scan for each file with a wanted build-id: links it where it is not. */
static void link_file(int fd, size_t wanted, void *data)
{
    struct pass *pass = data;
    const struct live_patch *found = pass->patches->items[wanted];
    struct stat st;

    if (!pass->switcher->hold || fstat(fd, &st) < 0)
        return;
    for (size_t i = 0; i < pass->patches->count; i++) {
        const struct live_patch *patch = pass->patches->items[i];

        if (!live_patch_same_target(found, patch) || !atomic_load(&patch->wanted) ||
            !atomic_load(&patch->linked) ||
            hold_linked(pass->switcher->hold, patch->slot, st.st_dev, st.st_ino))
            continue;
        /* Processes that started from this file before the link are found by the next round. */
        atomic_store(&pass->changed, true);
        if (hold_link(pass->switcher->hold, patch->slot, patch->uuid, patch->probes,
                      patch->probe_count, fd, pass->error ? NULL : &pass->error) < 0)
            atomic_store(&pass->changed, false);
    }
}

/* One look through /proc, and everything that it shows. */
static int pass_round(struct pass *pass, struct sc_error **err)
{
    atomic_store(&pass->changed, false);
    atomic_store(&pass->already, 0);
    scan_list_clear(&pass->seen);
    pass->seen = pass->processes;
    pass->processes = (struct scan_list){0};
    if (process_scan(pass->switcher->cache, pass->targets, pass->patches->count, link_file, pass,
                     &pass->processes, err) < 0)
        return -1;
    if (pass->error) {
        if (err)
            *err = steal_pointer(&pass->error);
        return -1;
    }
    run_workers(pass);
    return 0;
}

/* The problems of all patches of the pass. */
static void collect_problems(struct pass *pass, struct pass_result *result)
{
    for (size_t i = 0; i < pass->patches->count; i++) {
        cleanup_problems struct problem_list list =
            switcher_problems(pass->switcher, pass->patches->items[i]->uuid);

        for (size_t j = 0; j < list.count; j++)
            problem_list_add(&result->problems, &list.items[j]);
    }
}

/* Problems of processes that ended before anybody tried them again. */
static void drop_gone(struct switcher *switcher)
{
    cleanup_problems struct problem_list list = switcher_problems(switcher, NULL);

    for (size_t i = 0; i < list.count; i++)
        if (process_start_time(list.items[i].pid) != list.items[i].start_time)
            problem_solved(switcher, list.items[i].uuid, list.items[i].pid);
}

int switcher_pass(struct switcher *switcher, const struct live_list *patches, uint64_t deadline,
                  struct pass_result *result, struct sc_error **err)
{
    struct pass pass = {.switcher = switcher, .patches = patches, .deadline = deadline};
    int failed = 0;

    memset(result, 0, sizeof(*result));
    if (patches->count == 0)
        return 0;
    pass.targets = calloc(patches->count, sizeof(*pass.targets));
    if (!pass.targets)
        abort();
    for (size_t i = 0; i < patches->count; i++)
        pass.targets[i] = patches->items[i]->target;
    pthread_mutex_init(&pass.lock, NULL);
    pthread_mutex_lock(&switcher->pass_lock);
    for (int round = 0; round < ROUNDS_MAX; round++) {
        failed = pass_round(&pass, err);
        if (failed || !atomic_load(&pass.changed))
            break;
    }
    pthread_mutex_unlock(&switcher->pass_lock);
    drop_gone(switcher);
    result->switched = atomic_load(&pass.done);
    result->already = atomic_load(&pass.already);
    collect_problems(&pass, result);
    scan_list_clear(&pass.processes);
    scan_list_clear(&pass.seen);
    scan_list_clear(&pass.failed);
    pthread_mutex_destroy(&pass.lock);
    free(pass.targets);
    sc_error_free(pass.error);
    return failed;
}

void pass_result_clear(struct pass_result *result)
{
    problem_list_clear(&result->problems);
}

/* The patch that a slot is for, with a reference; NULL when the slot is not used any more. */
static struct live_patch *find_slot(const struct switcher *switcher, uint32_t slot)
{
    cleanup_live_list struct live_list list = live_set_list(switcher->live);

    for (size_t i = 0; i < list.count; i++)
        if (list.items[i]->slot == slot && atomic_load(&list.items[i]->wanted))
            return live_patch_get(list.items[i]);
    return NULL;
}

/* True if the patch is due in a process that is met at the entry point of first's target. */
static bool is_due(const struct live_patch *patch, const struct live_patch *first)
{
    return patch->entry_jump_count && atomic_load(&patch->wanted) &&
           !atomic_load(&patch->shadowed) && live_patch_same_target(patch, first);
}

/*
 * A process comes by there only once, so all patches that are armed there are due. It stands still
 * until the last of them is done: INJECT_STAY.
 */
static enum switch_outcome answer_entry(struct switcher *switcher, struct injector *injector,
                                        struct switch_job *job)
{
    enum switch_outcome outcome = SWITCH_GONE;
    cleanup_live_list struct live_list list = live_set_list(switcher->live);
    struct live_patch *first = job->patch;
    size_t last = 0;

    for (size_t i = 0; i < list.count; i++)
        if (is_due(list.items[i], first))
            last = i;
    for (size_t i = 0; i < list.count; i++) {
        if (!is_due(list.items[i], first))
            continue;
        job->patch = list.items[i];
        job->flags = INJECT_LAZY | (i < last ? INJECT_STAY : 0);
        if (switch_process(switcher, injector, job) == SWITCH_PROBLEM)
            outcome = SWITCH_PROBLEM;
    }
    job->patch = first;
    return outcome;
}

/*
 * Only the patch whose function is being called: the injector lets the caller go as soon as the
 * process is its own, so another patch before this one would let the call run the old code. The
 * others have holds of their own.
 */
void switcher_answer(struct switcher *switcher, struct injector *injector,
                     const struct hold_event *event)
{
    struct switch_job job = {.pid = (pid_t)event->tgid, .flags = INJECT_LAZY};
    uint32_t slot = hold_event_slot(event);
    enum switch_outcome outcome = SWITCH_GONE;
    bool late;

    job.start_time = process_start_time(job.pid);
    job.deadline = hold_clock() + ANSWER_NS;
    job.patch = job.start_time ? find_slot(switcher, slot) : NULL;
    if (job.patch && job.patch->entry_jump_count)
        outcome = answer_entry(switcher, injector, &job);
    else if (job.patch)
        outcome = switch_process(switcher, injector, &job);
    late = hold_clock() - event->time > hold_limit(switcher->hold);
    /* Not held again until the retry has succeeded, or it runs another program. */
    if (outcome == SWITCH_PROBLEM)
        problem_rest(switcher, job.patch->uuid, event);
    else if (late)
        /* The program let it go, for a second; but we are here, and it may call other functions. */
        hold_verdict_clear(switcher->hold, job.pid, slot);
    live_patch_put(job.patch);
    hold_release(switcher->hold, job.pid, slot);
    if (late)
        log_write(switcher->log, LOG_WARNING, &(struct log_about){.pid = job.pid, .result = "late"},
                  "a first caller was let go before its process was switched (%llu ms)",
                  (unsigned long long)(hold_clock() - event->time) / 1000000);
}

/* True if the caller may have been about to call a function of the patch. */
static bool is_called(const struct live_patch *patch, const struct hold_event *event)
{
    return atomic_load(&patch->wanted) &&
           (event->cookie == HOLD_COOKIE_UNKNOWN || patch->slot == hold_event_slot(event));
}

void switcher_seen(struct switcher *switcher, struct injector *injector,
                   const struct hold_event *event)
{
    cleanup_live_list struct live_list list = live_set_list(switcher->live);
    struct switch_job job = {.pid = (pid_t)event->tgid, .deadline = hold_clock() + SEEN_NS};

    job.start_time = process_start_time(job.pid);
    for (size_t i = 0; job.start_time && i < list.count; i++) {
        job.patch = list.items[i];
        if (is_called(job.patch, event) &&
            switch_process(switcher, injector, &job) == SWITCH_PROBLEM)
            hold_verdict_set(switcher->hold, event, hold_clock() + REST_NS);
    }
    hold_continue(switcher->hold, job.pid);
}

static bool same_id(const struct build_id *a, const struct build_id *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* Opens what is mapped. The mapping may have been split meanwhile: then the audit finds the file.
 */
static int open_mapped(const struct mapped_file *file)
{
    cleanup_free char *path =
        sc_format("/proc/%d/map_files/%llx-%llx", file->pid, (unsigned long long)file->start,
                  (unsigned long long)file->end);

    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* Nothing is looked for while nothing is wanted. */
static bool wants_anything(const struct live_set *live)
{
    for (size_t i = 0; i < live->count; i++)
        if (atomic_load(&live->items[i]->wanted))
            return true;
    return false;
}

/* Reads the build-id that the kernel did not tell. */
static void identify(struct switcher *switcher, struct mapped_file *file)
{
    cleanup_close int fd = -1;
    bool wanted;

    pthread_mutex_lock(&switcher->live->lock);
    wanted = wants_anything(switcher->live);
    pthread_mutex_unlock(&switcher->live->lock);
    fd = wanted ? open_mapped(file) : -1;
    if (fd >= 0)
        build_id_cache_find(switcher->cache, fd, &file->id);
}

bool switcher_is_target(struct switcher *switcher, struct mapped_file *file)
{
    bool found = false;

    if (!file->id.size)
        identify(switcher, file);
    pthread_mutex_lock(&switcher->live->lock);
    for (size_t i = 0; file->id.size && !found && i < switcher->live->count; i++)
        found = atomic_load(&switcher->live->items[i]->wanted) &&
                same_id(&switcher->live->items[i]->target, &file->id);
    pthread_mutex_unlock(&switcher->live->lock);
    return found;
}

/* Links the open file for the patch. True if that was needed. */
static bool link_new_file(struct switcher *switcher, const struct live_patch *patch, int fd)
{
    cleanup_error struct sc_error *err = NULL;
    struct stat st;

    if (fstat(fd, &st) < 0 || hold_linked(switcher->hold, patch->slot, st.st_dev, st.st_ino))
        return false;
    if (hold_link(switcher->hold, patch->slot, patch->uuid, patch->probes, patch->probe_count, fd,
                  &err) < 0)
        log_write(switcher->log, LOG_ERR, &(struct log_about){.patch = patch->name}, "%s",
                  err->message);
    return true;
}

void switcher_mapped(struct switcher *switcher, struct injector *injector,
                     const struct mapped_file *file)
{
    cleanup_live_list struct live_list list = live_set_list(switcher->live);
    cleanup_close int fd = open_mapped(file);
    struct switch_job job = {.pid = file->pid, .deadline = hold_clock() + ANSWER_NS};

    job.start_time = process_start_time(file->pid);
    for (size_t i = 0; fd >= 0 && job.start_time && i < list.count; i++) {
        job.patch = list.items[i];
        if (atomic_load(&job.patch->wanted) && atomic_load(&job.patch->linked) &&
            same_id(&job.patch->target, &file->id) && link_new_file(switcher, job.patch, fd))
            switch_process(switcher, injector, &job);
    }
}

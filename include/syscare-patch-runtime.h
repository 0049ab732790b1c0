/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The storage of shadow variables, compiled into a patch by SYSCARE_PATCH_RUNTIME: see
 * syscare-patch.h. It needs nothing of the program and of its libraries (a patch may import only
 * what the program imports): memory comes from mmap(2), waiting is futex(2), both called directly.
 */
#ifndef SYSCARE_PATCH_RUNTIME_H
#define SYSCARE_PATCH_RUNTIME_H

#if !defined(__x86_64__)
#error "shadow variables are written for x86-64 only"
#endif

#define SYSCARE_SHADOW_BUCKETS 256
#define SYSCARE_SHADOW_CLASSES 12              /* sizes of 64 bytes to 128 kB */
#define SYSCARE_SHADOW_CHUNK ((size_t)1 << 18) /* asked for at once */

/* One piece of data; it follows, aligned to 16 bytes. */
struct syscare_shadow {
    struct syscare_shadow *next; /* in its bucket, or among the free ones of its class */
    const void *obj;
    unsigned long id;
    unsigned int size_class;
    unsigned int pad;
};

struct syscare_shadow_store {
    int lock;                 /* 0 free, 1 taken, 2 taken and waited for */
    unsigned long owner;      /* of the lock: the thread's own address */
    unsigned long generation; /* raised when the patch is applied */
    unsigned long seen;       /* the generation that buckets are of */
    struct syscare_shadow *buckets[SYSCARE_SHADOW_BUCKETS];
    struct syscare_shadow *free[SYSCARE_SHADOW_CLASSES];
    char *chunk; /* what is left of the last one */
    size_t left;
};

static struct syscare_shadow_store syscare_shadow_store;

/* System calls that set no errno: that belongs to the program. */
static long syscare_shadow_call(long number, unsigned long a, unsigned long b, unsigned long c,
                                unsigned long d, unsigned long e, unsigned long f)
{
    register unsigned long r10 __asm__("r10") = d;
    register unsigned long r8 __asm__("r8") = e;
    register unsigned long r9 __asm__("r9") = f;
    long result = number;

    __asm__ volatile("syscall"
                     : "+a"(result)
                     : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static long syscare_shadow_futex(int *word, int operation, int value)
{
    return syscare_shadow_call(202, (unsigned long)word, (unsigned long)operation,
                               (unsigned long)value, 0, 0, 0);
}

/* Tells threads apart without a system call: the first word of its thread control block. */
static unsigned long syscare_shadow_self(void)
{
    unsigned long self;

    __asm__("mov %%fs:0, %0" : "=r"(self));
    return self;
}

/*
 * What an earlier application of the patch left is forgotten, but not used again: a call that began
 * before the patch was reverted may still hold on to it.
 */
static void syscare_shadow_renew(struct syscare_shadow_store *store)
{
    unsigned long generation = __atomic_load_n(&store->generation, __ATOMIC_ACQUIRE);
    size_t i;

    if (store->seen == generation)
        return;
    for (i = 0; i < SYSCARE_SHADOW_BUCKETS; i++)
        __atomic_store_n(&store->buckets[i], (struct syscare_shadow *)0, __ATOMIC_RELAXED);
    store->seen = generation;
}

/* Takes no lock: it runs on a thread that may be anywhere. */
static int syscare_shadow_begin(void)
{
    __atomic_add_fetch(&syscare_shadow_store.generation, 1, __ATOMIC_RELEASE);
    return 0;
}

SYSCARE_PRE_APPLY(syscare_shadow_begin);

/*
 * 0 when this thread has the lock already: a hook runs on a thread that was stopped in here. It
 * must not wait for itself.
 */
static int syscare_shadow_lock(struct syscare_shadow_store *store)
{
    unsigned long self = syscare_shadow_self();
    int seen = 0;

    if (__atomic_load_n(&store->owner, __ATOMIC_RELAXED) == self)
        return 0;
    if (!__atomic_compare_exchange_n(&store->lock, &seen, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        while (__atomic_exchange_n(&store->lock, 2, __ATOMIC_ACQUIRE) != 0)
            syscare_shadow_futex(&store->lock, 128 /* FUTEX_WAIT_PRIVATE */, 2);
    __atomic_store_n(&store->owner, self, __ATOMIC_RELAXED);
    syscare_shadow_renew(store);
    return 1;
}

static void syscare_shadow_unlock(struct syscare_shadow_store *store)
{
    __atomic_store_n(&store->owner, 0, __ATOMIC_RELAXED);
    if (__atomic_exchange_n(&store->lock, 0, __ATOMIC_RELEASE) == 2)
        syscare_shadow_futex(&store->lock, 129 /* FUTEX_WAKE_PRIVATE */, 1);
}

static struct syscare_shadow **syscare_shadow_find(struct syscare_shadow_store *store,
                                                   const void *obj, unsigned long id)
{
    unsigned long hash = ((unsigned long)obj >> 4) * 0x9e3779b97f4a7c15ul + id * 0x85ebca6bul;
    struct syscare_shadow **place = &store->buckets[(hash >> 40) % SYSCARE_SHADOW_BUCKETS];

    while (*place && ((*place)->obj != obj || (*place)->id != id))
        place = &(*place)->next;
    return place;
}

static char *syscare_shadow_map(size_t size)
{
    long result = syscare_shadow_call(9, 0, size, 3 /* read, write */,
                                      0x22 /* private, anonymous */, ~0ul, 0);

    return result < 0 && result > -4096 ? (char *)0 : (char *)result;
}

/* The smallest class that holds the data and its header; -1: larger than all. */
static int syscare_shadow_class(size_t size)
{
    size_t room = 64;
    int size_class = 0;

    if (size > ((size_t)64 << (SYSCARE_SHADOW_CLASSES - 1)) - sizeof(struct syscare_shadow))
        return -1;
    while (room - sizeof(struct syscare_shadow) < size) {
        room <<= 1;
        size_class++;
    }
    return size_class;
}

/* Memory is only handed on within its class, so that nothing is ever split or joined. */
static struct syscare_shadow *syscare_shadow_take(struct syscare_shadow_store *store, size_t size)
{
    int size_class = syscare_shadow_class(size);
    struct syscare_shadow *shadow;
    size_t room, i;

    if (size_class < 0)
        return (struct syscare_shadow *)0;
    shadow = store->free[size_class];
    room = (size_t)64 << size_class;
    if (shadow) {
        store->free[size_class] = shadow->next;
    } else {
        if (store->left < room) {
            char *chunk = syscare_shadow_map(SYSCARE_SHADOW_CHUNK);

            if (!chunk)
                return (struct syscare_shadow *)0;
            store->chunk = chunk;
            store->left = SYSCARE_SHADOW_CHUNK;
        }
        shadow = (struct syscare_shadow *)(void *)store->chunk;
        store->chunk += room;
        store->left -= room;
    }
    shadow->size_class = (unsigned int)size_class;
    /* not memset: the compiler would call that of the program, which may not import it */
    for (i = 0; i < room - sizeof(*shadow); i++)
        ((volatile char *)(shadow + 1))[i] = 0;
    return shadow;
}

static void syscare_shadow_give(struct syscare_shadow_store *store, struct syscare_shadow *shadow)
{
    shadow->next = store->free[shadow->size_class];
    store->free[shadow->size_class] = shadow;
}

void *syscare_shadow_get(const void *obj, unsigned long id)
{
    struct syscare_shadow_store *store = &syscare_shadow_store;
    struct syscare_shadow *shadow;

    if (!syscare_shadow_lock(store))
        return (void *)0;
    shadow = *syscare_shadow_find(store, obj, id);
    syscare_shadow_unlock(store);
    return shadow ? shadow + 1 : (void *)0;
}

/*
 * The constructor runs without the lock, on data that nobody sees yet; who comes second gives its
 * own back.
 */
static void *syscare_shadow_new(const void *obj, unsigned long id, size_t size,
                                syscare_shadow_ctor ctor, int existing)
{
    struct syscare_shadow_store *store = &syscare_shadow_store;
    struct syscare_shadow *shadow, *found;

    if (!syscare_shadow_lock(store))
        return (void *)0;
    found = *syscare_shadow_find(store, obj, id);
    shadow = found ? (struct syscare_shadow *)0 : syscare_shadow_take(store, size);
    syscare_shadow_unlock(store);
    if (found)
        return existing ? found + 1 : (void *)0;
    if (!shadow)
        return (void *)0;
    shadow->obj = obj;
    shadow->id = id;
    if (ctor)
        ctor(obj, shadow + 1);
    syscare_shadow_lock(store);
    found = *syscare_shadow_find(store, obj, id);
    if (found) {
        syscare_shadow_give(store, shadow);
    } else {
        struct syscare_shadow **place = syscare_shadow_find(store, obj, id);

        shadow->next = *place;
        *place = shadow;
    }
    syscare_shadow_unlock(store);
    if (found)
        return existing ? found + 1 : (void *)0;
    return shadow + 1;
}

void *syscare_shadow_alloc(const void *obj, unsigned long id, size_t size, syscare_shadow_ctor ctor)
{
    return syscare_shadow_new(obj, id, size, ctor, 0);
}

void *syscare_shadow_attach(const void *obj, unsigned long id, size_t size,
                            syscare_shadow_ctor ctor)
{
    return syscare_shadow_new(obj, id, size, ctor, 1);
}

int syscare_shadow_detach(const void *obj, unsigned long id)
{
    struct syscare_shadow_store *store = &syscare_shadow_store;
    struct syscare_shadow **place, *shadow;

    if (!syscare_shadow_lock(store))
        return 0;
    place = syscare_shadow_find(store, obj, id);
    shadow = *place;
    if (shadow) {
        *place = shadow->next;
        syscare_shadow_give(store, shadow);
    }
    syscare_shadow_unlock(store);
    return shadow != (struct syscare_shadow *)0;
}

#endif

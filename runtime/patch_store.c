// SPDX-License-Identifier: GPL-2.0-or-later
// The patches that the daemon knows: reads the patch directory and the copies of applied patches.
#include "runtime/patch_store.h"

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "runtime/trust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static const char *const status_names[] = {"NOT-APPLIED", "DEACTIVED", "ACTIVED", "ACCEPTED"};

const char *patch_status_name(enum patch_status status)
{
    return status_names[status];
}

int patch_status_parse(const char *text, enum patch_status *status)
{
    for (size_t i = 0; i < sizeof(status_names) / sizeof(status_names[0]); i++) {
        if (strcmp(text, status_names[i]) == 0) {
            *status = (enum patch_status)i;
            return 0;
        }
    }
    return -1;
}

bool patch_status_active(enum patch_status status)
{
    return status == PATCH_ACTIVED || status == PATCH_ACCEPTED;
}

struct patch_store *store_new(const char *patch_dir, const char *copy_dir, bool trust_parents)
{
    struct patch_store *store = calloc(1, sizeof(*store));

    if (!store)
        abort();
    store->patch_dir = sc_format("%s", patch_dir);
    store->copy_dir = sc_format("%s", copy_dir);
    store->trust_parents = trust_parents;
    return store;
}

static void patch_free(struct patch *patch)
{
    for (size_t i = 0; i < patch->info->entity_count; i++)
        free(patch->entities[i].name);
    free(patch->entities);
    patch_info_free(patch->info);
    free(patch->target_name);
    free(patch->name);
    free(patch->installed);
    free(patch->copy);
    free(patch);
}

void store_free(struct patch_store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < store->count; i++)
        patch_free(store->patches[i]);
    free(store->patches);
    free(store->patch_dir);
    free(store->copy_dir);
    free(store);
}

/* Where the look at a path of the store begins. */
static const char *trust_base(const struct patch_store *store, const char *path)
{
    size_t length = strlen(store->copy_dir);

    if (!store->trust_parents)
        return "/";
    return strncmp(path, store->copy_dir, length) == 0 && path[length] == '/' ? store->copy_dir
                                                                              : store->patch_dir;
}

struct patch *store_patch(struct patch_store *store, const char *uuid)
{
    for (size_t i = 0; i < store->count; i++)
        if (strcmp(store->patches[i]->info->uuid, uuid) == 0)
            return store->patches[i];
    return NULL;
}

struct entity *store_entity(struct patch_store *store, const char *uuid)
{
    for (size_t i = 0; i < store->count; i++)
        for (size_t j = 0; j < store->patches[i]->info->entity_count; j++)
            if (strcmp(store->patches[i]->entities[j].info->uuid, uuid) == 0)
                return &store->patches[i]->entities[j];
    return NULL;
}

/* Takes info; gives the patch its names. */
static struct patch *patch_new(const struct patch_store *store, struct patch_info *info)
{
    struct patch *patch = calloc(1, sizeof(*patch));

    if (!patch)
        abort();
    patch->store = store;
    patch->info = info;
    patch->target_name =
        sc_format("%s-%s-%s", info->target.name, info->target.version, info->target.release);
    patch->name =
        sc_format("%s/%s-%s-%s", patch->target_name, info->name, info->version, info->release);
    patch->entities = calloc(info->entity_count, sizeof(*patch->entities));
    if (!patch->entities)
        abort();
    for (size_t i = 0; i < info->entity_count; i++) {
        patch->entities[i].patch = patch;
        patch->entities[i].info = &info->entities[i];
        patch->entities[i].name =
            sc_format("%s/%s", patch->name, strrchr(info->entities[i].target_elf, '/') + 1);
    }
    return patch;
}

/* The order of `list`: the same on every host. */
static int compare_patches(const void *a, const void *b)
{
    const struct patch *left = *(struct patch *const *)a, *right = *(struct patch *const *)b;
    int order = strcmp(left->name, right->name);

    return order ? order : strcmp(left->info->uuid, right->info->uuid);
}

/* Reads one patch directory into the store. copy says which of the two kinds it is. */
static int scan_patch(struct patch_store *store, const char *dir, const char *uuid, bool copy,
                      struct sc_error **err)
{
    cleanup_free char *path = sc_format("%s/%s", dir, SC_PATCH_INFO_FILE);
    cleanup_close int fd = trust_open(trust_base(store, path), path, O_RDONLY | O_NONBLOCK, err);
    cleanup_free char *opened = sc_format("/proc/self/fd/%d", fd);
    cleanup_patch_info struct patch_info *info = fd < 0 ? NULL : patch_info_read(opened, err);
    struct patch *patch;
    char **place;

    if (!info)
        return -1;
    if (strcmp(info->uuid, uuid) != 0)
        return sc_error_set(err, SC_FAILED, "patch_info has another uuid (%s)", info->uuid);
    patch = store_patch(store, uuid);
    if (!patch) {
        store->patches = reallocarray(store->patches, store->count + 1, sizeof(*store->patches));
        if (!store->patches)
            abort();
        patch = store->patches[store->count++] = patch_new(store, steal_pointer(&info));
    } else if (strcmp(patch->info->digest, info->digest) != 0) {
        return sc_error_set(err, SC_FAILED, "differs from the patch of this uuid that is applied");
    }
    place = copy ? &patch->copy : &patch->installed;
    free(*place);
    *place = sc_format("%s", dir);
    return 0;
}

/* Reads every <uuid> directory below root. A missing root is an empty one. */
static int scan_root(struct patch_store *store, const char *root, bool copy,
                     struct string_list *problems, struct sc_error **err)
{
    DIR *dir = opendir(root);
    struct dirent *entry;

    if (!dir)
        return errno == ENOENT ? 0 : sc_error_errno(err, "cannot read %s", root);
    if (trust_check(store->trust_parents ? root : "/", root, err) < 0) {
        closedir(dir);
        return -1;
    }
    while ((entry = readdir(dir))) {
        cleanup_free char *path = sc_format("%s/%s", root, entry->d_name);
        cleanup_error struct sc_error *bad = NULL;

        if (entry->d_name[0] != '.' && patch_uuid_valid(entry->d_name) &&
            scan_patch(store, path, entry->d_name, copy, &bad) < 0)
            string_list_format(problems, "%s: %s", path, bad->message);
    }
    closedir(dir);
    return 0;
}

/* Drops what is in neither directory any more and has no state. */
static void drop_missing(struct patch_store *store)
{
    size_t kept = 0;

    for (size_t i = 0; i < store->count; i++) {
        struct patch *patch = store->patches[i];
        bool used = patch->installed || patch->copy;

        for (size_t j = 0; j < patch->info->entity_count; j++)
            used = used || patch->entities[j].status != PATCH_NOT_APPLIED;
        if (used)
            store->patches[kept++] = patch;
        else
            patch_free(patch);
    }
    store->count = kept;
}

int store_scan(struct patch_store *store, struct string_list *problems, struct sc_error **err)
{
    int result;

    for (size_t i = 0; i < store->count; i++) {
        free(steal_pointer(&store->patches[i]->installed));
        free(steal_pointer(&store->patches[i]->copy));
    }
    /* Copies first: what is applied decides what a uuid means. */
    result = scan_root(store, store->copy_dir, true, problems, err);
    if (result == 0)
        result = scan_root(store, store->patch_dir, false, problems, err);
    drop_missing(store);
    if (store->count)
        qsort(store->patches, store->count, sizeof(*store->patches), compare_patches);
    return result;
}

char *store_object_path(const struct entity *entity)
{
    const char *dir = entity->patch->installed;

    if (entity->patch->copy) {
        char *path = sc_format("%s/%s", entity->patch->copy, entity->info->file);

        if (sc_file_exists(path) || !dir)
            return path;
        free(path);
    }
    return sc_format("%s/%s", dir ? dir : "", entity->info->file);
}

/* Proves by its digest that the open object is the one that patch_info names. */
static int verify_object(const struct entity *entity, int fd, const char *path,
                         struct sc_error **err)
{
    cleanup_free char *opened = sc_format("/proc/self/fd/%d", fd);
    uint8_t digest[SC_DIGEST_SIZE];
    char hex[SC_DIGEST_HEX_SIZE];

    if (sc_digest_file(opened, digest, err) < 0)
        return sc_error_wrap(err, "%s", path);
    sc_hex_encode(digest, sizeof(digest), hex);
    if (strcmp(hex, entity->info->sha256) != 0)
        return sc_error_set(err, SC_REFUSED,
                            "damaged-patch: %s is not what patch_info describes (its SHA-256 is %s,"
                            " expected %s)",
                            path, hex, entity->info->sha256);
    return 0;
}

char *store_object_open(const struct entity *entity, int *fd, struct sc_error **err)
{
    cleanup_free char *path = store_object_path(entity);

    *fd = trust_open(trust_base(entity->patch->store, path), path, O_RDONLY | O_NONBLOCK, err);
    if (*fd < 0)
        return NULL;
    if (verify_object(entity, *fd, path, err) == 0)
        return sc_format("/proc/self/fd/%d", *fd);
    close(*fd);
    *fd = -1;
    return NULL;
}

/* The copy is there, and what it should be. */
static bool is_good_copy(const struct entity *entity, const char *path, struct sc_error **err)
{
    cleanup_close int fd =
        trust_open(trust_base(entity->patch->store, path), path, O_RDONLY | O_NONBLOCK, err);

    return fd >= 0 && verify_object(entity, fd, path, err) == 0;
}

/* Copies from to beside itself, syncs and renames, so that a copy is whole or not there. */
static int copy_synced(const char *from, const char *to, struct sc_error **err)
{
    cleanup_free char *data = NULL;
    size_t size;

    if (sc_file_read(from, SC_PATCH_INFO_MAX, &data, &size, err) < 0)
        return -1;
    return sc_file_replace(to, data, size, 0600, err);
}

int store_copy_make(struct patch_store *store, struct entity *entity, struct sc_error **err)
{
    struct patch *patch = entity->patch;
    cleanup_free char *dir = sc_format("%s/%s", store->copy_dir, patch->info->uuid);
    cleanup_free char *object = sc_format("%s/%s", dir, entity->info->file);
    cleanup_free char *info = sc_format("%s/%s", dir, SC_PATCH_INFO_FILE);
    cleanup_free char *from =
        sc_format("%s/%s", patch->installed ? patch->installed : "", entity->info->file);
    cleanup_free char *info_from =
        sc_format("%s/%s", patch->installed ? patch->installed : "", SC_PATCH_INFO_FILE);

    if (sc_file_exists(object) && sc_file_exists(info) && is_good_copy(entity, object, NULL))
        return 0;
    if (!patch->installed)
        return sc_error_set(err, SC_FAILED, "%s is not installed any more", entity->name);
    /* The object first: a copy counts once its patch_info is there. */
    if (sc_dir_make(dir, 0700, err) < 0 || copy_synced(from, object, err) < 0 ||
        copy_synced(info_from, info, err) < 0 || !is_good_copy(entity, object, err)) {
        store_copy_remove(store, entity);
        return sc_error_wrap(err, "cannot keep a copy of %s", entity->name);
    }
    free(patch->copy);
    patch->copy = steal_pointer(&dir);
    return 0;
}

void store_copy_remove(struct patch_store *store, struct entity *entity)
{
    struct patch *patch = entity->patch;
    cleanup_free char *dir = sc_format("%s/%s", store->copy_dir, patch->info->uuid);
    cleanup_free char *object = sc_format("%s/%s", dir, entity->info->file);

    unlink(object);
    for (size_t i = 0; i < patch->info->entity_count; i++) {
        cleanup_free char *other = sc_format("%s/%s", dir, patch->info->entities[i].file);

        if (sc_file_exists(other))
            return;
    }
    sc_tree_remove(dir, NULL);
    free(steal_pointer(&patch->copy));
}

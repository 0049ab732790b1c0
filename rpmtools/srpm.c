// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the headers of RPM packages, and asks the rpm database, through librpm.
#include "rpmtools/srpm.h"

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "rpmtools/srpm_P.h"

#include <pthread.h>
#include <rpm/rpmdb.h>
#include <rpm/rpmlib.h>
#include <rpm/rpmlog.h>
#include <rpm/rpmmacro.h>
#include <rpm/rpmps.h>
#include <rpm/rpmts.h>
#include <string.h>

/* librpm's configuration belongs to the process: read it once, and keep it from printing. */
static void library_open(void)
{
    rpmReadConfigFiles(NULL, NULL);
    rpmlogSetMask(RPMLOG_UPTO(RPMLOG_EMERG));
}

/* A transaction set: librpm hangs its verification flags and its database on one. */
static rpmts transaction_new(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    rpmts ts;

    pthread_once(&once, library_open);
    ts = rpmtsCreate();
    /* Who signed a package is not our question; whether it is whole, is. */
    rpmtsSetVSFlags(ts, RPMVSF_MASK_NOSIGNATURES);
    return ts;
}

/*
 * An rpm of another distribution has keys that we do not: NOKEY and NOTTRUSTED are about the
 * signature only. A wrong digest of the header gives FAIL, and so does a file that ends in it.
 */
int rpm_header_read(const char *path, Header *header, off_t *payload, struct sc_error **err)
{
    FD_t fd = Fopen(path, "r.ufdio");
    rpmts ts;
    rpmRC rc;

    if (!fd || Ferror(fd)) {
        sc_error_errno(err, "cannot open %s", path);
        if (fd)
            Fclose(fd);
        return -1;
    }
    ts = transaction_new();
    *header = NULL;
    rc = rpmReadPackageFile(ts, fd, path, header);
    rpmtsFree(ts);
    *payload = Ftell(fd);
    Fclose(fd);
    if (*header && (rc == RPMRC_OK || rc == RPMRC_NOKEY || rc == RPMRC_NOTTRUSTED))
        return 0;
    headerFree(*header);
    return sc_error_set(err, SC_FAILED, "%s: %s", path,
                        rc == RPMRC_NOTFOUND ? "not an RPM package" : "damaged RPM package");
}

/* A copy of a string tag; NULL when the header lacks it. */
static char *copy_tag(Header header, rpmTagVal tag)
{
    const char *text = headerGetString(header, tag);

    return text ? sc_format("%s", text) : NULL;
}

/* Dependencies as text: rpmdsDNEVR gives "R name >= version". */
static void read_dependencies(Header header, rpmTagVal tag, struct string_list *list)
{
    rpmds ds = rpmdsInit(rpmdsNew(header, tag, 0));

    while (rpmdsNext(ds) >= 0) {
        const char *text = rpmdsDNEVR(ds);

        if (text && strlen(text) > 2)
            string_list_add(list, text + 2);
    }
    rpmdsFree(ds);
}

/* The file that is flagged as the spec. A name with a slash cannot be one. */
static char *find_spec(Header header)
{
    rpmfiles files = rpmfilesNew(NULL, header, 0, RPMFI_KEEPHEADER);
    char *spec = NULL;

    for (int i = 0; i < (int)rpmfilesFC(files) && !spec; i++)
        if (rpmfilesFFlags(files, i) & RPMFILE_SPECFILE)
            spec = sc_format("%s", rpmfilesBN(files, i));
    rpmfilesFree(files);
    return spec;
}

static bool has_suffix(const char *text, const char *suffix)
{
    size_t a = strlen(text), b = strlen(suffix);

    return a >= b && strcmp(text + a - b, suffix) == 0;
}

/* As rpm's find-debuginfo names them; the content decides where a package only looks like one. */
static enum rpm_package_kind find_kind(Header header, const char *name)
{
    rpmfiles files;
    bool debug = false;

    if (headerIsSource(header))
        return RPM_PACKAGE_SOURCE;
    if (has_suffix(name, "-debugsource"))
        return RPM_PACKAGE_DEBUGSOURCE;
    files = rpmfilesNew(NULL, header, 0, RPMFI_KEEPHEADER);
    for (int i = 0; i < (int)rpmfilesFC(files) && !debug; i++) {
        const char *directory = rpmfilesDN(files, rpmfilesDI(files, i));

        debug = directory && strncmp(directory, "/usr/lib/debug/", 15) == 0 &&
                has_suffix(rpmfilesBN(files, i), ".debug");
    }
    rpmfilesFree(files);
    return debug ? RPM_PACKAGE_DEBUGINFO : RPM_PACKAGE_BINARY;
}

/*
 * An absent epoch and epoch 0 compare equal in rpm, but only one of them is written in a
 * dependency: so the difference is kept.
 */
static void read_numbers(Header header, struct rpm_package *package)
{
    struct rpmtd_s times;

    package->build_time = headerGetNumber(header, RPMTAG_BUILDTIME);
    if (headerGet(header, RPMTAG_CHANGELOGTIME, &times, HEADERGET_MINMEM)) {
        package->changelog_time = rpmtdNext(&times) >= 0 ? rpmtdGetNumber(&times) : 0;
        rpmtdFreeData(&times);
    }
    if (headerIsEntry(header, RPMTAG_EPOCH))
        package->epoch =
            sc_format("%llu", (unsigned long long)headerGetNumber(header, RPMTAG_EPOCH));
}

static int read_header(Header header, struct rpm_package *package, struct sc_error **err)
{
    package->name = copy_tag(header, RPMTAG_NAME);
    package->version = copy_tag(header, RPMTAG_VERSION);
    package->release = copy_tag(header, RPMTAG_RELEASE);
    package->arch = copy_tag(header, RPMTAG_ARCH);
    package->license = copy_tag(header, RPMTAG_LICENSE);
    package->build_host = copy_tag(header, RPMTAG_BUILDHOST);
    package->source_rpm = copy_tag(header, RPMTAG_SOURCERPM);
    if (!package->build_host)
        package->build_host = sc_format("%s", "");
    if (!package->name || !package->version || !package->release || !package->arch ||
        !package->license)
        return sc_error_set(err, SC_FAILED,
                            "%s: the header lacks name, version, release, "
                            "architecture or license",
                            package->path);
    package->kind = find_kind(header, package->name);
    if (package->kind == RPM_PACKAGE_SOURCE)
        package->spec = find_spec(header);
    read_numbers(header, package);
    read_dependencies(header, RPMTAG_REQUIRENAME, &package->requires);
    read_dependencies(header, RPMTAG_PROVIDENAME, &package->provides);
    return 0;
}

struct rpm_package *rpm_package_read(const char *path, struct sc_error **err)
{
    struct rpm_package *package;
    Header header;
    off_t payload;
    int result;

    if (rpm_header_read(path, &header, &payload, err) < 0)
        return NULL;
    package = calloc(1, sizeof(*package));
    if (!package)
        abort();
    package->path = sc_format("%s", path);
    result = read_header(header, package, err);
    headerFree(header);
    if (result == 0)
        return package;
    rpm_package_free(package);
    return NULL;
}

void rpm_package_free(struct rpm_package *package)
{
    if (!package)
        return;
    free(package->path);
    free(package->name);
    free(package->version);
    free(package->release);
    free(package->arch);
    free(package->license);
    free(package->epoch);
    free(package->build_host);
    free(package->source_rpm);
    free(package->spec);
    string_list_clear(&package->requires);
    string_list_clear(&package->provides);
    free(package);
}

void rpm_package_cleanup(struct rpm_package **package)
{
    rpm_package_free(*package);
}

char *rpm_package_nvr(const struct rpm_package *package)
{
    return sc_format("%s-%s-%s", package->name, package->version, package->release);
}

char *rpm_package_evr(const struct rpm_package *package)
{
    return sc_format("%s%s%s-%s", package->epoch ? package->epoch : "", package->epoch ? ":" : "",
                     package->version, package->release);
}

/* True if the database of ts has no package at all (Debian's rpm, a container without one). */
static bool database_is_empty(rpmts ts)
{
    rpmdbMatchIterator iterator = rpmtsInitIterator(ts, RPMDBI_PACKAGES, NULL, 0);
    bool empty = !rpmdbNextIterator(iterator);

    rpmdbFreeIterator(iterator);
    return empty;
}

/* Adds what rpm found missing; the text of a problem names the dependency. */
static void collect_problems(rpmts ts, struct string_list *missing)
{
    rpmps problems = rpmtsProblems(ts);
    rpmpsi iterator = rpmpsInitIterator(problems);
    rpmProblem problem;

    while ((problem = rpmpsiNext(iterator))) {
        const char *text = rpmProblemGetStr(problem);

        if (rpmProblemGetType(problem) != RPMPROB_REQUIRES || !text)
            continue;
        if (!string_list_has(missing, text))
            string_list_add(missing, text);
    }
    rpmpsFreeIterator(iterator);
    rpmpsFree(problems);
}

/* The question that rpmbuild itself asks: can the source package's header be installed? */
static int check_requires(rpmts ts, const struct rpm_package *package, Header header,
                          struct string_list *missing, struct sc_error **err)
{
    size_t before = missing->count;

    if (database_is_empty(ts))
        return SRPM_REQUIRES_UNKNOWN;
    if (rpmtsAddInstallElement(ts, header, NULL, 0, NULL) || rpmtsCheck(ts))
        return sc_error_set(err, SC_FAILED, "%s: the build dependencies cannot be checked",
                            package->path);
    collect_problems(ts, missing);
    return missing->count > before ? SRPM_REQUIRES_MISSING : SRPM_REQUIRES_MET;
}

/*
 * The header is read again rather than kept: librpm's Header is not for callers who do not know
 * librpm.
 */
int srpm_missing_requires(const struct rpm_package *package, const char *root,
                          struct string_list *missing, struct sc_error **err)
{
    Header header;
    off_t payload;
    rpmts ts;
    int result;

    if (package->kind != RPM_PACKAGE_SOURCE)
        return sc_error_set(err, SC_USAGE, "%s is not a source package", package->path);
    if (rpm_header_read(package->path, &header, &payload, err) < 0)
        return -1;
    ts = transaction_new();
    if (root && rpmtsSetRootDir(ts, root))
        result = sc_error_set(err, SC_FAILED, "%s cannot be the root of an rpm database", root);
    else
        result = check_requires(ts, package, header, missing, err);
    rpmtsFree(ts);
    headerFree(header);
    return result;
}

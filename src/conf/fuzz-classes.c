/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a file of classes.d: either all its classes or a sentence that is safe to print.
 * Decoder: src/conf/classes.c
 * Decoder: src/conf/appid.c
 * Decoder: src/conf/file.c
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "conf/classes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/mantle-classes-XXXXXX", path[sizeof(folder) + 8];
static int file = -1;

static void remove_folder(void)
{
    (void)unlink(path);
    (void)rmdir(folder);
}

static void make_folder(void)
{
    if (file >= 0) return;
    if (!mkdtemp(folder)) abort();
    (void)snprintf(path, sizeof(path), "%s/a.conf", folder);
    file = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0 || atexit(remove_folder) != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(conf_classes_freep) ConfClasses *classes = NULL;
    _cleanup_(freep) char *error = NULL;
    make_folder();
    if (ftruncate(file, 0) < 0 || pwrite(file, data, size, 0) != (ssize_t)size) return 0;
    if (conf_classes_load(folder, &classes, &error) < 0) {
        assert(!classes && error);
        for (const char *c = error; *c; c++)
            assert((unsigned char)*c >= ' ' && *c != 0x7f);
        return 0;
    }
    assert(classes && !error);
    for (size_t i = 0; i < conf_classes_count(classes); i++) {
        const ConfClass *item = conf_classes_at(classes, i);
        assert((item->user_count > 0 || item->run_as) && item->user_count <= CONF_CLASS_USERS_MAX);
        assert(!item->command || item->command[0][0] == '/');
        assert(!item->library || item->library[0] == '/');
        assert(!item->run_as == !(item->command || item->library));
        assert(item->run_as != CONF_RUN_AS_ACCOUNT || item->account_uid != 0);
        assert(!item->has_appid || conf_classes_find_appid(classes, &item->appid));
        assert(conf_classes_find(classes, &item->clsid) == item);
        for (size_t k = 0; k < item->user_count; k++)
            assert(item->users[k] != (uid_t)-1);
    }
    return 0;
}

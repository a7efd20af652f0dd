/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as mantle.conf: either a complete configuration or a sentence that is safe to print.
 * Decoder: src/conf/file.c
 * Decoder: src/conf/conf.c setting_.*|refuse_.*|list_names|find_key|on_line|conf_load
 * Decoder: src/conf/value.c parse_.*|is_address|format_.*|conf_value_.*
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_sentence(const char *error)
{
    assert(error);
    for (const unsigned char *c = (const unsigned char *)error; *c; c++) {
        assert(*c >= ' ' && *c != 0x7f);
        assert(c[0] != 0xc2 || c[1] < 0x80 || c[1] >= 0xa0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    _cleanup_(conf_freep) Conf *conf = NULL;
    _cleanup_(freep) char *error = NULL;
    _cleanup_(closep) int fd = memfd_create("conf", MFD_CLOEXEC);
    if (fd < 0 || fchmod(fd, 0600) < 0) return 0;
    if (size > 0 && write(fd, data, size) != (ssize_t)size) return 0;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (conf_load(path, &conf, &error) < 0) {
        assert(!conf);
        check_sentence(error);
        return 0;
    }
    assert(conf && !error);
    assert(conf_integer(conf, CONF_RESOLVER_PORT) >= 1 && conf_integer(conf, CONF_RESOLVER_PORT) <= 65535);
    assert(conf_choice(conf, CONF_SECURITY_ACTIVATION_FLOOR) >= 1);
    for (const char *const *item = conf_list(conf, CONF_EXPORTER_ADDRESSES); *item; item++)
        assert(strlen(*item) < 46);
    return 0;
}

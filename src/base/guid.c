/* SPDX-License-Identifier: Apache-2.0 */
#include "base/guid.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define POOL_GUIDS 64u

/* How often this process forked: a child must not repeat its parent's GUIDs. */
static atomic_uint forks;
static pthread_once_t forks_once = PTHREAD_ONCE_INIT;

static void count_fork(void)
{
    atomic_fetch_add(&forks, 1);
}

static void count_forks(void)
{
    (void)pthread_atfork(NULL, NULL,
                         count_fork); /* fails for want of memory only, at a process's first GUID */
}

static int fill(void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = getrandom((uint8_t *)bytes + done, size - done, 0);
        if (got < 0 && errno != EINTR) return -errno;
        if (got > 0) done += (size_t)got;
    }
    return 0;
}

/* Every call of a chain has one, and a system call for each would be a tenth of the call: from a pool of the
 * thread's, in which what was given out is forgotten. */
int guid_random(Guid *ret_guid)
{
    static _Thread_local Guid pool[POOL_GUIDS];
    static _Thread_local unsigned left, pool_forks;

    pthread_once(&forks_once, count_forks);
    const unsigned now = atomic_load_explicit(&forks, memory_order_relaxed);
    if (left == 0 || pool_forks != now) {
        int r = fill(pool, sizeof(pool));
        if (r < 0) return r;
        left = POOL_GUIDS;
        pool_forks = now;
    }
    Guid guid = pool[--left];
    explicit_bzero(&pool[left], sizeof(guid));
    guid.data3 = (uint16_t)((guid.data3 & 0x0fff) | 0x4000);
    guid.data4[0] = (uint8_t)((guid.data4[0] & 0x3f) | 0x80);
    *ret_guid = guid;
    return 0;
}

void guid_format(const Guid *guid, char text[GUID_STRING_SIZE])
{
    const uint8_t *d = guid->data4;
    (void)snprintf(text, GUID_STRING_SIZE, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", guid->data1,
                   guid->data2, guid->data3, d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int guid_parse(const char *text, Guid *ret_guid)
{
    uint8_t b[16];
    size_t length = strlen(text);
    if (length == 38) {
        if (text[0] != '{' || text[37] != '}') return -EINVAL;
        text++;
    } else if (length != 36) {
        return -EINVAL;
    }
    for (size_t i = 0; i < sizeof(b); i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-') return -EINVAL;
        int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);
        if (low < 0) return -EINVAL;
        b[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    *ret_guid = (Guid){
        .data1 = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3],
        .data2 = (uint16_t)(b[4] << 8 | b[5]),
        .data3 = (uint16_t)(b[6] << 8 | b[7]),
        .data4 = {b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]},
    };
    return 0;
}

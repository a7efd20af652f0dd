/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"
#include <errno.h>
#include <string.h>

struct Secret {
    size_t length;
    uint8_t data[];
};

int secret_new(const void *data, size_t length, Secret **ret_secret)
{
    if (length > SIZE_MAX - sizeof(Secret)) return -ENOMEM;
    Secret *secret = malloc(sizeof(*secret) + length);
    if (!secret) return -ENOMEM;
    secret->length = length;
    if (length > 0) memcpy(secret->data, data, length);
    *ret_secret = secret;
    return 0;
}

Secret *secret_free(Secret *secret)
{
    if (secret) explicit_bzero(secret->data, secret->length);
    free(secret);
    return NULL;
}

const uint8_t *secret_data(const Secret *secret)
{
    return secret->data;
}

size_t secret_length(const Secret *secret)
{
    return secret->length;
}

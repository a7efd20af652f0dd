/* SPDX-License-Identifier: Apache-2.0 */
/* A secret: bytes that are wiped when freed, never printed, never copied by accident. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"

typedef struct Secret Secret;

/* Copies `length` bytes. 0, -ENOMEM. */
int secret_new(const void *data, size_t length, Secret **ret_secret) must_use;
Secret *secret_free(Secret *secret);
const uint8_t *secret_data(const Secret *secret);
size_t secret_length(const Secret *secret);
DEFINE_CLEANUP(Secret, secret_free)

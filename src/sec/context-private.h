/* SPDX-License-Identifier: Apache-2.0 */
/* What a mechanism gives to sec/context.c. A mechanism's own context starts with a SecContext. */
#pragma once
#include "sec/context.h"

typedef struct SecContextOps {
    void (*free)(SecContext *context);
    /* The others see PKT, PKT_INTEGRITY and PKT_PRIVACY only; sec_context_*() say what they return. */
    size_t (*token_length)(const SecContext *context, uint8_t authn_level);
    /* `message` has a token of token_length(), and the context has not expired. */
    int (*protect)(SecContext *context, uint8_t authn_level, SecMessage *message);
    int (*unprotect)(SecContext *context, uint8_t authn_level, SecMessage *message);
    size_t (*mic_length)(const SecContext *context);
    int (*sign)(SecContext *context, const uint8_t *data, size_t length, uint8_t *mic);
    int (*verify)(SecContext *context, const uint8_t *data, size_t length, const uint8_t *mic,
                  size_t mic_length);
} SecContextOps;

struct SecContext {
    const SecContextOps *ops;
    uint8_t service;
    int64_t expires;
    char *server; /* context.c's */
};

/* Kerberos' (context-kerberos.c); `service` of `spec` is not looked at. */
int sec_context_new_kerberos(const SecContextSpec *spec, SecContext **ret_context) must_use;

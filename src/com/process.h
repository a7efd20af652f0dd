/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process as an identity: its authority and its token. Both are made once, at the first use, from what the
 * configuration says (design decision 12); library defaults are never consulted.
 */
#pragma once
#include "sec/authority.h"
#include "sec/token.h"
#include "wtypes.h"

/* Where the process's credential comes from; everything may be NULL. A keytab makes a service, else it is a ticket cache. */
typedef struct ProcessOptions {
    const char *krb5_config; /* path; NULL: KRB5_CONFIG or the system's */
    const char *ccache;      /* NULL without keytab: KRB5CCNAME; neither: the process has no credential */
    const char *keytab;      /* also what incoming calls are verified with */
    const char *principal;   /* NULL: the keytab's first, or the cache's */
    bool allow_rc4;
} ProcessOptions;

/* Sets the options, which are copied, instead of mantle.conf's. Before the first use, or RPC_E_TOO_LATE. */
HRESULT process_configure(const ProcessOptions *options) must_use;
/* Borrowed; it lives as long as the process. Failures have a sentence (com/errorinfo.h). */
HRESULT process_authority(Authority **ret_authority) must_use;
/* Borrowed, as above. SEC_E_NO_CREDENTIALS: none is configured, or it cannot be read; that is tried again next time. */
HRESULT process_token(Token **ret_token) must_use;
/* Whether calls can be authenticated here: there is a keytab. */
bool process_can_accept(void);

/* A logon with a password, driven on this thread: a primary token. Failures have a sentence. */
HRESULT process_logon(const char *principal, const char *password, Token **ret_token) must_use;

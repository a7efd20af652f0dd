/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process as an identity: its authority and its token. Both are made once, at the first use, from what
 * the configuration says (design decision 12); library defaults are never consulted.
 */
#pragma once
#include "conf/conf.h"
#include "sec/authority.h"
#include "sec/token.h"
#include "wtypes.h"

/* The configuration, borrowed for the life of the process: mantle.conf, read at the first use.
 * HRESULT_FROM_WIN32( ERROR_INVALID_DATA) with a sentence that names file and line: it is wrong, and nothing
 * works until that is repaired. */
HRESULT process_conf(const Conf **ret_conf) must_use;
/* Uses a configuration that a program loaded itself, and owns from now on. Before the first use, or
 * RPC_E_TOO_LATE and the caller still owns it. */
HRESULT process_set_conf(Conf *conf) must_use;
/* Borrowed; it lives as long as the process. Failures have a sentence (com/errorinfo.h). */
HRESULT process_authority(Authority **ret_authority) must_use;
/* Borrowed, as above: the identity that the process was started to act as (run_as = activator); else that of
 * [security] ccache=; else, of a process that may read keytab=, or that mantle-authd lets act as this
 * machine, the service of that keytab; else a user's program with the ticket cache that KRB5CCNAME names.
 * SEC_E_NO_CREDENTIALS: there is none of them. A credential that cannot be read is a failure, not a reason to
 * use another; it is tried again next time. */
HRESULT process_token(Token **ret_token) must_use;
/* Whether any of them is named: only then is that failure about somebody. */
bool process_has_credential(void);
/* The same if it is there already, else NULL: asks nobody and leaves the thread's error object alone. */
Token *process_token_peek(void);
/* Whether calls can be authenticated here by Kerberos: this process may read the keytab, or mantle-authd is
 * configured, which does it for everybody. */
bool process_can_accept(void);
/* Whether the configuration lets NTLM be used: by callers, and by Negotiate. */
bool process_allows_ntlm(void);

/* A logon with a password, driven on this thread: a primary token that authenticates by this service,
 * RPC_C_AUTHN_*. Failures have a sentence. */
typedef struct ProcessLogon {
    uint8_t service;
    bool hashed; /* for NTLM: `password` is its NT hash, as 32 hexadecimal digits */
    const char *principal, *password;
} ProcessLogon;
HRESULT process_logon(const ProcessLogon *spec, Token **ret_token) must_use;
/* A token for a user who proved nothing, where the configuration lets this process vouch for users. As above.
 */
HRESULT process_logon_unproved(const char *principal, Token **ret_token) must_use;

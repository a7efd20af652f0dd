/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose identity does a call show? The one place that decides (facts CLK-1 to CLK-15; the rules C1 to C8 are
 * those of the flowchart on com/cloaking of the Win32 documentation). A pure function: everything that counts
 * is an argument, nothing is looked up, referenced or changed.
 */
#pragma once
#include <stdbool.h>
#include "com/identity.h"
#include "sec/token.h"
#include "wtypes.h"

typedef enum CloakRule {
    CLOAK_C1 = 1, /* SetBlanket's explicit identity */
    CLOAK_C2,     /* SetBlanket, static: the token captured there */
    CLOAK_C3,     /* SetBlanket, dynamic: the thread's, else the process's */
    CLOAK_C4,     /* SetBlanket, no cloaking: the process, or its identity for the service */
    CLOAK_C5,     /* process-wide identity for the service */
    CLOAK_C6,     /* process-wide static: captured at the first call on this proxy */
    CLOAK_C7,     /* process-wide dynamic: the thread's, else the process's */
    CLOAK_C8,     /* nothing was said: the process */
} CloakRule;

/* Tokens and identities are borrowed; NULL: there is none. */
typedef struct CloakInput {
    bool blanket_set;              /* SetBlanket was called on this interface of this proxy */
    uint32_t blanket_capabilities; /* EOAC_*, without DEFAULT; when blanket_set */
    Identity *blanket_identity;    /* when blanket_set: given there, or what COLE_DEFAULT_AUTHINFO came to */
    Token *blanket_captured;       /* when blanket_set with static cloaking */
    uint32_t process_capabilities; /* of CoInitializeSecurity */
    Identity *process_identity;    /* of pAuthList, for the service that the call uses */
    Token *proxy_captured;         /* what an earlier decision said to capture */
    Token *thread;
    Token *process;
} CloakInput;

/* On S_OK exactly one of `identity` and `token` is set, borrowed from the input. */
typedef struct CloakChoice {
    CloakRule rule;
    Identity *identity; /* logs on by itself (identity_token) */
    Token *token;
    bool capture;       /* keep `token` as proxy_captured: this was the first call */
    const char *reason; /* of a failure: a sentence */
} CloakChoice;

/*
 * S_OK, or the code that the call fails with before anything is sent:
 *   HRESULT_FROM_WIN32(ERROR_BAD_IMPERSONATION_LEVEL)  the token is at IDENTIFY or below (ERR-4)
 *   SEC_E_NO_CREDENTIALS                               the process's token is needed, there is none
 * There is no fallback: a token that cannot be used never gives way to another.
 */
HRESULT cloak_decide(const CloakInput *input, CloakChoice *ret_choice) must_use;

/* Activation (ACT-1, ACT-2): the thread's token where the process cloaks, either way, or the activation asks
 * for it; else the process's. There is nothing captured. `explicit_identity` is COAUTHINFO's, or NULL. Codes
 * as above. */
HRESULT cloak_decide_activation(uint32_t process_capabilities, bool enable_cloaking,
                                Identity *explicit_identity, Token *thread, Token *process,
                                CloakChoice *ret_choice) must_use;

/* What SetBlanket with static cloaking keeps (CLK-3): the thread's token of that moment, else the process's.
 * It may be one that no call can use; then each call says so. */
static inline Token *cloak_capture(Token *thread, Token *process)
{
    return thread ? thread : process;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An explicit identity: a user and a password that a program gave for a blanket, for all calls of the process
 * or for an activation. Immutable and reference counted. It is compared as an object, never by its name
 * (design decision 8), and logs on once, at the first call that needs it.
 */
#pragma once
#include "base/cleanup.h"
#include "sec/token.h"
#include "wtypes.h"

#define IDENTITY_TEXT_MAX 4096u /* characters of each of user, realm, password */

typedef struct Identity Identity;

/* From SEC_WINNT_AUTH_IDENTITY_W, _A or _EXW (rpcdce.h), which is copied, for an authentication service,
 * RPC_C_AUTHN_*. E_INVALIDARG with a sentence: it cannot be read, names no realm where Kerberos needs one, or
 * its packages do not allow the service. */
HRESULT identity_new(const void *auth_info, uint32_t service, Identity **ret_identity) must_use;
/* From NUL-terminated texts, for Kerberos. `domain` NULL: `user` is "user@REALM". E_INVALIDARG, as above. */
HRESULT identity_new_from_text(const WCHAR *user, const WCHAR *domain, const WCHAR *password,
                               Identity **ret_identity) must_use;
Identity *identity_ref(Identity *identity);
Identity *identity_unref(Identity *identity);
DEFINE_CLEANUP(Identity, identity_unref)
/* "user@REALM"; of an identity for NTLM alone "DOMAIN\user", or "user" */
const char *identity_principal(const Identity *identity);
/* The primary token of its logon, borrowed: it lives as long as the identity. The first use asks the KDC, on
 * this thread; others wait. Failures have a sentence and are tried again at the next use. */
HRESULT identity_token(Identity *identity, Token **ret_token) must_use;

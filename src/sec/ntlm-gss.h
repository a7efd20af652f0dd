/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gss-ntlmssp, found by MIT's libgssapi_krb5 (/etc/gss/mech.d), for the handshake only. Private to ntlm-*.
 *
 * The library takes what it is not told from the environment: NTLM_USER_FILE, LM_COMPAT_LEVEL, NETBIOS_*,
 * and winbindd's credential cache. So it is always told: a client's account by name and hash, a server's by a
 * file in memory that has the one account in question; what it made or accepted is read again and
 * checked (sec/ntlm-message.h). A handshake is one object's, used by one thread at a time; the library keeps
 * nothing that two of them share.
 */
#pragma once
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include "sec/failure.h"
#include "sec/ntlm-message.h"

/* "doing: the library's words", with a code. Returns SEC_FAILED. */
int ntlm_gss_fail(SecFailure *failure, uint32_t code, const char *doing, OM_uint32 major, OM_uint32 minor);
/* `type` is GSS_C_NT_USER_NAME or GSS_C_NT_HOSTBASED_SERVICE. 0, SEC_FAILED. */
int ntlm_gss_name(const char *text, gss_OID type, gss_name_t *ret_name, SecFailure *failure) must_use;
/* A credential of `name`; key and value of the store may be NULL. `flags` are those it negotiates. */
int ntlm_gss_credential(gss_name_t name, gss_cred_usage_t usage, const gss_key_value_set_desc *store,
                        uint32_t flags, gss_cred_id_t *ret_credential, SecFailure *failure) must_use;
/* The exported session key of a context that stands. */
int ntlm_gss_session_key(gss_ctx_id_t context, uint8_t ret_key[NTLM_KEY], SecFailure *failure) must_use;
/* Says that a MIC over the three messages is wanted; before CHALLENGE is handed in. */
int ntlm_gss_want_mic(gss_ctx_id_t context, SecFailure *failure) must_use;
/* A copy of the library's token, which is released. 0, -ENOMEM. */
int ntlm_gss_take(gss_buffer_t buffer, uint8_t **ret_data, size_t *ret_length) must_use;

extern const gss_OID_desc NTLM_GSS_MECHANISM;

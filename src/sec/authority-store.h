/* SPDX-License-Identifier: Apache-2.0 */
/* What the authority remembers between requests: credentials by handle, half-open conversations by id.
 * Thread-safe. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "sec/krb5-credential.h"
#include "sec/ntlm-credential.h"

#define AUTHORITY_CREDENTIALS_MAX 65536u
/* Conversations of one side that wait for the peer's next leg. The oldest makes room for a new one: a
 * stranger who starts many and ends none can slow others down, not shut them out for good; clients' and
 * servers' are counted apart. */
#define AUTHORITY_HALF_OPEN_MAX 4096u

typedef struct AuthorityStore AuthorityStore;
typedef struct SecMechanism SecMechanism; /* sec/mechanism.h */

/* Conditions. */
enum {
    STORE_FULL = 1,
    STORE_UNKNOWN = 2, /* no such handle or id: never given, released, finished, or evicted */
};

int authority_store_new(AuthorityStore **ret_store) must_use;
AuthorityStore *authority_store_free(AuthorityStore *store);
DEFINE_CLEANUP(AuthorityStore, authority_store_free)

/* Credential: what each mechanism can show for one identity; NULL where it can show nothing. */

typedef struct AuthorityCredential {
    KerberosCredential *kerberos;
    NtlmCredential *ntlm;
} AuthorityCredential;

/* Whether it can show something by this mechanism, RPC_C_AUTHN_*. */
bool authority_credential_has(const AuthorityCredential *credential, uint8_t service);
/* New references to the same parts. */
AuthorityCredential authority_credential_ref(const AuthorityCredential *credential);
void authority_credential_deinit(AuthorityCredential *credential);
static inline void authority_credential_deinitp(AuthorityCredential *credential)
{
    authority_credential_deinit(credential);
}
/* Takes references. Handles are never 0 and never given twice. 0, STORE_FULL, -ENOMEM. */
int authority_store_put_credential(AuthorityStore *store, const AuthorityCredential *credential,
                                   uint64_t *ret_handle) must_use;
/* New references. 0, STORE_UNKNOWN. */
int authority_store_get_credential(AuthorityStore *store, uint64_t handle,
                                   AuthorityCredential *ret_credential) must_use;
/* 0, STORE_UNKNOWN. */
int authority_store_drop_credential(AuthorityStore *store, uint64_t handle) must_use;

/* Conversation: one of initiator and acceptor is not NULL; the mechanism knows what they are */

typedef struct AuthorityConversation {
    const SecMechanism *mechanism;
    void *initiator, *acceptor;
} AuthorityConversation;

void authority_conversation_deinit(AuthorityConversation *conversation);
static inline void authority_conversation_deinitp(AuthorityConversation *conversation)
{
    authority_conversation_deinit(conversation);
}
/* Takes the content over, also on failure. `id` 0: a new one, else that one again (a restart). 0, -ENOMEM. */
int authority_store_put_conversation(AuthorityStore *store, AuthorityConversation conversation, uint64_t id,
                                     uint64_t *ret_id) must_use;
/* Takes it out: two requests never work on one conversation. 0, STORE_UNKNOWN. */
int authority_store_take_conversation(AuthorityStore *store, uint64_t id,
                                      AuthorityConversation *ret_conversation) must_use;

/* SPDX-License-Identifier: Apache-2.0 */
/* What the authority remembers between requests: credentials by handle, half-open conversations by id.
 * Thread-safe. */
#pragma once
#include <stdint.h>
#include "base/cleanup.h"
#include "sec/krb5-acceptor.h"
#include "sec/krb5-credential.h"
#include "sec/krb5-initiator.h"

#define AUTHORITY_CREDENTIALS_MAX 65536u
/* Conversations of one side that wait for the peer's next leg. The oldest makes room for a new one: a
 * stranger who starts many and ends none can slow others down, not shut them out for good; clients' and
 * servers' are counted apart. */
#define AUTHORITY_HALF_OPEN_MAX 4096u

typedef struct AuthorityStore AuthorityStore;

/* Conditions. */
enum {
    STORE_FULL = 1,
    STORE_UNKNOWN = 2, /* no such handle or id: never given, released, finished, or evicted */
};

int authority_store_new(AuthorityStore **ret_store) must_use;
AuthorityStore *authority_store_free(AuthorityStore *store);
DEFINE_CLEANUP(AuthorityStore, authority_store_free)

/* Credential */

/* Takes a reference. Handles are never 0 and never given twice. 0, STORE_FULL, -ENOMEM. */
int authority_store_put_credential(AuthorityStore *store, KerberosCredential *credential,
                                   uint64_t *ret_handle) must_use;
/* A new reference. 0, STORE_UNKNOWN. */
int authority_store_get_credential(AuthorityStore *store, uint64_t handle,
                                   KerberosCredential **ret_credential) must_use;
/* 0, STORE_UNKNOWN. */
int authority_store_drop_credential(AuthorityStore *store, uint64_t handle) must_use;

/* Conversation: one of both is not NULL */

typedef struct AuthorityConversation {
    KerberosInitiator *initiator;
    KerberosAcceptor *acceptor;
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

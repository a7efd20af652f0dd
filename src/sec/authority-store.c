/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/authority-store.h"
#include <errno.h>
#include <pthread.h>
#include <rpcdce.h>
#include <stdlib.h>
#include "base/hash.h"
#include "base/list.h"
#include "sec/mechanism.h"

typedef struct HalfOpen {
    List link; /* in its side's list, oldest first */
    uint64_t id;
    size_t *count; /* of its side */
    AuthorityConversation conversation;
} HalfOpen;

/* A credential under its handle. */
typedef struct Kept {
    AuthorityCredential credential;
} Kept;

typedef struct Side {
    List list;
    size_t count;
} Side;

struct AuthorityStore {
    pthread_mutex_t lock;
    uint64_t next; /* handles and ids come from one count */
    HashMap *credentials, *conversations;
    Side initiating, accepting;
};

static void half_open_free(HalfOpen *half)
{
    if (!half) return;
    authority_conversation_deinit(&half->conversation);
    free(half);
}

static void kept_free(Kept *kept)
{
    authority_credential_deinit(&kept->credential);
    free(kept);
}

int authority_store_new(AuthorityStore **ret_store)
{
    AuthorityStore *store = calloc(1, sizeof(*store));
    if (!store) return -ENOMEM;
    pthread_mutex_init(&store->lock, NULL);
    list_init(&store->initiating.list);
    list_init(&store->accepting.list);
    if (hashmap_new(&store->credentials) != 0 || hashmap_new(&store->conversations) != 0) {
        authority_store_free(store);
        return -ENOMEM;
    }
    *ret_store = store;
    return 0;
}

AuthorityStore *authority_store_free(AuthorityStore *store)
{
    if (!store) return NULL;
    void *value;
    for (HashIterator iterator = {0};
         store->credentials && (value = hashmap_next(store->credentials, &iterator));)
        kept_free(value);
    for (HashIterator iterator = {0};
         store->conversations && (value = hashmap_next(store->conversations, &iterator));)
        half_open_free(value);
    hashmap_free(store->credentials);
    hashmap_free(store->conversations);
    pthread_mutex_destroy(&store->lock);
    free(store);
    return NULL;
}

bool authority_credential_has(const AuthorityCredential *credential, uint8_t service)
{
    switch (service) {
    case RPC_C_AUTHN_GSS_KERBEROS:
        return credential->kerberos;
    case RPC_C_AUTHN_WINNT:
        return credential->ntlm;
    default:
        return false;
    }
}

AuthorityCredential authority_credential_ref(const AuthorityCredential *credential)
{
    AuthorityCredential copy = *credential;
    if (copy.kerberos) kerberos_credential_ref(copy.kerberos);
    if (copy.ntlm) ntlm_credential_ref(copy.ntlm);
    return copy;
}

void authority_credential_deinit(AuthorityCredential *credential)
{
    credential->kerberos = kerberos_credential_unref(credential->kerberos);
    credential->ntlm = ntlm_credential_unref(credential->ntlm);
}

int authority_store_put_credential(AuthorityStore *store, const AuthorityCredential *credential,
                                   uint64_t *ret_handle)
{
    Kept *kept = calloc(1, sizeof(*kept));
    if (!kept) return -ENOMEM;
    kept->credential = authority_credential_ref(credential);
    pthread_mutex_lock(&store->lock);
    uint64_t handle = ++store->next;
    int result = hashmap_count(store->credentials) >= AUTHORITY_CREDENTIALS_MAX
                     ? STORE_FULL
                     : hashmap_put(store->credentials, &handle, sizeof(handle), kept);
    pthread_mutex_unlock(&store->lock);
    if (result != 0)
        kept_free(kept);
    else
        *ret_handle = handle;
    return result;
}

int authority_store_get_credential(AuthorityStore *store, uint64_t handle,
                                   AuthorityCredential *ret_credential)
{
    pthread_mutex_lock(&store->lock);
    Kept *kept = hashmap_get(store->credentials, &handle, sizeof(handle));
    if (kept) *ret_credential = authority_credential_ref(&kept->credential);
    pthread_mutex_unlock(&store->lock);
    return kept ? 0 : STORE_UNKNOWN;
}

int authority_store_drop_credential(AuthorityStore *store, uint64_t handle)
{
    pthread_mutex_lock(&store->lock);
    Kept *kept = hashmap_remove(store->credentials, &handle, sizeof(handle));
    pthread_mutex_unlock(&store->lock);
    if (!kept) return STORE_UNKNOWN;
    kept_free(kept);
    return 0;
}

void authority_conversation_deinit(AuthorityConversation *conversation)
{
    if (conversation->initiator) conversation->mechanism->initiator_free(conversation->initiator);
    if (conversation->acceptor) conversation->mechanism->acceptor_free(conversation->acceptor);
    conversation->initiator = conversation->acceptor = NULL;
}

/* With the lock held. */
static void half_open_unlink(AuthorityStore *store, HalfOpen *half)
{
    (void)hashmap_remove(store->conversations, &half->id, sizeof(half->id)); /* the value is `half` */
    list_remove(&half->link);
    (*half->count)--;
}

int authority_store_put_conversation(AuthorityStore *store, AuthorityConversation conversation, uint64_t id,
                                     uint64_t *ret_id)
{
    HalfOpen *oldest = NULL, *half = calloc(1, sizeof(*half));
    if (!half) {
        authority_conversation_deinit(&conversation);
        return -ENOMEM;
    }
    half->conversation = conversation;
    list_init(&half->link);
    pthread_mutex_lock(&store->lock);
    Side *side = conversation.initiator ? &store->initiating : &store->accepting;
    half->id = id ? id : ++store->next;
    half->count = &side->count;
    if (side->count >= AUTHORITY_HALF_OPEN_MAX) {
        oldest = container_of(side->list.next, HalfOpen, link);
        half_open_unlink(store, oldest);
    }
    int result = hashmap_put(store->conversations, &half->id, sizeof(half->id), half);
    if (result == 0) {
        list_append(&side->list, &half->link);
        side->count++;
        *ret_id = half->id; /* while nobody else can have freed it */
    }
    pthread_mutex_unlock(&store->lock);
    half_open_free(oldest);
    if (result != 0) half_open_free(half);
    return result;
}

int authority_store_take_conversation(AuthorityStore *store, uint64_t id,
                                      AuthorityConversation *ret_conversation)
{
    pthread_mutex_lock(&store->lock);
    HalfOpen *half = hashmap_get(store->conversations, &id, sizeof(id));
    if (half) half_open_unlink(store, half);
    pthread_mutex_unlock(&store->lock);
    if (!half) return STORE_UNKNOWN;
    *ret_conversation = half->conversation;
    free(half);
    return 0;
}

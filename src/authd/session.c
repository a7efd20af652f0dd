/* SPDX-License-Identifier: Apache-2.0 */
#include "authd/session.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "sec/authority-client.h"

typedef struct Conversation {
    List link; /* in its account's list of all, oldest first */
    List own;  /* in its session's */
    uint64_t id;
    uint8_t service;
    Session *session;
} Conversation;

/* Half-open conversations of all sessions of one account. */
typedef struct Half {
    uid_t uid;
    unsigned sessions;
    size_t count;
    List list;
} Half;

typedef struct SessionKey {
    uint64_t uid; /* no padding: it is hashed */
    uint8_t number[AUTHORITY_SESSION_SIZE];
} SessionKey;

struct Session {
    Sessions *sessions;
    Account *account;
    SessionKey key;
    unsigned connections;
    Half *half;
    List conversations;
};

struct Sessions {
    Authority *authority;
    pthread_mutex_t lock;
    HashMap *by_key, *by_uid, *conversations;
};

int sessions_new(Authority *authority, Sessions **ret_sessions)
{
    Sessions *sessions = calloc(1, sizeof(*sessions));
    if (!sessions) return -ENOMEM;
    pthread_mutex_init(&sessions->lock, NULL);
    sessions->authority = authority_ref(authority);
    if (hashmap_new(&sessions->by_key) != 0 || hashmap_new(&sessions->by_uid) != 0 ||
        hashmap_new(&sessions->conversations) != 0) {
        sessions_free(sessions);
        return -ENOMEM;
    }
    *ret_sessions = sessions;
    return 0;
}

Sessions *sessions_free(Sessions *sessions)
{
    if (!sessions) return NULL;
    hashmap_free(sessions->by_key);
    hashmap_free(sessions->by_uid);
    hashmap_free(sessions->conversations);
    authority_unref(sessions->authority);
    pthread_mutex_destroy(&sessions->lock);
    free(sessions);
    return NULL;
}

static void abandon(Sessions *sessions, uint64_t id)
{
    authority_tell(sessions->authority,
                   &(AuthorityRequest){.operation = AUTHORITY_ABANDON, .conversation = id});
}

/* With the lock held. */
static void conversation_free(Conversation *conversation)
{
    Session *session = conversation->session;
    (void)hashmap_remove(session->sessions->conversations, &conversation->id, sizeof(conversation->id));
    list_remove(&conversation->link);
    list_remove(&conversation->own);
    session->half->count--;
    free(conversation);
}

/* With the lock held. */
static Half *half_get(Sessions *sessions, uid_t uid)
{
    Half *half = hashmap_get(sessions->by_uid, &uid, sizeof(uid));
    if (half || !(half = calloc(1, sizeof(*half)))) return half;
    half->uid = uid;
    list_init(&half->list);
    if (hashmap_put(sessions->by_uid, &uid, sizeof(uid), half) == 0) return half;
    free(half);
    return NULL;
}

/* With the lock held. */
static void half_put(Sessions *sessions, Half *half)
{
    if (half->sessions > 0) return;
    (void)hashmap_remove(sessions->by_uid, &half->uid, sizeof(half->uid)); /* itself */
    free(half);
}

/* With the lock held. */
static Session *session_new(Sessions *sessions, Account *account, const SessionKey *key)
{
    Half *half = half_get(sessions, account->uid);
    Session *session = half ? calloc(1, sizeof(*session)) : NULL;
    if (session && hashmap_put(sessions->by_key, key, sizeof(*key), session) != 0) {
        free(session);
        session = NULL;
    }
    if (!session) {
        if (half) half_put(sessions, half);
        return NULL;
    }
    session->sessions = sessions;
    session->account = account_ref(account);
    session->key = *key;
    session->half = half;
    half->sessions++;
    list_init(&session->conversations);
    return session;
}

int session_join(Sessions *sessions, Account *account, const uint8_t number[AUTHORITY_SESSION_SIZE],
                 Session **ret_session)
{
    SessionKey key = {.uid = account->uid};
    memcpy(key.number, number, sizeof(key.number));
    pthread_mutex_lock(&sessions->lock);
    Session *session = hashmap_get(sessions->by_key, &key, sizeof(key));
    if (!session) session = session_new(sessions, account, &key);
    if (session) {
        session->connections++;
        *ret_session = session;
    }
    pthread_mutex_unlock(&sessions->lock);
    return session ? 0 : -ENOMEM;
}

Session *session_leave(Session *session)
{
    if (!session) return NULL;
    Sessions *sessions = session->sessions;
    pthread_mutex_lock(&sessions->lock);
    bool last = --session->connections == 0;
    if (last) {
        list_each(item, &session->conversations)
        {
            Conversation *conversation = container_of(item, Conversation, own);
            abandon(sessions, conversation->id); /* never waits, and asks nothing of this lock */
            conversation_free(conversation);
        }
        (void)hashmap_remove(sessions->by_key, &session->key, sizeof(session->key)); /* itself */
        session->half->sessions--;
        half_put(sessions, session->half);
    }
    pthread_mutex_unlock(&sessions->lock);
    if (!last) return NULL;
    account_unref(session->account);
    free(session);
    return NULL;
}

int session_put_conversation(Session *session, uint64_t id, uint8_t service)
{
    Sessions *sessions = session->sessions;
    uint64_t oldest = 0;
    Conversation *conversation = calloc(1, sizeof(*conversation));
    pthread_mutex_lock(&sessions->lock);
    int result = conversation ? hashmap_put(sessions->conversations, &id, sizeof(id), conversation) : -ENOMEM;
    if (result == 0) {
        Half *half = session->half;
        if (half->count >= AUTHD_CONVERSATIONS_PER_ACCOUNT) {
            Conversation *first = container_of(half->list.next, Conversation, link);
            oldest = first->id;
            conversation_free(first);
        }
        conversation->id = id;
        conversation->service = service;
        conversation->session = session;
        list_append(&half->list, &conversation->link);
        list_append(&session->conversations, &conversation->own);
        half->count++;
    }
    pthread_mutex_unlock(&sessions->lock);
    if (oldest) abandon(sessions, oldest);
    if (result != 0) {
        abandon(sessions, id);
        free(conversation);
    }
    return result;
}

bool session_take_conversation(Session *session, uint64_t id, uint8_t *ret_service)
{
    Sessions *sessions = session->sessions;
    pthread_mutex_lock(&sessions->lock);
    Conversation *conversation = hashmap_get(sessions->conversations, &id, sizeof(id));
    bool own = conversation && conversation->session == session;
    if (own) *ret_service = conversation->service;
    if (own) conversation_free(conversation);
    pthread_mutex_unlock(&sessions->lock);
    return own;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "orpc/pinger.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "base/hash.h"
#include "base/list.h"
#include "base/time.h"
#include "orpc/plain.h"
#include "orpc/resolver-call.h"
#include "sec/token.h"

#define PING_DEADLINE (10 * NS_PER_SECOND)

typedef struct Pinged {
    uint64_t oid;
    unsigned holders; /* 0: to be removed from the server's set */
    bool known;       /* the server has it in the set */
} Pinged;

/* The objects of one resolver. `id`, `sequence` and the call belong to the thread alone. */
typedef struct PingSet {
    List link;
    char host[BINDING_HOST_SIZE];
    uint16_t port;
    HashMap *objects; /* Pinged by OID */
    bool changed;
    uint64_t id; /* 0: the server has none yet */
    uint16_t sequence;
} PingSet;

struct Pinger {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake, flushed;
    RpcClient *client;
    Token *process;
    char *runtime; /* NULL: not only this machine's own resolver */
    uint64_t period, rounds;
    bool mutual, stopping, hurry;
    List sets;
};

/* Sets */

static PingSet *set_find(Pinger *pinger, const char *host, uint16_t port)
{
    list_each(item, &pinger->sets)
    {
        PingSet *set = container_of(item, PingSet, link);
        if (set->port == port && strcmp(set->host, host) == 0) return set;
    }
    return NULL;
}

static void set_free(PingSet *set)
{
    HashIterator iterator = {0};
    for (Pinged *object; (object = hashmap_next(set->objects, &iterator));)
        free(object);
    hashmap_free(set->objects);
    free(set);
}

static PingSet *set_add(Pinger *pinger, const char *host, uint16_t port)
{
    PingSet *set = calloc(1, sizeof(*set));
    if (!set) return NULL;
    if (hashmap_new(&set->objects) < 0) {
        free(set);
        return NULL;
    }
    snprintf(set->host, sizeof(set->host), "%s", host);
    set->port = port;
    list_append(&pinger->sets, &set->link);
    return set;
}

int pinger_add(Pinger *pinger, const char *resolver, uint16_t port, uint64_t oid)
{
    int r = 0;
    pthread_mutex_lock(&pinger->lock);
    PingSet *set = set_find(pinger, resolver, port);
    if (!set) set = set_add(pinger, resolver, port);
    Pinged *object = set ? hashmap_get(set->objects, &oid, sizeof(oid)) : NULL;
    if (set && !object) {
        object = calloc(1, sizeof(*object));
        if (object) object->oid = oid;
        if (object && hashmap_put(set->objects, &oid, sizeof(oid), object) < 0) {
            free(object);
            object = NULL;
        }
        if (object) set->changed = true;
    }
    if (object)
        object->holders++;
    else
        r = -ENOMEM;
    pthread_mutex_unlock(&pinger->lock);
    return r;
}

void pinger_remove(Pinger *pinger, const char *resolver, uint16_t port, uint64_t oid)
{
    pthread_mutex_lock(&pinger->lock);
    PingSet *set = set_find(pinger, resolver, port);
    Pinged *object = set ? hashmap_get(set->objects, &oid, sizeof(oid)) : NULL;
    if (object && object->holders > 0 && --object->holders == 0) {
        if (object->known)
            set->changed = true;
        else
            free(hashmap_remove(set->objects, &oid, sizeof(oid)));
    }
    pthread_mutex_unlock(&pinger->lock);
}

/* Pings */

/* What one ping says. */
typedef struct Ping {
    uint64_t add[PING_CHANGES_MAX], remove[PING_CHANGES_MAX];
    uint16_t add_count, remove_count;
    bool more; /* another one must follow */
    char host[BINDING_HOST_SIZE];
    uint16_t port;
    uint64_t id;
    uint16_t sequence;
} Ping;

/* With the lock held. */
static void ping_fill(PingSet *set, Ping *ping)
{
    HashIterator iterator = {0};
    ping->add_count = ping->remove_count = 0;
    ping->more = false;
    for (Pinged *object; (object = hashmap_next(set->objects, &iterator));) {
        if ((object->holders > 0) == object->known) continue;
        if (object->holders > 0 && ping->add_count < PING_CHANGES_MAX)
            ping->add[ping->add_count++] = object->oid;
        else if (object->holders == 0 && ping->remove_count < PING_CHANGES_MAX)
            ping->remove[ping->remove_count++] = object->oid;
        else
            ping->more = true;
    }
    strcpy(ping->host, set->host);
    ping->port = set->port;
    ping->id = set->id;
    ping->sequence = ++set->sequence;
}

/* With the lock held: the server took the changes. */
static void ping_took(PingSet *set, const Ping *ping)
{
    for (unsigned i = 0; i < ping->add_count; i++) {
        Pinged *object = hashmap_get(set->objects, &ping->add[i], sizeof(ping->add[i]));
        if (object) object->known = true;
    }
    for (unsigned i = 0; i < ping->remove_count; i++) {
        Pinged *object = hashmap_get(set->objects, &ping->remove[i], sizeof(ping->remove[i]));
        if (!object) continue;
        object->known = false;
        if (object->holders == 0)
            free(hashmap_remove(set->objects, &ping->remove[i], sizeof(ping->remove[i])));
    }
}

/* With the lock held: the server forgot the set; everything must be said again. */
static void set_forgotten(PingSet *set)
{
    HashIterator iterator = {0};
    set->id = 0;
    set->sequence = 0;
    set->changed = true;
    for (Pinged *object; (object = hashmap_next(set->objects, &iterator));)
        object->known = false;
}

static RpcStatus call_resolver(Pinger *pinger, const Ping *ping, uint16_t opnum, const Writer *stub,
                               RpcClientCall **ret_call)
{
    RpcStatus status = resolver_call_new(&(ResolverCallSpec){.client = pinger->client,
                                                             .host = ping->host,
                                                             .port = ping->port,
                                                             .runtime = pinger->runtime,
                                                             .opnum = opnum,
                                                             .process = pinger->process,
                                                             .mutual = pinger->mutual,
                                                             .stub = stub,
                                                             .deadline = time_after(PING_DEADLINE)},
                                         ret_call);
    return status == RPCST_OK ? rpc_client_call_run(*ret_call) : status;
}

/* Sends one ping without the lock. The answer's status; *ret_set is the set's id. */
static uint32_t ping_send(Pinger *pinger, const Ping *ping, uint64_t *ret_set)
{
    _cleanup_(writer_deinitp) Writer stub = {0};
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = NULL;
    bool complex_ping = ping->id == 0 || ping->add_count || ping->remove_count;
    writer_init(&stub, 0);
    if (complex_ping)
        complex_ping_in_write(&stub, &(ComplexPingIn){.set = ping->id,
                                                      .sequence = ping->sequence,
                                                      .add_count = ping->add_count,
                                                      .remove_count = ping->remove_count,
                                                      .add = (const uint8_t *)ping->add,
                                                      .remove = (const uint8_t *)ping->remove});
    else
        simple_ping_in_write(&stub, ping->id);
    if (writer_status(&stub) < 0) return RPCST_OUT_OF_MEMORY;
    RpcStatus status =
        call_resolver(pinger, ping, complex_ping ? OP_COMPLEX_PING : OP_SIMPLE_PING, &stub, &call);
    if (status != RPCST_OK) return status;
    Reader reader = rpc_client_call_reply(call);
    *ret_set = ping->id;
    if (!complex_ping) return plain_status_read(&reader);
    ComplexPingOut out = {0};
    complex_ping_out_read(&reader, &out);
    if (reader_status(&reader) < 0) return RPCST_BAD_STUB_DATA;
    *ret_set = out.set;
    return out.status;
}

/* Brings one set up to date. Enters and leaves with the lock held; the set stays, only this thread removes
 * sets. */
static void set_ping(Pinger *pinger, PingSet *set, Ping *ping)
{
    for (unsigned tries = 0; tries < 3 && !pinger->stopping; tries++) {
        uint64_t id = 0;
        ping_fill(set, ping);
        if (set->id == 0 && ping->add_count == 0) return; /* nothing is held and nothing is known */
        pthread_mutex_unlock(&pinger->lock);
        uint32_t status = ping_send(pinger, ping, &id);
        pthread_mutex_lock(&pinger->lock);
        if (status == OR_INVALID_SET) {
            set_forgotten(set);
            continue;
        }
        if (status != RPCST_OK) return; /* the next period tries again */
        set->id = id;
        ping_took(set, ping);
        if (!ping->more) break;
    }
    set->changed = false;
}

static bool set_is_over(const PingSet *set)
{
    return hashmap_count(set->objects) == 0;
}

static void *pinger_run(void *argument)
{
    Pinger *pinger = argument;
    _cleanup_(freep) Ping *ping = calloc(1, sizeof(*ping));
    uint64_t next = time_after(pinger->period);
    pthread_mutex_lock(&pinger->lock);
    while (ping && !pinger->stopping) {
        struct timespec until = {(time_t)(next / NS_PER_SECOND), (long)(next % NS_PER_SECOND)};
        if (!pinger->hurry && time_monotonic() < next) {
            (void)pthread_cond_timedwait(&pinger->wake, &pinger->lock, &until); /* either way we look again */
            continue;
        }
        pinger->hurry = false;
        list_each(item, &pinger->sets)
        {
            PingSet *set = container_of(item, PingSet, link);
            set_ping(pinger, set, ping);
            if (!set_is_over(set)) continue;
            list_remove(&set->link);
            set_free(set);
        }
        pinger->rounds++;
        pthread_cond_broadcast(&pinger->flushed);
        next = time_after(pinger->period);
    }
    pinger->rounds = UINT64_MAX;
    pthread_cond_broadcast(&pinger->flushed);
    pthread_mutex_unlock(&pinger->lock);
    return NULL;
}

/* Life */

int pinger_new(const PingerOptions *options, Pinger **ret_pinger)
{
    Pinger *pinger = calloc(1, sizeof(*pinger));
    if (pinger && options->runtime && !(pinger->runtime = strdup(options->runtime))) {
        free(pinger);
        pinger = NULL;
    }
    if (!pinger) return -ENOMEM;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&pinger->lock, NULL);
    pthread_cond_init(&pinger->wake, &attributes);
    pthread_cond_init(&pinger->flushed, &attributes);
    pthread_condattr_destroy(&attributes);
    list_init(&pinger->sets);
    pinger->client = rpc_client_ref(options->client);
    pinger->process = options->process ? token_ref(options->process) : NULL;
    pinger->mutual = options->mutual;
    pinger->period = options->period ? options->period : PING_PERIOD;
    sigset_t all, before; /* signals are the program's business */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(&pinger->thread, NULL, pinger_run, pinger);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r != 0) {
        rpc_client_unref(pinger->client);
        token_unref(pinger->process);
        free(pinger->runtime);
        free(pinger);
        return -r;
    }
    *ret_pinger = pinger;
    return 0;
}

Pinger *pinger_free(Pinger *pinger)
{
    if (!pinger) return NULL;
    pthread_mutex_lock(&pinger->lock);
    pinger->stopping = true;
    pthread_cond_broadcast(&pinger->wake);
    pthread_mutex_unlock(&pinger->lock);
    pthread_join(pinger->thread, NULL);
    list_each(item, &pinger->sets) set_free(container_of(item, PingSet, link));
    rpc_client_unref(pinger->client);
    token_unref(pinger->process);
    pthread_cond_destroy(&pinger->wake);
    pthread_cond_destroy(&pinger->flushed);
    pthread_mutex_destroy(&pinger->lock);
    free(pinger->runtime);
    free(pinger);
    return NULL;
}

void pinger_flush(Pinger *pinger)
{
    pthread_mutex_lock(&pinger->lock);
    uint64_t before = pinger->rounds;
    pinger->hurry = true;
    pthread_cond_broadcast(&pinger->wake);
    while (pinger->rounds == before)
        pthread_cond_wait(&pinger->flushed, &pinger->lock);
    pthread_mutex_unlock(&pinger->lock);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "orpc/remote.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <winerror.h>
#include "base/hash.h"
#include "base/refcount.h"
#include "orpc/localbinding.h"

#define SERVICE_NEGOTIATE 9
#define SERVICE_KERBEROS  16

struct RemoteTable {
    pthread_mutex_t lock;
    RpcClient *client;
    HashMap *exporters; /* by RemoteKey; weak: an exporter leaves with its last reference */
};

/* Zeroed before it is filled: it is hashed as bytes. */
typedef struct RemoteKey {
    uint64_t oxid;
    Guid rem_unknown;
    char resolver[BINDING_HOST_SIZE];
    uint16_t port;
    bool hearsay, local;
} RemoteKey;

struct RemoteExporter {
    RefCount refs;
    RemoteTable *table;
    RemoteKey key;
    uint32_t authn_hint;
    uint16_t version_minor;
    Bindings bindings, resolver;
    RpcBinding *binding, *local_binding;
    uid_t local_owner; /* with local_binding */
    char principal_default[BINDING_HOST_SIZE + 8];
    struct {
        uint16_t service;
        char principal[BINDING_ADDRESS_SIZE];
    } * principals;
    size_t principal_count;
};

int remote_table_new(RpcClient *client, RemoteTable **ret_table)
{
    RemoteTable *table = calloc(1, sizeof(*table));
    if (!table) return -ENOMEM;
    int r = hashmap_new(&table->exporters);
    if (r < 0) {
        free(table);
        return r;
    }
    pthread_mutex_init(&table->lock, NULL);
    table->client = rpc_client_ref(client);
    *ret_table = table;
    return 0;
}

RemoteTable *remote_table_free(RemoteTable *table)
{
    if (!table) return NULL;
    hashmap_free(table->exporters);
    rpc_client_unref(table->client);
    pthread_mutex_destroy(&table->lock);
    free(table);
    return NULL;
}

bool remote_table_is_empty(RemoteTable *table)
{
    pthread_mutex_lock(&table->lock);
    bool empty = hashmap_count(table->exporters) == 0;
    pthread_mutex_unlock(&table->lock);
    return empty;
}

RpcClient *remote_table_client(const RemoteTable *table)
{
    return table->client;
}

static void exporter_destroy(RemoteExporter *exporter)
{
    rpc_binding_unref(exporter->binding);
    rpc_binding_unref(exporter->local_binding);
    bindings_deinit(&exporter->bindings);
    bindings_deinit(&exporter->resolver);
    free(exporter->principals);
    free(exporter);
}

/* The TCP string bindings in their order, then the address that was asked, with the first port (decision 15).
 */
static HRESULT make_binding(RemoteExporter *exporter, const RemoteExporterSpec *spec)
{
    char hosts[REMOTE_ENDPOINTS_MAX][BINDING_HOST_SIZE], address[BINDING_ADDRESS_SIZE];
    RpcEndpoint endpoints[REMOTE_ENDPOINTS_MAX + 1];
    BindingsWalk walk = {0};
    uint16_t tower, port;
    size_t count = 0;
    while (count < REMOTE_ENDPOINTS_MAX &&
           bindings_next_string(&exporter->bindings, &walk, &tower, address)) {
        if (tower != BINDING_TOWER_TCP || binding_split(address, hosts[count], &port) < 0 || port == 0)
            continue;
        endpoints[count] = (RpcEndpoint){.host = hosts[count], .port = port};
        count++;
    }
    if (count == 0) return RPC_E_INVALID_OBJREF;
    endpoints[count] = (RpcEndpoint){.host = spec->resolver, .port = endpoints[0].port};
    RpcStatus status = rpc_binding_new(exporter->table->client, endpoints, count + 1, &exporter->binding);
    return status == RPCST_OK ? S_OK : status == RPCST_OUT_OF_MEMORY ? E_OUTOFMEMORY : RPC_E_INVALID_OBJREF;
}

/* The socket that the local binding names, if there is one. */
static HRESULT make_local_binding(RemoteExporter *exporter, const RemoteExporterSpec *spec)
{
    IoAddress address;
    if (!spec->runtime || bindings_find_local(&exporter->bindings, spec->oxid, &exporter->local_owner) < 0)
        return S_OK;
    if (local_exporter_address(spec->runtime, spec->oxid, &address) < 0) return RPC_E_INVALID_OBJREF;
    RpcStatus status = rpc_binding_new(exporter->table->client,
                                       &(RpcEndpoint){.address = &address, .owner = &exporter->local_owner},
                                       1, &exporter->local_binding);
    return status == RPCST_OK ? S_OK : E_OUTOFMEMORY;
}

/* An exporter and its resolver are one machine's, so the addresses of the one are those of the other. */
static HRESULT make_resolver(RemoteExporter *exporter, const RemoteExporterSpec *spec)
{
    char addresses[REMOTE_ENDPOINTS_MAX + 1][BINDING_ADDRESS_SIZE], host[BINDING_HOST_SIZE];
    char address[BINDING_ADDRESS_SIZE], principal[BINDING_ADDRESS_SIZE];
    StringBinding strings[REMOTE_ENDPOINTS_MAX + 1];
    SecurityBinding securities[REMOTE_ENDPOINTS_MAX];
    BindingsWalk walk = {0}, security_walk = {0};
    uint16_t tower, port, service;
    size_t count = 0, services = 0;
    if (binding_join(spec->resolver, 0, addresses[count]) == 0) count++;
    while (count <= REMOTE_ENDPOINTS_MAX && bindings_next_string(&exporter->bindings, &walk, &tower, address))
        if (tower == BINDING_TOWER_TCP && binding_split(address, host, &port) == 0 &&
            strcmp(host, spec->resolver) != 0 && binding_join(host, 0, addresses[count]) == 0)
            count++;
    for (size_t i = 0; i < count; i++)
        strings[i] = (StringBinding){BINDING_TOWER_TCP, addresses[i]};
    while (services < REMOTE_ENDPOINTS_MAX &&
           bindings_next_security(&exporter->bindings, &security_walk, &service, principal))
        securities[services++] = (SecurityBinding){service, ""};
    int r = bindings_new(strings, count, securities, services, &exporter->resolver);
    return r == 0 ? S_OK : r == -ENOMEM ? E_OUTOFMEMORY : RPC_E_INVALID_OBJREF;
}

static HRESULT read_principals(RemoteExporter *exporter)
{
    char principal[BINDING_ADDRESS_SIZE];
    uint16_t service;
    BindingsWalk walk = {0};
    while (bindings_next_security(&exporter->bindings, &walk, &service, principal)) {
        if (!principal[0]) continue;
        void *grown =
            reallocarray(exporter->principals, exporter->principal_count + 1, sizeof(*exporter->principals));
        if (!grown) return E_OUTOFMEMORY;
        exporter->principals = grown;
        exporter->principals[exporter->principal_count].service = service;
        snprintf(exporter->principals[exporter->principal_count].principal, sizeof(principal), "%s",
                 principal);
        exporter->principal_count++;
    }
    return S_OK;
}

static HRESULT exporter_make(RemoteTable *table, const RemoteExporterSpec *spec, const RemoteKey *key,
                             RemoteExporter **ret_exporter)
{
    RemoteExporter *exporter = calloc(1, sizeof(*exporter));
    if (!exporter) return E_OUTOFMEMORY;
    refcount_init(&exporter->refs);
    exporter->table = table;
    exporter->key = *key;
    exporter->authn_hint = spec->authn_hint;
    exporter->version_minor = spec->version_minor;
    snprintf(exporter->principal_default, sizeof(exporter->principal_default), "RPCSS/%s", spec->resolver);
    HRESULT hr = bindings_dup(&spec->bindings, &exporter->bindings) < 0 ? E_OUTOFMEMORY : S_OK;
    if (SUCCEEDED(hr)) hr = make_binding(exporter, spec);
    if (SUCCEEDED(hr)) hr = make_local_binding(exporter, spec);
    if (SUCCEEDED(hr)) hr = make_resolver(exporter, spec);
    if (SUCCEEDED(hr)) hr = read_principals(exporter);
    if (FAILED(hr)) {
        exporter_destroy(exporter);
        return hr;
    }
    *ret_exporter = exporter;
    return S_OK;
}

/* With the lock held: the living exporter of a key, a new reference, or NULL. */
static RemoteExporter *table_find(RemoteTable *table, const RemoteKey *key)
{
    RemoteExporter *exporter = hashmap_get(table->exporters, key, sizeof(*key));
    if (exporter) refcount_ref(&exporter->refs);
    return exporter;
}

HRESULT remote_exporter_add(RemoteTable *table, const RemoteExporterSpec *spec, RemoteExporter **ret_exporter)
{
    RemoteKey key;
    memset(&key, 0, sizeof(key));
    if (strlen(spec->resolver) >= sizeof(key.resolver)) return RPC_E_INVALID_OBJREF;
    key.oxid = spec->oxid;
    key.rem_unknown = spec->rem_unknown;
    key.hearsay = spec->hearsay;
    key.local = spec->runtime != NULL;
    if (!key.local) { /* there is one of this machine, whatever name was used for it */
        key.port = spec->resolver_port;
        strcpy(key.resolver, spec->resolver);
    }
    HRESULT hr = S_OK;
    pthread_mutex_lock(&table->lock);
    RemoteExporter *exporter = table_find(table, &key);
    if (!exporter) {
        hr = exporter_make(table, spec, &key, &exporter);
        if (SUCCEEDED(hr) && hashmap_put(table->exporters, &key, sizeof(key), exporter) < 0) {
            exporter_destroy(exporter);
            hr = E_OUTOFMEMORY;
        }
    }
    pthread_mutex_unlock(&table->lock);
    if (SUCCEEDED(hr)) *ret_exporter = exporter;
    return hr;
}

RemoteExporter *remote_table_find(RemoteTable *table, uint64_t oxid, const char *resolver, uint16_t port,
                                  bool hearsay, bool local)
{
    RemoteExporter *found = NULL;
    HashIterator iterator = {0};
    if (local) {
        resolver = "";
        port = 0;
    }
    pthread_mutex_lock(&table->lock);
    for (RemoteExporter *item; !found && (item = hashmap_next(table->exporters, &iterator));)
        if (item->key.oxid == oxid && item->key.port == port && item->key.hearsay == hearsay &&
            item->key.local == local && strcmp(item->key.resolver, resolver) == 0) {
            found = item;
            refcount_ref(&found->refs);
        }
    pthread_mutex_unlock(&table->lock);
    return found;
}

RemoteExporter *remote_exporter_ref(RemoteExporter *exporter)
{
    refcount_ref(&exporter->refs);
    return exporter;
}

RemoteExporter *remote_exporter_unref(RemoteExporter *exporter)
{
    if (!exporter) return NULL;
    RemoteTable *table = exporter->table;
    pthread_mutex_lock(&table->lock); /* so that nobody finds it between its last reference and its removal */
    bool last = refcount_unref(&exporter->refs);
    if (last) hashmap_remove(table->exporters, &exporter->key, sizeof(exporter->key));
    pthread_mutex_unlock(&table->lock);
    if (last) exporter_destroy(exporter);
    return NULL;
}

uint64_t remote_exporter_oxid(const RemoteExporter *exporter)
{
    return exporter->key.oxid;
}
const Guid *remote_exporter_rem_unknown(const RemoteExporter *exporter)
{
    return &exporter->key.rem_unknown;
}
uint32_t remote_exporter_authn_hint(const RemoteExporter *exporter)
{
    return exporter->authn_hint;
}
const Bindings *remote_exporter_bindings(const RemoteExporter *exporter)
{
    return &exporter->bindings;
}
bool remote_exporter_is_hearsay(const RemoteExporter *exporter)
{
    return exporter->key.hearsay;
}
const Bindings *remote_exporter_resolver(const RemoteExporter *exporter)
{
    return &exporter->resolver;
}
const char *remote_exporter_host(const RemoteExporter *exporter)
{
    return exporter->key.resolver;
}
uint16_t remote_exporter_resolver_port(const RemoteExporter *exporter)
{
    return exporter->key.port;
}
uint16_t remote_exporter_version_minor(const RemoteExporter *exporter)
{
    return exporter->version_minor;
}
RpcBinding *remote_exporter_binding(const RemoteExporter *exporter)
{
    return exporter->binding;
}

RpcBinding *remote_exporter_local_binding(const RemoteExporter *exporter)
{
    return exporter->local_binding;
}
uid_t remote_exporter_local_owner(const RemoteExporter *exporter)
{
    return exporter->local_owner;
}
bool remote_exporter_is_local(const RemoteExporter *exporter)
{
    return exporter->key.local;
}

const char *remote_exporter_principal(const RemoteExporter *exporter, uint16_t authn_service)
{
    for (size_t i = 0; i < exporter->principal_count; i++)
        if (exporter->principals[i].service == authn_service) return exporter->principals[i].principal;
    /* Negotiate's entry often names nobody: what is asked for then is Kerberos' name. */
    if (authn_service == SERVICE_NEGOTIATE) return remote_exporter_principal(exporter, SERVICE_KERBEROS);
    return exporter->principal_default;
}

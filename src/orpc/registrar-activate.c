/* SPDX-License-Identifier: Apache-2.0 */
/* What the registrar asks of processes: to make objects, and to reclaim them. */
#include <errno.h>
#include <winerror.h>
#include "base/time.h"
#include "io/pool.h"
#include "orpc/registrar-private.h"

/* Runs of processes that end while they are asked before the class counts as not served. */
#define ATTEMPTS 4

void activation_take_answer(Process *process, RegistrarFrame *frame)
{
    Registrar *registrar = process->registrar;
    pthread_mutex_lock(&registrar->lock);
    list_each(item, &process->pending)
    {
        Activation *activation = container_of(item, Activation, link);
        if (activation->id != frame->id || activation->done) continue;
        activation->done = true;
        activation->answer = *frame;
        *frame = (RegistrarFrame){0};
        pthread_cond_broadcast(&registrar->changed);
        break;
    }
    /* An answer that comes too late stays in the frame and goes with it; what it made is reclaimed as nobody
     * pings it. */
    pthread_mutex_unlock(&registrar->lock);
}

static bool is_meant(const Process *process, const RegistrarServer *server)
{
    return !server ||
           (process->who.uid == server->uid && (server->pid == 0 || process->who.pid == server->pid));
}

ServedClass *registrar_find_served(Registrar *registrar, const Guid *clsid, const RegistrarServer *server,
                                   bool *ret_busy)
{
    ClassRow *row = hashmap_get(registrar->classes, clsid, sizeof(*clsid));
    for (List *item = row ? row->served.next : NULL; row && item != &row->served; item = item->next) {
        ServedClass *served = container_of(item, ServedClass, of_class);
        if (served->flags & REGISTRAR_SUSPENDED || !is_meant(served->process, server)) continue;
        if (served->process->pending_count < REGISTRAR_ACTIVATIONS_MAX) return served;
        *ret_busy = true;
    }
    return NULL;
}

/* Enters the activation at who serves it; a reference to that process. */
static HRESULT choose(Registrar *registrar, const Guid *clsid, const RegistrarServer *server,
                      Activation *activation, uint32_t *ret_cookie, Process **ret_process)
{
    bool busy = false;
    pthread_mutex_lock(&registrar->lock);
    ServedClass *served = registrar_find_served(registrar, clsid, server, &busy);
    if (served) {
        Process *process = served->process;
        *activation = (Activation){.id = ++registrar->next_id};
        list_append(&process->pending, &activation->link);
        process->pending_count++;
        *ret_cookie = served->cookie;
        (void)io_handle_ref(&process->line.handle);
        *ret_process = process;
        if (served->flags & REGISTRAR_SINGLE_USE) served_class_free(registrar, served);
    }
    pthread_mutex_unlock(&registrar->lock);
    if (served) return S_OK;
    return busy ? HRESULT_FROM_WIN32(RPC_S_SERVER_TOO_BUSY) : REGDB_E_CLASSNOTREG;
}

static void wait_for(Process *process, Activation *activation)
{
    Registrar *registrar = process->registrar;
    uint64_t deadline = time_after(registrar->options.activation_timeout);
    struct timespec until = {(time_t)(deadline / NS_PER_SECOND), (long)(deadline % NS_PER_SECOND)};
    int r = 0;
    pthread_mutex_lock(&registrar->lock);
    while (!activation->done && r == 0)
        r = pthread_cond_timedwait(&registrar->changed, &registrar->lock, &until);
    list_remove(&activation->link);
    process->pending_count--;
    pthread_mutex_unlock(&registrar->lock);
}

void registrar_reply_deinit(RegistrarReply *reply)
{
    bindings_deinit(&reply->exporter.bindings);
    free(reply->results);
    free(reply->bytes);
    *reply = (RegistrarReply){0};
}

static bool read_result(Reader *reader, ActivationResult *result)
{
    Objref objref;
    result->status = (HRESULT)reader_u32(reader);
    uint32_t length = reader_u32(reader);
    const uint8_t *bytes = reader_bytes(reader, length);
    if (reader->failed) return false;
    if (result->status != 0) return length == 0 && FAILED(result->status);
    if (objref_parse(bytes, length, &objref) < 0 || !guid_equal(&objref.iid, &result->iid)) return false;
    result->objref = bytes;
    result->objref_length = length;
    return true;
}

/* What a process answers is passed on to strangers only if it is what they asked for. */
static HRESULT parse_answer(RegistrarFrame *frame, const RegistrarActivation *request, RegistrarReply *reply)
{
    Reader reader;
    reader_init(&reader, frame->data, frame->length);
    HRESULT hr = (HRESULT)reader_u32(&reader);
    uint32_t count = reader_u32(&reader);
    if (reader_status(&reader) < 0) return RPC_E_INVALID_DATA;
    if (FAILED(hr)) return hr;
    if (count != request->iid_count) return RPC_E_INVALID_DATA;
    reply->results = calloc(count, sizeof(*reply->results));
    if (!reply->results) return E_OUTOFMEMORY;
    for (uint32_t i = 0; i < count; i++) {
        reply->results[i].iid = activation_guid(request->iids, i);
        if (!read_result(&reader, &reply->results[i])) return RPC_E_INVALID_OBJREF;
    }
    if (reader_end(&reader) < 0) return RPC_E_INVALID_DATA;
    reply->count = count;
    reply->bytes = TAKE_PTR(frame->data);
    return S_OK;
}

/* One process, once. *ret_retry: it ended before it can have made anything. */
static HRESULT ask(Registrar *registrar, const RegistrarServer *server, const RegistrarActivation *request,
                   RegistrarReply *reply, bool *ret_retry)
{
    Activation activation;
    RegistrarActivation sent = *request;
    Process *process = NULL;
    HRESULT hr = choose(registrar, &request->clsid, server, &activation, &sent.cookie, &process);
    if (FAILED(hr)) return hr;
    _cleanup_(writer_deinitp) Writer payload;
    writer_init(&payload, 0);
    registrar_activation_write(&payload, &sent);
    int r = registrar_line_write(&process->line, REGISTRAR_ACTIVATE, activation.id, &payload);
    if (r < 0) process_close(process);
    wait_for(process, &activation);
    if (activation.answer.data)
        hr = parse_answer(&activation.answer, request, reply);
    else
        hr = CO_E_SERVER_EXEC_FAILURE;
    if (SUCCEEDED(hr)) hr = resolver_find_oxid(registrar->options.resolver, process->oxid, &reply->exporter);
    registrar_frame_deinit(&activation.answer);
    io_handle_unref(&process->line.handle);
    *ret_retry = r < 0;
    return hr;
}

HRESULT registrar_activate(Registrar *registrar, const RegistrarServer *server,
                           const RegistrarActivation *request, RegistrarReply *ret_reply)
{
    HRESULT hr = E_FAIL;
    if (io_pool_block_begin(false) != 0) return HRESULT_FROM_WIN32(RPC_S_SERVER_TOO_BUSY);
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        RegistrarReply reply = {0};
        bool retry = false;
        hr = ask(registrar, server, request, &reply, &retry);
        if (SUCCEEDED(hr)) {
            *ret_reply = reply;
            break;
        }
        registrar_reply_deinit(&reply);
        if (!retry) break;
    }
    io_pool_block_end();
    return hr;
}

void registrar_run_down(void *data, uint64_t oxid, uint64_t oid)
{
    Registrar *registrar = data;
    Process *found = NULL;
    if (!registrar) return;
    pthread_mutex_lock(&registrar->lock);
    list_each(item, &registrar->processes)
    {
        Process *process = container_of(item, Process, link);
        if (!process->greeted || process->oxid != oxid) continue;
        (void)io_handle_ref(&process->line.handle);
        found = process;
        break;
    }
    pthread_mutex_unlock(&registrar->lock);
    if (!found) return;
    uint8_t bytes[8];
    Writer payload;
    writer_init_fixed(&payload, bytes, sizeof(bytes));
    writer_u64(&payload, oid);
    if (registrar_line_write(&found->line, REGISTRAR_RUN_DOWN, 0, &payload) < 0) process_close(found);
    io_handle_unref(&found->line.handle);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A COM server process's end of the line to mantled. */
#include "orpc/registrar-client.h"
#include <errno.h>
#include <stdio.h>
#include <winerror.h>
#include "base/time.h"
#include "io/pool.h"
#include "io/socket.h"
#include "orpc/causality.h"
#include "orpc/registrar-message.h"

#define HELLO_ID 1u

/* A request of ours that waits for its RESULT, on its caller's stack. */
typedef struct Waiting {
    List link;
    uint32_t id;
    bool done;
    HRESULT status;
    char sentence[REGISTRAR_TEXT_SIZE];
} Waiting;

struct RegistrarClient {
    RegistrarLine line;
    RegistrarHandlers handlers;
    Bindings resolver;
    uint64_t ping_period;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    List waiting;
    uint32_t next_id;
    unsigned running; /* handlers */
    bool closed;      /* by us or by mantled */
};

struct RegistrarAnswer {
    uint32_t count;
    Writer results;
};

static RegistrarClient *client_of(IoHandle *handle)
{
    return container_of(handle, RegistrarClient, line.handle);
}

static void destroy(IoHandle *handle)
{
    RegistrarClient *client = client_of(handle);
    registrar_line_deinit(&client->line);
    bindings_deinit(&client->resolver);
    pthread_cond_destroy(&client->changed);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

/* Ends the line once; true for who ended it. */
static bool end_line(RegistrarClient *client)
{
    pthread_mutex_lock(&client->lock);
    bool first = !client->closed;
    client->closed = true;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
    if (first) {
        io_handle_remove(&client->line.handle);
        (void)shutdown(client->line.handle.fd, SHUT_RDWR); /* it may have been closed by the other end */
    }
    return first;
}

static bool begin_handler(RegistrarClient *client)
{
    pthread_mutex_lock(&client->lock);
    bool open = !client->closed;
    client->running += open;
    pthread_mutex_unlock(&client->lock);
    return open;
}

static void end_handler(RegistrarClient *client)
{
    pthread_mutex_lock(&client->lock);
    client->running--;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
}

static void lose(RegistrarClient *client)
{
    if (!begin_handler(client)) return;
    if (end_line(client) && client->handlers.lost) client->handlers.lost(client->handlers.context);
    end_handler(client);
}

void registrar_answer_add(RegistrarAnswer *answer, HRESULT status, const void *objref, size_t length)
{
    answer->count++;
    writer_u32(&answer->results, (uint32_t)status);
    writer_u32(&answer->results, status == 0 ? (uint32_t)length : 0);
    if (status == 0) writer_bytes(&answer->results, objref, length);
}

static int send_answer(RegistrarClient *client, uint32_t id, HRESULT status, const RegistrarAnswer *answer)
{
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    bool whole = SUCCEEDED(status) && writer_status(&answer->results) == 0;
    writer_u32(&writer, (uint32_t)(SUCCEEDED(status) && !whole ? E_OUTOFMEMORY : status));
    writer_u32(&writer, whole ? answer->count : 0);
    if (whole) writer_bytes(&writer, answer->results.data, answer->results.length);
    return registrar_line_write(&client->line, REGISTRAR_ANSWER, id, &writer);
}

static int activate(RegistrarClient *client, const RegistrarFrame *frame)
{
    RegistrarActivation request;
    char caller[REGISTRAR_TEXT_SIZE];
    int r = registrar_activation_read(frame, &request, caller);
    if (r < 0) return r;
    RegistrarAnswer answer = {0};
    writer_init(&answer.results, REGISTRAR_FRAME_MAX - 64);
    HRESULT hr = HRESULT_FROM_WIN32(RPC_S_SERVER_TOO_BUSY);
    /* One of a chain that waits in this process is let in whatever is exhausted. */
    if (io_pool_block_begin(causality_is_blocked(&request.causality)) == 0) {
        hr = client->handlers.activate(client->handlers.context, &request, &answer);
        io_pool_block_end();
    }
    if (SUCCEEDED(hr) && answer.count != request.iid_count) hr = E_UNEXPECTED;
    r = send_answer(client, frame->id, hr, &answer);
    writer_deinit(&answer.results);
    return r;
}

static int take_result(RegistrarClient *client, const RegistrarFrame *frame)
{
    HRESULT status;
    char sentence[REGISTRAR_TEXT_SIZE];
    int r = registrar_result_read(frame, &status, sentence);
    if (r < 0) return r;
    pthread_mutex_lock(&client->lock);
    list_each(item, &client->waiting)
    {
        Waiting *waiting = container_of(item, Waiting, link);
        if (waiting->id != frame->id) continue;
        waiting->done = true;
        waiting->status = status;
        memcpy(waiting->sentence, sentence, sizeof(sentence));
    }
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
    return 0;
}

static int run_down(RegistrarClient *client, const RegistrarFrame *frame)
{
    Reader reader;
    reader_init(&reader, frame->data, frame->length);
    uint64_t oid = reader_u64(&reader);
    int r = reader_end(&reader);
    if (r < 0) return r;
    client->handlers.run_down(client->handlers.context, oid);
    return 0;
}

static int handle_frame(RegistrarClient *client, const RegistrarFrame *frame)
{
    switch (frame->type) {
    case REGISTRAR_RESULT:
        return take_result(client, frame);
    case REGISTRAR_ACTIVATE:
        return activate(client, frame);
    case REGISTRAR_RUN_DOWN:
        return run_down(client, frame);
    default:
        return -EBADMSG;
    }
}

/* One frame at a time: the line is armed again before the frame is handled, so that another thread reads on
 * while an object is being made. */
static void ready(IoHandle *handle, uint32_t events)
{
    RegistrarClient *client = client_of(handle);
    RegistrarFrame frame = {0};
    if (!begin_handler(client)) return;
    int r = registrar_line_read(&client->line, &frame);
    if (r == 0 || r == IO_AGAIN) {
        int armed = io_handle_arm(handle, EPOLLIN);
        if (r == 0) r = handle_frame(client, &frame);
        if (armed < 0) r = armed;
    }
    registrar_frame_deinit(&frame);
    if (r != 0 && r != IO_AGAIN) lose(client);
    end_handler(client);
}

/* Hello */
static int read_before(RegistrarClient *client, uint64_t deadline, RegistrarFrame *ret_frame)
{
    for (;;) {
        int r = registrar_line_read(&client->line, ret_frame);
        if (r != IO_AGAIN) return r;
        r = io_wait(&(IoWait){client->line.handle.fd, POLLIN, deadline});
        if (r < 0) return r;
    }
}

static HRESULT take_welcome(RegistrarClient *client, const RegistrarFrame *frame)
{
    Reader reader;
    Bindings resolver;
    reader_init(&reader, frame->data, frame->length);
    client->ping_period = reader_u64(&reader);
    bindings_read(&reader, &resolver);
    if (reader_end(&reader) < 0) return RPC_E_INVALID_DATA;
    return bindings_dup(&resolver, &client->resolver) < 0 ? E_OUTOFMEMORY : S_OK;
}

static HRESULT say_hello(RegistrarClient *client, const RegistrarExporter *exporter, uint64_t deadline,
                         char sentence[REGISTRAR_TEXT_SIZE])
{
    _cleanup_(writer_deinitp) Writer hello;
    writer_init(&hello, 0);
    registrar_hello_write(&hello, exporter);
    RegistrarFrame frame = {0};
    int r = registrar_line_write(&client->line, REGISTRAR_HELLO, HELLO_ID, &hello);
    if (r == 0) r = read_before(client, deadline, &frame);
    if (r) {
        (void)snprintf(sentence, REGISTRAR_TEXT_SIZE, "mantled does not answer: %s",
                       r < 0 ? strerror(-r) : "it closed the connection");
        return r == -ENOMEM ? E_OUTOFMEMORY : HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE);
    }
    HRESULT hr = RPC_E_INVALID_DATA;
    if (frame.type == REGISTRAR_WELCOME)
        hr = take_welcome(client, &frame);
    else if (frame.type == REGISTRAR_RESULT && registrar_result_read(&frame, &hr, sentence) == 0 &&
             SUCCEEDED(hr))
        hr = RPC_E_INVALID_DATA;
    registrar_frame_deinit(&frame);
    return hr;
}

static HRESULT open_line(const char *path, uint64_t deadline, int *ret_fd, char sentence[REGISTRAR_TEXT_SIZE])
{
    IoAddress address;
    _cleanup_(closep) int fd = -1;
    int r = io_address_unix(path, &address);
    if (r == 0) r = io_connect_start(&address, &fd);
    while (r == IO_AGAIN) {
        r = io_wait(&(IoWait){fd, POLLOUT, deadline});
        if (r == 0) r = io_connect_finish(fd);
    }
    if (r < 0) {
        (void)snprintf(
            sentence, REGISTRAR_TEXT_SIZE,
            "cannot reach mantled at %s: %s; start it, or correct runtime in section [paths] of mantle.conf",
            path, strerror(-r));
        return r == -EACCES ? E_ACCESSDENIED : HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE);
    }
    *ret_fd = TAKE_FD(fd);
    return S_OK;
}

static HRESULT make_client(const char *path, const RegistrarExporter *exporter,
                           const RegistrarHandlers *handlers, uint64_t deadline, RegistrarClient **ret_client,
                           char sentence[REGISTRAR_TEXT_SIZE])
{
    int fd = -1;
    HRESULT hr = open_line(path, deadline, &fd, sentence);
    if (FAILED(hr)) return hr;
    RegistrarClient *client = calloc(1, sizeof(*client));
    if (!client) {
        close(fd);
        return E_OUTOFMEMORY;
    }
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&client->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&client->lock, NULL);
    list_init(&client->waiting);
    client->handlers = *handlers;
    client->next_id = HELLO_ID + 1;
    registrar_line_init(&client->line, fd, ready, destroy);
    hr = say_hello(client, exporter, deadline, sentence);
    if (FAILED(hr))
        io_handle_unref(&client->line.handle);
    else
        *ret_client = client;
    return hr;
}

HRESULT registrar_client_new(const char *path, IoLoop *loop, const RegistrarExporter *exporter,
                             const RegistrarHandlers *handlers, uint64_t deadline,
                             RegistrarClient **ret_client, char sentence[REGISTRAR_SENTENCE_SIZE])
{
    char words[REGISTRAR_TEXT_SIZE] = "";
    RegistrarClient *client = NULL;
    HRESULT hr = make_client(path, exporter, handlers, deadline, &client, words);
    if (sentence) memcpy(sentence, words, sizeof(words));
    if (FAILED(hr)) return hr;
    if (io_handle_add(loop, &client->line.handle, EPOLLIN) < 0) {
        io_handle_unref(&client->line.handle);
        return E_OUTOFMEMORY;
    }
    *ret_client = client;
    return S_OK;
}

RegistrarClient *registrar_client_free(RegistrarClient *client)
{
    if (!client) return NULL;
    (void)end_line(client);
    pthread_mutex_lock(&client->lock);
    while (client->running)
        pthread_cond_wait(&client->changed, &client->lock);
    pthread_mutex_unlock(&client->lock);
    io_handle_unref(&client->line.handle);
    return NULL;
}

const Bindings *registrar_client_resolver(const RegistrarClient *client)
{
    return &client->resolver;
}

uint64_t registrar_client_ping_period(const RegistrarClient *client)
{
    return client->ping_period;
}

/* Requests */
static HRESULT wait_for(RegistrarClient *client, Waiting *waiting)
{
    uint64_t deadline = time_after(REGISTRAR_TIMEOUT);
    struct timespec until = {(time_t)(deadline / NS_PER_SECOND), (long)(deadline % NS_PER_SECOND)};
    int r = 0;
    pthread_mutex_lock(&client->lock);
    while (!waiting->done && !client->closed && r == 0)
        r = pthread_cond_timedwait(&client->changed, &client->lock, &until);
    list_remove(&waiting->link);
    bool done = waiting->done;
    pthread_mutex_unlock(&client->lock);
    return done ? waiting->status : HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE);
}

static HRESULT request(RegistrarClient *client, RegistrarType type, const Writer *payload,
                       char sentence[REGISTRAR_SENTENCE_SIZE])
{
    Waiting waiting = {.sentence = "mantled does not answer"};
    list_init(&waiting.link);
    pthread_mutex_lock(&client->lock);
    waiting.id = client->next_id++;
    list_append(&client->waiting, &waiting.link);
    pthread_mutex_unlock(&client->lock);
    /* The thread of the loop that reads the answer must not be this one. */
    int blocked = io_pool_block_begin(true);
    if (registrar_line_write(&client->line, type, waiting.id, payload) < 0) lose(client);
    HRESULT hr = wait_for(client, &waiting);
    if (blocked == 0) io_pool_block_end();
    if (sentence) memcpy(sentence, waiting.sentence, sizeof(waiting.sentence));
    return hr;
}

HRESULT registrar_client_add_class(RegistrarClient *client, const Guid *clsid, uint32_t cookie,
                                   uint32_t flags, char sentence[REGISTRAR_SENTENCE_SIZE])
{
    _cleanup_(writer_deinitp) Writer payload;
    writer_init(&payload, 0);
    writer_guid(&payload, clsid);
    writer_u32(&payload, cookie);
    writer_u32(&payload, flags);
    return request(client, REGISTRAR_ADD_CLASS, &payload, sentence);
}

HRESULT registrar_client_remove_class(RegistrarClient *client, uint32_t cookie)
{
    _cleanup_(writer_deinitp) Writer payload;
    writer_init(&payload, 0);
    writer_u32(&payload, cookie);
    return request(client, REGISTRAR_REMOVE_CLASS, &payload, NULL);
}

static void tell(RegistrarClient *client, RegistrarType type, uint64_t oid)
{
    uint8_t bytes[8];
    Writer payload;
    writer_init_fixed(&payload, bytes, sizeof(bytes));
    writer_u64(&payload, oid);
    if (registrar_line_write(&client->line, type, 0, &payload) < 0) lose(client);
}

void registrar_client_add_oid(RegistrarClient *client, uint64_t oid)
{
    tell(client, REGISTRAR_ADD_OID, oid);
}

void registrar_client_remove_oid(RegistrarClient *client, uint64_t oid)
{
    tell(client, REGISTRAR_REMOVE_OID, oid);
}

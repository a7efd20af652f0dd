/* SPDX-License-Identifier: Apache-2.0 */
/* The registrar: its listener, and what processes tell it. */
#include "orpc/registrar.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <winerror.h>
#include "base/time.h"
#include "io/socket.h"
#include "orpc/localbinding.h"
#include "orpc/plain.h"
#include "orpc/registrar-private.h"

#define FRAMES_AT_ONCE 64 /* of one process, before others have their turn */

typedef struct Listener {
    IoHandle handle;
    Registrar *registrar;
} Listener;

static Process *process_of(IoHandle *handle)
{
    return container_of(handle, Process, line.handle);
}

void registrar_log(Registrar *registrar, int priority, const char *format, ...)
{
    char sentence[REGISTRAR_SENTENCE_SIZE];
    va_list arguments;
    if (!registrar->options.log) return;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    registrar->options.log(registrar->options.context, priority, sentence);
}

/* Processes */
static void process_destroy(IoHandle *handle)
{
    Process *process = process_of(handle);
    registrar_line_deinit(&process->line);
    free(process);
}

void served_class_free(Registrar *registrar, ServedClass *served)
{
    ClassRow *row = hashmap_get(registrar->classes, &served->clsid, sizeof(served->clsid));
    list_remove(&served->of_class);
    list_remove(&served->of_process);
    served->process->class_count--;
    registrar->class_count--;
    if (row && list_is_empty(&row->served)) {
        (void)hashmap_remove(registrar->classes, &served->clsid, sizeof(served->clsid));
        free(row);
    }
    free(served);
}

static void remove_exporter(Registrar *registrar, uint64_t oxid)
{
    IoAddress local;
    if (registrar->options.endpoints) endpoint_mapper_remove(registrar->options.endpoints, oxid);
    /* A process that died has left it; it is the name that goes, whatever is there now. Before the OXID,
     * which may then be said anew. */
    if (registrar->runtime && local_exporter_address(registrar->runtime, oxid, &local) == 0)
        (void)unlink(local.local.sun_path);
    resolver_remove_oxid(registrar->options.resolver, oxid);
}

void process_close(Process *process)
{
    Registrar *registrar = process->registrar;
    pthread_mutex_lock(&registrar->lock);
    bool first = !process->closed;
    process->closed = true;
    if (first) {
        list_each(item, &process->classes)
            served_class_free(registrar, container_of(item, ServedClass, of_process));
        list_each(item, &process->pending) container_of(item, Activation, link)->done = true;
        list_remove(&process->link);
        registrar->process_count--;
        pthread_cond_broadcast(&registrar->changed);
    }
    pthread_mutex_unlock(&registrar->lock);
    if (!first) return;
    if (process->greeted) remove_exporter(registrar, process->oxid);
    io_handle_remove(&process->line.handle);
    (void)shutdown(process->line.handle.fd, SHUT_RDWR);
    io_handle_unref(&process->line.handle);
}

static int answer(Process *process, uint32_t id, HRESULT status, const char *sentence)
{
    _cleanup_(writer_deinitp) Writer payload;
    writer_init(&payload, 0);
    registrar_result_write(&payload, status, sentence);
    return registrar_line_write(&process->line, REGISTRAR_RESULT, id, &payload);
}

/* Where the exporter is reached: this machine's names with the process's port. */
static int compose_bindings(const Registrar *registrar, const RegistrarExporter *exporter,
                            Bindings *ret_bindings)
{
    size_t count = registrar->options.host_count;
    _cleanup_(freep) char(*addresses)[BINDING_ADDRESS_SIZE] = calloc(count, sizeof(*addresses));
    _cleanup_(freep) StringBinding *strings = calloc(count, sizeof(*strings));
    SecurityBinding securities[REGISTRAR_SERVICES_MAX];
    if (!addresses || !strings) return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        int r = binding_join(registrar->hosts[i], exporter->port, addresses[i]);
        if (r < 0) return r;
        strings[i] = (StringBinding){BINDING_TOWER_TCP, addresses[i]};
    }
    const char *principal = exporter->principal ? exporter->principal : "";
    size_t services = exporter->principal && !principal[0] ? 0 : registrar->options.service_count;
    size_t taken = 0;
    for (size_t i = 0; i < services; i++)
        if (!exporter->services ||
            (registrar->services[i] < 32 && exporter->services & 1u << registrar->services[i]))
            securities[taken++] = (SecurityBinding){registrar->services[i], principal};
    return bindings_new(strings, count, securities, taken, ret_bindings);
}

/* What every exporter serves. Its objects' interfaces have no endpoints: an IPID is found by its OXID. */
static RpcStatus add_endpoints(Registrar *registrar, const RegistrarExporter *exporter)
{
    const Guid *const served[] = {&IID_REM_UNKNOWN, &IID_REM_UNKNOWN2};
    RpcStatus status = RPCST_OK;
    for (size_t i = 0; status == RPCST_OK && registrar->options.endpoints && i < ARRAY_SIZE(served); i++) {
        EndpointEntry entry = {.iface = {.uuid = *served[i]}, .port = exporter->port};
        (void)snprintf(entry.annotation, sizeof(entry.annotation), "%s", exporter->principal);
        status = endpoint_mapper_add(registrar->options.endpoints, exporter->oxid, &entry);
    }
    return status;
}

HRESULT registrar_add_exporter(Registrar *registrar, const RegistrarExporter *exporter, uint32_t owner)
{
    ResolverOxid entry = {.oxid = exporter->oxid,
                          .owner = owner,
                          .local = exporter->local && registrar->runtime,
                          .rem_unknown = exporter->rem_unknown,
                          .authn_hint = exporter->authn_hint,
                          .version = {COM_VERSION_MAJOR, COM_VERSION_MINOR}};
    if (compose_bindings(registrar, exporter, &entry.bindings) < 0) return E_OUTOFMEMORY;
    HRESULT hr = resolver_add_oxid(registrar->options.resolver, &entry);
    bindings_deinit(&entry.bindings);
    if (FAILED(hr) || add_endpoints(registrar, exporter) == RPCST_OK) return hr;
    remove_exporter(registrar, exporter->oxid);
    return E_OUTOFMEMORY;
}

static int take_hello(Process *process, const RegistrarFrame *frame)
{
    Registrar *registrar = process->registrar;
    RegistrarHello hello;
    int r = registrar_hello_read(frame, &hello);
    if (r < 0 || process->greeted) return -EBADMSG;
    if (hello.protocol != REGISTRAR_PROTOCOL) {
        registrar_log(registrar, LOG_WARNING,
                      "process %d speaks version %u of the registrar's protocol, not %u",
                      (int)process->who.pid, hello.protocol, REGISTRAR_PROTOCOL);
        return answer(
            process, frame->id, RPC_E_VERSION_MISMATCH,
            "this mantled speaks another version of the registrar's protocol; restart both from one version");
    }
    RegistrarExporter exporter = {hello.oxid,      hello.rem_unknown, hello.port, hello.authn_hint,
                                  hello.principal, hello.services,    hello.local};
    HRESULT hr = registrar_add_exporter(registrar, &exporter, process->who.uid);
    if (FAILED(hr))
        return answer(process, frame->id, hr, "the exporter's OXID is taken, or there are too many");
    pthread_mutex_lock(&registrar->lock);
    process->oxid = hello.oxid;
    process->greeted = true;
    pthread_mutex_unlock(&registrar->lock);
    _cleanup_(writer_deinitp) Writer payload;
    writer_init(&payload, 0);
    writer_u64(&payload, resolver_ping_period(registrar->options.resolver));
    bindings_write(&payload, resolver_bindings(registrar->options.resolver));
    return registrar_line_write(&process->line, REGISTRAR_WELCOME, frame->id, &payload);
}

/* Classes */
static ClassRow *class_row(Registrar *registrar, const Guid *clsid)
{
    ClassRow *row = hashmap_get(registrar->classes, clsid, sizeof(*clsid));
    if (row) return row;
    row = calloc(1, sizeof(*row));
    if (!row) return NULL;
    row->clsid = *clsid;
    list_init(&row->served);
    if (hashmap_put(registrar->classes, clsid, sizeof(*clsid), row) == 0) return row;
    free(row);
    return NULL;
}

static ServedClass *find_class(Process *process, uint32_t cookie)
{
    list_each(item, &process->classes)
    {
        ServedClass *served = container_of(item, ServedClass, of_process);
        if (served->cookie == cookie) return served;
    }
    return NULL;
}

/* The lock is held. The same cookie again replaces the flags: a suspended class is resumed. */
static HRESULT add_class(Process *process, const Guid *clsid, uint32_t cookie, uint32_t flags)
{
    Registrar *registrar = process->registrar;
    ServedClass *served = find_class(process, cookie);
    if (served) {
        if (!guid_equal(&served->clsid, clsid)) return E_INVALIDARG;
        served->flags = flags;
        pthread_cond_broadcast(&registrar->changed);
        return S_OK;
    }
    if (process->closed || process->class_count >= REGISTRAR_CLASSES_PER_PROCESS) return E_OUTOFMEMORY;
    served = calloc(1, sizeof(*served));
    if (!served) return E_OUTOFMEMORY;
    ClassRow *row = class_row(registrar, clsid);
    if (!row) {
        free(served);
        return E_OUTOFMEMORY;
    }
    *served = (ServedClass){.clsid = *clsid, .cookie = cookie, .flags = flags, .process = process};
    list_append(&row->served, &served->of_class);
    list_append(&process->classes, &served->of_process);
    process->class_count++;
    registrar->class_count++;
    pthread_cond_broadcast(&registrar->changed);
    return S_OK;
}

static int take_add_class(Process *process, const RegistrarFrame *frame)
{
    Registrar *registrar = process->registrar;
    Reader reader;
    reader_init(&reader, frame->data, frame->length);
    Guid clsid = reader_guid(&reader);
    uint32_t cookie = reader_u32(&reader), flags = reader_u32(&reader);
    if (reader_end(&reader) < 0) return -EBADMSG;
    char text[GUID_STRING_SIZE], sentence[REGISTRAR_SENTENCE_SIZE] = "";
    guid_format(&clsid, text);
    if (!registrar->options.may_serve(registrar->options.context, &process->who, &clsid, sentence)) {
        registrar_log(registrar, LOG_WARNING, "process %d (uid %u) may not serve class {%s}: %s",
                      (int)process->who.pid, (unsigned)process->who.uid, text, sentence);
        return answer(process, frame->id, E_ACCESSDENIED, sentence);
    }
    pthread_mutex_lock(&registrar->lock);
    HRESULT hr = add_class(process, &clsid, cookie, flags);
    pthread_mutex_unlock(&registrar->lock);
    if (SUCCEEDED(hr))
        registrar_log(registrar, LOG_DEBUG, "process %d serves class {%s}", (int)process->who.pid, text);
    return answer(process, frame->id, hr, SUCCEEDED(hr) ? "" : "too many classes, or a cookie used twice");
}

static int take_remove_class(Process *process, const RegistrarFrame *frame)
{
    Registrar *registrar = process->registrar;
    Reader reader;
    reader_init(&reader, frame->data, frame->length);
    uint32_t cookie = reader_u32(&reader);
    if (reader_end(&reader) < 0) return -EBADMSG;
    pthread_mutex_lock(&registrar->lock);
    ServedClass *served = find_class(process, cookie);
    if (served) served_class_free(registrar, served);
    pthread_mutex_unlock(&registrar->lock);
    return answer(process, frame->id, served ? S_OK : CO_E_OBJNOTREG,
                  served ? "" : "no class with this cookie");
}

static int take_oid(Process *process, const RegistrarFrame *frame)
{
    Registrar *registrar = process->registrar;
    Reader reader;
    reader_init(&reader, frame->data, frame->length);
    uint64_t oid = reader_u64(&reader);
    if (reader_end(&reader) < 0) return -EBADMSG;
    if (frame->type == REGISTRAR_REMOVE_OID) {
        resolver_remove_oid(registrar->options.resolver, process->oxid, oid);
        return 0;
    }
    HRESULT hr = resolver_add_oid(registrar->options.resolver, process->oxid, oid);
    if (FAILED(hr))
        registrar_log(registrar, LOG_WARNING, "process %d: an object cannot be kept alive by pings (0x%08X)",
                      (int)process->who.pid, (unsigned)hr);
    return 0;
}

static int handle_frame(Process *process, RegistrarFrame *frame)
{
    if (frame->type == REGISTRAR_HELLO) return take_hello(process, frame);
    if (!process->greeted) return -EBADMSG;
    switch (frame->type) {
    case REGISTRAR_ADD_CLASS:
        return take_add_class(process, frame);
    case REGISTRAR_REMOVE_CLASS:
        return take_remove_class(process, frame);
    case REGISTRAR_ADD_OID:
    case REGISTRAR_REMOVE_OID:
        return take_oid(process, frame);
    case REGISTRAR_ANSWER:
        activation_take_answer(process, frame);
        return 0;
    default:
        return -EBADMSG;
    }
}

/* Frames of one process are handled in order: the line is armed again only after those that were read. */
static void process_ready(IoHandle *handle, uint32_t events)
{
    Process *process = process_of(handle);
    int r = 0;
    for (unsigned i = 0; i < FRAMES_AT_ONCE && r == 0; i++) {
        RegistrarFrame frame = {0};
        r = registrar_line_read(&process->line, &frame);
        if (r == 0) r = handle_frame(process, &frame);
        registrar_frame_deinit(&frame);
    }
    if (r == 0 || r == IO_AGAIN) r = io_handle_arm(handle, EPOLLIN);
    if (r == 0 || r == -ENOENT) return; /* -ENOENT: another thread has closed it */
    if (r < 0)
        registrar_log(process->registrar, LOG_WARNING, "process %d (uid %u): line closed: %s",
                      (int)process->who.pid, (unsigned)process->who.uid, strerror(-r));
    process_close(process);
}

/* Listener */
static size_t processes_of(const Registrar *registrar, uid_t uid)
{
    size_t count = 0;
    for (const List *item = registrar->processes.next; item != &registrar->processes; item = item->next)
        count += container_of(item, Process, link)->who.uid == uid;
    return count;
}

static int admit(Registrar *registrar, int fd)
{
    struct ucred who;
    int r = io_socket_credentials(fd, &who);
    if (r < 0) return r;
    Process *process = calloc(1, sizeof(*process));
    if (!process) return -ENOMEM;
    process->registrar = registrar;
    process->who = who;
    list_init(&process->link);
    list_init(&process->classes);
    list_init(&process->pending);
    registrar_line_init(&process->line, fd, process_ready, process_destroy);
    pthread_mutex_lock(&registrar->lock);
    bool full = registrar->stopped || registrar->process_count >= REGISTRAR_PROCESSES_MAX ||
                processes_of(registrar, who.uid) >= REGISTRAR_PROCESSES_PER_USER;
    if (!full) {
        (void)io_handle_ref(&process->line.handle); /* ours, until the end of this function */
        list_append(&registrar->processes, &process->link);
        registrar->process_count++;
    }
    pthread_mutex_unlock(&registrar->lock);
    if (full) {
        process->line.handle.fd = -1; /* stays the caller's */
        io_handle_unref(&process->line.handle);
        return -EDQUOT;
    }
    r = io_handle_add(registrar->options.loop, &process->line.handle, EPOLLIN);
    pthread_mutex_lock(&registrar->lock);
    bool closed =
        process->closed; /* registrar_stop() may have come first, when there was nothing to remove yet */
    pthread_mutex_unlock(&registrar->lock);
    if (closed) io_handle_remove(&process->line.handle);
    if (r < 0) process_close(process);
    io_handle_unref(&process->line.handle);
    return 0;
}

static void listener_ready(IoHandle *handle, uint32_t events)
{
    Registrar *registrar = container_of(handle, Listener, handle)->registrar;
    IoAddress peer;
    int fd, r;
    while ((r = io_accept(handle->fd, &fd, &peer)) == 0) {
        int admitted = admit(registrar, fd);
        if (admitted == 0) continue;
        close(fd);
        registrar_log(registrar, LOG_WARNING, "a COM server process was turned away: %s",
                      strerror(-admitted));
    }
    if (r < 0) registrar_log(registrar, LOG_WARNING, "accepting a COM server process: %s", strerror(-r));
    r = io_handle_arm(handle, EPOLLIN);
    if (r < 0 && r != -ENOENT) /* -ENOENT: removed */
        registrar_log(registrar, LOG_ERR, "no more COM server processes can come: %s", strerror(-r));
}

static void listener_destroy(IoHandle *handle)
{
    closep(&handle->fd);
    free(container_of(handle, Listener, handle));
}

int registrar_listen_fd(Registrar *registrar, int fd)
{
    Listener *listener = calloc(1, sizeof(*listener));
    if (!listener || registrar->listener) {
        free(listener);
        close(fd);
        return listener ? -EALREADY : -ENOMEM;
    }
    listener->registrar = registrar;
    /* Whoever opened the socket may have left it blocking, as systemd does. */
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        int error = -errno;
        free(listener);
        close(fd);
        return error;
    }
    io_handle_init(&listener->handle, fd, listener_ready, listener_destroy);
    int r = io_handle_add(registrar->options.loop, &listener->handle, EPOLLIN);
    if (r < 0)
        io_handle_unref(&listener->handle);
    else
        registrar->listener = listener;
    return r;
}

/* Registrar */
static int copy_options(Registrar *registrar, const RegistrarOptions *options)
{
    registrar->options = *options;
    registrar->options.hosts = NULL;
    registrar->options.services = NULL;
    if (!options->activation_timeout) registrar->options.activation_timeout = REGISTRAR_ACTIVATION_TIMEOUT;
    if (options->service_count > REGISTRAR_SERVICES_MAX) return -E2BIG;
    for (size_t i = 0; i < options->service_count; i++)
        registrar->services[i] = options->services[i];
    registrar->options.runtime = NULL;
    if (options->runtime && !(registrar->runtime = strdup(options->runtime))) return -ENOMEM;
    registrar->hosts = calloc(options->host_count + 1, sizeof(*registrar->hosts));
    if (!registrar->hosts) return -ENOMEM;
    for (size_t i = 0; i < options->host_count; i++) {
        registrar->hosts[i] = strdup(options->hosts[i]);
        if (!registrar->hosts[i]) return -ENOMEM;
    }
    return hashmap_new(&registrar->classes);
}

HRESULT registrar_new(const RegistrarOptions *options, Registrar **ret_registrar)
{
    _cleanup_(registrar_freep) Registrar *registrar = calloc(1, sizeof(*registrar));
    if (!registrar) return E_OUTOFMEMORY;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&registrar->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&registrar->lock, NULL);
    list_init(&registrar->processes);
    int r = copy_options(registrar, options);
    if (r < 0) return r == -E2BIG ? E_INVALIDARG : E_OUTOFMEMORY;
    *ret_registrar = TAKE_PTR(registrar);
    return S_OK;
}

void registrar_stop(Registrar *registrar)
{
    if (registrar->listener) io_handle_remove(&registrar->listener->handle);
    for (;;) {
        Process *process = NULL;
        pthread_mutex_lock(&registrar->lock);
        registrar->stopped = true;
        pthread_cond_broadcast(&registrar->changed);
        if (!list_is_empty(&registrar->processes)) {
            process = container_of(registrar->processes.next, Process, link);
            (void)io_handle_ref(&process->line.handle);
        }
        pthread_mutex_unlock(&registrar->lock);
        if (!process) return;
        process_close(process);
        io_handle_unref(&process->line.handle);
    }
}

Registrar *registrar_free(Registrar *registrar)
{
    if (!registrar) return NULL;
    if (registrar->processes.next) registrar_stop(registrar);
    if (registrar->listener) io_handle_unref(&registrar->listener->handle);
    for (size_t i = 0; registrar->hosts && registrar->hosts[i]; i++)
        free(registrar->hosts[i]);
    free(registrar->hosts);
    free(registrar->runtime);
    hashmap_free(registrar->classes);
    pthread_cond_destroy(&registrar->changed);
    pthread_mutex_destroy(&registrar->lock);
    free(registrar);
    return NULL;
}

RegistrarState registrar_state(Registrar *registrar)
{
    pthread_mutex_lock(&registrar->lock);
    RegistrarState state = {registrar->process_count, registrar->class_count};
    pthread_mutex_unlock(&registrar->lock);
    return state;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes on the line between a COM server process and mantled. The first byte: 0 as all that a process
 * sends, 1 after its hello, 2 as its answer to an activation, 3 as all that mantled sends, 4 after its
 * welcome. Whatever comes, the line ends and both ends are left as they were.
 * Decoder: src/orpc/registrar.c take_.*|add_class|find_class|handle_frame|process_(ready|close)
 * Decoder: src/orpc/registrar-activate.c activation_take_answer|read_result|parse_answer
 * Decoder: src/orpc/registrar-client.c activate|take_.*|run_down|handle_frame|ready|read_before|say_hello
 * Decoder: src/orpc/registrar-line.c parse_header|registrar_line_read|registrar_text_read
 * Decoder: src/orpc/registrar-message.c .*(read|open).*
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <winerror.h>
#include "base/time.h"
#include "io/socket.h"
#include "orpc/registrar.h"
#include "orpc/registrar-message.h"

#define INPUT_MAX 50000u
#define PATIENCE  (5 * NS_PER_SECOND)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PROCESS, PROCESS_GREETED, PROCESS_ANSWER, DAEMON, DAEMON_WELCOME, KINDS };

static const Guid allowed = {1, 2, 3, {4}}, iids[2] = {{5, 6, 7, {8}}, {6, 6, 7, {8}}};
static char folder[] = "/tmp/mantle-registrar-XXXXXX", path[sizeof(folder) + 4];
static IoAddress address;

static void remove_folder(void)
{
    (void)unlink(path);
    (void)rmdir(folder);
}

static void make_folder(void)
{
    if (*path) return;
    if (!mkdtemp(folder)) abort();
    (void)snprintf(path, sizeof(path), "%s/s", folder);
    if (io_address_unix(path, &address) != 0 || atexit(remove_folder) != 0) abort();
}

static int listen_again(void)
{
    int fd = -1;
    make_folder();
    (void)unlink(path);
    int r = io_listen(&address, 0600, &fd);
    assert(r == 0);
    return fd;
}

static void put_frame(Writer *writer, uint16_t type, uint32_t id, const void *data, size_t length)
{
    writer_u32(writer, (uint32_t)length);
    writer_u16(writer, type);
    writer_u16(writer, 0);
    writer_u32(writer, id);
    writer_bytes(writer, data, length);
}

static void send_all(int fd, const void *data, size_t length)
{
    int r = io_write_all(fd, data, length, time_after(PATIENCE));
    assert(r == 0 || r == -EPIPE || r == -ECONNRESET); /* the other end has had enough */
}

/* mantled's side against a process */

typedef struct Server {
    IoLoop *loop;
    Resolver *resolver;
    Registrar *registrar;
} Server;

static bool may_serve(void *context, const struct ucred *process, const Guid *clsid,
                      char sentence[REGISTRAR_SENTENCE_SIZE])
{
    (void)context;
    assert(process->uid == getuid());
    (void)snprintf(sentence, REGISTRAR_SENTENCE_SIZE, "not in classes.d");
    return clsid->data1 == 1;
}

static void server_init(Server *server)
{
    static const char *const hosts[] = {"a.lab.test"};
    static const uint16_t services[] = {16};
    Bindings bindings;
    int r = io_loop_new(&server->loop);
    if (r == 0) r = bindings_new(&(StringBinding){7, "a"}, 1, &(SecurityBinding){16, ""}, 1, &bindings);
    assert(r == 0);
    ResolverOptions resolver = {.ping_period = NS_PER_SECOND, .bindings = &bindings};
    HRESULT hr = resolver_new(&resolver, &server->resolver);
    RegistrarOptions options = {.loop = server->loop,
                                .resolver = server->resolver,
                                .hosts = hosts,
                                .host_count = 1,
                                .services = services,
                                .service_count = 1,
                                .may_serve = may_serve,
                                .activation_timeout = PATIENCE};
    if (hr == S_OK) hr = registrar_new(&options, &server->registrar);
    assert(hr == S_OK);
    r = registrar_listen_fd(server->registrar, listen_again());
    assert(r == 0);
    bindings_deinit(&bindings);
}

static void server_deinit(Server *server)
{
    server->registrar = registrar_free(server->registrar);
    server->loop = io_loop_free(server->loop);
    assert(resolver_state(server->resolver).oxids == 0);
    server->resolver = resolver_free(server->resolver);
}

static void put_hello(Writer *writer)
{
    _cleanup_(writer_deinitp) Writer hello;
    RegistrarExporter exporter = {.oxid = 77, .rem_unknown = iids[0], .port = 4711, .principal = "host/a"};
    writer_init(&hello, 0);
    registrar_hello_write(&hello, &exporter);
    put_frame(writer, REGISTRAR_HELLO, 1, hello.data, hello.length);
}

static int connect_process(Server *server, const Writer *first)
{
    int fd, r = io_connect_start(&address, &fd);
    assert(r == 0);
    send_all(fd, first->data, first->length);
    while (io_loop_step(server->loop, 0) == 0) {
    }
    return fd;
}

static void fuzz_process(int kind, const uint8_t *data, size_t size)
{
    Server server;
    _cleanup_(writer_deinitp) Writer bytes;
    writer_init(&bytes, 0);
    server_init(&server);
    if (kind == PROCESS_GREETED) put_hello(&bytes);
    writer_bytes(&bytes, data, size);
    int fd = connect_process(&server, &bytes);
    (void)shutdown(fd, SHUT_WR);
    while (registrar_state(server.registrar).processes > 0 &&
           io_loop_step(server.loop, time_after(PATIENCE)) == 0) {
    }
    assert(registrar_state(server.registrar).processes == 0 &&
           registrar_state(server.registrar).classes == 0);
    close(fd);
    server_deinit(&server);
}

typedef struct Asking {
    Registrar *registrar;
    pthread_t thread;
    atomic_bool done;
} Asking;

static void *ask(void *data)
{
    Asking *asking = data;
    RegistrarActivation request = {
        .clsid = allowed, .caller = "alice@LAB.TEST", .iid_count = 2, .iids = (const uint8_t *)iids};
    RegistrarReply reply = {0};
    HRESULT hr = registrar_activate(asking->registrar, NULL, &request, &reply);
    if (SUCCEEDED(hr)) {
        assert(reply.count == 2 && reply.exporter.oxid == 77);
        for (uint32_t i = 0; i < reply.count; i++) {
            Objref objref;
            const ActivationResult *result = &reply.results[i];
            assert(guid_equal(&result->iid, &iids[i]) && (result->status == 0) == (result->objref != NULL));
            if (result->objref && objref_parse(result->objref, result->objref_length, &objref) < 0) abort();
        }
        registrar_reply_deinit(&reply);
    }
    asking->done = true;
    return NULL;
}

/* The id of the ACTIVATE that comes after the answers to hello and class. */
static uint32_t read_activate(int fd)
{
    RegistrarLine line;
    RegistrarFrame frame = {0};
    registrar_line_init(&line, dup(fd), NULL, NULL);
    int r;
    do {
        registrar_frame_deinit(&frame);
        while ((r = registrar_line_read(&line, &frame)) == IO_AGAIN) {
            r = io_wait(&(IoWait){fd, POLLIN, time_after(PATIENCE)});
            assert(r == 0);
        }
        assert(r == 0);
    } while (frame.type != REGISTRAR_ACTIVATE);
    uint32_t id = frame.id;
    registrar_frame_deinit(&frame);
    registrar_line_deinit(&line);
    return id;
}

static void fuzz_answer(const uint8_t *data, size_t size)
{
    Server server;
    _cleanup_(writer_deinitp) Writer bytes;
    uint8_t class[24] = {1, [4] = 2, [6] = 3, [8] = 4, [16] = 42};
    writer_init(&bytes, 0);
    server_init(&server);
    put_hello(&bytes);
    put_frame(&bytes, REGISTRAR_ADD_CLASS, 2, class, sizeof(class));
    int fd = connect_process(&server, &bytes);
    assert(registrar_state(server.registrar).classes == 1);
    Asking asking = {.registrar = server.registrar};
    int r = pthread_create(&asking.thread, NULL, ask, &asking);
    assert(r == 0);
    uint32_t id = read_activate(fd);
    writer_reset(&bytes);
    put_frame(&bytes, REGISTRAR_ANSWER, id, data, size);
    send_all(fd, bytes.data, bytes.length);
    while (io_loop_step(server.loop, 0) == 0) {
    }
    (void)pthread_join(asking.thread, NULL);
    assert(asking.done);
    close(fd);
    server_deinit(&server);
}

/* A process's side against mantled */

typedef struct Daemon {
    int listener;
    Writer bytes;
    pthread_t thread;
} Daemon;

/* Says everything at once and hangs up after the process has. */
static void *be_daemon(void *data)
{
    Daemon *daemon = data;
    IoAddress peer;
    uint8_t ignored[4096];
    size_t got;
    int fd, r;
    while ((r = io_accept(daemon->listener, &fd, &peer)) == IO_AGAIN)
        if (io_wait(&(IoWait){daemon->listener, POLLIN, time_after(PATIENCE)}) != 0) abort();
    assert(r == 0);
    send_all(fd, daemon->bytes.data, daemon->bytes.length);
    (void)shutdown(fd, SHUT_WR);
    while ((r = io_read(fd, ignored, sizeof(ignored), &got)) == 0 || r == IO_AGAIN)
        if (r == IO_AGAIN && io_wait(&(IoWait){fd, POLLIN, time_after(PATIENCE)}) != 0) abort();
    close(fd);
    return NULL;
}

static HRESULT on_activate(void *context, const RegistrarActivation *request, RegistrarAnswer *answer)
{
    (void)context;
    assert(request->iid_count >= 1 && strlen(request->caller) < REGISTRAR_TEXT_SIZE);
    for (uint32_t i = 0; i < request->iid_count; i++) {
        Guid iid = activation_guid(request->iids, i);
        registrar_answer_add(answer, iid.data1 ? S_OK : E_NOINTERFACE, "OBJREF", 6);
    }
    return S_OK;
}

static void on_run_down(void *context, uint64_t oid)
{
    (void)context;
    (void)oid;
}

static void on_lost(void *context)
{
    *(bool *)context = true;
}

static void fuzz_daemon(int kind, const uint8_t *data, size_t size)
{
    Daemon daemon = {.listener = listen_again()};
    IoLoop *loop;
    bool lost = false;
    char sentence[REGISTRAR_SENTENCE_SIZE] = "";
    RegistrarExporter exporter = {.oxid = 77, .port = 4711};
    RegistrarHandlers handlers = {on_activate, on_run_down, on_lost, &lost};
    RegistrarClient *client = NULL;
    static const uint8_t welcome[] = {1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    writer_init(&daemon.bytes, 0);
    if (kind == DAEMON_WELCOME) put_frame(&daemon.bytes, REGISTRAR_WELCOME, 1, welcome, sizeof(welcome));
    writer_bytes(&daemon.bytes, data, size);
    int r = io_loop_new(&loop);
    if (r == 0) r = pthread_create(&daemon.thread, NULL, be_daemon, &daemon);
    assert(r == 0);
    HRESULT hr =
        registrar_client_new(path, loop, &exporter, &handlers, time_after(PATIENCE), &client, sentence);
    assert(SUCCEEDED(hr) == (client != NULL) && (kind != DAEMON_WELCOME || client));
    while (client && !lost) {
        r = io_loop_step(loop, time_after(PATIENCE));
        assert(r == 0);
    }
    client = registrar_client_free(client);
    (void)pthread_join(daemon.thread, NULL);
    loop = io_loop_free(loop);
    writer_deinit(&daemon.bytes);
    close(daemon.listener);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > INPUT_MAX || data[0] >= KINDS) return 0;
    if (data[0] == PROCESS_ANSWER)
        fuzz_answer(data + 1, size - 1);
    else if (data[0] < DAEMON)
        fuzz_process(data[0], data + 1, size - 1);
    else
        fuzz_daemon(data[0], data + 1, size - 1);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations by MIT's GSS library and plain sockets. A message is 32 bits of length and that many bytes.
 * The tickets lie in a cache in memory, the key in a keytab of its own: what MIT finds fastest.
 */
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/bench/anchor.h"
#include "tests/bench/mit.h"
#include "tests/bench/realm.h"

#define HEADER      24u
#define STUB        208u
#define TRAILER     8u
#define TOKEN       76u
#define MESSAGE_MAX 8192u
#define BACKLOG     1024
#define EVENTS      64
#define CACHE_NAME  "MEMORY:bench"

typedef enum State { CONNECTING, NEGOTIATING, CALLING, DONE } State;

typedef struct Conversation {
    int fd;
    State state;
    gss_ctx_id_t context;
    size_t filled;
    uint8_t buffer[MESSAGE_MAX];
} Conversation;

static struct {
    gss_name_t target;
    gss_cred_id_t client, server;
    struct sockaddr_in address;
    Conversation conversations[FANOUT_HOSTS_MAX];
} mit;

static void check(OM_uint32 major, const char *what)
{
    if (GSS_ERROR(major)) measure_fail("%s: 0x%08X", what, (unsigned)major);
}

/* Messages */

static void send_message(int fd, const void *data, size_t length)
{
    uint8_t message[sizeof(uint32_t) + MESSAGE_MAX];
    const uint32_t prefix = (uint32_t)length;

    if (length > MESSAGE_MAX) measure_fail("a token of %zu bytes", length);
    memcpy(message, &prefix, sizeof(prefix));
    memcpy(message + sizeof(prefix), data, length);
    anchor_write(fd, message, sizeof(prefix) + length);
}

/* Reads what is there. True: a whole message; false: not yet. Ends with *ret_closed. */
static bool receive(Conversation *conversation, gss_buffer_t ret_message, bool *ret_closed)
{
    uint32_t length;
    const ssize_t got = recv(conversation->fd, conversation->buffer + conversation->filled,
                             sizeof(conversation->buffer) - conversation->filled, MSG_DONTWAIT);

    if (got == 0) *ret_closed = true;
    if (got <= 0) return false;
    conversation->filled += (size_t)got;
    if (conversation->filled < sizeof(length)) return false;
    memcpy(&length, conversation->buffer, sizeof(length));
    if (conversation->filled < sizeof(length) + length) return false;
    *ret_message = (gss_buffer_desc){length, conversation->buffer + sizeof(length)};
    conversation->filled = 0; /* nobody sends two */
    return true;
}

/* Sealed PDUs */

static void pieces_of(uint8_t *pdu, gss_iov_buffer_desc pieces[4])
{
    pieces[0] = (gss_iov_buffer_desc){GSS_IOV_BUFFER_TYPE_SIGN_ONLY, {HEADER, pdu}};
    pieces[1] = (gss_iov_buffer_desc){GSS_IOV_BUFFER_TYPE_DATA, {STUB, pdu + HEADER}};
    pieces[2] = (gss_iov_buffer_desc){GSS_IOV_BUFFER_TYPE_SIGN_ONLY, {TRAILER, pdu + HEADER + STUB}};
    pieces[3] = (gss_iov_buffer_desc){GSS_IOV_BUFFER_TYPE_HEADER, {TOKEN, pdu + HEADER + STUB + TRAILER}};
}

static void send_sealed(Conversation *conversation)
{
    uint8_t pdu[HEADER + STUB + TRAILER + TOKEN] = {0};
    gss_iov_buffer_desc pieces[4];
    OM_uint32 minor;
    int sealed;

    pieces_of(pdu, pieces);
    check(gss_wrap_iov(&minor, conversation->context, 1, GSS_C_QOP_DEFAULT, &sealed, pieces, 4),
          "gss_wrap_iov");
    send_message(conversation->fd, pdu, sizeof(pdu));
}

static void open_sealed(Conversation *conversation, gss_buffer_t message)
{
    gss_iov_buffer_desc pieces[4];
    OM_uint32 minor;
    gss_qop_t qop;
    int sealed;

    if (message->length != HEADER + STUB + TRAILER + TOKEN)
        measure_fail("a message of %zu bytes", message->length);
    pieces_of(message->value, pieces);
    check(gss_unwrap_iov(&minor, conversation->context, &sealed, &qop, pieces, 4), "gss_unwrap_iov");
}

static void close_conversation(Conversation *conversation)
{
    OM_uint32 minor;

    close(conversation->fd);
    (void)gss_delete_sec_context(&minor, &conversation->context,
                                 GSS_C_NO_BUFFER); /* it frees whatever it says */
}

/* Server */

static void accept_all(int listener, int epoll)
{
    const int on = 1;

    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
        Conversation *conversation = calloc(1, sizeof(*conversation));
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = conversation};
        if (!conversation || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0) _exit(1);
        conversation->fd = fd;
        conversation->state = NEGOTIATING;
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) _exit(1);
    }
}

static void serve_one(Conversation *conversation)
{
    gss_buffer_desc message, answer = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    bool closed = false;

    if (!receive(conversation, &message, &closed)) {
        if (!closed) return;
        close_conversation(conversation);
        free(conversation);
        return;
    }
    if (conversation->state == CALLING) {
        open_sealed(conversation, &message);
        send_sealed(conversation);
        return;
    }
    const OM_uint32 major = gss_accept_sec_context(&minor, &conversation->context, mit.server, &message, NULL,
                                                   NULL, NULL, &answer, NULL, NULL, NULL);
    check(major, "gss_accept_sec_context");
    if (major == GSS_S_COMPLETE) conversation->state = CALLING;
    /* After the third token there is nothing to say, but an empty message keeps the conversation in step. */
    send_message(conversation->fd, answer.value, answer.length);
    gss_release_buffer(&minor, &answer);
}

static _Noreturn void serve(int listener)
{
    char keytab[REALM_PATH_MAX + 5], path[REALM_PATH_MAX];
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN};
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    OM_uint32 minor;

    (void)snprintf(keytab, sizeof(keytab), "FILE:%s", realm_path(path, "hosts/a/keytab"));
    if (epoll < 0 || setenv("KRB5_KTNAME", keytab, 1) < 0 || setenv("KRB5RCACHENAME", "none:", 1) < 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0)
        _exit(1);
    check(gss_acquire_cred(&minor, GSS_C_NO_NAME, 0, GSS_C_NO_OID_SET, GSS_C_ACCEPT, &mit.server, NULL, NULL),
          "gss_acquire_cred");
    for (;;) {
        const int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr)
                serve_one(events[i].data.ptr);
            else
                accept_all(listener, epoll);
        }
    }
}

/* Client */

static void begin(void *data, unsigned host)
{
    Conversation *conversation = &mit.conversations[host];
    const int on = 1;

    conversation->state = CONNECTING;
    conversation->filled = 0;
    conversation->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (conversation->fd < 0 || setsockopt(conversation->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
        measure_fail("socket: %m");
    /* Fails with EINPROGRESS; anything else shows when the first token is sent. */
    (void)!connect(conversation->fd, (struct sockaddr *)&mit.address, sizeof(mit.address));
}

static void negotiate(Conversation *conversation, gss_buffer_t message)
{
    const OM_uint32 flags = GSS_C_DCE_STYLE | GSS_C_MUTUAL_FLAG | GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG |
                            GSS_C_SEQUENCE_FLAG | GSS_C_REPLAY_FLAG;
    gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor, major = gss_init_sec_context(&minor, mit.client, &conversation->context, mit.target,
                                                  (gss_OID)gss_mech_krb5, flags, 0, NULL, message, NULL,
                                                  &token, NULL, NULL);

    check(major, "gss_init_sec_context");
    send_message(conversation->fd, token.value, token.length);
    gss_release_buffer(&minor, &token);
    conversation->state = major == GSS_S_COMPLETE ? CALLING : NEGOTIATING;
}

static bool step(void *data, unsigned host, IoWait *ret_wait)
{
    Conversation *conversation = &mit.conversations[host];
    gss_buffer_desc message;
    bool closed = false;

    *ret_wait = (IoWait){.fd = conversation->fd, .events = POLLIN};
    if (conversation->state == CONNECTING) {
        struct pollfd polled = {.fd = conversation->fd, .events = POLLOUT};
        if (poll(&polled, 1, 0) == 0) {
            ret_wait->events = POLLOUT;
            return false;
        }
        negotiate(conversation, GSS_C_NO_BUFFER);
        return false;
    }
    if (!receive(conversation, &message, &closed)) {
        if (closed) measure_fail("a conversation broke");
        return false;
    }
    if (conversation->state == NEGOTIATING) {
        negotiate(conversation, &message);
    } else if (message.length == 0) {
        send_sealed(conversation);
    } else {
        open_sealed(conversation, &message);
        conversation->state = DONE;
    }
    return conversation->state == DONE;
}

static void end(void *data, unsigned host)
{
    close_conversation(&mit.conversations[host]);
}

/* Tickets into memory: in a file each look at them would be several system calls. */
static void load_tickets(void)
{
    char path[REALM_PATH_MAX], name[REALM_PATH_MAX + 5];
    krb5_context context;
    krb5_ccache file, memory;
    krb5_principal principal;

    (void)snprintf(name, sizeof(name), "FILE:%s", realm_path(path, "users/alice.ccache"));
    if (krb5_init_context(&context) || krb5_cc_resolve(context, name, &file) ||
        krb5_cc_get_principal(context, file, &principal) || krb5_cc_resolve(context, CACHE_NAME, &memory) ||
        krb5_cc_initialize(context, memory, principal) || krb5_cc_copy_creds(context, file, memory))
        measure_fail("the tickets cannot be copied");
    krb5_free_principal(context, principal);
    (void)krb5_cc_close(context, file); /* the one in memory lives while somebody has it open */
}

static gss_cred_id_t acquire_client(void)
{
    char name[] = CACHE_NAME;
    gss_key_value_element_desc element = {"ccache", name};
    gss_key_value_set_desc store = {1, &element};
    gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
    OM_uint32 minor;

    check(gss_acquire_cred_from(&minor, GSS_C_NO_NAME, 0, GSS_C_NO_OID_SET, GSS_C_INITIATE, &store,
                                &credential, NULL, NULL),
          "gss_acquire_cred_from");
    return credential;
}

FanoutSide mit_fanout(void)
{
    char name[] = "host@a.lab.test";
    gss_buffer_desc text = {strlen(name), name};
    socklen_t length = sizeof(mit.address);
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const pid_t parent = getpid();
    OM_uint32 minor;

    mit.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (listener < 0 || bind(listener, (struct sockaddr *)&mit.address, sizeof(mit.address)) < 0 ||
        listen(listener, BACKLOG) < 0 || getsockname(listener, (struct sockaddr *)&mit.address, &length) < 0)
        measure_fail("no listener: %m");
    const pid_t pid = fork();
    if (pid < 0) measure_fail("fork: %m");
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) _exit(1);
        serve(listener);
    }
    close(listener);
    load_tickets();
    mit.client = acquire_client();
    check(gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &mit.target), "gss_import_name");
    return (FanoutSide){begin, step, end, NULL};
}

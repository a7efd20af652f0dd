/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call takes a line, says hello on it if it is new, sends its request and reads the answer. Handles of the
 * seam are this process's own: each stands for a descriptor, which goes with the requests that name it, and
 * comes with the answers that give one away.
 *
 * When the authority ends, its descriptors are worth nothing any more, and requests with them are refused.
 * The machine's own identity only is logged on again by itself: it is nobody's secret, is asked for by
 * nothing but who asks, and must have the same name as before.
 */
#include "sec/authority-remote.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <rpcdce.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>
#include "base/hash.h"
#include "base/time.h"
#include "sec/authority-line.h"
#include "sec/authority-private.h"
#include "sec/credential.h"

#define QUEUE_FULL_WAIT (20 * NS_PER_MS)     /* until the next try, when the listener's queue is full */
#define HELLO_TIMEOUT   (15 * NS_PER_SECOND) /* it may just be started by its socket */
/* Room for an answer of a refusal. */
#define REFUSAL_SIZE (64u + SEC_SENTENCE_MAX)
/* Room for the requests that are made here. */
#define OWN_REQUEST_SIZE (256u + AUTHORITY_TEXT_MAX)

/* What a handle stands for. */
typedef struct Held {
    int fd;
    char *machine; /* the machine's identity: its name; may be logged on again */
    bool forwardable;
} Held;

typedef struct Remote {
    Authority authority;
    AuthorityLines *lines;
    uint64_t timeout;
    _Atomic uint32_t grants; /* as of the last hello */
    pthread_mutex_t lock;    /* guards what follows */
    HashMap *held;
    uint64_t next;
} Remote;

typedef enum Stage {
    STAGE_CONNECT,
    STAGE_DRAIN, /* an answer that a call before has left */
    STAGE_HELLO,
    STAGE_RENEW, /* the machine's identity is logged on again */
    STAGE_REQUEST,
    STAGE_DONE,
} Stage;

typedef struct RemoteCall {
    AuthorityCall call;
    Remote *remote;
    Stage stage;
    AuthorityLine *line;
    AuthorityRequest request; /* points into `bytes` */
    uint8_t *bytes;
    size_t length;
    uint64_t deadline;
    int fd; /* of the handle in the request, or -1; owned */
    AuthorityFrameOut out;
    uint8_t *answer;
    size_t answer_length;
} RemoteCall;

/* Handles */

static Held *held_free(Held *held)
{
    if (!held) return NULL;
    if (held->fd >= 0) close(held->fd);
    free(held->machine);
    free(held);
    return NULL;
}

int authority_remote_fd(Authority *authority, uint64_t handle)
{
    if (!authority_is_remote(authority)) return -1;
    Remote *remote = container_of(authority, Remote, authority);
    pthread_mutex_lock(&remote->lock);
    const Held *held = hashmap_get(remote->held, &handle, sizeof(handle));
    int fd = held ? held->fd : -1;
    pthread_mutex_unlock(&remote->lock);
    return fd;
}

/* `machine`: as in Held, or NULL; copied. */
static int held_put(Remote *remote, int fd, const char *machine, bool forwardable, uint64_t *ret_handle)
{
    Held *held = calloc(1, sizeof(*held));
    if (!held) {
        close(fd);
        return -ENOMEM;
    }
    *held = (Held){.fd = fd, .forwardable = forwardable, .machine = machine ? strdup(machine) : NULL};
    int result = machine && !held->machine ? -ENOMEM : 0;
    pthread_mutex_lock(&remote->lock);
    uint64_t handle = ++remote->next;
    if (result == 0) result = hashmap_put(remote->held, &handle, sizeof(handle), held);
    pthread_mutex_unlock(&remote->lock);
    if (result != 0)
        held_free(held);
    else
        *ret_handle = handle;
    return result;
}

int authority_remote_adopt(Authority *authority, int fd, uint64_t *ret_handle)
{
    if (authority_is_remote(authority))
        return held_put(container_of(authority, Remote, authority), fd, NULL, false, ret_handle);
    close(fd);
    return -EOPNOTSUPP;
}

static Held *held_take(Remote *remote, uint64_t handle)
{
    pthread_mutex_lock(&remote->lock);
    Held *held = hashmap_remove(remote->held, &handle, sizeof(handle));
    pthread_mutex_unlock(&remote->lock);
    return held;
}

static void held_drop(Remote *remote, uint64_t handle)
{
    held_free(held_take(remote, handle));
}

int authority_remote_release_fd(Authority *authority, uint64_t handle)
{
    Held *held =
        authority_is_remote(authority) ? held_take(container_of(authority, Remote, authority), handle) : NULL;
    int fd = -1;
    if (held) fd = TAKE_FD(held->fd);
    held_free(held);
    return fd;
}

/* Whether the authority that gave it is gone. */
static bool is_gone(int fd)
{
    struct pollfd polled = {.fd = fd};
    return poll(&polled, 1, 0) > 0 && polled.revents & (POLLHUP | POLLERR | POLLNVAL);
}

/* The request that logs the machine on again, when the handle of the call stands for that and is gone. 0: it
 * is the output; IO_AGAIN: there is nothing to renew; -ENOMEM. */
static int renew_begin(RemoteCall *call)
{
    Remote *remote = call->remote;
    uint8_t buffer[OWN_REQUEST_SIZE];
    Writer writer;
    int result = IO_AGAIN;
    if (call->fd < 0 || !is_gone(call->fd)) return IO_AGAIN;
    writer_init_fixed(&writer, buffer, sizeof(buffer));
    pthread_mutex_lock(&remote->lock);
    const Held *held = hashmap_get(remote->held, &call->request.credential, sizeof(uint64_t));
    if (held && held->machine) {
        AuthorityRequest logon = {.operation = AUTHORITY_LOGON,
                                  .service = RPC_C_AUTHN_GSS_KERBEROS,
                                  .source = LOGON_KEYTAB,
                                  .forwardable = held->forwardable,
                                  .principal = held->machine};
        authority_request_write(&writer, &logon);
        result = writer_status(&writer);
    }
    pthread_mutex_unlock(&remote->lock);
    if (result != 0) return result;
    return authority_frame_out_set(&call->out, buffer, writer.length, UINT32_MAX, -1);
}

/* The same number stands for the new descriptor: who borrowed it need not know. */
static bool renew_take(RemoteCall *call, const AuthorityAnswer *answer, int fd)
{
    Remote *remote = call->remote;
    pthread_mutex_lock(&remote->lock);
    Held *held = hashmap_get(remote->held, &call->request.credential, sizeof(uint64_t));
    bool same = held && held->machine && strcmp(held->machine, answer->principal) == 0 &&
                dup3(fd, held->fd, O_CLOEXEC) >= 0 && dup3(fd, call->fd, O_CLOEXEC) >= 0;
    pthread_mutex_unlock(&remote->lock);
    return same;
}

/* Answers */

static int call_take_answer(RemoteCall *call, const AuthorityAnswer *answer, size_t size)
{
    Writer writer;
    uint8_t *buffer = malloc(size);
    if (!buffer) return -ENOMEM;
    writer_init_fixed(&writer, buffer, size); /* never moves: no copy of a session key stays behind */
    authority_answer_write(&writer, answer);
    int result = writer_status(&writer);
    if (result != 0) {
        explicit_bzero(buffer, size);
        free(buffer);
        return result;
    }
    call->answer = buffer;
    call->answer_length = writer.length;
    call->stage = STAGE_DONE;
    return 0;
}

static void call_put_line(RemoteCall *call, bool keep)
{
    if (call->line) authority_lines_put(call->remote->lines, TAKE_PTR(call->line), keep);
}

static int call_refuse(RemoteCall *call, const SecFailure *failure)
{
    AuthorityAnswer answer;
    authority_answer_refuse(&answer, call->request.operation, failure);
    return call_take_answer(call, &answer, REFUSAL_SIZE);
}

/* It cannot be asked: the call ends with a sentence, the line is of no more use. */
static int call_fail(RemoteCall *call, const char *why)
{
    SecFailure failure;
    char path[SEC_QUOTE_SIZE];
    call_put_line(call, false);
    sec_failure_set(&failure, (uint32_t)SEC_E_INTERNAL_ERROR,
                    "the authority at %s (mantle-authd) cannot be asked: %s",
                    sec_quote(authority_lines_path(call->remote->lines), path), why);
    return call_refuse(call, &failure);
}

static int call_fail_errno(RemoteCall *call, int error)
{
    switch (error) {
    case IO_CLOSED:
    case -EPIPE:
    case -ECONNRESET:
        return call_fail(call, "it ended, or gave this process up, before it answered; try again");
    case -ENOENT:
    case -ECONNREFUSED:
        return call_fail(call, "nobody listens there; start mantle-authd, or correct [authority] socket");
    case -EMFILE:
        return call_fail(call, "this process has no descriptor left for its answer; raise LimitNOFILE");
    case -EBADMSG:
        return call_fail(call, "its answer cannot be understood");
    case -ENOMEM:
        return error;
    default:
        return call_fail(call, strerror(-error));
    }
}

/* The answer to the request, with this process's handle where a descriptor came with it. */
static int take_final(RemoteCall *call, AuthorityAnswer *answer)
{
    AuthorityFrameIn *in = &call->line->in;
    const AuthorityRequest *request = &call->request;
    bool machine = request->operation == AUTHORITY_LOGON && request->source == LOGON_KEYTAB;
    uint64_t handle = 0;
    int result = 0;
    if (in->fd >= 0)
        result = held_put(call->remote, TAKE_FD(in->fd), machine ? answer->principal : NULL,
                          request->forwardable, &handle);
    answer->credential = handle;
    if (result == 0) result = call_take_answer(call, answer, in->length);
    if (result != 0 && handle) held_drop(call->remote, handle);
    authority_frame_in_reset(in);
    if (result == 0) call_put_line(call, true);
    return result;
}

/* What a new line has to say first. */
static int hello_begin(RemoteCall *call)
{
    uint8_t buffer[OWN_REQUEST_SIZE], session[AUTHORITY_SESSION_SIZE];
    Writer writer;
    authority_lines_session(call->remote->lines, session);
    writer_init_fixed(&writer, buffer, sizeof(buffer));
    authority_request_write(
        &writer, &(AuthorityRequest){.operation = AUTHORITY_HELLO, .token = {session, sizeof(session)}});
    int result = writer_status(&writer);
    return result ? result : authority_frame_out_set(&call->out, buffer, writer.length, UINT32_MAX, -1);
}

static int request_begin(RemoteCall *call)
{
    AuthorityRequest request = call->request;
    uint8_t *buffer = malloc(call->length);
    Writer writer;
    if (!buffer) return -ENOMEM;
    request.credential = 0; /* its descriptor says which */
    writer_init_fixed(&writer, buffer, call->length);
    authority_request_write(&writer, &request);
    int result = writer_status(&writer);
    uint64_t now = time_monotonic();
    uint64_t left = call->deadline > now ? (call->deadline - now) / NS_PER_MS : 0;
    uint32_t patience = left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
    if (result == 0) result = authority_frame_out_set(&call->out, buffer, writer.length, patience, call->fd);
    explicit_bzero(buffer, call->length);
    free(buffer);
    return result;
}

/* The stage after this one, with its request as output. */
static int advance(RemoteCall *call, Stage stage)
{
    int result = IO_AGAIN;
    if (stage <= STAGE_HELLO && !call->line->greeted) {
        call->stage = STAGE_HELLO;
        return hello_begin(call);
    }
    if (call->request.operation == AUTHORITY_HELLO) { /* nothing else was asked for */
        AuthorityAnswer answer = {.operation = AUTHORITY_HELLO, .grants = call->remote->grants};
        call_put_line(call, true);
        return call_take_answer(call, &answer, REFUSAL_SIZE);
    }
    if (stage <= STAGE_RENEW) {
        call->stage = STAGE_RENEW;
        result = renew_begin(call);
    }
    if (result != IO_AGAIN) return result;
    call->stage = STAGE_REQUEST;
    return request_begin(call);
}

/* Steps */

static int step_connect(RemoteCall *call, IoWait *ret_wait)
{
    int result = authority_lines_take(call->remote->lines, &call->line);
    if (result == IO_AGAIN) {
        uint64_t soon = time_after(QUEUE_FULL_WAIT);
        if (soon >= call->deadline) return call_fail(call, "it takes no more connections; it is too busy");
        *ret_wait = (IoWait){.fd = -1, .deadline = soon};
        return SEC_WAIT;
    }
    if (result != 0) return call_fail_errno(call, result);
    call->stage = STAGE_DRAIN;
    return call->line->owes ? 0 : advance(call, STAGE_HELLO);
}

/* A refusal of what this side asked before the request is the request's. */
static int take_answer(RemoteCall *call, AuthorityAnswer *answer)
{
    AuthorityFrameIn *in = &call->line->in;
    Stage stage = call->stage;
    bool gives = answer->status == AUTHORITY_DONE && answer->credential != 0;
    AuthorityOperation wanted = stage == STAGE_HELLO   ? AUTHORITY_HELLO
                                : stage == STAGE_RENEW ? AUTHORITY_LOGON
                                                       : call->request.operation;
    if (answer->operation != wanted || gives != (in->fd >= 0)) return call_fail_errno(call, -EBADMSG);
    if (stage == STAGE_REQUEST) return take_final(call, answer);
    if (answer->status != AUTHORITY_DONE) {
        SecFailure failure;
        sec_failure_set(&failure, answer->code, "%s", answer->sentence);
        call_put_line(call, false);
        return call_refuse(call, &failure);
    }
    if (stage == STAGE_HELLO) {
        call->remote->grants = answer->grants;
        call->line->greeted = true;
    } else if (!renew_take(call, answer, in->fd)) {
        return call_fail(call, "this machine's identity is another one than before");
    }
    authority_frame_in_reset(in);
    return advance(call, stage + 1);
}

/* Sends what is to be sent and reads one answer. */
static int step_exchange(RemoteCall *call, IoWait *ret_wait)
{
    AuthorityAnswer answer;
    AuthorityLine *line = call->line;
    short events = POLLOUT;
    int result = call->stage == STAGE_DRAIN ? 0 : authority_frame_out_write(&call->out, line->fd);
    if (result == 0) {
        events = POLLIN;
        result = authority_frame_in_read(&line->in, line->fd);
    }
    if (result == IO_AGAIN) {
        if (time_monotonic() >= call->deadline) return call_fail(call, "it did not answer in time");
        *ret_wait = (IoWait){.fd = line->fd, .events = events, .deadline = call->deadline};
        return SEC_WAIT;
    }
    if (result != 0) return call_fail_errno(call, result);
    if (call->stage == STAGE_DRAIN) {
        authority_frame_in_reset(&line->in);
        line->owes = false;
        return advance(call, STAGE_HELLO);
    }
    result = authority_answer_read(line->in.data, line->in.length, &answer);
    if (result != 0) return call_fail_errno(call, result);
    result = take_answer(call, &answer);
    authority_answer_deinit(&answer);
    return result;
}

static int remote_call_step(AuthorityCall *base, IoWait *ret_wait)
{
    RemoteCall *call = container_of(base, RemoteCall, call);
    int result = 0;
    while (result == 0 && call->stage != STAGE_DONE)
        result = call->stage == STAGE_CONNECT ? step_connect(call, ret_wait) : step_exchange(call, ret_wait);
    return result;
}

/* Call */

static AuthorityCall *remote_call_free(AuthorityCall *base)
{
    RemoteCall *call = container_of(base, RemoteCall, call);
    /* Nobody waits for what an abandonment has to say: the next on this line reads it. */
    bool owes = call->line && call->stage == STAGE_REQUEST && call->request.operation == AUTHORITY_ABANDON &&
                call->out.sent == call->out.length && call->line->in.got == 0;
    if (owes) call->line->owes = true;
    call_put_line(call, owes);
    authority_frame_out_deinit(&call->out);
    if (call->fd >= 0) close(call->fd);
    if (call->bytes) explicit_bzero(call->bytes, call->length); /* a password */
    free(call->bytes);
    if (call->answer) explicit_bzero(call->answer, call->answer_length); /* a session key */
    free(call->answer);
    free(call);
    return NULL;
}

/* What needs the handle of the request: its descriptor, or nobody but this process. */
static int call_resolve(RemoteCall *call)
{
    const AuthorityRequest *request = &call->request;
    AuthorityAnswer answer = {.operation = request->operation};
    SecFailure failure;
    switch (request->operation) {
    case AUTHORITY_RELEASE: /* closing it tells the authority */
        held_drop(call->remote, request->credential);
        return call_take_answer(call, &answer, REFUSAL_SIZE);
    case AUTHORITY_INITIATE:
    case AUTHORITY_OPEN_TOKEN:
    case AUTHORITY_LAUNCH_AS:
        call->fd = authority_remote_fd(&call->remote->authority, request->credential);
        if (call->fd >= 0) call->fd = fcntl(call->fd, F_DUPFD_CLOEXEC, 0);
        if (call->fd >= 0) return 0;
        sec_failure_set(&failure, (uint32_t)SEC_E_NO_CREDENTIALS,
                        "the credential was released, or this process has no descriptor left");
        return call_refuse(call, &failure);
    default:
        return 0;
    }
}

static int remote_call_new(Authority *base, const uint8_t *request, size_t length, uint64_t deadline,
                           AuthorityCall **ret_call)
{
    Remote *remote = container_of(base, Remote, authority);
    uint64_t limit = time_after(remote->timeout);
    if (length > AUTHORITY_REQUEST_MAX) return -EBADMSG;
    RemoteCall *call = calloc(1, sizeof(*call));
    if (!call) return -ENOMEM;
    call->call.authority = authority_ref(base);
    call->remote = remote;
    call->fd = call->out.fd = -1;
    call->deadline = deadline < limit ? deadline : limit;
    call->bytes = malloc(length ? length : 1);
    int result = call->bytes ? 0 : -ENOMEM;
    if (result == 0) {
        memcpy(call->bytes, request, length);
        call->length = length;
        result = authority_request_read(call->bytes, length, &call->request);
    }
    if (result == 0) result = call_resolve(call);
    if (result != 0)
        authority_call_free(&call->call);
    else
        *ret_call = &call->call;
    return result;
}

static const uint8_t *remote_call_answer(const AuthorityCall *base, size_t *ret_length)
{
    const RemoteCall *call = container_of(base, const RemoteCall, call);
    *ret_length = call->answer_length;
    return call->answer;
}

/* Authority */

static Authority *remote_free(Authority *base)
{
    Remote *remote = container_of(base, Remote, authority);
    void *value;
    for (HashIterator iterator = {0}; remote->held && (value = hashmap_next(remote->held, &iterator));)
        held_free(value);
    hashmap_free(remote->held);
    authority_lines_free(remote->lines);
    pthread_mutex_destroy(&remote->lock);
    free(remote);
    return NULL;
}

static uint32_t grants_of(const Authority *base)
{
    return container_of(base, const Remote, authority)->grants;
}

static bool remote_accepts(const Authority *base, uint8_t service)
{
    switch (service) {
    case RPC_C_AUTHN_GSS_KERBEROS:
        return grants_of(base) & AUTHORITY_ACCEPTS_KERBEROS;
    case RPC_C_AUTHN_WINNT:
        return grants_of(base) & AUTHORITY_ACCEPTS_NTLM;
    default:
        return false;
    }
}

static bool remote_negotiates_ntlm(const Authority *base)
{
    return grants_of(base) & AUTHORITY_NEGOTIATES_NTLM;
}

bool authority_is_machine(const Authority *authority)
{
    return authority_is_remote(authority) && grants_of(authority) & AUTHORITY_IS_MACHINE;
}

const AuthorityKind authority_remote_kind = {remote_free,     remote_accepts,   remote_negotiates_ntlm,
                                             remote_call_new, remote_call_step, remote_call_answer,
                                             remote_call_free};

/* Says hello on a first line, so that what is offered is known. */
static int remote_greet(Authority *authority, SecFailure *failure)
{
    _cleanup_(authority_call_freep) AuthorityCall *call = NULL;
    static const uint8_t any[AUTHORITY_SESSION_SIZE] = {1};
    AuthorityAnswer answer;
    uint8_t buffer[OWN_REQUEST_SIZE];
    Writer writer;
    IoWait wait;
    size_t length;
    writer_init_fixed(&writer, buffer, sizeof(buffer));
    authority_request_write(&writer,
                            &(AuthorityRequest){.operation = AUTHORITY_HELLO, .token = {any, sizeof(any)}});
    int result = authority_call_new(authority, buffer, writer.length, time_after(HELLO_TIMEOUT), &call);
    while (result == 0 && (result = authority_call_step(call, &wait)) == SEC_WAIT) {
        result = io_wait(&wait);
        if (result == -ETIMEDOUT) result = 0; /* the step says what that means */
    }
    if (result != 0) return result;
    const uint8_t *bytes = authority_call_answer(call, &length);
    result = authority_answer_read(bytes, length, &answer);
    if (result != 0) return result;
    if (answer.status == AUTHORITY_DONE) return 0;
    sec_failure_set(failure, answer.code, "%s", answer.sentence);
    return SEC_FAILED;
}

int authority_new_remote(const AuthorityRemoteOptions *options, Authority **ret_authority,
                         SecFailure *failure)
{
    Remote *remote = calloc(1, sizeof(*remote));
    if (!remote) return -ENOMEM;
    refcount_init(&remote->authority.refs);
    remote->authority.kind = &authority_remote_kind;
    pthread_mutex_init(&remote->lock, NULL);
    remote->timeout = options->timeout ? options->timeout : AUTHORITY_REMOTE_TIMEOUT;
    int result = hashmap_new(&remote->held);
    if (result == 0) result = authority_lines_new(options->path, &remote->lines);
    if (result == 0) result = remote_greet(&remote->authority, failure);
    if (result != 0)
        authority_unref(&remote->authority);
    else
        *ret_authority = &remote->authority;
    return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of the server: reading PDUs, who reads them, deadlines, sending. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/time.h"
#include "io/pool.h"
#include "rpc/server-private.h"

#define READ_SIZE      8192u /* a fragment of 5840 bytes and the beginning of the next */
#define PDUS_PER_TURN  64u   /* then other connections have their turn */
#define DRAIN_SECONDS  2u
#define DRAIN_BYTES    (256u * 1024)
#define FRAGMENT_START PDU_FRAGMENT_MIN /* until the peer said more */
#define SMALL_WRITE    512u             /* a copy is cheaper than pieces */
#define LINGER         (5 * NS_PER_MS)  /* for the next request of a client that sends one after the other */
#define STREAK_MIN     4u               /* calls in a row after which one more is expected */
#define STREAK_MAX     256u             /* the same after some that did not come */

static const char unread[] = "did not read its answer within RPC_SEND_SECONDS";

static void serve(RpcConnection *connection);

/* Buffers */

static ServerBuffer *buffer_new(size_t capacity)
{
    ServerBuffer *buffer = malloc(sizeof(*buffer) + capacity);
    if (buffer) buffer->capacity = capacity;
    return buffer;
}

/* A buffer to read into with room for `size` bytes from `first` on. */
static int buffer_reserve(RpcConnection *connection, size_t size)
{
    size_t filled = connection->end - connection->first;
    if (connection->buffer && connection->first > 0 &&
        (filled == 0 || connection->first + size > connection->buffer->capacity)) {
        memmove(connection->buffer->data, connection->buffer->data + connection->first, filled);
        connection->first = 0;
        connection->end = filled;
    }
    if (connection->buffer && connection->buffer->capacity >= size) return 0;
    if (!connection->buffer && size <= READ_SIZE) {
        connection->buffer = atomic_exchange(&connection->spare, NULL);
        if (connection->buffer) return 0;
    }
    ServerBuffer *buffer = buffer_new(size < READ_SIZE ? READ_SIZE : size);
    if (!buffer) return -ENOMEM;
    if (filled > 0) memcpy(buffer->data, connection->buffer->data + connection->first, filled);
    free(connection->buffer);
    connection->buffer = buffer;
    connection->first = 0;
    connection->end = filled;
    return 0;
}

ServerBuffer *connection_take_buffer(RpcConnection *connection, size_t length)
{
    size_t rest = connection->end - connection->first - length;
    ServerBuffer *next = NULL;
    if (rest > 0) {
        next = buffer_new(rest < READ_SIZE ? READ_SIZE : rest);
        if (!next) return NULL;
        memcpy(next->data, connection->buffer->data + connection->first + length, rest);
    }
    ServerBuffer *taken = connection->buffer;
    connection->buffer = next;
    connection->first = 0;
    connection->end = rest;
    return taken;
}

void connection_give_buffer(RpcConnection *connection, ServerBuffer *buffer)
{
    if (buffer && buffer->capacity == READ_SIZE) buffer = atomic_exchange(&connection->spare, buffer);
    free(buffer);
}

/* Deadlines. The timer is started once and looks at the deadline when it fires, so moving a deadline back is
 * free. */

static uint64_t fresh_deadline(const RpcConnection *connection)
{
    return time_after(connection->server->options.preauth_seconds * NS_PER_SECOND);
}

/* With the lock held. */
static void prolong(RpcConnection *connection)
{
    const uint64_t deadline = fresh_deadline(connection);
    if (deadline > connection->deadline) connection->deadline = deadline;
}

/* Why it ends at its deadline: who said all that it wanted to and is silent since is not refused anything. */
static const char *due_to(const RpcConnection *connection)
{
    const bool served = atomic_load_explicit(&connection->counts.calls_in, memory_order_relaxed) > 0;
    return served && !atomic_load(&connection->begun) ? NULL : connection->overdue;
}

static void deadline_fire(IoTimer *timer, bool cancelled)
{
    RpcConnection *connection = container_of(timer, RpcConnection, timer);
    pthread_mutex_lock(&connection->lock);
    bool due = !connection->closed && connection->deadline != TIME_NEVER;
    if (due && atomic_load(&connection->running) > 0) prolong(connection);
    if (due && !cancelled && connection->deadline > time_monotonic() &&
        io_timer_start(connection->server->options.loop, timer, connection->deadline) >= 0) {
        pthread_mutex_unlock(&connection->lock);
        return;
    }
    connection->timer_on = false;
    const char *overdue = due_to(connection);
    pthread_mutex_unlock(&connection->lock);
    if (due && overdue && !cancelled)
        connection_refused(connection, &(ServerRefusal){.why = overdue, .type = PDU_TYPES});
    if (due) connection_close(connection);
    io_handle_unref(&connection->handle);
}

void connection_set_deadline(RpcConnection *connection, uint64_t deadline, const char *overdue)
{
    IoLoop *loop = connection->server->options.loop;
    bool failed = false;
    pthread_mutex_lock(&connection->lock);
    bool sooner = deadline < connection->deadline;
    connection->deadline = deadline;
    connection->overdue = overdue;
    if (!connection->closed && deadline != TIME_NEVER) {
        /* A timer that cannot be stopped is firing and looks at the deadline next. */
        if (connection->timer_on && sooner && io_timer_stop(loop, &connection->timer)) {
            failed = io_timer_start(loop, &connection->timer, deadline) < 0;
            if (failed) {
                connection->timer_on = false;
                io_handle_unref(&connection->handle); /* never the last: the caller has one */
            }
        } else if (!connection->timer_on) {
            failed = io_timer_start(loop, &connection->timer, deadline) < 0;
            connection->timer_on = !failed;
            if (!failed) io_handle_ref(&connection->handle);
        }
    }
    pthread_mutex_unlock(&connection->lock);
    if (failed) connection_close(connection); /* better than a connection without its deadline */
}

void connection_renew(RpcConnection *connection)
{
    if (atomic_load(&connection->deadline) == TIME_NEVER) return;
    pthread_mutex_lock(&connection->lock);
    if (connection->deadline != TIME_NEVER) prolong(connection);
    pthread_mutex_unlock(&connection->lock);
}

/* Life */

static void connection_destroy(IoHandle *handle)
{
    RpcConnection *connection = container_of(handle, RpcConnection, handle);
    RpcServer *server = connection->server;
    if (handle->fd >= 0) close(handle->fd);
    server_drop_descriptor(connection);
    server_call_free(connection->partial);
    server_call_forget(connection);
    server_security_free(connection);
    server_group_leave(server, connection->group);
    server_caller_put(server, connection->caller);
    free(connection->presentations);
    free(connection->buffer);
    free(connection->spare);
    pthread_mutex_destroy(&connection->lock);
    pthread_mutex_destroy(&connection->writing);
    server_connection_gone(connection);
    free(connection);
}

void connection_close(RpcConnection *connection)
{
    bool drop = false;
    pthread_mutex_lock(&connection->lock);
    bool first = !connection->closed;
    connection->closed = true;
    list_each(at, &connection->calls) atomic_store(&container_of(at, ServerCall, link)->cancelled, true);
    if (first && connection->timer_on &&
        io_timer_stop(connection->server->options.loop, &connection->timer)) {
        connection->timer_on = false;
        drop = true;
    }
    pthread_mutex_unlock(&connection->lock);
    if (!first) return;
    shutdown(connection->handle.fd, SHUT_RDWR); /* whoever is writing notices */
    server_connection_closed(connection);
    io_handle_remove(&connection->handle);
    if (drop) io_handle_unref(&connection->handle);
}

bool connection_is_closed(RpcConnection *connection)
{
    return atomic_load(&connection->closed);
}

static void connection_ready(IoHandle *handle, uint32_t events)
{
    (void)events; /* hang-ups and errors show when reading */
    serve(container_of(handle, RpcConnection, handle));
}

static void connection_again(IoTask *task, bool cancelled)
{
    RpcConnection *connection = container_of(task, RpcConnection, again);
    if (cancelled)
        connection_close(connection);
    else
        serve(connection);
    io_handle_unref(&connection->handle);
}

int connection_new(RpcServer *server, int fd, const IoAddress *peer, RpcConnection **ret_connection)
{
    uint8_t key[16];
    ServerCaller *caller = NULL;
    RpcConnection *connection = calloc(1, sizeof(*connection));
    int r = connection ? 0 : -ENOMEM;
    if (r == 0) {
        connection->remote = *peer;
        connection->passed = -1;
        connection->is_local = !io_address_is_ip(peer);
        if (connection->is_local) r = io_socket_credentials(fd, &connection->process);
    }
    if (r == 0 && !(caller = server_caller_get(server, '@', key, server_peer_key(connection, key))))
        r = -ENOMEM;
    if (r < 0) {
        free(connection);
        close(fd);
        return r;
    }
    io_handle_init(&connection->handle, fd, connection_ready, connection_destroy);
    io_task_init(&connection->again, connection_again);
    io_timer_init(&connection->timer, deadline_fire);
    list_init(&connection->link);
    list_init(&connection->calls);
    connection->server = server;
    connection->caller = caller;
    connection->fragment_max = FRAGMENT_START;
    connection->receive_max = PDU_FRAGMENT_OURS;
    connection->deadline = TIME_NEVER;
    connection->streak_min = STREAK_MIN;
    pthread_mutex_init(&connection->lock, NULL);
    pthread_mutex_init(&connection->writing, NULL);
    *ret_connection = connection;
    return 0;
}

int connection_start(RpcConnection *connection)
{
    int r = io_socket_address(connection->handle.fd, &connection->local);
    if (r < 0) return r;
    io_address_unmap(&connection->local);
    connection_set_deadline(connection, fresh_deadline(connection),
                            "not authenticated, and not done with what it began, within preauth_seconds");
    return io_handle_add(connection->server->options.loop, &connection->handle, EPOLLIN);
}

/* Sending */

static void advance(struct iovec **pieces, size_t *count, size_t written)
{
    while (*count > 0 && written >= (*pieces)->iov_len) {
        written -= (*pieces)->iov_len;
        (*pieces)++;
        (*count)--;
    }
    if (*count == 0) return;
    (*pieces)->iov_base = (uint8_t *)(*pieces)->iov_base + written;
    (*pieces)->iov_len -= written;
}

/* The peer does not read: waits for it until the deadline, which is set at the first wait. Only a thread that
 * can be spared waits. */
static int wait_for_room(RpcConnection *connection, IoWait *wait, bool *blocking)
{
    if (!*blocking) {
        int r = io_pool_block_begin(false);
        if (r) return r;
        *blocking = true;
        *wait = (IoWait){.fd = connection->handle.fd, .events = POLLOUT};
        wait->deadline = time_after(connection->server->options.send_seconds * NS_PER_SECOND);
    }
    return io_wait(wait);
}

static int write_pieces(RpcConnection *connection, struct iovec *pieces, size_t count)
{
    bool blocking = false;
    int r = 0;
    IoWait wait;
    while (count > 0) {
        size_t written = 0;
        r = count == 1 ? io_write(connection->handle.fd, pieces->iov_base, pieces->iov_len, &written)
                       : io_writev(connection->handle.fd, pieces, count, &written);
        if (r == 0)
            advance(&pieces, &count, written);
        else if (r == IO_AGAIN)
            r = wait_for_room(connection, &wait, &blocking);
        if (r) break;
    }
    if (blocking) io_pool_block_end();
    return r;
}

void connection_write(RpcConnection *connection, struct iovec *pieces, size_t count)
{
    uint8_t small[SMALL_WRITE];
    size_t length = 0;
    for (size_t i = 0; i < count && length <= sizeof(small); i++)
        length += pieces[i].iov_len;
    if (count > 1 && length <= sizeof(small)) {
        uint8_t *end = small;
        for (size_t i = 0; i < count; i++)
            end = mempcpy(end, pieces[i].iov_base, pieces[i].iov_len);
        *pieces = (struct iovec){small, length};
        count = 1;
    }
    int r = write_pieces(connection, pieces, count);
    if (r == -ETIMEDOUT) connection_refused(connection, &(ServerRefusal){.why = unread, .type = PDU_TYPES});
    if (r) connection_close(connection);
}

void connection_send(RpcConnection *connection, const Writer *writer)
{
    if (writer_status(writer) < 0) {
        connection_close(connection);
        return;
    }
    struct iovec piece = {writer->data, writer->length};
    pthread_mutex_lock(&connection->writing);
    server_count(&connection->counts.packets_out, 1);
    if (!connection_is_closed(connection)) connection_write(connection, &piece, 1);
    pthread_mutex_unlock(&connection->writing);
}

void connection_send_fault(RpcConnection *connection, uint32_t call_id, uint16_t context_id, uint8_t flags,
                           RpcStatus status)
{
    uint8_t buffer[64];
    Writer writer;
    writer_init_fixed(&writer, buffer, sizeof(buffer));
    size_t start = pdu_begin(&writer, PDU_FAULT, PDU_FIRST_FRAG | PDU_LAST_FRAG | flags, call_id);
    pdu_put_fault(&writer, context_id, 0, fault_from_status(status));
    pdu_end(&writer, start);
    connection_send(connection, &writer);
}

void connection_send_nak(RpcConnection *connection, uint32_t call_id, uint16_t reason)
{
    uint8_t buffer[64];
    Writer writer;
    writer_init_fixed(&writer, buffer, sizeof(buffer));
    size_t start = pdu_begin(&writer, PDU_BIND_NAK, PDU_FIRST_FRAG | PDU_LAST_FRAG, call_id);
    pdu_put_bind_nak(&writer, reason);
    pdu_end(&writer, start);
    connection_send(connection, &writer);
}

/* Refusing */

void connection_refused(RpcConnection *connection, const ServerRefusal *refusal)
{
    const ServerLogRecord record = {
        .address = &connection->remote,
        .is_local = connection->is_local,
        .uid = connection->is_local ? connection->process.uid : 0,
        .token = refusal->token ? refusal->token : atomic_load(&connection->who),
        .why = refusal->why,
        .what = refusal->type < PDU_TYPES ? pdu_type_name(refusal->type) : NULL,
        .answer = refusal->answer,
        .detail = refusal->detail,
    };
    server_log_refused(connection->server->log, &record);
}

void connection_refuse_fault(RpcConnection *connection, const ServerRefusal *refusal, uint32_t call_id,
                             uint16_t context_id, uint8_t flags, RpcStatus status)
{
    char answer[24];
    ServerRefusal complete = *refusal;
    (void)snprintf(answer, sizeof(answer), "fault 0x%08" PRIX32, fault_from_status(status));
    complete.answer = answer;
    connection_refused(connection, &complete);
    connection_send_fault(connection, call_id, context_id, flags, status);
}

void connection_refuse_nak(RpcConnection *connection, const ServerRefusal *refusal, uint32_t call_id,
                           uint16_t reason)
{
    char answer[24];
    ServerRefusal complete = *refusal;
    (void)snprintf(answer, sizeof(answer), "bind_nak %u", reason);
    complete.answer = answer;
    connection_refused(connection, &complete);
    connection_send_nak(connection, call_id, reason);
}

/* Reading */

typedef ServerNext (*Handler)(RpcConnection *connection, uint8_t *data, const Pdu *pdu,
                              ServerCall **ret_call);

/* Protocol order. What is not here is a protocol error in that state. [MS-RPCE] 3.3.3 */
static const Handler handlers[CONNECTION_STATES][PDU_TYPES] = {
    [CONNECTION_NEW] =
        {
            [PDU_BIND] = server_on_bind,
        },
    [CONNECTION_BOUND] =
        {
            [PDU_ALTER_CONTEXT] = server_on_alter,
            [PDU_AUTH3] = server_on_auth3,
            [PDU_REQUEST] = server_on_request,
            [PDU_CANCEL] = server_on_cancel,
            [PDU_ORPHANED] = server_on_orphaned,
        },
    [CONNECTION_RECEIVING] =
        {
            [PDU_REQUEST] = server_on_request,
            [PDU_CANCEL] = server_on_cancel,
            [PDU_ORPHANED] = server_on_orphaned,
        },
};

/* Answers what is no acceptable PDU at this point: as the client expects for the type it sent. */
static void refuse(RpcConnection *connection, uint8_t type, uint32_t call_id, int condition)
{
    uint32_t status = pdu_fault_status(condition);
    const ServerRefusal refusal = {.why = condition ? pdu_condition_text(condition) : "not due at this point",
                                   .type = type};
    switch (type) {
    case PDU_BIND: /* without a condition: it is the second one */
        connection_refuse_nak(connection, &refusal, call_id,
                              condition ? pdu_nak_reason(condition) : PDU_NAK_NOT_SPECIFIED);
        break;
    case PDU_AUTH3:
        if (condition == PDU_BAD_TRAILER) status = NCA_S_FAULT_REMOTE_NO_MEMORY; /* what Windows says */
        connection_refuse_fault(connection, &refusal, call_id, 0, PDU_DID_NOT_EXECUTE, status);
        break;
    case PDU_ALTER_CONTEXT:
    case PDU_REQUEST:
        connection_refuse_fault(connection, &refusal, call_id, 0, PDU_DID_NOT_EXECUTE, status);
        break;
    default: /* a server's PDU, or none: whoever sends that waits for no answer */
        connection_refused(connection, &refusal);
        break;
    }
}

/* Type and call id are at fixed places; only the byte order of the latter is the peer's. */
static ServerNext refuse_raw(RpcConnection *connection, const uint8_t *data, int condition)
{
    Reader reader;
    reader_init(&reader, data + 12, 4);
    uint32_t call_id = data[4] & 0xf0 ? reader_u32(&reader) : reader_u32be(&reader);
    /* Before a bind every first PDU is meant to be one: its sender can only read a bind_nak. */
    uint8_t type = connection->state == CONNECTION_NEW && condition != PDU_BAD_TYPE ? PDU_BIND : data[2];
    refuse(connection, type, call_id, condition);
    return SERVER_DRAIN;
}

/* How many bytes the next PDU needs: its header first. 0, or a condition of the header. */
static int bytes_needed(RpcConnection *connection, size_t *ret_needed)
{
    PduHeader header;
    if (connection->end - connection->first < PDU_HEADER_SIZE) {
        *ret_needed = PDU_HEADER_SIZE;
        return 0;
    }
    int r = pdu_header_parse(connection->buffer->data + connection->first, &header);
    if (r == 0) *ret_needed = header.frag_length;
    return r;
}

/* Handles the PDU at the beginning of the buffer, which is complete. */
static ServerNext handle_pdu(RpcConnection *connection, size_t length, ServerCall **ret_call)
{
    ServerBuffer *buffer = connection->buffer;
    uint8_t *data = buffer->data + connection->first;
    Pdu pdu;
    int r = pdu_parse(data, length, &pdu);
    if (r) return refuse_raw(connection, data, r);
    Handler handler = handlers[connection->state][pdu.header.type];
    if (!handler) {
        refuse(connection, pdu.header.type, pdu.header.call_id, 0);
        return SERVER_DRAIN;
    }
    connection->moved = true;
    server_count(&connection->counts.packets_in, 1);
    ServerNext next = handler(connection, data, &pdu, ret_call);
    /* A call may have taken the buffer; what was behind the PDU is then in a new one. */
    if (connection->buffer == buffer) connection->first += length;
    return next;
}

/* Says no more and throws away what still comes, so that the last word is not lost in a reset. */
static void begin_drain(RpcConnection *connection)
{
    connection->state = CONNECTION_DRAINING;
    connection->partial = server_call_free(connection->partial);
    connection->first = connection->end = 0;
    shutdown(connection->handle.fd, SHUT_WR);
    connection_set_deadline(connection, time_after(DRAIN_SECONDS * NS_PER_SECOND), NULL);
}

/* 0: there is more in the buffer. IO_AGAIN. Else the connection has ended. */
static int read_more(RpcConnection *connection, size_t needed)
{
    if (connection->state == CONNECTION_DRAINING) {
        connection->drained += connection->end - connection->first;
        connection->first = connection->end = 0;
        if (connection->drained > DRAIN_BYTES) return -EMSGSIZE;
    }
    int r = buffer_reserve(connection, needed);
    if (r < 0) return r;
    size_t got;
    uint8_t *end = connection->buffer->data + connection->end;
    const size_t room = connection->buffer->capacity - connection->end;
    r = connection->is_local && connection->state == CONNECTION_NEW
            ? server_read_first(connection, end, room, &got)
            : io_read(connection->handle.fd, end, room, &got);
    if (r == 0) connection->end += got;
    return r;
}

/* The next PDU that needs attention. SERVER_READ: nothing to do until more bytes come (or, with *ret_more,
 * until other connections had their turn). */
static ServerNext next_event(RpcConnection *connection, ServerCall **ret_call, bool *ret_more)
{
    for (unsigned turn = 0; turn < PDUS_PER_TURN; turn++) {
        size_t needed = PDU_HEADER_SIZE;
        ServerNext next = SERVER_READ;
        bool draining = connection->state == CONNECTION_DRAINING;
        int r = draining ? 0 : bytes_needed(connection, &needed);
        if (r) {
            next = refuse_raw(connection, connection->buffer->data + connection->first, r);
        } else if (draining || connection->end - connection->first < needed) {
            r = read_more(connection, needed);
            if (r == IO_AGAIN) return SERVER_READ;
            if (r) return SERVER_CLOSE;
        } else {
            next = handle_pdu(connection, needed, ret_call);
        }
        if (next == SERVER_DRAIN)
            begin_drain(connection);
        else if (next != SERVER_READ)
            return next;
    }
    *ret_more = true;
    return SERVER_READ;
}

/* Who has authenticated may be silent for as long as it likes, but not in the middle of a request: that holds
 * memory and its caller's share. Each fragment gives the time anew. */
static void watch_stall(RpcConnection *connection)
{
    const bool begun = connection->end > connection->first || connection->partial;
    const bool moved = connection->moved;
    connection->moved = false;
    atomic_store(&connection->begun, begun);
    if (!connection->authenticated || connection->state == CONNECTION_DRAINING) return;
    if (begun && (moved || !connection->stalling))
        connection_set_deadline(connection,
                                time_after(connection->server->options.stall_seconds * NS_PER_SECOND),
                                "stopped in the middle of a request for RPC_STALL_SECONDS");
    else if (!begun && connection->stalling)
        connection_set_deadline(connection, TIME_NEVER, NULL);
    connection->stalling = begun;
}

/* Another thread may read from here on. */
static void hand_on(RpcConnection *connection, bool more)
{
    size_t needed;
    if (!more && connection->state != CONNECTION_DRAINING)
        more = bytes_needed(connection, &needed) || connection->end - connection->first >= needed;
    if (!more) watch_stall(connection);
    atomic_fetch_add_explicit(&connection->turn, 1, memory_order_release);
    if (more) {
        io_handle_ref(&connection->handle);
        io_loop_post(connection->server->options.loop, &connection->again);
    } else if (io_handle_arm(&connection->handle, EPOLLIN) < 0) {
        connection_close(connection);
    }
}

void connection_hand_on(RpcConnection *connection)
{
    hand_on(connection, false);
}

/* One call after the other: may this thread keep the connection while the method runs? */
static bool expects_more(RpcConnection *connection)
{
    const bool alone = connection->end == connection->first && atomic_load(&connection->running) == 1;

    if (connection->concurrent || !alone || connection->state != CONNECTION_BOUND) {
        connection->streak = 0;
        return false;
    }
    if (connection->streak < STREAK_MAX) connection->streak++;
    return connection->streak >= connection->streak_min;
}

/* Waits for the next request where it will come. True: something came, be it the end. */
static bool linger(RpcConnection *connection, bool *blocked)
{
    size_t got;
    int r = buffer_reserve(connection, PDU_HEADER_SIZE);

    if (r == 0 && !connection->patient) r = io_set_patience(connection->handle.fd, LINGER);
    if (r < 0 || !io_pool_linger_begin()) return false;
    connection->patient = true;
    r = io_read_blocking(connection->handle.fd, connection->buffer->data + connection->end,
                         connection->buffer->capacity - connection->end, &got);
    *blocked = io_pool_linger_end();
    if (r == 0) {
        connection->end += got;
        connection->streak_min = STREAK_MIN;
        return true;
    }
    connection->streak = 0; /* the end shows again when the loop reads */
    if (connection->streak_min < STREAK_MAX) connection->streak_min *= 2;
    return false;
}

/* Runs the call. True: this thread goes on reading. `*blocked`: it counts as blocked beyond the call, so that
 * not every call of a streak has to ask the pool. */
static bool run_call(RpcConnection *connection, ServerCall *call, bool *blocked)
{
    bool stays = expects_more(connection);

    if (!stays) hand_on(connection, false);
    /* Within the call's own, where it costs nothing and cannot be refused. */
    if (stays && !*blocked) *blocked = io_pool_block_begin(false) == 0;
    if (stays) call->kept = &stays;
    server_call_run(call);
    if (!stays) return false;
    if (linger(connection, blocked)) return true;
    hand_on(connection, false);
    return false;
}

static void serve_on(RpcConnection *connection, bool *blocked)
{
    (void)atomic_load_explicit(&connection->turn, memory_order_acquire); /* what the last reader left */
    for (;;) {
        ServerCall *call = NULL;
        bool more = false;
        if (connection_is_closed(connection)) return;
        switch (next_event(connection, &call, &more)) {
        case SERVER_READ:
        case SERVER_DRAIN:
            hand_on(connection, more);
            return;
        case SERVER_CLOSE:
            connection_close(connection);
            return;
        case SERVER_RUN:
            break;
        }
        RpcStatus status = server_call_admit(call);
        if (status == RPCST_OK) {
            if (!run_call(connection, call, blocked)) return;
            continue;
        }
        server_call_refuse(call, status);
        server_call_free(call);
    }
}

static void serve(RpcConnection *connection)
{
    bool blocked = false;

    serve_on(connection, &blocked);
    if (blocked) io_pool_block_end();
}

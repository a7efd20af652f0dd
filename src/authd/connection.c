/* SPDX-License-Identifier: Apache-2.0 */
#include "authd/connection.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include "io/log.h"
#include "io/socket.h"
#include "sec/authority-frame.h"

#define GROUPS_MAX 65536u /* of one account: NGROUPS_MAX */

struct ConnectionList {
    pthread_mutex_t lock;
    List list;
};

typedef struct Connection {
    IoHandle handle;
    List link;
    pthread_mutex_t lock;
    Authd *authd;
    Asker asker;
    gid_t *groups; /* of the asker; owned */
    AuthorityFrameIn in;
    AuthorityFrameOut out;
    int out_fd; /* that `out` passes; owned */
    bool last;  /* closes when `out` is sent */
} Connection;

int connection_list_new(ConnectionList **ret_list)
{
    ConnectionList *list = calloc(1, sizeof(*list));
    if (!list) return -ENOMEM;
    pthread_mutex_init(&list->lock, NULL);
    list_init(&list->list);
    *ret_list = list;
    return 0;
}

ConnectionList *connection_list_free(ConnectionList *list)
{
    if (!list) return NULL;
    pthread_mutex_destroy(&list->lock);
    free(list);
    return NULL;
}

/* Ends a connection; again does nothing. The list has a reference. */
static void connection_close(Connection *connection)
{
    ConnectionList *open = connection->authd->open;
    pthread_mutex_lock(&open->lock);
    bool listed = !list_is_empty(&connection->link);
    list_remove(&connection->link);
    pthread_mutex_unlock(&open->lock);
    if (!listed) return;
    io_handle_remove(&connection->handle);
    io_handle_unref(&connection->handle);
}

void connection_list_close(ConnectionList *open)
{
    while (!list_is_empty(&open->list))
        connection_close(container_of(open->list.next, Connection, link));
}

static void connection_destroy(IoHandle *handle)
{
    Connection *connection = container_of(handle, Connection, handle);
    Authd *authd = connection->authd;
    authority_frame_in_reset(&connection->in);
    authority_frame_out_deinit(&connection->out);
    if (connection->out_fd >= 0) close(connection->out_fd);
    session_leave(connection->asker.session);
    quota_release(&connection->asker.account->connections, 1);
    account_unref(connection->asker.account);
    quota_release(&authd->connections, 1);
    close(handle->fd);
    pthread_mutex_destroy(&connection->lock);
    free(connection->groups);
    free(connection);
}

/* Something to be told of a peer; each account has only so many lines. */
static void log_peer(const Connection *connection, int priority, const char *what, const char *why)
{
    bool last;
    const Asker *asker = &connection->asker;
    if (!account_may_log(asker->account, &last)) return;
    log_line(priority, "pid %d of account %u: %s: %s%s", (int)asker->pid, (unsigned)asker->peer.uid, what,
             why, last ? " (no more of this account for a minute)" : "");
}

/* Sends what is to be sent. False: it is not all sent yet, or the connection has ended. */
static bool connection_write(Connection *connection)
{
    int result = authority_frame_out_write(&connection->out, connection->handle.fd);
    if (result == IO_AGAIN && io_handle_arm(&connection->handle, EPOLLOUT) == 0) return false;
    authority_frame_out_deinit(&connection->out);
    if (connection->out_fd >= 0) close(connection->out_fd);
    connection->out_fd = -1;
    if (result == 0 && !connection->last) return true;
    connection_close(connection);
    return false;
}

/* Answers the request that was read. False: the connection has ended. */
static bool connection_answer(Connection *connection)
{
    AuthorityFrameIn *in = &connection->in;
    RequestReply reply;
    int result = request_answer(&connection->authd->house, &connection->asker, in->data, in->length,
                                in->patience, in->fd, &reply);
    authority_frame_in_reset(in);
    if (result == 0) {
        if (reply.refusal.code) log_peer(connection, LOG_NOTICE, reply.operation, reply.refusal.sentence);
        connection->last = reply.last;
        connection->out_fd = TAKE_FD(reply.fd);
        result = authority_frame_out_set(&connection->out, reply.data, reply.length, 0, connection->out_fd);
        request_reply_deinit(&reply);
    }
    if (result == 0) return true;
    log_peer(connection, LOG_ERR, "a request", strerror(-result));
    connection_close(connection);
    return false;
}

static void connection_refuse_bytes(Connection *connection, int error)
{
    if (error == -EBADMSG)
        log_peer(connection, LOG_NOTICE, "refused",
                 "what it sent is no request: empty, too long, or with more than one descriptor");
    else if (error < 0)
        log_peer(connection, LOG_NOTICE, "refused",
                 error == -EMFILE ? "it passed many descriptors, or there is no room for one"
                                  : strerror(-error));
    connection_close(connection);
}

/* Reads and answers as long as there is something. */
static void connection_run(Connection *connection)
{
    IoHandle *handle = &connection->handle;
    while (!connection->out.data || connection_write(connection)) {
        int result = authority_frame_in_read(&connection->in, handle->fd);
        if (result == IO_AGAIN) {
            if (io_handle_arm(handle, EPOLLIN) != 0) connection_close(connection);
            return;
        }
        if (result != 0) {
            connection_refuse_bytes(connection, result);
            return;
        }
        if (!connection_answer(connection)) return;
    }
}

/* One thread at a time; the lock only says so to who cannot see it in epoll. */
static void connection_ready(IoHandle *handle, uint32_t events)
{
    Connection *connection = container_of(handle, Connection, handle);
    pthread_mutex_lock(&connection->lock);
    connection_run(connection);
    pthread_mutex_unlock(&connection->lock);
}

/* SO_PEERGROUPS: 0, -ENOMEM, -errno. */
static int peer_groups(int fd, PolicyPeer *peer, gid_t **ret_groups)
{
    socklen_t size = 64 * sizeof(gid_t);
    for (;;) {
        gid_t *groups = malloc(size);
        if (!groups) return -ENOMEM;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) == 0) {
            peer->groups = *ret_groups = groups;
            peer->group_count = size / sizeof(gid_t);
            return 0;
        }
        free(groups);
        if (errno != ERANGE || size > GROUPS_MAX * sizeof(gid_t)) return -errno;
    }
}

/* Who asks, as it was when it connected. */
static int asker_init(Authd *authd, int fd, Asker *asker, gid_t **ret_groups)
{
    struct ucred credentials;
    int result = io_socket_credentials(fd, &credentials);
    if (result != 0) return result;
    asker->pid = credentials.pid;
    asker->peer = (PolicyPeer){.uid = credentials.uid, .gid = credentials.gid};
    result = peer_groups(fd, &asker->peer, ret_groups);
    if (result != 0) return result;
    asker->impersonates = policy_list_has(&authd->impersonate, &asker->peer);
    asker->machine = policy_list_has(&authd->machine, &asker->peer);
    return accounts_get(authd->accounts, credentials.uid, &asker->account);
}

static void account_full(Account *account)
{
    bool last;
    if (account_may_log(account, &last))
        log_line(LOG_NOTICE, "account %u: refused: it has %u connections, which is the most it may%s",
                 (unsigned)account->uid, AUTHD_CONNECTIONS_PER_ACCOUNT,
                 last ? " (no more of this account for a minute)" : "");
}

/* Takes `fd` and what `asker` has over, also on failure. */
static int connection_new(Authd *authd, int fd, Asker *asker, gid_t *groups)
{
    Connection *connection = NULL;
    int result = 0;
    if (!quota_charge(&asker->account->connections, 1)) {
        account_full(asker->account);
        result = -EDQUOT;
    } else if (!(connection = calloc(1, sizeof(*connection)))) {
        quota_release(&asker->account->connections, 1);
        result = -ENOMEM;
    }
    if (result != 0) {
        account_unref(asker->account);
        free(groups);
        close(fd);
        quota_release(&authd->connections, 1);
        return result;
    }
    io_handle_init(&connection->handle, fd, connection_ready, connection_destroy);
    pthread_mutex_init(&connection->lock, NULL);
    connection->authd = authd;
    connection->asker = *asker;
    connection->groups = groups;
    connection->out_fd = connection->out.fd = -1;
    authority_frame_in_init(&connection->in, AUTHORITY_REQUEST_MAX);
    list_init(&connection->link);
    io_handle_ref(&connection->handle); /* the list's */
    pthread_mutex_lock(&authd->open->lock);
    list_append(&authd->open->list, &connection->link);
    pthread_mutex_unlock(&authd->open->lock);
    result = io_handle_add(authd->loop, &connection->handle, EPOLLIN);
    if (result != 0) connection_close(connection);
    io_handle_unref(&connection->handle);
    return result;
}

int connection_serve(Authd *authd, int fd)
{
    Asker asker = {0};
    gid_t *groups = NULL;
    int result = quota_charge(&authd->connections, 1) ? 0 : -EDQUOT;
    if (result == 0) {
        result = asker_init(authd, fd, &asker, &groups);
        if (result == 0) return connection_new(authd, fd, &asker, groups);
        quota_release(&authd->connections, 1);
    }
    free(groups);
    close(fd);
    return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who was refused, and why, in lines for a log (RpcServerOptions.log).
 *
 * A line a minute for each pair of who (the principal that authenticated, else the address or local account)
 * and why; what came meanwhile is counted, and told when the minute is over. Memory is constant: when the
 * table of those who authenticated, or that of addresses, is full, further peers share one line a minute for
 * each reason. So a crowd of addresses neither grows the log nor hides a caller's line.
 */
#pragma once
#include <pthread.h>
#include "base/cleanup.h"
#include "io/address.h"
#include "io/loop.h"

#define SERVER_LOG_PEERS   128u /* pairs of each kind that are told apart */
#define SERVER_LOG_REASONS 64u
#define SERVER_LOG_LINE    1024u
#define SERVER_LOG_WHO     256u

typedef struct Token Token;

typedef void (*ServerLogger)(void *context, int priority, const char *sentence);

/* One line of the last minute. */
typedef struct ServerLogEntry {
    uint64_t key;   /* 0: free */
    uint64_t until; /* when the next line may follow */
    uint64_t suppressed;
    const char *why;
    char who[SERVER_LOG_WHO];
} ServerLogEntry;

/* Lines of one kind of peer. */
typedef struct ServerLogTable {
    ServerLogEntry peers[SERVER_LOG_PEERS], others[SERVER_LOG_REASONS];
} ServerLogTable;

typedef struct ServerLog {
    pthread_mutex_t lock;
    pthread_cond_t idle; /* the timer is off */
    IoLoop *loop;
    ServerLogger logger;
    void *context;
    uint64_t period;
    IoTimer timer;
    bool timer_on, ended;
    ServerLogTable tables[2]; /* addresses; principals */
} ServerLog;

/* What was refused. */
typedef struct ServerLogRecord {
    const IoAddress *address;
    bool is_local; /* then the account is what counts */
    uint32_t uid;
    const Token *token; /* who authenticated, or NULL */
    const char *why;    /* static; names the limit where there is one */
    const char *what;   /* the PDU, or NULL */
    const char *answer; /* what was answered, or NULL: nothing */
    const char *detail; /* in words for people, quoted already; NULL */
} ServerLogRecord;

/* 0, -ENOMEM. */
int server_log_new(IoLoop *loop, ServerLogger logger, void *context, unsigned seconds,
                   ServerLog **ret_log) must_use;
/* Tells what has not been told. Not from a thread of the loop. */
ServerLog *server_log_free(ServerLog *log);
/* Any thread; `log` may be NULL. */
void server_log_refused(ServerLog *log, const ServerLogRecord *record);

/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/server-log.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include "base/hash.h"
#include "base/time.h"
#include "sec/failure.h"
#include "sec/token.h"

#define KEY_MAX 512u

/* Names */

/* Where it calls from. The port helps to find the peer, and is no part of who it is. */
static void name_place(const ServerLogRecord *record, bool with_port, char place[IO_ADDRESS_STRING_SIZE])
{
    if (record->is_local)
        (void)snprintf(place, IO_ADDRESS_STRING_SIZE, "local account %" PRIu32, record->uid);
    else if (with_port)
        io_address_format(record->address, place);
    else
        io_address_format_host(record->address, place);
}

/* The principal wherever it calls from, or the address or account. */
static void name_peer(const ServerLogRecord *record, char who[SERVER_LOG_WHO])
{
    char quoted[SEC_QUOTE_SIZE], place[IO_ADDRESS_STRING_SIZE];
    name_place(record, false, place);
    (void)snprintf(who, SERVER_LOG_WHO, "%s",
                   record->token ? sec_quote(token_principal(record->token), quoted) : place);
}

static uint64_t key_of(const ServerLogRecord *record, bool shared)
{
    uint8_t bytes[KEY_MAX];
    size_t length = 0;
    if (!shared && record->token) {
        length = strnlen(token_principal(record->token), KEY_MAX - sizeof(uint64_t));
        memcpy(bytes, token_principal(record->token), length);
    } else if (!shared && record->is_local) {
        length = sizeof(record->uid);
        memcpy(bytes, &record->uid, length);
        bytes[length++] = 'u'; /* five bytes: no address has as many */
    } else if (!shared) {
        length = io_address_key(record->address, bytes);
    }
    const uint64_t why = hash_bytes(record->why, strlen(record->why));
    memcpy(bytes + length, &why, sizeof(why));
    const uint64_t key = hash_bytes(bytes, length + sizeof(why));
    return key ? key : 1;
}

/* The line of a refusal. */
static void write_line(const ServerLogRecord *record, bool shared, char line[SERVER_LOG_LINE])
{
    char quoted[SEC_QUOTE_SIZE], place[IO_ADDRESS_STRING_SIZE];
    name_place(record, true, place);
    const char *who = record->token ? sec_quote(token_principal(record->token), quoted) : "";
    (void)snprintf(line, SERVER_LOG_LINE, "refused %s%s%s: %s%s%s%s%s%s%s%s", place, *who ? " as " : "", who,
                   record->what ? record->what : "", record->what ? ": " : "", record->why,
                   record->detail ? ": " : "", record->detail ? record->detail : "",
                   record->answer ? "; answered " : "", record->answer ? record->answer : "",
                   shared ? " (many are refused for this; no more of them are named)" : "");
}

/* What was counted, in a line of its own. */
static void write_count(ServerLogEntry *entry, char line[SERVER_LOG_LINE])
{
    (void)snprintf(line, SERVER_LOG_LINE, "refused %s %" PRIu64 " more times: %s", entry->who,
                   entry->suppressed, entry->why);
    entry->suppressed = 0;
}

/* The table */

static ServerLogEntry *find(ServerLogEntry *entries, size_t count, uint64_t key, uint64_t now)
{
    ServerLogEntry *free_one = NULL;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].key == key) return &entries[i];
        const bool over = !entries[i].key || (entries[i].until <= now && !entries[i].suppressed);
        if (over && !free_one) free_one = &entries[i];
    }
    if (free_one) *free_one = (ServerLogEntry){.key = key};
    return free_one;
}

/* The next entry whose minute is over and that has something to tell; *ret_next: when to look again. */
static ServerLogEntry *find_due(ServerLog *log, uint64_t now, uint64_t *ret_next)
{
    *ret_next = TIME_NEVER;
    for (size_t table = 0; table < ARRAY_SIZE(log->tables); table++) {
        for (size_t i = 0; i < SERVER_LOG_PEERS + SERVER_LOG_REASONS; i++) {
            ServerLogEntry *entry = i < SERVER_LOG_PEERS ? &log->tables[table].peers[i]
                                                         : &log->tables[table].others[i - SERVER_LOG_PEERS];
            if (!entry->key || !entry->suppressed) continue;
            if (entry->until <= now) return entry;
            if (entry->until < *ret_next) *ret_next = entry->until;
        }
    }
    return NULL;
}

/* Tells what is due at `now`. With the lock, which is not held while a line is written. */
static uint64_t tell(ServerLog *log, uint64_t now)
{
    char line[SERVER_LOG_LINE];
    uint64_t next;
    for (ServerLogEntry *entry = find_due(log, now, &next); entry; entry = find_due(log, now, &next)) {
        write_count(entry, line);
        entry->until = time_after(log->period); /* that was this minute's line */
        pthread_mutex_unlock(&log->lock);
        log->logger(log->context, LOG_NOTICE, line);
        pthread_mutex_lock(&log->lock);
    }
    return next;
}

/* With the lock. Without memory for a timer the count is told with the next refusal. */
static void start_timer(ServerLog *log, uint64_t next)
{
    if (next == TIME_NEVER || log->timer_on || log->ended) return;
    log->timer_on = io_timer_start(log->loop, &log->timer, next) >= 0;
}

static void timer_fire(IoTimer *timer, bool cancelled)
{
    ServerLog *log = container_of(timer, ServerLog, timer);
    pthread_mutex_lock(&log->lock);
    const uint64_t next = cancelled ? TIME_NEVER : tell(log, time_monotonic());
    log->timer_on = false;
    start_timer(log, next);
    if (!log->timer_on) pthread_cond_broadcast(&log->idle);
    pthread_mutex_unlock(&log->lock);
}

void server_log_refused(ServerLog *log, const ServerLogRecord *record)
{
    char line[SERVER_LOG_LINE];
    if (!log) return;
    ServerLogTable *table = &log->tables[record->token != NULL];
    pthread_mutex_lock(&log->lock);
    const uint64_t now = time_monotonic();
    bool shared = false;
    ServerLogEntry *entry = find(table->peers, SERVER_LOG_PEERS, key_of(record, false), now);
    if (!entry) {
        shared = true;
        entry = find(table->others, SERVER_LOG_REASONS, key_of(record, true), now);
    }
    if (!entry) entry = &table->others[0]; /* there are not as many reasons */
    if (entry->until > now) {
        if (entry->suppressed++ == 0) start_timer(log, entry->until);
        pthread_mutex_unlock(&log->lock);
        return;
    }
    if (entry->suppressed) {
        entry->suppressed++;
        write_count(entry, line);
    } else {
        write_line(record, shared, line);
    }
    entry->until = now + log->period;
    entry->why = record->why;
    if (shared)
        (void)snprintf(entry->who, sizeof(entry->who), "%s",
                       record->token ? "other callers" : "other addresses");
    else
        name_peer(record, entry->who);
    pthread_mutex_unlock(&log->lock);
    log->logger(log->context, LOG_NOTICE, line);
}

/* Life */

int server_log_new(IoLoop *loop, ServerLogger logger, void *context, unsigned seconds, ServerLog **ret_log)
{
    ServerLog *log = calloc(1, sizeof(*log));
    if (!log) return -ENOMEM;
    pthread_mutex_init(&log->lock, NULL);
    pthread_cond_init(&log->idle, NULL);
    io_timer_init(&log->timer, timer_fire);
    log->loop = loop;
    log->logger = logger;
    log->context = context;
    log->period = seconds * NS_PER_SECOND;
    *ret_log = log;
    return 0;
}

ServerLog *server_log_free(ServerLog *log)
{
    if (!log) return NULL;
    pthread_mutex_lock(&log->lock);
    log->ended = true;
    if (log->timer_on && io_timer_stop(log->loop, &log->timer)) log->timer_on = false;
    while (log->timer_on) /* it is firing */
        pthread_cond_wait(&log->idle, &log->lock);
    (void)tell(log, TIME_NEVER - 1);
    pthread_mutex_unlock(&log->lock);
    pthread_cond_destroy(&log->idle);
    pthread_mutex_destroy(&log->lock);
    free(log);
    return NULL;
}

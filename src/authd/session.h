/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session is one client process: all connections that named the same random number under the same account.
 * Half-open conversations belong to the session that began them, so that no other process can finish or
 * abandon them, whatever numbers it guesses; they end with its last connection. Thread-safe.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "authd/account.h"
#include "sec/authority.h"

typedef struct Sessions Sessions;
typedef struct Session Session;

/* `authority` is where conversations are half-open, and told to abandon them. */
int sessions_new(Authority *authority, Sessions **ret_sessions) must_use;
/* No session may be left. */
Sessions *sessions_free(Sessions *sessions);
DEFINE_CLEANUP(Sessions, sessions_free)

/* One more connection of the session, which is made when there is none. 0, -ENOMEM. */
int session_join(Sessions *sessions, Account *account, const uint8_t number[AUTHORITY_SESSION_SIZE],
                 Session **ret_session) must_use;
/* One less; with the last the session ends and all its conversations are abandoned. */
Session *session_leave(Session *session);

/* A conversation that began (or goes on, after a restart); the account's oldest makes room for it. 0;
 * -ENOMEM: it was abandoned. `service`: RPC_C_AUTHN_* of its mechanism. */
int session_put_conversation(Session *session, uint64_t id, uint8_t service) must_use;
/* Takes it out of the table: true when it was this session's. */
bool session_take_conversation(Session *session, uint64_t id, uint8_t *ret_service);

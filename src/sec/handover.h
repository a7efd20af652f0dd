/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token on its way to another process of this machine. The authority (mantle-authd) holds it; a descriptor
 * stands for it, and passing the descriptor (SCM_RIGHTS) is passing the identity. What it is worth to the
 * process that receives it the authority says, nobody else (design decision 5, SRV-11).
 */
#pragma once
#include <sys/types.h>
#include "sec/authority.h"
#include "sec/token.h"

typedef struct Handover Handover;

/* Environment of a process that was started to act as somebody: the number of the descriptor that is its
 * identity. */
#define HANDOVER_PROCESS_VARIABLE "MANTLE_PROCESS_TOKEN"

/* The account of the process that is to get it, as the kernel tells it: nobody else can use the descriptor,
 * so that who receives it cannot pass it on and be somebody else towards a third process (SRV-11). */
#define HANDOVER_ANYBODY ((uid_t)-1)

/* Makes a descriptor that is worth `token` at `level` at most, never more than the token itself. 0, -ENOMEM,
 * -EPERM (level above the token's), -EOPNOTSUPP: no authority in another process holds this token
 * (token_held()); it cannot be passed, and nothing else may be passed instead. */
int handover_new_send(Token *token, TokenLevel level, uid_t recipient, uint64_t deadline,
                      Handover **ret_handover) must_use;
/* Asks what a descriptor that was received is worth to this process. Takes it over, also on failure. 0,
 * -ENOMEM, -EOPNOTSUPP (a linked authority). */
int handover_new_receive(Authority *authority, int fd, uint64_t deadline, Handover **ret_handover) must_use;
/* 0, SEC_WAIT, SEC_FAILED (a forged or stale descriptor, a limit), -errno. */
int handover_step(Handover *handover, IoWait *ret_wait) must_use;
/* After 0 of a send: CLOEXEC, the caller's. */
int handover_take_fd(Handover *handover);
/* After 0 of a receive: an impersonation token, a new reference. */
Token *handover_take_token(Handover *handover);
const SecFailure *handover_failure(const Handover *handover);
Handover *handover_free(Handover *handover);
DEFINE_CLEANUP(Handover, handover_free)

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls within this machine: who this process is to the kernel, which references are of this machine, and the
 * socket that this process itself listens on.
 *
 * What is of this machine says its own mantled, asked over its UNIX socket: a name in a reference is
 * anybody's word.
 */
#pragma once
#include "orpc/binding.h"
#include "rpc/server.h"
#include "sec/token.h"
#include "wtypes.h"

/* mantled's runtime folder where calls within this machine are configured and this process has not switched
 * security off; else NULL. Borrowed. */
const char *local_folder(void);
/* This process as the kernel knows it: a primary token, borrowed for the process's life. */
HRESULT local_self(Token **ret_token) must_use;
/* The same if it is there already, else NULL. */
Token *local_self_peek(void);
/* Is the token this process's own identity: the one it logged on as, or the kernel's? */
bool local_is_self(const Token *token);

/* This process's account as mantle-authd knows it, so that whom it calls may act as it: a new reference; NULL
 * where no authority in another process is configured. One that cannot be asked is a failure, with a
 * sentence: without it a call would be worth less than was asked for. */
HRESULT local_account(Token **ret_token) must_use;
/* It turned out not to be known there any more (mantle-authd was restarted): the next one is asked for anew.
 */
void local_account_forget(void);

/* Where this machine's own mantled is to be asked: local_folder() if it names exactly these bindings as its
 * own, or this name or address among them; else NULL. Asks it, for a short time. */
const char *local_resolver_of(const Bindings *resolver);
const char *local_resolver_named(const char *host);

/* The account of mantled, who alone can have made its socket there. False: there is none. */
bool local_resolver_owner(const char *folder, uid_t *ret_owner);

/* Listens for the exporter with this OXID. False: calls do not come that way; no mistake where they are not
 * configured or mantled is not there yet. */
bool local_listen(RpcServer *server, uint64_t oxid);
/* Once more, where the socket has gone since (with an earlier mantled): does this process listen? */
bool local_listen_again(void);
/* Takes the socket away. */
void local_listen_end(void);

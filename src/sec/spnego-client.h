/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's half of Negotiate: offers mechanisms, takes the server's choice among them, and demands proof
 * that the server saw this very list where the choice was not the first of it. Pure; sec/initiator.c brings
 * the mechanism.
 */
#pragma once
#include "base/cleanup.h"
#include "base/writer.h"
#include "sec/context.h"
#include "sec/failure.h"
#include "sec/spnego.h"

typedef struct SpnegoClient SpnegoClient;

/* What the server's token asks for. */
typedef enum SpnegoClientNext {
    SPNEGO_NEXT_LEG,    /* `leg` is for the mechanism; then client_answer() */
    SPNEGO_NEXT_SWITCH, /* the server takes another mechanism: service() has changed, its first leg is to be
                           made; then client_first() */
    SPNEGO_NEXT_SEND,   /* `writer` has what is to be sent */
    SPNEGO_NEXT_DONE,   /* nothing: the context stands */
} SpnegoClientNext;

/* The list: Kerberos, NTLM or both, in this order. 0, -ENOMEM, -EINVAL (neither). */
int spnego_client_new(bool kerberos, bool ntlm, SpnegoClient **ret_client) must_use;
SpnegoClient *spnego_client_free(SpnegoClient *client);
DEFINE_CLEANUP(SpnegoClient, spnego_client_free)
/* RPC_C_AUTHN_* of the mechanism whose legs are wanted. */
uint8_t spnego_client_service(const SpnegoClient *client);

/* The mechanism's first leg (again, after a restart). */
void spnego_client_first(SpnegoClient *client, SpnegoBytes leg, Writer *writer);
/* Takes the server's token. `context` is the mechanism's once it is finished, else NULL. 0, SEC_FAILED,
 * -errno. */
int spnego_client_input(SpnegoClient *client, const uint8_t *token, size_t length, SecContext *context,
                        SpnegoClientNext *ret_next, SpnegoBytes *ret_leg, Writer *writer,
                        SecFailure *failure) must_use;
/* The mechanism's last leg; its context is finished. 0, -errno. */
int spnego_client_answer(SpnegoClient *client, SpnegoBytes leg, SecContext *context, Writer *writer) must_use;
/* The mechanism starts anew on another connection (a corrected clock): with the same list. */
void spnego_client_restart(SpnegoClient *client);

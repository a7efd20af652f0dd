/* SPDX-License-Identifier: Apache-2.0 */
/* What the client and the sample servers of `mantle whoami` share: the plan of a chain, its report, one hop's
 * call. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <objbase.h>
#include <whoami.h>
#include <mantle_lab.h>
#include "chain-text.h"

#define CHAIN_HOSTS_MAX 16
#define CHAIN_HOST_MAX  255

/* A word of the command line and the plan, and the value behind it. */
typedef struct ChainWord {
    const char *word;
    DWORD value;
} ChainWord;

/* Lists end with a NULL word. */
extern const ChainWord CHAIN_IMPERSONATION[], CHAIN_CLOAKING[], CHAIN_AUTHN[], CHAIN_SERVICE[];
bool chain_word_value(const ChainWord *words, const char *word, DWORD *ret_value);
/* NULL for a value that has no word. */
const char *chain_word_of(const ChainWord *words, DWORD value);

typedef struct ChainPlan {
    char hosts[CHAIN_HOSTS_MAX][CHAIN_HOST_MAX + 1];
    unsigned n_hosts;
    DWORD impersonation; /* RPC_C_IMP_LEVEL_* that the client grants the first host */
    DWORD authn;         /* RPC_C_AUTHN_LEVEL_* of every blanket that is set */
    DWORD service;       /* and its RPC_C_AUTHN_* */
    DWORD cloaking;      /* MANTLE_LAB_CLOAKING_* of the middle hosts */
    bool by_process;     /* by CoInitializeSecurity instead of the blanket */
    bool warm_up;        /* a middle host calls once as itself, before it impersonates */
} ChainPlan;

/* The plan as JSON, by CoTaskMemAlloc; NULL without memory. */
LPWSTR chain_plan_write(const ChainPlan *plan);
/* Reads what a caller sent: false for anything but a whole plan within its limits. */
bool chain_plan_read(LPCWSTR text, ChainPlan *ret_plan);

/* What an answering hop says of its caller. */
typedef struct ChainHop {
    const char *host;
    char *identity, *sid; /* owned */
    DWORD authn_service, authn_level;
    char mechanism[TOKEN_SOURCE_LENGTH + 1]; /* that proved it */
    SECURITY_IMPERSONATION_LEVEL level;
} ChainHop;

json_t *chain_hop_json(const ChainHop *hop);
/* The element of a hop that was refused: `reason` is the sentence of this thread's error object, which it
 * takes. */
json_t *chain_refusal_json(const char *host, HRESULT hr);

/* A proxy to the sample server of hop `index`, its blanket set unless `impersonation` is
 * RPC_C_IMP_LEVEL_DEFAULT. */
typedef struct ChainTarget {
    unsigned index;
    DWORD process_cloaking; /* which of the host's three servers */
    DWORD impersonation;
    DWORD cloaking; /* of the activation and the blanket */
} ChainTarget;
HRESULT chain_open(const ChainPlan *plan, const ChainTarget *target, IMantleWhoami **ret_proxy);
/* Calls it and appends the hops it reports to `report`. */
HRESULT chain_call(const ChainPlan *plan, unsigned index, IMantleWhoami *proxy, json_t *report);

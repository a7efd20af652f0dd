/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of an honest client in a conversation that a fuzzer made up: what nobody can guess. Requests in
 * security contexts whose last leg (test-provider.h) lies before them are sealed; their tokens in the input,
 * zeroes or not, are put over the seals by exclusive or, so that an input may damage them.
 */
#pragma once
#include "rpc/test-provider.h"

#define HONEST_CONTEXTS 16u

typedef struct HonestContext {
    uint32_t id;
    SecContext *context;
} HonestContext;

typedef struct Honest {
    HonestContext contexts[HONEST_CONTEXTS];
    size_t count;
    bool signs, answers_sign; /* headers, what is sent and what comes back */
    unsigned sealed;          /* and not damaged */
    Writer said;              /* the stubs of those, one behind the other */
} Honest;

void honest_init(Honest *honest);
void honest_deinit(Honest *honest);
/* Seals in place what is in the conversation. */
void honest_seal(Honest *honest, uint8_t *data, size_t size);
/* Was this said, and sealed? */
bool honest_said(const Honest *honest, const uint8_t *stub, size_t length);
/* Opens what the server answered: each answer in a context verifies. */
void honest_check(Honest *honest, uint8_t *answers, size_t size);

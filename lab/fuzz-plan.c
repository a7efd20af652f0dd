/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as the plan that a sample server gets from its caller: what is taken is whole, within its limits,
 * and reads the same after it was written again.
 * Decoder: lab/chain-plan.c chain_word_.*|read_hosts|chain_plan_read
 * Decoder: lab/chain-text.c put_utf8|chain_text_utf8
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes become characters; from 0xf0 a byte and the next two are one of 16 bits. */
static WCHAR *wide_of(const uint8_t *data, size_t size)
{
    size_t length = 0;
    WCHAR *text = calloc(size + 1, sizeof(*text));
    for (size_t i = 0; text && i < size; i++) {
        if (data[i] >= 0xf0 && i + 2 < size) {
            text[length++] = (WCHAR)(data[i + 1] | data[i + 2] << 8);
            i += 2;
        } else
            text[length++] = data[i];
    }
    return text;
}

static void check(const ChainPlan *plan)
{
    ChainPlan again;
    assert(plan->n_hosts >= 1 && plan->n_hosts <= CHAIN_HOSTS_MAX);
    for (unsigned i = 0; i < plan->n_hosts; i++)
        assert(strlen(plan->hosts[i]) <= CHAIN_HOST_MAX);
    LPWSTR text = chain_plan_write(plan);
    /* Escapes make it longer than it came: up to twelve characters for a host's four bytes. */
    if (text && chain_plan_read(text, &again)) {
        assert(again.n_hosts == plan->n_hosts && again.impersonation == plan->impersonation);
        assert(again.service == plan->service);
        assert(again.authn == plan->authn && again.cloaking == plan->cloaking);
        assert(again.by_process == plan->by_process && again.warm_up == plan->warm_up);
        for (unsigned i = 0; i < plan->n_hosts; i++)
            assert(strcmp(again.hosts[i], plan->hosts[i]) == 0);
    }
    CoTaskMemFree(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ChainPlan plan;
    WCHAR *text = wide_of(data, size);
    if (!text) return 0;
    char *utf8 = chain_text_utf8(text);
    if (chain_plan_read(text, &plan)) check(&plan);
    free(utf8);
    free(text);
    return 0;
}

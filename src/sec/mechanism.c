/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/mechanism.h"
#include "base/cleanup.h"

static const SecMechanism *const mechanisms[] = {&kerberos_mechanism, &ntlm_mechanism};

const SecMechanism *sec_mechanism(uint8_t service)
{
    for (size_t i = 0; i < ARRAY_SIZE(mechanisms); i++)
        if (mechanisms[i]->service == service) return mechanisms[i];
    return NULL;
}

int sec_mechanism_context(uint8_t service, bool initiator, const AuthorityAnswer *answer,
                          SecContext **ret_context)
{
    SecContextSpec spec = {.service = service,
                           .initiator = initiator,
                           .enctype = answer->enctype,
                           .flags = answer->context_flags,
                           .key = answer->key.data,
                           .key_length = answer->key.length,
                           .send_sequence = answer->send_sequence,
                           .receive_sequence = answer->receive_sequence,
                           .expires = answer->session_expires,
                           .server = initiator ? NULL : answer->server};
    return sec_context_new(&spec, ret_context);
}

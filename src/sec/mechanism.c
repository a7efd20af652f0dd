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

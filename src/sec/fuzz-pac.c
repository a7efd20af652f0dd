/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as PAC_LOGON_INFO.
 * Decoder: src/sec/pac.c
 */
#include <assert.h>
#include "sec/pac.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(freep) PacLogon *logon = NULL;
    char text[SID_STRING_SIZE];

    if (pac_logon_parse(data, size, &logon) != 0) {
        assert(!logon);
        return 0;
    }
    assert(logon->group_count >= 1 && logon->group_count <= PAC_GROUPS_MAX + 1);
    for (size_t i = 0; i < logon->group_count; i++)
        sid_format(&logon->groups[i], text);
    assert(logon->user.count == logon->domain.count + 1);
    return 0;
}

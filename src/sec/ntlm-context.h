/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "sec/context.h"

/* A context of the exported session key and AUTHENTICATE's flags. 0, -ENOMEM, -EINVAL (key length),
 * -EOPNOTSUPP (flags of a weaker session), -EIO. */
int ntlm_context_new(const SecContextSpec *spec, SecContext **ret_context) must_use;

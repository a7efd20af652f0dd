/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A security provider without a KDC, for tests and fuzzing: leg 1 "one PRINCIPAL" is answered by "two", leg 3
 * is "three". The context of a PRINCIPAL that begins with "brief" lasts for three seconds. "skew" is refused
 * with the token "KRB-ERROR", anything else without one; a PRINCIPAL that begins with "incapable" after leg
 * 3, as one that did not ask for what its level needs.
 */
#pragma once
#include "rpc/server-private.h"

#define TEST_AUTH_TYPE 16

extern const ServerProvider test_provider;
/* Both ends of a context start with the same key and matching numbers. NULL: no memory. */
SecContext *test_context_new(bool initiator);

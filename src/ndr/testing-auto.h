/* SPDX-License-Identifier: Apache-2.0 */
/* The objects and the callers of IAuto and IAutoDual (tests/idl/auto.idl): every type of Automation, touched
 * to its last byte on both sides. */
#pragma once
#define COBJMACROS
#include "ndr/testing-attack.h"
#include "auto.h"

extern IAuto auto_object;
extern IAutoDual auto_dual_object;

extern const TestCaller auto_callers[];
extern const size_t auto_callers_count;

/* Set where the peer's HRESULT may be any: then a refused call cannot be told from a method that failed. */
extern bool auto_peer_may_refuse;

/* Reads all that a value says it has; what it points to, too. */
void auto_touch(const VARIANT *value);
void auto_touch_array(SAFEARRAY *array);

/* What Change does with its argument. */
enum { AUTO_KEEP, AUTO_TO_TEXT, AUTO_TO_ARRAY, AUTO_TO_EMPTY, AUTO_TO_REFERENCE, AUTO_MODES };
/* Members of IAutoDual, by name and number. */
enum { AUTO_SUM = 1, AUTO_SWAP = 2, AUTO_FAIL = 3 };

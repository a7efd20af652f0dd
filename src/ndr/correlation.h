/* SPDX-License-Identifier: Apache-2.0 */
/* size_is, length_is, switch_is and iid_is: values of one argument that describe another. */
#pragma once
#include "ndr/call.h"

/* The value now. `array` is the array or union that it describes; NULL where the operand is an argument.
 * Raises when the operand lies behind a NULL pointer. */
uint64_t ndr_correlation(NdrCall *call, const uint8_t *correlation, uint8_t *array);
/* As a count of elements: raises RPC_S_INVALID_BOUND above 2^31 - 1, so also for a negative one. */
uint32_t ndr_correlation_count(NdrCall *call, const uint8_t *correlation, uint8_t *array);
/* GET: what the wire says must be what the operand says, now or, where the operand is an argument, at the
 * end. */
void ndr_correlation_expect(NdrCall *call, const uint8_t *correlation, uint8_t *array, uint64_t value,
                            uint64_t mask);

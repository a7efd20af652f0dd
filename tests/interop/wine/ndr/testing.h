/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for src/ndr/testing.h where src/ndr/testing-hard-*.c become a Windows program. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>
#include <ole2.h>
#include <rpcproxy.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

IUnknown *test_object_new(const IID *iid, const void *data, size_t length);
const uint8_t *test_object_data(void *object, size_t *ret_length);
const IID *test_object_iid(void *object);
void test_touch(const void *data, size_t length);

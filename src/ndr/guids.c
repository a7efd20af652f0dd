/* SPDX-License-Identifier: Apache-2.0 */
/* The identifiers that every generated file refers to. */
#include <unknwn.h>

const GUID GUID_NULL = {0};
const IID IID_IUnknown = {0x00000000, 0x0000, 0x0000, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};
const IID IID_IClassFactory = {0x00000001, 0x0000, 0x0000, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};

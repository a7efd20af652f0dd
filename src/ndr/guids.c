/* SPDX-License-Identifier: Apache-2.0 */
/* The identifiers that every generated file refers to. */
#include <oaidl.h>

const GUID GUID_NULL = {0};
const IID IID_IUnknown = {0x00000000, 0x0000, 0x0000, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};
const IID IID_IClassFactory = {0x00000001, 0x0000, 0x0000, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};
const IID IID_IDispatch = {0x00020400, 0x0000, 0x0000, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};
const IID IID_ITypeInfo = {0x00020401, 0x0000, 0x0000, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};

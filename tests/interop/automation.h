/* SPDX-License-Identifier: Apache-2.0 */
/* What automation-server serves. */
#pragma once
#include <objbase.h>
#include <oleauto.h>

static const CLSID automation_class = {
    0x6d0c1b52, 0x77a3, 0x4f5e, {0xb1, 0x0e, 0x4d, 0x61, 0x6e, 0x74, 0x6c, 0x65}};

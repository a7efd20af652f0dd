/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lab's sample servers. Each host of a lab (mantle-lab(1)) runs three processes, alike but for the
 * cloaking that they gave CoInitializeSecurity; each serves one class, whose objects have the interface
 * IMantleWhoami. Nothing outside a lab serves them. The interface stands in whoami.idl, in the folder that
 * `pkg-config --variable=idldir mantle` names; mantle-idl makes whoami.h of it.
 */
#pragma once
#include "guiddef.h"

/* {4D616E74-6C65-0000-9B1E-57686F416D4x}: the last digit is the process-wide cloaking. */
#define MANTLE_LAB_CLSID(cloaking)                                                                           \
    ((CLSID){0x4D616E74, 0x6C65, 0x0000, {0x9B, 0x1E, 0x57, 0x68, 0x6F, 0x41, 0x6D, 0x40 + (cloaking)}})
#define MANTLE_LAB_CLOAKING_NONE    0
#define MANTLE_LAB_CLOAKING_STATIC  1
#define MANTLE_LAB_CLOAKING_DYNAMIC 2
#define MANTLE_LAB_CLOAKING_COUNT   3

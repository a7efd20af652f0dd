/* SPDX-License-Identifier: Apache-2.0 */
/* Included once in a program, before the headers whose DEFINE_GUID it makes definitions of. */
#ifndef INITGUID
#define INITGUID
#endif
#include "guiddef.h"

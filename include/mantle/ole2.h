/* SPDX-License-Identifier: Apache-2.0 */
/* The name under which older code asks for COM. */
#pragma once
#include "objbase.h"
#include "oleauto.h"
#include "rpcndr.h"

/* SPDX-License-Identifier: Apache-2.0 */
/* COM: the one header a program includes. */
#pragma once
#include "windows.h"
#include "wtypes.h"
#include "unknwn.h"
#include "combaseapi.h"

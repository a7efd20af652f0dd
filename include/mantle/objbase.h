/* SPDX-License-Identifier: Apache-2.0 */
/* COM: the one header a program includes. */
#pragma once
#include "windows.h"
#include "wtypes.h"
#include "unknwn.h"
#include "objidl.h"
#include "oaidl.h"
#include "combaseapi.h"
#include "oleauto.h"

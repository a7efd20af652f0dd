/* SPDX-License-Identifier: Apache-2.0 */
/* The name under which IDL and older code ask for objidlbase.h. */
#pragma once
#include "objidlbase.h"

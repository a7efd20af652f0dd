/* SPDX-License-Identifier: Apache-2.0 */
/* The program's logger (mantle_log.h), as a callback of the layers below. */
#pragma once

/* Any thread. Without a logger nothing happens. */
void com_log(void *context, int priority, const char *sentence);

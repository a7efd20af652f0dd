/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of the `mantle` tool. */
#pragma once

/* Each takes its own name as argv[0] and returns an exit status. */
int command_lab(int argc, char **argv);

/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of the `mantle` tool are made of. */
#pragma once

/* Becomes the program `name` of the lab, which lies beside this program (lab/) or where it was installed.
 * Returns only when there is none: an exit status, after having said so. */
int cli_run_lab_program(const char *name, char **argv);

/* Verbs of the tool itself: arguments as main() has them, from the verb on. An exit status. */
int command_endpoints(int argc, char **argv);

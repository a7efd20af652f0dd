/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of the `mantle` tool are made of. */
#pragma once
#include <wtypes.h>

/* Becomes the program `name` of the lab, which lies beside this program (lab/) or where it was installed.
 * Returns only when there is none: an exit status, after having said so. */
int cli_run_lab_program(const char *name, char **argv);

/* Another's text must not write to the terminal but itself: every other byte becomes '?'. */
void cli_make_printable(char *text);
/* Prints "mantle VERB: " and the sentence of the thread's error object on standard error, its code where
 * there is none. */
void cli_print_error(const char *verb, HRESULT code);

/* Verbs of the tool itself: arguments as main() has them, from the verb on. An exit status. */
int command_config(int argc, char **argv);
int command_endpoints(int argc, char **argv);

/* SPDX-License-Identifier: Apache-2.0 */
/* The hosts: configuration, mantled and the sample servers of each. */
#include "lab.h"

int lab_hosts_configure(Lab *lab)
{
    (void)lab;
    return 0;
}

int lab_hosts_start(Lab *lab)
{
    (void)lab;
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private network namespace sluice-NAME: where the ports are, where diverted packets meet the
 * kernel's TCP. It stands in /run/netns, so `ip netns exec sluice-NAME …` looks into it, and it
 * outlives the daemon together with the filters on its ports: the wire is not cut. Parent only.
 */
#pragma once

#include "lib/base/attr.h"

enum { NETNS_PATH_MAX = 128 };

/*
 * Leaves a private mount namespace (`ip netns exec` and some service managers make one) for that of
 * process 1: what is mounted or pinned in a private one would end with the daemon, and the wire
 * with it. 0 when nothing was to be done; SL_ESYS with errno.
 */
int netns_join_host_mounts(void) SL_MUST;

/* Opens sluice-NAME, making it when it is missing. A descriptor of it, or SL_ESYS with errno. */
int netns_open(const char *instance, int *ret_fd) SL_NONNULL(1, 2) SL_MUST;

/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of `link`: what its files share. */
#pragma once

#include "tpsd/link/link.h"

enum { REMOTE_ID_LEN = 32 };

struct proc;
struct store;

struct link {
	struct proc *proc;
	struct store *store;
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Beginning a thread beside the one that runs a process's loop. Any thread. */
#pragma once

#include <pthread.h>

#include "lib/base/attr.h"

/*
 * Signals of the process stay with the threads that there were: the new one is born with all of
 * them blocked. SL_ESYS with errno; nothing runs and `ret_thread` is not set then. Whoever began it
 * joins it.
 */
int thread_begin(void *(*run)(void *), void *arg, pthread_t *ret_thread) SL_NONNULL(1, 3) SL_MUST;

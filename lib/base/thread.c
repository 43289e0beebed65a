/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/thread.h"

#include <errno.h>
#include <signal.h>

#include "lib/base/err.h"

/* Blocked by the parent: a thread that did so itself would have a moment without. */
int thread_begin(void *(*run)(void *), void *arg, pthread_t *ret_thread)
{
	sigset_t all, old;
	int error;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(ret_thread, NULL, run, arg);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = error;
	return error == 0 ? 0 : SL_ESYS;
}
